/*
 * The search index's suite on the failing backend that never fails.
 */
#include "driver.h"
#include "places.h"

int main(int argc, char **argv)
{
    struct folder_place place = {.is_made = false};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_search_factory factory = failing_search_factory(&place);

    return driver_end(cc_conformance_search(&factory, &options));
}
