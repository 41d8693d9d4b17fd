/*
 * Where an object is: what is not in the store yet, then what is there, then one conversation after
 * the other until one lets the user see it.
 */
#include "chatcore/error.h"
#include "engine/flush.h"
#include "engine/mark.h"
#include "engine/media_state.h"
#include "engine/user.h"
#include "engine/visible.h"
#include "wire/record.h"

/* --- finding ---------------------------------------------------------------------------------- */

struct gathering {
    struct request *request;
    struct media_search *search;
    bool is_unflushed;
    int status;
};

static struct media_place *find_place(const struct media_search *search, struct cc_slice id)
{
    for (size_t i = 0; i < search->count; i++)
        if (slice_equal(search->places[i].conversation, id))
            return &search->places[i];
    return NULL;
}

/* A new one, or NULL without memory. The array moves within the arena as it grows. */
static struct media_place *add_place(struct request *request, struct media_search *search,
                                     struct cc_slice conversation)
{
    size_t capacity = search->capacity ? 2 * search->capacity : 4;
    struct media_place *places = search->places;
    struct media_place *place;

    if (search->count == search->capacity) {
        places = arena_alloc(&request->arena, capacity * sizeof *places);
        if (!places)
            return NULL;
        if (search->count)
            memcpy(places, search->places, search->count * sizeof *places);
        search->places = places;
        search->capacity = capacity;
    }
    place = &places[search->count];
    memset(place, 0, sizeof *place);
    if (arena_copy(&request->arena, conversation, &place->conversation))
        return NULL;
    search->count++;
    return place;
}

static void gather(void *context, const struct cc_store_cursor *cursor)
{
    struct gathering *gathering = context;
    struct media_search *search = gathering->search;
    struct media_place *place = find_place(search, cursor->conversation);

    if (gathering->status)
        return;
    if (!place) {
        if (search->count == MEDIA_PLACES_MAX)
            return;
        place = add_place(gathering->request, search, cursor->conversation);
        if (!place) {
            gathering->status = CC_ENOMEM;
            return;
        }
    }
    if (cursor->delivered > place->sent) {
        place->sent = cursor->delivered;
        place->is_unflushed = gathering->is_unflushed;
    }
    if (cursor->read > place->deleted)
        place->deleted = cursor->read;
}

static void places_read(struct request *request, int status)
{
    struct media_search *search = request->step;
    const struct cc_store_read_cursors *op = &request->op.cursors;
    struct gathering gathering = {.request = request, .search = search};

    for (size_t i = 0; !status && i < op->ret_count; i++)
        gather(&gathering, &op->ret_cursors[i]);
    cc_op_release(&request->op.op);
    search->found(request, status ? status : gathering.status);
}

static void gather_unflushed(struct gathering *gathering)
{
    struct cc_engine *engine = request_engine(gathering->request);
    struct cc_slice media = slice_of(gathering->search->media, UUID_TEXT_BYTES);

    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (engine->partitions[i].flush)
            flush_each_media(engine->partitions[i].flush, media, gather, gathering);
}

void media_find_places(struct request *request, struct media_search *search,
                       const struct cc_id *media,
                       void (*found)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_cursors *op = &request->op.cursors;
    struct gathering gathering = {.request = request, .search = search, .is_unflushed = true};

    memset(search, 0, sizeof *search);
    uuid_format(media, search->media);
    search->found = found;
    gather_unflushed(&gathering);
    if (gathering.status) {
        found(request, gathering.status);
        return;
    }
    request->step = search;
    memset(&request->op, 0, sizeof request->op);
    op->user = slice_of(search->media, UUID_TEXT_BYTES);
    op->device = slice_str(MARK_MEDIA);
    op->limit = MEDIA_PLACES_MAX;
    request_op_begin(request, places_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

/* --- seeing ----------------------------------------------------------------------------------- */

static void check_next(struct request *request, struct media_search *search);

static void end(struct request *request, struct media_search *search, int status)
{
    request->conversation = search->conversation;
    search->found(request, status);
}

bool media_row_has(const struct cc_store_row *row, struct cc_slice media, struct arena *arena)
{
    struct record record;

    if (record_decode(row->body, arena, &record))
        return true;
    for (size_t i = 0; i < record.message.media_count; i++)
        if (slice_equal(record.message.media[i], media))
            return true;
    return false;
}

static void row_read(struct request *request, int status)
{
    struct media_search *search = request->step;
    const struct cc_store_read_rows *op = &request->op.rows;
    bool has =
        !status && op->ret_count &&
        media_row_has(op->ret_rows, slice_of(search->media, UUID_TEXT_BYTES), &request->arena);

    cc_op_release(&request->op.op);
    if (status || has)
        end(request, search, status);
    else
        check_next(request, search);
}

/* The message may be gone since: too old, or its author erased. */
static void read_row(struct request *request, const struct media_place *place)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_rows *op = &request->op.rows;

    memset(&request->op, 0, sizeof request->op);
    op->conversation = place->conversation;
    op->from = place->sent;
    op->to = place->sent;
    op->limit = 1;
    request_op_begin(request, row_read);
    engine->store.vtable->read_rows(engine->store.self, op);
}

/* That he is no member there says nothing of the next place. */
static void place_checked(struct request *request, uint64_t from, int status)
{
    struct media_search *search = request->step;
    const struct media_place *place = &search->places[search->at++];
    bool is_in_sight = !status && place->sent >= from;

    if (is_in_sight && place->is_unflushed)
        end(request, search, 0);
    else if (is_in_sight)
        read_row(request, place);
    else if (!status || status == CC_ENOTFOUND)
        check_next(request, search);
    else
        end(request, search, status);
}

static void check_next(struct request *request, struct media_search *search)
{
    while (search->at < search->count && !media_place_is_live(&search->places[search->at]))
        search->at++;
    if (search->at == search->count) {
        end(request, search, CC_ENOTFOUND);
        return;
    }
    request->step = search;
    request->conversation = search->places[search->at].conversation;
    visible_from(request, place_checked);
}

void media_check_visible(struct request *request, struct media_search *search,
                         void (*checked)(struct request *request, int status))
{
    search->at = 0;
    search->found = checked;
    search->conversation = request->conversation;
    check_next(request, search);
}
