/*
 * Steps on a store.
 */
#include "testing/store_steps.h"

#include "chatcore/error.h"

#include <stdlib.h>

/* --- batches --- */

void sto_add_row(struct sto_batch *batch, const char *conversation, uint64_t seq, uint64_t offset,
                 const char *body)
{
    struct cc_store_row row = {slice_str(conversation), seq, offset, slice_str(body)};

    if (batch->row_count < STO_BATCH_MAX)
        batch->rows[batch->row_count++] = row;
}

void sto_add_head(struct sto_batch *batch, const char *conversation, uint64_t seq, uint64_t offset,
                  uint64_t member_version)
{
    struct cc_store_head head = {slice_str(conversation), seq,    offset, member_version,
                                 1000 + (int64_t)seq,     seq / 2};

    if (batch->head_count < STO_BATCH_MAX)
        batch->heads[batch->head_count++] = head;
}

void sto_add_inbox(struct sto_batch *batch, const char *user, uint64_t offset,
                   const char *conversation, uint64_t seq)
{
    struct cc_store_inbox entry = {slice_str(user), offset, slice_str(conversation), seq};

    if (batch->inbox_count < STO_BATCH_MAX)
        batch->inbox[batch->inbox_count++] = entry;
}

void sto_add_dedup(struct sto_batch *batch, const char *sender, uint64_t offset, int64_t ts,
                   const char *entries)
{
    struct cc_store_dedup run = {slice_str(sender), offset, ts, slice_str(entries)};

    if (batch->dedup_count < STO_BATCH_MAX)
        batch->dedup[batch->dedup_count++] = run;
}

void sto_add_cursor(struct sto_batch *batch, const char *user, const char *device,
                    const char *conversation, uint64_t delivered, uint64_t read)
{
    struct cc_store_cursor cursor = {slice_str(user), slice_str(device), slice_str(conversation),
                                     delivered, read};

    if (batch->cursor_count < STO_BATCH_MAX)
        batch->cursors[batch->cursor_count++] = cursor;
}

int sto_write(struct stores *store, struct sto_batch *batch)
{
    struct cc_store_write op = {
        .partition = batch->partition,
        .offset = batch->offset,
        .dedup_before = batch->dedup_before,
        .rows = batch->rows,
        .row_count = batch->row_count,
        .heads = batch->heads,
        .head_count = batch->head_count,
        .inbox = batch->inbox,
        .inbox_count = batch->inbox_count,
        .dedup = batch->dedup,
        .dedup_count = batch->dedup_count,
    };
    int r = STORE_RUN(store, write, &op);

    cc_op_release(&op.op);
    memset(batch, 0, sizeof *batch);
    return r;
}

int sto_write_cursors(struct stores *store, struct sto_batch *batch)
{
    struct cc_store_write_cursors op = {.cursors = batch->cursors, .count = batch->cursor_count};
    int r = STORE_RUN(store, write_cursors, &op);

    cc_op_release(&op.op);
    memset(batch, 0, sizeof *batch);
    return r;
}

/* --- reading as text --- */

static void add_status(struct text *text, int status)
{
    if (status)
        text_add(text, "%s", cc_error_name(status));
}

void sto_read_rows(struct stores *store, const char *conversation, struct sto_range range,
                   struct text *text)
{
    struct cc_store_read_rows op = {.conversation = slice_str(conversation),
                                    .from = range.from,
                                    .to = range.to,
                                    .limit = range.limit,
                                    .descending = range.descending};
    int r = STORE_RUN(store, read_rows, &op);

    add_status(text, r);
    for (size_t i = 0; !r && i < op.ret_count; i++) {
        const struct cc_store_row *row = &op.ret_rows[i];

        text_add(text, "%s%llu:%.*s", i ? " " : "", (unsigned long long)row->seq,
                 SLICE_ARGUMENTS(row->body));
        if (!slice_equal(row->conversation, op.conversation))
            text_add(text, "(of another conversation)");
    }
    cc_op_release(&op.op);
}

void sto_read_inbox(struct stores *store, const char *user, uint32_t partition,
                    struct sto_range range, struct text *text)
{
    struct cc_store_read_inbox op = {.user = slice_str(user),
                                     .partition = partition,
                                     .from = range.from,
                                     .before = range.to,
                                     .limit = range.limit};
    int r = STORE_RUN(store, read_inbox, &op);

    add_status(text, r);
    for (size_t i = 0; !r && i < op.ret_count; i++) {
        const struct cc_store_inbox *entry = &op.ret_entries[i];

        text_add(text, "%s%llu:%.*s/%llu", i ? " " : "", (unsigned long long)entry->offset,
                 SLICE_ARGUMENTS(entry->conversation), (unsigned long long)entry->seq);
        if (!slice_equal(entry->user, op.user))
            text_add(text, "(of another user)");
    }
    if (!r && op.ret_more)
        text_add(text, " …");
    cc_op_release(&op.op);
}

void sto_read_dedup(struct stores *store, const char *sender, uint32_t partition, struct text *text)
{
    struct cc_store_read_dedup op = {.sender = slice_str(sender), .partition = partition};
    int r = STORE_RUN(store, read_dedup, &op);

    add_status(text, r);
    for (size_t i = 0; !r && i < op.ret_count; i++) {
        const struct cc_store_dedup *run = &op.ret_runs[i];

        text_add(text, "%s%llu@%lld:%.*s", i ? " " : "", (unsigned long long)run->offset,
                 (long long)run->ts, SLICE_ARGUMENTS(run->entries));
        if (!slice_equal(run->sender, op.sender))
            text_add(text, "(of another sender)");
    }
    cc_op_release(&op.op);
}

static int compare_cursors(const void *a, const void *b)
{
    const struct cc_store_cursor *left = a;
    const struct cc_store_cursor *right = b;

    return slice_compare(left->conversation, right->conversation);
}

static void add_cursors(struct text *text, const struct cc_store_read_cursors *op)
{
    struct cc_store_cursor sorted[STO_BATCH_MAX];
    size_t count = op->ret_count < STO_BATCH_MAX ? op->ret_count : STO_BATCH_MAX;

    if (count)
        memcpy(sorted, op->ret_cursors, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare_cursors);
    for (size_t i = 0; i < count; i++) {
        text_add(text, "%s%.*s=%llu/%llu", i ? " " : "", SLICE_ARGUMENTS(sorted[i].conversation),
                 (unsigned long long)sorted[i].delivered, (unsigned long long)sorted[i].read);
        if (!slice_equal(sorted[i].user, op->user) || !slice_equal(sorted[i].device, op->device))
            text_add(text, "(of another device)");
    }
    if (op->ret_count > count)
        text_add(text, " and more");
}

void sto_read_cursors(struct stores *store, const char *user, const char *device,
                      const char *conversations, struct text *text)
{
    struct cc_slice named[STO_BATCH_MAX];
    struct cc_store_read_cursors op = {
        .user = slice_str(user), .device = slice_str(device), .limit = SIZE_MAX};
    int r;

    for (const char *at = conversations; at && *at && op.count < STO_BATCH_MAX;) {
        size_t size = strcspn(at, " ");

        named[op.count++] = slice_of(at, size);
        at += size + strspn(at + size, " ");
    }
    if (conversations)
        op.conversations = named;
    r = STORE_RUN(store, read_cursors, &op);
    add_status(text, r);
    if (!r)
        add_cursors(text, &op);
    cc_op_release(&op.op);
}

void sto_read_head(struct stores *store, const char *conversation, struct text *text)
{
    struct cc_slice conversations[1] = {slice_str(conversation)};
    struct cc_store_read_heads op = {.conversations = conversations, .count = 1};
    int r = STORE_RUN(store, read_heads, &op);

    add_status(text, r);
    if (!r)
        text_add(text, "%llu@%llu v%llu t%lld s%llu", (unsigned long long)op.ret_heads[0].seq,
                 (unsigned long long)op.ret_heads[0].offset,
                 (unsigned long long)op.ret_heads[0].member_version, (long long)op.ret_heads[0].ts,
                 (unsigned long long)op.ret_heads[0].said);
    cc_op_release(&op.op);
}

int sto_amend(struct stores *store, const char *conversation, uint64_t before,
              struct sto_batch *batch)
{
    struct cc_store_amend op = {.conversation = slice_str(conversation),
                                .before = before,
                                .rows = batch->rows,
                                .row_count = batch->row_count};
    int r = STORE_RUN(store, amend, &op);

    cc_op_release(&op.op);
    memset(batch, 0, sizeof *batch);
    return r;
}

void sto_list_heads(struct stores *store, const char *after, size_t limit, struct text *text)
{
    struct cc_store_list_heads op = {.after = slice_str(after), .limit = limit};
    int r = STORE_RUN(store, list_heads, &op);

    for (size_t i = 0; !r && i < op.ret_count; i++)
        text_add(text, "%s%.*s=%llu", i ? " " : "", SLICE_ARGUMENTS(op.ret_heads[i].conversation),
                 (unsigned long long)op.ret_heads[i].seq);
    if (r)
        text_add(text, "%s", cc_error_name(r));
    else if (op.ret_more)
        text_add(text, " …");
    cc_op_release(&op.op);
}

void sto_read_offset(struct stores *store, uint32_t partition, struct text *text)
{
    struct cc_store_read_offset op = {.partition = partition};
    int r = STORE_RUN(store, read_offset, &op);

    add_status(text, r);
    if (!r)
        text_add(text, "%llu", (unsigned long long)op.ret_offset);
    cc_op_release(&op.op);
}
