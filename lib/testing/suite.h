/*
 * What the conformance suites share: running cases, waiting for operations, checking.
 *
 * A case is a function of the suite. The first check that does not hold is noted, with its place;
 * the case returns there, and what called it may go on, its later checks change nothing.
 */
#ifndef CC_TESTING_SUITE_H
#define CC_TESTING_SUITE_H

#include "base/memory.h"
#include "chatcore/backend/op.h"
#include "chatcore/testing/conformance.h"

#include <pthread.h>

/* The text of a failure: two lists of a page of members fit. */
#define SUITE_FAILURE_BYTES 2048

struct suite {
    const struct cc_conformance_options *options;
    const char *port; /* its name, for reports */
    const char *case_name;
    int failed_cases;
    char failure[SUITE_FAILURE_BYTES]; /* of the case that runs; empty: none yet */
    struct cc_mailbox mailbox;
    struct cc_mailbox again; /* of operations that have completed before: stays empty, see below */
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool has_mail;
};

/* 0, CC_EINVAL for options that are not valid, or CC_ENOMEM. */
int suite_init(struct suite *suite, const char *port, const struct cc_conformance_options *options);
void suite_deinit(struct suite *suite);

/* Begins a case; false when it is not wanted. The end reports it. */
bool suite_case_begin(struct suite *suite, const char *name);
void suite_case_end(struct suite *suite);

static inline bool suite_has_failed(const struct suite *suite)
{
    return suite->failure[0] != 0;
}

/* Runs `call` as a case, if it is wanted. */
#define SUITE_CASE(suite, name, call)                                                              \
    do {                                                                                           \
        if (suite_case_begin(suite, name)) {                                                       \
            call;                                                                                  \
            suite_case_end(suite);                                                                 \
        }                                                                                          \
    } while (0)

/* Runs a whole suite: `cases` with `factory`. The number of cases that failed, or an error of
 * suite_init(). */
int suite_run(const char *port, const struct cc_conformance_options *options,
              void (*cases)(struct suite *suite, const void *factory), const void *factory);

/* Runs a random program, `run` with `context`, as one case that has the seed's name. Likewise. */
int suite_run_seed(const char *port, const struct cc_conformance_options *options, uint64_t seed,
                   void (*run)(struct suite *suite, uint64_t seed, const void *context),
                   const void *context);

/* Prepares an operation; the caller then submits it to the port. */
void suite_submit(struct suite *suite, struct cc_op *op);

/* Waits until an operation has completed, and answers its status. */
int suite_wait(struct suite *suite, struct cc_op *op);

/* Waits so long at most; answers whether the operation has completed. */
bool suite_await(struct suite *suite, struct cc_op *op, unsigned ms);

/* Runs the completions that have come. */
void suite_drain(struct suite *suite);

/*
 * An operation completes once. One that has completed is given another mailbox and completion, so
 * that a second time is noticed: while the first one waits, by the completion; later, by mail in
 * that box, which is never opened, as the operation's memory may be gone.
 */
bool suite_is_done(const struct cc_op *op);

/* Notes a failure, if it is the case's first. */
void suite_fail(struct suite *suite, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

bool suite_check_status(struct suite *suite, const char *place, int line, int got, int wanted);
bool suite_check_number(struct suite *suite, const char *place, int line, uint64_t got,
                        uint64_t wanted);
bool suite_check_text(struct suite *suite, const char *place, int line, const char *got,
                      const char *wanted);

/* Checks for functions without a result: they return when one does not hold. */
#define CHECK(suite, condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            suite_fail(suite, __func__, __LINE__, "%s does not hold", #condition);                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_STATUS(suite, got, wanted)                                                           \
    do {                                                                                           \
        if (!suite_check_status(suite, __func__, __LINE__, got, wanted))                           \
            return;                                                                                \
    } while (0)

#define CHECK_NUMBER(suite, got, wanted)                                                           \
    do {                                                                                           \
        if (!suite_check_number(suite, __func__, __LINE__, (uint64_t)(got), (uint64_t)(wanted)))   \
            return;                                                                                \
    } while (0)

#define CHECK_TEXT(suite, got, wanted)                                                             \
    do {                                                                                           \
        if (!suite_check_text(suite, __func__, __LINE__, got, wanted))                             \
            return;                                                                                \
    } while (0)

/* A text that is put together in a fixed room; what does not fit is cut. */
struct text {
    size_t size;
    char bytes[SUITE_FAILURE_BYTES / 2];
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next number below `below` of a random program (splitmix64): the same everywhere for a seed.
 */
uint64_t suite_draw(uint64_t *state, uint64_t below);

/* For printf's %.*s. */
#define SLICE_ARGUMENTS(slice) (int)(slice).size, (slice).data ? (slice).data : ""

#endif
