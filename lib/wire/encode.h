/*
 * Replies and pushes into the client protocol's bytes.
 *
 * Each call appends one object to `out`: in JSON without a newline (who joins several puts one
 * between), in MessagePack one map. On failure `out` is as it was, but for `failed`.
 * What may be seen is decided by who makes the event (a message's client_id is written if it is
 * there).
 */
#ifndef CC_WIRE_ENCODE_H
#define CC_WIRE_ENCODE_H

#include "base/buffer.h"
#include "chatcore/event.h"
#include "wire/format.h"

/* A reply or a push. Errors: CC_ENOMEM, CC_EINVAL (CLOSED and STOPPED have no form). */
int wire_encode_event(struct buffer *out, const struct cc_event *event, enum wire_format format);

/* {"id":…,"send":{…}} or {"id":…,"error":{…}}. Errors: CC_ENOMEM, CC_EINVAL (no such command). */
int wire_encode_reply(struct buffer *out, const struct cc_reply *reply, enum wire_format format);

/* The reply's inner object alone, of an error, too: the body of a REST answer. Errors: as above. */
int wire_encode_body(struct buffer *out, const struct cc_reply *reply, enum wire_format format);

#endif
