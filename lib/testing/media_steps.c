/*
 * Steps of the media suite.
 */
#include "testing/media_steps.h"

#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A minute: no case takes so long. */
#define LIFETIME_MS 60000

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool keep(struct cc_slice text, char *room, size_t size)
{
    if (text.size >= size)
        return false;
    memcpy(room, text.data, text.size);
    room[text.size] = 0;
    return true;
}

struct cc_id med_id(unsigned number)
{
    struct cc_id id = {{0x01, 0x8f, 0, 0, 0, 0, 0x70, 0, 0x80}};

    id.bytes[2] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    id.bytes[14] = (uint8_t)(number >> 8);
    return id;
}

static unsigned number_of(const struct cc_id *id)
{
    return (unsigned)id->bytes[14] << 8 | id->bytes[15];
}

struct med_object med_object(unsigned number, const char *data)
{
    struct med_object object = {.id = med_id(number),
                                .owner = "alice",
                                .name = "cat.txt",
                                .type = "text/plain",
                                .data = data,
                                .lifetime_ms = LIFETIME_MS};

    return object;
}

/* --- uploading -------------------------------------------------------------------------------- */

static void read_hex(const char *text, uint8_t *bytes)
{
    for (size_t i = 0; i < 32; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], 0};

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static int keep_ticket(const struct cc_media_upload *op, struct med_ticket *ticket)
{
    bool fits = keep(op->ret_method, ticket->method, sizeof ticket->method) &&
                keep(op->ret_url, ticket->url, sizeof ticket->url);

    ticket->has_header = op->ret_header_count > 0;
    if (fits && ticket->has_header)
        fits = keep(op->ret_headers[0].name, ticket->header_name, sizeof ticket->header_name) &&
               keep(op->ret_headers[0].value, ticket->header_value, sizeof ticket->header_value);
    return fits ? 0 : CC_ETOOLARGE;
}

int med_sign(struct medias *media, const struct med_object *object, struct med_ticket *ret_ticket)
{
    struct cc_media_upload op = {.id = object->id, .expires = now_ms() + object->lifetime_ms};
    int r;

    memset(ret_ticket, 0, sizeof *ret_ticket);
    op.info.owner = slice_str(object->owner);
    op.info.name = slice_str(object->name);
    op.info.type = slice_str(object->type);
    op.info.bytes = strlen(object->data);
    op.has_sha256 = object->sha256 != NULL;
    if (op.has_sha256)
        read_hex(object->sha256, op.sha256);
    suite_submit(media->suite, &op.op);
    media->port.vtable->upload(media->port.self, &op);
    r = suite_wait(media->suite, &op.op);
    if (!r)
        r = keep_ticket(&op, ret_ticket);
    cc_op_release(&op.op);
    return r;
}

static int ask(struct medias *media, struct cc_media_client_request *request)
{
    int r = media->factory->request(media->factory->context, request);

    return r ? r : request->ret_status;
}

int med_put(struct medias *media, const struct med_ticket *ticket, const char *data,
            const char *type)
{
    struct cc_header header = {slice_str(ticket->header_name),
                               slice_str(type ? type : ticket->header_value)};
    struct cc_media_client_request request = {.method = slice_str(ticket->method),
                                              .url = slice_str(ticket->url),
                                              .headers = &header,
                                              .header_count = ticket->has_header,
                                              .body = slice_str(data)};

    return ask(media, &request);
}

int med_upload(struct medias *media, const struct med_object *object)
{
    struct med_ticket ticket;

    return med_sign(media, object, &ticket) ? -1 : med_put(media, &ticket, object->data, NULL);
}

/* --- downloading ------------------------------------------------------------------------------ */

int med_url(struct medias *media, struct cc_id id, int64_t lifetime_ms, char *url, size_t size)
{
    /* rounded, so that two of a case agree */
    struct cc_media_download op = {.id = id, .expires = (now_ms() / 100000 + 1) * 100000};
    int r;

    op.expires = lifetime_ms < 0 ? now_ms() + lifetime_ms : op.expires + lifetime_ms;
    suite_submit(media->suite, &op.op);
    media->port.vtable->download(media->port.self, &op);
    r = suite_wait(media->suite, &op.op);
    if (!r && !keep(op.ret_url, url, size))
        r = CC_ETOOLARGE;
    cc_op_release(&op.op);
    return r;
}

const char *med_get_url(struct medias *media, const char *method, const char *url)
{
    static char text[4096];
    struct cc_media_client_request request = {.method = slice_str(method), .url = slice_str(url)};
    int status = ask(media, &request);

    if (status < 200 || status > 299 || !keep(request.ret_body, text, sizeof text))
        snprintf(text, sizeof text, "%d", status);
    return text;
}

const char *med_get(struct medias *media, struct cc_id id)
{
    char url[4096];
    int r = med_url(media, id, LIFETIME_MS, url, sizeof url);

    return r ? cc_error_name(r) : med_get_url(media, "GET", url);
}

/* --- looking ---------------------------------------------------------------------------------- */

const char *med_head(struct medias *media, struct cc_id id)
{
    static char text[1024];
    struct cc_media_head op = {.id = id};
    const struct cc_media_info *info = &op.ret_info;
    int r;

    suite_submit(media->suite, &op.op);
    media->port.vtable->head(media->port.self, &op);
    r = suite_wait(media->suite, &op.op);
    if (r)
        snprintf(text, sizeof text, "%s", cc_error_name(r));
    else
        snprintf(text, sizeof text, "%.*s %.*s %.*s %llu", SLICE_ARGUMENTS(info->owner),
                 SLICE_ARGUMENTS(info->name), SLICE_ARGUMENTS(info->type),
                 (unsigned long long)info->bytes);
    cc_op_release(&op.op);
    return text;
}

int med_remove(struct medias *media, struct cc_id id)
{
    struct cc_media_remove op = {.id = id};

    suite_submit(media->suite, &op.op);
    media->port.vtable->remove(media->port.self, &op);
    return suite_wait(media->suite, &op.op);
}

const char *med_list(struct medias *media, struct cc_id after, size_t limit)
{
    static struct text text;
    struct cc_media_list op = {.after = after, .limit = limit};
    int r;

    memset(&text, 0, sizeof text);
    suite_submit(media->suite, &op.op);
    media->port.vtable->list(media->port.self, &op);
    r = suite_wait(media->suite, &op.op);
    for (size_t i = 0; !r && i < op.ret_count; i++)
        text_add(&text, "%u ", number_of(&op.ret_ids[i]));
    if (r)
        text_add(&text, "%s", cc_error_name(r));
    else if (op.ret_more)
        text_add(&text, "more");
    cc_op_release(&op.op);
    return text.bytes;
}
