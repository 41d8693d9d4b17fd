/*
 * Threads of the library's: the host's signals are not for them. SIGPIPE, which a write causes to
 * its own thread, is pending there instead of ending the host.
 */
#ifndef CC_BASE_THREAD_H
#define CC_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

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

/* The calling thread yields to others of the process, which get about twice as much of a
 * core that both want. Elsewhere than on Linux, where threads have no priority of their own, it
 * changes nothing. */
static inline void thread_yield_to_others(void)
{
#ifdef __linux__
    (void)setpriority(PRIO_PROCESS, 0, 3); /* of this thread alone */
#endif
}

#endif
