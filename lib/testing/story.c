/*
 * Stories: a log's records as functions of their offset, written to a store and checked there.
 *
 * Record n is in conversation n % conversations, with seq n / conversations + 1. It comes from one
 * user and has an inbox entry for that one and the next. Its offset in the log is 3 n + 1: offsets
 * have gaps, as where other kinds of records stand between.
 */
#include "testing/store_steps.h"

#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES 40

struct story_write {
    struct cc_store_write op;
    struct cc_store_row *rows;
    struct cc_store_head *heads;
    struct cc_store_inbox *inbox;
    struct cc_store_dedup *dedup;
    char *bodies;
    char (*names)[NAME_BYTES]; /* of conversations, then of users */
};

static uint64_t offset_of(uint64_t record)
{
    return 3 * record + 1;
}

static size_t body_size(const struct story *story, uint64_t record)
{
    return story->body_bytes ? (record * 7919) % (story->body_bytes + 1) : 0;
}

static char body_byte(uint64_t record, size_t at)
{
    return (char)(record * 13 + at);
}

static uint64_t sender_of(const struct story *story, uint64_t record)
{
    return record * 5 % story->users;
}

static void conversation_print(const struct story *story, uint64_t number, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "room%u-%llu", (unsigned)story->partition,
             (unsigned long long)number);
}

/* True when the user gets an entry for the record. */
static bool concerns(const struct story *story, uint64_t record, uint64_t user)
{
    uint64_t sender = sender_of(story, record);

    return user == sender || user == (sender + 1) % story->users;
}

/* --- writing --- */

static void write_free(struct story_write *write)
{
    free(write->rows);
    free(write->heads);
    free(write->inbox);
    free(write->dedup);
    free(write->bodies);
    free(write->names);
    free(write);
}

static struct story_write *write_new(const struct story *story, uint64_t count)
{
    struct story_write *write = calloc(1, sizeof *write);

    if (!write)
        return NULL;
    write->rows = calloc(count + 1, sizeof *write->rows);
    write->heads = calloc(count + 1, sizeof *write->heads);
    write->inbox = calloc(2 * count + 1, sizeof *write->inbox);
    write->dedup = calloc(count + 1, sizeof *write->dedup);
    write->bodies = malloc(count * (story->body_bytes + 1) + 1);
    write->names = calloc(story->conversations + story->users, sizeof *write->names);
    if (write->rows && write->heads && write->inbox && write->dedup && write->bodies &&
        write->names)
        return write;
    write_free(write);
    return NULL;
}

static void names_make(const struct story *story, struct story_write *write)
{
    for (uint64_t i = 0; i < story->conversations; i++)
        conversation_print(story, i, write->names[i]);
    for (uint64_t i = 0; i < story->users; i++)
        snprintf(write->names[story->conversations + i], NAME_BYTES, "user%llu",
                 (unsigned long long)i);
}

static struct cc_slice conversation_name(const struct story *story, const struct story_write *write,
                                         uint64_t record)
{
    return slice_str(write->names[record % story->conversations]);
}

static struct cc_slice user_name(const struct story *story, const struct story_write *write,
                                 uint64_t user)
{
    return slice_str(write->names[story->conversations + user % story->users]);
}

/* Adds the next record; arrays are filled from their end, so that they do not come in order. */
static void record_add(const struct story *story, struct story_write *write, uint64_t record,
                       size_t place)
{
    char *body = write->bodies + place * (story->body_bytes + 1);
    size_t size = body_size(story, record);
    uint64_t seq = record / story->conversations + 1;
    uint64_t sender = sender_of(story, record);
    struct cc_slice name = conversation_name(story, write, record);
    struct cc_store_row row = {name, seq, offset_of(record), slice_of(body, size)};
    struct cc_store_head head = {name, seq, offset_of(record), seq / 2, (int64_t)record, seq / 3};
    struct cc_store_dedup run = {user_name(story, write, sender), offset_of(record),
                                 (int64_t)record, slice_of(body, size < 20 ? size : 20)};

    for (size_t i = 0; i < size; i++)
        body[i] = body_byte(record, i);
    write->rows[place] = row;
    write->heads[place] = head;
    write->dedup[place] = run;
    for (uint64_t i = 0; i < 2; i++) {
        struct cc_store_inbox entry = {user_name(story, write, sender + i), offset_of(record), name,
                                       seq};

        write->inbox[2 * place + i] = entry;
    }
}

struct story_write *story_write_begin(struct stores *store, const struct story *story,
                                      uint64_t from, uint64_t to)
{
    size_t count = (size_t)(to - from);
    struct story_write *write = write_new(story, count);

    if (!write)
        return NULL;
    names_make(story, write);
    for (size_t i = 0; i < count; i++)
        record_add(story, write, from + i, count - 1 - i);
    write->op = (struct cc_store_write){
        .partition = story->partition,
        .offset = offset_of(to),
        .rows = write->rows,
        .row_count = count,
        .heads = write->heads,
        .head_count = count,
        .inbox = write->inbox,
        .inbox_count = 2 * count,
        .dedup = write->dedup,
        .dedup_count = count,
    };
    suite_submit(store->suite, &write->op.op);
    store->port.vtable->write(store->port.self, &write->op);
    return write;
}

int story_write_end(struct stores *store, struct story_write *write)
{
    int r = suite_wait(store->suite, &write->op.op);

    cc_op_release(&write->op.op);
    write_free(write);
    return r;
}

int story_write(struct stores *store, const struct story *story, uint64_t from, uint64_t to)
{
    struct story_write *write = story_write_begin(store, story, from, to);

    return write ? story_write_end(store, write) : CC_ENOMEM;
}

/* --- checking --- */

static bool row_is_right(const struct story *story, const struct cc_store_row *row, uint64_t record)
{
    size_t size = body_size(story, record);
    bool is_right = row->seq == record / story->conversations + 1 &&
                    row->offset == offset_of(record) && row->body.size == size;

    for (size_t i = 0; is_right && i < size; i++)
        is_right = row->body.data[i] == body_byte(record, i);
    return is_right;
}

/* The records of a conversation below `to`. */
static uint64_t rows_of(const struct story *story, uint64_t conversation, uint64_t to)
{
    return to > conversation ? (to - conversation - 1) / story->conversations + 1 : 0;
}

static void check_rows(struct stores *store, const struct story *story, uint64_t conversation,
                       uint64_t to)
{
    char name[NAME_BYTES];
    struct cc_store_read_rows op = {.from = 0, .to = UINT64_MAX, .limit = SIZE_MAX};
    bool is_right;

    conversation_print(story, conversation, name);
    op.conversation = slice_str(name);
    CHECK_STATUS(store->suite, STORE_RUN(store, read_rows, &op), 0);
    is_right = op.ret_count == rows_of(story, conversation, to);
    for (size_t i = 0; is_right && i < op.ret_count; i++)
        is_right = row_is_right(story, &op.ret_rows[i], conversation + i * story->conversations);
    cc_op_release(&op.op);
    CHECK(store->suite, is_right);
}

static void check_head(struct stores *store, const struct story *story, uint64_t conversation,
                       uint64_t to)
{
    uint64_t seq = rows_of(story, conversation, to);
    uint64_t record = conversation + (seq - 1) * story->conversations;
    struct text wanted = {0};
    char name[NAME_BYTES];

    conversation_print(story, conversation, name);
    if (seq)
        text_add(&wanted, "%llu@%llu v%llu t%llu s%llu", (unsigned long long)seq,
                 (unsigned long long)offset_of(record), (unsigned long long)seq / 2,
                 (unsigned long long)record, (unsigned long long)seq / 3);
    else
        text_add(&wanted, "0@0 v0 t0 s0");
    CHECK_READ(store, wanted.bytes, sto_read_head, name);
}

static bool inbox_is_right(const struct story *story, const struct cc_store_inbox *entry,
                           uint64_t record)
{
    char name[NAME_BYTES];

    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a story has at least one conversation */
    conversation_print(story, record % story->conversations, name);
    return entry->offset == offset_of(record) && entry->seq == record / story->conversations + 1 &&
           slice_equal(entry->conversation, slice_str(name));
}

static void check_inbox(struct stores *store, const struct story *story, uint64_t user, uint64_t to)
{
    char name[NAME_BYTES];
    struct cc_store_read_inbox op = {
        .partition = story->partition, .before = UINT64_MAX, .limit = SIZE_MAX};
    size_t count = 0;
    bool is_right = true;

    snprintf(name, sizeof name, "user%llu", (unsigned long long)user);
    op.user = slice_str(name);
    CHECK_STATUS(store->suite, STORE_RUN(store, read_inbox, &op), 0);
    for (uint64_t record = 0; is_right && record < to; record++)
        if (concerns(story, record, user))
            is_right =
                count < op.ret_count && inbox_is_right(story, &op.ret_entries[count++], record);
    is_right = is_right && count == op.ret_count && !op.ret_more;
    cc_op_release(&op.op);
    CHECK(store->suite, is_right);
}

static bool run_is_right(const struct story *story, const struct cc_store_dedup *run,
                         uint64_t record)
{
    size_t size = body_size(story, record);
    size_t wanted = size < 20 ? size : 20;
    bool is_right = run->offset == offset_of(record) && run->ts == (int64_t)record &&
                    run->entries.size == wanted;

    for (size_t i = 0; is_right && i < wanted; i++)
        is_right = run->entries.data[i] == body_byte(record, i);
    return is_right;
}

static void check_dedup(struct stores *store, const struct story *story, uint64_t user, uint64_t to)
{
    char name[NAME_BYTES];
    struct cc_store_read_dedup op = {.partition = story->partition};
    size_t count = 0;
    bool is_right = true;

    snprintf(name, sizeof name, "user%llu", (unsigned long long)user);
    op.sender = slice_str(name);
    CHECK_STATUS(store->suite, STORE_RUN(store, read_dedup, &op), 0);
    for (uint64_t record = 0; is_right && record < to; record++)
        if (sender_of(story, record) == user)
            is_right = count < op.ret_count && run_is_right(story, &op.ret_runs[count++], record);
    is_right = is_right && count == op.ret_count;
    cc_op_release(&op.op);
    CHECK(store->suite, is_right);
}

void story_check(struct stores *store, const struct story *story, uint64_t to)
{
    for (uint64_t i = 0; i < story->conversations && !suite_has_failed(store->suite); i++) {
        check_rows(store, story, i, to);
        check_head(store, story, i, to);
    }
    for (uint64_t i = 0; i < story->users && !suite_has_failed(store->suite); i++) {
        check_inbox(store, story, i, to);
        check_dedup(store, story, i, to);
    }
}
