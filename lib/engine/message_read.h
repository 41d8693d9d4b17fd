/*
 * Reading one message by its id, for edits, deletions and reactions.
 *
 * There is no index by id: ids are UUIDv7 and rise nearly with seq, so the message is found by
 * bisection over the conversation's rows by the ids' times, then a look at the neighbours within
 * the clocks' difference.
 */
#ifndef CC_ENGINE_MESSAGE_READ_H
#define CC_ENGINE_MESSAGE_READ_H

#include "engine/conversation.h"
#include "engine/session.h"

/*
 * Calls request's `found`, now or in a later drain, with the message (valid during the call), or
 * with CC_ENOTFOUND … `conversation` is NULL where this node does not own it; then only the store
 * is read.
 */
void message_read_by_id(struct request *request, struct conversation *conversation,
                        const struct cc_id *id,
                        void (*found)(struct request *request, const struct cc_message *message,
                                      int status));

#endif
