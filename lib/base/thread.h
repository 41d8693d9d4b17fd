/*
 * Threads of the library's: the host's signals are not for them. SIGPIPE, which a write causes to
 * its own thread, is pending there instead of ending the host.
 */
#ifndef CC_BASE_THREAD_H
#define CC_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* As pthread_create(). */
static inline int thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

#endif
