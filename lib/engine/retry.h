/*
 * Recognising a retry before the log does: dedup.h decides what is a second message, this decides
 * what a refusal may be told to.
 *
 * A client that sends again what stands in the log is told so, whatever would be said of a new
 * message by now: the filters may have changed their mind, the sender may have been removed. So the
 * filters are not asked about a retry that memory knows, and before a refusal the store is asked as
 * well. A miss is no proof: where another node owns the partition, what it has not yet written to
 * the store is not known here.
 */
#ifndef CC_ENGINE_RETRY_H
#define CC_ENGINE_RETRY_H

#include "engine/session.h"

/* Of a `send` whose request->conversation is known: true if memory has the message, whose id is
 * then in `ret_first`. */
bool retry_in_memory(const struct request *request, struct cc_id *ret_first);

/*
 * The same from memory and store. `done` is called, at once or in a later drain, with the first
 * message's id, or NULL; or with a status other than 0 when the store could not tell.
 */
void retry_find(struct request *request,
                void (*done)(struct request *request, const struct cc_id *first, int status));

#endif
