/*
 * The writer: group commit.
 */
#include "backends/lmdb/writer.h"

#include "base/thread.h"
#include "chatcore/error.h"

#include <errno.h>

static const struct writer_kind *kind_of(const struct cc_op *op)
{
    return op->backend;
}

/* --- one transaction --- */

/* Applies from `first` up to before `end`. 0, also where operations were refused, or a failure. */
static int group_apply(struct writer *writer, MDB_txn *txn, struct cc_op *first,
                       const struct cc_op *end)
{
    for (struct cc_op *op = first; op != end; op = op->next) {
        int r = kind_of(op)->apply(writer->port, txn, op);

        writer->has_freed |= kind_of(op)->frees;
        if (environment_is_failure(r))
            return r;
        op->status = r;
    }
    return 0;
}

/* A transaction of the operations from `first` up to before `end`; background work joins in where
 * there are operations enough to share its costs with. */
struct group {
    struct cc_op *first;
    const struct cc_op *end;
    bool is_alone; /* one operation: no background work, which may be what failed */
    bool frees;
};

static int group_write(struct writer *writer, MDB_txn *txn, const struct group *group)
{
    int r;

    if (writer->hooks->begin)
        writer->hooks->begin(writer->port);
    r = group_apply(writer, txn, group->first, group->end);
    if (r || group->is_alone || !writer->hooks->background)
        return r;
    writer->has_freed |= writer->wants_background;
    return writer->hooks->background(writer->port, txn, &writer->wants_background);
}

/* Begins a transaction, where the environment needs it after opening that again. */
static int transaction_begin(struct writer *writer, MDB_txn **ret_txn)
{
    int r = environment_write_begin(writer->environment, ret_txn);

    if (r != MDB_PANIC)
        return r;
    r = environment_recover(writer->environment);
    if (!r && writer->hooks->recovered)
        r = writer->hooks->recovered(writer->port);
    if (r)
        return EIO;
    return environment_write_begin(writer->environment, ret_txn);
}

/* After a commit that failed: readers too need the environment to be opened again at once. */
static void recover_early(struct writer *writer)
{
    MDB_txn *txn;

    if (transaction_begin(writer, &txn) == 0)
        mdb_txn_abort(txn);
}

static int transaction(struct writer *writer, const struct group *group)
{
    MDB_txn *txn;
    int r = transaction_begin(writer, &txn);

    if (r)
        return r;
    r = group_write(writer, txn, group);
    if (r) {
        mdb_txn_abort(txn);
        return r;
    }
    r = mdb_txn_commit(txn);
    if (r)
        recover_early(writer);
    else if (writer->hooks->committed)
        writer->hooks->committed(writer->port);
    return r;
}

/* More room: a larger map, or pages that were freed in the last transaction. */
static bool make_room(struct writer *writer, const struct group *group)
{
    if (environment_grow(writer->environment, group->frees) == 0)
        return true;
    if (!group->is_alone || !writer->has_freed)
        return false;
    writer->has_freed = false;
    return environment_touch(writer->environment) == 0;
}

/* Tries again with more room. 0 or a failure. */
static int transaction_with_room(struct writer *writer, const struct group *group)
{
    int r = transaction(writer, group);

    while (r == MDB_MAP_FULL && make_room(writer, group))
        r = transaction(writer, group);
    return r;
}

/* --- groups --- */

static void group_complete(struct cc_op *first)
{
    while (first) {
        struct cc_op *op = first;

        first = op->next;
        cc_op_done(op, op->status);
    }
}

/* One operation that could not be written together with others. */
static void write_alone(struct writer *writer, struct cc_op *op)
{
    struct group group = {op, op->next, true, kind_of(op)->frees};
    int r = transaction_with_room(writer, &group);

    if (r)
        op->status = environment_error(writer->environment, r);
    if (group.frees)
        environment_shrink(writer->environment);
    cc_op_done(op, op->status);
}

static void write_group(struct writer *writer, struct cc_op *first)
{
    struct group group = {first, NULL, false, false};
    int r = transaction_with_room(writer, &group);

    if (!r) {
        group_complete(first);
        return;
    }
    writer->wants_background = false; /* until the next group: it may be what failed */
    while (first) {
        struct cc_op *next = first->next;

        write_alone(writer, first);
        first = next;
    }
}

/* --- the thread --- */

/* Waits for operations, or for nothing when there is background work. False: it is to end. */
static bool take_group(struct writer *writer, struct cc_op **ret_first)
{
    pthread_mutex_lock(&writer->lock);
    while (!writer->first && !writer->is_stopping && !writer->wants_background) {
        writer->is_waiting = true;
        pthread_cond_wait(&writer->came, &writer->lock);
    }
    writer->is_waiting = false;
    *ret_first = writer->first;
    writer->first = NULL;
    writer->last = NULL;
    pthread_mutex_unlock(&writer->lock);
    return *ret_first || !writer->is_stopping;
}

static void *run(void *argument)
{
    struct writer *writer = argument;
    struct cc_op *first;

    while (take_group(writer, &first))
        write_group(writer, first);
    return NULL;
}

int writer_start(struct writer *writer, struct environment *environment, void *port,
                 const struct writer_hooks *hooks)
{
    int r;

    memset(writer, 0, sizeof *writer);
    writer->environment = environment;
    writer->port = port;
    writer->hooks = hooks;
    r = pthread_mutex_init(&writer->lock, NULL);
    if (r)
        return environment_error(environment, r);
    r = pthread_cond_init(&writer->came, NULL);
    if (!r) {
        r = thread_start(&writer->thread, run, writer);
        if (r == EAGAIN)
            r = ENOMEM;
        if (r)
            pthread_cond_destroy(&writer->came);
    }
    if (r)
        pthread_mutex_destroy(&writer->lock);
    writer->is_running = !r;
    return environment_error(environment, r);
}

void writer_stop(struct writer *writer)
{
    if (!writer->is_running)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->is_stopping = true;
    pthread_cond_signal(&writer->came);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->came);
    pthread_mutex_destroy(&writer->lock);
    writer->is_running = false;
}

void writer_submit(struct writer *writer, struct cc_op *op, const struct writer_kind *kind)
{
    bool wake;

    op->backend = (void *)kind;
    op->next = NULL;
    pthread_mutex_lock(&writer->lock);
    if (writer->last)
        writer->last->next = op;
    else
        writer->first = op;
    writer->last = op;
    wake = writer->is_waiting;
    writer->is_waiting = false;
    pthread_mutex_unlock(&writer->lock);
    if (wake)
        pthread_cond_signal(&writer->came);
}
