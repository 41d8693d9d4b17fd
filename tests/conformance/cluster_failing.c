/*
 * The cluster's suite on the failing backend, which does not fail.
 */
#include "driver.h"
#include "places.h"

int main(int argc, char **argv)
{
    struct memory_place place = {0};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_cluster_factory factory = failing_cluster_factory(&place);

    return driver_end(cc_conformance_cluster(&factory, &options));
}
