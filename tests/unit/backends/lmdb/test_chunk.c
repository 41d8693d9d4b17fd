/*
 * Chunks: what is written comes back, takes the bytes that were told, and what is cut is damage.
 */
#include "backends/lmdb/chunk.h"
#include "base/memory.h"
#include "support/test.h"

#include <lmdb.h>
#include <string.h>

#define CHUNK_MAX 4096

static const uint64_t numbers[] = {
    0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

/* --- records --- */

static void test_records(void **state)
{
    static const char *const texts[] = {"one", "", "three"};
    char bytes[CHUNK_MAX];
    char *to = bytes;
    struct chunk chunk;
    struct cc_slice record;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct cc_slice text = slice_str(texts[i]);
        char *end = chunk_write_record(to, &text);

        assert_int_equal(end - to, chunk_record_size(&text));
        to = end;
    }
    chunk = chunk_of(bytes, (size_t)(to - bytes));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chunk_next_record(&chunk, &record), 0);
        assert_true(slice_equal(record, slice_str(texts[i])));
    }
    assert_int_equal(chunk_next_record(&chunk, &record), MDB_NOTFOUND);
    chunk = chunk_of(bytes, 3);
    assert_int_equal(chunk_next_record(&chunk, &record), MDB_CORRUPTED);
}

/* --- rows --- */

/* Rows from seq 10 on; the offsets rise by nothing, by little, and around the end of numbers. */
static char *write_rows(char *to, struct cc_store_row *rows)
{
    const struct cc_store_row *before = NULL;

    for (size_t i = 0; i < NUMBERS; i++) {
        char *end;

        rows[i] = (struct cc_store_row){
            .seq = 10 + i, .offset = numbers[i], .body = slice_of("0123456789", i)};
        end = chunk_rows.write(to, &rows[i], before);
        assert_int_equal(end - to, chunk_rows.size(&rows[i], before));
        before = &rows[i];
        to = end;
    }
    return to;
}

static void test_rows(void **state)
{
    struct cc_store_row rows[NUMBERS];
    char bytes[CHUNK_MAX];
    struct chunk chunk = chunk_of(bytes, (size_t)(write_rows(bytes, rows) - bytes));
    struct cc_store_row row = {.seq = 9};

    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        assert_int_equal(chunk_next_row(&chunk, &row), 0);
        assert_true(row.seq == rows[i].seq && row.offset == rows[i].offset);
        assert_true(slice_equal(row.body, rows[i].body));
    }
    assert_int_equal(chunk_next_row(&chunk, &row), MDB_NOTFOUND);
}

static void test_cut_rows(void **state)
{
    struct cc_store_row rows[NUMBERS];
    char bytes[CHUNK_MAX];
    size_t size = (size_t)(write_rows(bytes, rows) - bytes);
    size_t whole = 0;

    (void)state;
    for (size_t cut = 1; cut < size; cut++) {
        struct chunk chunk = chunk_of(bytes, cut);
        struct cc_store_row row = {.seq = 9};
        int r;

        while ((r = chunk_next_row(&chunk, &row)) == 0)
            ;
        assert_true(r == MDB_CORRUPTED || r == MDB_NOTFOUND);
        whole += r == MDB_NOTFOUND;
    }
    assert_int_equal(whole, NUMBERS - 1); /* cut between two rows */
}

static void test_a_row_is_found(void **state)
{
    struct cc_store_row rows[NUMBERS];
    char bytes[CHUNK_MAX];
    size_t size = (size_t)(write_rows(bytes, rows) - bytes);
    struct chunk chunk = chunk_of(bytes, size);
    struct chunk_gap gap;

    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        assert_int_equal(chunk_rows.find(chunk, 10, 10 + i, &gap), 0);
        assert_true(gap.is_found && !gap.has_next);
        assert_true(slice_equal(gap.next.row.body, rows[i].body));
    }
    assert_int_equal(chunk_rows.find(chunk, 10, 10 + NUMBERS, &gap), 0);
    assert_false(gap.is_found || gap.has_next);
    assert_int_equal(gap.before, size);
    assert_int_equal(gap.after, size);
    assert_int_equal(chunk_rows.find(chunk_of(bytes, size - 1), 10, 10 + NUMBERS, &gap),
                     MDB_CORRUPTED);
}

/* --- inbox entries --- */

/* Of two conversations, so that names are left out where they repeat. */
static const struct cc_store_inbox entries[] = {
    {{"bob", 3}, 100, {"room", 4}, 1},
    {{"bob", 3}, 101, {"room", 4}, 2},
    {{"carol", 5}, 300, {"room", 4}, UINT64_MAX},
    {{"carol", 5}, 70000, {"hall", 4}, 9},
};
#define ENTRIES (sizeof entries / sizeof entries[0])

typedef char *(*write_function)(char *to, const void *element, const void *before);
typedef size_t (*size_function)(const void *element, const void *before);

static size_t write_entries(char *bytes, write_function write, size_function size)
{
    const struct cc_store_inbox *before = NULL;
    char *to = bytes;

    for (size_t i = 0; i < ENTRIES; i++) {
        char *end = write(to, &entries[i], before);

        assert_int_equal(end - to, size(&entries[i], before));
        before = &entries[i];
        to = end;
    }
    return (size_t)(to - bytes);
}

static void check_entries(struct chunk chunk,
                          int (*next)(struct chunk *chunk, struct cc_store_inbox *entry),
                          bool has_users)
{
    struct cc_store_inbox entry = {.offset = 100};

    for (size_t i = 0; i < ENTRIES; i++) {
        assert_int_equal(next(&chunk, &entry), 0);
        assert_true(entry.offset == entries[i].offset && entry.seq == entries[i].seq);
        assert_true(slice_equal(entry.conversation, entries[i].conversation));
        assert_true(!has_users || slice_equal(entry.user, entries[i].user));
    }
    assert_int_equal(next(&chunk, &entry), MDB_NOTFOUND);
}

static void test_inbox(void **state)
{
    char bytes[CHUNK_MAX];
    size_t size = write_entries(bytes, chunk_inbox.write, chunk_inbox.size);

    (void)state;
    check_entries(chunk_of(bytes, size), chunk_next_inbox, false);
    size = write_entries(bytes, chunk_write_arrival, chunk_arrival_size);
    check_entries(chunk_of(bytes, size), chunk_next_arrival, true);
}

/* Between 101 and 300 there is none: where one would be put in. */
static void test_a_gap_is_found(void **state)
{
    char bytes[CHUNK_MAX];
    size_t size = write_entries(bytes, chunk_inbox.write, chunk_inbox.size);
    struct chunk_gap gap;

    (void)state;
    assert_int_equal(chunk_inbox.find(chunk_of(bytes, size), 100, 200, &gap), 0);
    assert_true(!gap.is_found && gap.has_next && gap.next_number == 300);
    assert_true(gap.before < gap.after && gap.after < size);
    assert_int_equal(chunk_inbox.find(chunk_of(bytes, size), 100, 300, &gap), 0);
    assert_true(gap.is_found);
}

/* The first entry must have names. */
static void test_entries_without_names(void **state)
{
    static const char inbox[] = {0, 1, 0};
    static const char arrival[] = {0, 0, 1, 1, 'r'};
    struct chunk chunk = chunk_of(inbox, sizeof inbox);
    struct cc_store_inbox entry = {.offset = 1};

    (void)state;
    assert_int_equal(chunk_next_inbox(&chunk, &entry), MDB_CORRUPTED);
    chunk = chunk_of(arrival, sizeof arrival);
    entry = (struct cc_store_inbox){.offset = 1};
    assert_int_equal(chunk_next_arrival(&chunk, &entry), MDB_CORRUPTED);
}

/* --- dedup runs --- */

static void test_runs(void **state)
{
    static const struct cc_store_dedup runs[] = {
        {{"bob", 3}, 7, 1000, {"xyz", 3}},
        {{"bob", 3}, 9, 900, {"", 0}}, /* a clock that went back */
        {{"carol", 5}, 4000, -5, {"z", 1}},
    };
    const struct cc_store_dedup *before = NULL;
    struct cc_store_dedup run = {.offset = 7};
    char bytes[CHUNK_MAX];
    char *to = bytes;
    struct chunk chunk;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *end = chunk_write_run(to, &runs[i], before);

        assert_int_equal(end - to, chunk_run_size(&runs[i], before));
        before = &runs[i];
        to = end;
    }
    chunk = chunk_of(bytes, (size_t)(to - bytes));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chunk_next_dedup(&chunk, &run), 0);
        assert_true(run.offset == runs[i].offset && run.ts == runs[i].ts);
        assert_true(slice_equal(run.sender, runs[i].sender));
        assert_true(slice_equal(run.entries, runs[i].entries));
    }
    assert_int_equal(chunk_next_dedup(&chunk, &run), MDB_NOTFOUND);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut_rows),
        cmocka_unit_test(test_a_row_is_found),
        cmocka_unit_test(test_inbox),
        cmocka_unit_test(test_a_gap_is_found),
        cmocka_unit_test(test_entries_without_names),
        cmocka_unit_test(test_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
