/*
 * Notifications: users without a live session are told of messages through the notifiers.
 *
 * A consumer of the log. The way of a message:
 *
 *   notify.c         takes it from the log; knows how far everything has been dealt with (holds)
 *   notify_topic.c   gathers a conversation's messages for a while
 *   notify_walk.c    goes through the members, and leaves those who are online out
 *   notify_recipient.c asks of one member: has he devices, muted it, read it, quiet hours; his
 * badge notify_batch.c   what one user is told of one conversation; the mark that he was
 *   notify_device.c  the queue of one device: one push at a time, gathering, retries
 *   notify_token.c   a token that is of no device any more is removed
 *   notify_cancel.c  what was told is taken back when the user has read it
 *
 * What is repeated after a crash. The consumer's position is committed behind what has been sent or
 * given up. Besides, the store keeps a mark of each user and conversation: the seq up to which the
 * user was told. It is written right after the pushes, so what the log gives again is recognised,
 * and what a crash repeats is, of a user and conversation, at most the one batch whose mark was not
 * written yet; and that with the same id, if no message came meanwhile. What is put into a quiet
 * hour or a mute is not sent later.
 */
#ifndef CC_ENGINE_NOTIFY_H
#define CC_ENGINE_NOTIFY_H

#include "engine/engine.h"

/* The name of the consumer; hosts can't open one of it while the engine has notifiers. */
#define NOTIFY_CONSUMER "chatcore.notify"

/* Does nothing where there is no notifier. */
int notify_init(struct cc_engine *engine);
void notify_deinit(struct cc_engine *engine);

/* Takes over the options' notifiers; on failure they stay the caller's. 0, CC_EINVAL, CC_ENOMEM. */
int notify_take_options(struct cc_engine *engine, const struct cc_engine_options *options);

/* At the end of each step. */
void notify_step(struct cc_engine *engine);

/* Frees the notifiers, with the engine's other ports. */
void notify_free_ports(struct cc_engine *engine);

/* Ends what is under way, without sending more. True when nothing is. */
bool notify_stop(struct cc_engine *engine);

/* The user has read so far: what tells of it is not sent, or taken back. */
void notify_read(struct cc_engine *engine, struct cc_slice user, struct cc_slice conversation,
                 uint64_t seq);

/* A device of his has received so far: what waits and tells of it is not sent. */
void notify_delivered(struct cc_engine *engine, struct cc_slice user, struct cc_slice conversation,
                      uint64_t seq);

/* Pushes not yet sent. */
size_t notify_waiting(const struct cc_engine *engine);

/* True when there is a notifier of that name. */
bool notify_has_provider(const struct cc_engine *engine, struct cc_slice provider);

/* True when the owner of an address must have said that it is his; and whether what a trusted
 * session sets counts as said. */
bool notify_verifies(const struct cc_engine *engine, struct cc_slice provider);
bool notify_trusts_servers(const struct cc_engine *engine, struct cc_slice provider);

/* Asks him, of a provider that verifies. 0, CC_EUNAVAILABLE, CC_ENOMEM. */
int notify_verify(struct cc_engine *engine, struct cc_slice user, const struct cc_device *device);

#endif
