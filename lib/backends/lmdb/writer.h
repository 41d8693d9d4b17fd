/*
 * The thread that writes an environment: operations wait in a queue, which it takes whole; one
 * transaction holds them all, and when it stands on the disk all complete. While it is being synced
 * the next ones gather: the busier it is, the larger the groups.
 *
 * The queue is a list through the operations themselves, so submitting allocates nothing and can't
 * fail. Its bound is the engine's: it owns the operations.
 *
 * What an operation's kind does
 *   apply   In the transaction. 0: done, and the `ret_…` members are set. A CC_E…: refused, and
 *           nothing was changed. Any other raw code (see environment.h; an errno or LMDB's): it
 * failed halfway, and the transaction is given up. Then, with a larger map if that was the cause,
 * the operations are applied again, from the first; at last each in a transaction of its own, so
 *           that one that can't be written does not hold the others. So apply may run more than
 * once, and what it notes outside the transaction has to be put back by the port's `begin`.
 *
 * All hooks run on the writer's thread.
 */
#ifndef CC_BACKENDS_LMDB_WRITER_H
#define CC_BACKENDS_LMDB_WRITER_H

#include "backends/lmdb/environment.h"

struct writer_kind {
    int (*apply)(void *port, MDB_txn *txn, struct cc_op *op);
    bool frees; /* it makes room: it may use the last part of the map */
};

/* Each may be NULL. */
struct writer_hooks {
    /* Before a transaction's first apply: forget what an earlier attempt noted. */
    void (*begin)(void *port);
    /* The transaction is durable; its operations complete next. */
    void (*committed)(void *port);
    /* Does a bounded step of work that waits (trimming, expiring) in the transaction, after the
     * operations. 0 or a raw code. `ret_more`: ask again, also if no operation comes. */
    int (*background)(void *port, MDB_txn *txn, bool *ret_more);
    /* The environment was opened again after a commit of which nobody knows whether it counts: read
     * anew what is known of the file. 0 or a CC_E…. */
    int (*recovered)(void *port);
};

struct writer {
    struct environment *environment;
    const struct writer_hooks *hooks;
    void *port;
    pthread_t thread;
    bool is_running;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t came;
    struct cc_op *first;
    struct cc_op *last;
    bool is_waiting;
    bool is_stopping;

    bool wants_background; /* the writer's thread, also the next */
    bool has_freed;        /* since the room was last used up */
};

/* Starts the thread. 0 or a CC_E…. The hooks are kept, not copied. */
int writer_start(struct writer *writer, struct environment *environment, void *port,
                 const struct writer_hooks *hooks);

/* Ends the thread; no operation may be under way. Does nothing when it was not started. */
void writer_stop(struct writer *writer);

/* Queues an operation; it completes with the status of its kind's apply, or of the commit. The
 * operation's `backend` is the writer's. Any thread. */
void writer_submit(struct writer *writer, struct cc_op *op, const struct writer_kind *kind);

#endif
