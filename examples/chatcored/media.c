/*
 * Opening the folder of media.
 */
#include "media.h"

#include <chatcore/error.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int media_open(const struct settings *settings, const struct cc_trace *trace,
               struct cc_media *ret_media, struct cc_media_server *ret_server)
{
    struct cc_media_folder_options options = CC_MEDIA_FOLDER_OPTIONS_INIT;
    char *path;
    int r;

    if (!settings->data || settings->media_off)
        return 0;
    if (mkdir(settings->data, 0700) && errno != EEXIST)
        return CC_EIO;
    if (asprintf(&path, "%s/media", settings->data) < 0)
        return CC_ENOMEM;
    options.trace = *trace;
    options.path = path;
    options.url = settings->public_url;
    options.cdn = settings->media_cdn;
    options.image_program = settings->image_program;
    options.no_sync = settings->no_sync;
    r = cc_media_folder_open(&options, ret_media, ret_server);
    free(path);
    return r;
}
