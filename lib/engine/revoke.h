/*
 * Revoking tokens before their end: one by its id, or all of a user that were issued before a time.
 *
 * The directory keeps the revocations. A token is asked about when it is used, at `connect` and
 * `refresh`; sessions that live by one already are closed when a revocation becomes known. The node
 * that was asked to revoke tells the others to look; and each looks every LINK_TICK_MS for itself,
 * so a lost word delays it by so much. Sessions without a token (trusted ones) are never closed.
 *
 * A check that was under way while a revocation became known is made again, so that no session
 * slips in between.
 */
#ifndef CC_ENGINE_REVOKE_H
#define CC_ENGINE_REVOKE_H

#include "engine/session.h"

/* Who somebody is, as a token or the host says. */
struct credential {
    struct cc_slice user;
    struct cc_slice token_id; /* empty: it has none */
    int64_t issued;           /* wall ms; 0: unknown; INT64_MAX: there is no token */
    int64_t expires;          /* wall ms; INT64_MAX: never */
    bool is_admin;
};

int revocations_init(struct cc_engine *engine);
void revocations_deinit(struct cc_engine *engine);

/* The handler of `revoke`. */
void revoke_command(struct request *request);

/* `checked` is called in a later drain, or at once, with 0, CC_EUNAUTHORIZED (it is revoked), or
 * why the directory could not tell. `credential` belongs to the request. */
void revoked_check(struct request *request, const struct credential *credential,
                   void (*checked)(struct request *request, int status));

/* Looks in the directory for revocations that are new, and closes the sessions that they are about.
 */
void revocations_look(struct cc_engine *engine);

#endif
