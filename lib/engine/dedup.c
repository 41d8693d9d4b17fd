/*
 * The window of recent client ids, and those of senders loaded from the store.
 */
#include "engine/dedup.h"

#include "chatcore/error.h"

#include <stdlib.h>

/* How many entries ahead of the one that is dropped the next ones' slots are fetched. */
#define DROP_PREFETCH 8

/* The first size of the ring: a small program stays small. */
#define RING_MIN 256

struct dedup_sender {
    UT_hash_handle hh;
    struct list_link link; /* in `loaded`, while it is */
    struct dedup *dedup;
    struct cc_slice name;
    bool is_complete;    /* the filter had all its entries, once … */
    uint64_t generation; /* … at this generation */
    bool is_loaded;
    uint64_t loaded_upto;        /* every entry below is in `entries` */
    uint64_t round;              /* the batch that last wanted it */
    struct dedup_entry *entries; /* ascending by hash */
    size_t count;
    struct dedup_waiter *waiters;
    struct cc_store_read_dedup read;
    char bytes[];
};

void dedup_init(struct dedup *dedup, struct cc_engine *engine, uint32_t partition, uint64_t offset)
{
    memset(dedup, 0, sizeof *dedup);
    dedup->engine = engine;
    dedup->partition = partition;
    dedup->covers_from = offset;
    dedup->window = DEDUP_WINDOW;
    dedup->loaded_max = DEDUP_LOADED_MAX;
    dedup->began_empty = offset == 0;
    dedup_filter_init(&dedup->filter, &engine->allocator);
    list_init(&dedup->loaded);
}

/* Lets the entries go; what the filter has stays. */
static void sender_unload(struct dedup_sender *sender)
{
    struct dedup *dedup = sender->dedup;

    if (!sender->entries)
        return;
    list_remove(&sender->link);
    dedup->loaded_entries -= sender->count;
    mem_free(&dedup->engine->allocator, sender->entries);
    sender->entries = NULL;
    sender->count = 0;
    sender->is_loaded = false;
}

static void sender_free(struct dedup_sender *sender)
{
    struct dedup *dedup = sender->dedup;

    sender_unload(sender);
    HASH_DELETE(hh, dedup->senders, sender);
    mem_free(&dedup->engine->allocator, sender);
}

void dedup_deinit(struct dedup *dedup)
{
    struct dedup_sender *sender;
    struct dedup_sender *next;

    if (!dedup->engine)
        return;
    HASH_ITER(hh, dedup->senders, sender, next)
    sender_free(sender);
    dedup_filter_deinit(&dedup->filter);
    mem_free(&dedup->engine->allocator, dedup->ring);
    mem_free(&dedup->engine->allocator, dedup->index);
    memset(dedup, 0, sizeof *dedup);
}

uint64_t dedup_hash(struct cc_slice sender, struct cc_slice client_id)
{
    char bytes[2 * CC_NAME_MAX + 1];

    memcpy(bytes, sender.data, sender.size);
    bytes[sender.size] = 0;
    memcpy(bytes + sender.size + 1, client_id.data, client_id.size);
    return hash_stable(slice_of(bytes, sender.size + 1 + client_id.size));
}

static void put_u64(char *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(value >> (8 * i));
}

static uint64_t get_u64(const char *bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (uint64_t)(uint8_t)bytes[i] << (8 * i);
    return value;
}

void dedup_entry_write(const struct dedup_entry *entry, char *bytes)
{
    put_u64(bytes, entry->hash);
    memcpy(bytes + 8, entry->id.bytes, sizeof entry->id.bytes);
    put_u64(bytes + 24, entry->offset);
}

void dedup_entry_read(const char *bytes, struct dedup_entry *ret_entry)
{
    ret_entry->hash = get_u64(bytes);
    memcpy(ret_entry->id.bytes, bytes + 8, sizeof ret_entry->id.bytes);
    ret_entry->offset = get_u64(bytes + 24);
}

/* --- the window --------------------------------------------------------------------------------
 */

static size_t index_mask(const struct dedup *dedup)
{
    return dedup->ring_capacity * 2 - 1;
}

static struct dedup_entry *ring_at(const struct dedup *dedup, size_t position)
{
    return &dedup->ring[position & (dedup->ring_capacity - 1)];
}

static void index_put(struct dedup *dedup, size_t position)
{
    size_t mask = index_mask(dedup);
    size_t slot = (size_t)ring_at(dedup, position)->hash & mask;

    while (dedup->index[slot])
        slot = (slot + 1) & mask;
    dedup->index[slot] = (uint32_t)(position & (dedup->ring_capacity - 1)) + 1;
}

/* Takes a slot out, moving back those behind it that may no longer be reachable (Knuth 6.4,
 * algorithm R). */
static void index_take(struct dedup *dedup, size_t slot)
{
    size_t mask = index_mask(dedup);
    size_t hole = slot;

    for (size_t at = (slot + 1) & mask; dedup->index[at]; at = (at + 1) & mask) {
        size_t home = (size_t)dedup->ring[dedup->index[at] - 1].hash & mask;

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            dedup->index[hole] = dedup->index[at];
            hole = at;
        }
    }
    dedup->index[hole] = 0;
}

void dedup_prefetch(const struct dedup *dedup, uint64_t hash)
{
    if (dedup->ring_capacity)
        __builtin_prefetch(&dedup->index[(size_t)hash & index_mask(dedup)], 1);
}

static void ring_drop_oldest(struct dedup *dedup)
{
    size_t position = dedup->ring_start & (dedup->ring_capacity - 1);
    size_t mask = index_mask(dedup);
    size_t slot = (size_t)dedup->ring[position].hash & mask;

    dedup_prefetch(dedup, ring_at(dedup, dedup->ring_start + DROP_PREFETCH)->hash);
    while (dedup->index[slot] != position + 1)
        slot = (slot + 1) & mask;
    index_take(dedup, slot);
    dedup_filter_add(&dedup->filter, dedup->ring[position].hash);
    dedup->covers_from = dedup->ring[position].offset + 1;
    dedup->ring_start++;
    dedup->ring_count--;
}

int dedup_reserve(struct dedup *dedup)
{
    size_t capacity = dedup->ring_capacity ? dedup->ring_capacity * 2 : RING_MIN;
    struct dedup_entry *ring;
    uint32_t *index;

    if (dedup->ring_count < dedup->ring_capacity)
        return 0;
    ring = mem_zalloc(&dedup->engine->allocator, capacity, sizeof *ring);
    index = mem_zalloc(&dedup->engine->allocator, capacity * 2, sizeof *index);
    if (!ring || !index) {
        mem_free(&dedup->engine->allocator, ring);
        mem_free(&dedup->engine->allocator, index);
        return CC_ENOMEM;
    }
    for (size_t i = 0; i < dedup->ring_count; i++)
        ring[i] = *ring_at(dedup, dedup->ring_start + i);
    mem_free(&dedup->engine->allocator, dedup->ring);
    mem_free(&dedup->engine->allocator, dedup->index);
    dedup->ring = ring;
    dedup->index = index;
    dedup->ring_capacity = capacity;
    dedup->ring_start = 0;
    for (size_t i = 0; i < dedup->ring_count; i++)
        index_put(dedup, i);
    return 0;
}

void dedup_begin_batch(struct dedup *dedup, uint64_t offset, uint64_t flushed)
{
    dedup->round++;
    while (dedup->ring_count) {
        const struct dedup_entry *oldest = ring_at(dedup, dedup->ring_start);

        if (oldest->offset + dedup->window >= offset || oldest->offset >= flushed)
            break;
        ring_drop_oldest(dedup);
    }
}

void dedup_add(struct dedup *dedup, const struct dedup_entry *entry)
{
    *ring_at(dedup, dedup->ring_start + dedup->ring_count) = *entry;
    index_put(dedup, dedup->ring_start + dedup->ring_count);
    dedup->ring_count++;
}

/* --- senders loaded from the store -------------------------------------------------------------
 */

static struct dedup_sender *sender_find(struct dedup *dedup, struct cc_slice name)
{
    struct dedup_sender *sender = NULL;

    HASH_FIND(hh, dedup->senders, name.data, name.size, sender);
    return sender;
}

static struct dedup_sender *sender_new(struct dedup *dedup, struct cc_slice name)
{
    const struct cc_allocator *hash_allocator = &dedup->engine->allocator;
    struct dedup_sender *sender = mem_zalloc(hash_allocator, 1, sizeof *sender + name.size);

    if (!sender)
        return NULL;
    memcpy(sender->bytes, name.data, name.size);
    sender->name = slice_of(sender->bytes, name.size);
    sender->dedup = dedup;
    HASH_ADD_KEYPTR(hh, dedup->senders, sender->name.data, sender->name.size, sender);
    if (sender->hh.tbl)
        return sender;
    mem_free(hash_allocator, sender);
    return NULL;
}

static int entry_compare(const void *a, const void *b)
{
    const struct dedup_entry *x = a;
    const struct dedup_entry *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static int sender_fill(struct dedup_sender *sender, const struct cc_store_read_dedup *read)
{
    struct dedup *dedup = sender->dedup;
    struct dedup_entry *entries;
    size_t count = 0;

    for (size_t i = 0; i < read->ret_count; i++)
        count += read->ret_runs[i].entries.size / DEDUP_ENTRY_BYTES;
    entries = mem_zalloc(&dedup->engine->allocator, count + 1, sizeof *entries);
    if (!entries)
        return CC_ENOMEM;
    count = 0;
    for (size_t i = 0; i < read->ret_count; i++) {
        struct cc_slice run = read->ret_runs[i].entries;

        for (size_t at = 0; at + DEDUP_ENTRY_BYTES <= run.size; at += DEDUP_ENTRY_BYTES)
            dedup_entry_read(run.data + at, &entries[count++]);
    }
    qsort(entries, count, sizeof *entries, entry_compare);
    sender_unload(sender);
    dedup->loaded_entries += count;
    sender->entries = entries;
    sender->count = count;
    sender->is_loaded = true;
    list_add(&dedup->loaded, &sender->link);
    sender->generation = dedup->filter.generation;
    sender->is_complete = true;
    for (size_t i = 0; i < count; i++)
        dedup_filter_add(&dedup->filter, entries[i].hash);
    return 0;
}

static bool is_wanted(const struct dedup_sender *sender)
{
    return sender->round == sender->dedup->round || sender->waiters;
}

/* The least used go, but those being loaded or wanted by the batch that is being prepared. */
static void senders_trim(struct dedup *dedup)
{
    struct list_link *link;

    while (dedup->loaded_entries > dedup->loaded_max && (link = list_first(&dedup->loaded))) {
        struct dedup_sender *sender = container_of(link, struct dedup_sender, link);

        if (is_wanted(sender))
            break; /* so are all behind it */
        sender_unload(sender);
    }
    while (HASH_COUNT(dedup->senders) > DEDUP_SENDERS_MAX && !is_wanted(dedup->senders))
        sender_free(dedup->senders);
}

static void sender_loaded(struct cc_op *op)
{
    struct dedup_sender *sender = container_of(op, struct dedup_sender, read.op);
    struct dedup_waiter *waiter = sender->waiters;
    int status = op->status;

    engine_op_done(sender->dedup->engine, op);
    if (!status)
        status = sender_fill(sender, &sender->read);
    cc_op_release(op);
    sender->waiters = NULL;
    if (status)
        sender_free(sender);
    while (waiter) {
        struct dedup_waiter *next = waiter->next;

        waiter->loaded(waiter, status);
        waiter = next;
    }
}

static void sender_load(struct dedup_sender *sender, uint64_t flushed)
{
    struct cc_engine *engine = sender->dedup->engine;

    sender_unload(sender);
    sender->loaded_upto = flushed;
    memset(&sender->read, 0, sizeof sender->read);
    sender->read.partition = sender->dedup->partition;
    sender->read.sender = sender->name;
    engine_op_begin(engine, &sender->read.op, sender_loaded);
    engine->store.vtable->read_dedup(engine->store.self, &sender->read);
}

static bool window_suffices(const struct dedup *dedup, bool full, uint64_t offset)
{
    uint64_t from = offset > dedup->window ? offset - dedup->window : 0;

    return dedup->covers_from == 0 || (!full && dedup->covers_from <= from);
}

/* True when no entry outside of the window is the sender's and has the hash. */
static bool is_surely_new(const struct dedup *dedup, const struct dedup_sender *sender,
                          uint64_t hash)
{
    bool is_complete =
        sender && sender->is_complete && dedup_filter_reaches(&dedup->filter, sender->generation);

    if (!is_complete && !(dedup->began_empty && dedup_filter_reaches(&dedup->filter, 0)))
        return false;
    return !dedup_filter_may_have(&dedup->filter, hash);
}

static void load_and_wait(struct dedup_sender *sender, uint64_t flushed,
                          struct dedup_waiter *waiter)
{
    bool is_loading = sender->waiters != NULL;

    waiter->next = sender->waiters;
    sender->waiters = waiter;
    if (is_loading)
        return;
    senders_trim(sender->dedup);
    sender_load(sender, flushed);
}

int dedup_prepare(struct dedup *dedup, const struct dedup_query *query, uint64_t flushed,
                  struct dedup_waiter *waiter)
{
    struct dedup_sender *sender;

    if (window_suffices(dedup, query->full, query->offset))
        return 0;
    sender = sender_find(dedup, query->sender);
    if (is_surely_new(dedup, sender, query->hash))
        return 0;
    if (!sender)
        sender = sender_new(dedup, query->sender);
    if (!sender)
        return CC_ENOMEM;
    sender->round = dedup->round;
    if (sender->is_loaded && sender->loaded_upto >= dedup->covers_from) {
        list_remove(&sender->link);
        list_add(&dedup->loaded, &sender->link);
        return 0;
    }
    load_and_wait(sender, flushed, waiter);
    return 1;
}

/* --- finding -----------------------------------------------------------------------------------
 */

static int64_t entry_ts(const struct dedup_entry *entry)
{
    return id_timestamp(&entry->id);
}

static bool is_within(const struct dedup *dedup, const struct dedup_entry *entry,
                      const struct dedup_query *query)
{
    if (entry->offset >= query->offset)
        return false; /* a replay: this record itself, or a later one */
    if (query->full)
        return entry_ts(entry) >= query->ts - (int64_t)dedup->engine->limits.dedup_window_s * 1000;
    return entry->offset + dedup->window >= query->offset;
}

static const struct dedup_entry *find_in_window(struct dedup *dedup,
                                                const struct dedup_query *query)
{
    size_t mask;

    if (!dedup->ring_capacity)
        return NULL;
    mask = index_mask(dedup);
    for (size_t slot = (size_t)query->hash & mask; dedup->index[slot]; slot = (slot + 1) & mask) {
        const struct dedup_entry *entry = &dedup->ring[dedup->index[slot] - 1];

        if (entry->hash == query->hash && is_within(dedup, entry, query))
            return entry;
    }
    return NULL;
}

static const struct dedup_entry *find_in_sender(const struct dedup_sender *sender,
                                                const struct dedup_query *query)
{
    size_t low = 0;
    size_t high = sender->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sender->entries[middle].hash < query->hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sender->count && sender->entries[low].hash == query->hash; low++)
        if (is_within(sender->dedup, &sender->entries[low], query))
            return &sender->entries[low];
    return NULL;
}

const struct dedup_entry *dedup_find(struct dedup *dedup, const struct dedup_query *query)
{
    const struct dedup_entry *entry = find_in_window(dedup, query);
    struct dedup_sender *sender;

    if (entry || window_suffices(dedup, query->full, query->offset))
        return entry;
    sender = sender_find(dedup, query->sender);
    if (!sender || !sender->is_loaded)
        return NULL; /* surely new: see dedup_prepare() */
    return find_in_sender(sender, query);
}
