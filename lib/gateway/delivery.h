/*
 * Events on their way out: each is encoded once for each format that someone listens in.
 */
#ifndef CC_GATEWAY_DELIVERY_H
#define CC_GATEWAY_DELIVERY_H

#include "gateway/connection.h"

/* Gives an event to its connections. */
void deliver(struct worker *worker, const struct cc_event *event);

/* Gives a connection an error for its command without asking the engine. */
void deliver_error(struct connection *connection, const struct cc_command *command, int error,
                   struct cc_slice text);

#endif
