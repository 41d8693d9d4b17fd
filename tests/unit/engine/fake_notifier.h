/*
 * A notifier that notes what it is given as text, one line each, and answers as it is told:
 *
 *   show bob/tok [Club] 5 new messages in Club / alice: hi (5, badge 6, high)
 *   cancel bob/tok (badge 0)
 *   verify bob/tok
 *
 * What goes along with another is in a line of its own, after a "+".
 */
#ifndef CC_TESTS_FAKE_NOTIFIER_H
#define CC_TESTS_FAKE_NOTIFIER_H

#include "base/buffer.h"
#include "chatcore/engine.h"

#define FAKE_HELD_MAX 64

struct fake_notifier {
    struct buffer text;                 /* what came since the last fake_expect() */
    enum cc_notifier_result answer;     /* to those that are not of `odd_token` */
    const char *odd_token;              /* or NULL */
    enum cc_notifier_result odd_answer; /* 0: held until fake_let_go() */
    uint32_t retry_after_ms;
    uint32_t gather_ms; /* of the port, as these */
    bool verifies;
    bool trusts_servers;
    unsigned pushes; /* ever */
    struct cc_id last_id;
    char last_key[64];
    char last_trace[64]; /* its traceparent; empty: none */
    struct cc_op *held[FAKE_HELD_MAX];
    size_t held_count;
};

void fake_notifier_init(struct fake_notifier *fake);
void fake_notifier_deinit(struct fake_notifier *fake);

/* The port, of the provider "fcm", that can take back. */
struct cc_notifier fake_notifier_port(struct fake_notifier *fake);

/* Completes what was held, as sent. */
void fake_let_go(struct fake_notifier *fake);

/* Fails the test, showing both, unless that is exactly what came. */
#define fake_expect(fake, expected) fake_expect_at(fake, expected, __FILE__, __LINE__)
void fake_expect_at(struct fake_notifier *fake, const char *expected, const char *file, int line);

#endif
