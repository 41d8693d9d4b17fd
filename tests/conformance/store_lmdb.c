/*
 * The store's suite on the LMDB backend.
 */
#include "driver.h"
#include "places.h"

int main(int argc, char **argv)
{
    struct folder_place place = {.is_made = false};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_store_factory factory = lmdb_store_factory(&place);

    return driver_end(cc_conformance_store(&factory, &options));
}
