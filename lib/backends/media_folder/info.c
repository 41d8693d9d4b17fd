/*
 * Lines of text: written and read.
 */
#include "backends/media_folder/info.h"

#include <inttypes.h>
#include <stdio.h>

/* What another format would have to begin with something else than. */
#define INFO_HEAD "chatcore-media-1"

/* --- taking ----------------------------------------------------------------------------------- */

static bool is_line(struct cc_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return true;
}

/* Copies a line into a text of `size` bytes, its terminator included. */
static bool take(struct cc_slice from, char *to, size_t size)
{
    if (from.size >= size || !is_line(from))
        return false;
    if (from.size)
        memcpy(to, from.data, from.size);
    to[from.size] = 0;
    return true;
}

bool info_take(const struct cc_media_info *from, struct object_info *ret_info)
{
    memset(ret_info, 0, sizeof *ret_info);
    ret_info->bytes = from->bytes;
    return from->type.size && from->owner.size &&
           take(from->type, ret_info->type, sizeof ret_info->type) &&
           take(from->owner, ret_info->owner, sizeof ret_info->owner) &&
           take(from->name, ret_info->name, sizeof ret_info->name);
}

/* --- writing ---------------------------------------------------------------------------------- */

void info_write(struct buffer *out, const struct object_info *info)
{
    char text[INFO_TEXT_MAX];
    int size = snprintf(text, sizeof text, INFO_HEAD "\n%" PRIu64 "\n%u\n%u\n%d\n%s\n%s\n%s\n%s\n",
                        info->bytes, info->width, info->height, info->has_thumbnail, info->sha256,
                        info->type, info->owner, info->name);

    buffer_append(out, text, (size_t)size);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct cc_slice lines_next(struct lines *lines)
{
    const char *end = lines->rest.size ? memchr(lines->rest.data, '\n', lines->rest.size) : NULL;
    struct cc_slice line = slice_of(NULL, 0);

    if (!end) {
        lines->failed = true;
        return line;
    }
    line = slice_of(lines->rest.data, (size_t)(end - lines->rest.data));
    lines->rest = slice_of(end + 1, lines->rest.size - line.size - 1);
    return line;
}

uint64_t lines_number(struct lines *lines, uint64_t most)
{
    struct cc_slice line = lines_next(lines);
    uint64_t number = 0;

    if (!line.size)
        lines->failed = true;
    for (size_t i = 0; i < line.size; i++) {
        unsigned digit = (unsigned char)line.data[i] - '0';

        if (digit > 9 || number > (most - digit) / 10) {
            lines->failed = true;
            return 0;
        }
        number = number * 10 + digit;
    }
    return number;
}

bool info_read(struct cc_slice text, struct object_info *ret_info)
{
    struct lines lines = {.rest = text};
    struct object_info info = {0};
    bool fits = slice_equal(lines_next(&lines), slice_str(INFO_HEAD));

    info.bytes = lines_number(&lines, INT64_MAX);
    info.width = (uint32_t)lines_number(&lines, UINT32_MAX);
    info.height = (uint32_t)lines_number(&lines, UINT32_MAX);
    info.has_thumbnail = lines_number(&lines, 1) == 1;
    fits = take(lines_next(&lines), info.sha256, sizeof info.sha256) && fits;
    fits = take(lines_next(&lines), info.type, sizeof info.type) && fits;
    fits = take(lines_next(&lines), info.owner, sizeof info.owner) && fits;
    fits = take(lines_next(&lines), info.name, sizeof info.name) && fits;
    if (!fits || lines.failed || lines.rest.size)
        return false;
    *ret_info = info;
    return true;
}
