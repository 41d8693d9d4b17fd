/*
 * The directory's suite on the LMDB backend.
 */
#include "driver.h"
#include "places.h"

int main(int argc, char **argv)
{
    struct folder_place place = {.is_made = false};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_directory_factory factory = lmdb_directory_factory(&place);

    return driver_end(cc_conformance_directory(&factory, &options));
}
