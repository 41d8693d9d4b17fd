/*
 * The store's cases about rows: how they come back, batches written again, late and overlapping,
 * and amending.
 */
#include "chatcore/error.h"
#include "testing/store_cases.h"

#include <stdlib.h>

#define LONG64 "0123456789012345678901234567890123456789012345678901234567890123"

#define MANY 40

static const struct story small = STORE_SMALL;

static struct sto_range last(uint64_t from, uint64_t to, size_t limit)
{
    struct sto_range made = {from, to, limit, true};

    return made;
}

/* --- rows --- */

static void a_new_store_is_empty(struct stores *store)
{
    CHECK_READ(store, "", sto_read_rows, "room", ALL);
    CHECK_READ(store, "", sto_read_rows, "room", last(0, UINT64_MAX, 5));
    CHECK_READ(store, "", sto_read_inbox, "alice", 0, ALL);
    CHECK_READ(store, "", sto_read_dedup, "alice", 0);
    CHECK_READ(store, "", sto_read_cursors, "alice", "", NULL);
    CHECK_READ(store, "", sto_read_cursors, "alice", "phone", "room");
    CHECK_READ(store, "0@0 v0 t0 s0", sto_read_head, "room");
    CHECK_READ(store, "0", sto_read_offset, 0);
    CHECK_READ(store, "0", sto_read_offset, 3);
}

static void write_five_rows(struct stores *store)
{
    struct sto_batch batch = {0};

    sto_add_row(&batch, "room", 3, 30, "c");
    sto_add_row(&batch, "other", 1, 5, "x");
    sto_add_row(&batch, "room", 1, 10, "a");
    sto_add_row(&batch, "room", 2, 20, "b");
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    sto_add_row(&batch, "room", 5, 50, "e");
    sto_add_row(&batch, "room", 4, 40, "d");
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
}

static void rows_come_back_by_range(struct stores *store)
{
    write_five_rows(store);
    CHECK_READ(store, "1:a 2:b 3:c 4:d 5:e", sto_read_rows, "room", ALL);
    CHECK_READ(store, "2:b 3:c 4:d", sto_read_rows, "room", range(2, 4, 10));
    CHECK_READ(store, "2:b 3:c", sto_read_rows, "room", range(2, 5, 2));
    CHECK_READ(store, "4:d 5:e", sto_read_rows, "room", range(4, 100, 10));
    CHECK_READ(store, "3:c", sto_read_rows, "room", range(3, 3, 10));
    CHECK_READ(store, "", sto_read_rows, "room", range(6, 100, 10));
    CHECK_READ(store, "", sto_read_rows, "room", range(4, 2, 10));
    CHECK_READ(store, "", sto_read_rows, "room", range(1, 5, 0));
    CHECK_READ(store, "1:x", sto_read_rows, "other", ALL);
}

static void the_last_rows_of_a_range(struct stores *store)
{
    write_five_rows(store);
    CHECK_READ(store, "4:d 5:e", sto_read_rows, "room", last(0, UINT64_MAX, 2));
    CHECK_READ(store, "1:a 2:b 3:c 4:d 5:e", sto_read_rows, "room", last(0, UINT64_MAX, 50));
    CHECK_READ(store, "3:c 4:d", sto_read_rows, "room", last(1, 4, 2));
    CHECK_READ(store, "2:b 3:c", sto_read_rows, "room", last(2, 3, 10));
    CHECK_READ(store, "2:b", sto_read_rows, "room", last(1, 2, 1));
    CHECK_READ(store, "5:e", sto_read_rows, "room", last(5, 5, 10));
    CHECK_READ(store, "", sto_read_rows, "room", last(6, 9, 10));
    CHECK_READ(store, "", sto_read_rows, "room", last(4, 2, 10));
    CHECK_READ(store, "", sto_read_rows, "room", last(1, 5, 0));
}

/* Names are compared whole: none is found in place of one that begins like it. */
static void names_do_not_mix(struct stores *store)
{
    static const char *const names[] = {"a", "ab", "a\x01", "b", "A", "\xc3\xa9", LONG64};
    struct sto_batch batch = {0};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        sto_add_row(&batch, names[i], 1, 10 + i, names[i]);
        sto_add_row(&batch, names[i], 2, 20 + i, "second");
        sto_add_inbox(&batch, names[i], 10 + i, names[i], 1);
        sto_add_dedup(&batch, names[i], 10 + i, 5, names[i]);
        sto_add_head(&batch, names[i], 2, 20 + i, i);
    }
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct text rows = {0};
        struct text inbox = {0};
        struct text run = {0};

        text_add(&rows, "1:%s 2:second", names[i]);
        CHECK_READ(store, rows.bytes, sto_read_rows, names[i], ALL);
        text_add(&inbox, "%zu:%s/1", 10 + i, names[i]);
        CHECK_READ(store, inbox.bytes, sto_read_inbox, names[i], 0, ALL);
        text_add(&run, "%zu@5:%s", 10 + i, names[i]);
        CHECK_READ(store, run.bytes, sto_read_dedup, names[i], 0);
    }
    CHECK_READ(store, "", sto_read_rows, "abc", ALL);
}

static void rows_may_have_any_size_and_bytes(struct stores *store)
{
    static const size_t sizes[] = {0, 1, 255, 1800, 1899, 1900, 1950, 2100, 4096, 70000, 1000000};
    const size_t count = sizeof sizes / sizeof sizes[0];
    struct cc_store_row rows[sizeof sizes / sizeof sizes[0]];
    struct cc_store_write write = {.rows = rows, .row_count = count};
    struct cc_store_read_rows op = {
        .conversation = slice_str("room"), .from = 1, .to = 100, .limit = 100};
    char *bytes = malloc(1000000);
    bool is_right;

    CHECK(store->suite, bytes != NULL);
    for (size_t i = 0; i < 1000000; i++)
        bytes[i] = (char)(i * 31 + i / 256);
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct cc_store_row){op.conversation, i + 1, i, slice_of(bytes, sizes[i])};
    is_right = STORE_RUN(store, write, &write) == 0 && STORE_RUN(store, read_rows, &op) == 0 &&
               op.ret_count == count;
    for (size_t i = 0; is_right && i < count; i++)
        is_right = slice_equal(op.ret_rows[i].body, rows[i].body) && op.ret_rows[i].offset == i;
    cc_op_release(&write.op);
    cc_op_release(&op.op);
    free(bytes);
    CHECK(store->suite, is_right);
}

/* What comes first need not be the first. */
static void rows_may_be_written_in_any_order(struct stores *store)
{
    static const uint64_t order[] = {5, 2, 9, 1, 3, 8, 4, 7, 6};
    struct sto_batch batch = {0};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        sto_add_row(&batch, "room", order[i], 10 * order[i], "m");
        sto_add_inbox(&batch, "bob", 10 * order[i], "room", order[i]);
        sto_add_dedup(&batch, "bob", 10 * order[i], 7, "h");
        CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    }
    CHECK_READ(store, "1:m 2:m 3:m 4:m 5:m 6:m 7:m 8:m 9:m", sto_read_rows, "room", ALL);
    CHECK_READ(store, "3:m 4:m 5:m 6:m", sto_read_rows, "room", range(3, 6, 10));
    CHECK_READ(store, "6:m 7:m", sto_read_rows, "room", last(3, 7, 2));
    CHECK_READ(store,
               "10:room/1 20:room/2 30:room/3 40:room/4 50:room/5 60:room/6 70:room/7 80:room/8 "
               "90:room/9",
               sto_read_inbox, "bob", 0, ALL);
    CHECK_READ(store, "10@7:h 20@7:h 30@7:h 40@7:h 50@7:h 60@7:h 70@7:h 80@7:h 90@7:h",
               sto_read_dedup, "bob", 0);
}

/* An entry may come later than its neighbours on both sides, which were written together. */
static void entries_may_come_between_others(struct stores *store)
{
    struct sto_batch batch = {0};

    for (uint64_t i = 1; i < 6; i++) {
        sto_add_inbox(&batch, "bob", 20 * i, i % 2 ? "room" : "hall", i);
        sto_add_dedup(&batch, "bob", 20 * i, (int64_t)(100 - i), "h");
    }
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    sto_add_inbox(&batch, "bob", 50, "room", 9);
    sto_add_inbox(&batch, "bob", 10, "room", 8);
    sto_add_inbox(&batch, "bob", 70, "hall", 9);
    sto_add_dedup(&batch, "bob", 50, 3, "between");
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    CHECK_READ(store,
               "10:room/8 20:room/1 40:hall/2 50:room/9 60:room/3 70:hall/9 80:hall/4 100:room/5",
               sto_read_inbox, "bob", 0, ALL);
    CHECK_READ(store, "60:room/3 70:hall/9", sto_read_inbox, "bob", 0, range(51, 80, 9));
    CHECK_READ(store, "20@99:h 40@98:h 50@3:between 60@97:h 80@96:h 100@95:h", sto_read_dedup,
               "bob", 0);
}

/* --- batches again --- */

static void a_batch_again_changes_nothing(struct stores *store)
{
    CHECK_STATUS(store->suite, story_write(store, &small, 0, 40), 0);
    CHECK_STATUS(store->suite, story_write(store, &small, 0, 40), 0);
    story_check(store, &small, 40);
    CHECK_STATUS(store->suite, story_write(store, &small, 40, 70), 0);
    CHECK_STATUS(store->suite, story_write(store, &small, 0, 40), 0);
    CHECK_STATUS(store->suite, story_write(store, &small, 40, 70), 0);
    story_check(store, &small, 70);
}

/* As after a replay: the same log, cut in other batches. */
static void batches_may_overlap(struct stores *store)
{
    static const uint64_t cuts[][2] = {{0, 30},  {20, 55}, {5, 80},  {79, 81},
                                       {0, 100}, {30, 31}, {90, 130}};

    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
        CHECK_STATUS(store->suite, story_write(store, &small, cuts[i][0], cuts[i][1]), 0);
    story_check(store, &small, 130);
}

/* Another owner of the partition is ahead, and this one does not know it. */
static void a_batch_may_come_late(struct stores *store)
{
    CHECK_STATUS(store->suite, story_write(store, &small, 50, 90), 0);
    CHECK_STATUS(store->suite, story_write(store, &small, 0, 50), 0);
    CHECK_READ(store, "271", sto_read_offset, 1);
    CHECK_STATUS(store->suite, story_write(store, &small, 10, 60), 0);
    story_check(store, &small, 90);
}

static void an_empty_batch_moves_the_offset(struct stores *store)
{
    CHECK_STATUS(store->suite, story_write(store, &small, 0, 0), 0);
    CHECK_READ(store, "1", sto_read_offset, 1);
    story_check(store, &small, 0);
}

static void large_batches_are_written_whole(struct stores *store)
{
    static const struct story large = {2, 500, 300, 200};

    CHECK_STATUS(store->suite, story_write(store, &large, 0, 10000), 0);
    CHECK_STATUS(store->suite, story_write(store, &large, 9000, 20000), 0);
    story_check(store, &large, 20000);
}

/* One busy conversation, one busy user. */
static void long_runs_of_one_name(struct stores *store)
{
    static const struct story busy = {0, 1, 2, 30};

    for (uint64_t from = 0; from < 6000; from += 1500)
        CHECK_STATUS(store->suite, story_write(store, &busy, from, from + 1500), 0);
    story_check(store, &busy, 6000);
    CHECK_STATUS(store->suite, story_write(store, &busy, 700, 3333), 0);
    story_check(store, &busy, 6000);
}

static void long_runs_may_come_late(struct stores *store)
{
    static const struct story busy = {3, 2, 2, 30};

    CHECK_STATUS(store->suite, story_write(store, &busy, 1500, 4000), 0);
    CHECK_STATUS(store->suite, story_write(store, &busy, 0, 1500), 0);
    story_check(store, &busy, 4000);
    CHECK_STATUS(store->suite, story_write(store, &busy, 1000, 3000), 0);
    story_check(store, &busy, 4000);
}

static void writes_under_way_keep_their_order(struct stores *store)
{
    struct story_write *writes[MANY];

    for (uint64_t i = 0; i < MANY; i++)
        writes[i] = story_write_begin(store, &small, 10 * i, 10 * i + 15);
    for (uint64_t i = 0; i < MANY; i++) {
        int r = writes[i] ? story_write_end(store, writes[i]) : CC_ENOMEM;

        suite_check_status(store->suite, __func__, __LINE__, r, 0);
    }
    story_check(store, &small, 10 * (MANY - 1) + 15);
}

static void a_write_is_seen_once_it_is_done(struct stores *store)
{
    for (uint64_t i = 0; i < 50; i++) {
        CHECK_STATUS(store->suite, story_write(store, &small, i, i + 1), 0);
        story_check(store, &small, i + 1);
    }
}

/* --- amending --- */

static void rows_are_amended(struct stores *store)
{
    struct sto_batch batch = {0};

    write_five_rows(store);
    sto_add_row(&batch, "room", 2, 0, "");
    sto_add_row(&batch, "room", 4, 0, "a much longer body than the one that stood there");
    sto_add_row(&batch, "room", 9, 0, "not there");
    CHECK_STATUS(store->suite, sto_amend(store, "room", 0, &batch), 0);
    CHECK_READ(store, "1:a 2: 3:c 4:a much longer body than the one that stood there 5:e",
               sto_read_rows, "room", ALL);
    CHECK_READ(store, "1:x", sto_read_rows, "other", ALL);
    CHECK_STATUS(store->suite, sto_amend(store, "none", 7, &batch), 0);
    CHECK_STATUS(store->suite, sto_amend(store, "", 7, &batch), CC_EINVAL);
    write_five_rows(store); /* as by a replay: what stands stays */
    CHECK_READ(store, "1:a 2: 3:c", sto_read_rows, "room", range(1, 3, 9));
}

static void offsets_outlast_amending(struct stores *store)
{
    struct cc_store_read_rows op = {
        .conversation = slice_str("room"), .from = 2, .to = 3, .limit = 9};
    struct sto_batch batch = {0};

    write_five_rows(store);
    sto_add_row(&batch, "room", 2, 999, "");
    CHECK_STATUS(store->suite, sto_amend(store, "room", 2, &batch), 0);
    CHECK_STATUS(store->suite, STORE_RUN(store, read_rows, &op), 0);
    CHECK_NUMBER(store->suite, op.ret_count, 2);
    CHECK_NUMBER(store->suite, op.ret_rows[0].offset, 20);
    CHECK_NUMBER(store->suite, op.ret_rows[1].offset, 30);
    cc_op_release(&op.op);
}

static void the_oldest_rows_are_removed(struct stores *store)
{
    static const struct story busy = {0, 1, 2, 30};
    struct sto_batch batch = {0};

    write_five_rows(store);
    CHECK_STATUS(store->suite, sto_amend(store, "room", 3, &batch), 0);
    CHECK_READ(store, "3:c 4:d 5:e", sto_read_rows, "room", ALL);
    CHECK_READ(store, "", sto_read_rows, "room", range(1, 2, 9));
    CHECK_READ(store, "3:c", sto_read_rows, "room", last(1, 3, 9));
    CHECK_STATUS(store->suite, sto_amend(store, "room", 3, &batch), 0);
    CHECK_STATUS(store->suite, sto_amend(store, "room", 100, &batch), 0);
    CHECK_READ(store, "", sto_read_rows, "room", ALL);
    sto_add_row(&batch, "room", 6, 60, "f");
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    CHECK_READ(store, "6:f", sto_read_rows, "room", ALL);
    CHECK_STATUS(store->suite, story_write(store, &busy, 0, 3000), 0);
    CHECK_STATUS(store->suite, sto_amend(store, "room0-0", 2996, &batch), 0);
    CHECK_READ(store, "6:f", sto_read_rows, "room", ALL);
    sto_add_row(&batch, "room0-0", 2997, 0, "x");
    sto_add_row(&batch, "room0-0", 2999, 0, "y");
    CHECK_STATUS(store->suite, sto_amend(store, "room0-0", 2997, &batch), 0);
    CHECK_READ(store, "2997:x", sto_read_rows, "room0-0", range(0, 2997, 9));
    CHECK_READ(store, "2999:y", sto_read_rows, "room0-0", range(2999, 2999, 9));
}

const struct store_case store_row_cases[] = {
    {"a new store is empty", a_new_store_is_empty},
    {"rows come back by range", rows_come_back_by_range},
    {"the last rows of a range", the_last_rows_of_a_range},
    {"names do not mix", names_do_not_mix},
    {"rows may have any size and bytes", rows_may_have_any_size_and_bytes},
    {"rows may be written in any order", rows_may_be_written_in_any_order},
    {"entries may come between others", entries_may_come_between_others},
    {"a batch again changes nothing", a_batch_again_changes_nothing},
    {"batches may overlap", batches_may_overlap},
    {"a batch may come late", a_batch_may_come_late},
    {"an empty batch moves the offset", an_empty_batch_moves_the_offset},
    {"large batches are written whole", large_batches_are_written_whole},
    {"long runs of one name", long_runs_of_one_name},
    {"long runs may come late", long_runs_may_come_late},
    {"writes under way keep their order", writes_under_way_keep_their_order},
    {"a write is seen once it is done", a_write_is_seen_once_it_is_done},
    {"rows are amended", rows_are_amended},
    {"offsets outlast amending", offsets_outlast_amending},
    {"the oldest rows are removed", the_oldest_rows_are_removed},
    {NULL, NULL},
};
