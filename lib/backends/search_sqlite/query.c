/*
 * Asking the index.
 *
 * The words come from anybody. Each goes into the query between quotes, where FTS5 knows no
 * operator; quotes of its own are doubled. What stands between blanks is one phrase, so that "a-b"
 * is looked for as such, and scripts without spaces are found (tokenizer.c).
 */
#include "backends/answer.h"
#include "backends/search_sqlite/database.h"
#include "base/buffer.h"
#include "chatcore/error.h"

#include <stdio.h>
#include <time.h>

/* More words than this nobody types; the rest is not looked at. */
#define QUERY_WORDS_MAX 32

/* In up to this many conversations the index itself is asked for the place. */
#define QUERY_PLACES_MAX 64

/* How many of SQLite's steps go by between two looks at the clock: about a tenth of a ms. */
#define QUERY_STEPS 5000

/* --- the clock --------------------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int is_late(void *deadline)
{
    return now_ms() > *(const int64_t *)deadline;
}

/* --- what is asked ----------------------------------------------------------------------------
 */

static bool is_blank(char c)
{
    return c == ' ' || (unsigned char)c < ' ';
}

static void append_quoted(struct buffer *query, const char *word, size_t size)
{
    buffer_append_byte(query, '"');
    for (size_t i = 0; i < size; i++) {
        if (word[i] == '"')
            buffer_append_byte(query, '"');
        buffer_append_byte(query, word[i]);
    }
    buffer_append_byte(query, '"');
}

/* The words, the last of which may go on; how many they are. */
static size_t append_words(struct buffer *query, struct cc_slice text)
{
    size_t count = 0;
    size_t at = 0;

    while (count < QUERY_WORDS_MAX) {
        size_t start;

        while (at < text.size && is_blank(text.data[at]))
            at++;
        if (at == text.size)
            break;
        start = at;
        while (at < text.size && !is_blank(text.data[at]))
            at++;
        if (count++)
            buffer_append_byte(query, ' ');
        append_quoted(query, text.data + start, at - start);
    }
    if (count && at == text.size && !is_blank(text.data[at - 1]))
        buffer_append_byte(query, '*');
    return count;
}

/* "place : (c1 OR c7) AND " */
static void append_places(struct buffer *query, const uint64_t *numbers, size_t count)
{
    char place[32];

    buffer_append_slice(query, slice_str("place : ("));
    for (size_t i = 0; i < count; i++) {
        snprintf(place, sizeof place, "%sc%llu", i ? " OR " : "", (unsigned long long)numbers[i]);
        buffer_append_slice(query, slice_str(place));
    }
    buffer_append_slice(query, slice_str(") AND "));
}

/* --- where ------------------------------------------------------------------------------------
 */

/* Notes where may be looked; the first QUERY_PLACES_MAX are also given by number. */
static int fill_scope(struct database *database, const struct cc_search_query *op,
                      uint64_t *ret_numbers, size_t *ret_count)
{
    int r = statement_run(database_statement(database, STATEMENT_CLEAR_SCOPE));

    *ret_count = 0;
    for (size_t i = 0; !r && i < op->scope_count; i++) {
        sqlite3_stmt *find = database_statement(database, STATEMENT_CONVERSATION);
        sqlite3_stmt *add = database_statement(database, STATEMENT_ADD_SCOPE);
        uint64_t number;

        bind_slice(find, 1, op->scopes[i].conversation);
        r = statement_number(find, &number);
        if (r == CC_ENOTFOUND) {
            r = 0;
            continue;
        }
        if (*ret_count < QUERY_PLACES_MAX)
            ret_numbers[*ret_count] = number;
        ++*ret_count;
        bind_number(add, 1, number);
        bind_number(add, 2, op->scopes[i].from_seq);
        bind_slice(add, 3, op->scopes[i].conversation);
        if (!r)
            r = statement_run(add);
    }
    return r;
}

/* --- the hits ---------------------------------------------------------------------------------
 */

static int add_hit(struct answer *answer, struct answer_list *hits, sqlite3_stmt *row)
{
    struct cc_search_hit *hit = answer_list_add(answer, hits, sizeof *hit);
    struct cc_slice id = column_slice(row, 2);
    int r;

    if (!hit)
        return CC_ENOMEM;
    r = answer_copy(answer, column_slice(row, 0), &hit->conversation);
    if (!r)
        r = answer_copy(answer, column_slice(row, 3), &hit->text);
    hit->seq = (uint64_t)sqlite3_column_int64(row, 1);
    hit->place = (uint64_t)sqlite3_column_int64(row, 4) + 1;
    if (id.size != sizeof hit->message.bytes)
        return CC_ECORRUPT;
    memcpy(hit->message.bytes, id.data, id.size);
    return r;
}

/* The highest number that may be found; a hit's place is its number and 1. */
static uint64_t highest(uint64_t before)
{
    return before >= 2 ? before - 2 : UINT64_MAX;
}

/* Time's up is no failure: the newest ones have been found. */
static int collect(struct database *database, struct cc_search_query *op, struct answer *answer,
                   struct cc_slice asked)
{
    sqlite3_stmt *statement = database_statement(database, STATEMENT_QUERY);
    struct answer_list hits = {0};
    int step = SQLITE_ROW;
    int r = 0;

    bind_slice(statement, 1, asked);
    bind_number(statement, 2, op->limit);
    bind_number(statement, 3, highest(op->before));
    while (!r && (step = sqlite3_step(statement)) == SQLITE_ROW)
        r = add_hit(answer, &hits, statement);
    op->ret_is_cut = step == SQLITE_INTERRUPT;
    if (!r && step != SQLITE_DONE && step != SQLITE_INTERRUPT)
        r = database_error(step);
    sqlite3_reset(statement);
    op->ret_hits = hits.items;
    op->ret_count = hits.count;
    return r;
}

int query_run(struct database *database, struct cc_search_query *op, struct answer *answer,
              unsigned most_ms)
{
    int64_t deadline = now_ms() + most_ms;
    uint64_t numbers[QUERY_PLACES_MAX];
    struct buffer asked;
    size_t places;
    int r = fill_scope(database, op, numbers, &places);

    op->ret_count = 0;
    op->ret_is_cut = false;
    if (r || !places || op->before == 1)
        return r;
    buffer_init(&asked, cc_allocator_default());
    if (places <= QUERY_PLACES_MAX)
        append_places(&asked, numbers, places);
    buffer_append_slice(&asked, slice_str("text : ("));
    if (append_words(&asked, op->text) && !asked.failed) {
        buffer_append_byte(&asked, ')');
        sqlite3_progress_handler(database->handle, QUERY_STEPS, is_late, &deadline);
        r = collect(database, op, answer, buffer_slice(&asked));
        sqlite3_progress_handler(database->handle, 0, NULL, NULL);
    }
    if (asked.failed)
        r = CC_ENOMEM;
    buffer_deinit(&asked);
    return r;
}
