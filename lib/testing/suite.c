/*
 * What the conformance suites share.
 */
#include "testing/suite.h"

#include "chatcore/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Called by whichever thread completes an operation while the mailbox is empty. */
static void wake(void *context)
{
    struct suite *suite = context;

    pthread_mutex_lock(&suite->lock);
    suite->has_mail = true;
    pthread_cond_signal(&suite->came);
    pthread_mutex_unlock(&suite->lock);
}

static int came_init(pthread_cond_t *came)
{
    pthread_condattr_t attributes;
    int r = pthread_condattr_init(&attributes);

    if (r)
        return r;
    r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!r)
        r = pthread_cond_init(came, &attributes);
    pthread_condattr_destroy(&attributes);
    return r;
}

int suite_init(struct suite *suite, const char *port, const struct cc_conformance_options *options)
{
    memset(suite, 0, sizeof *suite);
    if (!options || options->size < sizeof *options || !options->report || !options->timeout_ms)
        return CC_EINVAL;
    suite->options = options;
    suite->port = port;
    suite->mailbox.wake = wake;
    suite->mailbox.context = suite;
    suite->again.context = suite;
    if (pthread_mutex_init(&suite->lock, NULL))
        return CC_ENOMEM;
    if (came_init(&suite->came)) {
        pthread_mutex_destroy(&suite->lock);
        return CC_ENOMEM;
    }
    return 0;
}

void suite_deinit(struct suite *suite)
{
    pthread_cond_destroy(&suite->came);
    pthread_mutex_destroy(&suite->lock);
}

/* --- cases --- */

bool suite_case_begin(struct suite *suite, const char *name)
{
    suite->case_name = name;
    suite->failure[0] = 0;
    return !suite->options->only || strcmp(suite->options->only, name) == 0;
}

void suite_case_end(struct suite *suite)
{
    bool failed;

    suite_drain(suite);
    failed = suite_has_failed(suite);
    suite->failed_cases += failed;
    suite->options->report(suite->options->context, suite->port, suite->case_name,
                           failed ? suite->failure : NULL);
}

int suite_run(const char *port, const struct cc_conformance_options *options,
              void (*cases)(struct suite *suite, const void *factory), const void *factory)
{
    struct suite suite;
    int r = suite_init(&suite, port, options);

    if (r)
        return r;
    cases(&suite, factory);
    suite_deinit(&suite);
    return suite.failed_cases;
}

int suite_run_seed(const char *port, const struct cc_conformance_options *options, uint64_t seed,
                   void (*run)(struct suite *suite, uint64_t seed, const void *context),
                   const void *context)
{
    struct suite suite;
    char name[40];
    int r = suite_init(&suite, port, options);

    if (r)
        return r;
    snprintf(name, sizeof name, "seed %llu", (unsigned long long)seed);
    SUITE_CASE(&suite, name, run(&suite, seed, context));
    suite_deinit(&suite);
    return suite.failed_cases;
}

void suite_fail(struct suite *suite, const char *file, int line, const char *format, ...)
{
    size_t size = sizeof suite->failure;
    va_list arguments;
    int used;

    if (suite_has_failed(suite))
        return;
    used = snprintf(suite->failure, size, "%s:%d: ", file, line);
    if (used < 0 || (size_t)used >= size)
        return;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is above */
    vsnprintf(suite->failure + used, size - (size_t)used, format, arguments);
    va_end(arguments);
}

bool suite_check_status(struct suite *suite, const char *place, int line, int got, int wanted)
{
    if (got != wanted)
        suite_fail(suite, place, line, "status %s, wanted %s", cc_error_name(got),
                   cc_error_name(wanted));
    return got == wanted;
}

bool suite_check_number(struct suite *suite, const char *place, int line, uint64_t got,
                        uint64_t wanted)
{
    if (got != wanted)
        suite_fail(suite, place, line, "%llu, wanted %llu", (unsigned long long)got,
                   (unsigned long long)wanted);
    return got == wanted;
}

bool suite_check_text(struct suite *suite, const char *place, int line, const char *got,
                      const char *wanted)
{
    bool is_same = strcmp(got, wanted) == 0;

    if (!is_same)
        suite_fail(suite, place, line, "\"%s\", wanted \"%s\"", got, wanted);
    return is_same;
}

void text_add(struct text *text, const char *format, ...)
{
    size_t left = sizeof text->bytes - text->size;
    va_list arguments;
    int used;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is above */
    used = vsnprintf(text->bytes + text->size, left, format, arguments);
    va_end(arguments);
    if (used > 0)
        text->size += (size_t)used < left ? (size_t)used : left - 1;
}

uint64_t suite_draw(uint64_t *state, uint64_t below)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % below;
}

/* --- operations --- */

static void note_again(struct cc_op *op)
{
    struct suite *suite = op->mailbox->context;

    suite_fail(suite, __func__, __LINE__, "an operation completed twice");
}

static void note_completion(struct cc_op *op)
{
    struct suite *suite = op->mailbox->context;

    op->mailbox = &suite->again;
    op->complete = note_again;
}

bool suite_is_done(const struct cc_op *op)
{
    return op->complete == note_again;
}

static void check_again(struct suite *suite)
{
    if (!cc_mailbox_has_mail(&suite->again))
        return;
    suite->again.head = NULL;
    suite_fail(suite, __func__, __LINE__, "an operation completed twice");
}

void suite_submit(struct suite *suite, struct cc_op *op)
{
    op->next = NULL;
    op->mailbox = &suite->mailbox;
    op->complete = note_completion;
    op->release = NULL;
    op->backend = NULL;
    op->status = 0;
}

void suite_drain(struct suite *suite)
{
    pthread_mutex_lock(&suite->lock);
    suite->has_mail = false;
    pthread_mutex_unlock(&suite->lock);
    cc_mailbox_drain(&suite->mailbox);
    check_again(suite);
}

static struct timespec deadline_in(unsigned ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* False when nothing came in time. */
static bool wait_for_mail(struct suite *suite, const struct timespec *deadline)
{
    int r = 0;

    pthread_mutex_lock(&suite->lock);
    while (!suite->has_mail && !r)
        r = pthread_cond_timedwait(&suite->came, &suite->lock, deadline);
    pthread_mutex_unlock(&suite->lock);
    return !r;
}

bool suite_await(struct suite *suite, struct cc_op *op, unsigned ms)
{
    struct timespec deadline = deadline_in(ms);

    for (suite_drain(suite); !suite_is_done(op); suite_drain(suite))
        if (!wait_for_mail(suite, &deadline))
            return false;
    return true;
}

int suite_wait(struct suite *suite, struct cc_op *op)
{
    if (suite_await(suite, op, suite->options->timeout_ms))
        return op->status;
    suite_fail(suite, __func__, __LINE__, "an operation did not complete in %u ms",
               suite->options->timeout_ms);
    suite_case_end(suite);
    abort();
}
