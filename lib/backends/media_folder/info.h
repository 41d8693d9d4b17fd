/*
 * What an object is, as text of one line each: in the file `info`, and inside of tickets.
 */
#ifndef CC_BACKENDS_MEDIA_FOLDER_INFO_H
#define CC_BACKENDS_MEDIA_FOLDER_INFO_H

#include "base/buffer.h"
#include "chatcore/backend/media.h"

#define SHA256_TEXT 64

struct object_info {
    uint64_t bytes;
    uint32_t width;
    uint32_t height;
    bool has_thumbnail;
    char sha256[SHA256_TEXT + 1]; /* empty: not known */
    char type[CC_MEDIA_TYPE_MAX + 1];
    char owner[CC_NAME_MAX + 1];
    char name[CC_MEDIA_FILE_NAME_MAX + 1];
};

/* Takes what the engine says; false for what would not be one line, or is too long. */
bool info_take(const struct cc_media_info *from, struct object_info *ret_info);

/* The longest that info_write() appends. */
#define INFO_TEXT_MAX 700

void info_write(struct buffer *out, const struct object_info *info);

/* False when the lines are not those of info_write(), each as it writes it. */
bool info_read(struct cc_slice text, struct object_info *ret_info);

/* Lines, one after the other; `failed` once one is missing or no number. */
struct lines {
    struct cc_slice rest;
    bool failed;
};

struct cc_slice lines_next(struct lines *lines);
uint64_t lines_number(struct lines *lines, uint64_t most);

#endif
