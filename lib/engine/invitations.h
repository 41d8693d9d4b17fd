/*
 * Invitations: an admin makes one, and whoever has its token joins by it (group_join.c).
 *
 * A token is all that an outsider needs, so it can't be guessed, and says nothing by itself. One
 * that never was, one that was revoked, has expired or is used up, and one to a group that nobody
 * is in any more: they all get the same answer, so that nobody learns by asking what is there.
 */
#ifndef CC_ENGINE_INVITATIONS_H
#define CC_ENGINE_INVITATIONS_H

#include "engine/session.h"

/* Random bytes of a token: 192 bits, of which base64url makes 32 characters. */
#define INVITATION_RANDOM_BYTES 24
#define INVITATION_TOKEN_BYTES  32

/* An invitation's time: a hundred years, so that sums with it stay sane. */
#define INVITATION_MAX_S UINT64_C(3155760000)

/* The commands. */
void invitations_make(struct request *request);
void invitations_list(struct request *request);
void invitations_revoke(struct request *request);
void invitations_peek(struct request *request);

/* Reads command->token's invitation into request->op.invitation, for the request's user. */
void invitation_find(struct request *request, void (*found)(struct request *request, int status));

/* Whether what was found lets its user in: 0; CC_ENOTFOUND: it holds no longer; CC_EFORBIDDEN: an
 * admin has removed him. */
int invitation_check(const struct cc_engine *engine, const struct cc_directory_invitation *op);

/* Ends the request with an error, in words that fit. */
void invitation_fail(struct request *request, int status);

#endif
