/*
 * Writing to buckets: a batch's elements are spread by counting, and each bucket's written as
 * chunks in the order of offsets.
 */
#include "backends/lmdb/store_bucket.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>

/* A batch's elements by bucket; its memory is kept from one batch to the next. */
struct store_buckets {
    size_t first[BUCKETS_MAX + 1]; /* of each bucket's elements */
    const struct bucket_element **elements;
    uint16_t *bucket_of; /* of each element of the batch */
    size_t capacity;
    size_t bucket_capacity;
};

_Static_assert(offsetof(struct cc_store_inbox, offset) == offsetof(struct bucket_element, offset),
               "an inbox entry begins like an element");
_Static_assert(offsetof(struct cc_store_dedup, offset) == offsetof(struct bucket_element, offset),
               "a dedup run begins like an element");

/* --- names and keys --- */

static uint32_t bucket_of(const struct bucket_kind *kind, struct cc_slice name)
{
    return (uint32_t)(hash_stable(name) % kind->buckets);
}

void bucket_key(struct store_key *key, const struct bucket_kind *kind, uint32_t partition,
                struct cc_slice name)
{
    store_key_bucket(key, partition, bucket_of(kind, name));
}

/* --- spreading --- */

void store_buckets_free(struct lmdb_store *store)
{
    const struct cc_allocator *allocator = &store->environment.allocator;

    if (!store->buckets)
        return;
    mem_free(allocator, store->buckets->elements);
    mem_free(allocator, store->buckets->bucket_of);
    mem_free(allocator, store->buckets);
    store->buckets = NULL;
}

static int reserve(struct lmdb_store *store, size_t count)
{
    const struct cc_allocator *allocator = &store->environment.allocator;
    struct store_buckets *buckets = store->buckets;
    void *elements;
    void *numbers;
    int r;

    if (!buckets)
        buckets = store->buckets = mem_zalloc(allocator, 1, sizeof *buckets);
    if (!buckets)
        return ENOMEM;
    elements = buckets->elements;
    numbers = buckets->bucket_of;
    r = mem_reserve(allocator, &elements, &buckets->capacity, count, sizeof *buckets->elements);
    buckets->elements = elements;
    if (!r)
        r = mem_reserve(allocator, &numbers, &buckets->bucket_capacity, count,
                        sizeof *buckets->bucket_of);
    buckets->bucket_of = numbers;
    return r ? ENOMEM : 0;
}

/* Counts how many come in each bucket, then puts them there in the order of the batch. */
static void spread(struct store_buckets *buckets, const struct bucket_kind *kind,
                   const char *elements, size_t count)
{
    size_t *first = buckets->first;

    memset(first, 0, sizeof buckets->first);
    for (size_t i = 0; i < count; i++) {
        const struct bucket_element *element = (const void *)(elements + i * kind->element_size);

        buckets->bucket_of[i] = (uint16_t)bucket_of(kind, element->name);
        first[buckets->bucket_of[i] + 1]++;
    }
    for (size_t i = 1; i <= kind->buckets; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < count; i++)
        buckets->elements[first[buckets->bucket_of[i]]++] =
            (const void *)(elements + i * kind->element_size);
    memmove(first + 1, first, kind->buckets * sizeof *first);
    first[0] = 0;
}

int buckets_spread(struct lmdb_store *store, const struct bucket_kind *kind, const void *elements,
                   size_t count)
{
    int r = reserve(store, count);

    if (!r)
        spread(store->buckets, kind, elements, count);
    return r;
}

static int compare_elements(const void *a, const void *b)
{
    const struct bucket_element *left = *(const struct bucket_element *const *)a;
    const struct bucket_element *right = *(const struct bucket_element *const *)b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return slice_compare(left->name, right->name);
}

/* Sorts a bucket's elements where they aren't, and drops what comes twice. */
static void order(struct bucket_write *bucket)
{
    size_t kept = 1;

    while (kept < bucket->count &&
           bucket->elements[kept - 1]->offset < bucket->elements[kept]->offset)
        kept++;
    if (kept >= bucket->count)
        return;
    qsort(bucket->elements, bucket->count, sizeof *bucket->elements, compare_elements);
    kept = 1;
    for (size_t i = 1; i < bucket->count; i++)
        if (compare_elements(&bucket->elements[kept - 1], &bucket->elements[i]) != 0)
            bucket->elements[kept++] = bucket->elements[i];
    bucket->count = kept;
}

void bucket_begin(struct store_batch *batch, struct bucket_write *bucket, uint32_t number)
{
    struct store_buckets *buckets = batch->store->buckets;

    bucket->number = number;
    bucket->elements = buckets->elements + buckets->first[number];
    bucket->count = buckets->first[number + 1] - buckets->first[number];
    store_key_bucket(&bucket->key, batch->op->partition, number);
    bucket->prefix = bucket->key.size;
    if (bucket->count)
        order(bucket);
}

/* --- new elements: chunks at the bucket's end --- */

static size_t chunk_fill(const struct bucket_write *bucket, size_t first, size_t *ret_bytes)
{
    size_t bytes = bucket->kind->size(bucket->elements[first], NULL);
    size_t end = first + 1;

    for (; end < bucket->count; end++) {
        const struct bucket_element *before = bucket->elements[end - 1];
        size_t size = bucket->kind->size(bucket->elements[end], before);

        if (bytes + size > CHUNK_BYTES && bucket->elements[end]->offset != before->offset)
            break;
        bytes += size;
    }
    *ret_bytes = bytes;
    return end - first;
}

static int chunk_put(struct bucket_write *bucket, size_t first, size_t count, size_t bytes)
{
    const struct bucket_element *before = NULL;
    MDB_val value = {bytes, NULL};
    MDB_val key;
    char *to;
    int r;

    store_key_number(&bucket->key, bucket->prefix, bucket->elements[first]->offset);
    key = store_key_value(&bucket->key);
    r = mdb_cursor_put(bucket->cursor, &key, &value, MDB_RESERVE);
    to = value.mv_data;
    for (size_t i = first; !r && i < first + count; i++) {
        to = bucket->kind->write(to, bucket->elements[i], before);
        before = bucket->elements[i];
    }
    return r;
}

/* --- elements that may stand already: one at a time, into the chunk they belong to --- */

/* Where an element belongs in a chunk. */
struct gap {
    bool is_found;
    bool has_before;
    bool has_next;
    union bucket_any before;
    union bucket_any next;
    size_t at;    /* the bytes in front of it */
    size_t after; /* where what stands behind `next` begins */
};

static int gap_find(const struct bucket_kind *kind, const MDB_val *value, uint64_t first,
                    const struct bucket_element *element, struct gap *ret_gap)
{
    struct chunk chunk = chunk_of(value->mv_data, value->mv_size);
    struct gap gap = {.next.element.offset = first};
    int r;

    while ((r = kind->next(&chunk, &gap.next)) == 0 && gap.next.element.offset <= element->offset) {
        gap.is_found |= gap.next.element.offset == element->offset &&
                        slice_equal(gap.next.element.name, element->name);
        gap.has_before = true;
        gap.before = gap.next;
        gap.at = (size_t)(chunk.at - (const char *)value->mv_data);
    }
    gap.has_next = !r;
    gap.after = (size_t)(chunk.at - (const char *)value->mv_data);
    *ret_gap = gap;
    return r == MDB_NOTFOUND ? 0 : r;
}

/* Puts a chunk again with the element in its gap; the one behind it is written anew. */
static int gap_close(struct bucket_write *bucket, uint64_t first, const MDB_val *value,
                     const struct gap *gap, const struct bucket_element *element)
{
    const union bucket_any *before = gap->has_before ? &gap->before : NULL;
    size_t rest = value->mv_size - gap->after;
    size_t size = gap->at + bucket->kind->size(element, before) + rest;
    MDB_val larger;
    MDB_val key;
    char *bytes;
    char *to;
    int r;

    if (gap->has_next)
        size += bucket->kind->size(&gap->next, element);
    bytes = mem_alloc(bucket->allocator, size);
    if (!bytes)
        return ENOMEM;
    memcpy(bytes, value->mv_data, gap->at);
    to = bucket->kind->write(bytes + gap->at, element, before);
    if (gap->has_next)
        to = bucket->kind->write(to, &gap->next, element);
    memcpy(to, (const char *)value->mv_data + gap->after, rest);
    store_key_number(&bucket->key, bucket->prefix, first);
    key = store_key_value(&bucket->key);
    larger = value_of(bytes, size);
    r = mdb_cursor_put(bucket->cursor, &key, &larger, 0);
    mem_free(bucket->allocator, bytes);
    return r;
}

static int insert(struct bucket_write *bucket, size_t index)
{
    const struct bucket_element *element = bucket->elements[index];
    struct gap gap;
    uint64_t first;
    MDB_val value;
    int r =
        store_seek(bucket->cursor, &bucket->key, bucket->prefix, element->offset, &first, &value);

    if (r && r != MDB_NOTFOUND)
        return r;
    if (r || first > element->offset)
        return chunk_put(bucket, index, 1, bucket->kind->size(element, NULL));
    r = gap_find(bucket->kind, &value, first, element, &gap);
    if (r || gap.is_found)
        return r;
    if (!gap.has_next && gap.before.element.offset != element->offset)
        return chunk_put(bucket, index, 1, bucket->kind->size(element, NULL));
    return gap_close(bucket, first, &value, &gap, element);
}

/* --- a bucket --- */

int bucket_write(struct bucket_write *bucket, uint64_t high)
{
    size_t done = 0;
    int r = 0;

    for (; !r && done < bucket->count && bucket->elements[done]->offset < high; done++)
        r = insert(bucket, done);
    while (!r && done < bucket->count) {
        size_t bytes;
        size_t count = chunk_fill(bucket, done, &bytes);

        r = chunk_put(bucket, done, count, bytes);
        done += count;
    }
    return r;
}
