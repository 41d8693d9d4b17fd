/*
 * Opening the index's file, and its statements.
 */
#include "backends/search_sqlite/database.h"

#include "chatcore/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the tables and of the tokenizer: another one means that the index is made anew. */
#define FORMAT 3

static const char *const texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_POSITION] = "SELECT next FROM position WHERE partition = ?1",
    [STATEMENT_SET_POSITION] = ("INSERT INTO position VALUES (?1, ?2)"
                                " ON CONFLICT (partition) DO UPDATE SET next = excluded.next"
                                " WHERE excluded.next > next OR ?3"),
    [STATEMENT_CONVERSATION] = "SELECT number FROM conversation WHERE name = ?1",
    [STATEMENT_ADD_CONVERSATION] = "INSERT INTO conversation (name) VALUES (?1)",
    [STATEMENT_MESSAGE] =
        "SELECT number, text, place FROM message WHERE id = ?2 AND conversation = ?1",
    [STATEMENT_IS_TAKEN] = "SELECT 1 FROM message WHERE number = ?1",
    [STATEMENT_FREE_BYTES] =
        "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
    [STATEMENT_ADD_ZEROS] = "INSERT INTO zeros VALUES (zeroblob(?1))",
    [STATEMENT_REMOVE_ZEROS] = "DELETE FROM zeros",
    [STATEMENT_ADD_MESSAGE] = "INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [STATEMENT_SET_TEXT] = "UPDATE message SET text = ?2 WHERE number = ?1",
    [STATEMENT_REMOVE_MESSAGE] = "DELETE FROM message WHERE number = ?1",
    [STATEMENT_ADD_WORDS] = "INSERT INTO words (rowid, text, place) VALUES (?1, ?2, ?3)",
    [STATEMENT_REMOVE_WORDS] =
        "INSERT INTO words (words, rowid, text, place) VALUES ('delete', ?1, ?2, ?3)",
    [STATEMENT_FORGOTTEN] =
        ("SELECT number, text, place FROM message"
         " WHERE (?1 IS NULL OR conversation = ?1) AND (?2 IS NULL OR sender = ?2)"
         " AND (?3 = 0 OR seq < ?3) AND number > ?4 ORDER BY number LIMIT 1"),
    [STATEMENT_OPTIMIZE] = "INSERT INTO words (words) VALUES ('optimize')",
    [STATEMENT_CLEAR_SCOPE] = "DELETE FROM scope",
    [STATEMENT_ADD_SCOPE] = "INSERT OR REPLACE INTO scope VALUES (?1, ?2, ?3)",
    /* CROSS JOIN keeps the order: from the newest hit on, each is looked up until there are enough
     */
    [STATEMENT_QUERY] =
        ("SELECT scope.name, message.seq, message.id, message.text, words.rowid FROM words"
         " CROSS JOIN message ON message.number = words.rowid"
         " CROSS JOIN scope ON scope.conversation = message.conversation"
         " WHERE words MATCH ?1 AND words.rowid <= ?3"
         " AND message.seq >= scope.from_seq"
         " ORDER BY words.rowid DESC LIMIT ?2"),
};

/*
 * What is written for each message is what a busy server pays for most, so there is no index that
 * only erasing would use (it goes over all messages once), no sizes of columns (hits are ordered by
 * time, not by rank), and parts of the inverted index are merged by eights.
 */
static const char schema[] =
    "BEGIN;"
    "CREATE TABLE position (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);"
    "CREATE TABLE conversation (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);"
    "CREATE TABLE message (number INTEGER PRIMARY KEY, conversation INTEGER NOT NULL,"
    " place TEXT NOT NULL, seq INTEGER NOT NULL, id BLOB NOT NULL, sender BLOB NOT NULL,"
    " text TEXT NOT NULL);"
    "CREATE UNIQUE INDEX message_id ON message (id, conversation);"
    "CREATE VIRTUAL TABLE words USING fts5 (text, place, content = 'message',"
    " content_rowid = 'number', tokenize = 'chat', prefix = '2 3', columnsize = 0);"
    "INSERT INTO words (words, rank) VALUES ('automerge', 8);"
    "CREATE TABLE zeros (bytes BLOB NOT NULL);"
    "PRAGMA user_version = 3;"
    "COMMIT;";

/*
 * A transaction need not reach the disk at once: what a power cut takes is made again from the
 * position that it takes with it. What is deleted is overwritten where a page stays in use; pages
 * that merging sets free are not written once more for it (a third of all that was written), but by
 * change_forget(). The write-ahead file grows to 16 MB before it is brought in: a page that many
 * batches change is written there once.
 */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = NORMAL;"
                               "PRAGMA secure_delete = FAST;"
                               "PRAGMA wal_autocheckpoint = 4000;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -16384;"
                               "CREATE TEMP TABLE scope (conversation INTEGER PRIMARY KEY,"
                               " from_seq INTEGER NOT NULL, name BLOB NOT NULL);";

int database_error(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return CC_ENOMEM;
    case SQLITE_FULL:
        return CC_ENOSPACE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return CC_EREADONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CC_ELOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return CC_ECORRUPT;
    case SQLITE_CONSTRAINT:
        return CC_EEXISTS;
    case SQLITE_NOTFOUND:
        return CC_ENOTSUP;
    case SQLITE_ERROR:
        return CC_EINTERNAL;
    default:
        return CC_EIO;
    }
}

/* --- opening ----------------------------------------------------------------------------------
 */

static int read_format(sqlite3 *handle, int *ret_format)
{
    sqlite3_stmt *statement;
    int r = sqlite3_prepare_v2(handle, "PRAGMA user_version", -1, &statement, NULL);

    if (r != SQLITE_OK)
        return r;
    r = sqlite3_step(statement);
    if (r == SQLITE_ROW)
        *ret_format = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return r == SQLITE_ROW ? SQLITE_OK : r;
}

static int prepare_all(struct database *database)
{
    int r = SQLITE_OK;

    for (int i = 0; r == SQLITE_OK && i < STATEMENT_COUNT; i++)
        r = sqlite3_prepare_v3(database->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &database->statements[i], NULL);
    return r;
}

/* SQLite would let others read a file that it makes; the files beside it get this one's mode. What
 * fails here fails for SQLite as well, which has a word for it. */
static void make_file(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (file >= 0)
        close(file);
}

static int open_file(struct database *database, const char *path)
{
    int format = 0;
    int r;

    if (path)
        make_file(path);
    r = sqlite3_open_v2(path ? path : ":memory:", &database->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

    if (r == SQLITE_OK)
        r = sqlite3_exec(database->handle, settings, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = read_format(database->handle, &format);
    if (r == SQLITE_OK && format != 0 && format != FORMAT)
        return SQLITE_NOTADB;
    if (r == SQLITE_OK)
        r = tokenizer_register(database->handle);
    if (r == SQLITE_OK && !format)
        r = sqlite3_exec(database->handle, schema, NULL, NULL, NULL);
    return r == SQLITE_OK ? prepare_all(database) : r;
}

/* What is in it is computed: a file that can't be read is no loss. */
static void remove_file(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char name[4096];

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if ((size_t)snprintf(name, sizeof name, "%s%s", path, endings[i]) < sizeof name)
            unlink(name);
}

int database_open(struct database *database, const char *path)
{
    int r;

    memset(database, 0, sizeof *database);
    r = open_file(database, path);
    if (path && database_error(r) == CC_ECORRUPT) {
        database_close(database);
        remove_file(path);
        r = open_file(database, path);
    }
    if (r != SQLITE_OK)
        database_close(database);
    return database_error(r);
}

void database_close(struct database *database)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(database->statements[i]);
    sqlite3_close(database->handle);
    memset(database, 0, sizeof *database);
}

/* --- statements -------------------------------------------------------------------------------
 */

sqlite3_stmt *database_statement(struct database *database, enum statement number)
{
    sqlite3_stmt *statement = database->statements[number];

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

void bind_slice(sqlite3_stmt *statement, int column, struct cc_slice slice)
{
    sqlite3_bind_text64(statement, column, slice.size ? slice.data : "", slice.size, SQLITE_STATIC,
                        SQLITE_UTF8);
}

void bind_number(sqlite3_stmt *statement, int column, uint64_t number)
{
    sqlite3_bind_int64(statement, column, number > INT64_MAX ? INT64_MAX : (sqlite3_int64)number);
}

struct cc_slice column_slice(sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement, column);

    return slice_of(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

int statement_run(sqlite3_stmt *statement)
{
    int r = sqlite3_step(statement);

    sqlite3_reset(statement);
    return database_error(r);
}

int statement_number(sqlite3_stmt *statement, uint64_t *ret_number)
{
    int r = sqlite3_step(statement);

    if (r == SQLITE_ROW)
        *ret_number = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return r == SQLITE_DONE ? CC_ENOTFOUND : database_error(r);
}
