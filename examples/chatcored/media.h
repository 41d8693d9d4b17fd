/*
 * What users upload: the folder `media` in the data folder.
 */
#ifndef CHATCORED_MEDIA_H
#define CHATCORED_MEDIA_H

#include "settings.h"

#include <chatcore/backend/media_folder.h>

/* Opens it; leaves both all zero where there is no data folder, or media are off. 0 or a CC_E…. */
int media_open(const struct settings *settings, const struct cc_trace *trace,
               struct cc_media *ret_media, struct cc_media_server *ret_server);

#endif
