/*
 * The media suite in a folder.
 */
#include "driver.h"
#include "places.h"

int main(int argc, char **argv)
{
    struct media_place place = {.place = {.is_made = false}};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_media_factory factory = media_folder_factory(&place);

    return driver_end(cc_conformance_media(&factory, &options));
}
