/*
 * Records: they come back as they went in, in bytes that never change; older and newer formats are
 * read or refused as promised; damaged bytes are an error and nothing else.
 */
#include "wire/record.h"

#include "budget.h"
#include "chatcore/error.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct cc_id some_id = {{0x01, 0x8f, 0x00, 0x11, 0x22, 0x33, 0x74, 0x55, 0x86, 0x77,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd}};

struct fixture {
    struct arena arena;
    struct buffer buffer;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (!fixture)
        return -1;
    arena_init(&fixture->arena, cc_allocator_default());
    buffer_init(&fixture->buffer, cc_allocator_default());
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    arena_deinit(&fixture->arena);
    buffer_deinit(&fixture->buffer);
    free(fixture);
    return 0;
}

static void assert_slice(struct cc_slice a, struct cc_slice b)
{
    assert_int_equal(a.size, b.size);
    if (a.size)
        assert_memory_equal(a.data, b.data, a.size);
}

static void assert_slices(const struct cc_slice *a, size_t a_count, const struct cc_slice *b,
                          size_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++)
        assert_slice(a[i], b[i]);
}

static void assert_message(const struct cc_message *a, const struct cc_message *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(&a->id, &b->id, sizeof a->id);
    assert_true(a->ts == b->ts);
    assert_slice(a->conversation, b->conversation);
    assert_slice(a->from, b->from);
    assert_slice(a->client_id, b->client_id);
    assert_slice(a->text, b->text);
    assert_slices(a->media, a->media_count, b->media, b->media_count);
    assert_memory_equal(&a->reply_to, &b->reply_to, sizeof a->reply_to);
    assert_slices(a->mentions, a->mention_count, b->mentions, b->mention_count);
    assert_slice(a->meta, b->meta);
    assert_memory_equal(&a->target, &b->target, sizeof a->target);
    assert_slice(a->emoji, b->emoji);
    assert_int_equal(a->on, b->on);
    assert_int_equal(a->flagged, b->flagged);
    assert_int_equal(a->action, b->action);
    assert_slices(a->users, a->user_count, b->users, b->user_count);
    assert_slice(a->name, b->name);
    assert_slice(a->files, b->files);
    assert_slice(a->trace_parent, b->trace_parent);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->has_retention, b->has_retention);
    assert_int_equal(a->retention_s, b->retention_s);
}

static void assert_record(const struct record *a, const struct record *b)
{
    assert_message(&a->message, &b->message);
    assert_slice(a->origin, b->origin);
    assert_true(a->token == b->token);
    assert_true(a->member_version == b->member_version);
    assert_int_equal(a->conversation_kind, b->conversation_kind);
    assert_int_equal(a->full_dedup, b->full_dedup);
    assert_true(a->target_seq == b->target_seq);
    assert_true(a->changed_seq == b->changed_seq);
    assert_memory_equal(&a->changed_id, &b->changed_id, sizeof a->changed_id);
}

static struct record text_record(void)
{
    struct record record = {
        .message = {.conversation = slice_str("room"),
                    .id = some_id,
                    .from = slice_str("alice"),
                    .ts = 1700000000000,
                    .kind = CC_MESSAGE_TEXT,
                    .client_id = slice_str("c-1"),
                    .text = slice_str("hello")},
        .origin = slice_str("n1"),
        .token = 300,
        .full_dedup = true,
    };

    return record;
}

static struct record random_record(uint64_t *seed, struct arena *arena)
{
    struct record record = {
        .message = {.conversation = random_name(seed, arena),
                    .id = random_id(seed),
                    .from = random_name(seed, arena),
                    .ts = (int64_t)random_number(seed, 63) * (random_coin(seed) ? 1 : -1),
                    .kind = (enum cc_message_kind)(1 + random_below(seed, CC_MESSAGE_SYSTEM)),
                    .on = random_coin(seed),
                    .flagged = random_coin(seed),
                    .trace_parent =
                        random_coin(seed) ? random_name(seed, arena) : slice_of(NULL, 0),
                    .action = (enum cc_system_action)random_below(seed, CC_SYSTEM_ROLE + 1),
                    .role = (enum cc_role)random_below(seed, CC_ROLE_OWNER + 1),
                    .has_retention = true,
                    .retention_s = random_below(seed, 1000)},
        .token = random_number(seed, 64),
        .member_version = random_number(seed, 64),
        .target_seq = random_number(seed, 64),
        .changed_seq = random_number(seed, 64),
        .changed_id = random_id(seed),
        .conversation_kind = (enum cc_conversation_kind)random_below(seed, CC_KIND_CHANNEL + 1),
        .full_dedup = random_coin(seed),
    };
    struct cc_slice *slices[] = {
        &record.origin,       &record.message.client_id, &record.message.text, &record.message.meta,
        &record.message.name, &record.message.emoji,     &record.message.files};

    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        if (random_coin(seed))
            *slices[i] = random_text(seed, arena, random_number(seed, 9));
    if (random_coin(seed))
        record.message.reply_to = random_id(seed);
    if (random_coin(seed))
        record.message.target = random_id(seed);
    record.message.media_count = random_coin(seed) ? random_below(seed, 40) : 0;
    record.message.media = random_names(seed, arena, record.message.media_count);
    record.message.mention_count = random_coin(seed) ? random_below(seed, 20) : 0;
    record.message.mentions = random_names(seed, arena, record.message.mention_count);
    record.message.user_count = random_coin(seed) ? random_below(seed, 5) : 0;
    record.message.users = random_names(seed, arena, record.message.user_count);
    return record;
}

/* --- what is written ---------------------------------------------------------------------------
 */

static void test_the_bytes_are_fixed(void **state)
{
    /* Logs and stores are full of these: a change here needs a new version. */
    static const char expected[] = "\xdc\x00\x0d"
                                   "\x01\x01"
                                   "\xc4\x10\x01\x8f\x00\x11\x22\x33\x74\x55"
                                   "\x86\x77\x88\x99\xaa\xbb\xcc\xdd"
                                   "\xcf\x00\x00\x01\x8b\xcf\xe5\x68\x00"
                                   "\xa2n1"
                                   "\xcd\x01\x2c"
                                   "\xc0\xc0\x04"
                                   "\xa4room\xa5"
                                   "alice\xa3"
                                   "c-1\xa5"
                                   "hello";
    struct fixture *fixture = *state;
    struct record record = text_record();

    assert_int_equal(record_encode(&fixture->buffer, &record), 0);
    assert_slice(buffer_slice(&fixture->buffer), slice_of(expected, sizeof expected - 1));
}

static void test_it_appends(void **state)
{
    struct fixture *fixture = *state;
    struct record record = text_record();
    struct record back;
    size_t first;

    assert_int_equal(record_encode(&fixture->buffer, &record), 0);
    first = fixture->buffer.size;
    record.message.text = slice_str("another");
    assert_int_equal(record_encode(&fixture->buffer, &record), 0);
    assert_int_equal(
        record_decode(slice_of(fixture->buffer.data + first, fixture->buffer.size - first),
                      &fixture->arena, &back),
        0);
    assert_record(&record, &back);
}

static void test_too_large_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct record record = text_record();
    struct cc_slice huge[2];

    record.message.text.size = RECORD_BYTES_MAX + 1;
    assert_int_equal(record_encode(&fixture->buffer, &record), CC_ETOOLARGE);
    record.message.text.size = SIZE_MAX;
    assert_int_equal(record_encode(&fixture->buffer, &record), CC_ETOOLARGE);
    record.message.text.size = 5;
    huge[0] = huge[1] = slice_of("x", RECORD_BYTES_MAX / 2);
    record.message.media = huge;
    record.message.media_count = 2;
    assert_int_equal(record_encode(&fixture->buffer, &record), CC_ETOOLARGE);
    assert_int_equal(fixture->buffer.size, 0);
    assert_false(fixture->buffer.failed);
}

static void test_without_memory_nothing_is_written(void **state)
{
    struct budget budget = {0};
    struct cc_allocator allocator = budget_allocator(&budget);
    struct record record = text_record();
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, &allocator);
    assert_int_equal(record_encode(&buffer, &record), CC_ENOMEM);
    assert_int_equal(buffer.size, 0);
    buffer_deinit(&buffer);
}

/* --- round trips --------------------------------------------------------------------------------
 */

static void test_random_records_come_back(void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t seed = i;
        struct record record = random_record(&seed, &fixture->arena);
        struct record back;

        assert_int_equal(record_encode(&fixture->buffer, &record), 0);
        assert_int_equal(record_decode(buffer_slice(&fixture->buffer), &fixture->arena, &back), 0);
        assert_record(&record, &back);
        buffer_clear(&fixture->buffer);
        arena_clear(&fixture->arena);
    }
}

static void test_a_text_message_needs_no_memory(void **state)
{
    struct fixture *fixture = *state;
    struct budget budget = {0};
    struct cc_allocator allocator = budget_allocator(&budget);
    struct record record = text_record();
    struct record back;
    struct arena arena;

    arena_init(&arena, &allocator);
    assert_int_equal(record_encode(&fixture->buffer, &record), 0);
    assert_int_equal(record_decode(buffer_slice(&fixture->buffer), &arena, &back), 0);
    assert_record(&record, &back);
    arena_deinit(&arena);
}

static void test_many_users_come_back(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 7;
    struct record record = text_record();
    struct record back;

    record.message.kind = CC_MESSAGE_SYSTEM;
    record.message.user_count = 70000; /* beyond the 16-bit head */
    record.message.users = random_names(&seed, &fixture->arena, record.message.user_count);
    assert_int_equal(record_encode(&fixture->buffer, &record), 0);
    assert_int_equal(record_decode(buffer_slice(&fixture->buffer), &fixture->arena, &back), 0);
    assert_record(&record, &back);
}

/* --- other versions -----------------------------------------------------------------------------
 */

static void test_elements_of_a_newer_format_are_skipped(void **state)
{
    static const char more[] = "\x81\xa1k\x93\x01\xc0\xcb\0\0\0\0\0\0\0\0\xc7\x02\x05xy\xa3new";
    struct fixture *fixture = *state;
    struct buffer *buffer = &fixture->buffer;
    struct record record = text_record();
    struct record back;

    record.message.trace_parent = slice_str("t"); /* the last element of this format */
    assert_int_equal(record_encode(buffer, &record), 0);
    assert_int_equal(buffer->data[2], 29);
    buffer->data[2] = 29 + 3;
    buffer_append(buffer, more, sizeof more - 1);
    assert_int_equal(record_decode(buffer_slice(buffer), &fixture->arena, &back), 0);
    assert_record(&record, &back);
}

static void test_a_short_record_gives_zeros(void **state)
{
    struct fixture *fixture = *state;
    struct record back;
    struct record expected = {.message = {.kind = CC_MESSAGE_DELETE}};

    assert_int_equal(record_decode(slice_of("\x92\x01\x04", 3), &fixture->arena, &back), 0);
    assert_record(&back, &expected);
}

static void test_a_newer_version_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct record record = text_record();
    struct record back;

    assert_int_equal(record_encode(&fixture->buffer, &record), 0);
    fixture->buffer.data[3] = RECORD_VERSION + 1;
    assert_int_equal(record_decode(buffer_slice(&fixture->buffer), &fixture->arena, &back),
                     CC_EVERSION);
}

/* --- damaged bytes ------------------------------------------------------------------------------
 */

static void test_damaged_records_are_refused(void **state)
{
    static const struct {
        const char *what;
        struct cc_slice bytes;
    } cases[] = {
        {"nothing", {"", 0}},
        {"no array", {"\x01", 1}},
        {"an empty array", {"\x90", 1}},
        {"no kind", {"\x91\x01", 2}},
        {"version 0", {"\x92\x00\x01", 3}},
        {"version nil", {"\x92\xc0\x01", 3}},
        {"version of another type", {"\x92\xa1x\x01", 4}},
        {"a negative version", {"\x92\xff\x01", 3}},
        {"a kind beyond all", {"\x92\x01\xcc\x80", 4}},
        {"an id of 3 bytes", {"\x93\x01\x01\xc4\x03xyz", 8}},
        {"a text that is an array", {"\x95\x01\x01\xc0\xc0\x90", 6}},
        {"bytes behind the end", {"\x92\x01\x01\x00", 4}},
        {"an array of 4 billion", {"\xdd\xff\xff\xff\xff\x01\x01", 7}},
        {"a string of 4 billion", {"\x95\x01\x01\xc0\xc0\xdb\xff\xff\xff\xff", 10}},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record back = {.token = 77};

        if (record_decode(cases[i].bytes, &fixture->arena, &back) != CC_ECORRUPT)
            fail_msg("%s: not refused", cases[i].what);
        assert_int_equal(back.token, 77);
    }
}

static void test_a_declared_count_allocates_nothing(void **state)
{
    static const char bytes[] = "\x9e\x01\x01\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0"
                                "\xdd\x10\x00\x00\x00\xa1x";
    struct budget budget = {.allocations = 10};
    struct cc_allocator allocator = budget_allocator(&budget);
    struct record back;
    struct arena arena;

    (void)state;
    arena_init(&arena, &allocator);
    assert_int_equal(record_decode(slice_of(bytes, sizeof bytes - 1), &arena, &back), CC_ECORRUPT);
    assert_int_equal(budget.bytes, 0);
    arena_deinit(&arena);
}

static void test_out_of_memory_is_told_apart(void **state)
{
    struct fixture *fixture = *state;
    struct budget budget = {0};
    struct cc_allocator allocator = budget_allocator(&budget);
    struct cc_slice media = slice_str("m1");
    struct record record = text_record();
    struct record back;
    struct arena arena;

    record.message.media = &media;
    record.message.media_count = 1;
    arena_init(&arena, &allocator);
    assert_int_equal(record_encode(&fixture->buffer, &record), 0);
    assert_int_equal(record_decode(buffer_slice(&fixture->buffer), &arena, &back), CC_ENOMEM);
    arena_deinit(&arena);
}

static void test_every_truncation_is_refused(void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t i = 0; i < 60; i++) {
        uint64_t seed = i;
        struct record record = random_record(&seed, &fixture->arena);
        struct record back;

        buffer_clear(&fixture->buffer);
        assert_int_equal(record_encode(&fixture->buffer, &record), 0);
        for (size_t size = 0; size < fixture->buffer.size; size++) {
            char *cut =
                malloc(size ? size : 1); /* of its own, so that a sanitizer sees an overrun */

            assert_non_null(cut);
            memcpy(cut, fixture->buffer.data, size);
            assert_int_equal(record_decode(slice_of(cut, size), &fixture->arena, &back),
                             CC_ECORRUPT);
            free(cut);
        }
        arena_clear(&fixture->arena);
    }
}

static void test_no_changed_byte_does_harm(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 1;

    for (int i = 0; i < 20000; i++) {
        struct record record = random_record(&seed, &fixture->arena);
        struct record back;
        int r;

        buffer_clear(&fixture->buffer);
        assert_int_equal(record_encode(&fixture->buffer, &record), 0);
        for (uint64_t changes = 1 + random_below(&seed, 3); changes; changes--)
            fixture->buffer.data[random_below(&seed, fixture->buffer.size)] =
                (char)random_next(&seed);
        r = record_decode(buffer_slice(&fixture->buffer), &fixture->arena, &back);
        assert_true(r == 0 || r == CC_ECORRUPT || r == CC_EVERSION);
        arena_clear(&fixture->arena);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_bytes_are_fixed),         TEST(test_it_appends),
        TEST(test_too_large_is_refused),        TEST(test_without_memory_nothing_is_written),
        TEST(test_random_records_come_back),    TEST(test_a_text_message_needs_no_memory),
        TEST(test_many_users_come_back),        TEST(test_elements_of_a_newer_format_are_skipped),
        TEST(test_a_short_record_gives_zeros),  TEST(test_a_newer_version_is_refused),
        TEST(test_damaged_records_are_refused), TEST(test_a_declared_count_allocates_nothing),
        TEST(test_out_of_memory_is_told_apart), TEST(test_every_truncation_is_refused),
        TEST(test_no_changed_byte_does_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
