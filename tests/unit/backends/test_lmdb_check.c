/*
 * Walking and checking data folders: what is sound has no faults, and each kind of damage is found.
 * Folders are written through the ports, with what an engine would not write; what the ports refuse
 * is written below them.
 */
#include "backends/lmdb/directory.h"
#include "backends/lmdb/log.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "chatcore/backend/lmdb.h"
#include "chatcore/error.h"
#include "chatcore/host.h"
#include "support/folder.h"
#include "support/test.h"
#include "wire/record.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS 4

/* What is written: a sound folder, but for what a test changes. */
struct contents {
    struct buffer bodies[RECORDS];
    struct cc_slice records[RECORDS];
    size_t record_count;
    struct cc_store_row rows[RECORDS];
    struct cc_store_head head;
    struct cc_store_inbox inbox;
    struct cc_store_cursor cursor;
    uint64_t stored;
    bool has_conversation;
};

struct fixture {
    struct folder folder;
    struct cc_lmdb_options options;
    struct contents contents;
    struct cc_lmdb_findings found;
    char faults[4096];
};

/* --- operations, one at a time --- */

static void on_complete(struct cc_op *op)
{
    op->backend = op; /* the backend is done with it */
}

#define RUN(port, slot, operation)                                                                 \
    do {                                                                                           \
        struct cc_mailbox mailbox = {0};                                                           \
        (operation)->op.mailbox = &mailbox;                                                        \
        (operation)->op.complete = on_complete;                                                    \
        (port).vtable->slot((port).self, (operation));                                             \
        while (!cc_mailbox_drain(&mailbox))                                                        \
            sched_yield();                                                                         \
        cc_op_release(&(operation)->op);                                                           \
        assert_int_equal((operation)->op.status, 0);                                               \
    } while (0)

/* --- a sound folder --- */

static void record_make(struct buffer *body, const char *conversation)
{
    struct record record = {.message = {.kind = CC_MESSAGE_TEXT, .ts = 1700000000000}};

    buffer_init(body, cc_allocator_default());
    record.message.conversation = slice_str(conversation);
    record.message.id.bytes[15] = 1;
    record.message.from = slice_str("alice");
    record.message.text = slice_str("hello");
    record.origin = slice_str("node");
    assert_int_equal(record_encode(body, &record), 0);
}

static void contents_make(struct contents *contents)
{
    struct cc_slice g = slice_str("g");

    for (size_t i = 0; i < RECORDS; i++) {
        record_make(&contents->bodies[i], "g");
        contents->records[i] = buffer_slice(&contents->bodies[i]);
        contents->rows[i] = (struct cc_store_row){g, i + 1, i, contents->records[i]};
    }
    contents->record_count = RECORDS;
    contents->head = (struct cc_store_head){g, RECORDS, RECORDS - 1, 1, 1700000000000};
    contents->inbox = (struct cc_store_inbox){slice_str("bob"), 2, g, 3};
    contents->cursor = (struct cc_store_cursor){slice_str("bob"), slice_str("phone"), g, 3, 2};
    contents->stored = RECORDS;
    contents->has_conversation = true;
}

static void log_write(struct fixture *fixture)
{
    struct contents *contents = &fixture->contents;
    struct cc_log_append append = {.records = contents->records, .count = contents->record_count};
    struct cc_log log;

    assert_int_equal(cc_lmdb_log_open(NULL, &fixture->options, &log), 0);
    RUN(log, append, &append);
    log.vtable->free(log.self);
}

static void store_write(struct fixture *fixture)
{
    struct contents *contents = &fixture->contents;
    struct cc_store_write write = {.offset = contents->stored,
                                   .rows = contents->rows,
                                   .row_count = RECORDS,
                                   .heads = &contents->head,
                                   .head_count = 1,
                                   .inbox = &contents->inbox,
                                   .inbox_count = 1};
    struct cc_store_write_cursors cursors = {.cursors = &contents->cursor, .count = 1};
    struct cc_store store;

    assert_int_equal(cc_lmdb_store_open(NULL, &fixture->options, &store), 0);
    RUN(store, write, &write);
    RUN(store, write_cursors, &cursors);
    store.vtable->free(store.self);
}

static void directory_write(struct fixture *fixture)
{
    struct cc_member members[] = {{slice_str("alice"), CC_ROLE_OWNER, 1},
                                  {slice_str("bob"), CC_ROLE_MEMBER, 1}};
    struct cc_directory_create create = {.conversation = slice_str("g"),
                                         .kind = CC_KIND_GROUP,
                                         .name = slice_str("Lunch"),
                                         .members = members,
                                         .count = 2,
                                         .payload = slice_str("p")};
    struct cc_directory_relate relate = {.user = slice_str("alice"),
                                         .other = slice_str("bob"),
                                         .relation = CC_RELATION_CONTACT,
                                         .on = true};
    struct cc_directory_invite invite = {.invitation = {.token = slice_str("t"),
                                                        .conversation = slice_str("g"),
                                                        .creator = slice_str("alice")}};
    struct cc_directory directory;

    assert_int_equal(cc_lmdb_directory_open(NULL, &fixture->options, &directory), 0);
    if (fixture->contents.has_conversation) {
        RUN(directory, create, &create);
        RUN(directory, invite, &invite);
    }
    RUN(directory, relate, &relate);
    directory.vtable->free(directory.self);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;

    assert_non_null(fixture);
    folder_make(&fixture->folder);
    fixture->options = options;
    fixture->options.path = fixture->folder.path;
    fixture->options.sync = false;
    contents_make(&fixture->contents);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < RECORDS; i++)
        buffer_deinit(&fixture->contents.bodies[i]);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

/* --- checking --- */

static void on_fault(void *context, const char *part, const char *text)
{
    struct fixture *fixture = context;
    size_t size = strlen(fixture->faults);

    snprintf(fixture->faults + size, sizeof fixture->faults - size, "%s: %s\n", part, text);
}

static int check(struct fixture *fixture)
{
    struct cc_lmdb_check_options options = CC_LMDB_CHECK_OPTIONS_INIT;

    options.path = fixture->folder.path;
    options.fault = on_fault;
    options.context = fixture;
    fixture->faults[0] = '\0';
    return cc_lmdb_check(&options, &fixture->found);
}

static void folder_write(struct fixture *fixture)
{
    log_write(fixture);
    store_write(fixture);
    directory_write(fixture);
}

static void assert_fault(struct fixture *fixture, const char *line)
{
    assert_int_equal(check(fixture), 0);
    if (!strstr(fixture->faults, line))
        fail_msg("not found: %s; but:\n%s", line, fixture->faults);
    assert_int_not_equal(fixture->found.faults, 0);
}

static void a_sound_folder_has_no_faults(void **state)
{
    struct fixture *fixture = *state;

    folder_write(fixture);
    assert_int_equal(check(fixture), 0);
    assert_string_equal(fixture->faults, "");
    assert_int_equal(fixture->found.faults, 0);
    assert_int_equal(fixture->found.records, RECORDS);
    assert_int_equal(fixture->found.rows, RECORDS);
    assert_int_equal(fixture->found.conversations, 1);
    assert_int_equal(fixture->found.groups, 1);
    assert_int_equal(fixture->found.members, 2);
    assert_int_equal(fixture->found.inbox, 1);
    assert_int_equal(fixture->found.unstored, 0);
    assert_int_equal(fixture->found.shortened, 0);
}

static void what_the_store_has_not_yet_is_counted(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.stored = 1;
    folder_write(fixture);
    assert_int_equal(check(fixture), 0);
    assert_int_equal(fixture->found.faults, 0);
    assert_int_equal(fixture->found.unstored, RECORDS - 1);
}

static void retention_is_no_fault(void **state)
{
    struct fixture *fixture = *state;
    struct cc_store_amend amend = {.conversation = slice_str("g"), .before = 4};
    struct cc_store store;

    folder_write(fixture);
    assert_int_equal(cc_lmdb_store_open(NULL, &fixture->options, &store), 0);
    RUN(store, amend, &amend);
    store.vtable->free(store.self);
    assert_int_equal(check(fixture), 0);
    assert_string_equal(fixture->faults, "");
    assert_int_equal(fixture->found.shortened, 1);
    assert_int_equal(fixture->found.rows, 1);
}

/* --- the store and the log --- */

static void a_gap_of_seqs_is_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.rows[2].seq = 7;
    fixture->contents.rows[3].seq = 8;
    fixture->contents.head.seq = 8;
    folder_write(fixture);
    assert_fault(fixture, "store: conversation g: seq 2 is followed by seq 7");
}

static void a_head_that_differs_is_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.head.seq = 9;
    folder_write(fixture);
    assert_fault(fixture,
                 "store: conversation g: the head is seq 9 (offset 3), the newest row seq 4");
}

static void rows_against_the_order_of_the_log_are_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.rows[1].offset = 2;
    fixture->contents.rows[2].offset = 1;
    folder_write(fixture);
    assert_fault(fixture,
                 "store: conversation g: seq 3 stands in the log before the one before it");
}

static void rows_of_another_conversation_are_found(void **state)
{
    struct fixture *fixture = *state;

    buffer_deinit(&fixture->contents.bodies[1]);
    record_make(&fixture->contents.bodies[1], "other");
    fixture->contents.rows[1].body = buffer_slice(&fixture->contents.bodies[1]);
    fixture->contents.records[1] = fixture->contents.rows[1].body;
    folder_write(fixture);
    assert_fault(fixture, "store: conversation g: seq 2 holds a message of other");
}

static void records_that_are_none_are_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.records[2] = slice_str("nonsense");
    fixture->contents.rows[2].body = slice_str("nonsense");
    folder_write(fixture);
    assert_fault(fixture, "log: partition 0: the record at 2: ");
    assert_fault(fixture, "store: conversation g: seq 3: ");
}

static void a_store_ahead_of_its_log_is_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.record_count = 2;
    folder_write(fixture);
    assert_fault(fixture, "log: partition 0: it ends at 2, the store has 4");
}

static void an_inbox_that_names_nothing_is_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.inbox.offset = 1; /* there is seq 3, but from elsewhere in the log */
    folder_write(fixture);
    assert_fault(fixture, "store: the inbox of bob names seq 3 (offset 1) of conversation g");
}

static void an_inbox_beyond_the_head_is_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.inbox.seq = 30;
    folder_write(fixture);
    assert_fault(fixture, "store: the inbox of bob names seq 30");
}

static void a_cursor_beyond_the_head_is_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.cursor.read = 5;
    folder_write(fixture);
    assert_fault(fixture, "store: bob has read conversation g up to seq 5, and it ends at 4");
}

static void conversations_without_an_entry_are_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->contents.has_conversation = false;
    folder_write(fixture);
    assert_fault(fixture, "store: conversation g is not in the directory");
}

/* --- below the ports --- */

/* Puts a value under a key of an environment's table, or removes it where there is none. */
static void table_write(struct fixture *fixture, const char *part, const char *table, MDB_val key,
                        MDB_val *value)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 16), 0);
    assert_int_equal(mdb_env_open(env, folder_path(&fixture->folder, part), MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
    if (value)
        assert_int_equal(mdb_put(txn, dbi, &key, value, 0), 0);
    else
        assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void table_change(struct fixture *fixture, const char *part, const char *table, MDB_val key,
                         const char *bytes)
{
    MDB_val value = value_of(bytes, bytes ? strlen(bytes) : 0);

    table_write(fixture, part, table, key, bytes ? &value : NULL);
}

static void directory_delete(struct fixture *fixture, const struct directory_key *key)
{
    table_change(fixture, "directory", "directory", value_of(key->bytes, key->size), NULL);
}

static void a_lost_membership_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct directory_key key;

    folder_write(fixture);
    membership_key(&key, slice_str("bob"), slice_str("g"));
    directory_delete(fixture, &key);
    assert_fault(fixture, "directory: member bob of g does not list the conversation");
}

static void a_lost_member_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct directory_key key;

    folder_write(fixture);
    tenure_key(&key, slice_str("g"), slice_str("bob"), 1);
    directory_delete(fixture, &key);
    assert_fault(fixture, "directory: conversation g counts 2 members, and has 1");
    assert_fault(fixture, "directory: bob lists the conversation g and is no member");
}

static void relations_that_differ_are_found(void **state)
{
    struct fixture *fixture = *state;
    struct directory_key key;

    folder_write(fixture);
    directory_key_begin(&key, TABLE_RELATED_BY);
    directory_key_name(&key, slice_str("bob"));
    directory_key_name(&key, slice_str("alice"));
    directory_delete(fixture, &key);
    assert_fault(fixture, "directory: the relation of alice to bob differs from its reverse");
    assert_fault(fixture, "directory: relations: 1 entries, 0 in the index");
}

static void an_invitation_that_is_not_listed_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct directory_key key;

    folder_write(fixture);
    directory_key_begin(&key, TABLE_INVITERS);
    directory_key_name(&key, slice_str("alice"));
    directory_key_name(&key, slice_str("t"));
    directory_delete(fixture, &key);
    assert_fault(fixture, "directory: an invitation of alice to g is not listed");
    assert_fault(fixture, "directory: invitations by creator: 1 entries, 0 in the index");
}

static void entries_that_are_none_are_found_and_the_rest_is_read(void **state)
{
    struct fixture *fixture = *state;
    unsigned char head[] = {1, 'a'};

    folder_write(fixture);
    table_change(fixture, "store", "heads", value_of(head, sizeof head), "short");
    table_change(fixture, "directory", "directory", value_of("?", 1), "x");
    assert_fault(fixture, "store: an entry of the table heads can't be decoded");
    assert_fault(fixture, "directory: an entry of the table directory can't be decoded");
    assert_int_equal(fixture->found.rows, RECORDS);
}

static void another_format_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct cc_lmdb_walk_options options = CC_LMDB_WALK_OPTIONS_INIT;
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;

    folder_write(fixture);
    table_change(fixture, "store", NULL, value_of("format", 6), "\x09\x01\x01\x01\x01\x01\x01\x01");
    assert_int_equal(check(fixture), CC_EVERSION);
    options.path = fixture->folder.path;
    assert_int_equal(cc_lmdb_walk(&options, &visitor), CC_EVERSION);
}

static void more_partitions_than_there_can_be_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct format format = {LOG_FORMAT, LMDB_PARTITIONS_MAX + 1};
    MDB_val value = value_of(&format, sizeof format);

    folder_write(fixture);
    table_write(fixture, "log", NULL, value_of("format", 6), &value);
    assert_int_equal(check(fixture), CC_ECORRUPT);
}

static void a_file_that_is_cut_short_is_refused(void **state)
{
    struct fixture *fixture = *state;

    folder_write(fixture);
    assert_int_equal(truncate(folder_path(&fixture->folder, "store/data.mdb"), 3 * 4096), 0);
    assert_int_equal(check(fixture), CC_ECORRUPT);
}

static void no_folder_is_an_error(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(check(fixture), CC_EINVAL);
    folder_write(fixture);
    assert_int_equal(unlink(folder_path(&fixture->folder, "log/data.mdb")), 0);
    assert_int_not_equal(check(fixture), 0);
    assert_int_not_equal(access(folder_path(&fixture->folder, "log/data.mdb"), F_OK), 0);
}

/* --- walking --- */

struct seen {
    size_t rows;
    size_t members;
    uint64_t done;
    uint64_t all;
    int answer;
};

static int on_row(void *context, const struct cc_store_row *row)
{
    struct seen *seen = context;
    struct cc_slice text;

    assert_int_equal(row->seq, ++seen->rows);
    assert_int_equal(cc_record_to_json(NULL, row->body, row->seq, &text), 0);
    assert_non_null(memmem(text.data, text.size, "\"text\":\"hello\"", 14));
    free((char *)text.data);
    return seen->answer;
}

static int on_member(void *context, struct cc_slice conversation, const struct cc_member *member)
{
    (void)member;
    assert_true(slice_equal(conversation, slice_str("g")));
    ((struct seen *)context)->members++;
    return 0;
}

static void on_progress(void *context, uint64_t done, uint64_t all)
{
    ((struct seen *)context)->done = done;
    ((struct seen *)context)->all = all;
}

static void a_walk_shows_what_is_asked_for(void **state)
{
    struct fixture *fixture = *state;
    struct cc_lmdb_walk_options options = CC_LMDB_WALK_OPTIONS_INIT;
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;
    struct seen seen = {0};

    folder_write(fixture);
    options.path = fixture->folder.path;
    options.progress = on_progress;
    options.context = &seen;
    visitor.context = &seen;
    visitor.row = on_row;
    visitor.member = on_member;
    assert_int_equal(cc_lmdb_walk(&options, &visitor), 0);
    assert_int_equal(seen.rows, RECORDS);
    assert_int_equal(seen.members, 2);
    assert_true(seen.all > 0 && seen.done == seen.all);
}

static void a_visitor_ends_the_walk(void **state)
{
    struct fixture *fixture = *state;
    struct cc_lmdb_walk_options options = CC_LMDB_WALK_OPTIONS_INIT;
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;
    struct seen seen = {.answer = CC_ECANCELED};

    folder_write(fixture);
    options.path = fixture->folder.path;
    visitor.context = &seen;
    visitor.row = on_row;
    visitor.member = on_member;
    assert_int_equal(cc_lmdb_walk(&options, &visitor), CC_ECANCELED);
    assert_int_equal(seen.rows, 1);
    assert_int_equal(seen.members, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sound_folder_has_no_faults),
        TEST(what_the_store_has_not_yet_is_counted),
        TEST(retention_is_no_fault),
        TEST(a_gap_of_seqs_is_found),
        TEST(a_head_that_differs_is_found),
        TEST(rows_against_the_order_of_the_log_are_found),
        TEST(rows_of_another_conversation_are_found),
        TEST(records_that_are_none_are_found),
        TEST(a_store_ahead_of_its_log_is_found),
        TEST(an_inbox_that_names_nothing_is_found),
        TEST(an_inbox_beyond_the_head_is_found),
        TEST(a_cursor_beyond_the_head_is_found),
        TEST(conversations_without_an_entry_are_found),
        TEST(a_lost_membership_is_found),
        TEST(a_lost_member_is_found),
        TEST(relations_that_differ_are_found),
        TEST(an_invitation_that_is_not_listed_is_found),
        TEST(entries_that_are_none_are_found_and_the_rest_is_read),
        TEST(another_format_is_refused),
        TEST(more_partitions_than_there_can_be_are_refused),
        TEST(a_file_that_is_cut_short_is_refused),
        TEST(no_folder_is_an_error),
        TEST(a_walk_shows_what_is_asked_for),
        TEST(a_visitor_ends_the_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
