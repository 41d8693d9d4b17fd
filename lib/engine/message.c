/*
 * Messages: one block each, shared by count.
 */
#include "engine/message.h"

#include "chatcore/error.h"
#include "engine/id.h"

#include <stdatomic.h>

/* Where the arrays of a record are copied to, behind the struct. */
struct layout {
    size_t media;
    size_t mentions;
    size_t users;
    size_t record;
    size_t size;
};

static struct layout layout_of(const struct cc_message *view, size_t record_size)
{
    struct layout layout;

    layout.media = sizeof(struct message);
    layout.mentions = layout.media + view->media_count * sizeof(struct cc_slice);
    layout.users = layout.mentions + view->mention_count * sizeof(struct cc_slice);
    layout.record = layout.users + view->user_count * sizeof(struct cc_slice);
    layout.size = layout.record + record_size;
    return layout;
}

static void slice_move(struct cc_slice *slice, const char *from, const char *to)
{
    if (slice->size)
        slice->data = to + (slice->data - from);
}

static const struct cc_slice *array_move(char *place, const struct cc_slice *array, size_t count,
                                         const char *from, const char *to)
{
    struct cc_slice *moved = (struct cc_slice *)(void *)place;

    for (size_t i = 0; i < count; i++) {
        moved[i] = array[i];
        slice_move(&moved[i], from, to);
    }
    return moved;
}

/* The view's slices point into `from`: makes them point into the block's copy. */
static void view_move(struct cc_message *view, char *block, const struct layout *layout,
                      const char *from)
{
    const char *to = block + layout->record;

    slice_move(&view->conversation, from, to);
    slice_move(&view->from, from, to);
    slice_move(&view->client_id, from, to);
    slice_move(&view->text, from, to);
    slice_move(&view->meta, from, to);
    slice_move(&view->emoji, from, to);
    slice_move(&view->name, from, to);
    slice_move(&view->files, from, to);
    slice_move(&view->trace_parent, from, to);
    view->media = array_move(block + layout->media, view->media, view->media_count, from, to);
    view->mentions =
        array_move(block + layout->mentions, view->mentions, view->mention_count, from, to);
    view->users = array_move(block + layout->users, view->users, view->user_count, from, to);
}

int message_new(const struct cc_allocator *allocator, const struct record *record,
                struct cc_slice bytes, uint64_t seq, uint64_t offset, struct message **ret_message)
{
    struct layout layout = layout_of(&record->message, bytes.size);
    char *block = mem_alloc(allocator, layout.size);
    struct message *message = (struct message *)(void *)block;

    if (!block)
        return CC_ENOMEM;
    memset(message, 0, sizeof *message);
    memcpy(block + layout.record, bytes.data, bytes.size);
    message->view = record->message;
    view_move(&message->view, block, &layout, bytes.data);
    message->client_id = message->view.client_id;
    message->view.client_id = slice_of(NULL, 0);
    message->view.seq = seq;
    message->view.ts = id_timestamp(&message->view.id);
    message->offset = offset;
    message->target_seq = record->target_seq;
    message->record = slice_of(block + layout.record, bytes.size);
    message->bytes = layout.size;
    message->allocator = *allocator;
    atomic_init(&message->refs, 1);
    *ret_message = message;
    return 0;
}

int message_decode(const struct cc_allocator *allocator, struct cc_slice bytes, uint64_t seq,
                   uint64_t offset, struct message **ret_message)
{
    struct record record;
    struct arena arena;
    int r;

    arena_init(&arena, allocator);
    r = record_decode(bytes, &arena, &record);
    if (!r)
        r = message_new(allocator, &record, bytes, seq, offset, ret_message);
    arena_deinit(&arena);
    return r;
}

struct message *message_ref(struct message *message)
{
    atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
    return message;
}

void message_unref(struct message *message)
{
    if (atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) == 1)
        message->allocator.release(message->allocator.context, message);
}
