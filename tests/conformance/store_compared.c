/*
 * Random programs on the memory and the LMDB store: seeds 1 to 10, or from the first argument
 * on as many as the second says.
 */
#include "driver.h"
#include "places.h"

#include <stdlib.h>

#define STEPS 800

int main(int argc, char **argv)
{
    struct memory_place memory = {0};
    struct folder_place lmdb = {.is_made = false};
    struct cc_store_factory a = memory_store_factory(&memory);
    struct cc_store_factory b = lmdb_store_factory(&lmdb);
    struct cc_conformance_options options = driver_options(1, argv);
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : 10;
    int failed = 0;

    for (uint64_t seed = first; seed < first + count && failed >= 0; seed++) {
        int r = cc_conformance_compare_stores(&a, &b, seed, STEPS, &options);

        failed = r < 0 ? r : failed + r;
    }
    return driver_end(failed);
}
