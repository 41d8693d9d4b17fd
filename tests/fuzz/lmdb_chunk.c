/*
 * Chunks of the LMDB store and log, from a file that may be damaged in any way. The first byte says
 * what the rest is read as. Reading ends with each entry within the chunk; what can be read whole
 * is written again, and reads the same; a search finds exactly what reading finds.
 */
#include "backends/lmdb/chunk.h"
#include "base/memory.h"

#include <lmdb.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRIES_MAX 4096

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_within(struct cc_slice slice, const void *data, size_t size)
{
    const char *start = data;

    require(!slice.size || (slice.data >= start && slice.data + slice.size <= start + size));
}

static void require_same(struct cc_slice a, struct cc_slice b)
{
    require(slice_equal(a, b));
}

static void try_records(const uint8_t *data, size_t size)
{
    struct chunk chunk = chunk_of(data, size);
    struct cc_slice record;
    int r;

    while ((r = chunk_next_record(&chunk, &record)) == 0)
        require_within(record, data, size);
    require(r == MDB_NOTFOUND || r == MDB_CORRUPTED);
}

/* --- entries that are written behind each other --- */

/* How one kind of entry is read, written and compared. */
struct sort {
    size_t size;
    void (*begin)(void *entry);
    int (*next)(struct chunk *chunk, void *entry);
    size_t (*bytes)(const void *entry, const void *before);
    char *(*write)(char *to, const void *entry, const void *before);
    void (*same)(const void *a, const void *b);
    void (*within)(const void *entry, const void *data, size_t size);
};

/* Reads as many as there are; the count, or -1 for a chunk that is damaged. */
static long read_all(const struct sort *sort, const void *data, size_t size, char *entries)
{
    struct chunk chunk = chunk_of(data, size);
    char *entry = entries;
    long count = 0;
    int r = 0;

    sort->begin(entry);
    while (count < ENTRIES_MAX && (r = sort->next(&chunk, entry)) == 0) {
        sort->within(entry, data, size);
        memcpy(entry + sort->size, entry, sort->size);
        entry += sort->size;
        count++;
    }
    require(r == 0 || r == MDB_NOTFOUND || r == MDB_CORRUPTED);
    return r == MDB_CORRUPTED ? -1 : count;
}

static void try_sort(const struct sort *sort, const uint8_t *data, size_t size)
{
    char *entries = malloc((ENTRIES_MAX + 1) * sort->size);
    char *again = malloc((ENTRIES_MAX + 1) * sort->size);
    char *bytes = malloc(40 * ENTRIES_MAX + size);
    const char *before = NULL;
    char *to = bytes;
    long count;

    require(entries && again && bytes);
    count = read_all(sort, data, size, entries);
    for (long i = 0; i < count; i++) {
        const char *entry = entries + (size_t)i * sort->size;
        char *end = sort->write(to, entry, before);

        require((size_t)(end - to) == sort->bytes(entry, before));
        to = end;
        before = entry;
    }
    if (count >= 0)
        require(read_all(sort, bytes, (size_t)(to - bytes), again) == count);
    for (long i = 0; i < count; i++)
        sort->same(entries + (size_t)i * sort->size, again + (size_t)i * sort->size);
    free(entries);
    free(again);
    free(bytes);
}

/* --- the sorts --- */

/* The key of a chunk: its first offset or, of rows, seq. */
#define FIRST 100

static void row_begin(void *entry)
{
    *(struct cc_store_row *)entry = (struct cc_store_row){.seq = FIRST - 1};
}

static int row_next(struct chunk *chunk, void *entry)
{
    return chunk_next_row(chunk, entry);
}

static void row_same(const void *a, const void *b)
{
    const struct cc_store_row *left = a;
    const struct cc_store_row *right = b;

    require(left->seq == right->seq && left->offset == right->offset);
    require_same(left->body, right->body);
}

static void row_within(const void *entry, const void *data, size_t size)
{
    require_within(((const struct cc_store_row *)entry)->body, data, size);
}

static void inbox_begin(void *entry)
{
    *(struct cc_store_inbox *)entry = (struct cc_store_inbox){.offset = FIRST};
}

static int inbox_next(struct chunk *chunk, void *entry)
{
    return chunk_next_inbox(chunk, entry);
}

static int arrival_next(struct chunk *chunk, void *entry)
{
    return chunk_next_arrival(chunk, entry);
}

/* The first entry's offset is the key's: what is written of it again has no difference. */
static void inbox_same(const void *a, const void *b)
{
    const struct cc_store_inbox *left = a;
    const struct cc_store_inbox *right = b;

    require(left->seq == right->seq);
    require_same(left->user, right->user);
    require_same(left->conversation, right->conversation);
}

static void inbox_within(const void *entry, const void *data, size_t size)
{
    const struct cc_store_inbox *inbox = entry;

    require_within(inbox->user, data, size);
    require_within(inbox->conversation, data, size);
}

static void run_begin(void *entry)
{
    *(struct cc_store_dedup *)entry = (struct cc_store_dedup){.offset = FIRST};
}

static int run_next(struct chunk *chunk, void *entry)
{
    return chunk_next_dedup(chunk, entry);
}

static void run_same(const void *a, const void *b)
{
    const struct cc_store_dedup *left = a;
    const struct cc_store_dedup *right = b;

    require(left->ts == right->ts);
    require_same(left->sender, right->sender);
    require_same(left->entries, right->entries);
}

static void run_within(const void *entry, const void *data, size_t size)
{
    const struct cc_store_dedup *run = entry;

    require_within(run->sender, data, size);
    require_within(run->entries, data, size);
}

static void try_rows(const uint8_t *data, size_t size)
{
    const struct sort sort = {sizeof(struct cc_store_row),
                              row_begin,
                              row_next,
                              chunk_rows.size,
                              chunk_rows.write,
                              row_same,
                              row_within};

    try_sort(&sort, data, size);
}

static void try_inbox(const uint8_t *data, size_t size)
{
    const struct sort sort = {sizeof(struct cc_store_inbox),
                              inbox_begin,
                              inbox_next,
                              chunk_inbox.size,
                              chunk_inbox.write,
                              inbox_same,
                              inbox_within};

    try_sort(&sort, data, size);
}

static void try_arrivals(const uint8_t *data, size_t size)
{
    const struct sort sort = {
        sizeof(struct cc_store_inbox), inbox_begin, arrival_next, chunk_arrival_size,
        chunk_write_arrival,           inbox_same,  inbox_within};

    try_sort(&sort, data, size);
}

static void try_runs(const uint8_t *data, size_t size)
{
    const struct sort sort = {sizeof(struct cc_store_dedup),
                              run_begin,
                              run_next,
                              chunk_run_size,
                              chunk_write_run,
                              run_same,
                              run_within};

    try_sort(&sort, data, size);
}

/* --- searching --- */

static void try_find(const struct chunk_kind *kind, const uint8_t *data, size_t size)
{
    struct chunk_gap gap;
    uint64_t number;
    int r;

    if (size < 1)
        return;
    number = FIRST - 2 + data[0];
    r = kind->find(chunk_of(data + 1, size - 1), FIRST, number, &gap);
    require(r == 0 || r == MDB_CORRUPTED);
    require(gap.before <= gap.after && gap.after <= size - 1);
    require(!(gap.is_found && gap.has_next));
    if (!r && gap.is_found)
        require(gap.next_number == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    switch (data[0]) {
    case 'l':
        try_records(data + 1, size - 1);
        break;
    case 'r':
        try_rows(data + 1, size - 1);
        break;
    case 'i':
        try_inbox(data + 1, size - 1);
        break;
    case 'a':
        try_arrivals(data + 1, size - 1);
        break;
    case 'd':
        try_runs(data + 1, size - 1);
        break;
    case 'R':
        try_find(&chunk_rows, data + 1, size - 1);
        break;
    case 'I':
        try_find(&chunk_inbox, data + 1, size - 1);
        break;
    default:
        break;
    }
    return 0;
}
