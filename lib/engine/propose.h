/*
 * Proposals: records on their way into the log, and who waits for what becomes of them.
 *
 * The proposer encodes a record into the partition's filling batch; at the end of the step one
 * append takes the batch. The answer comes when the record has been read back and applied: then it
 * is durable, in order, and judged. A token in the record finds the waiting request; a token of an
 * earlier life of the node finds nothing.
 */
#ifndef CC_ENGINE_PROPOSE_H
#define CC_ENGINE_PROPOSE_H

#include "base/buffer.h"
#include "engine/session.h"
#include "wire/record.h"

/* How long a proposal may take before its sender is told CC_ETIMEOUT (retry with the same
 * client_id). */
#define PROPOSE_TIMEOUT_MS 10000

/* Sends are taken not to work for so long after the log has refused one, or left it unanswered.
 * Nothing else tells when it takes them again: then the next send has to be risked. */
#define PROPOSE_REFUSED_MS 5000

struct partition;

/* What applying a record came to. */
struct verdict {
    int status; /* 0; CC_EFORBIDDEN, CC_ENOTFOUND: the sender had no right at that place of the log
                 */
    bool is_duplicate;
    uint64_t seq;    /* 0 for a duplicate, or where the record takes none */
    struct cc_id id; /* the message's; of the first one for a duplicate */
    int64_t ts;
};

typedef void (*proposal_answered)(struct request *request, const struct verdict *verdict);

int pending_init(struct cc_engine *engine);
void pending_deinit(struct cc_engine *engine);

/*
 * Proposes a record for its conversation's partition. Origin and token are filled in here;
 * `record->message.conversation` must be set. `answered` is called once, in a later step, with the
 * verdict or a failed status; it ends the request. Errors (then `answered` is not called):
 * CC_ENOMEM, CC_EBUSY (too much is not yet in the store), CC_EUNAVAILABLE.
 */
int propose(struct request *request, struct record *record, proposal_answered answered);

/* Encodes a record the way propose() would, for the outbox: the payload gets a token for `request`.
 * The bytes live in the request's arena. */
int propose_encode(struct request *request, struct record *record, proposal_answered answered,
                   struct cc_slice *ret_payload);

/* Takes back a token of propose_encode() whose payload was not stored. */
void propose_withdraw(struct request *request);

/* Appends an encoded record as it is (from the outbox). CC_ENOMEM. */
int propose_payload(struct partition *partition, struct cc_slice payload);

/* A record with this origin and token has been applied on this node. */
void proposal_applied(struct cc_engine *engine, uint64_t token, const struct verdict *verdict);

/* Submits what the step has gathered. */
void propose_step(struct partition *partition);

/* True when the log has refused something in the last PROPOSE_REFUSED_MS, or not answered. */
bool propose_is_refused(const struct cc_engine *engine);

/* How many wait. */
size_t pending_count(const struct cc_engine *engine);

/* Frees what was never submitted. */
void propose_drop(struct partition *partition);

/* Fails what waits, when the engine stops. */
void pending_fail_all(struct cc_engine *engine, int status);

#endif
