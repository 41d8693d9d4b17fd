/*
 * One WebSocket from opening to closing: frames, requests and their replies. When it is closed
 * every request without a reply fails with "offline": whether the server took it is unknown.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

/* Above the 10 s after which a server gives up on a command itself. */
#define REPLY_US ((lws_usec_t)20 * LWS_US_PER_SEC)
/* How often it is looked whether a reply is overdue. */
#define BEAT_US ((lws_usec_t)5 * LWS_US_PER_SEC)
/* What waits goes out in one frame, up to about this size: a part of what the server takes. */
#define FRAME_FULL ((size_t)32 << 10)

struct request {
    UT_hash_handle hh;
    struct request *next; /* queued */
    uint64_t id;
    char command[COMMAND_SIZE];
    json_t *fields;
    reply_handler handler;
    void *context;
    lws_usec_t sent_us;
};

static void request_end(struct cc_client *client, struct request *request, const char *error,
                        json_t *body)
{
    reply_handler handler = request->handler;
    void *context = request->context;

    json_decref(request->fields);
    free(request);
    handler(client, context, error, body);
}

int connection_request(struct cc_client *client, const char *command, json_t *fields,
                       reply_handler handler, void *context)
{
    struct request *request = NULL;
    int r = strlen(command) >= COMMAND_SIZE                  ? -EINVAL
            : client->queued_count >= QUEUED_MOST            ? -ENOBUFS
            : (request = calloc(1, sizeof *request)) == NULL ? -ENOMEM
                                                             : 0;

    if (r) {
        json_decref(fields);
        return r;
    }
    request->id = ++client->next_id;
    strcpy(request->command, command);
    request->fields = fields;
    request->handler = handler;
    request->context = context;
    *client->queued_last = request;
    client->queued_last = &request->next;
    client->queued_count++;
    if (client->is_open)
        lws_callback_on_writable(client->wsi);
    return 0;
}

void connection_cut(struct cc_client *client, int code, const char *reason)
{
    if (!client->wsi || client->is_cut)
        return;
    client->is_cut = true;
    client->ending_code = code;
    snprintf(client->ending_reason, sizeof client->ending_reason, "%s", reason);
    lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* --- signs of life ---------------------------------------------------------------------------- */

static void ignore(struct cc_client *client, void *context, const char *error, json_t *body)
{
    (void)client, (void)context, (void)error, (void)body;
}

/* Any answer shows that the other side is there. */
static void beat(lws_sorted_usec_list_t *timer)
{
    struct cc_client *client = lws_container_of(timer, struct cc_client, beat_timer);
    lws_usec_t now = lws_now_usecs();

    for (struct request *at = client->requests; at; at = at->hh.next)
        if (at->sent_us + REPLY_US < now) {
            connection_cut(client, 0, "the server does not answer");
            return;
        }
    if (client->is_greeted && now >= client->beat_us) {
        connection_request(client, "presence", json_pack("{s:[]}", "users"), ignore, NULL);
        client->beat_us = now + client->beat_interval_us;
    }
    lws_sul_schedule(client->context, 0, &client->beat_timer, beat, BEAT_US);
}

/* --- out -------------------------------------------------------------------------------------- */

/* Until the greeting is answered, only that is sent. */
static bool may_write(const struct cc_client *client)
{
    return client->queued && client->in_flight < IN_FLIGHT_MOST &&
           (client->is_greeted || !strcmp(client->queued->command, "connect"));
}

/* From the queue among those in flight. */
static int write_request(struct cc_client *client, struct frame *frame)
{
    struct request *request = client->queued;

    HASH_ADD(hh, client->requests, id, sizeof request->id, request);
    if (!request->hh.tbl)
        return -ENOMEM;
    client->queued = request->next;
    if (!client->queued)
        client->queued_last = &client->queued;
    client->queued_count--;
    client->in_flight++;
    request->sent_us = lws_now_usecs();
    return codec_encode(client->encoding, request->id, request->command, request->fields, frame);
}

static int write_frame(struct cc_client *client, const struct frame *frame)
{
    int written =
        lws_write(client->wsi, (unsigned char *)frame->bytes + LWS_PRE, frame->size - LWS_PRE,
                  client->encoding == CC_CLIENT_MSGPACK ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);

    return written < 0 ? -EIO : 0;
}

static int writable(struct cc_client *client)
{
    struct frame frame = {.room_before = LWS_PRE};
    int r = 0;

    if (client->is_cut)
        return 0;
    while (!r && may_write(client) && frame.size < FRAME_FULL)
        r = write_request(client, &frame);
    if (!r && frame.size)
        r = write_frame(client, &frame);
    frame_free(&frame);
    if (!r && may_write(client))
        lws_callback_on_writable(client->wsi);
    return r ? -1 : 0;
}

/* --- in --------------------------------------------------------------------------------------- */

static void take_reply(struct cc_client *client, uint64_t id, json_t *object)
{
    json_t *error = json_object_get(object, "error");
    const char *name = json_string_value(json_object_get(error, "name"));
    struct request *request;

    HASH_FIND(hh, client->requests, &id, sizeof id, request);
    if (!request)
        return; /* told twice */
    HASH_DEL(client->requests, request);
    client->in_flight--;
    if (error)
        request_end(client, request, name ? name : "internal", error);
    else
        request_end(client, request, NULL, json_object_get(object, request->command));
    if (client->is_open && may_write(client))
        lws_callback_on_writable(client->wsi);
}

static void take_object(struct cc_client *client, json_t *object)
{
    json_t *id = json_object_get(object, "id");
    const char *key;
    json_t *body;

    if (id) {
        take_reply(client, (uint64_t)json_integer_value(id), object);
        return;
    }
    json_object_foreach(object, key, body) client_pushed(client, key, body);
}

static void take_frame(struct cc_client *client)
{
    const char *at = client->received;
    const char *end = at + client->received_size;
    json_t *object = NULL;

    while (at < end && !client->is_cut) {
        if (!codec_decode(client->encoding, &at, end, &object) ||
            (object && !json_is_object(object)))
            connection_cut(client, 0, "a frame that can't be read");
        else if (object)
            take_object(client, object);
        json_decref(object);
        object = NULL;
    }
    client->received_size = 0;
}

static int receive(struct cc_client *client, struct lws *wsi, const void *bytes, size_t size)
{
    size_t need = client->received_size + size;

    if (client->is_cut)
        return 0;
    if (need > FRAME_MOST)
        return -1;
    if (need > client->received_room) {
        char *grown = realloc(client->received, need * 2);

        if (!grown)
            return -1;
        client->received = grown;
        client->received_room = need * 2;
    }
    memcpy(client->received + client->received_size, bytes, size);
    client->received_size = need;
    if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi))
        take_frame(client);
    return 0;
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* Handlers may ask for more: that fails as well, until nothing is left. */
static void fail_requests(struct cc_client *client)
{
    struct request *request, *next;

    HASH_ITER(hh, client->requests, request, next)
    {
        HASH_DEL(client->requests, request);
        request_end(client, request, "offline", NULL);
    }
    while ((request = client->queued)) {
        client->queued = request->next;
        if (!client->queued)
            client->queued_last = &client->queued;
        client->queued_count--;
        request_end(client, request, "offline", NULL);
    }
}

static int closed(struct cc_client *client)
{
    if (!client->is_connected)
        return 0;
    client->is_connected = false;
    client->wsi = NULL;
    client->is_open = false;
    client->is_greeted = false;
    client->in_flight = 0;
    lws_sul_cancel(&client->beat_timer);
    order_drop(client);
    fail_requests(client);
    client_lost(client);
    return 0;
}

/* Points into the text it was read from. */
struct address {
    const char *scheme, *host, *path;
    char full_path[512];
    int port;
};

/* Changes the text. */
static int parse_url(char *url, struct address *address)
{
    if (lws_parse_uri(url, &address->scheme, &address->host, &address->port, &address->path))
        return -EINVAL;
    address->path += *address->path == '/'; /* without one, libwebsockets makes it "/" */
    snprintf(address->full_path, sizeof address->full_path, "/%s",
             *address->path ? address->path : "v1/ws");
    return 0;
}

static bool is_secure(const char *scheme)
{
    return !strcmp(scheme, "wss") || !strcmp(scheme, "https");
}

static void connect_to(struct cc_client *client, const struct address *address)
{
    struct lws_client_connect_info info = {
        .context = client->context,
        .address = address->host,
        .port = address->port,
        .path = address->full_path,
        .host = address->host,
        .protocol = client->options.encoding == CC_CLIENT_MSGPACK
                        ? "chatcore.v1.msgpack,chatcore.v1.json"
                        : "chatcore.v1.json",
        .local_protocol_name = LOCAL_PROTOCOL,
        .ssl_connection = is_secure(address->scheme) ? LCCSCF_USE_SSL : 0,
        .userdata = client,
        .pwsi = &client->wsi,
    };

    client->is_connected = true;
    client->connection++;
    info.opaque_user_data = (void *)client->connection;
    /* Failing, it has mostly called back with an error. */
    if (!lws_client_connect_via_info(&info))
        closed(client);
}

int connection_open(struct cc_client *client)
{
    struct address address;
    char *url = strdup(client->url);
    int r = url ? parse_url(url, &address) : -ENOMEM;

    client->is_cut = false;
    client->ending_code = 0;
    client->ending_retry_ms = 0;
    client->ending_reason[0] = 0;
    client->received_size = 0;
    if (!r)
        connect_to(client, &address);
    free(url);
    return r;
}

static void told_close(struct cc_client *client, const unsigned char *bytes, size_t size)
{
    if (client->is_cut || size < 2)
        return;
    client->ending_code = bytes[0] << 8 | bytes[1];
    snprintf(client->ending_reason, sizeof client->ending_reason, "%.*s", (int)(size - 2),
             (const char *)bytes + 2);
}

static int failed(struct cc_client *client, const char *reason)
{
    if (!client->is_cut && reason)
        snprintf(client->ending_reason, sizeof client->ending_reason, "%s", reason);
    return closed(client);
}

/* The server chooses one of those offered, or none: that is JSON. */
static int choose(struct cc_client *client, struct lws *wsi)
{
    char name[64] = "";

    client->encoding = CC_CLIENT_JSON;
    if (lws_hdr_copy(wsi, name, sizeof name, WSI_TOKEN_PROTOCOL) > 0 &&
        !strcmp(name, codec_protocol(CC_CLIENT_MSGPACK)))
        client->encoding = CC_CLIENT_MSGPACK;
    return 0;
}

static int opened(struct cc_client *client)
{
    client->is_open = true;
    client->beat_us = INT64_MAX;
    lws_sul_schedule(client->context, 0, &client->beat_timer, beat, BEAT_US);
    client_opened(client);
    return 0;
}

int connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                        size_t size)
{
    struct cc_client *client = lws_context_user(lws_get_context(wsi));

    (void)user;
    if (!client || lws_get_opaque_user_data(wsi) != (void *)client->connection)
        return 0; /* an earlier connection's end */
    switch (reason) {
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        return choose(client, wsi);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return opened(client);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return receive(client, wsi, in, size);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return writable(client);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        told_close(client, in, size);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        return failed(client, in);
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY: /* where neither of the two is told */
        return closed(client);
    default:
        return 0;
    }
}
