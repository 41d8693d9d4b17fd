/*
 * What the notifiers on libcurl share: a thread with the multi interface, which owns all transfers.
 * Pushes come to it through a list and wait there for their turn; the thread completes them. The
 * list needs no bound of its own: the engine has one push of a device under way, and bounds them
 * all (max_pushes). What is durable is the engine's log: a push that fails is the engine's to
 * repeat, also after a crash.
 *
 * A backend gives a table that makes a transfer of a push, and judges how it ended; both run on the
 * thread.
 */
#ifndef CC_BACKENDS_NOTIFY_SENDER_H
#define CC_BACKENDS_NOTIFY_SENDER_H

#include "base/memory.h"
#include "chatcore/backend/notifier.h"

#include <curl/curl.h>

struct sender;

/* One attempt at a push. A backend's own begins with it. */
struct transfer {
    struct transfer *next;
    struct sender *sender;
    struct cc_notifier_push *push;
    CURL *easy;
};

struct sender_backend {
    size_t transfer_size;
    size_t active_max; /* transfers at a time; the others wait */
    /* Sets what `easy` needs. 0: go on; else the push's result, without an attempt. */
    enum cc_notifier_result (*prepare)(void *self, struct transfer *transfer);
    enum cc_notifier_result (*judge)(void *self, struct transfer *transfer, CURLcode code);
    /* Frees what prepare() made, whatever it answered; `easy` has gone. */
    void (*release)(void *self, struct transfer *transfer);
    /* The transfer is about to be taken away before its end. Or NULL. */
    void (*abandon)(void *self, struct transfer *transfer);
    /* The thread ends, without a transfer; connections that are kept are closed next. Or NULL. */
    void (*ending)(void *self);
};

/* Starts the thread. `self` is given to the backend's functions. 0 or CC_ENOMEM. */
int sender_new(const struct cc_allocator *allocator, const struct sender_backend *backend,
               void *self, struct sender **ret_sender);

/* Takes a push, to complete it later. Any thread. */
void sender_push(struct sender *sender, struct cc_notifier_push *op);

/* All pushes end soon, with CC_ECANCELED. Any thread. */
void sender_stop(struct sender *sender);

/* Waits for the thread, which has no transfer any more, and frees all. */
void sender_free(struct sender *sender);

#endif
