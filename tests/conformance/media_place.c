/*
 * Where the media suite's backends stand: a folder, and a failing port around it.
 */
#include "places.h"

#include "chatcore/backend/media_folder.h"

static void media_destroy(void *context)
{
    struct media_place *place = context;

    object_client_end(&place->client);
    folder_place_destroy(&place->place);
}

static int media_make(void *context)
{
    struct media_place *place = context;

    object_client_end(&place->client);
    return folder_place_make(&place->place);
}

static int media_open(void *context, struct cc_media *ret_media)
{
    struct media_place *place = context;
    struct cc_media_folder_options options = CC_MEDIA_FOLDER_OPTIONS_INIT;

    options.path = place->place.folder.path;
    options.no_sync = true;
    return cc_media_folder_open(&options, ret_media, &place->client.server);
}

static int media_request(void *context, struct cc_media_client_request *request)
{
    struct media_place *place = context;

    return object_client_do(&place->client, request);
}

struct cc_media_factory media_folder_factory(struct media_place *place)
{
    struct cc_media_factory factory = {sizeof factory, place,         media_make,
                                       media_open,     media_request, media_destroy};

    return factory;
}

static int failing_open_media(void *context, struct cc_media *ret_media)
{
    struct cc_failing_options options = never_failing();
    struct cc_media port;
    int r = media_open(context, &port);

    return r ? r : cc_failing_media_open(NULL, &options, port, ret_media);
}

struct cc_media_factory failing_media_factory(struct media_place *place)
{
    struct cc_media_factory factory = media_folder_factory(place);

    factory.open = failing_open_media;
    return factory;
}
