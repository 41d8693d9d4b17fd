/*
 * Downloads: whole, or one range; or the answer that the client has it already.
 *
 * What users upload is never taken for a page of this host: only images, sound and film are shown
 * in place, everything else is a file to be saved; and whatever it is, no script in it may run.
 */
#include "backends/media_folder/folder.h"
#include "backends/media_folder/ticket.h"
#include "chatcore/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct download {
    struct stream stream; /* what the gateway holds */
    struct folder *folder;
    int fd;
    uint64_t at;
};

/* One request, while it is answered. */
struct reading {
    struct folder *folder;
    const struct cc_media_request *request;
    struct cc_media_answer *answer;
    struct object_info info;
    bool is_thumbnail;
    char etag[SHA256_TEXT + 8];
    int64_t now;
    struct ticket ticket;
};

/* --- headers ---------------------------------------------------------------------------------- */

static bool begins(const char *type, const char *with)
{
    return strncasecmp(type, with, strlen(with)) == 0;
}

/* SVG is a page with scripts, whatever it calls itself. */
static bool is_shown(const char *type)
{
    return (begins(type, "image/") && !begins(type, "image/svg")) || begins(type, "audio/") ||
           begins(type, "video/");
}

/* RFC 8187: everything but letters, digits and a few marks as percent and two digits. */
static void encode_name(const char *name, char *text, size_t size)
{
    static const char marks[] = "-._~";
    size_t used = 0;

    for (; *name && used + 4 <= size; name++) {
        unsigned char byte = (unsigned char)*name;
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || strchr(marks, byte);

        used += (size_t)snprintf(text + used, size - used, is_plain ? "%c" : "%%%02X", byte);
    }
    text[used] = 0;
}

static void put_type(const struct reading *reading)
{
    char name[3 * CC_MEDIA_FILE_NAME_MAX + 4];
    const struct object_info *info = &reading->info;
    const char *how = is_shown(info->type) ? "inline" : "attachment";

    answer_header(reading->answer, "Content-Type: %s",
                  reading->is_thumbnail ? "image/jpeg" : info->type);
    if (reading->is_thumbnail)
        return;
    encode_name(info->name, name, sizeof name);
    if (name[0])
        answer_header(reading->answer, "Content-Disposition: %s; filename*=UTF-8''%s", how, name);
    else
        answer_header(reading->answer, "Content-Disposition: %s", how);
}

/* An object never changes, but its URL ends: who was let in keeps it as long as that. */
static void put_caching(const struct reading *reading)
{
    int64_t left = (reading->ticket.expires - reading->now) / 1000;

    answer_header(reading->answer, "ETag: %s", reading->etag);
    answer_header(reading->answer, "Cache-Control: %s, max-age=%" PRId64 ", immutable",
                  reading->folder->is_shared ? "public" : "private", left);
}

static void put_headers(const struct reading *reading)
{
    put_type(reading);
    put_caching(reading);
    answer_header(reading->answer, "Accept-Ranges: bytes");
    answer_header(reading->answer, "X-Content-Type-Options: nosniff");
    answer_header(reading->answer, "Content-Security-Policy: default-src 'none'; sandbox");
}

/* --- conditions ------------------------------------------------------------------------------- */

/* An entity tag in a list, weak or not; or the asterisk that stands for any. */
static bool is_known(struct cc_slice list, const char *etag)
{
    return list.size && (slice_equal(list, slice_str("*")) ||
                         memmem(list.data, list.size, etag, strlen(etag)) != NULL);
}

static bool take_digits(struct cc_slice *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t size = 0;

    while (size < text->size && text->data[size] >= '0' && text->data[size] <= '9' && size < 18)
        number = number * 10 + (uint64_t)(text->data[size++] - '0');
    *text = slice_of(text->data + size, text->size - size);
    *ret_number = number;
    return size > 0;
}

/* "5-9", "5-" or "-4" of "bytes=5-9": what isn't written stays as it was. */
struct span {
    uint64_t from;
    uint64_t to;
    bool has_from;
    bool has_to;
};

/* False for several ranges, and for what is not understood. */
static bool read_span(struct cc_slice text, struct span *span)
{
    static const char unit[] = "bytes=";
    size_t size = sizeof unit - 1;

    if (text.size <= size || memcmp(text.data, unit, size) != 0)
        return false;
    text = slice_of(text.data + size, text.size - size);
    span->has_from = take_digits(&text, &span->from);
    if (!text.size || text.data[0] != '-')
        return false;
    text = slice_of(text.data + 1, text.size - 1);
    span->has_to = take_digits(&text, &span->to);
    if (span->has_from && span->has_to && span->to < span->from)
        return false;
    return !text.size && (span->has_from || span->has_to);
}

enum range { RANGE_NONE, RANGE_TAKEN, RANGE_WRONG };

/* A file has one byte at least. What is no range is answered with the whole. */
static enum range read_range(struct cc_slice text, uint64_t size, uint64_t *ret_from,
                             uint64_t *ret_to)
{
    struct span span = {0};

    if (!read_span(text, &span))
        return RANGE_NONE;
    *ret_to = size - 1;
    if (!span.has_from) {
        *ret_from = span.to < size ? size - span.to : 0;
        return span.to ? RANGE_TAKEN : RANGE_WRONG;
    }
    *ret_from = span.from;
    if (span.has_to && span.to < size)
        *ret_to = span.to;
    return span.from < size ? RANGE_TAKEN : RANGE_WRONG;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_file(const struct reading *reading, const struct cc_id *id, uint64_t *ret_size)
{
    char path[OBJECT_PATH_MAX];
    struct stat file;
    int fd;

    object_path(id, reading->is_thumbnail ? FILE_THUMBNAIL : FILE_DATA, path);
    fd = openat(reading->folder->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    if (fstat(fd, &file) || !S_ISREG(file.st_mode) || file.st_size <= 0) {
        close(fd);
        return -1;
    }
    *ret_size = (uint64_t)file.st_size;
    return fd;
}

static void stream_from(const struct reading *reading, int fd, uint64_t from)
{
    struct download *download = NULL;

    if (slice_equal(reading->request->method, slice_str("HEAD"))) {
        close(fd);
        return;
    }
    download = mem_zalloc(&reading->folder->allocator, 1, sizeof *download);
    if (!download) {
        close(fd);
        reading->answer->headers[0] = 0;
        answer_status(reading->answer, 503);
        return;
    }
    download->stream.download = download;
    download->folder = reading->folder;
    download->fd = fd;
    download->at = from;
    reading->answer->stream = &download->stream;
}

static void answer_file(const struct reading *reading, int fd, uint64_t size)
{
    struct cc_slice if_range = reading->request->if_range;
    bool is_same = !if_range.size || slice_equal(if_range, slice_str(reading->etag));
    uint64_t from = 0, to = size - 1;
    enum range range = is_same ? read_range(reading->request->range, size, &from, &to) : RANGE_NONE;

    if (range == RANGE_WRONG) {
        close(fd);
        answer_status(reading->answer, 416);
        answer_header(reading->answer, "Content-Range: bytes */%" PRIu64, size);
        return;
    }
    reading->answer->status = range == RANGE_TAKEN ? 206 : 200;
    reading->answer->size = to - from + 1;
    put_headers(reading);
    if (range == RANGE_TAKEN)
        answer_header(reading->answer, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                      from, to, size);
    stream_from(reading, fd, from);
}

/* A thumbnail's own id, told by its version, stands for the object's. */
static struct cc_id object_of(const struct cc_id *id, bool *ret_is_thumbnail)
{
    *ret_is_thumbnail = id->bytes[6] >> 4 == 8;
    return *ret_is_thumbnail ? cc_media_thumbnail_id(*id) : *id;
}

void download_open(struct folder *folder, const struct cc_id *id,
                   const struct cc_media_request *request, struct cc_media_answer *answer)
{
    struct reading reading = {
        .folder = folder, .request = request, .answer = answer, .now = wall_ms()};
    struct cc_id object = object_of(id, &reading.is_thumbnail);
    uint64_t size;
    int fd;

    reading.ticket.id = *id;
    answer_status(answer, 403);
    if (!ticket_read(request->query, folder->key, &reading.ticket, &folder->allocator, reading.now))
        return;
    answer_status(answer, 404);
    if (object_read_info(folder, &object, &reading.info))
        return;
    snprintf(reading.etag, sizeof reading.etag, "\"%s%s\"", reading.is_thumbnail ? "t-" : "",
             reading.info.sha256);
    fd = open_file(&reading, &object, &size);
    if (fd < 0)
        return;
    if (!is_known(request->if_none_match, reading.etag)) {
        answer_file(&reading, fd, size);
        return;
    }
    close(fd);
    answer_status(answer, 304);
    put_caching(&reading);
}

/* --- reading ---------------------------------------------------------------------------------- */

int download_read(struct download *download, void *bytes, size_t size)
{
    char *at = bytes;

    while (size) {
        ssize_t got = pread(download->fd, at, size, (off_t)download->at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return CC_EIO;
        at += got;
        size -= (size_t)got;
        download->at += (uint64_t)got;
    }
    return 0;
}

void download_close(struct download *download)
{
    close(download->fd);
    mem_free(&download->folder->allocator, download);
}
