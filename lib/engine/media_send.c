/*
 * Before a message with media goes to the log: each object has arrived; its sender uploaded it, or
 * sees it somewhere (he forwards it); and what it is goes with the message, so that clients can
 * show it before they load it.
 */
#include "chatcore/error.h"
#include "engine/media_state.h"
#include "engine/user.h"
#include "wire/pack.h"

/* More than one object's map takes: its texts, its keys, its numbers. */
#define FILE_BYTES_MAX 1024

struct attaching {
    struct media_search search;
    struct buffer files;
    size_t at; /* of the command's media */
    struct cc_id id;
    bool is_own; /* and young enough to be sent for the first time */
    void (*attached)(struct request *request);
};

static void attach_next(struct request *request);

static void fail(struct request *request, int status)
{
    struct attaching *attaching = request->state;

    buffer_deinit(&attaching->files);
    request_fail(request, status);
}

/* --- what it is ------------------------------------------------------------------------------- */

static char *put_key(char *at, const char *key)
{
    return pack_put_str(at, slice_str(key));
}

static char *put_text(char *at, const char *key, struct cc_slice text)
{
    return pack_put_str(put_key(at, key), text);
}

static char *put_number(char *at, const char *key, uint64_t number)
{
    return pack_put_uint(put_key(at, key), number);
}

static int put_file(struct attaching *attaching, const struct cc_media_info *info)
{
    struct cc_id thumbnail = cc_media_thumbnail_id(attaching->id);
    uint32_t count = 3u + (info->name.size ? 1u : 0u) + (info->width ? 2u : 0u) +
                     (info->has_thumbnail ? 1u : 0u);
    char text[UUID_TEXT_BYTES];
    char *start = buffer_reserve(&attaching->files, FILE_BYTES_MAX);
    char *at = start;

    if (!start)
        return CC_ENOMEM;
    uuid_format(&attaching->id, text);
    at = put_text(pack_put_map_head(at, count), "media", slice_of(text, sizeof text));
    at = put_text(at, "type", info->type);
    at = put_number(at, "bytes", info->bytes);
    if (info->name.size)
        at = put_text(at, "name", info->name);
    if (info->width) {
        at = put_number(at, "width", info->width);
        at = put_number(at, "height", info->height);
    }
    uuid_format(&thumbnail, text);
    if (info->has_thumbnail)
        at = put_text(at, "thumbnail", slice_of(text, sizeof text));
    attaching->files.size += (size_t)(at - start);
    return 0;
}

/* --- one after the other ---------------------------------------------------------------------- */

static void attached_one(struct request *request, int status)
{
    struct attaching *attaching = request->state;

    if (status) {
        fail(request, status);
        return;
    }
    attaching->at++;
    attach_next(request);
}

/* It may go to one more conversation only if it isn't in too many. */
static bool has_room(const struct request *request, const struct media_search *search)
{
    if (search->count < MEDIA_PLACES_MAX)
        return true;
    for (size_t i = 0; i < search->count; i++)
        if (slice_equal(search->places[i].conversation, request->conversation))
            return true;
    return false;
}

static void places_found(struct request *request, int status)
{
    struct attaching *attaching = request->state;

    if (!status && !has_room(request, &attaching->search))
        status = CC_ETOOLARGE;
    if (status || attaching->is_own)
        attached_one(request, status);
    else
        media_check_visible(request, &attaching->search, attached_one);
}

static void head_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct attaching *attaching = request->state;
    const struct cc_media_head *op = &request->op.media_head;

    if (!status) {
        attaching->is_own = slice_equal(op->ret_info.owner, request->user->name) &&
                            !media_is_stale(engine, &attaching->id);
        status = put_file(attaching, &op->ret_info);
    }
    cc_op_release(&request->op.op);
    if (status)
        fail(request, status);
    else
        media_find_places(request, &attaching->search, &attaching->id, places_found);
}

/* All are there: they are not unsent any more. That a record with them is refused later only gives
 * their bytes back early. */
static void attach_end(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct attaching *attaching = request->state;
    void (*attached)(struct request * request) = attaching->attached;
    int r = arena_copy(&request->arena, buffer_slice(&attaching->files), &request->files);

    if (r) {
        fail(request, r);
        return;
    }
    buffer_deinit(&attaching->files);
    for (size_t i = 0; i < request->command->media_count; i++) {
        struct cc_id id;

        if (media_id_read(request->command->media[i], &id))
            media_unsent_drop(engine, &id);
    }
    attached(request);
}

static void attach_next(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct attaching *attaching = request->state;
    struct cc_media_head *op = &request->op.media_head;

    if (attaching->at == request->command->media_count) {
        attach_end(request);
        return;
    }
    if (!media_id_read(request->command->media[attaching->at], &attaching->id)) {
        fail(request, CC_ENOTFOUND);
        return;
    }
    memset(op, 0, sizeof *op);
    op->id = attaching->id;
    request_op_begin(request, head_read);
    engine->media.vtable->head(engine->media.self, op);
}

void media_attach(struct request *request, void (*attached)(struct request *request))
{
    struct cc_engine *engine = request_engine(request);
    size_t count = request->command->media_count;
    struct attaching *attaching;
    char *head;

    if (!engine->uploads || !count) {
        attached(request);
        return;
    }
    attaching = arena_alloc(&request->arena, sizeof *attaching);
    if (!attaching) {
        request_fail(request, CC_ENOMEM);
        return;
    }
    memset(attaching, 0, sizeof *attaching);
    attaching->attached = attached;
    buffer_init(&attaching->files, &engine->allocator);
    request->state = attaching;
    head = buffer_reserve(&attaching->files, PACK_HEAD_MAX);
    if (!head) {
        fail(request, CC_ENOMEM);
        return;
    }
    attaching->files.size = (size_t)(pack_put_array_head(head, (uint32_t)count) - head);
    attach_next(request);
}
