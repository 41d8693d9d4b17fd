/*
 * Reading and writing the entries of chunks.
 */
#include "backends/lmdb/chunk.h"

#include "base/memory.h"

#include <lmdb.h>

/* --- numbers and bytes --- */

static bool next_number(struct chunk *chunk, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (unsigned shift = 0; shift < 64 && chunk->at < chunk->end; shift += 7) {
        uint8_t byte = (uint8_t)*chunk->at++;

        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

static bool next_bytes(struct chunk *chunk, struct cc_slice *ret_bytes)
{
    uint64_t size;

    if (!next_number(chunk, &size) || size > (uint64_t)(chunk->end - chunk->at))
        return false;
    *ret_bytes = slice_of(chunk->at, (size_t)size);
    chunk->at += size;
    return true;
}

static size_t number_size(uint64_t number)
{
    size_t size = 1;

    while (number >= 0x80) {
        number >>= 7;
        size++;
    }
    return size;
}

static char *write_number(char *to, uint64_t number)
{
    while (number >= 0x80) {
        *to++ = (char)(number | 0x80);
        number >>= 7;
    }
    *to++ = (char)number;
    return to;
}

static size_t bytes_size(struct cc_slice bytes)
{
    return number_size(bytes.size) + bytes.size;
}

static char *write_bytes(char *to, struct cc_slice bytes)
{
    to = write_number(to, bytes.size);
    if (bytes.size)
        memcpy(to, bytes.data, bytes.size);
    return to + bytes.size;
}

/* The name, or nothing where it is that of the entry before. */
static struct cc_slice name_after(struct cc_slice name, const struct cc_slice *before)
{
    return before && slice_equal(*before, name) ? slice_of(NULL, 0) : name;
}

/* Notes how a search ended: at an element whose key is not below the wanted one, or at the end. */
static void gap_end(struct chunk_gap *gap, bool has_element, uint64_t key, uint64_t wanted)
{
    gap->is_found = has_element && key == wanted;
    gap->has_next = has_element && key != wanted;
    gap->next_number = key;
}

/* --- records of the log --- */

int chunk_next_record(struct chunk *chunk, struct cc_slice *ret_record)
{
    if (chunk_is_at_end(chunk))
        return MDB_NOTFOUND;
    return next_bytes(chunk, ret_record) ? 0 : MDB_CORRUPTED;
}

size_t chunk_record_size(const struct cc_slice *record)
{
    return bytes_size(*record);
}

char *chunk_write_record(char *to, const struct cc_slice *record)
{
    return write_bytes(to, *record);
}

/* --- rows --- */

int chunk_next_row(struct chunk *chunk, struct cc_store_row *row)
{
    uint64_t difference;

    if (chunk_is_at_end(chunk))
        return MDB_NOTFOUND;
    if (!next_number(chunk, &difference) || !next_bytes(chunk, &row->body))
        return MDB_CORRUPTED;
    row->seq++;
    row->offset += difference;
    return 0;
}

static uint64_t row_step(const struct cc_store_row *row, const struct cc_store_row *before)
{
    return row->offset - (before ? before->offset : 0);
}

static size_t row_size(const void *element, const void *before)
{
    const struct cc_store_row *row = element;

    return number_size(row_step(row, before)) + bytes_size(row->body);
}

static char *row_write(char *to, const void *element, const void *before)
{
    const struct cc_store_row *row = element;

    to = write_number(to, row_step(row, before));
    return write_bytes(to, row->body);
}

static int row_find(struct chunk chunk, uint64_t first, uint64_t number, struct chunk_gap *ret_gap)
{
    const char *start = chunk.at;
    struct chunk_gap gap = {.next.row = {.seq = first - 1}};
    int r;

    while ((r = chunk_next_row(&chunk, &gap.next.row)) == 0 && gap.next.row.seq < number)
        gap.before = (size_t)(chunk.at - start);
    gap_end(&gap, r == 0, gap.next.row.seq, number);
    gap.after = (size_t)(chunk.at - start);
    *ret_gap = gap;
    return r == MDB_NOTFOUND ? 0 : r;
}

const struct chunk_kind chunk_rows = {row_size, row_write, row_find, true};

/* --- inbox entries --- */

int chunk_next_inbox(struct chunk *chunk, struct cc_store_inbox *entry)
{
    struct cc_slice name;
    uint64_t difference;

    if (chunk_is_at_end(chunk))
        return MDB_NOTFOUND;
    if (!next_number(chunk, &difference) || !next_number(chunk, &entry->seq) ||
        !next_bytes(chunk, &name))
        return MDB_CORRUPTED;
    entry->offset += difference;
    if (name.size)
        entry->conversation = name;
    return entry->conversation.size ? 0 : MDB_CORRUPTED;
}

static uint64_t inbox_step(const struct cc_store_inbox *entry, const struct cc_store_inbox *before)
{
    return before ? entry->offset - before->offset : 0;
}

static struct cc_slice inbox_name(const struct cc_store_inbox *entry,
                                  const struct cc_store_inbox *before)
{
    return name_after(entry->conversation, before ? &before->conversation : NULL);
}

static size_t inbox_size(const void *element, const void *before)
{
    const struct cc_store_inbox *entry = element;

    return number_size(inbox_step(entry, before)) + number_size(entry->seq) +
           bytes_size(inbox_name(entry, before));
}

static char *inbox_write(char *to, const void *element, const void *before)
{
    const struct cc_store_inbox *entry = element;

    to = write_number(to, inbox_step(entry, before));
    to = write_number(to, entry->seq);
    return write_bytes(to, inbox_name(entry, before));
}

static int inbox_find(struct chunk chunk, uint64_t first, uint64_t number,
                      struct chunk_gap *ret_gap)
{
    const char *start = chunk.at;
    struct chunk_gap gap = {.next.inbox = {.offset = first}};
    int r;

    while ((r = chunk_next_inbox(&chunk, &gap.next.inbox)) == 0 && gap.next.inbox.offset < number)
        gap.before = (size_t)(chunk.at - start);
    gap_end(&gap, r == 0, gap.next.inbox.offset, number);
    gap.after = (size_t)(chunk.at - start);
    *ret_gap = gap;
    return r == MDB_NOTFOUND ? 0 : r;
}

const struct chunk_kind chunk_inbox = {inbox_size, inbox_write, inbox_find, false};

/* --- inbox entries as they arrive --- */

int chunk_next_arrival(struct chunk *chunk, struct cc_store_inbox *entry)
{
    struct cc_slice user;
    struct cc_slice name;
    uint64_t difference;

    if (chunk_is_at_end(chunk))
        return MDB_NOTFOUND;
    if (!next_number(chunk, &difference) || !next_bytes(chunk, &user) ||
        !next_number(chunk, &entry->seq) || !next_bytes(chunk, &name))
        return MDB_CORRUPTED;
    entry->offset += difference;
    if (user.size)
        entry->user = user;
    if (name.size)
        entry->conversation = name;
    return entry->user.size && entry->conversation.size ? 0 : MDB_CORRUPTED;
}

static struct cc_slice arrival_user(const struct cc_store_inbox *entry,
                                    const struct cc_store_inbox *before)
{
    return name_after(entry->user, before ? &before->user : NULL);
}

size_t chunk_arrival_size(const void *element, const void *before)
{
    const struct cc_store_inbox *entry = element;

    return inbox_size(element, before) + bytes_size(arrival_user(entry, before));
}

char *chunk_write_arrival(char *to, const void *element, const void *before)
{
    const struct cc_store_inbox *entry = element;

    to = write_number(to, inbox_step(entry, before));
    to = write_bytes(to, arrival_user(entry, before));
    to = write_number(to, entry->seq);
    return write_bytes(to, inbox_name(entry, before));
}

/* --- dedup runs --- */

int chunk_next_dedup(struct chunk *chunk, struct cc_store_dedup *run)
{
    struct cc_slice name;
    uint64_t difference;
    uint64_t later;

    if (chunk_is_at_end(chunk))
        return MDB_NOTFOUND;
    if (!next_number(chunk, &difference) || !next_number(chunk, &later) ||
        !next_bytes(chunk, &name) || !next_bytes(chunk, &run->entries))
        return MDB_CORRUPTED;
    run->offset += difference;
    run->ts = (int64_t)((uint64_t)run->ts + later);
    if (name.size)
        run->sender = name;
    return run->sender.size ? 0 : MDB_CORRUPTED;
}

static uint64_t run_step(const struct cc_store_dedup *run, const struct cc_store_dedup *before)
{
    return before ? run->offset - before->offset : 0;
}

static uint64_t run_later(const struct cc_store_dedup *run, const struct cc_store_dedup *before)
{
    return (uint64_t)run->ts - (before ? (uint64_t)before->ts : 0);
}

static struct cc_slice run_name(const struct cc_store_dedup *run,
                                const struct cc_store_dedup *before)
{
    return name_after(run->sender, before ? &before->sender : NULL);
}

size_t chunk_run_size(const void *element, const void *before)
{
    const struct cc_store_dedup *run = element;

    return number_size(run_step(run, before)) + number_size(run_later(run, before)) +
           bytes_size(run_name(run, before)) + bytes_size(run->entries);
}

char *chunk_write_run(char *to, const void *element, const void *before)
{
    const struct cc_store_dedup *run = element;

    to = write_number(to, run_step(run, before));
    to = write_number(to, run_later(run, before));
    to = write_bytes(to, run_name(run, before));
    return write_bytes(to, run->entries);
}
