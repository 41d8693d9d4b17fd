/*
 * Encoding events, and giving the chunks to the connections.
 */
#include "gateway/delivery.h"

#include "wire/encode.h"

/* NULL without memory, or for an event that has no form. */
static struct chunk *encode(struct worker *worker, const struct cc_event *event,
                            enum wire_format format)
{
    struct buffer *bytes = &worker->encoded;
    int r;

    buffer_clear(bytes);
    r = wire_encode_event(bytes, event, format);
    if (r) {
        gateway_trace(worker->gateway, CC_TRACE_ERROR, "an event of type %d can't be encoded: %d",
                      (int)event->type, r);
        return NULL;
    }
    return chunk_new(worker->allocator, format, buffer_slice(bytes), cc_event_weight(event));
}

/*
 * What can't be encoded or queued is lost to a connection, and a client can't see that a reply is
 * missing; so the connection is cut, and comes back by its cursor.
 */
static void send_all(struct worker *worker, const struct cc_event *event)
{
    struct chunk *chunks[2] = {NULL, NULL};

    for (size_t i = 0; i < event->session_count; i++) {
        struct connection *connection = event->sessions[i];
        struct chunk **chunk = &chunks[connection->format];

        if (connection->state != CONNECTION_OPEN)
            continue;
        if (!*chunk)
            *chunk = encode(worker, event, connection->format);
        if (*chunk)
            connection_send(connection, *chunk);
        else
            connection_cut(connection);
        if (event->type == CC_EVENT_REPLY)
            connection_hurry(connection);
    }
    chunk_unref(worker->allocator, chunks[WIRE_JSON]);
    chunk_unref(worker->allocator, chunks[WIRE_MSGPACK]);
}

void deliver(struct worker *worker, const struct cc_event *event)
{
    if (event->type == CC_EVENT_CLOSED)
        connection_session_ended(event->sessions[0], (int)event->u.closed.code,
                                 event->u.closed.reason);
    else
        send_all(worker, event);
}

void deliver_error(struct connection *connection, const struct cc_command *command, int error,
                   struct cc_slice text)
{
    struct cc_reply reply = {
        .id = command->id, .command = command->type, .error = error, .error_text = text};
    void *session = connection;
    struct cc_event event = {
        .type = CC_EVENT_REPLY, .sessions = &session, .session_count = 1, .u.reply = &reply};

    send_all(connection->worker, &event);
}
