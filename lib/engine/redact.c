/*
 * Redacting a batch, a window of changes at a time: read their targets side by side → change them
 * in the order of the changes → amend, one operation for each conversation → the next window.
 */
#include "engine/redact.h"

#include "chatcore/error.h"
#include "engine/id.h"

#include <stdlib.h>

/* A target and an earlier edit. */
#define ROWS_EACH 2

struct target_read {
    struct redaction *redaction;
    struct cc_store_read_rows op;
};

struct conversation_amend {
    struct redaction *redaction;
    struct cc_store_amend op;
};

struct redaction {
    struct flush *flush;
    size_t first; /* of the window's changes */
    size_t count;
    size_t waiting; /* operations under way */
    int status;
    struct arena arena; /* bodies and decoded records of the window */
    struct target_read reads[REDACT_WINDOW];
    struct cc_store_row rows[ROWS_EACH * REDACT_WINDOW]; /* as they become */
    size_t row_count;
    struct conversation_amend amends[ROWS_EACH * REDACT_WINDOW];
};

/* --- one change ---------------------------------------------------------------------------------
 */

/* What becomes of the rows; a body that is empty stays as it is. */
struct outcome {
    struct cc_slice target;
    struct cc_slice edit; /* of the row `edit_seq`: an edit without its text */
    uint64_t edit_seq;
};

void redact_blank(struct record *record)
{
    record->message.text = slice_of(NULL, 0);
    record->message.media_count = 0;
    record->message.files = slice_of(NULL, 0);
    record->message.mention_count = 0;
    record->message.meta = slice_of(NULL, 0);
    record->message.emoji = slice_of(NULL, 0);
}

static int encode(struct arena *arena, const struct record *record, struct cc_slice *ret_body)
{
    struct buffer buffer;
    int r;

    buffer_init(&buffer, arena->allocator);
    r = record_encode(&buffer, record);
    if (!r)
        r = arena_copy(arena, slice_of(buffer.data, buffer.size), ret_body);
    buffer_deinit(&buffer);
    return r;
}

/* All that an edit is without its text follows from its target. */
static int encode_edit(struct arena *arena, const struct record *target, const struct cc_id *id,
                       struct cc_slice *ret_body)
{
    struct record edit = {.message = {.kind = CC_MESSAGE_EDIT,
                                      .id = *id,
                                      .ts = id_timestamp(id),
                                      .conversation = target->message.conversation,
                                      .from = target->message.from,
                                      .target = target->message.id}};

    return encode(arena, &edit, ret_body);
}

static int change_target(struct arena *arena, struct record *target,
                         const struct cc_message *change, struct cc_slice *ret_body)
{
    if (change->kind == CC_MESSAGE_EDIT)
        target->message.text = change->text;
    else
        redact_blank(target);
    target->changed_seq = change->seq;
    target->changed_id = change->id;
    return encode(arena, target, ret_body);
}

/* A row that can't be read, or is not the target, stays as it is. */
static int apply_change(struct arena *arena, struct cc_slice body, const struct cc_message *change,
                        struct outcome *ret_outcome)
{
    struct record target;
    bool is_deleted;
    int r = record_decode(body, arena, &target);

    memset(ret_outcome, 0, sizeof *ret_outcome);
    if (r)
        return r == CC_ENOMEM ? r : 0;
    if (memcmp(&target.message.id, &change->target, sizeof change->target) != 0 ||
        target.changed_seq >= change->seq)
        return 0;
    is_deleted = target.changed_seq && redact_is_blank(&target.message);
    if (is_deleted && change->kind == CC_MESSAGE_EDIT) { /* it came too late */
        ret_outcome->edit_seq = change->seq;
        return encode_edit(arena, &target, &change->id, &ret_outcome->edit);
    }
    if (target.changed_seq && !is_deleted) {
        ret_outcome->edit_seq = target.changed_seq;
        r = encode_edit(arena, &target, &target.changed_id, &ret_outcome->edit);
    }
    return r ? r : change_target(arena, &target, change, &ret_outcome->target);
}

/* --- memory -------------------------------------------------------------------------------------
 */

static int replace_recent(struct conversation *conversation, uint64_t seq, struct cc_slice body)
{
    const struct message *old = conversation_recent(conversation, seq);
    struct message *message;
    int r;

    if (!old || !body.size)
        return 0;
    r = message_decode(&conversation->engine->allocator, body, seq, old->offset, &message);
    if (r)
        return r;
    conversation_replace_recent(conversation, message);
    message_unref(message);
    return 0;
}

int redact_recent(struct conversation *conversation, const struct record *change, uint64_t seq)
{
    const struct message *target = conversation_recent(conversation, change->target_seq);
    struct cc_message message = change->message;
    struct outcome outcome;
    struct arena arena;
    int r;

    if (!target)
        return 0;
    message.seq = seq;
    arena_init(&arena, &conversation->engine->allocator);
    r = apply_change(&arena, target->record, &message, &outcome);
    if (!r)
        r = replace_recent(conversation, outcome.edit_seq, outcome.edit);
    if (!r)
        r = replace_recent(conversation, change->target_seq, outcome.target);
    arena_deinit(&arena);
    return r;
}

/* --- the store ----------------------------------------------------------------------------------
 */

static void window_start(struct redaction *redaction);

static const struct message *change_at(const struct redaction *redaction, size_t index)
{
    return redaction->flush->writing->changes[redaction->first + index];
}

static void redaction_end(struct redaction *redaction, int status)
{
    arena_clear(&redaction->arena);
    flush_redacted(redaction->flush, status);
}

static void op_begin(struct redaction *redaction, struct cc_op *op,
                     void (*complete)(struct cc_op *op))
{
    redaction->waiting++;
    redaction->flush->partition->operations++;
    engine_op_begin(redaction->flush->partition->engine, op, complete);
}

/* True when it was the last one. */
static bool op_done(struct redaction *redaction, const struct cc_op *op)
{
    engine_op_done(redaction->flush->partition->engine, op);
    redaction->flush->partition->operations--;
    if (op->status)
        redaction->status = op->status;
    return --redaction->waiting == 0;
}

static void window_end(struct redaction *redaction)
{
    redaction->first += redaction->count;
    if (redaction->status || redaction->first == redaction->flush->writing->change_count)
        redaction_end(redaction, redaction->status);
    else
        window_start(redaction);
}

static void amended(struct cc_op *op)
{
    struct conversation_amend *amend = container_of(op, struct conversation_amend, op.op);
    struct redaction *redaction = amend->redaction;
    bool is_last = op_done(redaction, op);

    cc_op_release(op);
    if (is_last)
        window_end(redaction);
}

static int rows_compare(const void *a, const void *b)
{
    const struct cc_store_row *left = a;
    const struct cc_store_row *right = b;
    int r = slice_compare(left->conversation, right->conversation);

    return r ? r : (left->seq > right->seq) - (left->seq < right->seq);
}

/* Rows of one conversation go together, ascending. */
static void amend_rows(struct redaction *redaction)
{
    const struct cc_store *store = &redaction->flush->partition->engine->store;
    size_t amends = 0;

    qsort(redaction->rows, redaction->row_count, sizeof redaction->rows[0], rows_compare);
    for (size_t i = 0; i < redaction->row_count;) {
        struct conversation_amend *amend = &redaction->amends[amends++];
        size_t end = i + 1;

        while (end < redaction->row_count &&
               slice_equal(redaction->rows[end].conversation, redaction->rows[i].conversation))
            end++;
        memset(amend, 0, sizeof *amend);
        amend->redaction = redaction;
        amend->op.conversation = redaction->rows[i].conversation;
        amend->op.rows = &redaction->rows[i];
        amend->op.row_count = end - i;
        i = end;
        op_begin(redaction, &amend->op.op, amended);
        store->vtable->amend(store->self, &amend->op);
    }
}

static struct cc_store_row *row_find(struct redaction *redaction, struct cc_slice conversation,
                                     uint64_t seq)
{
    for (size_t i = 0; i < redaction->row_count; i++)
        if (redaction->rows[i].seq == seq &&
            slice_equal(redaction->rows[i].conversation, conversation))
            return &redaction->rows[i];
    return NULL;
}

static void row_set(struct redaction *redaction, struct cc_slice conversation, uint64_t seq,
                    struct cc_slice body)
{
    struct cc_store_row *row = row_find(redaction, conversation, seq);

    if (!body.size)
        return;
    if (!row)
        row = &redaction->rows[redaction->row_count++];
    row->conversation = conversation;
    row->seq = seq;
    row->body = body;
}

static int change_one(struct redaction *redaction, size_t index)
{
    const struct cc_store_read_rows *read = &redaction->reads[index].op;
    const struct message *change = change_at(redaction, index);
    struct cc_slice conversation = change->view.conversation;
    const struct cc_store_row *target = row_find(redaction, conversation, change->target_seq);
    struct outcome outcome;
    int r;

    if (!target && read->ret_count)
        target = &read->ret_rows[0];
    if (!target)
        return 0; /* it was removed */
    r = apply_change(&redaction->arena, target->body, &change->view, &outcome);
    if (r)
        return r;
    row_set(redaction, conversation, change->target_seq, outcome.target);
    row_set(redaction, conversation, outcome.edit_seq, outcome.edit);
    return 0;
}

static void targets_read(struct redaction *redaction)
{
    for (size_t i = 0; !redaction->status && i < redaction->count; i++)
        redaction->status = change_one(redaction, i);
    for (size_t i = 0; i < redaction->count; i++)
        cc_op_release(&redaction->reads[i].op.op);
    if (!redaction->status && redaction->row_count)
        amend_rows(redaction);
    else
        window_end(redaction);
}

static void target_read(struct cc_op *op)
{
    struct target_read *read = container_of(op, struct target_read, op.op);

    if (op_done(read->redaction, op))
        targets_read(read->redaction);
}

static void window_start(struct redaction *redaction)
{
    const struct cc_store *store = &redaction->flush->partition->engine->store;
    size_t left = redaction->flush->writing->change_count - redaction->first;

    redaction->count = left < REDACT_WINDOW ? left : REDACT_WINDOW;
    redaction->row_count = 0;
    arena_clear(&redaction->arena);
    for (size_t i = 0; i < redaction->count; i++) {
        struct target_read *read = &redaction->reads[i];

        memset(read, 0, sizeof *read);
        read->redaction = redaction;
        read->op.conversation = change_at(redaction, i)->view.conversation;
        read->op.from = change_at(redaction, i)->target_seq;
        read->op.to = read->op.from;
        read->op.limit = 1;
        op_begin(redaction, &read->op.op, target_read);
        store->vtable->read_rows(store->self, &read->op);
    }
}

void redact_start(struct flush *flush)
{
    const struct cc_allocator *allocator = &flush->partition->engine->allocator;

    if (!flush->redaction) {
        flush->redaction = mem_zalloc(allocator, 1, sizeof *flush->redaction);
        if (!flush->redaction) {
            flush_redacted(flush, CC_ENOMEM);
            return;
        }
        flush->redaction->flush = flush;
        arena_init(&flush->redaction->arena, allocator);
    }
    flush->redaction->first = 0;
    flush->redaction->status = 0;
    window_start(flush->redaction);
}

void redact_free(struct redaction *redaction)
{
    if (!redaction)
        return;
    arena_deinit(&redaction->arena);
    mem_free(redaction->arena.allocator, redaction);
}
