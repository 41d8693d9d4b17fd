/*
 * The memory behind an operation's answer: what its `ret_…` members point to. A backend makes one,
 * fills it, and attaches it to the operation, whose release then frees it. It refers to nothing but
 * the allocator, so it may outlive the port that made it.
 */
#ifndef CC_BACKENDS_ANSWER_H
#define CC_BACKENDS_ANSWER_H

#include "base/memory.h"
#include "chatcore/backend/op.h"

struct answer;

/* `size` is a guess of what will be needed in all; it grows by itself. NULL when out of memory. */
struct answer *answer_new(const struct cc_allocator *allocator, size_t size);
void answer_free(struct answer *answer);

/* Aligned for any type; not zeroed; NULL when there is no memory. */
void *answer_alloc(struct answer *answer, size_t size);

/* An array of `count` elements, zeroed. NULL when there is no memory, also where it overflows. */
void *answer_array(struct answer *answer, size_t count, size_t size);

/* Copies a slice. 0 or CC_ENOMEM. An empty slice needs no memory. */
int answer_copy(struct answer *answer, struct cc_slice from, struct cc_slice *ret_copy);

/* A list whose length is not known before: its elements move while it grows. */
struct answer_list {
    void *items; /* NULL while it is empty */
    size_t count;
    size_t capacity;
};

/* Adds a zeroed element of `size` bytes, the same for all. NULL when there is no memory. */
void *answer_list_add(struct answer *answer, struct answer_list *list, size_t size);

/*
 * Completes the operation: with status 0 it takes the answer over (NULL: there is none), otherwise
 * the answer is freed.
 */
void answer_done(struct answer *answer, struct cc_op *op, int status);

#endif
