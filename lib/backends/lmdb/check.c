/*
 * Checking log and store, and the check as a whole.
 */
#include "backends/lmdb/check.h"

#include "backends/lmdb/chunk.h"
#include "base/options.h"
#include "wire/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* The longest line about a fault: three names, and the words around them. */
#define FAULT_BYTES 512

void check_found(struct check *check, const char *part, const char *format, ...)
{
    char text[FAULT_BYTES];
    va_list arguments;

    check->findings.faults++;
    if (!check->options->fault)
        return;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is above */
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check->options->fault(check->options->context, part, text);
}

static void on_damage(void *context, const char *part, const char *table)
{
    struct check *check = context;

    check_found(check, part, "an entry of the table %s can't be decoded", table);
}

static void on_progress(void *context, uint64_t done, uint64_t all)
{
    const struct cc_lmdb_check_options *options = ((struct check *)context)->options;

    if (options->progress)
        options->progress(options->context, done, all);
}

/* --- the log --- */

static int record_check(void *context, uint32_t partition, const struct cc_log_record *record)
{
    struct check *check = context;
    struct check_partition *of = &check->partitions[partition];
    struct record decoded;
    int r;

    if (record->offset != of->next)
        check_found(check, "log",
                    "partition %" PRIu32 ": offset %" PRIu64 " stands where %" PRIu64 " should",
                    partition, record->offset, of->next);
    of->next = record->offset + 1;
    check->findings.records++;
    r = record_decode(record->data, &check->arena, &decoded);
    arena_clear(&check->arena);
    if (r == CC_ENOMEM)
        return r;
    if (r)
        check_found(check, "log", "partition %" PRIu32 ": the record at %" PRIu64 ": %s", partition,
                    record->offset, cc_strerror(r));
    return 0;
}

static int position_check(void *context, struct cc_slice consumer, uint32_t partition,
                          uint64_t offset)
{
    struct check *check = context;
    const struct check_partition *of;

    if (partition >= check->moment.partitions) {
        check_found(check, "log", "consumer %.*s: there is no partition %" PRIu32,
                    CHECK_NAME(consumer), partition);
        return 0;
    }
    of = &check->partitions[partition];
    if (offset < of->span.first || offset > of->span.next)
        check_found(check, "log",
                    "consumer %.*s: its position %" PRIu64 " is outside of %" PRIu64 " to %" PRIu64,
                    CHECK_NAME(consumer), offset, of->span.first, of->span.next);
    return 0;
}

/* What the store has not yet must be in the log, and what it has must have been there. */
static void stored_check(struct check *check, uint32_t partition)
{
    const struct check_partition *of = &check->partitions[partition];

    if (of->stored < of->span.first)
        check_found(check, "log",
                    "partition %" PRIu32 ": the store needs %" PRIu64
                    ", the oldest that is kept is %" PRIu64,
                    partition, of->stored, of->span.first);
    else if (of->stored > of->span.next)
        check_found(check, "log",
                    "partition %" PRIu32 ": it ends at %" PRIu64 ", the store has %" PRIu64,
                    partition, of->span.next, of->stored);
    else
        check->findings.unstored += of->span.next - of->stored;
}

static int partition_begin(struct check *check, uint32_t partition)
{
    struct check_partition *of = &check->partitions[partition];
    struct store_mark mark = {0, 0};
    struct store_key key;
    int r = walk_log_span(&check->moment, partition, &of->span);

    store_key_mark(&key, partition);
    if (!r)
        r = store_get(check->moment.txn[PART_STORE], check->marks, &key, &mark, sizeof mark);
    if (r && r != MDB_NOTFOUND)
        return r;
    of->next = of->span.first;
    of->stored = mark.offset;
    stored_check(check, partition);
    return 0;
}

static int partitions_begin(struct check *check)
{
    int r = 0;

    for (uint32_t i = 0; i < check->moment.partitions && !r; i++)
        r = partition_begin(check, i);
    return r;
}

/* A hole at the end of a walk. */
static void partitions_end(struct check *check)
{
    for (uint32_t i = 0; i < check->moment.partitions; i++)
        if (check->partitions[i].next != check->partitions[i].span.next)
            check_found(check, "log", "partition %" PRIu32 ": %" PRIu64 " is missing", i,
                        check->partitions[i].next);
}

/* --- heads and rows --- */

static int head_get(struct check *check, struct cc_slice conversation,
                    struct store_head_value *ret_head)
{
    struct store_key key;

    store_key_rows(&key, conversation);
    return store_get(check->moment.txn[PART_STORE], check->heads, &key, ret_head, sizeof *ret_head);
}

static int head_check(void *context, const struct cc_store_head *head)
{
    struct check *check = context;
    struct directory_key key;
    struct cc_slice value;
    int r;

    check->findings.conversations++;
    directory_key_begin(&key, TABLE_CONVERSATIONS);
    directory_key_name(&key, head->conversation);
    r = rows_get(&check->directory, &key, &value);
    if (r == MDB_NOTFOUND)
        check_found(check, "store", "conversation %.*s is not in the directory",
                    CHECK_NAME(head->conversation));
    return r == MDB_NOTFOUND ? 0 : r;
}

/* The rows of a conversation have been walked: they must end at its head. */
static int conversation_end(struct check *check)
{
    struct cc_slice name = slice_of(check->name, check->name_size);
    struct store_head_value head;
    int r;

    if (!check->name_size)
        return 0;
    r = head_get(check, name, &head);
    if (r == MDB_NOTFOUND)
        check_found(check, "store", "conversation %.*s has rows and no head", CHECK_NAME(name));
    else if (!r && (head.seq != check->last.seq || head.offset != check->last.offset))
        check_found(check, "store",
                    "conversation %.*s: the head is seq %" PRIu64 " (offset %" PRIu64
                    "), the newest row seq %" PRIu64 " (offset %" PRIu64 ")",
                    CHECK_NAME(name), head.seq, head.offset, check->last.seq, check->last.offset);
    return r == MDB_NOTFOUND ? 0 : r;
}

static int conversation_begin(struct check *check, const struct cc_store_row *row)
{
    int r = conversation_end(check);

    memcpy(check->name, row->conversation.data, row->conversation.size);
    check->name_size = row->conversation.size;
    check->findings.shortened += row->seq > 1;
    return r;
}

static int body_check(struct check *check, const struct cc_store_row *row)
{
    struct record record;
    int r = record_decode(row->body, &check->arena, &record);

    if (!r && !slice_equal(record.message.conversation, row->conversation))
        check_found(check, "store", "conversation %.*s: seq %" PRIu64 " holds a message of %.*s",
                    CHECK_NAME(row->conversation), row->seq,
                    CHECK_NAME(record.message.conversation));
    arena_clear(&check->arena);
    if (r && r != CC_ENOMEM)
        check_found(check, "store", "conversation %.*s: seq %" PRIu64 ": %s",
                    CHECK_NAME(row->conversation), row->seq, cc_strerror(r));
    return r == CC_ENOMEM ? r : 0;
}

static int row_check(void *context, const struct cc_store_row *row)
{
    struct check *check = context;
    struct cc_slice name = slice_of(check->name, check->name_size);
    int r = 0;

    if (!slice_equal(name, row->conversation))
        r = conversation_begin(check, row);
    else if (row->seq != check->last.seq + 1)
        check_found(check, "store",
                    "conversation %.*s: seq %" PRIu64 " is followed by seq %" PRIu64,
                    CHECK_NAME(name), check->last.seq, row->seq);
    else if (row->offset <= check->last.offset)
        check_found(check, "store",
                    "conversation %.*s: seq %" PRIu64 " stands in the log before the one before it",
                    CHECK_NAME(name), row->seq);
    check->last.seq = row->seq;
    check->last.offset = row->offset;
    check->findings.rows++;
    return r ? r : body_check(check, row);
}

/* --- inboxes and cursors --- */

/* True when the row stands, with that offset, or is one of those that retention took. */
static int row_find(struct check *check, const struct cc_store_inbox *entry, bool *ret_found)
{
    struct chunk_gap gap;
    struct store_key key;
    MDB_val value;
    uint64_t first;
    int r;

    store_key_rows(&key, entry->conversation);
    r = store_seek(check->row_cursor, &key, key.size, entry->seq, &first, &value);
    *ret_found = r == MDB_NOTFOUND || (!r && first > entry->seq);
    if (r || *ret_found)
        return r == MDB_NOTFOUND ? 0 : r;
    r = chunk_rows.find(chunk_of(value.mv_data, value.mv_size), first, entry->seq, &gap);
    *ret_found = !r && gap.is_found && gap.next.row.offset == entry->offset;
    return r == MDB_CORRUPTED ? 0 : r;
}

static int inbox_check(void *context, uint32_t partition, const struct cc_store_inbox *entry)
{
    struct check *check = context;
    struct store_head_value head = {0};
    bool is_there = false;
    int r = head_get(check, entry->conversation, &head);

    (void)partition;
    check->findings.inbox++;
    if (!r && entry->seq <= head.seq)
        r = row_find(check, entry, &is_there);
    if (r && r != MDB_NOTFOUND)
        return r;
    if (!is_there)
        check_found(check, "store",
                    "the inbox of %.*s names seq %" PRIu64 " (offset %" PRIu64
                    ") of conversation %.*s, which is not there",
                    CHECK_NAME(entry->user), entry->seq, entry->offset,
                    CHECK_NAME(entry->conversation));
    return 0;
}

/* A user's own position; those under a device that no client can have are the engine's marks. What
 * the log has and the store has not may have been read already. */
static int cursor_check(void *context, const struct cc_store_cursor *cursor)
{
    struct check *check = context;
    struct store_head_value head = {0};
    uint64_t furthest = cursor->read > cursor->delivered ? cursor->read : cursor->delivered;
    int r;

    if (cursor->device.size && (unsigned char)*cursor->device.data < ' ')
        return 0;
    r = head_get(check, cursor->conversation, &head);
    if (r && r != MDB_NOTFOUND)
        return r;
    if (furthest > head.seq && furthest - head.seq > check->findings.unstored)
        check_found(check, "store",
                    "%.*s has read conversation %.*s up to seq %" PRIu64
                    ", and it ends at %" PRIu64,
                    CHECK_NAME(cursor->user), CHECK_NAME(cursor->conversation), furthest, head.seq);
    return 0;
}

/* --- the whole --- */

static int tables_open(struct check *check)
{
    MDB_txn *store = check->moment.txn[PART_STORE];
    MDB_txn *directory = check->moment.txn[PART_DIRECTORY];
    int r = mdb_dbi_open(store, "rows", 0, &check->rows);

    if (!r)
        r = mdb_dbi_open(store, "heads", 0, &check->heads);
    if (!r)
        r = mdb_dbi_open(store, "marks", 0, &check->marks);
    if (!r)
        r = mdb_cursor_open(store, check->rows, &check->row_cursor);
    check->directory.txn = directory;
    return r ? r : mdb_dbi_open(directory, "directory", 0, &check->directory.table);
}

static int tables_check(struct check *check)
{
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;
    struct walk walk = {.visitor = &visitor,
                        .moment = &check->moment,
                        .progress = on_progress,
                        .damage = on_damage,
                        .context = check};
    int r;

    visitor.context = check;
    visitor.record = record_check;
    visitor.position = position_check;
    visitor.head = head_check;
    visitor.row = row_check;
    visitor.inbox = inbox_check;
    visitor.cursor = cursor_check;
    check_directory_visit(&visitor);
    r = partitions_begin(check);
    if (!r)
        r = walk_moment(&walk);
    if (!r)
        r = conversation_end(check);
    partitions_end(check);
    return r ? r : check_directory_end(check);
}

static int run(struct check *check)
{
    int r = moment_begin(&check->moment, check->arena.allocator, check->options->path);

    if (!r)
        r = tables_open(check);
    return r ? r : tables_check(check);
}

static int check_new(const struct cc_lmdb_check_options *options, struct check **ret_check)
{
    const struct cc_allocator *allocator = cc_allocator_default();
    struct check *check = mem_zalloc(allocator, 1, sizeof *check);

    if (!check)
        return CC_ENOMEM;
    check->options = options;
    arena_init(&check->arena, allocator);
    *ret_check = check;
    return 0;
}

static void check_free(struct check *check)
{
    const struct cc_allocator *allocator = check->arena.allocator;

    if (check->row_cursor)
        mdb_cursor_close(check->row_cursor);
    moment_end(&check->moment);
    arena_deinit(&check->arena);
    mem_free(allocator, check);
}

int cc_lmdb_check(const struct cc_lmdb_check_options *options,
                  struct cc_lmdb_findings *ret_findings)
{
    struct environment environment = {.name = "check"};
    struct cc_lmdb_check_options given;
    struct check *check;
    int r;

    if (!options || options_read(&given, sizeof given, options) || !given.path)
        return CC_EINVAL;
    r = check_new(&given, &check);
    if (r)
        return r;
    environment.trace = given.trace;
    environment.folder = (char *)given.path;
    r = environment_error(&environment, run(check));
    if (!r)
        *ret_findings = check->findings;
    check_free(check);
    return r;
}
