/*
 * The spam filter through its port: each limit at its last message and its last millisecond, what
 * gets past by mixing, the memory it takes, and a random program against a model that forgets
 * nothing.
 */
#include "../../wire/budget.h"
#include "chatcore/backend/filter.h"
#include "chatcore/error.h"
#include "support/test.h"

#include <stdio.h>

struct fixture {
    struct budget budget;
    struct cc_allocator allocator;
    struct cc_filter_spam_options options;
    struct cc_filter filter;
    int64_t now_ms;
};

/* All limits off, for a test to set its own before fixture_start(). */
static void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->options = (struct cc_filter_spam_options)CC_FILTER_SPAM_OPTIONS_INIT;
    fixture->options.repeat_conversations = 0;
    fixture->options.strangers = 0;
    fixture->options.links = 0;
    fixture->budget.allocations = 1000000000;
    fixture->now_ms = 100000;
}

static void fixture_start(struct fixture *fixture)
{
    fixture->allocator = budget_allocator(&fixture->budget);
    assert_int_equal(cc_filter_spam_new(&fixture->allocator, &fixture->options, &fixture->filter),
                     0);
}

static void fixture_deinit(struct fixture *fixture)
{
    fixture->filter.vtable->free(fixture->filter.self);
    assert_int_equal(fixture->budget.out, 0);
}

static void nothing(struct cc_op *op)
{
    (void)op;
}

struct said {
    const char *user;
    const char *conversation;
    const char *text;
    bool first_contact;
};

/* The verdict, or the error. */
static int say(struct fixture *fixture, struct said said)
{
    struct cc_mailbox mailbox = {0};
    struct cc_filter_check check = {
        .op = {.mailbox = &mailbox, .complete = nothing},
        .now = {.wall_ms = -fixture->now_ms, .mono_ms = fixture->now_ms},
        .user = slice_str(said.user),
        .conversation = slice_str(said.conversation),
        .kind = said.first_contact ? CC_KIND_DIRECT : CC_KIND_GROUP,
        .first_contact = said.first_contact,
        .text = slice_str(said.text),
    };

    fixture->filter.vtable->check(fixture->filter.self, &check);
    assert_int_equal(cc_mailbox_drain(&mailbox), 1);
    if (check.op.status)
        return check.op.status;
    assert_true(check.ret_verdict == CC_FILTER_PASS || check.ret_verdict == CC_FILTER_REJECT);
    assert_int_equal(check.ret_reason.size != 0, check.ret_verdict == CC_FILTER_REJECT);
    return (int)check.ret_verdict;
}

/* The same for a numbered conversation. */
static int say_in(struct fixture *fixture, const char *user, int conversation, const char *text)
{
    char name[32];

    snprintf(name, sizeof name, "c%d", conversation);
    return say(fixture, (struct said){user, name, text, false});
}

static int greet(struct fixture *fixture, const char *user, int stranger)
{
    char name[32];

    snprintf(name, sizeof name, "d%d", stranger);
    return say(fixture, (struct said){user, name, "", true});
}

/* --- the limits ---------------------------------------------------------------------------------
 */

static void the_same_text_in_many_conversations(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.options.repeat_conversations = 3;
    fixture.options.repeat_window_ms = 1000;
    fixture_start(&fixture);
    for (int i = 0; i < 3; i++)
        assert_int_equal(say_in(&fixture, "eve", i, "Win 100 now"), CC_FILTER_PASS);
    assert_int_equal(say_in(&fixture, "eve", 3, "win 5 NOW"), CC_FILTER_REJECT);
    assert_int_equal(say_in(&fixture, "eve", 3, "another text"), CC_FILTER_PASS);
    assert_int_equal(say_in(&fixture, "bob", 3, "win 5 NOW"), CC_FILTER_PASS);
    for (int i = 0; i < 100; i++) /* again where it was said already */
        assert_int_equal(say_in(&fixture, "eve", i % 3, "Win 100 now"), CC_FILTER_PASS);
    fixture.now_ms += 999;
    assert_int_equal(say_in(&fixture, "eve", 4, "Win 100 now"), CC_FILTER_REJECT);
    fixture.now_ms += 1;
    assert_int_equal(say_in(&fixture, "eve", 4, "Win 100 now"), CC_FILTER_PASS);
    fixture_deinit(&fixture);
}

/* Saying it again keeps a conversation in the window. */
static void repeating_renews(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.options.repeat_conversations = 2;
    fixture.options.repeat_window_ms = 1000;
    fixture_start(&fixture);
    assert_int_equal(say_in(&fixture, "eve", 0, "x"), CC_FILTER_PASS);
    fixture.now_ms += 500;
    assert_int_equal(say_in(&fixture, "eve", 1, "x"), CC_FILTER_PASS);
    assert_int_equal(say_in(&fixture, "eve", 0, "x"), CC_FILTER_PASS);
    fixture.now_ms += 999;
    assert_int_equal(say_in(&fixture, "eve", 2, "x"), CC_FILTER_REJECT);
    fixture.now_ms += 1;
    assert_int_equal(say_in(&fixture, "eve", 2, "x"), CC_FILTER_PASS);
    fixture_deinit(&fixture);
}

static void texts_without_anything_visible_do_not_repeat(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.options.repeat_conversations = 1;
    fixture_start(&fixture);
    for (int i = 0; i < 50; i++)
        assert_int_equal(say_in(&fixture, "eve", i, i % 2 ? "" : " \n"), CC_FILTER_PASS);
    fixture_deinit(&fixture);
}

static void first_messages_to_many_strangers(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.options.strangers = 20;
    fixture.options.strangers_window_ms = 3600000;
    fixture_start(&fixture);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(greet(&fixture, "eve", i), CC_FILTER_PASS);
        fixture.now_ms += 100;
    }
    assert_int_equal(greet(&fixture, "eve", 20), CC_FILTER_REJECT);
    assert_int_equal(greet(&fixture, "eve", 7), CC_FILTER_PASS); /* no new one */
    assert_int_equal(greet(&fixture, "bob", 20), CC_FILTER_PASS);
    assert_int_equal(say_in(&fixture, "eve", 1, "to a group"), CC_FILTER_PASS);
    fixture.now_ms = 100000 + 3599999;
    assert_int_equal(greet(&fixture, "eve", 20), CC_FILTER_REJECT);
    fixture.now_ms++;
    assert_int_equal(greet(&fixture, "eve", 20), CC_FILTER_PASS);
    assert_int_equal(greet(&fixture, "eve", 21), CC_FILTER_REJECT);
    fixture_deinit(&fixture);
}

static void many_links(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.options.links = 5;
    fixture.options.links_window_ms = 1000;
    fixture_start(&fixture);
    assert_int_equal(say_in(&fixture, "eve", 1, "http://a http://b"), CC_FILTER_PASS);
    fixture.now_ms += 500;
    assert_int_equal(say_in(&fixture, "eve", 1, "http://a http://b http://c"), CC_FILTER_PASS);
    assert_int_equal(say_in(&fixture, "eve", 1, "www.d"), CC_FILTER_REJECT);
    assert_int_equal(say_in(&fixture, "eve", 1, "no link"), CC_FILTER_PASS);
    fixture.now_ms += 499;
    assert_int_equal(say_in(&fixture, "eve", 2, "www.d"), CC_FILTER_REJECT);
    fixture.now_ms += 1; /* the first two are gone */
    assert_int_equal(say_in(&fixture, "eve", 2, "www.d www.e www.f"), CC_FILTER_REJECT);
    assert_int_equal(say_in(&fixture, "eve", 2, "www.d www.e"), CC_FILTER_PASS);
    /* more than all at once */
    assert_int_equal(say_in(&fixture, "bob", 1, "www.a www.b www.c www.d www.e"), CC_FILTER_PASS);
    assert_int_equal(say_in(&fixture, "zoe", 1, "www.a www.b www.c www.d www.e www.f"),
                     CC_FILTER_REJECT);
    assert_int_equal(say_in(&fixture, "zoe", 1, "www.a www.b www.c www.d www.e"), CC_FILTER_PASS);
    fixture_deinit(&fixture);
}

/* What one limit refuses leaves no mark with the others. */
static void what_is_refused_does_not_count(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.options.links = 1;
    fixture.options.repeat_conversations = 1;
    fixture.options.strangers = 1;
    fixture_start(&fixture);
    assert_int_equal(say(&fixture, (struct said){"eve", "c1", "www.a www.b", true}),
                     CC_FILTER_REJECT);
    assert_int_equal(say(&fixture, (struct said){"eve", "c2", "www.a www.b", true}),
                     CC_FILTER_REJECT); /* for its links again, not as a repetition */
    assert_int_equal(say(&fixture, (struct said){"eve", "c3", "www.a", true}), CC_FILTER_PASS);
    assert_int_equal(say(&fixture, (struct said){"eve", "c4", "x", true}), CC_FILTER_REJECT);
    assert_int_equal(say(&fixture, (struct said){"eve", "c4", "x", false}), CC_FILTER_PASS);
    fixture_deinit(&fixture);
}

static void zero_switches_off(void **state)
{
    struct fixture fixture;

    (void)state;
    for (int which = 0; which < 2; which++) {
        fixture_init(&fixture);
        if (which) { /* a window of nothing */
            fixture.options.repeat_conversations = fixture.options.strangers = 1;
            fixture.options.links = 1;
            fixture.options.repeat_window_ms = fixture.options.strangers_window_ms = 0;
            fixture.options.links_window_ms = 0;
        }
        fixture_start(&fixture);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(say_in(&fixture, "eve", i, "www.a www.b"), CC_FILTER_PASS);
            assert_int_equal(greet(&fixture, "eve", i), CC_FILTER_PASS);
        }
        assert_int_equal(fixture.budget.out, 1); /* nobody is watched */
        fixture_deinit(&fixture);
    }
}

static void the_defaults_are_those_of_the_header(void **state)
{
    struct fixture fixture;
    int passed = 0;

    (void)state;
    fixture_init(&fixture);
    fixture.options = (struct cc_filter_spam_options)CC_FILTER_SPAM_OPTIONS_INIT;
    fixture_start(&fixture);
    while (say_in(&fixture, "a", passed, "x") == CC_FILTER_PASS)
        passed++;
    assert_int_equal(passed, 8);
    for (passed = 0; greet(&fixture, "b", passed) == CC_FILTER_PASS;)
        passed++;
    assert_int_equal(passed, 20);
    for (passed = 0; say_in(&fixture, "c", 1, "www.x") == CC_FILTER_PASS;)
        passed++;
    assert_int_equal(passed, 30);
    fixture_deinit(&fixture);
}

static void options_out_of_range_are_refused(void **state)
{
    struct cc_filter_spam_options options = CC_FILTER_SPAM_OPTIONS_INIT;
    struct cc_filter filter;

    (void)state;
    options.users = 0;
    assert_int_equal(cc_filter_spam_new(cc_allocator_default(), &options, &filter), CC_EINVAL);
    options.users = 1;
    options.links = 1025;
    assert_int_equal(cc_filter_spam_new(cc_allocator_default(), &options, &filter), CC_EINVAL);
    options.links = 1024;
    options.strangers_window_ms = 7 * 86400 * 1000 + 1;
    assert_int_equal(cc_filter_spam_new(cc_allocator_default(), &options, &filter), CC_EINVAL);
    options.strangers_window_ms--;
    options.size = 0;
    assert_int_equal(cc_filter_spam_new(cc_allocator_default(), &options, &filter), CC_EINVAL);
    options.size = offsetof(struct cc_filter_spam_options, reserved); /* an older program's */
    assert_int_equal(cc_filter_spam_new(cc_allocator_default(), &options, &filter), 0);
    filter.vtable->free(filter.self);
}

/* --- evasion and memory -------------------------------------------------------------------------
 */

/* Other texts in between, as many as one likes, once the text was seen twice. */
static void noise_does_not_hide_a_repetition(void **state)
{
    struct fixture fixture;
    int passed = 0;

    (void)state;
    fixture_init(&fixture);
    fixture.options.repeat_conversations = 8;
    fixture_start(&fixture);
    for (int spam = 0; spam < 30; spam++) {
        passed += say_in(&fixture, "eve", spam, "buy!") == CC_FILTER_PASS;
        for (int i = 0; i < (spam ? 500 : 40); i++) {
            char text[32];

            snprintf(text, sizeof text, "%c%c noise", 'a' + i % 26, 'a' + i / 26);
            assert_int_equal(say_in(&fixture, "eve", 999, text), CC_FILTER_PASS);
        }
    }
    assert_int_equal(passed, 8);
    fixture_deinit(&fixture);
}

static void say_other_texts(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        char text[] = {'t', (char)('a' + i % 26), (char)('a' + i / 26), '\0'};

        assert_int_equal(say_in(fixture, "eve", 999, text), CC_FILTER_PASS);
    }
}

/* Of texts seen once, as many are remembered as the header says, and the oldest goes first. */
static void the_oldest_text_gives_its_place(void **state)
{
    struct fixture fixture;

    (void)state;
    for (int others = 56; others <= 57; others++) {
        fixture_init(&fixture);
        fixture.options.repeat_conversations = 1;
        fixture_start(&fixture);
        assert_int_equal(say_in(&fixture, "eve", 1, "buy!"), CC_FILTER_PASS);
        say_other_texts(&fixture, others);
        assert_int_equal(say_in(&fixture, "eve", 2, "taa"), CC_FILTER_REJECT);
        assert_int_equal(say_in(&fixture, "eve", 2, "buy!"),
                         others > 56 ? CC_FILTER_PASS : CC_FILTER_REJECT);
        fixture_deinit(&fixture);
    }
}

static void one_user_costs_two_kilobytes_at_most(void **state)
{
    struct fixture fixture;
    struct fixture grown;

    (void)state;
    fixture_init(&fixture);
    fixture.options = (struct cc_filter_spam_options)CC_FILTER_SPAM_OPTIONS_INIT;
    fixture_start(&fixture);
    for (int i = 0; i < 20000; i++) {
        char text[64];

        snprintf(text, sizeof text, "%c%c%c%s", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676,
                 i % 2 ? " www.x" : "");
        say_in(&fixture, "eve", i, text);
        greet(&fixture, "eve", i);
        if (i == 10000)
            grown = fixture;
    }
    /* The arrays grow by doubling; what was handed out is at most twice what they are. */
    assert_int_equal(fixture.budget.bytes, grown.budget.bytes);
    assert_true(fixture.budget.bytes < 2 * (2048 + 256));
    fixture_deinit(&fixture);
}

static void the_longest_silent_user_is_forgotten(void **state)
{
    struct fixture fixture;
    char user[32];
    int out = 0;

    (void)state;
    fixture_init(&fixture);
    fixture.options.strangers = 1;
    fixture.options.users = 100;
    fixture_start(&fixture);
    assert_int_equal(greet(&fixture, "first", 1), CC_FILTER_PASS);
    assert_int_equal(greet(&fixture, "second", 1), CC_FILTER_PASS);
    for (int i = 2; i < 100; i++) {
        snprintf(user, sizeof user, "u%d", i);
        assert_int_equal(greet(&fixture, user, 1), CC_FILTER_PASS);
    }
    assert_int_equal(greet(&fixture, "first", 2), CC_FILTER_REJECT); /* he was heard */
    out = fixture.budget.out;
    assert_int_equal(greet(&fixture, "one more", 1), CC_FILTER_PASS);
    assert_int_equal(fixture.budget.out, out);
    assert_int_equal(greet(&fixture, "first", 2), CC_FILTER_REJECT);
    assert_int_equal(greet(&fixture, "second", 2), CC_FILTER_PASS);
    assert_int_equal(fixture.budget.out, out);
    fixture_deinit(&fixture);
}

/* Who is silent longer than the longest window leaves no trace, and the table shrinks. */
static void the_silent_are_dropped(void **state)
{
    struct fixture fixture;
    char user[32];

    (void)state;
    fixture_init(&fixture);
    fixture.options.strangers = 1;
    fixture.options.strangers_window_ms = 1000;
    fixture_start(&fixture);
    for (int i = 0; i < 100; i++) {
        snprintf(user, sizeof user, "u%d", i);
        assert_int_equal(greet(&fixture, user, 1), CC_FILTER_PASS);
    }
    fixture.now_ms += (int64_t)100 * 86400 * 1000; /* the low half of the time went round */
    for (int i = 0; i < 60; i++)
        assert_int_equal(greet(&fixture, "eve", 1), CC_FILTER_PASS);
    /* the filter, the table and its buckets, one user, his strangers */
    assert_true(fixture.budget.out <= 5);
    fixture_deinit(&fixture);
}

static void without_memory_nothing_passes(void **state)
{
    struct fixture fixture;
    int r = CC_ENOMEM;
    int failures = 0;

    (void)state;
    for (int allowed = 0; r; allowed++) {
        fixture_init(&fixture);
        fixture.options = (struct cc_filter_spam_options)CC_FILTER_SPAM_OPTIONS_INIT;
        fixture.options.strangers = 1;
        fixture_start(&fixture);
        fixture.budget.allocations = allowed;
        r = say(&fixture, (struct said){"eve", "d1", "www.x", true});
        assert_true(r == 0 || r == CC_ENOMEM);
        failures += r != 0;
        /* a failed one left nothing behind: with memory again, the one stranger is still free */
        fixture.budget.allocations = 1000;
        if (r)
            assert_int_equal(greet(&fixture, "eve", 2), CC_FILTER_PASS);
        fixture_deinit(&fixture);
    }
    /* the user, the table and its buckets, and a mark in each window */
    assert_int_equal(failures, 6);
    fixture_init(&fixture);
    fixture.allocator = budget_allocator(&fixture.budget);
    fixture.budget.allocations = 0;
    assert_int_equal(cc_filter_spam_new(&fixture.allocator, &fixture.options, &fixture.filter),
                     CC_ENOMEM);
}

/* --- against a model ---------------------------------------------------------------------------
 */

#define EVENTS       4000
#define MODEL_LIMIT  4
#define MODEL_WINDOW 1000

struct event {
    int user;
    int conversation;
    int text;
    int64_t at_ms;
};

/* Distinct other conversations that this user's text was said in within the window. */
static int model_count(const struct event *events, size_t count, const struct event *now)
{
    bool seen[64] = {false};
    int distinct = 0;

    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events[i];

        if (event->user == now->user && event->text == now->text &&
            event->conversation != now->conversation && now->at_ms - event->at_ms < MODEL_WINDOW &&
            !seen[event->conversation]) {
            seen[event->conversation] = true;
            distinct++;
        }
    }
    return distinct;
}

/* True if the conversation itself is in the window: then nothing new is counted. */
static bool model_knows(const struct event *events, size_t count, const struct event *now)
{
    for (size_t i = 0; i < count; i++)
        if (events[i].user == now->user && events[i].text == now->text &&
            events[i].conversation == now->conversation &&
            now->at_ms - events[i].at_ms < MODEL_WINDOW)
            return true;
    return false;
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void agrees_with_a_model_that_forgets_nothing(void **state)
{
    static struct event events[EVENTS];
    struct fixture fixture;
    uint32_t seed = 42;
    size_t count = 0;
    int rejected = 0;

    (void)state;
    fixture_init(&fixture);
    fixture.options.repeat_conversations = MODEL_LIMIT;
    fixture.options.repeat_window_ms = MODEL_WINDOW;
    fixture_start(&fixture);
    for (int i = 0; i < EVENTS; i++) {
        struct event now = {(int)(next_random(&seed) % 3), (int)(next_random(&seed) % 10),
                            (int)(next_random(&seed) % 5), 0};
        char user[] = {(char)('a' + now.user), '\0'};
        char text[] = {(char)('a' + now.text), '\0'};
        bool expected;

        fixture.now_ms += next_random(&seed) % 60;
        now.at_ms = fixture.now_ms;
        expected =
            model_knows(events, count, &now) || model_count(events, count, &now) < MODEL_LIMIT;
        assert_int_equal(say_in(&fixture, user, now.conversation, text),
                         expected ? CC_FILTER_PASS : CC_FILTER_REJECT);
        if (expected)
            events[count++] = now;
        else
            rejected++;
    }
    assert_true(rejected > EVENTS / 50 && rejected < EVENTS / 2);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_in_many_conversations),
        cmocka_unit_test(repeating_renews),
        cmocka_unit_test(texts_without_anything_visible_do_not_repeat),
        cmocka_unit_test(first_messages_to_many_strangers),
        cmocka_unit_test(many_links),
        cmocka_unit_test(what_is_refused_does_not_count),
        cmocka_unit_test(zero_switches_off),
        cmocka_unit_test(the_defaults_are_those_of_the_header),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(noise_does_not_hide_a_repetition),
        cmocka_unit_test(the_oldest_text_gives_its_place),
        cmocka_unit_test(one_user_costs_two_kilobytes_at_most),
        cmocka_unit_test(the_longest_silent_user_is_forgotten),
        cmocka_unit_test(the_silent_are_dropped),
        cmocka_unit_test(without_memory_nothing_passes),
        cmocka_unit_test(agrees_with_a_model_that_forgets_nothing),
    };

    return cmocka_run_group_tests_name("spam", tests, NULL, NULL);
}
