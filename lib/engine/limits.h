/*
 * Rate limits: the generic cell rate algorithm (GCRA; ITU-T I.371), one number for each thing that
 * is limited.
 *
 * The numbers of a user's commands live in `struct user` while the user has a session. When the
 * last session goes, what is not yet worn off is kept, so that reconnecting gives no new burst.
 * This and the connects of addresses and of users are kept in two tables of their own, bounded,
 * from which the longest unused go first: forgetting one only gives its burst back.
 */
#ifndef CC_ENGINE_LIMITS_H
#define CC_ENGINE_LIMITS_H

#include "chatcore/engine.h"

struct cc_engine;
struct cc_session;
struct user;

/* The theoretical arrival time of the next request, in ns of mono time. Zero: nothing came yet. */
struct rate_state {
    int64_t arrival_ns;
};

/*
 * True: admitted, and counted. False: `ret_retry_ms` (at least 1) is how long to wait; nothing is
 * counted, so trying too early costs nothing. A rate with a 0 in it doesn't limit.
 */
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

/* A connect of a user, once the token told who it is. */
bool limits_admit_user(struct cc_engine *engine, struct cc_slice name, uint32_t *ret_retry_ms);

/* A mail that asks the owner of an address, by this user: counted for both. */
bool limits_admit_verification(struct cc_engine *engine, struct cc_slice user,
                               struct cc_slice address, uint32_t *ret_retry_ms);

/* The user got its first session here, or lost its last one. */
void limits_user_came(struct cc_engine *engine, struct user *user);
void limits_user_left(struct cc_engine *engine, const struct user *user);

#endif
