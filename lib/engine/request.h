/*
 * Requests, as the session's dispatch makes and starts them. What handlers call stands in
 * session.h.
 */
#ifndef CC_ENGINE_REQUEST_H
#define CC_ENGINE_REQUEST_H

#include "engine/session.h"

/* Makes a request of a command's input; takes over the input's reference of its batch. NULL without
 * memory. */
struct request *request_new(struct cc_session *session, struct input *input);

/* Runs its handler now, or holds it behind one that keeps its place. */
void request_start(struct request *request);

/* Frees the ended requests that are kept to be used again. */
void requests_deinit(struct cc_engine *engine);

/* Gives a reply that no request stands behind. */
void reply_to(struct cc_session *session, const struct cc_reply *reply);

#endif
