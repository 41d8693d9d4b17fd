/*
 * The conformance suite of the search index.
 */
#include "chatcore/error.h"
#include "testing/suite.h"

#include <stdio.h>

struct searches {
    struct suite *suite;
    struct cc_search port;
    uint64_t offset; /* the next record's */
};

/* Submits to a slot and waits; answers the status. */
#define SEARCH_RUN(search, slot, operation)                                                        \
    (suite_submit((search)->suite, &(operation)->op),                                              \
     (search)->port.vtable->slot((search)->port.self, operation),                                  \
     suite_wait((search)->suite, &(operation)->op))

static struct cc_id id_of(uint64_t number)
{
    struct cc_id id = {{0}};

    memcpy(id.bytes, &number, sizeof number);
    id.bytes[15] = 7;
    return id;
}

static struct cc_search_entry entry_of(enum cc_search_action action, const char *room, uint64_t seq,
                                       const char *text)
{
    struct cc_search_entry entry = {.action = action,
                                    .conversation = slice_str(room),
                                    .message = id_of(seq),
                                    .seq = seq,
                                    .ts = 1700000000000 + (int64_t)seq,
                                    .from = slice_str("bob"),
                                    .text = slice_str(text)};

    return entry;
}

static int bring(struct searches *search, const struct cc_search_entry *entry)
{
    struct cc_search_entry copy = *entry;
    struct cc_search_index op = {.entries = &copy, .count = 1};
    int r;

    copy.offset = search->offset++;
    op.position = search->offset;
    r = SEARCH_RUN(search, index, &op);
    cc_op_release(&op.op);
    return r;
}

static int put(struct searches *search, const char *room, uint64_t seq, const char *text)
{
    struct cc_search_entry entry = entry_of(CC_SEARCH_PUT, room, seq, text);

    return bring(search, &entry);
}

static int change(struct searches *search, enum cc_search_action action, const char *room,
                  uint64_t seq, const char *text)
{
    struct cc_search_entry entry = entry_of(action, room, seq, text);

    return bring(search, &entry);
}

/* What is found, as "room/3:text room/1:text"; a status other than 0 by its name. */
static void find_in(struct searches *search, const char *text, const struct cc_search_scope *scopes,
                    size_t scope_count, size_t limit, struct text *found)
{
    struct cc_search_query op = {
        .text = slice_str(text), .scopes = scopes, .scope_count = scope_count, .limit = limit};
    int r = SEARCH_RUN(search, query, &op);

    for (size_t i = 0; !r && i < op.ret_count; i++) {
        struct cc_id id = id_of(op.ret_hits[i].seq);

        text_add(found, "%s%.*s/%llu:%.*s", i ? " " : "",
                 SLICE_ARGUMENTS(op.ret_hits[i].conversation),
                 (unsigned long long)op.ret_hits[i].seq, SLICE_ARGUMENTS(op.ret_hits[i].text));
        if (memcmp(&op.ret_hits[i].message, &id, sizeof id) != 0)
            text_add(found, "?");
    }
    if (r)
        text_add(found, "%s", cc_error_name(r));
    cc_op_release(&op.op);
}

static void find(struct searches *search, const char *text, struct text *found)
{
    struct cc_search_scope scopes[] = {{slice_str("room"), 0}, {slice_str("hall"), 0}};

    find_in(search, text, scopes, 2, 10, found);
}

#define CHECK_FIND(search, words, wanted)                                                          \
    do {                                                                                           \
        struct text got_text = {0};                                                                \
        find(search, words, &got_text);                                                            \
        CHECK_TEXT((search)->suite, got_text.bytes, wanted);                                       \
    } while (0)

#define CHECK_PUT(search, room, seq, words)                                                        \
    CHECK_STATUS((search)->suite, put(search, room, seq, words), 0)

#define CHECK_CHANGE(search, action, room, seq, text)                                              \
    CHECK_STATUS((search)->suite, change(search, action, room, seq, text), 0)

static uint64_t position_of(struct searches *search, uint32_t partition)
{
    struct cc_search_position op = {.partition = partition};
    int r = SEARCH_RUN(search, position, &op);

    cc_op_release(&op.op);
    return r ? UINT64_MAX : op.ret_position;
}

/* --- words --- */

static void a_new_index_is_empty(struct searches *search)
{
    CHECK_FIND(search, "word", "");
    CHECK_NUMBER(search->suite, position_of(search, 0), 0);
    CHECK_NUMBER(search->suite, position_of(search, 3), 0);
}

/* Whatever their seqs are: a busy conversation has many in one. */
static void those_of_one_millisecond_are_in_order(struct searches *search)
{
    static const uint64_t seqs[] = {255, 256, 257, 1024, 1025};

    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        struct cc_search_entry entry = entry_of(CC_SEARCH_PUT, "room", seqs[i], "word");

        entry.ts = 1700000000000;
        CHECK_STATUS(search->suite, bring(search, &entry), 0);
    }
    CHECK_FIND(search, "word",
               "room/1025:word room/1024:word room/257:word room/256:word room/255:word");
}

static void all_words_have_to_be_there(struct searches *search)
{
    CHECK_PUT(search, "room", 1, "the quick brown fox");
    CHECK_PUT(search, "hall", 2, "the lazy dog");
    CHECK_FIND(search, "fox", "room/1:the quick brown fox");
    CHECK_FIND(search, "the", "hall/2:the lazy dog room/1:the quick brown fox");
    CHECK_FIND(search, "brown the", "room/1:the quick brown fox");
    CHECK_FIND(search, "brown dog", "");
    CHECK_FIND(search, "cat", "");
}

static void the_last_word_may_go_on(struct searches *search)
{
    CHECK_PUT(search, "room", 1, "conversation with alexander");
    CHECK_FIND(search, "conv", "room/1:conversation with alexander");
    CHECK_FIND(search, "conversation a", "room/1:conversation with alexander");
    CHECK_FIND(search, "conv alexander", "");
    CHECK_FIND(search, "conv ", "");
    CHECK_FIND(search, "versation", "");
}

static void case_and_accents_are_the_same(struct searches *search)
{
    CHECK_PUT(search, "room", 1,
              "Caf\xc3\xa9 \xc3\x9c"
              "ber \xd0\x9c\xd0\x9e\xd0\xa1\xd0\x9a\xd0\x92\xd0\x90");
    CHECK_FIND(search, "cafe uber \xd0\xbc\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0",
               "room/1:Caf\xc3\xa9 \xc3\x9c"
               "ber \xd0\x9c\xd0\x9e\xd0\xa1\xd0\x9a\xd0\x92\xd0\x90");
    CHECK_FIND(search, "CAF\xc3\x89 ",
               "room/1:Caf\xc3\xa9 \xc3\x9c"
               "ber \xd0\x9c\xd0\x9e\xd0\xa1\xd0\x9a\xd0\x92\xd0\x90");
}

/* "I study at Tokyo university", in Japanese; then "hello" and "world" in Thai. */
static void scripts_without_spaces(struct searches *search)
{
#define TOKYO "\xe6\x9d\xb1\xe4\xba\xac"
#define STUDY "\xe5\xad\xa6"
#define JAPAN TOKYO "\xe5\xa4\xa7\xe5\xad\xa6\xe3\x81\xa7\xe5\xad\xa6\xe3\x81\xb6"
#define HELLO "\xe0\xb8\xaa\xe0\xb8\xa7\xe0\xb8\xb1\xe0\xb8\xaa\xe0\xb8\x94\xe0\xb8\xb5"
#define WORLD "\xe0\xb9\x82\xe0\xb8\xa5\xe0\xb8\x81"
    CHECK_PUT(search, "room", 1, JAPAN);
    CHECK_PUT(search, "room", 2, HELLO WORLD);
    CHECK_FIND(search, TOKYO, "room/1:" JAPAN);
    CHECK_FIND(search, STUDY, "room/1:" JAPAN);
    CHECK_FIND(search, "\xe4\xba\xac\xe6\x9d\xb1", "");
    CHECK_FIND(search, WORLD, "room/2:" HELLO WORLD);
}

/* Nothing in it is an operator, and nothing makes the query fail. */
static void the_text_is_words_alone(struct searches *search)
{
    static const char *const hostile[] = {
        "\"",     "\"\"",   "'",        "*",         "a*",       "NOT a",
        "a OR b", "text:a", "place:c1", "^a",        "a + b",    "NEAR(a b)",
        "{text}", "(a",     "a)",       "- -",       "\\",       "%",
        "a\"b",   ";",      "--",       "a AND NOT", "\x01\x02", "\xf0\x9f\x98\x80"};

    CHECK_PUT(search, "room", 1, "alpha beta not-a-word");
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct text got = {0};

        find(search, hostile[i], &got);
        CHECK(search->suite, strncmp(got.bytes, "CC_", 3) != 0);
    }
    CHECK_FIND(search, "alpha OR gamma", "");
    CHECK_FIND(search, "alpha NOT beta", "room/1:alpha beta not-a-word");
    CHECK_FIND(search, "place:c1", "");
    CHECK_FIND(search, "c1", "");
    CHECK_FIND(search, "!!! alpha", "room/1:alpha beta not-a-word");
    CHECK_FIND(search, "!!!", "");
    CHECK_FIND(search, "", "");
    CHECK_FIND(search, "not-a", "room/1:alpha beta not-a-word");
}

/* --- where --- */

static void other_conversations_are_not_looked_into(struct searches *search)
{
    struct cc_search_scope scopes[] = {{slice_str("none"), 0}, {slice_str("hall"), 2}};
    struct text got = {0};

    CHECK_PUT(search, "room", 1, "secret");
    CHECK_PUT(search, "hall", 1, "secret early");
    CHECK_PUT(search, "hall", 2, "secret late");
    CHECK_PUT(search, "halls", 3, "secret elsewhere");
    find_in(search, "secret", scopes, 2, 10, &got);
    CHECK_TEXT(search->suite, got.bytes, "hall/2:secret late");
    got.size = 0;
    got.bytes[0] = 0;
    find_in(search, "secret", scopes, 1, 10, &got);
    CHECK_TEXT(search->suite, got.bytes, "");
    find_in(search, "secret", NULL, 0, 10, &got);
    CHECK_TEXT(search->suite, got.bytes, "");
}

/* As for somebody with more conversations than a query can name one by one. */
static void there_may_be_many_scopes(struct searches *search)
{
    static char names[2000][8];
    static struct cc_search_scope scopes[2000];
    struct text got = {0};

    for (size_t i = 0; i < 2000; i++) {
        snprintf(names[i], sizeof names[i], "r%zu", i);
        scopes[i] = (struct cc_search_scope){slice_str(names[i]), 0};
    }
    for (size_t i = 0; i < 300; i++)
        CHECK_PUT(search, names[i], i + 1, i == 250 ? "needle" : "hay");
    CHECK_PUT(search, "room", 1, "needle");
    find_in(search, "needle", scopes, 2000, 10, &got);
    CHECK_TEXT(search->suite, got.bytes, "r250/251:needle");
}

static void the_newest_come_first(struct searches *search)
{
    static const uint64_t order[] = {3, 1, 5, 2, 4};
    struct cc_search_scope scope = {slice_str("room"), 0};
    struct text got = {0};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        CHECK_PUT(search, "room", order[i], "same");
    CHECK_FIND(search, "same", "room/5:same room/4:same room/3:same room/2:same room/1:same");
    find_in(search, "same", &scope, 1, 2, &got);
    CHECK_TEXT(search->suite, got.bytes, "room/5:same room/4:same");
    find_in(search, "same", &scope, 1, 0, &got);
    CHECK_TEXT(search->suite, got.bytes, "room/5:same room/4:same");
}

/* Page by page everything is found once, whatever comes or goes in between. */
static void pages_go_on_below_a_place(struct searches *search)
{
    struct cc_search_scope scopes[] = {{slice_str("room"), 0}, {slice_str("hall"), 0}};
    struct cc_search_query op = {
        .text = slice_str("same"), .scopes = scopes, .scope_count = 2, .limit = 2};
    uint64_t found[8] = {0};
    size_t count = 0;

    for (uint64_t seq = 1; seq <= 5; seq++)
        CHECK_PUT(search, seq % 2 ? "room" : "hall", seq, "same");
    do {
        uint64_t above = op.before;

        CHECK_STATUS(search->suite, SEARCH_RUN(search, query, &op), 0);
        CHECK(search->suite, op.ret_count <= 2 && count + op.ret_count <= 5);
        for (size_t i = 0; i < op.ret_count; i++) {
            op.before = op.ret_hits[i].place;
            CHECK(search->suite, op.before && (!above || op.before < above));
            above = op.before;
            found[count++] = op.ret_hits[i].seq;
        }
        cc_op_release(&op.op);
        CHECK_PUT(search, "room", 10 + count, "same");
        CHECK_CHANGE(search, CC_SEARCH_REMOVE, "hall", 4, "");
    } while (op.ret_count);
    CHECK_NUMBER(search->suite, count, 5);
    for (size_t i = 0; i < count; i++)
        CHECK_NUMBER(search->suite, found[i], 5 - i);
    op.before = 1;
    CHECK_STATUS(search->suite, SEARCH_RUN(search, query, &op), 0);
    CHECK_NUMBER(search->suite, op.ret_count, 0);
    cc_op_release(&op.op);
}

/* --- changes --- */

static void edits_and_removals(struct searches *search)
{
    CHECK_PUT(search, "room", 1, "first words");
    CHECK_PUT(search, "room", 2, "other words");
    CHECK_CHANGE(search, CC_SEARCH_EDIT, "room", 1, "second thoughts");
    CHECK_FIND(search, "first", "");
    CHECK_FIND(search, "second", "room/1:second thoughts");
    CHECK_CHANGE(search, CC_SEARCH_EDIT, "room", 1, "third");
    CHECK_FIND(search, "second", "");
    CHECK_FIND(search, "third", "room/1:third");
    CHECK_CHANGE(search, CC_SEARCH_REMOVE, "room", 1, "");
    CHECK_FIND(search, "third", "");
    CHECK_CHANGE(search, CC_SEARCH_EDIT, "room", 1, "too late");
    CHECK_FIND(search, "late", "");
    CHECK_CHANGE(search, CC_SEARCH_REMOVE, "room", 1, "");
    CHECK_CHANGE(search, CC_SEARCH_EDIT, "none", 1, "nowhere");
    CHECK_CHANGE(search, CC_SEARCH_REMOVE, "hall", 2, "");
    CHECK_FIND(search, "words", "room/2:other words");
}

static void an_edit_may_come_to_nothing(struct searches *search)
{
    CHECK_PUT(search, "room", 1, "");
    CHECK_CHANGE(search, CC_SEARCH_EDIT, "room", 1, "a caption");
    CHECK_FIND(search, "caption", "room/1:a caption");
    CHECK_CHANGE(search, CC_SEARCH_EDIT, "room", 1, "");
    CHECK_FIND(search, "caption", "");
}

static void a_batch_again_changes_nothing(struct searches *search)
{
    struct cc_search_entry entries[] = {
        entry_of(CC_SEARCH_PUT, "room", 1, "one"), entry_of(CC_SEARCH_EDIT, "room", 1, "two"),
        entry_of(CC_SEARCH_PUT, "room", 2, "three"), entry_of(CC_SEARCH_REMOVE, "room", 2, "")};
    struct cc_search_index op = {.partition = 2, .position = 8, .entries = entries, .count = 4};

    for (size_t i = 0; i < 4; i++)
        entries[i].offset = 4 + i;
    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    CHECK_NUMBER(search->suite, position_of(search, 2), 8);
    CHECK_NUMBER(search->suite, position_of(search, 0), 0);
    op.count = 1; /* were it taken, "one" would be back */
    op.position = 5;
    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    CHECK_NUMBER(search->suite, position_of(search, 2), 8);
    CHECK_FIND(search, "one", "");
    CHECK_FIND(search, "two", "room/1:two");
    op.entries = entries + 2; /* as after another cut: the second of them is new */
    op.count = 2;
    entries[3] = entry_of(CC_SEARCH_PUT, "room", 3, "four");
    entries[3].offset = 9;
    op.position = 10;
    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    CHECK_FIND(search, "three", "");
    CHECK_FIND(search, "four", "room/3:four");
    CHECK_NUMBER(search->suite, position_of(search, 2), 10);
}

static void without_a_position_all_is_taken(struct searches *search)
{
    struct cc_search_entry entry = entry_of(CC_SEARCH_PUT, "room", 1, "old");
    struct cc_search_index op = {.position = 9};

    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    op.position = 0;
    op.entries = &entry;
    op.count = 1;
    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    CHECK_FIND(search, "old", "room/1:old");
    CHECK_NUMBER(search->suite, position_of(search, 0), 9);
}

static void it_may_begin_anew(struct searches *search)
{
    struct cc_search_entry entry = entry_of(CC_SEARCH_PUT, "room", 1, "other log");
    struct cc_search_index op = {.position = 900};

    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    op.position = 3;
    op.entries = &entry;
    op.count = 1;
    op.begins_anew = true;
    CHECK_STATUS(search->suite, SEARCH_RUN(search, index, &op), 0);
    CHECK_FIND(search, "log", "room/1:other log");
    CHECK_NUMBER(search->suite, position_of(search, 0), 3);
}

/* --- forgetting --- */

static int forget(struct searches *search, const char *room, const char *from, uint64_t before,
                  bool is_thorough)
{
    struct cc_search_forget op = {.conversation = slice_str(room),
                                  .from = slice_str(from),
                                  .before_seq = before,
                                  .is_thorough = is_thorough};
    int r = SEARCH_RUN(search, forget, &op);

    cc_op_release(&op.op);
    return r;
}

static void what_is_forgotten(struct searches *search)
{
    struct cc_search_entry alices = entry_of(CC_SEARCH_PUT, "room", 4, "word of alice");

    alices.from = slice_str("alice");
    for (uint64_t seq = 1; seq < 4; seq++)
        CHECK_PUT(search, "room", seq, "word");
    CHECK_PUT(search, "hall", 1, "word");
    CHECK_STATUS(search->suite, bring(search, &alices), 0);
    CHECK_STATUS(search->suite, forget(search, "room", "", 2, false), 0);
    CHECK_FIND(search, "word", "room/4:word of alice room/3:word room/2:word hall/1:word");
    CHECK_STATUS(search->suite, forget(search, "", "alice", 0, true), 0);
    CHECK_FIND(search, "word", "room/3:word room/2:word hall/1:word");
    CHECK_STATUS(search->suite, forget(search, "none", "", 0, false), 0);
    CHECK_STATUS(search->suite, forget(search, "room", "carol", 0, false), 0);
    CHECK_STATUS(search->suite, forget(search, "room", "", 0, false), 0);
    CHECK_FIND(search, "word", "hall/1:word");
    CHECK_NUMBER(search->suite, position_of(search, 0), search->offset);
    CHECK_STATUS(search->suite, forget(search, "", "", 0, true), 0);
    CHECK_FIND(search, "word", "");
    CHECK_PUT(search, "hall", 1, "word again");
    CHECK_FIND(search, "word", "hall/1:word again");
}

/* --- running --- */

static const struct {
    const char *name;
    void (*run)(struct searches *search);
} cases[] = {
    {"a new index is empty", a_new_index_is_empty},
    {"all words have to be there", all_words_have_to_be_there},
    {"those of one millisecond are in order", those_of_one_millisecond_are_in_order},
    {"the last word may go on", the_last_word_may_go_on},
    {"case and accents are the same", case_and_accents_are_the_same},
    {"scripts without spaces", scripts_without_spaces},
    {"the text is words alone", the_text_is_words_alone},
    {"other conversations are not looked into", other_conversations_are_not_looked_into},
    {"there may be many scopes", there_may_be_many_scopes},
    {"the newest come first", the_newest_come_first},
    {"pages go on below a place", pages_go_on_below_a_place},
    {"edits and removals", edits_and_removals},
    {"an edit may come to nothing", an_edit_may_come_to_nothing},
    {"a batch again changes nothing", a_batch_again_changes_nothing},
    {"without a position all is taken", without_a_position_all_is_taken},
    {"it may begin anew", it_may_begin_anew},
    {"what is forgotten", what_is_forgotten},
};

static int open_new(const struct cc_search_factory *factory, struct cc_search *ret_search)
{
    int r = factory->make(factory->context);

    return r ? r : factory->open(factory->context, ret_search);
}

static void run_case(struct suite *suite, const struct cc_search_factory *factory,
                     void (*run)(struct searches *search))
{
    struct searches search = {.suite = suite};

    CHECK_STATUS(suite, open_new(factory, &search.port), 0);
    CHECK(suite, search.port.vtable != NULL);
    run(&search);
    search.port.vtable->free(search.port.self);
}

static void check_reopened(struct searches *search)
{
    CHECK_FIND(search, "kept", "room/1:kept");
    CHECK_FIND(search, "gone", "");
    CHECK_NUMBER(search->suite, position_of(search, 0), 4);
    CHECK_PUT(search, "room", 3, "kept too");
    CHECK_FIND(search, "kept", "room/3:kept too room/1:kept");
}

static void run_reopening(struct suite *suite, const struct cc_search_factory *factory)
{
    struct searches search = {.suite = suite};

    CHECK_STATUS(suite, open_new(factory, &search.port), 0);
    CHECK(suite, search.port.vtable != NULL);
    CHECK_STATUS(suite, put(&search, "room", 1, "gone"), 0);
    CHECK_STATUS(suite, change(&search, CC_SEARCH_EDIT, "room", 1, "kept"), 0);
    CHECK_STATUS(suite, put(&search, "room", 2, "gone"), 0);
    CHECK_STATUS(suite, change(&search, CC_SEARCH_REMOVE, "room", 2, ""), 0);
    search.port.vtable->free(search.port.self);
    CHECK_STATUS(suite, factory->open(factory->context, &search.port), 0);
    CHECK(suite, search.port.vtable != NULL);
    check_reopened(&search);
    search.port.vtable->free(search.port.self);
}

static void run_all(struct suite *suite, const void *context)
{
    const struct cc_search_factory *factory = context;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        SUITE_CASE(suite, cases[i].name, run_case(suite, factory, cases[i].run));
    SUITE_CASE(suite, "what was brought is there again", run_reopening(suite, factory));
    if (factory->destroy)
        factory->destroy(factory->context);
}

int cc_conformance_search(const struct cc_search_factory *factory,
                          const struct cc_conformance_options *options)
{
    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open)
        return CC_EINVAL;
    return suite_run("search", options, run_all, factory);
}
