/*
 * The fixture: stepping, and events as text.
 */
#include "support/engine_fixture.h"

#include "chatcore/error.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* More steps than this at one time are an engine that never comes to rest. */
#define STEPS_MAX 100000

#define NAMES_MAX 64

/* --- text --------------------------------------------------------------------------------------
 */

static void put(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct client *client, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < sizeof line);
    buffer_append(&client->text, line, (size_t)size);
}

static void put_slice(struct client *client, const char *before, struct cc_slice text)
{
    put(client, "%s", before);
    buffer_append_slice(&client->text, text);
}

/* The ids of direct conversations, and generated ones, differ between runs of the code. */
static void put_conversation(struct client *client, struct cc_slice id)
{
    put_slice(client, " ", id.size == 36 ? text_slice("~") : id);
}

static const char *role_name(enum cc_role role)
{
    static const char *const names[] = {"none", "member", "admin", "owner"};

    return names[role];
}

static void put_users(struct client *client, const struct cc_slice *users, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_slice(client, " ", users[i]);
}

static void put_system(struct client *client, const struct cc_message *message)
{
    static const char *const actions[] = {"none",    "created", "renamed", "added",
                                          "removed", "left",    "role",    "retention"};

    put(client, " *%s*", actions[message->action]);
    if (message->role)
        put(client, " %s", role_name(message->role));
    put_users(client, message->users, message->user_count);
    if (message->name.size)
        put_slice(client, " name=", message->name);
    if (message->has_retention)
        put(client, " retention=%llu", (unsigned long long)message->retention_s);
}

static void put_message(struct client *client, const struct cc_message *message)
{
    put(client, " %llu", (unsigned long long)message->seq);
    put_slice(client, " ", message->from);
    if (message->kind == CC_MESSAGE_SYSTEM)
        put_system(client, message);
    else if (message->kind == CC_MESSAGE_EDIT)
        put_slice(client, " *edit* ", message->text);
    else if (message->kind == CC_MESSAGE_DELETE)
        put(client, " *delete*");
    else if (message->kind == CC_MESSAGE_REACTION)
        put_slice(client, message->on ? " +" : " -", message->emoji);
    else
        put_slice(client, " ", message->text);
    if (message->client_id.size)
        put_slice(client, " client_id=", message->client_id);
}

static void put_summary(struct client *client, const struct cc_conversation_summary *summary)
{
    static const char *const kinds[] = {"none", "direct", "group", "channel"};

    put_conversation(client, summary->conversation.id);
    put(client, " %s", kinds[summary->conversation.kind]);
    if (summary->gone) {
        put(client, " gone");
        return;
    }
    if (summary->conversation.name.size)
        put_slice(client, " name=", summary->conversation.name);
    if (summary->peer.size)
        put_slice(client, " peer=", summary->peer);
    put(client, " %s members=%u head=%llu read=%llu delivered=%llu unread=%llu",
        role_name(summary->role), summary->conversation.member_count,
        (unsigned long long)summary->head, (unsigned long long)summary->read,
        (unsigned long long)summary->delivered, (unsigned long long)summary->unread);
    if (summary->muted_until)
        put(client, " muted=%lld", (long long)summary->muted_until);
}

static void put_presence(struct client *client, const struct cc_presence *presence)
{
    put_slice(client, " ", presence->user);
    put(client, presence->status == CC_PRESENCE_ONLINE ? " online" : " offline");
    if (presence->last_seen)
        put(client, " last_seen=%lld", (long long)presence->last_seen);
}

static void put_receipt(struct client *client, const struct cc_receipt *receipt)
{
    put_conversation(client, receipt->conversation);
    put_slice(client, " ", receipt->user);
    if (receipt->delivered)
        put(client, " delivered=%llu", (unsigned long long)receipt->delivered);
    if (receipt->read)
        put(client, " read=%llu", (unsigned long long)receipt->read);
}

/* --- events ------------------------------------------------------------------------------------
 */

/* Tokens differ at each run: the newest is kept, for the test to use. */
static void put_invitation(struct client *client, const struct cc_invitation *invitation)
{
    memcpy(client->token, invitation->token.data, invitation->token.size);
    client->token_size = invitation->token.size;
    put_conversation(client, invitation->conversation);
    put_slice(client, " ", invitation->creator);
    put(client, " %u/%u", invitation->uses, invitation->max_uses);
    if (invitation->expires)
        put(client, " for=%lld", (long long)(invitation->expires - invitation->created));
}

static void put_lists(struct client *client, const struct cc_reply *reply)
{
    for (size_t i = 0; i < reply->message_count; i++) {
        put(client, "\n ");
        put_message(client, &reply->messages[i]);
    }
    for (size_t i = 0; i < reply->conversation_count; i++) {
        put(client, "\n ");
        put_summary(client, &reply->conversations[i]);
    }
    for (size_t i = 0; i < reply->member_count; i++) {
        put_slice(client, " ", reply->members[i].user);
        put(client, ":%s", role_name(reply->members[i].role));
        if (reply->members[i].delivered)
            put(client, ":%u/%u", (unsigned)reply->members[i].delivered,
                (unsigned)reply->members[i].read);
    }
    for (size_t i = 0; i < reply->presence_count; i++) {
        put(client, "\n ");
        put_presence(client, &reply->presence[i]);
    }
    put_users(client, reply->users, reply->user_count);
    for (size_t i = 0; i < reply->invitation_count; i++)
        put_invitation(client, &reply->invitations[i]);
    if (reply->more)
        put(client, " more");
}

static void put_profile(struct client *client, const struct cc_profile *profile)
{
    static const char *const audiences[] = {"everyone", "contacts", "nobody"};

    put_slice(client, " ", profile->user);
    put_slice(client, " name=", profile->name);
    put_slice(client, " avatar=", profile->avatar);
    put(client, " meta=%zu", profile->meta.size);
    if (profile->privacy.presence)
        put(client, " presence=%s", audiences[profile->privacy.presence]);
    if (profile->privacy.read_marks)
        put(client, " read_marks=private");
}

static const char *command_name(enum cc_command_type type)
{
#define COMMAND_NAME(constant, key) [constant] = key,
    static const char *const names[CC_COMMAND_COUNT] = {CC_COMMAND_TABLE(COMMAND_NAME)};
#undef COMMAND_NAME

    return names[type];
}

static void put_reply(struct client *client, const struct cc_reply *reply)
{
    put(client, "%s", command_name(reply->command));
    if (reply->error) {
        put(client, " %s", cc_error_name(reply->error));
        if (reply->error_text.size)
            put_slice(client, ": ", reply->error_text);
        return;
    }
    put(client, " ok");
    if (reply->conversation.size) {
        memcpy(client->conversation, reply->conversation.data, reply->conversation.size);
        client->conversation_size = reply->conversation.size;
        put_conversation(client, reply->conversation);
    }
    if (reply->command == CC_COMMAND_SEND)
        client->last_message = reply->message;
    client->page_size =
        reply->cursor.size < sizeof client->page ? reply->cursor.size : sizeof client->page;
    if (client->page_size)
        memcpy(client->page, reply->cursor.data, client->page_size);
    if (reply->media.size) {
        memcpy(client->media, reply->media.data, reply->media.size);
        client->media_size = reply->media.size;
    }
    if (reply->url.size)
        put_slice(client, " ", reply->url);
    if (reply->duplicate)
        put(client, " duplicate");
    if (reply->seq)
        put(client, " seq=%llu", (unsigned long long)reply->seq);
    if (reply->profile)
        put_profile(client, reply->profile);
    if (reply->has_verified)
        put(client, reply->verified ? " verified" : " unverified");
    put_lists(client, reply);
}

static void put_event(struct client *client, const struct cc_event *event)
{
    static const char *const names[] = {"none",   "reply",    "message",      "receipt",
                                        "typing", "presence", "conversation", "synced",
                                        "closed", "stopped"};

    if (event->type != CC_EVENT_REPLY)
        put(client, "%s", names[event->type]);
    switch (event->type) {
    case CC_EVENT_REPLY:
        client->replies++;
        put_reply(client, event->u.reply);
        break;
    case CC_EVENT_MESSAGE:
        client->last_message = event->u.message->id;
        buffer_clear(&client->files);
        buffer_append_slice(&client->files, event->u.message->files);
        put_conversation(client, event->u.message->conversation);
        put_message(client, event->u.message);
        break;
    case CC_EVENT_RECEIPT:
        put_receipt(client, event->u.receipt);
        break;
    case CC_EVENT_TYPING:
        put_conversation(client, event->u.typing->conversation);
        put_slice(client, " ", event->u.typing->user);
        put(client, event->u.typing->on ? " on" : " off");
        break;
    case CC_EVENT_PRESENCE:
        put_presence(client, event->u.presence);
        break;
    case CC_EVENT_CONVERSATION:
        put_summary(client, event->u.conversation);
        break;
    case CC_EVENT_CLOSED:
        client->is_closed = true;
        put(client, " %d", (int)event->u.closed.code);
        break;
    default:
        break;
    }
    put(client, "\n");
}

static size_t drain(struct fixture *fixture)
{
    const struct cc_event *event;
    size_t count = 0;

    while ((event = cc_engine_next_event(fixture->engine)) != NULL) {
        count++;
        if (event->type == CC_EVENT_STOPPED)
            fixture->is_stopped = true;
        for (size_t i = 0; i < event->session_count; i++)
            put_event(event->sessions[i], event);
    }
    return count;
}

/* --- the engine --------------------------------------------------------------------------------
 */

static void fill_random(void *context, void *bytes, size_t size)
{
    struct fixture *fixture = context;
    uint8_t *out = bytes;

    for (size_t i = 0; i < size; i++) {
        fixture->random = fixture->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        out[i] = (uint8_t)(fixture->random >> 56);
    }
}

static void write_trace(void *context, enum cc_trace_level level, const char *area,
                        const char *text)
{
    (void)context;
    (void)level;
    fprintf(stderr, "  trace: %s: %s\n", area, text);
}

static void engine_open(struct fixture *fixture,
                        void (*configure)(struct cc_engine_options *options))
{
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;
    struct cc_slice node = text_slice(fixture->node);

    options.random.fill = fill_random;
    options.random.context = fixture;
    options.trace.write = write_trace;
    options.trace.level = CC_TRACE_WARNING;
    assert_int_equal(cc_memory_log_open(fixture->world, node, &options.log), 0);
    assert_int_equal(cc_memory_store_open(fixture->world, &options.store), 0);
    assert_int_equal(cc_memory_directory_open(fixture->world, &options.directory), 0);
    assert_int_equal(cc_memory_cluster_open(fixture->world, node, &options.cluster), 0);
    if (configure)
        configure(&options);
    assert_int_equal(cc_engine_new(&options, &fixture->engine), 0);
    fixture->is_stopped = false;
    fixture_settle(fixture);
}

void fixture_init_cluster(struct fixture *fixtures, size_t count, uint32_t partitions,
                          void (*configure)(struct cc_engine_options *options))
{
    memset(fixtures, 0, count * sizeof *fixtures);
    fixtures->now.wall_ms = INT64_C(1700000000000);
    fixtures->now.mono_ms = 1000;
    assert_int_equal(cc_memory_world_new(cc_allocator_default(), partitions, &fixtures->world), 0);
    cc_memory_world_set_time(fixtures->world, fixtures->now);
    for (size_t i = 0; i < count; i++) {
        fixtures[i].first = fixtures;
        fixtures[i].world = fixtures->world;
        fixtures[i].random = i;
        snprintf(fixtures[i].node, sizeof fixtures[i].node, "node-%zu", i + 1);
        engine_open(&fixtures[i], configure);
        if (i)
            fixtures[i - 1].next = &fixtures[i];
    }
    fixture_settle(fixtures);
}

void fixture_init(struct fixture *fixture, void (*configure)(struct cc_engine_options *options))
{
    fixture_init_cluster(fixture, 1, 1, configure);
}

static void clients_free(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->client_count; i++) {
        buffer_deinit(&fixture->clients[i]->text);
        buffer_deinit(&fixture->clients[i]->files);
        free(fixture->clients[i]);
    }
    fixture->client_count = 0;
}

static void engine_close(struct fixture *fixture)
{
    cc_engine_stop(fixture->engine, CC_CLOSE_DRAINING);
    fixture_settle(fixture);
    fixture_advance(fixture, 5000);
    assert_true(fixture->is_stopped);
    cc_engine_free(fixture->engine);
    clients_free(fixture);
}

void fixture_deinit(struct fixture *fixture)
{
    for (struct fixture *at = fixture; at; at = at->next)
        at->is_frozen = false;
    for (struct fixture *at = fixture; at; at = at->next)
        engine_close(at);
    cc_memory_world_free(fixture->world);
}

int fixture_setup(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, NULL);
    *state = &fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_deinit(*state);
    return 0;
}

void fixture_restart(struct fixture *fixture, void (*configure)(struct cc_engine_options *options))
{
    engine_close(fixture);
    engine_open(fixture, configure);
}

/* True when there may be more to do at this time. */
static bool step(struct fixture *fixture)
{
    size_t events;

    if (fixture->is_stopped || fixture->is_frozen)
        return false;
    events = drain(fixture);
    assert_int_equal(cc_engine_step(fixture->engine, fixture->first->now), 0);
    events += drain(fixture);
    return !fixture->is_stopped &&
           (events || cc_engine_deadline(fixture->engine) <= fixture->first->now.mono_ms);
}

void fixture_settle(struct fixture *fixture)
{
    bool goes_on = true;

    for (int steps = 0; goes_on; steps++) {
        assert_true(steps < STEPS_MAX);
        goes_on = false;
        for (struct fixture *at = fixture->first; at; at = at->next)
            goes_on = step(at) || goes_on;
    }
}

static int64_t next_deadline(const struct fixture *fixture)
{
    int64_t next = INT64_MAX;

    for (const struct fixture *at = fixture->first; at; at = at->next)
        if (!at->is_stopped && !at->is_frozen && cc_engine_deadline(at->engine) < next)
            next = cc_engine_deadline(at->engine);
    return next;
}

void fixture_advance(struct fixture *fixture, int64_t ms)
{
    struct cc_time *now = &fixture->first->now;
    int64_t until = now->mono_ms + ms;

    fixture_settle(fixture);
    while (now->mono_ms < until) {
        int64_t next = next_deadline(fixture);
        int64_t passed = (next < until ? next : until) - now->mono_ms;

        now->mono_ms += passed;
        now->wall_ms += passed;
        cc_memory_world_set_time(fixture->world, *now);
        fixture_settle(fixture);
    }
}

/* --- clients -----------------------------------------------------------------------------------
 */

struct cc_slice text_slice(const char *text)
{
    return text ? slice_str(text) : slice_of(NULL, 0);
}

static struct client *open_session(struct fixture *fixture, const char *user,
                                   struct cc_session_options options)
{
    struct client *client = calloc(1, sizeof *client);

    assert_non_null(client);
    assert_true(fixture->client_count < FIXTURE_CLIENTS_MAX);
    client->fixture = fixture;
    client->user = user ? user : "somebody";
    buffer_init(&client->text, cc_allocator_default());
    buffer_init(&client->files, cc_allocator_default());
    fixture->clients[fixture->client_count++] = client;
    options.data = client;
    options.user = text_slice(user);
    assert_int_equal(cc_session_open(cc_engine_queue(fixture->engine), &options, &client->session),
                     0);
    return client;
}

struct client *client_open_for_requests(struct fixture *fixture, const char *user)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct client *client;

    options.requests_only = true;
    client = open_session(fixture, user, options);
    client_do(client, (struct cc_command){.type = CC_COMMAND_CONNECT});
    return client;
}

struct client *client_open_admin(struct fixture *fixture, const char *user)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct client *client;

    options.requests_only = true;
    options.is_admin = true;
    client = open_session(fixture, user, options);
    client_do(client, (struct cc_command){.type = CC_COMMAND_CONNECT});
    client_forget(client);
    return client;
}

struct client *client_open_with_token(struct fixture *fixture, const char *token, bool for_requests)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct client *client;

    options.requests_only = for_requests;
    client = open_session(fixture, NULL, options);
    client_do(client, (struct cc_command){.type = CC_COMMAND_CONNECT,
                                          .token = text_slice(token),
                                          .device = text_slice(for_requests ? NULL : "phone")});
    return client;
}

struct client *client_open(struct fixture *fixture, const char *user, const char *device)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct client *client = open_session(fixture, user, options);

    client_do(client,
              (struct cc_command){.type = CC_COMMAND_CONNECT, .device = text_slice(device)});
    assert_non_null(strstr(client_text(client), "synced\n"));
    return client;
}

struct client *client_connect(struct fixture *fixture, const char *user, const char *device)
{
    struct client *client = client_open(fixture, user, device);

    client_forget(client);
    return client;
}

void client_close(struct client *client)
{
    cc_session_close(client->session);
    fixture_settle(client->fixture);
}

void client_submit(struct client *client, struct cc_command command)
{
    command.id = ++client->next_id;
    assert_int_equal(cc_session_submit(client->session, &command), 0);
}

void client_do(struct client *client, struct cc_command command)
{
    client_submit(client, command);
    fixture_settle(client->fixture);
}

const char *client_text(struct client *client)
{
    buffer_append_byte(&client->text, '\0');
    client->text.size--;
    assert_false(client->text.failed);
    return client->text.data;
}

void client_forget(struct client *client)
{
    buffer_clear(&client->text);
}

void client_expect_at(struct client *client, const char *expected, const char *file, int line)
{
    const char *text = client_text(client);

    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "--- %s expects\n%s--- and got\n%s---\n", client->user, expected, text);
        _fail(file, line);
    }
    client_forget(client);
}

/* --- commands ----------------------------------------------------------------------------------
 */

static size_t split_names(const char *names, struct cc_slice slices[NAMES_MAX])
{
    size_t count = 0;

    while (names && *names) {
        size_t size = strcspn(names, " ");

        assert_true(count < NAMES_MAX);
        slices[count++] = slice_of(names, size);
        names += size + (names[size] == ' ');
    }
    return count;
}

void client_create(struct client *client, const char *conversation, const char *members)
{
    struct cc_slice users[NAMES_MAX];
    size_t count = split_names(members, users);

    client_do(client, (struct cc_command){.type = CC_COMMAND_CREATE,
                                          .kind = CC_KIND_GROUP,
                                          .conversation = text_slice(conversation),
                                          .name = text_slice("club"),
                                          .users = users,
                                          .user_count = count});
}

/* Never twice, also not after a restart. */
static struct cc_slice next_client_id(const struct client *client, char bytes[16])
{
    int size = snprintf(bytes, 16, "c%u", ++client->fixture->client_ids);

    return slice_of(bytes, (size_t)size);
}

void client_say(struct client *client, const char *conversation, const char *text)
{
    char id[16];

    client_do(client, (struct cc_command){.type = CC_COMMAND_SEND,
                                          .conversation = text_slice(conversation),
                                          .client_id = next_client_id(client, id),
                                          .text = text_slice(text)});
}

void client_say_to(struct client *client, const char *user, const char *text)
{
    char id[16];

    client_do(client, (struct cc_command){.type = CC_COMMAND_SEND,
                                          .user = text_slice(user),
                                          .client_id = next_client_id(client, id),
                                          .text = text_slice(text)});
}

void client_name_users(struct client *client, enum cc_command_type type, const char *conversation,
                       const char *users)
{
    struct cc_slice slices[NAMES_MAX];
    size_t count = split_names(users, slices);

    client_do(client, (struct cc_command){.type = type,
                                          .conversation = text_slice(conversation),
                                          .users = slices,
                                          .user_count = count});
}
