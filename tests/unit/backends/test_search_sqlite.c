/*
 * What the SQLite index's file looks like: how much a batch writes, and what is left of words that
 * were forgotten. What the index answers is the conformance suite's.
 */
#include "chatcore/backend/search.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BATCH 256

struct index {
    char folder[64];
    char path[96];
    struct cc_search search;
    struct cc_mailbox mailbox;
    uint64_t offset;
};

static int setup(void **state)
{
    struct index *index = calloc(1, sizeof *index);
    struct cc_search_sqlite_options options = CC_SEARCH_SQLITE_OPTIONS_INIT;

    assert_non_null(index);
    snprintf(index->folder, sizeof index->folder, "/tmp/chatcore-search-XXXXXX");
    assert_non_null(mkdtemp(index->folder));
    snprintf(index->path, sizeof index->path, "%s/search.db", index->folder);
    options.path = index->path;
    options.no_thread = true;
    assert_int_equal(cc_search_sqlite_open(NULL, &options, &index->search), 0);
    *state = index;
    return 0;
}

static void close_index(struct index *index)
{
    if (index->search.vtable)
        index->search.vtable->free(index->search.self);
    index->search.vtable = NULL;
}

static int teardown(void **state)
{
    struct index *index = *state;

    close_index(index);
    unlink(index->path);
    rmdir(index->folder);
    free(index);
    return 0;
}

static void succeeded(struct cc_op *op)
{
    assert_int_equal(op->status, 0);
    cc_op_release(op);
}

/* One batch of messages that were sent within a few milliseconds, to rooms with seqs of their
 * own. */
static void bring(struct index *index, const char *word)
{
    struct cc_search_entry entries[BATCH] = {{0}};
    char rooms[BATCH][16];
    char texts[BATCH][48];
    struct cc_search_index op = {.op = {.mailbox = &index->mailbox, .complete = succeeded},
                                 .entries = entries,
                                 .count = BATCH,
                                 .position = index->offset + BATCH};

    for (size_t i = 0; i < BATCH; i++) {
        struct cc_search_entry *entry = &entries[i];

        snprintf(rooms[i], sizeof rooms[i], "room%zu", i * 7 % 20);
        snprintf(texts[i], sizeof texts[i], "%s%llu of many", word,
                 (unsigned long long)index->offset);
        *entry = (struct cc_search_entry){.action = CC_SEARCH_PUT,
                                          .conversation = {rooms[i], strlen(rooms[i])},
                                          .offset = index->offset,
                                          .seq = 1000 - i * 37 % 1000,
                                          .ts = 1700000000000 + (int64_t)index->offset / 64,
                                          .from = {"bob", 3},
                                          .text = {texts[i], strlen(texts[i])}};
        memcpy(entry->message.bytes, &index->offset, sizeof index->offset);
        index->offset++;
    }
    index->search.vtable->index(index->search.self, &op);
    assert_int_equal(cc_mailbox_drain(&index->mailbox), 1);
}

static void forget(struct index *index, bool is_thorough)
{
    struct cc_search_forget op = {.op = {.mailbox = &index->mailbox, .complete = succeeded},
                                  .is_thorough = is_thorough};

    index->search.vtable->forget(index->search.self, &op);
    assert_int_equal(cc_mailbox_drain(&index->mailbox), 1);
}

static int segments(const struct index *index)
{
    sqlite3 *handle;
    sqlite3_stmt *statement;
    int count;

    assert_int_equal(sqlite3_open(index->path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, "SELECT count(DISTINCT segid) FROM words_idx", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    count = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return count;
}

/* Each segment is merged with others later: many small ones are what costs most. */
static void a_batch_is_one_segment_whatever_order_it_is_in(void **state)
{
    struct index *index = *state;

    bring(index, "word");
    close_index(index);
    assert_int_equal(segments(index), 1);
}

static bool file_has(const char *path, const char *word)
{
    FILE *file = fopen(path, "rb");
    char *bytes;
    long size;
    bool has;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    bytes = malloc((size_t)size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    fclose(file);
    has = memmem(bytes, (size_t)size, word, strlen(word)) != NULL;
    free(bytes);
    return has;
}

static void what_was_forgotten_thoroughly_is_nowhere_in_the_file(void **state)
{
    struct index *index = *state;

    for (int i = 0; i < 40; i++)
        bring(index, "zanzibar"); /* enough for merges, which set pages free */
    forget(index, true);
    bring(index, "other");
    close_index(index);
    assert_true(file_has(index->path, "other"));
    assert_false(file_has(index->path, "zanzibar"));
    assert_false(file_has(index->path, "anzibar"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_is_one_segment_whatever_order_it_is_in, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_forgotten_thoroughly_is_nowhere_in_the_file, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
