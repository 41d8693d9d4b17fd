/* Agents: see agent.h. The outbox is in agent_outbox.c. */
#include "agent_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MILLISECOND  1000000u
#define TOKEN_LIFE_S 86400

static void open_connection(void *data);

/* ---- life ---- */

struct agent *agent_new(struct agent_set *set, const char *user, const char *device)
{
    struct agent *agent = wsc_alloc_zeroed(1, sizeof *agent);
    agent->set = set;
    agent->name = wsc_copy_text(user, strlen(user));
    agent->device = wsc_copy_text(device, strlen(device));
    agent->token = wsc_jwt_mint(&set->secret, user, (int64_t)time(NULL) + TOKEN_LIFE_S);
    agent->user = ledger_user(set->ledger, wsc_text(user));
    agent->reader = ledger_reader(set->ledger, agent->user);
    return agent;
}

void agent_free(struct agent *agent)
{
    if (agent->client)
        wsc_abort(agent->client);
    wsc_timer_clear(agent->set->loop, &agent->reconnect);
    wsc_timer_clear(agent->set->loop, &agent->retry);
    wsc_timer_clear(agent->set->loop, &agent->report);
    free(agent->name);
    free(agent->device);
    free(agent->token);
    free(agent->cursor);
    free(agent->outbox);
    free(agent->unreported);
    free(agent);
}

const char *agent_name(const struct agent *agent)
{
    return agent->name;
}

uint32_t agent_user(const struct agent *agent)
{
    return agent->user;
}

uint32_t agent_reader(const struct agent *agent)
{
    return agent->reader;
}

size_t agent_outbox(const struct agent *agent)
{
    return agent->outbox_count;
}

int agent_is_synced(const struct agent *agent)
{
    return agent->synced != 0;
}

void agent_count_error(struct agent_set *set, struct wsc_slice name)
{
    for (size_t i = 0; i < AGENT_ERROR_NAMES; i++) {
        struct agent_error *error = &set->errors[i];
        if (!error->count)
            snprintf(error->name, sizeof error->name, "%.*s", (int)name.size, name.data);
        if (wsc_slice_is(name, error->name)) {
            error->count++;
            return;
        }
    }
}

/* Between half and all of the bound, as the protocol's jitter wants. */
static uint64_t jitter(struct agent *agent, uint64_t bound_ns)
{
    agent->random = agent->random * 6364136223846793005u + agent->reader + 1442695040888963407u;
    return bound_ns / 2 + (agent->random >> 33) % (bound_ns / 2 + 1);
}

struct wsc_target *agent_targets(const struct wsc_target *base, size_t sources,
                                 const enum wsc_encoding encodings[2])
{
    size_t count = 2 * (sources ? sources : 1);
    struct wsc_target *targets = wsc_alloc(count * sizeof *targets);
    for (size_t i = 0; i < count; i++) {
        targets[i] = *base;
        targets[i].encoding = encodings[i % 2];
        if (sources)
            snprintf(targets[i].source, sizeof targets[i].source, "127.0.1.%zu", i / 2 + 1);
    }
    return targets;
}

/* ---- `delivered` ---- */

static void report_delivered(void *data)
{
    struct agent *agent = data;
    for (size_t i = 0; i < agent->unreported_count && agent->synced; i++) {
        uint32_t conversation = agent->unreported[i];
        struct wsc_command command = wsc_begin(agent->client, ++agent->command_id, "delivered");
        wsc_command_text(&command, "conversation",
                         ledger_conversation_name(agent->set->ledger, conversation));
        wsc_command_number(&command, "seq",
                           ledger_have(agent->set->ledger, agent->reader, conversation));
        wsc_command_end(&command);
    }
    agent->unreported_count = 0;
}

static void note_delivery(struct agent *agent, uint32_t conversation)
{
    if (!agent->set->delivered_every_ns)
        return;
    for (size_t i = 0; i < agent->unreported_count; i++)
        if (agent->unreported[i] == conversation)
            return;
    if (agent->unreported_count == agent->unreported_capacity) {
        agent->unreported_capacity =
            agent->unreported_capacity ? 2 * agent->unreported_capacity : 4;
        agent->unreported =
            wsc_grow(agent->unreported, agent->unreported_capacity * sizeof *agent->unreported);
    }
    agent->unreported[agent->unreported_count++] = conversation;
    if (agent->unreported_count == 1)
        wsc_timer_set(agent->set->loop, &agent->report, agent->set->delivered_every_ns,
                      report_delivered, agent);
}

/* ---- what the server says ---- */

static void handle_synced(struct agent *agent, const struct wsc_object *object)
{
    free(agent->cursor);
    agent->cursor = wsc_copy_text(object->f.cursor.data, object->f.cursor.size);
    if (agent->synced)
        return; /* it fell behind and has caught up again */
    agent->synced = 1;
    agent->set->synced++;
    ledger_live(agent->set->ledger, agent->reader, wsc_now_ns());
    agent_send_waiting(agent);
}

/* The server is busy, or it will never let this user in. */
static void connect_refused(struct agent *agent, const struct wsc_fields *error)
{
    uint64_t wait_ms = error->retry_after_ms;
    agent_count_error(agent->set, error->name);
    agent->set->forbidden_closes += error->code != 429 && error->code != 503;
    agent_drop(agent, wait_ms * MILLISECOND + jitter(agent, agent->set->reconnect_max_ns));
}

static void handle_reply(struct agent *agent, const struct wsc_object *object)
{
    if (object->id == agent->connect_id) {
        agent->connect_id = 0;
        if (object->key == WSC_ERROR)
            connect_refused(agent, &object->f);
        return;
    }
    if (agent_settle(agent, object))
        return;
    if (object->key == WSC_ERROR)
        agent_count_error(agent->set, object->f.name);
    if (agent->set->hooks.reply)
        agent->set->hooks.reply(agent->set->hooks.data, agent, object);
}

static void handle_object(struct wsc *client, const struct wsc_object *object, void *data)
{
    struct agent *agent = data;
    (void)client;
    if (object->id) {
        handle_reply(agent, object);
    } else if (object->key == WSC_MESSAGE) {
        note_delivery(agent,
                      ledger_push(agent->set->ledger, agent->reader, &object->f, wsc_now_ns()));
    } else if (object->key == WSC_SYNCED) {
        handle_synced(agent, object);
    }
}

static int gives_cursor(const struct agent *agent)
{
    enum agent_resume resume = agent->set->resume;
    return resume == AGENT_RESUME_CURSOR || (resume == AGENT_RESUME_MIXED && (agent->reader & 2));
}

static void handle_opened(struct wsc *client, void *data)
{
    struct agent *agent = data;
    struct wsc_slice cursor = {"", 0};
    if (agent->cursor && gives_cursor(agent))
        cursor = wsc_text(agent->cursor);
    ledger_session(agent->set->ledger, agent->reader);
    agent->connect_id = ++agent->command_id;
    wsc_connect(client, agent->connect_id, agent->token, agent->device, cursor);
}

/* ---- losing and finding the connection ---- */

static void forget_connection(struct agent *agent)
{
    agent->client = NULL;
    agent->set->synced -= agent->synced;
    agent->synced = 0;
    agent->unreported_count = 0;
    wsc_timer_clear(agent->set->loop, &agent->report);
    agent_outbox_lost(agent);
}

static void handle_closed(struct wsc *client, int code, struct wsc_slice reason, void *data)
{
    struct agent *agent = data;
    uint64_t bound = agent->set->reconnect_max_ns;
    char name[40];
    (void)client;
    forget_connection(agent);
    snprintf(name, sizeof name, "close %d %.*s", code, code == WSC_CLOSE_LOST ? 24 : 0,
             reason.size ? reason.data : "");
    agent_count_error(agent->set, wsc_text(name));
    if (!wsc_may_reconnect(code)) {
        agent->set->forbidden_closes++;
        return;
    }
    if (code == 4001 && reason.size && reason.size < sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)reason.size, reason.data);
        bound = strtoull(name, NULL, 10) * MILLISECOND;
    }
    agent_start(agent, jitter(agent, bound));
}

static const struct wsc_handlers handlers = {handle_opened, handle_object, handle_closed};

static void open_connection(void *data)
{
    struct agent *agent = data;
    agent->set->reconnects += agent->connected_before;
    agent->connected_before = 1;
    agent->client =
        wsc_open(agent->set->loop, &agent->set->targets[agent->reader % agent->set->target_count],
                 &handlers, agent);
}

void agent_start(struct agent *agent, uint64_t delay_ns)
{
    wsc_timer_set(agent->set->loop, &agent->reconnect, delay_ns, open_connection, agent);
}

void agent_drop(struct agent *agent, uint64_t delay_ns)
{
    if (!agent->client)
        return;
    wsc_abort(agent->client);
    forget_connection(agent);
    agent_start(agent, delay_ns);
}

struct wsc_command agent_begin(struct agent *agent, const char *key, uint64_t *ret_id)
{
    *ret_id = ++agent->command_id;
    return wsc_begin(agent->client, *ret_id, key);
}
