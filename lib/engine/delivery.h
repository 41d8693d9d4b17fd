/*
 * Delivery: from one thing to push and the users it is for, to one event a queue.
 *
 * A push is made between delivery_begin() and its end. Only live sessions are reached: one that
 * catches up reads messages from the store, and misses receipts, typing and presence, which are no
 * part of history. A session that has max_outstanding pushes unconsumed is turned back to catching
 * up.
 */
#ifndef CC_ENGINE_DELIVERY_H
#define CC_ENGINE_DELIVERY_H

#include "engine/conversation.h"
#include "engine/user.h"

void delivery_begin(struct cc_engine *engine);

/* Adds the live sessions of a user, if it has any here; `except` (or NULL) is left out. */
void delivery_add_user(struct cc_engine *engine, struct cc_slice user,
                       const struct cc_session *except);

/* Gives a value (receipt, typing, presence, conversation summary) to the added sessions; it is
 * copied. */
void delivery_end_receipt(struct cc_engine *engine, const struct cc_receipt *receipt);
void delivery_end_typing(struct cc_engine *engine, const struct cc_typing *typing);
void delivery_end_presence(struct cc_engine *engine, const struct cc_presence *presence);
void delivery_end_conversation(struct cc_engine *engine,
                               const struct cc_conversation_summary *summary);

/* Pushes a message that was just applied to the live sessions of the conversation's members. */
void delivery_message(struct conversation *conversation, struct message *message);

/* The same for a message of another node's partition, and the users it concerns. */
void delivery_message_to_users(struct cc_engine *engine, struct message *message,
                               const struct cc_slice *users, size_t count);

/* Pushes a message to one session: catching up. 0, or CC_EBUSY when the session has too much
 * outstanding. */
int delivery_message_to(struct cc_session *session, struct message *message);

/* Tells a session that it has caught up. */
void delivery_synced(struct cc_session *session, struct cc_slice cursor);

#endif
