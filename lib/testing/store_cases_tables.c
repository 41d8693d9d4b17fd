/*
 * The store's cases about its other tables: heads, offsets, inboxes, dedup runs and cursors; and
 * what is refused.
 */
#include "chatcore/error.h"
#include "testing/store_cases.h"

#include <stdio.h>

#define LONG64 "0123456789012345678901234567890123456789012345678901234567890123"

#define MANY 40

/* --- heads and offsets --- */

static void heads_do_not_go_back(struct stores *store)
{
    struct sto_batch batch = {0};

    sto_add_head(&batch, "room", 5, 50, 2);
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    CHECK_READ(store, "5@50 v2 t1005 s2", sto_read_head, "room");
    sto_add_head(&batch, "room", 4, 40, 1);
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    CHECK_READ(store, "5@50 v2 t1005 s2", sto_read_head, "room");
    sto_add_head(&batch, "room", 7, 70, 3);
    sto_add_head(&batch, "hall", 1, 65, 1);
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    CHECK_READ(store, "7@70 v3 t1007 s3", sto_read_head, "room");
    CHECK_READ(store, "1@65 v1 t1001 s0", sto_read_head, "hall");
}

static void heads_come_in_the_order_asked(struct stores *store)
{
    struct cc_slice names[] = {slice_str("c"), slice_str("none"), slice_str("a"), slice_str("c"),
                               slice_str("b")};
    struct cc_store_read_heads op = {.conversations = names, .count = 5};
    struct sto_batch batch = {0};

    sto_add_head(&batch, "a", 1, 10, 1);
    sto_add_head(&batch, "b", 2, 20, 1);
    sto_add_head(&batch, "c", 3, 30, 1);
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    CHECK_STATUS(store->suite, STORE_RUN(store, read_heads, &op), 0);
    CHECK_NUMBER(store->suite, op.ret_heads[0].seq, 3);
    CHECK_NUMBER(store->suite, op.ret_heads[1].seq, 0);
    CHECK_NUMBER(store->suite, op.ret_heads[1].offset, 0);
    CHECK_NUMBER(store->suite, op.ret_heads[2].seq, 1);
    CHECK_NUMBER(store->suite, op.ret_heads[3].seq, 3);
    CHECK_NUMBER(store->suite, op.ret_heads[4].seq, 2);
    cc_op_release(&op.op);
    op.count = 0;
    CHECK_STATUS(store->suite, STORE_RUN(store, read_heads, &op), 0);
    cc_op_release(&op.op);
}

/* Page by page, each head comes once. */
static void all_heads_are_listed(struct stores *store)
{
    struct cc_slice seen[MANY];
    char names[MANY][8];
    char after[CC_NAME_MAX + 1] = "";
    size_t count = 0;
    bool more = true;

    CHECK_READ(store, "", sto_list_heads, "", 10);
    for (size_t i = 0; i < MANY; i++) {
        struct sto_batch batch = {0};

        snprintf(names[i], sizeof names[i], "r%zu", i * 7);
        sto_add_head(&batch, names[i], i + 1, 10 + i, 1);
        CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
        seen[i] = slice_of(NULL, 0);
    }
    while (more) {
        struct cc_store_list_heads op = {.after = slice_str(after), .limit = 7};

        CHECK_STATUS(store->suite, STORE_RUN(store, list_heads, &op), 0);
        more = op.ret_more;
        CHECK(store->suite, op.ret_count == 7 || !more);
        for (size_t i = 0; i < op.ret_count; i++) {
            size_t which = op.ret_heads[i].seq - 1;

            CHECK(store->suite, which < MANY && !seen[which].size);
            seen[which] = slice_str(names[which]);
            CHECK(store->suite, slice_equal(op.ret_heads[i].conversation, seen[which]));
            CHECK_NUMBER(store->suite, op.ret_heads[i].offset, 10 + which);
            snprintf(after, sizeof after, "%s", names[which]);
            count++;
        }
        cc_op_release(&op.op);
    }
    CHECK_NUMBER(store->suite, count, MANY);
    CHECK_READ(store, "", sto_list_heads, after, 7);
}

static int write_offset(struct stores *store, uint32_t partition, uint64_t offset)
{
    struct sto_batch batch = {.partition = partition, .offset = offset};

    return sto_write(store, &batch);
}

static void offsets_do_not_go_back(struct stores *store)
{
    CHECK_STATUS(store->suite, write_offset(store, 0, 100), 0);
    CHECK_STATUS(store->suite, write_offset(store, 2, 7), 0);
    CHECK_READ(store, "100", sto_read_offset, 0);
    CHECK_STATUS(store->suite, write_offset(store, 0, 90), 0);
    CHECK_STATUS(store->suite, write_offset(store, 0, 0), 0);
    CHECK_READ(store, "100", sto_read_offset, 0);
    CHECK_READ(store, "0", sto_read_offset, 1);
    CHECK_READ(store, "7", sto_read_offset, 2);
    CHECK_STATUS(store->suite, write_offset(store, 0, 101), 0);
    CHECK_READ(store, "101", sto_read_offset, 0);
}

/* --- inbox --- */

static void inboxes_come_back_by_range(struct stores *store)
{
    struct sto_batch batch = {.partition = 2};

    sto_add_inbox(&batch, "bob", 30, "hall", 1);
    sto_add_inbox(&batch, "bob", 10, "room", 4);
    sto_add_inbox(&batch, "bob", 20, "room", 5);
    sto_add_inbox(&batch, "eve", 10, "room", 4);
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    batch.partition = 2;
    sto_add_inbox(&batch, "bob", 40, "hall", 2);
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    CHECK_READ(store, "10:room/4 20:room/5 30:hall/1 40:hall/2", sto_read_inbox, "bob", 2, ALL);
    CHECK_READ(store, "20:room/5 30:hall/1", sto_read_inbox, "bob", 2, range(11, 40, 9));
    CHECK_READ(store, "10:room/4 20:room/5 …", sto_read_inbox, "bob", 2, range(0, 99, 2));
    CHECK_READ(store, "30:hall/1 40:hall/2", sto_read_inbox, "bob", 2, range(21, 99, 2));
    CHECK_READ(store, "30:hall/1", sto_read_inbox, "bob", 2, range(21, 40, 1));
    CHECK_READ(store, "", sto_read_inbox, "bob", 2, range(20, 20, 9));
    CHECK_READ(store, "", sto_read_inbox, "bob", 2, range(40, 20, 9));
    CHECK_READ(store, "", sto_read_inbox, "bob", 2, range(41, 99, 9));
    CHECK_READ(store, " …", sto_read_inbox, "bob", 2, range(0, 99, 0));
    CHECK_READ(store, "10:room/4", sto_read_inbox, "eve", 2, ALL);
}

static void partitions_are_apart(struct stores *store)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct sto_batch batch = {.partition = i};

        sto_add_inbox(&batch, "bob", 10, "room", i);
        sto_add_dedup(&batch, "bob", 10, i, "h");
        CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    }
    CHECK_READ(store, "10:room/0", sto_read_inbox, "bob", 0, ALL);
    CHECK_READ(store, "10:room/3", sto_read_inbox, "bob", 3, ALL);
    CHECK_READ(store, "10@2:h", sto_read_dedup, "bob", 2);
}

/* --- dedup --- */

/* Runs that are old may go; the others stay. */
static void old_runs_may_go(struct stores *store)
{
    struct sto_batch batch = {0};

    for (uint64_t i = 0; i < 10; i++) {
        sto_add_dedup(&batch, "bob", i, 100 + (int64_t)i, "h");
        CHECK_STATUS(store->suite, sto_write(store, &batch), 0);
    }
    batch.dedup_before = 107;
    sto_add_dedup(&batch, "bob", 10, 110, "h");
    CHECK_STATUS(store->suite, sto_write(store, &batch), 0);

    struct text runs = {0};
    const char *kept;

    sto_read_dedup(store, "bob", 0, &runs);
    kept = strstr(runs.bytes, "7@107:h");
    CHECK(store->suite, kept != NULL);
    CHECK_TEXT(store->suite, kept, "7@107:h 8@108:h 9@109:h 10@110:h");
}

/* --- cursors --- */

static void cursors_move_forward(struct stores *store)
{
    struct sto_batch batch = {0};

    sto_add_cursor(&batch, "bob", "", "room", 5, 3);
    CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), 0);
    CHECK_READ(store, "room=5/3", sto_read_cursors, "bob", "", NULL);
    sto_add_cursor(&batch, "bob", "", "room", 4, 4);
    CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), 0);
    CHECK_READ(store, "room=5/4", sto_read_cursors, "bob", "", NULL);
    sto_add_cursor(&batch, "bob", "", "room", 9, 0);
    sto_add_cursor(&batch, "bob", "", "room", 8, 7);
    CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), 0);
    CHECK_READ(store, "room=9/7", sto_read_cursors, "bob", "", NULL);
}

static void devices_have_cursors_of_their_own(struct stores *store)
{
    struct sto_batch batch = {0};

    sto_add_cursor(&batch, "bob", "", "room", 5, 3);
    sto_add_cursor(&batch, "bob", "phone", "room", 2, 1);
    sto_add_cursor(&batch, "bob", "phone", "hall", 7, 0);
    sto_add_cursor(&batch, "bob", "phon", "attic", 1, 1);
    sto_add_cursor(&batch, "bo", "bphone", "attic", 1, 1);
    CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), 0);
    CHECK_READ(store, "room=5/3", sto_read_cursors, "bob", "", NULL);
    CHECK_READ(store, "hall=7/0 room=2/1", sto_read_cursors, "bob", "phone", NULL);
    CHECK_READ(store, "attic=1/1", sto_read_cursors, "bob", "phon", NULL);
    CHECK_READ(store, "hall=7/0", sto_read_cursors, "bob", "phone", "hall none");
    CHECK_READ(store, "hall=7/0 room=2/1", sto_read_cursors, "bob", "phone", "room none hall");
    CHECK_READ(store, "", sto_read_cursors, "bob", "phone", "none");
    CHECK_READ(store, "", sto_read_cursors, "bob", "tablet", NULL);
    CHECK_READ(store, "", sto_read_cursors, "eve", "", NULL);
}

static void cursors_are_forgotten(struct stores *store)
{
    struct cc_store_forget_cursors op = {.user = slice_str("bob")};
    struct sto_batch batch = {0};

    sto_add_cursor(&batch, "bob", "", "room", 5, 3);
    sto_add_cursor(&batch, "bob", "phone", "room", 5, 3);
    sto_add_cursor(&batch, "bob", "\x01", "hall", 7, 0);
    sto_add_cursor(&batch, "bobby", "", "room", 4, 2);
    sto_add_cursor(&batch, "bo", "b", "room", 3, 1);
    CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), 0);
    CHECK_STATUS(store->suite, STORE_RUN(store, forget_cursors, &op), 0);
    CHECK_READ(store, "", sto_read_cursors, "bob", "", NULL);
    CHECK_READ(store, "", sto_read_cursors, "bob", "phone", NULL);
    CHECK_READ(store, "", sto_read_cursors, "bob", "\x01", "hall");
    CHECK_READ(store, "room=4/2", sto_read_cursors, "bobby", "", NULL);
    CHECK_READ(store, "room=3/1", sto_read_cursors, "bo", "b", NULL);
    CHECK_STATUS(store->suite, STORE_RUN(store, forget_cursors, &op), 0);
    sto_add_cursor(&batch, "bob", "", "room", 1, 1);
    CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), 0);
    CHECK_READ(store, "room=1/1", sto_read_cursors, "bob", "", NULL);
    op.user = slice_of(NULL, 0);
    CHECK_STATUS(store->suite, STORE_RUN(store, forget_cursors, &op), CC_EINVAL);
}

static void a_list_of_cursors_has_a_limit(struct stores *store)
{
    struct cc_store_read_cursors op = {.user = slice_str("bob"), .limit = 2};
    struct sto_batch batch = {0};

    sto_add_cursor(&batch, "bob", "", "a", 1, 1);
    sto_add_cursor(&batch, "bob", "", "b", 1, 1);
    sto_add_cursor(&batch, "bob", "", "c", 1, 1);
    CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), 0);
    CHECK_STATUS(store->suite, STORE_RUN(store, read_cursors, &op), 0);
    suite_check_number(store->suite, __func__, __LINE__, op.ret_count, 2);
    cc_op_release(&op.op);
}

/* --- what is wrong --- */

static void bad_names_are_refused(struct stores *store)
{
    static const char *const names[] = {"", LONG64 "x"};
    struct sto_batch batch = {0};

    for (size_t i = 0; i < 2; i++) {
        sto_add_row(&batch, "room", 1, 1, "a");
        sto_add_row(&batch, names[i], 1, 1, "a");
        CHECK_STATUS(store->suite, sto_write(store, &batch), CC_EINVAL);
        sto_add_head(&batch, names[i], 1, 1, 1);
        CHECK_STATUS(store->suite, sto_write(store, &batch), CC_EINVAL);
        sto_add_inbox(&batch, names[i], 1, "room", 1);
        CHECK_STATUS(store->suite, sto_write(store, &batch), CC_EINVAL);
        sto_add_inbox(&batch, "bob", 1, names[i], 1);
        CHECK_STATUS(store->suite, sto_write(store, &batch), CC_EINVAL);
        sto_add_dedup(&batch, names[i], 1, 1, "h");
        CHECK_STATUS(store->suite, sto_write(store, &batch), CC_EINVAL);
        sto_add_cursor(&batch, names[i], "", "room", 1, 1);
        CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), CC_EINVAL);
        sto_add_cursor(&batch, "bob", "", names[i], 1, 1);
        CHECK_STATUS(store->suite, sto_write_cursors(store, &batch), CC_EINVAL);
        CHECK_READ(store, "CC_EINVAL", sto_read_rows, names[i], ALL);
        CHECK_READ(store, "CC_EINVAL", sto_read_inbox, names[i], 0, ALL);
        CHECK_READ(store, "CC_EINVAL", sto_read_dedup, names[i], 0);
        CHECK_READ(store, "CC_EINVAL", sto_read_head, names[i]);
    }
    CHECK_READ(store, "", sto_read_rows, "room", ALL);
}

const struct store_case store_table_cases[] = {
    {"heads do not go back", heads_do_not_go_back},
    {"heads come in the order asked", heads_come_in_the_order_asked},
    {"all heads are listed", all_heads_are_listed},
    {"offsets do not go back", offsets_do_not_go_back},
    {"inboxes come back by range", inboxes_come_back_by_range},
    {"partitions are apart", partitions_are_apart},
    {"old runs may go", old_runs_may_go},
    {"cursors move forward", cursors_move_forward},
    {"devices have cursors of their own", devices_have_cursors_of_their_own},
    {"cursors are forgotten", cursors_are_forgotten},
    {"a list of cursors has a limit", a_list_of_cursors_has_a_limit},
    {"bad names are refused", bad_names_are_refused},
    {NULL, NULL},
};
