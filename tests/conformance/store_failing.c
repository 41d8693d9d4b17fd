/*
 * The store's suite on the failing backend, told to fail nothing.
 */
#include "driver.h"
#include "places.h"

int main(int argc, char **argv)
{
    struct memory_place place = {.world = NULL};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_store_factory factory = failing_store_factory(&place);

    return driver_end(cc_conformance_store(&factory, &options));
}
