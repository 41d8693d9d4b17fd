/*
 * What a user has set of who may see what (chatcore/privacy.h), kept with the users of this node.
 *
 * What others may see is decided by what the directory says, at most USER_PRIVACY_TTL_MS old. What
 * the user himself is told (`user->privacy` as it stands: who hides his read marks is told of none)
 * follows more loosely: it is read when his first session opens and when one of his commands asks,
 * so a change made on another node counts here from then on.
 */
#ifndef CC_ENGINE_USER_PRIVACY_H
#define CC_ENGINE_USER_PRIVACY_H

#include "engine/user.h"

/* The longest time that a setting made on another node is not yet kept here. */
#define USER_PRIVACY_TTL_MS 2000

/* Makes sure of request->user->privacy; `checked` is called at once or in a later drain, with 0 or
 * why the directory could not tell. */
void user_privacy_check(struct request *request,
                        void (*checked)(struct request *request, int status));

/* The user's first session has opened: reads it, if nothing is known. */
void user_privacy_load(struct cc_engine *engine, struct user *user);

/* The request's user has stored what his command gives. */
void user_privacy_stored(struct request *request);

#endif
