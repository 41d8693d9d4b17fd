/*
 * Receipts: how far each user has received and read each conversation.
 *
 * A cursor only moves forward, and never beyond the conversation's newest message. It is kept for
 * the user and for the device, and it is durable before the command is answered: cursors that come
 * while the store writes go into the next write together. Then it is told:
 *
 *   the user's other sessions   at once
 *   a direct conversation       the peer, at once; nobody where one has blocked the other
 *   a group of up to 50         the other members; one user's at most once in RECEIPTS_HOLD_MS
 *   a larger group, a channel   only the authors of what was read: that somebody has read as far as
 *                               that, and who came furthest; at most once in RECEIPTS_CROWD_MS, for
 *                               the newest RECEIPTS_CROWD_MESSAGES. So a receipt costs a large
 *                               group nothing, and each author learns that a message was seen.
 *
 * Who keeps read marks private (chatcore/privacy.h) is told of to the user's own sessions alone,
 * but for what was delivered; and learns of nobody else's reading. When the marks are made public
 * again, others learn of them with the next one.
 *
 * What is told is a hint: a session that catches up misses it.
 */
#ifndef CC_ENGINE_RECEIPTS_H
#define CC_ENGINE_RECEIPTS_H

#include "engine/session.h"

#define RECEIPTS_HOLD_MS        200
#define RECEIPTS_CROWD_MS       1000
#define RECEIPTS_CROWD_MESSAGES 32

/* Groups in which every member is told: those whose messages are written to inboxes, too. */
#define RECEIPTS_MEMBERS_MAX CC_FANOUT_WRITE_MAX

/* Users' cursors kept in memory, the longest unmoved forgotten: about 350 bytes each, 23 MB. */
#define RECEIPTS_READERS_MAX 65536

/* Large groups and channels with receipts to tell, likewise: about 250 bytes each, 1 MB. */
#define RECEIPTS_CROWDS_MAX 4096

/* Commands that wait for the store at once; more are answered CC_EBUSY. */
#define RECEIPTS_MOVES_MAX 262144

/*
 * Where another node owns the conversation, its newest messages may not be in the store yet. A
 * cursor beyond what is there waits so long for them, looking so often; then it is cut.
 */
#define RECEIPTS_HEAD_RETRY_MS 200
#define RECEIPTS_HEAD_TRIES    10

int receipts_init(struct cc_engine *engine);
void receipts_deinit(struct cc_engine *engine);

/* Writes what has come, if nothing is being written. Called at the end of a step. */
void receipts_step(struct cc_engine *engine);

/* Nothing waits for the store. */
bool receipts_is_idle(const struct cc_engine *engine);

/* Another node's word: a user has read in a large group that this node owns. */
struct unpack;
void receipts_read_elsewhere(struct cc_engine *engine, struct unpack *unpack);

/* The commands. */
void receipts_delivered(struct request *request);
void receipts_read(struct request *request);

#endif
