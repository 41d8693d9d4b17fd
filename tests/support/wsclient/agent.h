/*
 * An agent: a user's device that behaves as docs/protocol.md asks of a client, and tells a ledger
 * everything. It connects, keeps its cursor, comes back with jitter as the close code says, keeps
 * an outbox of what is not acknowledged and sends it again under the same client_id, waits when it
 * is told rate_limited or unavailable, and reports what it has with `delivered`.
 *
 * Of one topic only one line is in flight, so that its lines keep their order whatever is refused.
 * A set of agents belongs to one loop and one ledger. Hooks are called inside wsc_loop_turn.
 */
#ifndef WSCLIENT_AGENT_H
#define WSCLIENT_AGENT_H

#include "client.h"
#include "jwt.h"
#include "ledger.h"

struct agent;

enum agent_resume {
    AGENT_RESUME_CURSOR,   /* gives the newest cursor it got */
    AGENT_RESUME_RECORDED, /* gives none: the server goes by what it has recorded for the device */
    AGENT_RESUME_MIXED     /* half of the agents this way, half that way */
};

struct agent_hooks {
    /* The line left the outbox: acknowledged, or refused for good. May be NULL. */
    void (*settled)(void *data, struct agent *agent, uint32_t line, int acked);
    /* Any reply that is not to a line of the outbox, and any error. May be NULL. */
    void (*reply)(void *data, struct agent *agent, const struct wsc_object *object);
    void *data;
};

#define AGENT_ERROR_NAMES 24
struct agent_error {
    char name[40];
    uint64_t count;
};

/* What all agents of a run share. Zero it, fill the first part, and free what it points to after
 * the agents. */
struct agent_set {
    struct wsc_loop *loop;
    struct ledger *ledger;
    /* Dealt out to the readers: so that one run can mix encodings, and come from many addresses. */
    struct wsc_target *targets;
    size_t target_count;
    struct wsc_secret secret;
    struct agent_hooks hooks;
    enum agent_resume resume;
    uint64_t delivered_every_ns; /* 0: never reports `delivered` */
    uint64_t reconnect_max_ns;   /* the jitter's bound where the close code names none */
    /* figures */
    uint64_t synced; /* agents that are connected and have caught up */
    uint64_t reconnects;
    uint64_t resent;
    uint64_t forbidden_closes; /* close codes after which a client must not come back */
    struct agent_error errors[AGENT_ERROR_NAMES];
};

/* One message that waits for its acknowledgement. Texts and names belong to the caller. */
struct agent_post {
    uint32_t line;
    uint32_t topic;
    struct wsc_slice conversation; /* empty: a direct message to `user` */
    struct wsc_slice user;
    struct wsc_slice text;
};

struct agent *agent_new(struct agent_set *set, const char *user, const char *device);
void agent_free(struct agent *agent);
const char *agent_name(const struct agent *agent);
uint32_t agent_user(const struct agent *agent);
uint32_t agent_reader(const struct agent *agent);
size_t agent_outbox(const struct agent *agent);
int agent_is_synced(const struct agent *agent);

/* Connects after `delay_ns`. */
void agent_start(struct agent *agent, uint64_t delay_ns);
/* Loses the connection, without a close frame, and comes back after `delay_ns`. */
void agent_drop(struct agent *agent, uint64_t delay_ns);
/* Puts a message into the outbox; it is sent as soon as may be. */
void agent_post(struct agent *agent, const struct agent_post *post);
/* Starts another command, whose reply goes to hooks.reply; the agent must be synced. */
struct wsc_command agent_begin(struct agent *agent, const char *key, uint64_t *ret_id);
/* Targets at the host and port of `base`: for each of `sources` addresses (0: the system's choice)
 * one in each encoding, or both in the one given. The caller frees it; the count is twice the
 * sources, at least 2. */
struct wsc_target *agent_targets(const struct wsc_target *base, size_t sources,
                                 const enum wsc_encoding encodings[2]);
void agent_count_error(struct agent_set *set, struct wsc_slice name);

#endif
