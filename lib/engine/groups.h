/*
 * Groups and direct conversations: who is in them, and how a change of that comes into the log.
 *
 * A change is decided from what the directory says, made there in one transaction that expects the
 * version it was decided on, and appended to the log. The transaction also leaves the record in the
 * directory's outbox; the owner of the partition appends what is still there (outbox.c), so a crash
 * in between loses nothing. Whoever comes second to one version reads and decides again.
 *
 * Files: group_create.c, group_change.c (the commands), group_join.c, group_rules.c (who may do
 * what), direct.c, outbox.c, summary.c.
 */
#ifndef CC_ENGINE_GROUPS_H
#define CC_ENGINE_GROUPS_H

#include "engine/conversation.h"
#include "engine/session.h"

/* Of a group, in bytes of UTF-8. */
#define GROUP_NAME_MAX 256

/* How often a change that met a conflict is decided again before its sender is told. */
#define GROUP_ATTEMPTS_MAX 5

/* An invitation is told to many at once, and each who joins is a conflict for the others: a burst
 * of so many gets in without an error. */
#define GROUP_JOIN_ATTEMPTS_MAX 100

/* After partitions_init(). */
int groups_init(struct cc_engine *engine);
void groups_deinit(struct cc_engine *engine);

/* --- the commands ------------------------------------------------------------------------------
 */

void groups_create(struct request *request);
void groups_update(struct request *request);
void groups_add(struct request *request);
void groups_remove(struct request *request);
void groups_leave(struct request *request);
void groups_role(struct request *request);
void groups_join(struct request *request);

/* --- direct conversations ----------------------------------------------------------------------
 */

/*
 * For a direct message to command->user: resolves request->conversation, finds out what is known of
 * it (request->direct_state), and refuses with CC_EBLOCKED where the peer has blocked the sender.
 * `done` is called at once or in a later drain.
 */
void groups_find_direct(struct request *request, void (*done)(struct request *request, int status));

/* Creates what groups_find_direct() has not found, or makes sure that the log has it; for what is
 * known, or no direct conversation, there is nothing to do. */
void groups_make_direct(struct request *request, void (*done)(struct request *request, int status));

/* The same check for a direct conversation that is named by its id, in request->conversation. */
void groups_check_direct(struct request *request,
                         void (*done)(struct request *request, int status));

/*
 * The directory's name of a direct conversation holds its two users, ascending, with a space
 * between: a list of conversations needs no lookup of each one's members. Users of the protocol
 * never see that name. The peer is empty where `user` is none of the two.
 */
#define DIRECT_NAME_MAX (2 * CC_NAME_MAX + 1)
struct cc_slice direct_name(struct cc_slice user, struct cc_slice other,
                            char bytes[DIRECT_NAME_MAX]);
struct cc_slice direct_peer(struct cc_slice name, struct cc_slice user);

/* --- for the sequencer -------------------------------------------------------------------------
 */

/* The conversation's changes up to `version` are applied: their outbox entries may go once that is
 * in the store. */
void groups_applied(struct conversation *conversation, uint64_t version);

/* The partition's store has reached partition->flushed. */
void groups_flushed(struct partition *partition);

/* A version is missing, or the partition has just been opened: appends what is in the outbox. */
void groups_relay(struct partition *partition);

/* A change has been applied: tells those to whom the conversation is new, changed or gone. */
void groups_changed(struct conversation *conversation, const struct cc_message *message);

#endif
