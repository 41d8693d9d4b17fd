/*
 * History that waits for what comes next: the command with `after` and `wait_s`, for who follows a
 * conversation without a session that is told of it.
 *
 * A request that found nothing stands in the engine's list until its conversation has a message
 * that it asked for, its time is up, or the engine stops; then it is read once more, rights
 * included: who was removed meanwhile is refused. It is answered at once where there is no room,
 * and where another node owns the conversation: so waiting is a promise to nobody, and who asks
 * again pauses by himself after an answer that came early.
 */
#ifndef CC_ENGINE_HISTORY_WAIT_H
#define CC_ENGINE_HISTORY_WAIT_H

#include "engine/session.h"

/* Less than proxies and clients wait for an answer, which is a minute mostly. */
#define HISTORY_WAIT_MAX_S 30

/* Requests that wait on this node: each holds a request, and is looked at in each step. */
#define HISTORY_WAITS_MAX 512

/* Of one user: his devices, and a few tools; one that went away holds its place until its time is
 * up. */
#define HISTORY_WAITS_USER_MAX 8

/*
 * True: `resume` will be called, in a later step, when the conversation has reached `seq`, the
 * time is up or the wait has no sense any more. False: the request has to be answered now.
 */
bool history_wait(struct request *request, uint64_t seq, void (*resume)(struct request *request));

/* In each step: wakes those that need not wait any longer. */
void history_waits_step(struct cc_engine *engine);

#endif
