/*
 * The conformance suite of the log. Its backend has 4 partitions, all owned by the node.
 *
 * A log may keep what it was allowed to trim, so cases look at the offsets that must be there.
 */
#include "chatcore/error.h"
#include "testing/log_steps.h"

#define PARTITIONS 4

/* Appends that are under way at the same time. */
#define MANY 200

/* --- appending and reading --- */

static void a_new_log_is_empty(struct logs *log)
{
    CHECK_NUMBER(log->suite, log->port.vtable->partitions(log->port.self), PARTITIONS);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        CHECK_BOUNDS(log, i, "0..0");
        CHECK_WORDS(log, i, 0, "");
        CHECK_WORDS(log, i, 7, "");
    }
}

static void records_come_back_in_order(struct logs *log)
{
    uint64_t offset = 99;

    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b c", &offset), 0);
    CHECK_NUMBER(log->suite, offset, 0);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "d", &offset), 0);
    CHECK_NUMBER(log->suite, offset, 3);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "e f", &offset), 0);
    CHECK_NUMBER(log->suite, offset, 4);
    CHECK_WORDS(log, 0, 0, "0:a 1:b 2:c 3:d 4:e 5:f");
    CHECK_BOUNDS(log, 0, "0..6");
}

static void a_read_starts_anywhere(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b c", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "d e", NULL), 0);
    CHECK_WORDS(log, 0, 1, "1:b 2:c 3:d 4:e");
    CHECK_WORDS(log, 0, 2, "2:c 3:d 4:e");
    CHECK_WORDS(log, 0, 3, "3:d 4:e");
    CHECK_WORDS(log, 0, 4, "4:e");
    CHECK_WORDS(log, 0, 5, "");
    CHECK_WORDS(log, 0, 1000, "");
    CHECK_WORDS(log, 0, UINT64_MAX, "");
}

static void partitions_are_apart(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 3, "x", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "c", NULL), 0);
    CHECK_WORDS(log, 0, 0, "0:a 1:b 2:c");
    CHECK_WORDS(log, 1, 0, "");
    CHECK_WORDS(log, 3, 0, "0:x");
    CHECK_BOUNDS(log, 1, "0..0");
    CHECK_BOUNDS(log, 3, "0..1");
}

#define CHECK_BOUNDED(log, offset, max_records, max_bytes, wanted)                                 \
    do {                                                                                           \
        struct text got_words = {0};                                                               \
        log_read_words(log, 0, offset, max_records, max_bytes, &got_words);                        \
        CHECK_TEXT((log)->suite, got_words.bytes, wanted);                                         \
    } while (0)

static void a_read_keeps_its_bounds(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "aa bb cc", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "dddddddd ee", NULL), 0);
    CHECK_BOUNDED(log, 0, 2, 1000, "0:aa 1:bb");
    CHECK_BOUNDED(log, 0, 1, 1000, "0:aa");
    CHECK_BOUNDED(log, 0, 100, 4, "0:aa 1:bb");
    CHECK_BOUNDED(log, 0, 100, 5, "0:aa 1:bb");
    CHECK_BOUNDED(log, 0, 100, 13, "0:aa 1:bb 2:cc");
    CHECK_BOUNDED(log, 0, 100, 14, "0:aa 1:bb 2:cc 3:dddddddd");
    CHECK_BOUNDED(log, 1, 2, 4, "1:bb 2:cc");
}

/* However large it is, and whatever the bounds say. */
static void at_least_one_record_comes(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "dddddddd ee", NULL), 0);
    CHECK_BOUNDED(log, 0, 100, 3, "0:dddddddd");
    CHECK_BOUNDED(log, 0, 100, 0, "0:dddddddd");
    CHECK_BOUNDED(log, 0, 0, 100, "0:dddddddd");
}

/* Reads one record and checks that it is as it was filled. */
static bool read_filled(struct logs *log, uint64_t offset, size_t size)
{
    struct cc_log_read op = {.offset = offset, .max_records = 1};
    bool is_right = LOG_RUN(log, read, &op) == 0 && op.ret_count == 1 &&
                    op.ret_records[0].offset == offset && log_is_filled(op.ret_records, size);

    cc_op_release(&op.op);
    return is_right;
}

static void records_may_have_any_size_and_bytes(struct logs *log)
{
    static const size_t sizes[] = {0,    1,    255,  256,  1000,  1990,   2000,
                                   2047, 2048, 4080, 4096, 65536, 100000, 1000000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        CHECK_STATUS(log->suite, log_append_filled(log, 0, i, 1, sizes[i]), 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        CHECK(log->suite, read_filled(log, i, sizes[i]));
}

/* Reads all from `offset` on in pieces. Answers the offset after the last, or 0 where one was
 * wrong. */
static uint64_t read_pieces(struct logs *log, uint64_t offset, size_t size, size_t records,
                            size_t bytes)
{
    struct cc_log_read op;

    do {
        op = (struct cc_log_read){.offset = offset, .max_records = records, .max_bytes = bytes};
        if (LOG_RUN(log, read, &op) != 0)
            return 0;
        for (size_t i = 0; i < op.ret_count; i++, offset++)
            if (op.ret_records[i].offset != offset || !log_is_filled(&op.ret_records[i], size))
                return 0;
        cc_op_release(&op.op);
    } while (op.ret_count);
    return offset;
}

static void large_appends_come_back_in_pieces(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_filled(log, 0, 0, 5000, 200), 0);
    CHECK_STATUS(log->suite, log_append_filled(log, 0, 5000, 5000, 200), 0);
    CHECK_NUMBER(log->suite, read_pieces(log, 0, 200, 7, SIZE_MAX), 10000);
    CHECK_NUMBER(log->suite, read_pieces(log, 1234, 200, SIZE_MAX, 10001), 10000);
    CHECK_NUMBER(log->suite, read_pieces(log, 0, 200, SIZE_MAX, SIZE_MAX), 10000);
}

static void answers_last_until_they_are_released(struct logs *log)
{
    struct cc_log_read op = {.max_records = 10, .max_bytes = 1000};
    struct text text = {0};

    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b", NULL), 0);
    CHECK_STATUS(log->suite, LOG_RUN(log, read, &op), 0);
    for (uint64_t i = 0; i < 50; i++)
        CHECK_STATUS(log->suite, log_append_filled(log, 0, 2 + 10 * i, 10, 500), 0);
    log_add_records(&op, &text);
    cc_op_release(&op.op);
    cc_op_release(&op.op);
    CHECK_TEXT(log->suite, text.bytes, "0:a 1:b");
}

/* Appends that are submitted one after another take effect in that order. */
static void appends_under_way_keep_their_order(struct logs *log)
{
    static struct cc_log_append ops[MANY];
    static struct cc_slice records[MANY];
    static char bytes[MANY][4];

    for (uint32_t i = 0; i < MANY; i++) {
        memcpy(bytes[i], &i, 4);
        records[i] = slice_of(bytes[i], 4);
        ops[i] = (struct cc_log_append){.partition = i % 2, .records = &records[i], .count = 1};
        LOG_SUBMIT(log, append, &ops[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        CHECK_STATUS(log->suite, suite_wait(log->suite, &ops[i].op), 0);
        CHECK_NUMBER(log->suite, ops[i].ret_offset, i / 2);
        cc_op_release(&ops[i].op);
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct cc_log_read op = {.partition = i, .max_records = MANY, .max_bytes = SIZE_MAX};

        CHECK_STATUS(log->suite, LOG_RUN(log, read, &op), 0);
        CHECK_NUMBER(log->suite, op.ret_count, MANY / 2);
        for (uint32_t k = 0; k < MANY / 2; k++)
            CHECK(log->suite, slice_equal(op.ret_records[k].data, records[2 * k + i]));
        cc_op_release(&op.op);
    }
}

/* --- waiting --- */

static void hold(struct logs *log, struct cc_log_read *op, uint32_t partition, uint64_t offset)
{
    *op = (struct cc_log_read){.partition = partition,
                               .offset = offset,
                               .max_records = 100,
                               .max_bytes = 1000,
                               .wait = true};
    LOG_SUBMIT(log, read, op);
    suite_drain(log->suite);
}

static void a_waiting_read_gets_what_comes(struct logs *log)
{
    struct cc_log_read op;
    struct text text = {0};

    hold(log, &op, 1, 0);
    CHECK(log->suite, !suite_is_done(&op.op));
    CHECK_STATUS(log->suite, log_append_words(log, 1, "a b", NULL), 0);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &op.op), 0);
    log_add_records(&op, &text);
    cc_op_release(&op.op);
    CHECK_TEXT(log->suite, text.bytes, "0:a 1:b");
}

static void a_waiting_read_does_not_wait_for_what_is_there(struct logs *log)
{
    struct cc_log_read op;
    struct text text = {0};

    CHECK_STATUS(log->suite, log_append_words(log, 1, "a b", NULL), 0);
    hold(log, &op, 1, 1);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &op.op), 0);
    log_add_records(&op, &text);
    cc_op_release(&op.op);
    CHECK_TEXT(log->suite, text.bytes, "1:b");
}

static void each_waiting_read_waits_for_its_own(struct logs *log)
{
    struct cc_log_read other;
    struct cc_log_read late;
    struct cc_log_read early;
    struct text text = {0};

    hold(log, &other, 2, 0);
    hold(log, &late, 1, 3);
    hold(log, &early, 1, 0);
    CHECK_STATUS(log->suite, log_append_words(log, 1, "a b", NULL), 0);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &early.op), 0);
    CHECK(log->suite, !suite_is_done(&late.op));
    CHECK_STATUS(log->suite, log_append_words(log, 1, "c d", NULL), 0);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &late.op), 0);
    CHECK(log->suite, !suite_is_done(&other.op));
    CHECK_STATUS(log->suite, log_append_words(log, 2, "x", NULL), 0);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &other.op), 0);
    log_add_records(&early, &text);
    text_add(&text, " | ");
    log_add_records(&late, &text);
    text_add(&text, " | ");
    log_add_records(&other, &text);
    cc_op_release(&early.op);
    cc_op_release(&late.op);
    cc_op_release(&other.op);
    CHECK_TEXT(log->suite, text.bytes, "0:a 1:b | 3:d | 0:x");
}

static void a_waiting_read_can_be_cancelled(struct logs *log)
{
    struct cc_log_read first;
    struct cc_log_read second;
    struct cc_log_read third;

    hold(log, &first, 1, 0);
    hold(log, &second, 1, 0);
    hold(log, &third, 1, 0);
    log->port.vtable->cancel(log->port.self, &second.op);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &second.op), CC_ECANCELED);
    log->port.vtable->cancel(log->port.self, &third.op);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &third.op), CC_ECANCELED);
    hold(log, &third, 1, 0);
    CHECK(log->suite, !suite_is_done(&first.op));
    CHECK_STATUS(log->suite, log_append_words(log, 1, "a", NULL), 0);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &first.op), 0);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &third.op), 0);
    cc_op_release(&first.op);
    cc_op_release(&third.op);
}

/* As a consumer does: always one read under way, while appends come. */
static void a_reader_that_follows_misses_nothing(struct logs *log)
{
    uint64_t next = 0;

    for (uint64_t i = 0; i < 100; i++) {
        struct cc_log_read op;

        hold(log, &op, 0, next);
        CHECK_STATUS(log->suite, log_append_filled(log, 0, 3 * i, 3, 50), 0);
        CHECK_STATUS(log->suite, suite_wait(log->suite, &op.op), 0);
        for (size_t k = 0; k < op.ret_count; k++, next++) {
            CHECK_NUMBER(log->suite, op.ret_records[k].offset, next);
            CHECK(log->suite, log_is_filled(&op.ret_records[k], 50));
        }
        cc_op_release(&op.op);
    }
    CHECK(log->suite, next > 290);
}

/* --- positions --- */

static void positions_are_kept(struct logs *log)
{
    CHECK_COMMITTED(log, "engine", 0, 0);
    CHECK_STATUS(log->suite, log_commit(log, "engine", 0, 17), 0);
    CHECK_STATUS(log->suite, log_commit(log, "engine", 1, 5), 0);
    CHECK_STATUS(log->suite, log_commit(log, "engines", 0, 9), 0);
    CHECK_COMMITTED(log, "engine", 0, 17);
    CHECK_COMMITTED(log, "engine", 1, 5);
    CHECK_COMMITTED(log, "engine", 2, 0);
    CHECK_COMMITTED(log, "engines", 0, 9);
    CHECK_COMMITTED(log, "engin", 0, 0);
}

/* A consumer may want to read again. */
static void a_position_may_go_back(struct logs *log)
{
    CHECK_STATUS(log->suite, log_commit(log, "search", 3, 100), 0);
    CHECK_STATUS(log->suite, log_commit(log, "search", 3, 40), 0);
    CHECK_COMMITTED(log, "search", 3, 40);
}

static void a_position_is_forgotten(struct logs *log)
{
    CHECK(log->suite, !log_knows(log, "search", 0));
    CHECK_STATUS(log->suite, log_commit(log, "search", 0, 0), 0);
    CHECK(log->suite, log_knows(log, "search", 0));
    CHECK(log->suite, !log_knows(log, "search", 1));
    CHECK_STATUS(log->suite, log_commit(log, "search", 1, 7), 0);
    CHECK_STATUS(log->suite, log_forget(log, "search", 1), 0);
    CHECK_STATUS(log->suite, log_forget(log, "search", 1), 0);
    CHECK_STATUS(log->suite, log_forget(log, "nobody", 1), 0);
    CHECK(log->suite, !log_knows(log, "search", 1));
    CHECK(log->suite, log_knows(log, "search", 0));
    CHECK_COMMITTED(log, "search", 1, 0);
    CHECK_STATUS(log->suite, log_forget(log, "", 1), CC_EINVAL);
}

static void consumers_have_names(struct logs *log)
{
    char name[66];
    uint64_t offset;

    memset(name, 'n', sizeof name);
    name[65] = 0;
    CHECK_STATUS(log->suite, log_commit(log, name, 0, 1), CC_EINVAL);
    CHECK_STATUS(log->suite, log_commit(log, "", 0, 1), CC_EINVAL);
    CHECK_STATUS(log->suite, log_committed(log, "", 0, &offset), CC_EINVAL);
    name[64] = 0;
    CHECK_STATUS(log->suite, log_commit(log, name, 0, 1), 0);
    CHECK_COMMITTED(log, name, 0, 1);
}

/* --- trimming --- */

/* What is below may have gone, and what has gone is told so; what is not below stands. */
static void check_trimmed(struct logs *log, uint32_t partition, uint64_t before)
{
    struct cc_log_bounds op = {.partition = partition};

    CHECK_STATUS(log->suite, LOG_RUN(log, bounds, &op), 0);
    CHECK(log->suite, op.ret_first <= before);
    if (op.ret_first)
        CHECK_WORDS(log, partition, op.ret_first - 1, "CC_ETRIMMED");
}

static void trimming_takes_only_what_is_below(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b c", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "d e", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 1, "x y", NULL), 0);
    CHECK_STATUS(log->suite, log_trim(log, 0, 0), 0);
    CHECK_WORDS(log, 0, 0, "0:a 1:b 2:c 3:d 4:e");
    CHECK_STATUS(log->suite, log_trim(log, 0, 2), 0);
    check_trimmed(log, 0, 2);
    CHECK_WORDS(log, 0, 2, "2:c 3:d 4:e");
    CHECK_STATUS(log->suite, log_trim(log, 0, 1), 0);
    CHECK_WORDS(log, 0, 2, "2:c 3:d 4:e");
    CHECK_WORDS(log, 1, 0, "0:x 1:y");
}

static void a_log_that_was_trimmed_whole_goes_on(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b c", NULL), 0);
    CHECK_STATUS(log->suite, log_trim(log, 0, 3), 0);
    check_trimmed(log, 0, 3);
    CHECK_WORDS(log, 0, 3, "");
    CHECK_STATUS(log->suite, log_append_words(log, 0, "d", NULL), 0);
    CHECK_WORDS(log, 0, 3, "3:d");
    CHECK_STATUS(log->suite, log_trim(log, 0, 1000), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "e", NULL), 0);
    CHECK_WORDS(log, 0, 4, "4:e");
}

static void trimming_keeps_what_a_consumer_wants(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b c d", NULL), 0);
    CHECK_STATUS(log->suite, log_commit(log, "slow", 0, 1), 0);
    CHECK_STATUS(log->suite, log_commit(log, "fast", 0, 3), 0);
    CHECK_STATUS(log->suite, log_commit(log, "other", 1, 0), 0);
    CHECK_STATUS(log->suite, log_trim(log, 0, 4), 0);
    CHECK_WORDS(log, 0, 1, "1:b 2:c 3:d");
    CHECK_STATUS(log->suite, log_commit(log, "slow", 0, 4), 0);
    CHECK_STATUS(log->suite, log_trim(log, 0, 4), 0);
    CHECK_WORDS(log, 0, 3, "3:d");
}

/* Embedded, what is trimmed goes at once; a backend that keeps longer still keeps what is there. */
static void a_forgotten_consumer_keeps_nothing(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b c d", NULL), 0);
    CHECK_STATUS(log->suite, log_commit(log, "slow", 0, 1), 0);
    CHECK_STATUS(log->suite, log_trim(log, 0, 4), 0);
    CHECK_WORDS(log, 0, 1, "1:b 2:c 3:d");
    CHECK_STATUS(log->suite, log_forget(log, "slow", 0), 0);
    CHECK_STATUS(log->suite, log_trim(log, 0, 3), 0);
    check_trimmed(log, 0, 3);
    CHECK_WORDS(log, 0, 3, "3:d");
}

static void much_is_trimmed_while_more_comes(struct logs *log)
{
    for (uint64_t i = 0; i < 20; i++) {
        CHECK_STATUS(log->suite, log_append_filled(log, 0, 1000 * i, 1000, 100), 0);
        if (i > 1)
            CHECK_STATUS(log->suite, log_trim(log, 0, 1000 * (i - 1) + 37), 0);
    }
    check_trimmed(log, 0, 18037);
    CHECK_NUMBER(log->suite, read_pieces(log, 18037, 100, 500, SIZE_MAX), 20000);
}

/* --- what a node owns --- */

static void a_watch_tells_what_is_owned(struct logs *log)
{
    struct cc_log_watch op = {.ret_count = 0};

    CHECK_STATUS(log->suite, LOG_RUN(log, watch, &op), 0);
    CHECK_NUMBER(log->suite, op.ret_count, PARTITIONS);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        CHECK_NUMBER(log->suite, op.ret_owned[i], i);
    cc_op_release(&op.op);
}

static void the_next_watch_waits_and_can_be_cancelled(struct logs *log)
{
    struct cc_log_watch op = {.ret_count = 0};

    CHECK_STATUS(log->suite, LOG_RUN(log, watch, &op), 0);
    cc_op_release(&op.op);
    LOG_SUBMIT(log, watch, &op);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a", NULL), 0);
    CHECK(log->suite, !suite_is_done(&op.op));
    log->port.vtable->cancel(log->port.self, &op.op);
    CHECK_STATUS(log->suite, suite_wait(log->suite, &op.op), CC_ECANCELED);
}

/* --- what is wrong --- */

static void unknown_partitions_are_refused(struct logs *log)
{
    struct cc_log_bounds bounds = {.partition = PARTITIONS};
    struct cc_log_read read = {.partition = UINT32_MAX, .wait = true};
    uint64_t offset;

    CHECK_STATUS(log->suite, log_append_words(log, PARTITIONS, "a", NULL), CC_EINVAL);
    CHECK_STATUS(log->suite, LOG_RUN(log, bounds, &bounds), CC_EINVAL);
    CHECK_STATUS(log->suite, LOG_RUN(log, read, &read), CC_EINVAL);
    CHECK_STATUS(log->suite, log_trim(log, PARTITIONS, 1), CC_EINVAL);
    CHECK_STATUS(log->suite, log_commit(log, "engine", PARTITIONS, 1), CC_EINVAL);
    CHECK_STATUS(log->suite, log_committed(log, "engine", PARTITIONS, &offset), CC_EINVAL);
}

static void an_append_has_a_record(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "", NULL), CC_EINVAL);
    CHECK_BOUNDS(log, 0, "0..0");
}

/* --- running --- */

struct log_case {
    const char *name;
    void (*run)(struct logs *log);
};

static const struct log_case cases[] = {
    {"a new log is empty", a_new_log_is_empty},
    {"records come back in order", records_come_back_in_order},
    {"a read starts anywhere", a_read_starts_anywhere},
    {"partitions are apart", partitions_are_apart},
    {"a read keeps its bounds", a_read_keeps_its_bounds},
    {"at least one record comes", at_least_one_record_comes},
    {"records may have any size and bytes", records_may_have_any_size_and_bytes},
    {"large appends come back in pieces", large_appends_come_back_in_pieces},
    {"answers last until they are released", answers_last_until_they_are_released},
    {"appends under way keep their order", appends_under_way_keep_their_order},
    {"a waiting read gets what comes", a_waiting_read_gets_what_comes},
    {"a waiting read does not wait for what is there",
     a_waiting_read_does_not_wait_for_what_is_there},
    {"each waiting read waits for its own", each_waiting_read_waits_for_its_own},
    {"a waiting read can be cancelled", a_waiting_read_can_be_cancelled},
    {"a reader that follows misses nothing", a_reader_that_follows_misses_nothing},
    {"positions are kept", positions_are_kept},
    {"a position may go back", a_position_may_go_back},
    {"a position is forgotten", a_position_is_forgotten},
    {"consumers have names", consumers_have_names},
    {"trimming takes only what is below", trimming_takes_only_what_is_below},
    {"a log that was trimmed whole goes on", a_log_that_was_trimmed_whole_goes_on},
    {"trimming keeps what a consumer wants", trimming_keeps_what_a_consumer_wants},
    {"a forgotten consumer keeps nothing", a_forgotten_consumer_keeps_nothing},
    {"much is trimmed while more comes", much_is_trimmed_while_more_comes},
    {"a watch tells what is owned", a_watch_tells_what_is_owned},
    {"the next watch waits and can be cancelled", the_next_watch_waits_and_can_be_cancelled},
    {"unknown partitions are refused", unknown_partitions_are_refused},
    {"an append has a record", an_append_has_a_record},
};

static int open_new(const struct cc_log_factory *factory, struct cc_log *ret_log)
{
    int r = factory->make(factory->context);

    return r ? r : factory->open(factory->context, ret_log);
}

static void run_case(struct suite *suite, const struct cc_log_factory *factory,
                     const struct log_case *one)
{
    struct logs log = {.suite = suite};

    CHECK_STATUS(suite, open_new(factory, &log.port), 0);
    one->run(&log);
    log.port.vtable->free(log.port.self);
}

static void write_before_reopening(struct logs *log)
{
    CHECK_STATUS(log->suite, log_append_words(log, 0, "a b c", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 2, "x", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 3, "k l m", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "d", NULL), 0);
    CHECK_STATUS(log->suite, log_commit(log, "engine", 0, 2), 0);
    CHECK_STATUS(log->suite, log_trim(log, 0, 2), 0);
    CHECK_STATUS(log->suite, log_trim(log, 3, 3), 0);
}

static void check_after_reopening(struct logs *log)
{
    CHECK_WORDS(log, 0, 2, "2:c 3:d");
    check_trimmed(log, 0, 2);
    CHECK_WORDS(log, 1, 0, "");
    CHECK_WORDS(log, 2, 0, "0:x");
    CHECK_COMMITTED(log, "engine", 0, 2);
    CHECK_STATUS(log->suite, log_append_words(log, 0, "e", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 1, "first", NULL), 0);
    CHECK_STATUS(log->suite, log_append_words(log, 3, "n", NULL), 0);
    CHECK_WORDS(log, 0, 3, "3:d 4:e");
    CHECK_WORDS(log, 1, 0, "0:first");
    CHECK_WORDS(log, 3, 3, "3:n");
}

/* What was written stands there when the port is opened again. */
static void run_reopening(struct suite *suite, const struct cc_log_factory *factory)
{
    struct logs log = {.suite = suite};

    CHECK_STATUS(suite, open_new(factory, &log.port), 0);
    write_before_reopening(&log);
    log.port.vtable->free(log.port.self);
    CHECK_STATUS(suite, factory->open(factory->context, &log.port), 0);
    check_after_reopening(&log);
    log.port.vtable->free(log.port.self);
}

static void run_all(struct suite *suite, const void *context)
{
    const struct cc_log_factory *factory = context;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        SUITE_CASE(suite, cases[i].name, run_case(suite, factory, &cases[i]));
    SUITE_CASE(suite, "what was written is there when it is opened again",
               run_reopening(suite, factory));
    if (factory->destroy)
        factory->destroy(factory->context);
}

int cc_conformance_log(const struct cc_log_factory *factory,
                       const struct cc_conformance_options *options)
{
    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open)
        return CC_EINVAL;
    return suite_run("log", options, run_all, factory);
}
