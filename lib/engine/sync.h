/*
 * Coming online: what a session has not had is pushed from memory and store, in order, until
 * nothing is missing; then, in the same step, the session is live. So nothing is lost or doubled at
 * the seam.
 *
 * A session's position is one log offset for each partition: everything below has been given to it.
 * That is what the opaque cursor holds. A session without a cursor starts from what is recorded of
 * its device, by conversation. A live session has the node's position and keeps nothing of its own;
 * one that reads too slowly falls back: it keeps the position of that moment, is pushed nothing,
 * and catches up when it has read.
 */
#ifndef CC_ENGINE_SYNC_H
#define CC_ENGINE_SYNC_H

#include "engine/conversation.h"
#include "engine/session.h"

/* A connected session begins to catch up, from a cursor (empty: none). 0, CC_ENOMEM. A cursor that
 * makes no sense counts as none. */
int sync_start(struct cc_session *session, struct cc_slice cursor);

/* Goes on when the session may have room again; does nothing for a live one. */
void sync_resume(struct cc_session *session);

/* A partition has been replayed, or sessions fell back: those that wait go on. Called by the step
 * when resume_wanted. */
void sync_resume_all(struct cc_engine *engine);

/* A live session reads too slowly, or a push could not be made: it catches up from here. */
void sync_fall_back(struct cc_session *session);

/* The session closes. */
void sync_abort(struct cc_session *session);

/* Members came or went while sessions catch up: called before the message is pushed (NULL: it takes
 * no seq). */
void sync_members_changed(struct conversation *conversation, const struct message *message);

#endif
