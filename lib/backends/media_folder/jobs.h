/*
 * A thread that runs operations one after the other, in the order in which they came. How many wait
 * is bounded by those who submit: the engine's commands under way, the gateway's uploads.
 */
#ifndef CC_BACKENDS_MEDIA_FOLDER_JOBS_H
#define CC_BACKENDS_MEDIA_FOLDER_JOBS_H

#include "chatcore/backend/op.h"

#include <pthread.h>

/* Runs an operation and completes it. */
typedef void (*job_run)(void *context, struct cc_op *op);

struct jobs {
    void *context; /* of every job */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct cc_op *first; /* under the lock; linked by `next`, `backend` is a job's function */
    struct cc_op **last;
    bool is_stopping;
};

/* Starts the thread. 0 or CC_ENOMEM. */
int jobs_start(struct jobs *jobs, void *context);

/* Runs what waits, then ends the thread. */
void jobs_stop(struct jobs *jobs);

/* Any thread. `run` is a function with static life. */
void jobs_submit(struct jobs *jobs, struct cc_op *op, const job_run *run);

#endif
