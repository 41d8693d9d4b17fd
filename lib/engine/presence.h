/*
 * Presence: who is online, told to those who have the user as a contact, and to whom may ask.
 *
 * A user is online here from the first session's opening until PRESENCE_LINGER_MS after the last
 * one's end, so a reconnect shows nothing. The cluster's session map gets the users of this node in
 * batches, and again before an entry expires; that happens with presence switched off, too, for
 * nodes find each other's users there.
 *
 * Watchers are told when a user comes or goes, if they are few enough; one whom the user has
 * blocked is not, nor one whom his setting keeps out (audience.h). When he changes who may see him,
 * they are told at once what they see from then on. Nothing is stored but the time of the last
 * withdrawal, in the session map.
 */
#ifndef CC_ENGINE_PRESENCE_H
#define CC_ENGINE_PRESENCE_H

#include "engine/user.h"

/* The end of the last session counts after so long. */
#define PRESENCE_LINGER_MS 2000

/* A user whom more have as a contact is not announced to them; they can ask. */
#define PRESENCE_WATCHERS_MAX 1000

/* Users told of at once; the others wait, and who comes and goes meanwhile is told of once or not
 * at all. */
#define PRESENCE_TELLING_MAX 16

/* Users of one operation on the session map. */
#define PRESENCE_BATCH_MAX 1000

/* Of those that a `presence` command asks for, so many may be no contacts: each costs a read. */
#define PRESENCE_STRANGERS_MAX 50

/* The conversations of each side that are compared to find a common one. */
#define PRESENCE_SHARED_MAX 1000

/* Users of nodes that are gone, until their entries in the session map have expired: about 150
 * bytes each, 40 MB; of more nobody is told. */
#define PRESENCE_LOST_MAX 262144

int presence_init(struct cc_engine *engine);
void presence_deinit(struct cc_engine *engine);

/* The user's first session here has opened. */
void presence_online(struct cc_engine *engine, const struct user *user);

/* The user's last session here has ended. */
void presence_offline(struct cc_engine *engine, const struct user *user);

/*
 * Another node is gone that had sessions of this user. If the session map has no entry of the user
 * when one of that node would have expired, watchers here are told that he is offline.
 */
void presence_lost(struct cc_engine *engine, struct cc_slice user);

/* The request's user has changed who may see him, or how he stands to one other user: those who
 * watch are told what they see now. `done` is called at once or in a later drain. */
void presence_retell(struct request *request, void (*done)(struct request *request, int status));
void presence_retell_one(struct request *request, struct cc_slice other,
                         void (*done)(struct request *request, int status));

/* The command. */
void presence_query(struct request *request);

#endif
