/*
 * The search port on SQLite: operations wait in a list through themselves and are done by a thread,
 * one after the other, in the order in which they came; so a query sees what was brought before it.
 * Submitting allocates nothing and can't fail.
 */
#include "backends/answer.h"
#include "backends/search_sqlite/database.h"
#include "base/options.h"
#include "base/thread.h"
#include "base/trace.h"
#include "chatcore/error.h"

/* What a query may take: a user waits for it, and others behind it. */
#define QUERY_MS 500

struct search {
    struct cc_allocator allocator;
    struct cc_trace trace;
    struct database database; /* the thread's; without one, the engine's thread's */
    unsigned query_ms;
    bool has_thread;
    pthread_t thread;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t came;
    struct cc_op *first;
    struct cc_op *last;
    bool is_stopping;
};

/* What an operation's `backend` points to while it waits. */
struct operation_kind {
    void (*run)(struct search *search, struct cc_op *op);
};

static void done(struct search *search, struct cc_op *op, struct answer *answer, int status)
{
    if (status)
        trace_write(&search->trace, CC_TRACE_ERROR, "search", "the index answers %s: %s",
                    cc_error_name(status), sqlite3_errmsg(search->database.handle));
    answer_done(answer, op, status);
}

static void run_index(struct search *search, struct cc_op *op)
{
    done(search, op, NULL,
         change_index(&search->database, (const struct cc_search_index *)(void *)op));
}

static void run_position(struct search *search, struct cc_op *op)
{
    done(search, op, NULL,
         change_position(&search->database, (struct cc_search_position *)(void *)op));
}

static void run_forget(struct search *search, struct cc_op *op)
{
    done(search, op, NULL,
         change_forget(&search->database, (const struct cc_search_forget *)(void *)op));
}

static void run_query(struct search *search, struct cc_op *op)
{
    struct answer *answer = answer_new(&search->allocator, 0);
    int r = CC_ENOMEM;

    if (answer)
        r = query_run(&search->database, (struct cc_search_query *)(void *)op, answer,
                      search->query_ms);
    done(search, op, answer, r);
}

static const struct operation_kind index_kind = {run_index};
static const struct operation_kind position_kind = {run_position};
static const struct operation_kind forget_kind = {run_forget};
static const struct operation_kind query_kind = {run_query};

/* --- the thread --------------------------------------------------------------------------------
 */

static void run_one(struct search *search, struct cc_op *op)
{
    const struct operation_kind *kind = op->backend;

    op->backend = NULL;
    kind->run(search, op);
}

/* Waits for operations and takes them. NULL: it is to end. */
static struct cc_op *take(struct search *search)
{
    struct cc_op *first;

    pthread_mutex_lock(&search->lock);
    while (!search->first && !search->is_stopping)
        pthread_cond_wait(&search->came, &search->lock);
    first = search->first;
    search->first = NULL;
    search->last = NULL;
    pthread_mutex_unlock(&search->lock);
    return first;
}

static void *run(void *argument)
{
    struct search *search = argument;
    struct cc_op *op;

    thread_yield_to_others(); /* senders don't wait for the index */
    while ((op = take(search)) != NULL)
        while (op) {
            struct cc_op *next = op->next;

            run_one(search, op);
            op = next;
        }
    return NULL;
}

static void submit(struct search *search, struct cc_op *op, const struct operation_kind *kind)
{
    op->backend = (void *)kind;
    op->next = NULL;
    if (!search->has_thread) {
        run_one(search, op);
        return;
    }
    pthread_mutex_lock(&search->lock);
    if (search->last)
        search->last->next = op;
    else
        search->first = op;
    search->last = op;
    pthread_cond_signal(&search->came);
    pthread_mutex_unlock(&search->lock);
}

static void thread_stop(struct search *search)
{
    pthread_mutex_lock(&search->lock);
    search->is_stopping = true;
    pthread_cond_signal(&search->came);
    pthread_mutex_unlock(&search->lock);
    pthread_join(search->thread, NULL);
}

/* --- the port ---------------------------------------------------------------------------------
 */

static void slot_index(void *self, struct cc_search_index *op)
{
    submit(self, &op->op, &index_kind);
}

static void slot_position(void *self, struct cc_search_position *op)
{
    submit(self, &op->op, &position_kind);
}

static void slot_query(void *self, struct cc_search_query *op)
{
    submit(self, &op->op, &query_kind);
}

static void slot_forget(void *self, struct cc_search_forget *op)
{
    submit(self, &op->op, &forget_kind);
}

static void slot_free(void *self)
{
    struct search *search = self;
    struct cc_allocator allocator = search->allocator;

    if (search->has_thread)
        thread_stop(search);
    pthread_cond_destroy(&search->came);
    pthread_mutex_destroy(&search->lock);
    database_close(&search->database);
    mem_free(&allocator, search);
}

int cc_search_sqlite_open(const struct cc_allocator *allocator,
                          const struct cc_search_sqlite_options *options,
                          struct cc_search *ret_search)
{
    static const struct cc_search_vtable vtable = {
        .size = sizeof vtable,
        .index = slot_index,
        .position = slot_position,
        .query = slot_query,
        .forget = slot_forget,
        .free = slot_free,
    };
    struct cc_search_sqlite_options given = CC_SEARCH_SQLITE_OPTIONS_INIT;
    struct search *search;
    int r;

    if (options && options_read(&given, sizeof given, options))
        return CC_EINVAL;
    if (!allocator)
        allocator = cc_allocator_default();
    search = mem_zalloc(allocator, 1, sizeof *search);
    if (!search)
        return CC_ENOMEM;
    search->allocator = *allocator;
    search->trace = given.trace;
    pthread_mutex_init(&search->lock, NULL);
    pthread_cond_init(&search->came, NULL);
    search->query_ms = given.query_ms ? given.query_ms : QUERY_MS;
    r = database_open(&search->database, given.path);
    if (!r && !given.no_thread) {
        search->has_thread = !thread_start(&search->thread, run, search);
        r = search->has_thread ? 0 : CC_ENOMEM;
    }
    if (r) {
        slot_free(search);
        return r;
    }
    ret_search->vtable = &vtable;
    ret_search->self = search;
    return 0;
}
