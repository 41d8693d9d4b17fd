/*
 * Ids: the form that RFC 9562 gives them, their order under every move of the clock, and the ids of
 * direct conversations, which are stored and may therefore never change.
 */
#include "engine/id.h"

#include "base/memory.h"
#include "support/test.h"

/* A counting source: each fill has bytes of its own. */
struct source {
    unsigned fills;
    int constant; /* -1, or what every byte is */
};

static void source_fill(void *context, void *bytes, size_t size)
{
    struct source *source = context;

    source->fills++;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] =
            (uint8_t)(source->constant >= 0 ? (unsigned)source->constant
                                            : source->fills * 31 + (unsigned)i * 7);
}

struct fixture {
    struct source source;
    struct cc_random random;
    struct id_generator generator;
};

static void fixture_init(struct fixture *fixture, int constant)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->source.constant = constant;
    fixture->random = (struct cc_random){source_fill, &fixture->source};
    id_generator_init(&fixture->generator, &fixture->random);
}

static int compare(const struct cc_id *a, const struct cc_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static void assert_text(const struct cc_id *id, const char *expected)
{
    char text[ID_TEXT_SIZE];

    uuid_format(id, text);
    assert_memory_equal(text, expected, ID_TEXT_SIZE);
}

/* RFC 9562, appendix A.6. */
static void formats_the_example_of_the_rfc(void **state)
{
    static const struct cc_id id = {{0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4,
                                     0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f}};

    (void)state;
    assert_text(&id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_int_equal(id_timestamp(&id), 1645557742000);
}

static void has_version_variant_and_time(void **state)
{
    struct fixture fixture;
    struct cc_id id;

    (void)state;
    for (int constant = 0; constant < 256; constant++) {
        fixture_init(&fixture, constant);
        id_new(&fixture.generator, 0x123456789abc, &id);
        assert_int_equal(id_timestamp(&id), 0x123456789abc);
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
        assert_int_equal(id.bytes[15], constant);
    }
}

static void rises_whatever_the_clock_does(void **state)
{
    static const int64_t moves[] = {0, 0, 1, -1, -1000, 0, 5, 100, -200, 0};
    struct fixture fixture;
    struct cc_id last = {{0}};
    int64_t wall_ms = 1700000000000;

    (void)state;
    fixture_init(&fixture, -1);
    for (int i = 0; i < 100000; i++) {
        struct cc_id id;

        wall_ms += moves[i % 10];
        id_new(&fixture.generator, wall_ms, &id);
        assert_true(compare(&last, &id) < 0);
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
        last = id;
    }
}

static void one_fill_serves_many(void **state)
{
    struct fixture fixture;
    struct cc_id id;

    (void)state;
    fixture_init(&fixture, -1);
    for (int i = 0; i < 640; i++)
        id_new(&fixture.generator, 1700000000000, &id);
    assert_int_equal(fixture.source.fills, 10);
}

/* The highest start leaves half of the counter's range. */
static void starts_in_the_lower_half(void **state)
{
    struct fixture fixture;
    struct cc_id id;

    (void)state;
    fixture_init(&fixture, 255);
    id_new(&fixture.generator, 1, &id);
    assert_true(fixture.generator.counter < (uint32_t)1 << 25);
}

static void a_used_up_counter_takes_the_next_millisecond(void **state)
{
    struct fixture fixture;
    struct cc_id last;
    struct cc_id id;

    (void)state;
    fixture_init(&fixture, 0);
    id_new(&fixture.generator, 1000, &last);
    fixture.generator.counter = ((uint32_t)1 << 26) - 2;
    id_new(&fixture.generator, 1000, &last);
    assert_int_equal(id_timestamp(&last), 1000);
    assert_int_equal(fixture.generator.counter, ((uint32_t)1 << 26) - 1);
    id_new(&fixture.generator, 1000, &id);
    assert_int_equal(id_timestamp(&id), 1001);
    assert_true(compare(&last, &id) < 0);
    last = id;
    id_new(&fixture.generator, 1001, &id); /* the clock comes after: no new start below */
    assert_true(compare(&last, &id) < 0);
}

static void direct_id(const char *a, const char *b, char text[ID_TEXT_SIZE + 1])
{
    id_direct(slice_str(a), slice_str(b), text);
    text[ID_TEXT_SIZE] = '\0';
}

/* Computed apart with Python's hashlib.blake2b; what is stored depends on them. */
static void direct_ids_stay_what_they_are(void **state)
{
    char text[ID_TEXT_SIZE + 1];

    (void)state;
    direct_id("alice", "bob", text);
    assert_string_equal(text, "fa918788-85f6-81b5-9204-776599ce3e74");
    direct_id("bob", "alice", text);
    assert_string_equal(text, "fa918788-85f6-81b5-9204-776599ce3e74");
    direct_id("me", "me", text);
    assert_string_equal(text, "daa489b2-7bd4-8b12-b22f-f015f4e7207a");
}

static void direct_ids_see_where_a_name_ends(void **state)
{
    char one[ID_TEXT_SIZE + 1];
    char other[ID_TEXT_SIZE + 1];

    (void)state;
    direct_id("ab", "c", one);
    direct_id("a", "bc", other);
    assert_string_not_equal(one, other);
    direct_id("a", "b", one);
    direct_id("a", "a", other);
    assert_string_not_equal(one, other);
}

static void tells_direct_ids_from_others(void **state)
{
    static const char *const others[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",  /* a UUIDv7 */
        "017f22e2-79b0-8cc3-98c4-dc0c0c07398",   /* short */
        "017f22e2-79b0-8cc3-98c4-dc0c0c07398ff", /* long */
        "017f22e2-79b0-8cc3-98c4-dc0c0c07398g",  /* not a digit */
        "017F22E2-79b0-8cc3-98c4-dc0c0c07398f",  /* not ours: capital letters */
        "017f22e2079b0-8cc3-98c4-dc0c0c07398f",  /* no dash */
    };
    char text[ID_TEXT_SIZE + 1];

    (void)state;
    direct_id("alice", "bob", text);
    assert_true(id_is_direct(slice_str(text)));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(id_is_direct(slice_str(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_the_example_of_the_rfc),
        cmocka_unit_test(has_version_variant_and_time),
        cmocka_unit_test(rises_whatever_the_clock_does),
        cmocka_unit_test(one_fill_serves_many),
        cmocka_unit_test(starts_in_the_lower_half),
        cmocka_unit_test(a_used_up_counter_takes_the_next_millisecond),
        cmocka_unit_test(direct_ids_stay_what_they_are),
        cmocka_unit_test(direct_ids_see_where_a_name_ends),
        cmocka_unit_test(tells_direct_ids_from_others),
    };

    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
