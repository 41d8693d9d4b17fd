/*
 * Answers: blocks of growing size, freed together.
 */
#include "backends/answer.h"

#include "chatcore/error.h"

#include <stdalign.h>

/* A block holds at least this much: an answer of a few names needs one. */
#define ANSWER_BLOCK_BYTES 512

struct answer_block {
    struct answer_block *next;
    alignas(max_align_t) char bytes[];
};

struct answer {
    struct cc_allocator allocator; /* a copy: the port's may be gone before the answer */
    struct answer_block *blocks;   /* beyond the first, which stands behind the struct */
    char *free;                    /* of the newest block */
    size_t left;
    size_t block_bytes; /* of the newest block */
    alignas(max_align_t) char bytes[];
};

static size_t round_up(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

struct answer *answer_new(const struct cc_allocator *allocator, size_t size)
{
    size_t first = size < ANSWER_BLOCK_BYTES ? ANSWER_BLOCK_BYTES : round_up(size);
    struct answer *answer;

    if (first < size || first > SIZE_MAX - sizeof *answer)
        return NULL;
    answer = mem_alloc(allocator, sizeof *answer + first);
    if (!answer)
        return NULL;
    answer->allocator = *allocator;
    answer->blocks = NULL;
    answer->free = answer->bytes;
    answer->left = first;
    answer->block_bytes = first;
    return answer;
}

void answer_free(struct answer *answer)
{
    struct cc_allocator allocator;
    struct answer_block *block;

    if (!answer)
        return;
    allocator = answer->allocator;
    while ((block = answer->blocks) != NULL) {
        answer->blocks = block->next;
        mem_free(&allocator, block);
    }
    mem_free(&allocator, answer);
}

/* A block twice as large as the last, or as large as what is wanted. */
static bool grow(struct answer *answer, size_t wanted)
{
    size_t size = answer->block_bytes > SIZE_MAX / 4 ? wanted : answer->block_bytes * 2;
    struct answer_block *block;

    if (size < wanted)
        size = wanted;
    if (size > SIZE_MAX - sizeof *block)
        return false;
    block = mem_alloc(&answer->allocator, sizeof *block + size);
    if (!block)
        return false;
    block->next = answer->blocks;
    answer->blocks = block;
    answer->free = block->bytes;
    answer->left = size;
    answer->block_bytes = size;
    return true;
}

void *answer_alloc(struct answer *answer, size_t size)
{
    size_t rounded = round_up(size);
    void *pointer;

    if (rounded < size || (answer->left < rounded && !grow(answer, rounded)))
        return NULL;
    pointer = answer->free;
    answer->free += rounded;
    answer->left -= rounded;
    return pointer;
}

void *answer_array(struct answer *answer, size_t count, size_t size)
{
    void *array;

    if (size && count > SIZE_MAX / size)
        return NULL;
    array = answer_alloc(answer, count * size);
    if (array)
        memset(array, 0, count * size);
    return array;
}

int answer_copy(struct answer *answer, struct cc_slice from, struct cc_slice *ret_copy)
{
    char *bytes = NULL;

    if (from.size) {
        bytes = answer_alloc(answer, from.size);
        if (!bytes)
            return CC_ENOMEM;
        memcpy(bytes, from.data, from.size);
    }
    *ret_copy = slice_of(bytes, from.size);
    return 0;
}

void *answer_list_add(struct answer *answer, struct answer_list *list, size_t size)
{
    size_t capacity = list->capacity ? list->capacity * 2 : 8;
    char *items = list->items;

    if (list->count == list->capacity) {
        items = answer_array(answer, capacity, size);
        if (!items)
            return NULL;
        if (list->count)
            memcpy(items, list->items, list->count * size);
        list->items = items;
        list->capacity = capacity;
    }
    return items + list->count++ * size;
}

static void answer_release(struct cc_op *op)
{
    answer_free(op->backend);
    op->backend = NULL;
}

void answer_done(struct answer *answer, struct cc_op *op, int status)
{
    if (status) {
        answer_free(answer);
        answer = NULL;
    }
    op->backend = answer;
    op->release = answer ? answer_release : NULL;
    cc_op_done(op, status);
}
