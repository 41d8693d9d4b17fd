/*
 * Changing the index: batches, and what is to be forgotten.
 *
 * The words of a message can be taken out only with the text that was put in: so each change reads
 * the message first.
 */
#include "backends/search_sqlite/database.h"
#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a message's number: those of one millisecond, before the next one's are used. */
#define NUMBER_BITS 12

/* Of zeros in one row: SQLite takes a thousand million bytes at most. */
#define ZEROS_BYTES ((uint64_t)256 << 20)

/* Entries that are sorted at once: as many as the engine brings. */
#define PART_ENTRIES 1024

struct indexed {
    struct cc_slice text;
    struct cc_slice place;
};

/* A transaction's end: all of it, or nothing. */
static int finish(struct database *database, int status)
{
    int r = status;

    if (!r)
        r = statement_run(database_statement(database, STATEMENT_COMMIT));
    if (r && !sqlite3_get_autocommit(database->handle))
        statement_run(database_statement(database, STATEMENT_ROLLBACK));
    return r;
}

/* --- one message ------------------------------------------------------------------------------
 */

static int find_conversation(struct database *database, struct cc_slice name, uint64_t *ret_number)
{
    sqlite3_stmt *statement = database_statement(database, STATEMENT_CONVERSATION);

    bind_slice(statement, 1, name);
    return statement_number(statement, ret_number);
}

static int make_conversation(struct database *database, struct cc_slice name, uint64_t *ret_number)
{
    int r = find_conversation(database, name, ret_number);
    sqlite3_stmt *statement;

    if (r != CC_ENOTFOUND)
        return r;
    statement = database_statement(database, STATEMENT_ADD_CONVERSATION);
    bind_slice(statement, 1, name);
    r = statement_run(statement);
    *ret_number = (uint64_t)sqlite3_last_insert_rowid(database->handle);
    return r;
}

static int words_change(struct database *database, enum statement which, uint64_t number,
                        const struct indexed *words)
{
    sqlite3_stmt *statement = database_statement(database, which);

    bind_number(statement, 1, number);
    bind_slice(statement, 2, words->text);
    bind_slice(statement, 3, words->place);
    return statement_run(statement);
}

/* Goes to a message; its text and place stay valid until the statement is reset. */
static int find_message(sqlite3_stmt *statement, uint64_t *ret_number, struct indexed *ret_words)
{
    int r = sqlite3_step(statement);

    if (r != SQLITE_ROW)
        return r == SQLITE_DONE ? CC_ENOTFOUND : database_error(r);
    *ret_number = (uint64_t)sqlite3_column_int64(statement, 0);
    ret_words->text = column_slice(statement, 1);
    ret_words->place = column_slice(statement, 2);
    return 0;
}

static int remove_found(struct database *database, uint64_t number, const struct indexed *words)
{
    int r = words_change(database, STATEMENT_REMOVE_WORDS, number, words);
    sqlite3_stmt *statement = database_statement(database, STATEMENT_REMOVE_MESSAGE);

    bind_number(statement, 1, number);
    return r ? r : statement_run(statement);
}

static sqlite3_stmt *message_statement(struct database *database, uint64_t conversation,
                                       const struct cc_id *id)
{
    sqlite3_stmt *statement = database_statement(database, STATEMENT_MESSAGE);

    bind_number(statement, 1, conversation);
    bind_slice(statement, 2, slice_of(id->bytes, sizeof id->bytes));
    return statement;
}

static int remove_message(struct database *database, uint64_t conversation, const struct cc_id *id)
{
    sqlite3_stmt *statement = message_statement(database, conversation, id);
    struct indexed words = {0};
    uint64_t number = 0;
    int r = find_message(statement, &number, &words);

    if (!r)
        r = remove_found(database, number, &words);
    sqlite3_reset(statement);
    return r == CC_ENOTFOUND ? 0 : r;
}

static int edit_message(struct database *database, uint64_t conversation,
                        const struct cc_search_entry *entry)
{
    sqlite3_stmt *statement = message_statement(database, conversation, &entry->message);
    struct indexed words = {0};
    uint64_t number = 0;
    int r = find_message(statement, &number, &words);

    if (!r)
        r = words_change(database, STATEMENT_REMOVE_WORDS, number, &words);
    if (!r) {
        words.text = entry->text;
        r = words_change(database, STATEMENT_ADD_WORDS, number, &words);
    }
    sqlite3_reset(statement);
    if (r)
        return r == CC_ENOTFOUND ? 0 : r;
    statement = database_statement(database, STATEMENT_SET_TEXT);
    bind_number(statement, 1, number);
    bind_slice(statement, 2, entry->text);
    return statement_run(statement);
}

/* --- adding -----------------------------------------------------------------------------------
 */

/* The messages of one conversation stand in the order of their seqs within a millisecond, too. */
static uint64_t wanted_number(const struct cc_search_entry *entry)
{
    uint64_t ts = entry->ts > 0 ? (uint64_t)entry->ts : 0;

    return ((ts << NUMBER_BITS) & (uint64_t)INT64_MAX) | (entry->seq & ((1u << NUMBER_BITS) - 1));
}

/* The first number at or after the wanted one that is free. */
static int choose_number(struct database *database, const struct cc_search_entry *entry,
                         uint64_t *ret_number)
{
    uint64_t number = wanted_number(entry);
    uint64_t taken;
    int r;

    for (;; number++) {
        sqlite3_stmt *statement = database_statement(database, STATEMENT_IS_TAKEN);

        bind_number(statement, 1, number);
        r = statement_number(statement, &taken);
        if (r)
            break;
    }
    *ret_number = number;
    return r == CC_ENOTFOUND ? 0 : r;
}

static int insert_message(struct database *database, uint64_t conversation, uint64_t number,
                          const struct cc_search_entry *entry)
{
    sqlite3_stmt *statement = database_statement(database, STATEMENT_ADD_MESSAGE);
    struct indexed words = {.text = entry->text};
    char place[32];
    int r;

    snprintf(place, sizeof place, "c%llu", (unsigned long long)conversation);
    words.place = slice_str(place);
    bind_number(statement, 1, number);
    bind_number(statement, 2, conversation);
    bind_slice(statement, 3, words.place);
    bind_number(statement, 4, entry->seq);
    bind_slice(statement, 5, slice_of(entry->message.bytes, sizeof entry->message.bytes));
    bind_slice(statement, 6, entry->from);
    bind_slice(statement, 7, entry->text);
    r = statement_run(statement);
    return r ? r : words_change(database, STATEMENT_ADD_WORDS, number, &words);
}

/* The message is there already, or another one has its number. */
static int put_again(struct database *database, uint64_t conversation,
                     const struct cc_search_entry *entry)
{
    uint64_t number = 0;
    int r = remove_message(database, conversation, &entry->message);

    if (!r)
        r = choose_number(database, entry, &number);
    return r ? r : insert_message(database, conversation, number, entry);
}

/* Nearly all are new, and their numbers free: looking first would cost each of them two reads. */
static int put_message(struct database *database, const struct cc_search_entry *entry)
{
    uint64_t conversation;
    int r = make_conversation(database, entry->conversation, &conversation);

    if (!r)
        r = insert_message(database, conversation, wanted_number(entry), entry);
    return r == CC_EEXISTS ? put_again(database, conversation, entry) : r;
}

static int take_entry(struct database *database, const struct cc_search_entry *entry)
{
    uint64_t conversation;
    int r;

    if (entry->action == CC_SEARCH_PUT)
        return put_message(database, entry);
    r = find_conversation(database, entry->conversation, &conversation);
    if (r)
        return r == CC_ENOTFOUND ? 0 : r;
    return entry->action == CC_SEARCH_EDIT
               ? edit_message(database, conversation, entry)
               : remove_message(database, conversation, &entry->message);
}

/* --- batches ----------------------------------------------------------------------------------
 */

static int read_position(struct database *database, uint32_t partition, uint64_t *ret_position)
{
    sqlite3_stmt *statement = database_statement(database, STATEMENT_POSITION);
    int r;

    *ret_position = 0;
    bind_number(statement, 1, partition);
    r = statement_number(statement, ret_position);
    return r == CC_ENOTFOUND ? 0 : r;
}

static int set_position(struct database *database, const struct cc_search_index *op)
{
    sqlite3_stmt *statement = database_statement(database, STATEMENT_SET_POSITION);

    bind_number(statement, 1, op->partition);
    bind_number(statement, 2, op->position);
    bind_number(statement, 3, op->begins_anew);
    return statement_run(statement);
}

static int compare_numbers(const struct cc_search_entry *a, const struct cc_search_entry *b)
{
    uint64_t left = wanted_number(a);
    uint64_t right = wanted_number(b);

    return (left > right) - (left < right);
}

/* See take_part(). What is the same stays in the order in which it came. */
static int compare_entries(const void *left, const void *right)
{
    const struct cc_search_entry *a = *(const struct cc_search_entry *const *)left;
    const struct cc_search_entry *b = *(const struct cc_search_entry *const *)right;
    bool is_put = a->action == CC_SEARCH_PUT;
    int order;

    if (is_put != (b->action == CC_SEARCH_PUT))
        return is_put ? -1 : 1;
    order = is_put ? compare_numbers(a, b) : memcmp(&a->message, &b->message, sizeof a->message);
    return order ? order : (a > b) - (a < b);
}

/*
 * FTS5 gathers words in memory as long as the numbers ascend, and writes out what it has at each
 * one that doesn't: so the messages are put by their numbers, then changed by their ids, which are
 * in the order of time as well.
 */
static int take_part(struct database *database, const struct cc_search_entry **part, size_t count)
{
    int r = 0;

    qsort(part, count, sizeof(*part), compare_entries);
    for (size_t i = 0; !r && i < count; i++)
        r = take_entry(database, part[i]);
    return r;
}

/* A batch goes in parts, so that nothing needs to be allocated. */
static int take_entries(struct database *database, const struct cc_search_index *op,
                        uint64_t position)
{
    const struct cc_search_entry *part[PART_ENTRIES];
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; !r && i < op->count; i++) {
        if (!op->position || op->begins_anew || op->entries[i].offset >= position)
            part[count++] = &op->entries[i];
        if (count < PART_ENTRIES && i + 1 < op->count)
            continue;
        r = take_part(database, part, count);
        count = 0;
    }
    return r;
}

static int take_batch(struct database *database, const struct cc_search_index *op)
{
    uint64_t position;
    int r = read_position(database, op->partition, &position);

    if (!r)
        r = take_entries(database, op, position);
    if (!r && (op->position || op->begins_anew))
        r = set_position(database, op);
    return r;
}

int change_index(struct database *database, const struct cc_search_index *op)
{
    int r = statement_run(database_statement(database, STATEMENT_BEGIN));

    return r ? r : finish(database, take_batch(database, op));
}

int change_position(struct database *database, struct cc_search_position *op)
{
    return read_position(database, op->partition, &op->ret_position);
}

/* --- forgetting -------------------------------------------------------------------------------
 */

static int forget_next(struct database *database, const struct cc_search_forget *op,
                       uint64_t conversation, uint64_t *number)
{
    sqlite3_stmt *statement = database_statement(database, STATEMENT_FORGOTTEN);
    struct indexed words = {0};
    int r;

    if (op->conversation.size)
        bind_number(statement, 1, conversation);
    if (op->from.size)
        bind_slice(statement, 2, op->from);
    bind_number(statement, 3, op->before_seq);
    bind_number(statement, 4, *number);
    r = find_message(statement, number, &words);
    if (!r)
        r = remove_found(database, *number, &words);
    sqlite3_reset(statement);
    return r;
}

static int forget_all(struct database *database, const struct cc_search_forget *op)
{
    uint64_t conversation = 0;
    uint64_t number = 0;
    int r = 0;

    if (op->conversation.size)
        r = find_conversation(database, op->conversation, &conversation);
    while (!r)
        r = forget_next(database, op, conversation, &number);
    return r == CC_ENOTFOUND ? 0 : r;
}

/*
 * Overwrites the pages that are free: words may stand there that merging has left. Zeros are given
 * all of them, and taken back in a transaction of its own: pages that come and go in one are not
 * written.
 */
static int wipe_free(struct database *database)
{
    uint64_t left;
    int r = statement_number(database_statement(database, STATEMENT_FREE_BYTES), &left);

    while (!r && left) {
        sqlite3_stmt *statement = database_statement(database, STATEMENT_ADD_ZEROS);
        uint64_t bytes = left < ZEROS_BYTES ? left : ZEROS_BYTES;

        bind_number(statement, 1, bytes);
        r = statement_run(statement);
        left -= bytes;
    }
    return r ? r : statement_run(database_statement(database, STATEMENT_REMOVE_ZEROS));
}

int change_forget(struct database *database, const struct cc_search_forget *op)
{
    int r = statement_run(database_statement(database, STATEMENT_BEGIN));

    if (r)
        return r;
    r = forget_all(database, op);
    if (!r && op->is_thorough)
        r = statement_run(database_statement(database, STATEMENT_OPTIMIZE));
    r = finish(database, r);
    if (!r && op->is_thorough)
        r = wipe_free(database);
    if (!r && op->is_thorough)
        r = database_error(sqlite3_wal_checkpoint_v2(database->handle, NULL,
                                                     SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
    return r;
}
