/*
 * Clients: they connect to any node, send, send again what was not answered, read, come and go.
 */
#include "chatcore/error.h"
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

/* Groups of the simulation: small ones, and one about the size at which the fanout mode switches.
 */
static const char *const group_ids[] = {"g0", "g1", "g2"};
#define GROUPS    3
#define BIG_GROUP 2
#define GHOSTS    46

static struct cc_slice user_name(int user)
{
    static const char names[][3] = {"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"};

    return slice_of(names[user], 2);
}

/* --- commands -----------------------------------------------------------------------------------
 */

static struct sim_command *command_slot(struct sim_client *client)
{
    for (int i = 0; i < SIM_COMMANDS_MAX; i++)
        if (!client->commands[i].id)
            return &client->commands[i];
    return NULL;
}

static struct sim_command *submit(struct sim_client *client, struct cc_command *command)
{
    struct sim_command *slot = command_slot(client);

    if (!client->session || !slot)
        return NULL;
    command->id = ++client->next_id;
    if (cc_session_submit(client->session, command) != 0)
        return NULL;
    memset(slot, 0, sizeof *slot);
    slot->id = command->id;
    slot->type = command->type;
    slot->send = -1;
    return slot;
}

static void connect_client(struct sim_client *client)
{
    struct sim *sim = client->sim;
    struct sim_node *node = &sim->nodes[sim_below(&sim->random, (uint32_t)sim->node_count)];
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct cc_command command = {.type = CC_COMMAND_CONNECT};

    client->connect_at = sim->now + 100 + sim_below(&sim->random, 400);
    if (!node->engine || node->is_stopping)
        return;
    client->connection = calloc(1, sizeof *client->connection);
    if (!client->connection)
        abort();
    client->connection->client = client;
    client->is_slow = !sim->is_quiet && sim_chance(&sim->random, 200);
    options.data = client->connection;
    options.user = user_name(client->user);
    options.counts_consumed = client->is_slow;
    if (cc_session_open(cc_engine_queue(node->engine), &options, &client->session) != 0)
        abort();
    client->node = node->index;
    client->is_open = false;
    client->is_synced = false;
    client->unread_pushes = 0;
    memset(client->commands, 0, sizeof client->commands);
    for (int i = 0; i < SIM_CONVERSATIONS_MAX; i++) {
        client->places[i].session_last = 0;
        memset(client->places[i].typing_since, 0, sizeof client->places[i].typing_since);
    }
    command.device = slice_str(client->device);
    if (client->keeps_cursor)
        command.cursor = slice_of(client->cursor, client->cursor_size);
    client->gave_cursor = command.cursor.size > 0;
    submit(client, &command);
    sim_trace(sim, "u%d/%s connects to %s, cursor %.*s", client->user, client->device, node->name,
              (int)command.cursor.size, command.cursor.size ? command.cursor.data : "");
}

static void forget_session(struct sim_client *client)
{
    struct sim *sim = client->sim;

    for (size_t i = 0; i < sim->send_count; i++)
        if (sim->sends[i].client == client->index)
            sim->sends[i].is_under_way = false;
    client->session = NULL;
    client->connection = NULL;
    client->node = -1;
    client->is_open = false;
    client->is_synced = false;
    client->connect_at = sim->now + sim_below(&sim->random, sim->is_quiet ? 50 : 1000);
}

static void disconnect(struct sim_client *client)
{
    sim_trace(client->sim, "u%d/%s goes", client->user, client->device);
    cc_session_close(client->session);
    client->connection->client = NULL;
    forget_session(client);
}

void clients_node_gone(struct sim *sim, int node)
{
    for (int i = 0; i < sim->client_count; i++)
        if (sim->clients[i].node == node) {
            free(sim->clients[i].connection);
            forget_session(&sim->clients[i]);
        }
}

/* --- sending ------------------------------------------------------------------------------------
 */

static void send_again(struct sim_client *client, int index)
{
    struct sim *sim = client->sim;
    struct sim_send *send = &sim->sends[index];
    struct cc_command command = {.type = CC_COMMAND_SEND};
    struct sim_command *slot;

    command.client_id = slice_str(send->client_id);
    command.text = slice_str(send->client_id);
    if (send->conversation >= 0)
        command.conversation = slice_str(group_ids[send->conversation]);
    else
        command.user = user_name(send->peer);
    slot = submit(client, &command);
    if (!slot)
        return;
    slot->send = index;
    send->is_under_way = true;
}

static void send_new(struct sim_client *client)
{
    struct sim *sim = client->sim;
    struct sim_send *send;

    if (sim->send_count == sim->send_capacity) {
        sim->send_capacity = sim->send_capacity * 2 + 256;
        sim->sends = realloc(sim->sends, sim->send_capacity * sizeof *sim->sends);
        if (!sim->sends)
            abort();
    }
    send = &sim->sends[sim->send_count];
    memset(send, 0, sizeof *send);
    send->client = client->index;
    send->conversation = sim_chance(&sim->random, 600) ? (int)sim_below(&sim->random, GROUPS) : -1;
    send->peer = (int)sim_below(&sim->random, (uint32_t)sim->user_count);
    if (send->peer == client->user)
        send->peer = (send->peer + 1) % sim->user_count;
    snprintf(send->client_id, sizeof send->client_id, "c%zu", sim->send_count);
    send_again(client, (int)sim->send_count++);
}

/* Sends what has no answer again, and now and then what has: a client that lost its memory of the
 * answer. */
static void work_outbox(struct sim_client *client)
{
    struct sim *sim = client->sim;

    for (size_t i = 0; i < sim->send_count; i++) {
        struct sim_send *send = &sim->sends[i];
        bool is_open = !send->is_acknowledged && !send->is_refused && !send->is_under_way;

        if (send->client == client->index &&
            (is_open || (!sim->is_quiet && send->is_acknowledged && sim_chance(&sim->random, 2))))
            send_again(client, (int)i);
    }
}

bool clients_have_outbox(const struct sim *sim)
{
    for (size_t i = 0; i < sim->send_count; i++)
        if (!sim->sends[i].is_acknowledged && !sim->sends[i].is_refused)
            return true;
    return false;
}

/* --- other commands ------------------------------------------------------------------------------
 */

static void create_group(struct sim_client *client, int group)
{
    struct cc_slice members[4 + GHOSTS];
    char ghosts[GHOSTS][8];
    size_t count = 0;
    struct cc_command command = {.type = CC_COMMAND_CREATE, .kind = CC_KIND_GROUP};

    for (int user = 1; user < 4; user++)
        members[count++] = user_name(user);
    for (int i = 0; group == BIG_GROUP && i < GHOSTS; i++) {
        snprintf(ghosts[i], sizeof ghosts[i], "ghost%02d", i);
        members[count++] = slice_of(ghosts[i], 7);
    }
    command.conversation = slice_str(group_ids[group]);
    command.name = slice_str("group");
    command.users = members;
    command.user_count = count;
    submit(client, &command);
}

static void change_members(struct sim_client *client)
{
    struct sim *sim = client->sim;
    int group = (int)sim_below(&sim->random, GROUPS);
    struct cc_slice user = user_name((int)sim_below(&sim->random, (uint32_t)sim->user_count));
    struct cc_command command = {.type = CC_COMMAND_ADD};
    uint32_t what = sim_below(&sim->random, 10);

    command.conversation = slice_str(group_ids[group]);
    command.users = &user;
    command.user_count = 1;
    if (what >= 5)
        command.type = CC_COMMAND_REMOVE;
    if (what == 9) {
        command.type = CC_COMMAND_UPDATE;
        command.name = slice_str("renamed");
        command.has_name = true;
        command.has_retention = sim_chance(&sim->random, 500);
        command.retention_s = 86400 * (uint64_t)sim_below(&sim->random, 3);
    }
    submit(client, &command);
}

static void tell_read(struct sim_client *client)
{
    struct sim *sim = client->sim;
    int index;
    struct cc_command command = {.type = CC_COMMAND_DELIVERED};

    if (!sim->conversation_count)
        return;
    index = (int)sim_below(&sim->random, (uint32_t)sim->conversation_count);
    if (!client->places[index].last)
        return;
    if (sim_chance(&sim->random, 300)) {
        command.type = CC_COMMAND_READ;
        if (sim->read_told[client->user][index] < client->places[index].last)
            sim->read_told[client->user][index] = client->places[index].last;
    }
    command.conversation =
        slice_of(sim->conversations[index].id, sim->conversations[index].id_size);
    command.seq = client->places[index].last;
    submit(client, &command);
}

static void type(struct sim_client *client)
{
    struct sim *sim = client->sim;
    struct cc_command command = {.type = CC_COMMAND_TYPING};

    command.conversation = slice_str(group_ids[sim_below(&sim->random, GROUPS)]);
    command.on = sim_chance(&sim->random, 800);
    submit(client, &command);
}

static void ask_history(struct sim_client *client)
{
    struct sim *sim = client->sim;
    struct cc_command command = {.type = CC_COMMAND_HISTORY, .limit = 20};

    command.conversation = slice_str(group_ids[sim_below(&sim->random, GROUPS)]);
    command.before = sim_below(&sim->random, 100);
    submit(client, &command);
}

/* One of the few messages that this client changes again and again; -1: it has none. */
static int own_send(const struct sim_client *client, size_t near)
{
    const struct sim *sim = client->sim;

    for (size_t i = near - near % 32; i < sim->send_count; i++)
        if (sim->sends[i].client == client->index && sim->sends[i].is_acknowledged &&
            sim->sends[i].conversation >= 0)
            return (int)i;
    return -1;
}

static void change(struct sim_client *client, int number)
{
    const struct sim_send *send = &client->sim->sends[number];
    struct cc_command command = {.type = CC_COMMAND_EDIT};
    char text[64];

    snprintf(text, sizeof text, "edit %llu of c%d", (unsigned long long)client->next_id, number);
    if (sim_chance(&client->sim->random, 250))
        command.type = CC_COMMAND_DELETE;
    command.conversation = slice_str(group_ids[send->conversation]);
    command.message = send->id;
    command.text = slice_str(text);
    submit(client, &command);
}

static void react(struct sim_client *client)
{
    struct sim *sim = client->sim;
    const struct sim_send *send;
    struct cc_command command = {.type = CC_COMMAND_REACT, .on = true};
    uint32_t number;
    int own;

    if (!sim->send_count)
        return;
    number = sim_below(&sim->random, (uint32_t)sim->send_count);
    own = own_send(client, number);
    if (own >= 0 && sim_chance(&sim->random, 500)) {
        change(client, own);
        return;
    }
    send = &sim->sends[number];
    if (!send->is_acknowledged || send->conversation < 0)
        return;
    command.conversation = slice_str(group_ids[send->conversation]);
    command.message = send->id;
    command.emoji = slice_str("+1");
    submit(client, &command);
}

/* Invariants 9 and 10: nonsense, and what this user has no right to. Both are answered by an error.
 */
static void misbehave(struct sim_client *client)
{
    struct sim *sim = client->sim;
    struct cc_command command = {.type = CC_COMMAND_SEND};
    struct sim_command *slot;

    switch (sim_below(&sim->random, 5)) {
    case 0:
        command.client_id = slice_str("x");
        command.conversation = slice_str("bad name");
        command.text = slice_str("x");
        break;
    case 1:
        command.conversation = slice_str("g0"); /* no client_id */
        command.text = slice_str("x");
        break;
    case 2:
        command.type = CC_COMMAND_HISTORY;
        command.conversation = slice_str("nowhere");
        break;
    case 3:
        command.type = CC_COMMAND_CONNECT;
        command.device = slice_str("again");
        break;
    default:
        command.client_id = slice_str("y");
        command.conversation = slice_str("nowhere");
        command.text = slice_str("\xff\xfe");
    }
    slot = submit(client, &command);
    if (slot)
        slot->want = SIM_WANT_ERROR;
}

static void act(struct sim_client *client)
{
    struct sim *sim = client->sim;
    uint32_t what = sim_below(&sim->random, 100);

    if (client->user == 0 && what < 3)
        create_group(client, (int)sim_below(&sim->random, GROUPS));
    else if (what < 45)
        send_new(client);
    else if (what < 55)
        tell_read(client);
    else if (what < 62)
        type(client);
    else if (what < 68)
        ask_history(client);
    else if (what < 76)
        react(client);
    else if (what < 84 && client->user == 0)
        change_members(client);
    else if (what < 87)
        misbehave(client);
    else if (what < 90)
        disconnect(client);
}

static void consume(struct sim_client *client)
{
    if (!client->unread_pushes || !client->session)
        return;
    cc_session_consumed(client->session, (uint32_t)client->unread_pushes);
    client->unread_pushes = 0;
}

/* In the end nobody begins anything new: what is open is brought to its end. */
static void come_to_rest(struct sim_client *client)
{
    struct sim *sim = client->sim;

    work_outbox(client);
    if (sim->now < sim->types_until && sim_chance(&sim->random, 50))
        type(client);
}

static void go_on(struct sim_client *client)
{
    struct sim *sim = client->sim;

    if (sim_chance(&sim->random, 50))
        work_outbox(client);
    if (sim_chance(&sim->random, 120))
        act(client);
}

static void client_act(struct sim_client *client)
{
    struct sim *sim = client->sim;

    if (!client->session) {
        if (sim->now >= client->connect_at)
            connect_client(client);
        return;
    }
    if (client->is_slow && (sim->is_quiet || sim_chance(&sim->random, 30)))
        consume(client);
    if (!client->is_open)
        return;
    if (sim->is_quiet)
        come_to_rest(client);
    else
        go_on(client);
}

void clients_act(struct sim *sim)
{
    for (int i = 0; i < sim->client_count; i++)
        client_act(&sim->clients[i]);
}

bool clients_are_synced(const struct sim *sim)
{
    for (int i = 0; i < sim->client_count; i++)
        if (!sim->clients[i].is_synced)
            return false;
    return true;
}

/* --- what comes back
 * ------------------------------------------------------------------------------ */

static bool is_final_refusal(int error)
{
    return error == CC_EFORBIDDEN || error == CC_ENOTFOUND || error == CC_EINVAL ||
           error == CC_EBLOCKED || error == CC_EREJECTED;
}

static void send_replied(struct sim_client *client, const struct sim_command *command,
                         const struct cc_reply *reply)
{
    struct sim *sim = client->sim;
    struct sim_send *send = &sim->sends[command->send];

    send->is_under_way = false;
    if (reply->error) {
        if (is_final_refusal(reply->error) && !send->is_acknowledged)
            send->is_refused = true;
        return;
    }
    sim->acknowledged++;
    if (reply->duplicate)
        sim->duplicates++;
    if (send->is_acknowledged && memcmp(&send->id, &reply->message, sizeof send->id) != 0)
        sim_fail(sim, "%s of u%d was acknowledged twice, under two ids", send->client_id,
                 client->user);
    send->is_acknowledged = true;
    send->id = reply->message;
}

static void history_replied(struct sim_client *client, const struct cc_reply *reply)
{
    struct sim *sim = client->sim;

    for (size_t i = 0; i < reply->message_count; i++) {
        model_told(sim, &reply->messages[i]);
        if (i && reply->messages[i].seq != reply->messages[i - 1].seq + 1)
            sim_fail(sim, "history has a gap");
    }
}

static void check_error(struct sim_client *client, const struct sim_command *command, int error)
{
    if (command->want == SIM_WANT_ERROR && !error)
        sim_fail(client->sim, "u%d/%s: nonsense was not refused", client->user, client->device);
    if (error == CC_EINTERNAL || error == CC_ECORRUPT)
        sim_fail(client->sim, "u%d/%s: %s", client->user, client->device, cc_error_name(error));
}

static void replied(struct sim_client *client, const struct cc_reply *reply)
{
    struct sim *sim = client->sim;
    struct sim_command *command = NULL;

    for (int i = 0; i < SIM_COMMANDS_MAX && !command; i++)
        if (client->commands[i].id == reply->id)
            command = &client->commands[i];
    sim_trace(sim, "u%d/%s gets the reply to %s %llu: %s", client->user, client->device,
              cc_command_key(reply->command), (unsigned long long)reply->id,
              cc_error_name(reply->error));
    if (!command || command->type != reply->command) {
        sim_fail(sim, "u%d/%s gets a reply to nothing", client->user, client->device);
        return;
    }
    check_error(client, command, reply->error);
    if (command->type == CC_COMMAND_CONNECT && !reply->error && command->want == SIM_WANT_ANY)
        client->is_open = true;
    if (command->send >= 0)
        send_replied(client, command, reply);
    if (command->type == CC_COMMAND_HISTORY && !reply->error)
        history_replied(client, reply);
    command->id = 0;
}

static void typed(struct sim_client *client, const struct cc_typing *typing)
{
    int index = model_conversation(client->sim, typing->conversation);
    int user = sim_user_of(typing->user);

    if (user == client->user)
        sim_fail(client->sim, "u%d is told of its own typing", user);
    client->places[index].typing_since[user] = typing->on ? client->sim->now : 0;
}

/* Telling of typing may be lost with an operation that fails, or to a session that had fallen back.
 */
void clients_forget_typing(struct sim_client *client)
{
    for (int i = 0; i < SIM_CONVERSATIONS_MAX; i++)
        memset(client->places[i].typing_since, 0, sizeof client->places[i].typing_since);
}

static const char *change_text(const struct cc_message *message)
{
    static char text[32];
    static const char *const actions[] = {"",         " created", " renamed", " added",
                                          " removed", " left",    " role",    " retention"};

    snprintf(text, sizeof text, "%s %.*s", actions[message->action],
             message->user_count ? (int)message->users[0].size : 0,
             message->user_count ? message->users[0].data : "");
    return message->action ? text : "";
}

static void given(struct sim_client *client, const struct cc_event *event)
{
    struct sim *sim = client->sim;

    switch (event->type) {
    case CC_EVENT_REPLY:
        replied(client, event->u.reply);
        return;
    case CC_EVENT_MESSAGE:
        sim_trace(sim, "u%d/%s is pushed conversation %d seq %llu%s", client->user, client->device,
                  model_conversation(sim, event->u.message->conversation),
                  (unsigned long long)event->u.message->seq, change_text(event->u.message));
        model_pushed(client, event->u.message);
        break;
    case CC_EVENT_TYPING:
        typed(client, event->u.typing);
        break;
    case CC_EVENT_SYNCED:
        sim_trace(sim, "u%d/%s is synced at %.*s", client->user, client->device,
                  (int)event->u.synced.cursor.size, event->u.synced.cursor.data);
        client->is_synced = true;
        model_synced(client);
        clients_forget_typing(client);
        client->cursor_size = event->u.synced.cursor.size;
        memcpy(client->cursor, event->u.synced.cursor.data, client->cursor_size);
        break;
    default:
        break;
    }
    client->unread_pushes++;
}

void clients_drain(struct sim *sim, struct sim_node *node)
{
    const struct cc_event *event;

    while ((event = cc_engine_next_event(node->engine))) {
        for (size_t i = 0; i < event->session_count; i++) {
            struct sim_connection *connection = event->sessions[i];
            struct sim_client *client = connection->client;

            if (event->type == CC_EVENT_CLOSED) {
                if (client) {
                    sim_trace(sim, "u%d/%s is closed: %.*s", client->user, client->device,
                              (int)event->u.closed.reason.size, event->u.closed.reason.data);
                    forget_session(client);
                }
                free(connection);
            } else if (client) {
                given(client, event);
            }
        }
        if (event->type == CC_EVENT_STOPPED)
            node->is_stopping = true;
    }
}

void clients_init(struct sim *sim)
{
    sim->user_count = 4 + (int)sim_below(&sim->random, 3);
    sim->client_count = sim->user_count + (int)sim_below(&sim->random, 4);
    for (int i = 0; i < sim->client_count; i++) {
        struct sim_client *client = &sim->clients[i];

        client->sim = sim;
        client->index = i;
        client->user = i % sim->user_count;
        snprintf(client->device, sizeof client->device, "d%d", i / sim->user_count);
        client->node = -1;
        client->keeps_cursor = sim_chance(&sim->random, 700);
    }
}
