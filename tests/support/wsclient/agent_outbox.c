/* The outbox of an agent: what is sent, sent again, and settled. See agent.h. */
#include "agent_internal.h"

#define MILLISECOND          1000000u
#define RETRY_DEFAULT_MS     200
#define TOPICS_IN_FLIGHT_MAX 64

static void send_item(struct agent *agent, struct agent_item *item)
{
    const struct agent_post *post = &item->post;
    char client_id[32];
    item->command_id = ++agent->command_id;
    ledger_client_id(agent->set->ledger, post->line, client_id);
    struct wsc_command command = wsc_begin(agent->client, item->command_id, "send");
    if (post->conversation.size)
        wsc_command_text(&command, "conversation", post->conversation);
    else
        wsc_command_text(&command, "user", post->user);
    wsc_command_text(&command, "client_id", wsc_text(client_id));
    wsc_command_text(&command, "text", post->text);
    wsc_command_end(&command);
    ledger_sent(agent->set->ledger, post->line, wsc_now_ns());
}

static void retry_now(void *data)
{
    agent_send_waiting(data);
}

/* Oldest first; a topic whose older line is still in flight waits. */
void agent_send_waiting(struct agent *agent)
{
    uint32_t busy[TOPICS_IN_FLIGHT_MAX];
    size_t busy_count = 0;
    uint64_t now = wsc_now_ns();
    if (!agent->synced || !agent->outbox_count)
        return;
    if (now < agent->not_before_ns) {
        wsc_timer_set(agent->set->loop, &agent->retry, agent->not_before_ns - now, retry_now,
                      agent);
        return;
    }
    for (size_t i = 0; i < agent->outbox_count && busy_count < TOPICS_IN_FLIGHT_MAX; i++) {
        uint32_t topic = agent->outbox[i].post.topic;
        size_t at = 0;
        while (at < busy_count && busy[at] != topic)
            at++;
        if (at < busy_count)
            continue;
        busy[busy_count++] = topic;
        if (!agent->outbox[i].command_id)
            send_item(agent, &agent->outbox[i]);
    }
}

void agent_post(struct agent *agent, const struct agent_post *post)
{
    if (agent->outbox_count == agent->outbox_capacity) {
        agent->outbox_capacity = agent->outbox_capacity ? 2 * agent->outbox_capacity : 4;
        agent->outbox = wsc_grow(agent->outbox, agent->outbox_capacity * sizeof *agent->outbox);
    }
    agent->outbox[agent->outbox_count++] = (struct agent_item){*post, 0};
    agent_send_waiting(agent);
}

/* rate_limited and unavailable stored nothing: the same again, later. */
static int try_later(struct agent *agent, const struct wsc_fields *error)
{
    if (error->code != 429 && !(error->code == 503 || error->temporary))
        return 0;
    uint64_t wait_ms = error->retry_after_ms ? error->retry_after_ms : RETRY_DEFAULT_MS;
    agent->not_before_ns = wsc_now_ns() + wait_ms * MILLISECOND;
    return 1;
}

static void remove_item(struct agent *agent, struct agent_item *item)
{
    size_t behind = agent->outbox_count - (size_t)(item - agent->outbox) - 1;
    memmove(item, item + 1, behind * sizeof *item);
    agent->outbox_count--;
}

int agent_settle(struct agent *agent, const struct wsc_object *object)
{
    struct agent_item *item = agent->outbox;
    struct agent_item *end = item + agent->outbox_count;
    while (item < end && item->command_id != object->id)
        item++;
    if (item == end)
        return 0;
    uint32_t line = item->post.line;
    int acked = object->key == WSC_SEND;
    if (acked) {
        ledger_acked(agent->set->ledger, line, &object->f, wsc_now_ns());
    } else {
        agent_count_error(agent->set, object->f.name);
        if (try_later(agent, &object->f)) {
            item->command_id = 0;
            agent_send_waiting(agent);
            return 1;
        }
        ledger_refused(agent->set->ledger, line);
    }
    remove_item(agent, item);
    if (agent->set->hooks.settled)
        agent->set->hooks.settled(agent->set->hooks.data, agent, line, acked);
    agent_send_waiting(agent);
    return 1;
}

void agent_outbox_lost(struct agent *agent)
{
    for (size_t i = 0; i < agent->outbox_count; i++) {
        if (!agent->outbox[i].command_id)
            continue;
        agent->outbox[i].command_id = 0;
        agent->set->resent++;
        ledger_unsure(agent->set->ledger, agent->outbox[i].post.line);
    }
}
