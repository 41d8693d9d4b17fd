/*
 * The walk through log and store. Tables stand in one list, with what reads an entry of each.
 */
#include "backends/lmdb/walk.h"

#include "backends/lmdb/chunk.h"
#include "backends/lmdb/store.h"
#include "base/options.h"
#include "chatcore/error.h"

#include <stdio.h>

#define TELL_EVERY 4096

/* A table as it is walked. */
struct table {
    int part;
    const char *name;
    uint32_t partition; /* the log's */
    uint64_t first;     /* likewise: what is older is garbage that waits to be removed */
    int (*entry)(struct walk *walk, const struct table *table, const MDB_val *key,
                 const MDB_val *value);
};

/* --- keys --- */

/* What is left of a key. */
struct key_reader {
    const unsigned char *at;
    size_t left;
    bool failed;
};

static struct key_reader key_of(const MDB_val *key)
{
    struct key_reader reader = {key->mv_data, key->mv_size, false};

    return reader;
}

static uint64_t key_number(struct key_reader *reader, size_t bytes)
{
    uint64_t number = 0;

    if (reader->left < bytes)
        reader->failed = true;
    else
        reader->left -= bytes;
    for (; !reader->failed && bytes; bytes--)
        number = number << 8 | *reader->at++;
    return number;
}

static struct cc_slice key_name(struct key_reader *reader)
{
    size_t size = (size_t)key_number(reader, 1);
    struct cc_slice name = slice_of(reader->at, size);

    if (reader->left < size || size > CC_NAME_MAX)
        reader->failed = true;
    if (reader->failed)
        return slice_of(NULL, 0);
    reader->at += size;
    reader->left -= size;
    return name;
}

static bool key_is_read(const struct key_reader *reader)
{
    return !reader->failed && !reader->left;
}

/* The end of a chunk is no failure. */
static int chunk_end(int r)
{
    return r == MDB_NOTFOUND ? 0 : r;
}

/* --- the log --- */

static int records_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                        const MDB_val *value)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct cc_log_record record;
    int r;

    if (key->mv_size != sizeof record.offset)
        return MDB_CORRUPTED;
    memcpy(&record.offset, key->mv_data, sizeof record.offset);
    for (; (r = chunk_next_record(&chunk, &record.data)) == 0; record.offset++) {
        if (record.offset < table->first)
            continue;
        r = walk->visitor->record(walk->visitor->context, table->partition, &record);
        if (r)
            return r;
    }
    return chunk_end(r);
}

static int position_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                         const MDB_val *value)
{
    struct key_reader reader = key_of(key);
    uint32_t partition = (uint32_t)key_number(&reader, 4);
    uint64_t offset;

    (void)table;
    if (reader.failed || value->mv_size != sizeof offset)
        return MDB_CORRUPTED;
    memcpy(&offset, value->mv_data, sizeof offset);
    return walk->visitor->position(walk->visitor->context, slice_of(reader.at, reader.left),
                                   partition, offset);
}

/* --- the store --- */

static int mark_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                     const MDB_val *value)
{
    struct store_mark mark;
    uint32_t partition;

    (void)table;
    if (key->mv_size != sizeof partition || value->mv_size != sizeof mark)
        return MDB_CORRUPTED;
    memcpy(&partition, key->mv_data, sizeof partition);
    memcpy(&mark, value->mv_data, sizeof mark);
    return walk->visitor->offset(walk->visitor->context, partition, mark.offset);
}

static int head_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                     const MDB_val *value)
{
    struct key_reader reader = key_of(key);
    struct store_head_value found;
    struct cc_store_head head;

    (void)table;
    head.conversation = key_name(&reader);
    if (!key_is_read(&reader) || value->mv_size != sizeof found)
        return MDB_CORRUPTED;
    memcpy(&found, value->mv_data, sizeof found);
    head.seq = found.seq;
    head.offset = found.offset;
    head.member_version = found.member_version;
    head.ts = found.ts;
    head.said = found.said;
    return walk->visitor->head(walk->visitor->context, &head);
}

static int rows_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                     const MDB_val *value)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct key_reader reader = key_of(key);
    struct cc_store_row row = {{0}};
    int r;

    (void)table;
    row.conversation = key_name(&reader);
    row.seq = key_number(&reader, sizeof row.seq) - 1;
    if (!key_is_read(&reader))
        return MDB_CORRUPTED;
    while ((r = chunk_next_row(&chunk, &row)) == 0) {
        r = walk->visitor->row(walk->visitor->context, &row);
        if (r)
            return r;
    }
    return chunk_end(r);
}

static int inbox_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                      const MDB_val *value)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct key_reader reader = key_of(key);
    struct cc_store_inbox entry = {{0}};
    uint32_t partition;
    int r;

    (void)table;
    entry.user = key_name(&reader);
    partition = (uint32_t)key_number(&reader, 4);
    entry.offset = key_number(&reader, sizeof entry.offset);
    if (!key_is_read(&reader))
        return MDB_CORRUPTED;
    while ((r = chunk_next_inbox(&chunk, &entry)) == 0) {
        r = walk->visitor->inbox(walk->visitor->context, partition, &entry);
        if (r)
            return r;
    }
    return chunk_end(r);
}

static int arrivals_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                         const MDB_val *value)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct key_reader reader = key_of(key);
    struct cc_store_inbox entry = {{0}};
    uint32_t partition = (uint32_t)key_number(&reader, 4);
    int r;

    (void)table;
    key_number(&reader, 2); /* the bucket */
    entry.offset = key_number(&reader, sizeof entry.offset);
    if (!key_is_read(&reader))
        return MDB_CORRUPTED;
    while ((r = chunk_next_arrival(&chunk, &entry)) == 0) {
        r = walk->visitor->inbox(walk->visitor->context, partition, &entry);
        if (r)
            return r;
    }
    return chunk_end(r);
}

static int cursor_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                       const MDB_val *value)
{
    struct key_reader reader = key_of(key);
    struct store_cursor_value found;
    struct cc_store_cursor cursor;

    (void)table;
    cursor.user = key_name(&reader);
    cursor.device = key_name(&reader);
    cursor.conversation = key_name(&reader);
    if (!key_is_read(&reader) || value->mv_size != sizeof found)
        return MDB_CORRUPTED;
    memcpy(&found, value->mv_data, sizeof found);
    cursor.delivered = found.delivered;
    cursor.read = found.read;
    return walk->visitor->cursor(walk->visitor->context, &cursor);
}

/* --- tables --- */

static int directory_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                          const MDB_val *value)
{
    (void)table;
    return walk_directory_entry(walk, key, value);
}

static int entry_walk(struct walk *walk, const struct table *table, const MDB_val *key,
                      const MDB_val *value)
{
    int r = table->entry(walk, table, key, value);

    if (r == MDB_CORRUPTED && walk->damage) {
        walk->damage(walk->context, moment_part_name(table->part), table->name);
        r = 0;
    }
    if (!r && ++walk->done % TELL_EVERY == 0 && walk->progress)
        walk->progress(walk->context, walk->done, walk->all);
    return r;
}

static int table_walk(struct walk *walk, const struct table *table)
{
    MDB_txn *txn = walk->moment->txn[table->part];
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    MDB_dbi dbi;
    int r = mdb_dbi_open(txn, table->name, 0, &dbi);

    if (!r)
        r = mdb_cursor_open(txn, dbi, &cursor);
    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    r = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (!r) {
        r = entry_walk(walk, table, &key, &value);
        if (!r)
            r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND ? 0 : r;
}

static int table_count(struct walk *walk, const struct table *table)
{
    MDB_txn *txn = walk->moment->txn[table->part];
    MDB_stat stat;
    MDB_dbi dbi;
    int r = mdb_dbi_open(txn, table->name, 0, &dbi);

    if (!r)
        r = mdb_stat(txn, dbi, &stat);
    if (!r)
        walk->all += stat.ms_entries;
    return r == MDB_NOTFOUND ? 0 : r;
}

/* What was trimmed waits in the table to be removed. */
static int trim_read(const struct moment *moment, uint32_t partition, struct log_span *span)
{
    MDB_txn *txn = moment->txn[PART_LOG];
    MDB_val key = value_of(&partition, sizeof partition);
    uint64_t trimmed;
    MDB_val value;
    MDB_dbi trims;
    int r = mdb_dbi_open(txn, "trims", 0, &trims);

    if (!r)
        r = mdb_get(txn, trims, &key, &value);
    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    if (value.mv_size != sizeof trimmed)
        return MDB_CORRUPTED;
    memcpy(&trimmed, value.mv_data, sizeof trimmed);
    if (trimmed > span->next)
        return MDB_CORRUPTED;
    span->first = trimmed > span->first ? trimmed : span->first;
    return 0;
}

int walk_log_span(const struct moment *moment, uint32_t partition, struct log_span *ret_span)
{
    MDB_txn *txn = moment->txn[PART_LOG];
    MDB_cursor *cursor;
    char name[16];
    MDB_dbi table;
    int r;

    snprintf(name, sizeof name, "p%u", (unsigned)partition);
    *ret_span = (struct log_span){0, 0};
    r = mdb_dbi_open(txn, name, MDB_INTEGERKEY, &table);
    if (!r)
        r = mdb_cursor_open(txn, table, &cursor);
    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    r = log_span_read(cursor, ret_span);
    mdb_cursor_close(cursor);
    return r ? r : trim_read(moment, partition, ret_span);
}

typedef int (*table_function)(struct walk *walk, const struct table *table);

static int partitions_each(struct walk *walk, table_function each)
{
    int r = 0;

    for (uint32_t i = 0; i < walk->moment->partitions && !r; i++) {
        char name[16];
        struct table table = {PART_LOG, name, i, 0, records_walk};
        struct log_span span;

        snprintf(name, sizeof name, "p%u", (unsigned)i);
        r = walk_log_span(walk->moment, i, &span);
        table.first = span.first;
        if (!r)
            r = each(walk, &table);
    }
    return r;
}

static int tables_each(struct walk *walk, table_function each)
{
    const struct cc_lmdb_visitor *visitor = walk->visitor;
    const struct {
        bool is_wanted;
        struct table table;
    } tables[] = {
        {visitor->position, {PART_LOG, "positions", 0, 0, position_walk}},
        {visitor->offset, {PART_STORE, "marks", 0, 0, mark_walk}},
        {visitor->head, {PART_STORE, "heads", 0, 0, head_walk}},
        {visitor->row, {PART_STORE, "rows", 0, 0, rows_walk}},
        {visitor->inbox, {PART_STORE, "inbox", 0, 0, inbox_walk}},
        {visitor->inbox, {PART_STORE, "arrivals", 0, 0, arrivals_walk}},
        {visitor->cursor, {PART_STORE, "cursors", 0, 0, cursor_walk}},
        {walk_wants_directory(visitor), {PART_DIRECTORY, "directory", 0, 0, directory_walk}},
    };
    int r = visitor->record ? partitions_each(walk, each) : 0;

    for (size_t i = 0; i < sizeof tables / sizeof *tables && !r; i++)
        if (tables[i].is_wanted)
            r = each(walk, &tables[i].table);
    return r;
}

int walk_moment(struct walk *walk)
{
    int r = tables_each(walk, table_count);

    if (!r)
        r = tables_each(walk, table_walk);
    if (!r && walk->progress)
        walk->progress(walk->context, walk->all, walk->all);
    return r;
}

int cc_lmdb_walk(const struct cc_lmdb_walk_options *options, const struct cc_lmdb_visitor *visitor)
{
    struct environment environment = {.name = "walk"};
    struct cc_lmdb_walk_options given;
    struct cc_lmdb_visitor visits;
    struct moment moment = {0};
    struct walk walk = {.visitor = &visits, .moment = &moment};
    int r;

    if (!options || options_read(&given, sizeof given, options) || !given.path || !visitor ||
        options_read(&visits, sizeof visits, visitor))
        return CC_EINVAL;
    environment.trace = given.trace;
    environment.folder = (char *)given.path;
    walk.progress = given.progress;
    walk.context = given.context;
    r = moment_begin(&moment, cc_allocator_default(), given.path);
    if (!r)
        r = walk_moment(&walk);
    r = environment_error(&environment, r);
    moment_end(&moment);
    return r;
}
