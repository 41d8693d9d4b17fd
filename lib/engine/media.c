/*
 * The commands: `upload` signs where to put an object, `media` where to get it.
 */
#include "engine/media.h"

#include "base/crypto.h"
#include "chatcore/error.h"
#include "engine/media_state.h"
#include "engine/user.h"

static const char no_port[] = "this engine has no media store";

int media_init(struct cc_engine *engine)
{
    struct media_state *state;

    if (!engine->media.vtable)
        return 0;
    state = mem_zalloc(&engine->allocator, 1, sizeof *state);
    if (!state)
        return CC_ENOMEM;
    state->engine = engine;
    engine->uploads = state;
    return media_collect_start(engine);
}

void media_deinit(struct cc_engine *engine)
{
    if (!engine->uploads)
        return;
    media_collect_stop(engine);
    media_unsent_clear(engine);
    mem_free(&engine->allocator, engine->uploads);
    engine->uploads = NULL;
}

bool media_id_read(struct cc_slice text, struct cc_id *ret_id)
{
    return uuid_parse(text, ret_id) && ret_id->bytes[6] >> 4 == 7;
}

/* --- upload ----------------------------------------------------------------------------------- */

static bool is_text(struct cc_slice text)
{
    if (!utf8_is_valid(text))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return true;
}

/* RFC 9110's token characters. */
static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* "type/subtype", and maybe parameters, which nobody here reads. */
static bool is_media_type(struct cc_slice type)
{
    size_t at = 0;
    size_t slash;

    while (at < type.size && is_token(type.data[at]))
        at++;
    slash = at;
    if (!at || at == type.size || type.data[at] != '/')
        return false;
    for (at++; at < type.size && is_token(type.data[at]);)
        at++;
    if (at == slash + 1)
        return false;
    for (size_t i = at; i < type.size; i++)
        if (type.data[i] < ' ' || type.data[i] > '~')
            return false;
    return at == type.size || type.data[at] == ';';
}

static int check_upload(const struct request *request)
{
    const struct cc_command *command = request->command;
    const struct cc_engine *engine = request_engine(request);

    if (command->name.size > CC_MEDIA_FILE_NAME_MAX || command->media_type.size > CC_MEDIA_TYPE_MAX)
        return CC_ETOOLARGE;
    if (!is_text(command->name) || !is_media_type(command->media_type) || !command->bytes)
        return CC_EINVAL;
    return command->bytes > engine->limits.max_media_bytes ? CC_ETOOLARGE : 0;
}

static void uploaded(struct request *request, int status)
{
    const struct cc_media_upload *op = &request->op.upload;
    struct cc_reply reply = {.expires = op->expires};
    char media[UUID_TEXT_BYTES];

    if (status) {
        media_unsent_drop(request_engine(request), &op->id);
        request_fail(request, status);
        return;
    }
    uuid_format(&op->id, media);
    reply.media = slice_of(media, sizeof media);
    reply.method = op->ret_method;
    reply.url = op->ret_url;
    reply.headers = op->ret_headers;
    reply.header_count = op->ret_header_count;
    request_reply(request, &reply);
}

static bool fill_upload(const struct request *request, struct cc_media_upload *op)
{
    const struct cc_command *command = request->command;

    op->info.owner = request->user->name;
    op->info.name = command->name;
    op->info.type = command->media_type;
    op->info.bytes = command->bytes;
    op->has_sha256 = command->sha256.size != 0;
    return !op->has_sha256 || crypto_hex_read(command->sha256, op->sha256, sizeof op->sha256);
}

void media_upload(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_media_upload *op = &request->op.upload;
    int r = engine->uploads ? check_upload(request) : CC_ENOTSUP;

    memset(op, 0, sizeof *op);
    if (!r && !fill_upload(request, op))
        r = CC_EINVAL;
    if (!r) {
        id_new(&engine->ids, engine->now.wall_ms, &op->id);
        r = media_unsent_add(engine, request->user->name, &op->id, op->info.bytes);
    }
    if (r) {
        request_fail_text(request, r, slice_str(r == CC_ENOTSUP ? no_port : ""), 0);
        return;
    }
    op->expires = engine->now.wall_ms + MEDIA_UPLOAD_MS;
    request_op_begin(request, uploaded);
    engine->media.vtable->upload(engine->media.self, op);
}

/* --- media ------------------------------------------------------------------------------------ */

struct url_request {
    struct media_search search;
    struct cc_id id; /* of the object, or of its thumbnail */
};

static void signed_url(struct request *request, int status)
{
    const struct cc_media_download *op = &request->op.download;
    struct cc_reply reply = {.expires = op->expires, .url = op->ret_url};

    if (status)
        request_fail(request, status);
    else
        request_reply(request, &reply);
}

static void url_allowed(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    const struct url_request *asked = request->state;
    struct cc_media_download *op = &request->op.download;

    if (status) {
        request_fail(request, status);
        return;
    }
    memset(op, 0, sizeof *op);
    op->id = asked->id;
    op->expires = (engine->now.wall_ms / MEDIA_URL_MS + 2) * MEDIA_URL_MS;
    request_op_begin(request, signed_url);
    engine->media.vtable->download(engine->media.self, op);
}

static void url_places_found(struct request *request, int status)
{
    struct url_request *asked = request->state;

    if (status)
        request_fail(request, status);
    else
        media_check_visible(request, &asked->search, url_allowed);
}

/* A thumbnail's id stands for the object's, and is recognised by its version. */
static bool read_readable(struct cc_slice text, struct cc_id *ret_id, struct cc_id *ret_object)
{
    if (!uuid_parse(text, ret_id))
        return false;
    *ret_object = ret_id->bytes[6] >> 4 == 8 ? cc_media_thumbnail_id(*ret_id) : *ret_id;
    return ret_object->bytes[6] >> 4 == 7;
}

void media_url(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct url_request *asked;
    struct cc_id object;

    if (!engine->uploads) {
        request_fail_text(request, CC_ENOTSUP, slice_str(no_port), 0);
        return;
    }
    asked = arena_alloc(&request->arena, sizeof *asked);
    if (!asked) {
        request_fail(request, CC_ENOMEM);
        return;
    }
    request->state = asked;
    if (!read_readable(request->command->media_id, &asked->id, &object))
        request_fail(request, CC_ENOTFOUND);
    else
        media_find_places(request, &asked->search, &object, url_places_found);
}
