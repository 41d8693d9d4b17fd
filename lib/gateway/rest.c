/*
 * Sessions for REST, and the calls on them.
 */
#include "gateway/rest.h"

#include "base/crypto.h"
#include "base/hash.h"
#include "base/list.h"
#include "chatcore/error.h"
#include "gateway/connection.h"
#include "gateway/rest_answer.h"
#include "gateway/rest_request.h"

#include <time.h>

/* How long a session serves. A token is verified again after that, so that keys that were taken
 * away hold no longer. */
#define REST_SESSION_MS 60000

/* Sessions of one worker: as many users a minute, some 700 bytes each here and in the engine. At
 * it, the oldest that nothing waits for is closed early. */
#define REST_SESSIONS_MAX 16384

#define REST_DIGEST_SIZE 16

struct rest_session {
    struct list_link link; /* of all */
    UT_hash_handle hh;     /* in rest->sessions while it may get further calls */
    uint8_t digest[REST_DIGEST_SIZE];
    struct rest *rest;
    struct cc_session *session;
    uint64_t next_id;
    struct list calls;
    struct timer timer;
    bool is_known; /* in the table */
};

/* A request whose command is with the engine. */
struct rest_call {
    struct list_link link;
    struct rest_session *session;
    struct http_exchange *exchange;
    uint64_t id;
    int status; /* of its success */
};

struct rest {
    struct worker *worker;
    struct cc_queue *queue;
    struct rest_session *sessions; /* uthash, the oldest first */
    struct list all;               /* those that left the table, too */
    size_t session_count;
    size_t call_count;
    bool is_closing;
    struct buffer joined; /* scratch: a request as one object */
};

/* Who asks. */
struct rest_caller {
    struct cc_slice token; /* of a user */
    struct cc_slice user;  /* that a server acts for */
    struct cc_slice address;
    bool is_admin;
};

/* --- calls ------------------------------------------------------------------------------------ */

static void call_free(struct rest_call *call)
{
    list_remove(&call->link);
    call->exchange->worker_data = NULL;
    call->exchange->abandoned = NULL;
    call->session->rest->call_count--;
    mem_free(call->session->rest->worker->allocator, call);
}

static void close_session(struct rest_session *session)
{
    struct rest *rest = session->rest;

    if (session->is_known)
        HASH_DELETE(hh, rest->sessions, session);
    session->is_known = false;
    timer_clear(&rest->worker->timers, &session->timer);
    cc_session_close(session->session);
    rest->worker->has_input = true;
}

/* Takes it out of the table, so that the next request gets another one; what is under way goes
 * on. */
static void retire(struct rest_session *session)
{
    struct rest *rest = session->rest;

    if (session->is_known)
        HASH_DELETE(hh, rest->sessions, session);
    session->is_known = false;
    if (list_is_empty(&session->calls))
        close_session(session);
}

static void end_call(struct rest_call *call)
{
    struct rest_session *session = call->session;

    call_free(call);
    if (!session->is_known && list_is_empty(&session->calls))
        close_session(session);
    worker_check_end(session->rest->worker);
}

static void call_abandoned(struct http_exchange *exchange)
{
    end_call(exchange->worker_data);
}

static void fail_calls(struct rest_session *session, const struct cc_reply *reply)
{
    struct list_link *link;

    while ((link = list_first(&session->calls)) != NULL) {
        struct rest_call *call = (struct rest_call *)(void *)link;
        struct http_exchange *exchange = call->exchange;

        call_free(call);
        rest_answer(exchange, 0, reply);
    }
}

static struct rest_call *find_call(struct rest_session *session, uint64_t id)
{
    struct list_link *head = &session->calls.head;

    for (struct list_link *link = head->next; link != head; link = link->next) {
        struct rest_call *call = (struct rest_call *)(void *)link;

        if (call->id == id)
            return call;
    }
    return NULL;
}

/* --- sessions --------------------------------------------------------------------------------- */

static void expired(struct timer *timer, void *context)
{
    (void)context;
    retire((struct rest_session *)(void *)((char *)timer - offsetof(struct rest_session, timer)));
}

static void make_room(struct rest *rest)
{
    struct rest_session *session;
    struct rest_session *next;

    HASH_ITER(hh, rest->sessions, session, next)
    {
        if (HASH_COUNT(rest->sessions) < REST_SESSIONS_MAX)
            return;
        retire(session);
    }
}

static void digest_caller(const struct rest_caller *caller, uint8_t ret_digest[REST_DIGEST_SIZE])
{
    const struct cc_slice parts[] = {caller->token, caller->user,
                                     slice_str(caller->is_admin ? "admin" : "")};

    crypto_digest16(parts, sizeof parts / sizeof *parts, ret_digest);
}

/* The session's first command has no call: who it fails for is told by its reply. */
static int submit_connect(struct rest_session *session, const struct rest_caller *caller)
{
    struct cc_command connect = {
        .id = ++session->next_id, .type = CC_COMMAND_CONNECT, .token = caller->token};

    return cc_session_submit(session->session, &connect);
}

static int open_session(struct rest *rest, const struct rest_caller *caller,
                        struct rest_session *session)
{
    const struct cc_allocator *hash_allocator = rest->worker->allocator;
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    int r;

    options.data = session;
    options.requests_only = true;
    options.address = caller->address;
    options.user = caller->user;
    options.is_admin = caller->is_admin;
    r = cc_session_open(rest->queue, &options, &session->session);
    if (r)
        return r;
    rest->session_count++;
    list_add(&rest->all, &session->link);
    HASH_ADD(hh, rest->sessions, digest, REST_DIGEST_SIZE, session);
    session->is_known = session->hh.tbl != NULL;
    r = session->is_known ? submit_connect(session, caller) : CC_ENOMEM;
    if (!r)
        r = worker_timer_set(rest->worker, &session->timer,
                             worker_now(rest->worker) + REST_SESSION_MS);
    if (r)
        close_session(session);
    return r;
}

static int new_session(struct rest *rest, const struct rest_caller *caller, const uint8_t *digest,
                       struct rest_session **ret_session)
{
    struct rest_session *session = mem_zalloc(rest->worker->allocator, 1, sizeof *session);
    int r;

    if (!session)
        return CC_ENOMEM;
    session->rest = rest;
    session->timer.expired = expired;
    list_init(&session->calls);
    memcpy(session->digest, digest, REST_DIGEST_SIZE);
    make_room(rest);
    r = open_session(rest, caller, session);
    if (!session->session)
        mem_free(rest->worker->allocator, session);
    if (!r)
        *ret_session = session;
    return r;
}

static int get_session(struct rest *rest, const struct rest_caller *caller,
                       struct rest_session **ret_session)
{
    uint8_t digest[REST_DIGEST_SIZE];
    struct rest_session *session = NULL;

    if (rest->is_closing)
        return CC_EUNAVAILABLE;
    digest_caller(caller, digest);
    HASH_FIND(hh, rest->sessions, digest, sizeof digest, session);
    if (!session)
        return new_session(rest, caller, digest, ret_session);
    *ret_session = session;
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

static int call_new(struct rest_session *session, struct http_exchange *exchange,
                    const struct cc_command *command, int status)
{
    struct rest *rest = session->rest;
    struct rest_call *call = mem_zalloc(rest->worker->allocator, 1, sizeof *call);
    int r;

    if (!call)
        return CC_ENOMEM;
    r = cc_session_submit(session->session, command);
    if (r) {
        mem_free(rest->worker->allocator, call);
        return r;
    }
    call->session = session;
    call->exchange = exchange;
    call->id = command->id;
    call->status = status;
    list_add(&session->calls, &call->link);
    rest->call_count++;
    exchange->state = HTTP_WAITING;
    exchange->worker_data = call;
    exchange->abandoned = call_abandoned;
    rest->worker->has_input = true;
    stats_add(&rest->worker->stats.commands, 1);
    return 0;
}

static void submit(struct rest *rest, struct http_exchange *exchange,
                   const struct rest_caller *caller, struct cc_command *command, int status)
{
    struct rest_session *session;
    int r = get_session(rest, caller, &session);

    if (!r) {
        if (!command->trace_parent.size)
            command->trace_parent = exchange->trace_parent;
        command->id = ++session->next_id;
        r = call_new(session, exchange, command, status);
    }
    if (r)
        rest_answer_error(exchange, r, slice_of(NULL, 0));
}

/* The token behind "Bearer"; empty if there is none. */
static struct cc_slice bearer(struct cc_slice authorization)
{
    static const char scheme[] = "bearer ";
    size_t size = sizeof scheme - 1;

    if (authorization.size < size)
        return slice_of(NULL, 0);
    for (size_t i = 0; i < size; i++)
        if ((authorization.data[i] | (i + 1 < size ? 0x20 : 0)) != scheme[i])
            return slice_of(NULL, 0);
    while (size < authorization.size && authorization.data[size] == ' ')
        size++;
    return slice_of(authorization.data + size, authorization.size - size);
}

/* Who is refused, and why: `text` is empty where the error's own says all. */
struct refusal {
    int error;
    const char *text;
};

static struct cc_time time_now(void)
{
    struct timespec wall;
    struct timespec mono;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (struct cc_time){
        .wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
        .mono_ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
    };
}

/* A server with a key acts for the user that it names, as far as the key's scopes go. */
static struct refusal identify_server(struct cc_api_keys *keys, const struct rest_route *route,
                                      const struct http_exchange *exchange,
                                      struct rest_caller *caller)
{
    struct cc_api_key key;
    int r = keys ? cc_api_keys_verify(keys, caller->token, time_now(), &key) : CC_EUNAUTHORIZED;

    if (r)
        return (struct refusal){r, ""};
    caller->is_admin = (key.scopes & CC_SCOPE_ADMIN) != 0;
    if (!caller->is_admin && !(key.scopes & route->scope))
        return (struct refusal){CC_EFORBIDDEN, "the key has not the scope for this"};
    if (!exchange->headers.acting_user.size)
        return (struct refusal){CC_EINVAL, "X-Chatcore-User: is missing"};
    caller->token = slice_of(NULL, 0);
    caller->user = exchange->headers.acting_user;
    return (struct refusal){0, ""};
}

static bool is_api_key(struct cc_slice token)
{
    static const char prefix[] = "cck_";

    return token.size > sizeof prefix - 1 && !memcmp(token.data, prefix, sizeof prefix - 1);
}

static struct refusal identify(const struct rest *rest, const struct rest_route *route,
                               const struct http_exchange *exchange, struct rest_caller *caller)
{
    caller->token = bearer(exchange->request.authorization);
    if (!caller->token.size)
        return (struct refusal){CC_EUNAUTHORIZED, "Authorization: a bearer token is missing"};
    if (is_api_key(caller->token))
        return identify_server(rest->worker->gateway->options.api_keys, route, exchange, caller);
    return (struct refusal){0, ""};
}

void rest_start(struct rest *rest, struct http_exchange *exchange)
{
    struct rest_caller caller = {0};
    struct rest_match match;
    struct refusal refusal;
    struct wire_item item;
    char address[ADDRESS_TEXT_MAX];

    rest_match(exchange->request.method, exchange->request.path, &match);
    if (!match.route) {
        rest_answer_no_route(exchange, &match);
        return;
    }
    refusal = identify(rest, match.route, exchange, &caller);
    if (refusal.error) {
        rest_answer_error(exchange, refusal.error, slice_str(refusal.text));
        return;
    }
    if (!caller.user.size) /* many users' requests come from one server */
        caller.address = connection_limited_address(exchange->connection, address);
    rest_decode(&rest->worker->decoder, exchange, &match, &rest->joined, &item);
    if (item.error == CC_EPROTOCOL)
        rest_answer_error(exchange, CC_EINVAL, slice_str("the body is not a JSON object"));
    else if (item.error)
        rest_answer_error(exchange, item.error, item.error_text);
    else
        submit(rest, exchange, &caller, &item.command, match.route->status);
}

void rest_act_for(struct rest *rest, struct http_exchange *exchange, struct cc_slice user,
                  struct cc_command *command)
{
    const struct rest_caller caller = {.user = user};

    submit(rest, exchange, &caller, command, 200);
}

/* --- what the engine tells -------------------------------------------------------------------- */

/* The connect's reply matters only when it is an error: then no call on the session can succeed. */
static void connect_replied(struct rest_session *session, const struct cc_reply *reply)
{
    if (!reply->error)
        return;
    fail_calls(session, reply);
    close_session(session);
}

static void replied(struct rest_session *session, const struct cc_reply *reply)
{
    struct rest_call *call;
    struct http_exchange *exchange;
    int status;

    if (reply->command == CC_COMMAND_CONNECT) {
        connect_replied(session, reply);
        return;
    }
    call = find_call(session, reply->id);
    if (!call)
        return; /* given up, or its client is gone */
    exchange = call->exchange;
    status = call->status;
    end_call(call);
    rest_answer(exchange, status, reply);
}

static void closed(struct rest_session *session, enum cc_close_code code)
{
    struct rest *rest = session->rest;
    struct cc_reply reply = {.error =
                                 code == CC_CLOSE_UNAUTHORIZED ? CC_EEXPIRED : CC_EUNAVAILABLE};

    fail_calls(session, &reply);
    if (session->is_known)
        HASH_DELETE(hh, rest->sessions, session);
    timer_clear(&rest->worker->timers, &session->timer);
    list_remove(&session->link);
    rest->session_count--;
    mem_free(rest->worker->allocator, session);
    worker_check_end(rest->worker);
}

/* Replies taken in one turn, so that sockets get their turn too. */
#define REST_EVENTS_MAX 4096

bool rest_take(struct rest *rest)
{
    for (int i = 0; i < REST_EVENTS_MAX; i++) {
        const struct cc_event *event = cc_queue_next(rest->queue);

        if (!event)
            return false;
        if (event->type == CC_EVENT_REPLY)
            replied(event->sessions[0], event->u.reply);
        else if (event->type == CC_EVENT_CLOSED)
            closed(event->sessions[0], event->u.closed.code);
    }
    return true;
}

void rest_flush(struct rest *rest)
{
    cc_queue_flush(rest->queue);
}

/* --- its life --------------------------------------------------------------------------------- */

int rest_new(struct worker *worker, void (*wake)(void *context), void *context,
             struct rest **ret_rest)
{
    struct rest *rest = mem_zalloc(worker->allocator, 1, sizeof *rest);
    int r;

    if (!rest)
        return CC_ENOMEM;
    rest->worker = worker;
    list_init(&rest->all);
    buffer_init(&rest->joined, worker->allocator);
    r = cc_queue_new(worker->gateway->engine, wake, context, &rest->queue);
    if (r)
        mem_free(worker->allocator, rest);
    else
        *ret_rest = rest;
    return r;
}

void rest_close(struct rest *rest)
{
    struct rest_session *session;
    struct rest_session *next;

    rest->is_closing = true;
    HASH_ITER(hh, rest->sessions, session, next)
    {
        close_session(session);
    }
}

void rest_free(struct rest *rest)
{
    const struct cc_allocator *allocator;
    struct list_link *link;

    if (!rest)
        return;
    allocator = rest->worker->allocator;
    HASH_CLEAR(hh, rest->sessions);
    while ((link = list_first(&rest->all)) != NULL) {
        list_remove(link);
        mem_free(allocator, link); /* the session's first member */
    }
    buffer_deinit(&rest->joined);
    mem_free(allocator, rest);
}

size_t rest_session_count(const struct rest *rest)
{
    return rest->session_count;
}

size_t rest_call_count(const struct rest *rest)
{
    return rest->call_count;
}
