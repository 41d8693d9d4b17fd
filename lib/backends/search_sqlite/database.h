/*
 * The index's file: its tables, its statements, what SQLite's answers mean.
 *
 *   position      partition → every record of the log below it has been brought
 *   conversation  name → number
 *   message       number → conversation, place, seq, id, sender, text
 *   words         the inverted index of message.text and .place (FTS5; it keeps no text itself)
 *   zeros         empty, but while free pages are overwritten
 *
 * A message's number is its time, then 12 bits that tell those of one millisecond apart: so the
 * index's own order is that of time, whatever order the messages were brought in, and the newest
 * hits are found without sorting. `place` is the word "c" and the conversation's number: asking
 * for it together with the words reads no more of the index than that conversation's part.
 */
#ifndef CC_BACKENDS_SEARCH_SQLITE_DATABASE_H
#define CC_BACKENDS_SEARCH_SQLITE_DATABASE_H

#include "base/memory.h"
#include "chatcore/backend/search.h"

#include <sqlite3.h>

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_POSITION,
    STATEMENT_SET_POSITION,
    STATEMENT_CONVERSATION,
    STATEMENT_ADD_CONVERSATION,
    STATEMENT_MESSAGE,
    STATEMENT_IS_TAKEN,
    STATEMENT_FREE_BYTES,
    STATEMENT_ADD_ZEROS,
    STATEMENT_REMOVE_ZEROS,
    STATEMENT_ADD_MESSAGE,
    STATEMENT_SET_TEXT,
    STATEMENT_REMOVE_MESSAGE,
    STATEMENT_ADD_WORDS,
    STATEMENT_REMOVE_WORDS,
    STATEMENT_FORGOTTEN,
    STATEMENT_OPTIMIZE,
    STATEMENT_CLEAR_SCOPE,
    STATEMENT_ADD_SCOPE,
    STATEMENT_QUERY,
    STATEMENT_COUNT
};

struct database {
    sqlite3 *handle;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* Opens the file, or begins it anew. `path` NULL: in memory. 0 or a CC_E…. */
int database_open(struct database *database, const char *path);
void database_close(struct database *database);

/* What a SQLite code is to the port's user. */
int database_error(int code);

/* A statement, ready to be bound. */
sqlite3_stmt *database_statement(struct database *database, enum statement number);

/* Text or bytes that stay valid until the statement is reset. */
void bind_slice(sqlite3_stmt *statement, int column, struct cc_slice slice);
void bind_number(sqlite3_stmt *statement, int column, uint64_t number);
struct cc_slice column_slice(sqlite3_stmt *statement, int column);

/* Runs a statement that gives no row, and resets it. 0 or a CC_E…. */
int statement_run(sqlite3_stmt *statement);

/* Runs one that gives at most one number. 0, CC_ENOTFOUND, or another CC_E…. */
int statement_number(sqlite3_stmt *statement, uint64_t *ret_number);

/* Makes the tokenizer "chat" known to a connection: see tokenizer.c. A SQLite code. */
int tokenizer_register(sqlite3 *handle);

/* What the operations do, in a transaction of their own. 0 or a CC_E…. */
int change_index(struct database *database, const struct cc_search_index *op);
int change_forget(struct database *database, const struct cc_search_forget *op);
int change_position(struct database *database, struct cc_search_position *op);

struct answer;

/* Fills the operation from `answer`. It ends after `most_ms`. 0 or a CC_E…. */
int query_run(struct database *database, struct cc_search_query *op, struct answer *answer,
              unsigned most_ms);

#endif
