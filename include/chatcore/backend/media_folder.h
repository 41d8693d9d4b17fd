/*
 * Media in a folder of this machine, served by the gateway.
 *
 *   key                 32 random bytes, readable by the owner alone: what URLs are signed with
 *   tmp/                uploads under way; emptied when the folder is opened
 *   XXXXXX/ID/          an object: XXXXXX are the first six digits of its id (about 4.7 hours)
 *             data      as it was uploaded
 *             info      what it is
 *             thumbnail a JPEG of at most 320 pixels a side, without the original's metadata
 *
 * An object is made in tmp/, synced, and renamed to its place: it is there whole or not at all.
 * Names of files are made of ids alone, so no request can name another place.
 */
#ifndef CHATCORE_BACKEND_MEDIA_FOLDER_H
#define CHATCORE_BACKEND_MEDIA_FOLDER_H

#include "chatcore/backend/media.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a gateway serves objects. */
#define CC_MEDIA_PATH "/v1/objects/"

struct cc_media_folder_options {
    size_t size;
    struct cc_allocator allocator; /* all zero: the C library's */
    struct cc_trace trace;         /* all zero: none */
    const char *path;              /* the folder; made if it is not there */
    /* How clients reach the gateway, "https://chat.example.org". NULL: URLs are paths, to be taken
     * on the host that the client is connected to. */
    const char *url;
    /* What reading goes through instead, "https://cdn.example.org"; it fetches from the gateway
     * with the same path and query, and may keep what it got by the path alone once it has checked
     * nothing: so it must pass the query on. NULL: none. */
    const char *cdn;
    /* The program that looks at images, chatcore-image. NULL: where it is installed. Without it,
     * images are plain files. */
    const char *image_program;
    uint32_t max_pixels; /* larger images get no size and no thumbnail (50,000,000) */
    bool no_sync;        /* objects need not reach the disk before they are answered */
};
#define CC_MEDIA_FOLDER_OPTIONS_INIT CC_SIZED(struct cc_media_folder_options)

/*
 * Opens the folder: the port for an engine, and the server for a gateway. The server lives as long
 * as the port, which its owner frees after the gateway. One process a folder. Any thread; blocks.
 * Errors: CC_EINVAL, CC_ENOMEM, CC_EIO (the folder can't be made or written), CC_EBUSY (another
 * process has it), CC_ECORRUPT (the key is damaged).
 */
int cc_media_folder_open(const struct cc_media_folder_options *options, struct cc_media *ret_media,
                         struct cc_media_server *ret_server);

#ifdef __cplusplus
}
#endif
#endif
