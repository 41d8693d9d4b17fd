/*
 * Redacting: what an edit or a deletion takes out of what is kept.
 *
 * An edit and a deletion are messages of their own, with a seq. When one is applied, the message
 * that it means is changed as well, in memory and in the store, so that a text that was taken back
 * is given to nobody who asks later:
 *
 *   edit     the target's text becomes the new one; an earlier edit of it loses its text
 *   delete   the target loses all that it said, and so does the last edit of it
 *
 * The target notes which change has made it what it is (`changed_seq`). So a change that is applied
 * again, by a replay or by a former owner of the partition, finds its work done, in whatever order.
 * The log is not touched: it is trimmed behind what the store has.
 */
#ifndef CC_ENGINE_REDACT_H
#define CC_ENGINE_REDACT_H

#include "engine/flush.h"

/* Changes of a batch that are worked on at once: enough to share a commit. */
#define REDACT_WINDOW 64

/* True for a message that changes another one, and knows where that stands. */
static inline bool redact_wants(const struct message *message)
{
    return message->target_seq &&
           (message->view.kind == CC_MESSAGE_EDIT || message->view.kind == CC_MESSAGE_DELETE);
}

/* True for a text or media message that has nothing to say any more. */
static inline bool redact_is_blank(const struct cc_message *message)
{
    return !message->text.size && !message->media_count && !message->meta.size;
}

/* Takes out of a record what was said with it. */
void redact_blank(struct record *record);

/* Changes what is in memory, before `change` becomes the conversation's next message: `seq`. 0 or
 * CC_ENOMEM; again is fine. */
int redact_recent(struct conversation *conversation, const struct record *change, uint64_t seq);

/* Changes the store's rows, whatever the batch that is being written changes; the rows of the
 * batch are in the store. Calls flush_redacted() in a later drain. */
struct redaction;
void redact_start(struct flush *flush);

void redact_free(struct redaction *redaction);

#endif
