/* An agent's own structures: see agent.h. */
#ifndef WSCLIENT_AGENT_INTERNAL_H
#define WSCLIENT_AGENT_INTERNAL_H

#include "agent.h"

struct agent_item {
    struct agent_post post;
    uint64_t command_id; /* of the try in flight; 0: waiting */
};

struct agent {
    struct agent_set *set;
    struct wsc *client; /* NULL: not connected */
    char *name;
    char *device;
    char *token;
    char *cursor;
    uint32_t user;
    uint32_t reader;
    unsigned synced;
    unsigned connected_before;
    uint64_t command_id;
    uint64_t connect_id; /* of the `connect` not yet answered; 0: none */
    uint64_t random;
    struct agent_item *outbox; /* oldest first */
    size_t outbox_count;
    size_t outbox_capacity;
    uint64_t not_before_ns; /* nothing is sent until then: rate_limited or unavailable */
    uint32_t *unreported;   /* conversations with messages not yet told with `delivered` */
    size_t unreported_count;
    size_t unreported_capacity;
    struct wsc_timer reconnect;
    struct wsc_timer retry;
    struct wsc_timer report;
};

/* Sends what may be sent now. */
void agent_send_waiting(struct agent *agent);
/* A reply: true when it was to a message of the outbox. */
int agent_settle(struct agent *agent, const struct wsc_object *object);
/* The connection is gone: what was in flight waits again. */
void agent_outbox_lost(struct agent *agent);

#endif
