/*
 * Search: what is found and what is not, who finds it, and an index that is lost, late or away.
 */
#include "chatcore/error.h"
#include "chatcore/testing/failing.h"
#include "support/engine_fixture.h"
#include "support/folder.h"
#include "support/test.h"

#include <stdio.h>
#include <unistd.h>

static struct folder folder;
static const char *failing_slot; /* whose operations fail, as long as `failures` is not 0 */
static unsigned failures;
static unsigned forgets; /* how often the index was told to forget: each rebuild does */

static struct cc_failure decide(void *context, const char *slot)
{
    struct cc_failure failure = {CC_FAILURE_NONE, 0};

    (void)context;
    forgets += strcmp(slot, "search.forget") == 0;
    if (failures && failing_slot && strcmp(slot, failing_slot) == 0) {
        failures--;
        failure.kind = CC_FAILURE_BEFORE;
        failure.status = CC_EIO;
    }
    return failure;
}

static void with_index(struct cc_engine_options *options)
{
    struct cc_search_sqlite_options sqlite = CC_SEARCH_SQLITE_OPTIONS_INIT;
    struct cc_failing_options failing = {sizeof failing, NULL, decide};
    struct cc_search port;

    sqlite.path = folder_path(&folder, "search.db");
    sqlite.no_thread = true;
    assert_int_equal(cc_search_sqlite_open(NULL, &sqlite, &port), 0);
    assert_int_equal(cc_failing_search_open(NULL, &failing, port, &options->search), 0);
}

static void with_index_for_joiners(struct cc_engine_options *options)
{
    with_index(options);
    options->history_for_joiners = true;
}

static void without_memory(struct cc_engine_options *options)
{
    with_index(options);
    options->limits.max_recent_bytes = 1;
}

static int setup(void **state)
{
    static struct fixture fixture;

    failures = 0;
    folder_make(&folder);
    fixture_init(&fixture, with_index);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_deinit(*state);
    folder_remove(&folder);
    return 0;
}

static void search_in(struct client *client, const char *conversation, const char *text)
{
    struct cc_command command = {.type = CC_COMMAND_SEARCH, .text = text_slice(text)};

    if (conversation)
        command.conversation = text_slice(conversation);
    client_forget(client);
    client_do(client, command);
}

/* One page, and where the next one begins. */
static void search_page(struct client *client, struct cc_command *next)
{
    client_forget(client);
    client_do(client, *next);
    next->cursor = slice_of(client->page, client->page_size);
}

#define expect_found(client, text, found)                                                          \
    do {                                                                                           \
        search_in(client, NULL, text);                                                             \
        client_expect(client, "search ok" found "\n");                                             \
    } while (0)

static void change(struct client *client, enum cc_command_type type, struct cc_id message,
                   const char *text)
{
    client_do(client, (struct cc_command){.type = type,
                                          .conversation = text_slice("g"),
                                          .message = message,
                                          .text = text_slice(text)});
}

/* --- what is found ------------------------------------------------------------------------------
 */

static void test_words_are_found(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(bob, "g", "alice");
    client_say(bob, "g", "The quick brown fox");
    client_say(alice, "g", "a lazy dog");
    fixture_advance(*state, 1);
    client_say_to(bob, "alice", "quick!");
    expect_found(alice, "quick", "\n  1 bob quick!\n  2 bob The quick brown fox");
    expect_found(alice, "DOG", "\n  3 alice a lazy dog client_id=c2");
    expect_found(bob, "dog", "\n  3 alice a lazy dog");
    expect_found(bob, "quick bro", "\n  2 bob The quick brown fox client_id=c1");
    expect_found(bob, "cat", "");
    search_in(bob, "g", "quick");
    client_expect(bob, "search ok\n  2 bob The quick brown fox client_id=c1\n");
}

static void test_what_is_asked_is_checked(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");
    char text[1030];

    search_in(bob, NULL, "");
    client_expect(bob, "search CC_EINVAL\n");
    memset(text, 'a', sizeof text);
    text[1025] = 0;
    search_in(bob, NULL, text);
    client_expect(bob, "search CC_ETOOLARGE\n");
    search_in(bob, "nowhere", "a");
    client_expect(bob, "search CC_ENOTFOUND\n");
    search_in(bob, "a b", "a");
    client_expect(bob, "search CC_EINVAL\n");
    expect_found(bob, "\"NOT (a OR text:", "");
}

static void test_limits(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");
    char text[16];

    client_create(bob, "g", NULL);
    for (int i = 2; i <= 150; i++) {
        snprintf(text, sizeof text, "word %d", i);
        client_say(bob, "g", text);
    }
    client_forget(bob);
    client_do(bob, (struct cc_command){
                       .type = CC_COMMAND_SEARCH, .text = text_slice("word"), .limit = 1});
    client_expect(bob, "search ok\n  150 bob word 150 client_id=c149 more\n");
    client_do(bob, (struct cc_command){
                       .type = CC_COMMAND_SEARCH, .text = text_slice("word"), .limit = 5000});
    assert_non_null(strstr(client_text(bob), "  51 bob word 51 "));
    assert_null(strstr(client_text(bob), "  50 bob word 50 "));
}

/* What is said meanwhile moves no page. */
static void test_pages(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_command next = {.type = CC_COMMAND_SEARCH, .text = text_slice("word"), .limit = 2};

    client_create(bob, "g", NULL);
    for (int i = 0; i < 5; i++)
        client_say(bob, "g", "word");
    search_page(bob, &next);
    client_expect(bob, "search ok\n  6 bob word client_id=c5\n  5 bob word client_id=c4 more\n");
    client_say(bob, "g", "word");
    search_page(bob, &next);
    client_expect(bob, "search ok\n  4 bob word client_id=c3\n  3 bob word client_id=c2 more\n");
    search_page(bob, &next);
    client_expect(bob, "search ok\n  2 bob word client_id=c1\n");
    assert_int_equal(next.cursor.size, 0);
    next.limit = 6;
    search_page(bob, &next);
    assert_int_equal(next.cursor.size, 0);
}

static void test_cursors_that_are_none(void **state)
{
    static const char *const cursors[] = {"x", "0", "1 ", "-1", "99999999999999999999"};
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(bob, "g", NULL);
    client_say(bob, "g", "word");
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        client_forget(bob);
        client_do(bob, (struct cc_command){.type = CC_COMMAND_SEARCH,
                                           .text = text_slice("word"),
                                           .cursor = text_slice(cursors[i])});
        client_expect(bob, "search CC_EINVAL\n");
    }
}

static void test_edits_and_deletions(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");
    struct cc_id id;

    client_create(bob, "g", NULL);
    client_say(bob, "g", "early");
    id = bob->last_message;
    change(bob, CC_COMMAND_EDIT, id, "changed");
    expect_found(bob, "early", "");
    expect_found(bob, "changed", "\n  2 bob changed client_id=c1");
    change(bob, CC_COMMAND_DELETE, id, "");
    expect_found(bob, "changed", "");
    expect_found(bob, "early", "");
}

/* --- who finds it -------------------------------------------------------------------------------
 */

static void test_others_find_nothing(void **state)
{
    struct client *bob = client_connect(*state, "bob", "phone");
    struct client *eve = client_connect(*state, "eve", "phone");

    client_create(bob, "g", NULL);
    client_create(eve, "h", NULL);
    client_say(bob, "g", "secret");
    expect_found(eve, "secret", "");
    search_in(eve, "g", "secret");
    client_expect(eve, "search CC_ENOTFOUND\n");
}

/* Who was removed finds nothing any more, also of what he could read before; who is added again
 * finds what came since. */
static void test_who_left_finds_nothing(void **state)
{
    struct client *alice = client_connect(*state, "alice", "phone");
    struct client *bob = client_connect(*state, "bob", "phone");

    client_create(bob, "g", "alice");
    client_say(bob, "g", "secret one");
    expect_found(alice, "secret", "\n  2 bob secret one");
    client_name_users(bob, CC_COMMAND_REMOVE, "g", "alice");
    client_say(bob, "g", "secret two");
    expect_found(alice, "secret", "");
    search_in(alice, "g", "secret");
    client_expect(alice, "search CC_ENOTFOUND\n");
    client_name_users(bob, CC_COMMAND_ADD, "g", "alice");
    expect_found(alice, "secret", "");
    client_say(bob, "g", "secret three");
    expect_found(alice, "secret", "\n  6 bob secret three");
}

static void test_who_joins_late(void **state)
{
    struct fixture *fixture = *state;
    struct client *alice = client_connect(fixture, "alice", "phone");
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    client_say(bob, "g", "secret one");
    client_name_users(bob, CC_COMMAND_ADD, "g", "alice");
    client_say(bob, "g", "secret two");
    for (int i = 0; i < 2; i++) { /* the store does not know of the joining yet, and knows it */
        expect_found(alice, "secret", "\n  4 bob secret two");
        search_in(alice, "g", "secret");
        client_expect(alice, "search ok\n  4 bob secret two\n");
        fixture_advance(fixture, 1000);
    }
    fixture_restart(fixture, with_index);
    alice = client_connect(fixture, "alice", "phone");
    expect_found(alice, "secret", "\n  4 bob secret two");
    fixture_restart(fixture, with_index_for_joiners);
    alice = client_connect(fixture, "alice", "phone");
    expect_found(alice, "secret", "\n  4 bob secret two\n  2 bob secret one");
}

/* --- the index ----------------------------------------------------------------------------------
 */

static void test_found_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    client_say(bob, "g", "word one");
    fixture_restart(fixture, without_memory);
    bob = client_connect(fixture, "bob", "phone");
    client_say(bob, "g", "word two");
    fixture_advance(fixture, 1000);
    expect_found(bob, "word", "\n  3 bob word two client_id=c2\n  2 bob word one client_id=c1");
}

static void remove_index(void)
{
    unlink(folder_path(&folder, "search.db"));
    unlink(folder_path(&folder, "search.db-wal"));
}

static void without_index(struct cc_engine_options *options)
{
    (void)options;
}

/* The log has been trimmed meanwhile: it comes from the store, changes included. */
static void test_an_index_is_made_from_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");
    struct cc_id edited;
    char text[16];

    client_create(bob, "g", NULL);
    client_create(bob, "h", NULL);
    client_say(bob, "g", "word early");
    edited = bob->last_message;
    client_say(bob, "g", "word deleted");
    change(bob, CC_COMMAND_DELETE, bob->last_message, "");
    change(bob, CC_COMMAND_EDIT, edited, "word late");
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "number%d", i);
        client_say(bob, "h", text);
        fixture_advance(fixture, 20);
    }
    fixture_restart(fixture, without_index);
    bob = client_connect(fixture, "bob", "phone");
    search_in(bob, NULL, "word");
    client_expect(bob, "search CC_ENOTSUP: this engine has no search index\n");
    client_say(bob, "g", "word unseen");
    fixture_advance(fixture, 1000);
    for (int i = 0; i < 2; i++) {
        forgets = 0;
        fixture_restart(fixture, with_index);
        bob = client_connect(fixture, "bob", "phone");
        fixture_advance(fixture, 2000);
        assert_int_equal(forgets, 2);
        expect_found(bob, "word",
                     "\n  6 bob word unseen client_id=c303\n  2 bob word late client_id=c1");
        expect_found(bob, "number299", "\n  301 bob number299 client_id=c302");
        expect_found(bob, "number0", "\n  2 bob number0 client_id=c3");
        remove_index();
    }
}

/* The folder of another server's index. */
static void test_an_index_of_another_log(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    for (int i = 0; i < 20; i++)
        client_say(bob, "g", "foreign");
    fixture_deinit(fixture);
    fixture_init(fixture, with_index);
    bob = client_connect(fixture, "bob", "phone");
    client_create(bob, "g", NULL);
    client_say(bob, "g", "own");
    fixture_advance(fixture, 2000);
    expect_found(bob, "own", "\n  2 bob own client_id=c1");
    expect_found(bob, "foreign", "");
}

/* It is tried again, and what was said meanwhile is there in the end. */
static void test_a_failing_index(void **state)
{
    static const char *const slots[] = {"search.index", "search.position"};
    struct fixture *fixture = *state;
    struct client *bob;

    bob = client_connect(fixture, "bob", "phone");
    client_create(bob, "g", NULL);
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        failing_slot = slots[i];
        failures = 3;
        fixture_restart(fixture, with_index);
        bob = client_connect(fixture, "bob", "phone");
        client_say(bob, "g", "said");
        fixture_advance(fixture, 10000);
        assert_int_equal(failures, 0);
    }
    expect_found(bob, "said", "\n  3 bob said client_id=c2\n  2 bob said client_id=c1");
    failing_slot = "search.query";
    failures = 1;
    search_in(bob, NULL, "said");
    client_expect(bob, "search CC_EIO\n");
}

static uint64_t behind(struct fixture *fixture)
{
    struct cc_engine_stats stats = {.size = sizeof stats};

    cc_engine_get_stats(fixture->engine, &stats);
    return stats.search_behind;
}

/* A query does not wait for ever, and takes what is there. */
static void test_a_late_index(void **state)
{
    struct fixture *fixture = *state;
    struct client *bob = client_connect(fixture, "bob", "phone");

    client_create(bob, "g", NULL);
    client_say(bob, "g", "said before");
    fixture_advance(fixture, 100);
    failing_slot = "search.index";
    failures = 1000;
    client_say(bob, "g", "said late");
    assert_int_equal(behind(fixture), 1);
    search_in(bob, NULL, "said");
    client_expect(bob, "");
    fixture_advance(fixture, 1500);
    client_expect(bob, "search ok\n  2 bob said before client_id=c1\n");
    failures = 0;
    fixture_advance(fixture, 2000);
    expect_found(bob, "said", "\n  3 bob said late client_id=c2\n  2 bob said before client_id=c1");
    assert_int_equal(behind(fixture), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_words_are_found),
        TEST(test_what_is_asked_is_checked),
        TEST(test_limits),
        TEST(test_pages),
        TEST(test_cursors_that_are_none),
        TEST(test_edits_and_deletions),
        TEST(test_others_find_nothing),
        TEST(test_who_left_finds_nothing),
        TEST(test_who_joins_late),
        TEST(test_found_after_a_restart),
        TEST(test_an_index_is_made_from_the_store),
        TEST(test_an_index_of_another_log),
        TEST(test_a_failing_index),
        TEST(test_a_late_index),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
