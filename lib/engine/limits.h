/*
 * Rate limits: the generic cell rate algorithm (GCRA; ITU-T I.371), one number a user and class.
 *
 * Users' numbers live in `struct user`, as long as the user has a session; addresses have a table
 * of their own, bounded, from which the longest unused go first.
 */
#ifndef CC_ENGINE_LIMITS_H
#define CC_ENGINE_LIMITS_H

#include "chatcore/engine.h"

struct cc_engine;
struct cc_session;

/* The theoretical arrival time of the next request, in us of mono time. Zero: nothing came yet. */
struct rate_state {
    int64_t arrival_us;
};

/* True: admitted, and counted. False: `ret_retry_ms` (at least 1) is how long to wait. */
bool rate_admit(struct rate_state *state, const struct cc_rate *rate, int64_t now_ms,
                uint32_t *ret_retry_ms);

int limits_init(struct cc_engine *engine);
void limits_deinit(struct cc_engine *engine);

/* A command of an open session. */
bool limits_admit(struct cc_engine *engine, struct cc_session *session, bool is_send,
                  uint32_t *ret_retry_ms);

/* A connect from an address; an empty address is not limited (a trusted host's own session). */
bool limits_admit_connect(struct cc_engine *engine, struct cc_slice address,
                          uint32_t *ret_retry_ms);

#endif
