/*
 * The object server: which request opens what.
 */
#include "backends/media_folder/folder.h"
#include "chatcore/error.h"
#include "wire/uuid.h"

#include <stdarg.h>
#include <stdio.h>

void answer_status(struct cc_media_answer *answer, int status)
{
    answer->status = status;
    answer->stream = NULL;
    answer->size = 0;
}

void answer_header(struct cc_media_answer *answer, const char *format, ...)
{
    size_t used = strlen(answer->headers);
    size_t room = sizeof answer->headers - used;
    va_list arguments;
    int size;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is above */
    size = vsnprintf(answer->headers + used, room, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size + 2 >= room) {
        answer->headers[0] = 0;
        answer_status(answer, 500);
        return;
    }
    memcpy(answer->headers + used + size, "\r\n", 3);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void server_open(void *self, const struct cc_media_request *request,
                        struct cc_media_answer *ret_answer)
{
    struct cc_id id;

    answer_status(ret_answer, 404);
    ret_answer->headers[0] = 0;
    ret_answer->text[0] = 0;
    if (!uuid_parse(request->path, &id))
        return;
    if (slice_equal(request->method, slice_str("PUT")))
        upload_open(self, &id, request, ret_answer);
    else
        download_open(self, &id, request, ret_answer);
}

static int server_write(void *self, void *stream, struct cc_slice bytes)
{
    (void)self;
    return upload_write(((struct stream *)stream)->upload, bytes);
}

static void server_finish(void *self, struct cc_media_finish *op)
{
    (void)self;
    upload_finish(((struct stream *)op->stream)->upload, op);
}

static int server_read(void *self, void *stream, void *bytes, size_t size)
{
    (void)self;
    return download_read(((struct stream *)stream)->download, bytes, size);
}

static void server_close(void *self, void *stream)
{
    const struct stream *opened = stream;

    (void)self;
    if (opened->upload)
        upload_close(opened->upload);
    else
        download_close(opened->download);
}

const struct cc_media_server_vtable media_folder_server = {
    .size = sizeof media_folder_server,
    .open = server_open,
    .write = server_write,
    .finish = server_finish,
    .read = server_read,
    .close = server_close,
};
