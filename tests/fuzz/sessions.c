/*
 * Whole sessions: frames of clients go through the decoder into an engine on memory backends, and
 * what comes back through the encoder. Time and randomness are the input's own, so an input always
 * does the same.
 *
 * The input is lines. The first byte of each says what it is:
 *
 *   a b c   a frame of alice's, bob's or carol's session; an @ in it stands for the id of the
 *           newest message that the session was told of
 *   t       time passes: 100 ms, and 100 more for each byte that follows
 *   x       closes the sessions whose letters follow, and opens them anew
 *
 * What must hold: each command is answered once, with its own id, unless the session closes; a
 * session is pushed each conversation's messages in rising order; every event has a form in both
 * encodings; and when the engine has stopped, all memory is back.
 */
#include "chatcore/backend/memory.h"
#include "chatcore/engine.h"
#include "support/failing_allocator.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/uuid.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SESSIONS 3

/* Enough for any input that says something new; longer ones only take time. */
#define LINES_MAX 200
#define STEPS_MAX 100000

/* Conversations whose order is looked at, in each session. */
#define PLACES_MAX 16

struct place {
    char conversation[CC_NAME_MAX];
    size_t size;
    uint64_t seq;
};

struct user_session {
    struct cc_session *session;
    const char *user;
    size_t unanswered; /* commands */
    uint64_t ids[4096];
    struct place places[PLACES_MAX];
    size_t place_count;
    char message[36]; /* the id of the newest */
};

struct world {
    struct failing_allocator allocator;
    struct cc_memory_world *memory;
    struct cc_engine *engine;
    struct cc_time now;
    uint64_t random;
    bool is_stopped;
    struct user_session sessions[SESSIONS];
    struct wire_decoder decoder;
    struct buffer frame;
    struct buffer encoded;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void fill_random(void *context, void *bytes, size_t size)
{
    struct world *world = context;
    uint8_t *out = bytes;

    for (size_t i = 0; i < size; i++) {
        world->random = world->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        out[i] = (uint8_t)(world->random >> 56);
    }
}

/* --- what comes back --- */

static void check_order(struct user_session *session, const struct cc_message *message)
{
    struct place *place = session->places;

    while (place < session->places + session->place_count &&
           !slice_equal(slice_of(place->conversation, place->size), message->conversation))
        place++;
    if (place == session->places + PLACES_MAX)
        return;
    if (place == session->places + session->place_count) {
        session->place_count++;
        place->size = message->conversation.size;
        memcpy(place->conversation, message->conversation.data, place->size);
        place->seq = 0;
    }
    require(message->seq > place->seq);
    place->seq = message->seq;
}

static void check_reply(struct user_session *session, const struct cc_reply *reply)
{
    size_t at = 0;

    while (at < session->unanswered && session->ids[at] != reply->id)
        at++;
    require(at < session->unanswered);
    session->ids[at] = session->ids[--session->unanswered];
    if (!reply->error && reply->command == CC_COMMAND_SEND)
        uuid_format(&reply->message, session->message);
}

static void session_forget(struct user_session *session)
{
    session->session = NULL;
    session->unanswered = 0;
    session->place_count = 0;
}

static void take(struct user_session *session, const struct cc_event *event)
{
    switch (event->type) {
    case CC_EVENT_REPLY:
        check_reply(session, event->u.reply);
        break;
    case CC_EVENT_MESSAGE:
        check_order(session, event->u.message);
        uuid_format(&event->u.message->id, session->message);
        break;
    case CC_EVENT_CLOSED:
        session_forget(session);
        break;
    default:
        break;
    }
}

static void encode(struct world *world, const struct cc_event *event)
{
    if (event->type == CC_EVENT_CLOSED)
        return;
    for (int format = WIRE_JSON; format <= WIRE_MSGPACK; format++) {
        buffer_clear(&world->encoded);
        require(wire_encode_event(&world->encoded, event, (enum wire_format)format) == 0);
    }
    require(world->encoded.size > 0);
}

static size_t drain(struct world *world)
{
    const struct cc_event *event;
    size_t count = 0;

    for (; (event = cc_engine_next_event(world->engine)) != NULL; count++) {
        if (event->type == CC_EVENT_STOPPED)
            world->is_stopped = true;
        if (event->session_count)
            encode(world, event);
        for (size_t i = 0; i < event->session_count; i++)
            take(event->sessions[i], event);
    }
    return count;
}

static void settle(struct world *world)
{
    bool goes_on = true;

    for (int steps = 0; goes_on && !world->is_stopped; steps++) {
        require(steps < STEPS_MAX);
        require(cc_engine_step(world->engine, world->now) == 0);
        goes_on = drain(world) || cc_engine_deadline(world->engine) <= world->now.mono_ms;
    }
}

static void pass_time(struct world *world, int64_t ms)
{
    world->now.mono_ms += ms;
    world->now.wall_ms += ms;
    cc_memory_world_set_time(world->memory, world->now);
    settle(world);
}

/* --- what clients do --- */

static void session_submit(struct user_session *session, const struct cc_command *command)
{
    if (!session->session || session->unanswered == sizeof session->ids / sizeof session->ids[0])
        return;
    if (cc_session_submit(session->session, command) != 0)
        return;
    if (command->type != CC_COMMAND_HEARTBEAT)
        session->ids[session->unanswered++] = command->id;
}

static void session_open(struct world *world, struct user_session *session)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct cc_command connect = {.type = CC_COMMAND_CONNECT, .id = 1, .device = slice_str("d")};

    options.data = session;
    options.user = slice_str(session->user);
    require(cc_session_open(cc_engine_queue(world->engine), &options, &session->session) == 0);
    session_submit(session, &connect);
    settle(world);
}

/* The line with each @ replaced. */
static void frame_make(struct world *world, const struct user_session *session,
                       struct cc_slice line)
{
    buffer_clear(&world->frame);
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] == '@')
            buffer_append(&world->frame, session->message, sizeof session->message);
        else
            buffer_append(&world->frame, &line.data[i], 1);
    require(!world->frame.failed);
}

static void frame_come(struct world *world, struct user_session *session, struct cc_slice line)
{
    struct wire_item item;

    frame_make(world, session, line);
    wire_decode_start(&world->decoder, buffer_slice(&world->frame), WIRE_JSON);
    while (wire_decode_next(&world->decoder, &item))
        if (!item.error)
            session_submit(session, &item.command);
    settle(world);
    if (session->session)
        require(session->unanswered == 0);
}

static void reopen(struct world *world, struct cc_slice letters)
{
    for (size_t i = 0; i < letters.size && i < SESSIONS; i++) {
        struct user_session *session = &world->sessions[(uint8_t)letters.data[i] % SESSIONS];

        if (session->session)
            cc_session_close(session->session);
        settle(world);
        require(!session->session);
        session_open(world, session);
    }
}

static void line_come(struct world *world, struct cc_slice line)
{
    struct cc_slice rest = slice_of(line.data + 1, line.size - 1);

    switch (line.data[0]) {
    case 'a':
    case 'b':
    case 'c':
        frame_come(world, &world->sessions[line.data[0] - 'a'], rest);
        break;
    case 't':
        pass_time(world, 100 * (int64_t)(1 + rest.size % 256));
        break;
    case 'x':
        reopen(world, rest);
        break;
    default:
        break;
    }
}

/* --- the run --- */

static void world_init(struct world *world)
{
    static const char *const users[SESSIONS] = {"alice", "bob", "carol"};
    struct cc_allocator allocator = {failing_allocator_alloc, failing_allocator_realloc,
                                     failing_allocator_release, &world->allocator};
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;

    world->now = (struct cc_time){INT64_C(1700000000000), 1000};
    options.allocator = allocator;
    options.random = (struct cc_random){fill_random, world};
    options.limits.max_message_bytes = 4096;
    options.limits.max_outstanding = 16;
    require(cc_memory_world_new(&allocator, 2, &world->memory) == 0);
    cc_memory_world_set_time(world->memory, world->now);
    require(cc_memory_log_open(world->memory, slice_str("n"), &options.log) == 0);
    require(cc_memory_store_open(world->memory, &options.store) == 0);
    require(cc_memory_directory_open(world->memory, &options.directory) == 0);
    require(cc_memory_cluster_open(world->memory, slice_str("n"), &options.cluster) == 0);
    require(cc_engine_new(&options, &world->engine) == 0);
    wire_decoder_init(&world->decoder, cc_allocator_default());
    buffer_init(&world->frame, cc_allocator_default());
    buffer_init(&world->encoded, cc_allocator_default());
    settle(world);
    for (size_t i = 0; i < SESSIONS; i++) {
        world->sessions[i].user = users[i];
        memset(world->sessions[i].message, '0', sizeof world->sessions[i].message);
        session_open(world, &world->sessions[i]);
    }
}

static void world_deinit(struct world *world)
{
    cc_engine_stop(world->engine, CC_CLOSE_DRAINING);
    for (int i = 0; i < 100 && !world->is_stopped; i++)
        pass_time(world, 500);
    require(world->is_stopped);
    for (size_t i = 0; i < SESSIONS; i++)
        require(!world->sessions[i].session);
    cc_engine_free(world->engine);
    cc_memory_world_free(world->memory);
    wire_decoder_deinit(&world->decoder);
    buffer_deinit(&world->frame);
    buffer_deinit(&world->encoded);
    require(world->allocator.out == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    const char *at = (const char *)data;
    const char *end = at + size;

    memset(&world, 0, sizeof world);
    world_init(&world);
    for (int lines = 0; at < end && lines < LINES_MAX; lines++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;

        if (line_end > at)
            line_come(&world, slice_of(at, (size_t)(line_end - at)));
        at = newline ? newline + 1 : end;
    }
    world_deinit(&world);
    return 0;
}
