/*
 * The thread's loop.
 */
#include "backends/media_folder/jobs.h"

#include "base/thread.h"
#include "chatcore/error.h"

#include <string.h>

static struct cc_op *take(struct jobs *jobs)
{
    struct cc_op *op;

    pthread_mutex_lock(&jobs->lock);
    while (!jobs->first && !jobs->is_stopping)
        pthread_cond_wait(&jobs->came, &jobs->lock);
    op = jobs->first;
    if (op)
        jobs->first = op->next;
    if (!jobs->first)
        jobs->last = &jobs->first;
    pthread_mutex_unlock(&jobs->lock);
    return op;
}

static void *work(void *context)
{
    struct jobs *jobs = context;
    struct cc_op *op;

    while ((op = take(jobs)) != NULL) {
        const job_run *run = op->backend;

        op->backend = NULL;
        (*run)(jobs->context, op);
    }
    return NULL;
}

/* The program's signals are not for this thread. */
int jobs_start(struct jobs *jobs, void *context)
{
    int r;

    memset(jobs, 0, sizeof *jobs);
    jobs->last = &jobs->first;
    jobs->context = context;
    if (pthread_mutex_init(&jobs->lock, NULL))
        return CC_ENOMEM;
    if (pthread_cond_init(&jobs->came, NULL)) {
        pthread_mutex_destroy(&jobs->lock);
        return CC_ENOMEM;
    }
    r = thread_start(&jobs->thread, work, jobs);
    if (!r)
        return 0;
    pthread_cond_destroy(&jobs->came);
    pthread_mutex_destroy(&jobs->lock);
    return CC_ENOMEM;
}

void jobs_stop(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->is_stopping = true;
    pthread_cond_signal(&jobs->came);
    pthread_mutex_unlock(&jobs->lock);
    pthread_join(jobs->thread, NULL);
    pthread_cond_destroy(&jobs->came);
    pthread_mutex_destroy(&jobs->lock);
}

void jobs_submit(struct jobs *jobs, struct cc_op *op, const job_run *run)
{
    op->next = NULL;
    op->backend = (void *)run;
    pthread_mutex_lock(&jobs->lock);
    *jobs->last = op;
    jobs->last = &op->next;
    pthread_cond_signal(&jobs->came);
    pthread_mutex_unlock(&jobs->lock);
}
