/*
 * Reading requests.
 */
#include "gateway/request_socket.h"

static struct arena *arena_of(struct lws *wsi)
{
    const struct connection *connection = lws_get_opaque_user_data(wsi);

    return &connection->worker->headers;
}

struct cc_slice request_header(struct lws *wsi, enum lws_token_indexes token)
{
    int size = lws_hdr_total_length(wsi, token);
    char *text;

    if (size <= 0)
        return slice_of(NULL, 0);
    text = arena_alloc(arena_of(wsi), (size_t)size + 1);
    if (!text || lws_hdr_copy(wsi, text, size + 1, token) < 0)
        return slice_of(NULL, 0);
    return slice_of(text, strlen(text));
}

static const struct request_method methods[] = {
    {"GET", WSI_TOKEN_GET_URI, false},         {"HEAD", WSI_TOKEN_HEAD_URI, false},
    {"POST", WSI_TOKEN_POST_URI, true},        {"PUT", WSI_TOKEN_PUT_URI, true},
    {"PATCH", WSI_TOKEN_PATCH_URI, true},      {"DELETE", WSI_TOKEN_DELETE_URI, false},
    {"OPTIONS", WSI_TOKEN_OPTIONS_URI, false},
};

#define METHOD_COUNT (sizeof methods / sizeof *methods)

void request_limits(struct lws_token_limits *limits)
{
    for (size_t i = 0; i < WSI_TOKEN_COUNT; i++)
        limits->token_limit[i] = REQUEST_HEADER_MAX;
    for (size_t i = 0; i < METHOD_COUNT; i++)
        limits->token_limit[methods[i].token] = REQUEST_TARGET_MAX;
}

int request_is_cut(struct lws *wsi)
{
    int target = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);

    for (size_t i = 0; i < METHOD_COUNT; i++)
        target += lws_hdr_total_length(wsi, methods[i].token);
    if (target >= REQUEST_TARGET_MAX)
        return 414;
    for (int i = 0; i < WSI_TOKEN_COUNT; i++)
        if (lws_hdr_total_length(wsi, (enum lws_token_indexes)i) >= REQUEST_HEADER_MAX)
            return 431;
    return 0;
}

const struct request_method *request_method(struct lws *wsi)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (lws_hdr_total_length(wsi, methods[i].token) > 0)
            return &methods[i];
    return NULL;
}

/* A header that libwebsockets has no token for; `name` is in small letters and ends with a colon.
 */
static struct cc_slice custom_header(struct lws *wsi, const char *name)
{
    int name_size = (int)strlen(name);
    int size = lws_hdr_custom_length(wsi, name, name_size);
    char *text;

    if (size <= 0)
        return slice_of(NULL, 0);
    text = arena_alloc(arena_of(wsi), (size_t)size + 1);
    if (!text || lws_hdr_custom_copy(wsi, text, size + 1, name, name_size) < 0)
        return slice_of(NULL, 0);
    return slice_of(text, strlen(text));
}

/* The part of a query between two ampersands has been decoded: an ampersand in it is encoded again,
 * so that it does not part. */
static void append_query_part(struct buffer *query, const char *part, size_t size)
{
    if (query->size)
        buffer_append_byte(query, '&');
    for (size_t i = 0; i < size; i++) {
        if (part[i] == '&')
            buffer_append(query, "%26", 3);
        else if (part[i] == '%')
            buffer_append(query, "%25", 3);
        else if (part[i] == '+')
            buffer_append(query, "%2B", 3);
        else
            buffer_append_byte(query, part[i]);
    }
}

struct cc_slice request_query(struct lws *wsi, struct buffer *query)
{
    char part[REQUEST_HEADERS_MAX];
    int size;

    buffer_clear(query);
    for (int i = 0;
         (size = lws_hdr_copy_fragment(wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0;
         i++)
        append_query_part(query, part, (size_t)size);
    return query->failed ? slice_of(NULL, 0) : buffer_slice(query);
}

void request_fill(struct lws *wsi, const struct request_method *method, struct cc_http_request *to,
                  struct http_headers *headers)
{
    memset(to, 0, sizeof *to);
    memset(headers, 0, sizeof *headers);
    to->method = slice_str(method->name);
    to->path = request_header(wsi, method->token);
    to->authorization = request_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
    to->if_none_match = request_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH);
    to->accept_encoding = request_header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING);
    headers->origin = request_header(wsi, WSI_TOKEN_ORIGIN);
    headers->wanted_method = custom_header(wsi, "access-control-request-method:");
    headers->idempotency_key = custom_header(wsi, "idempotency-key:");
    headers->acting_user = custom_header(wsi, "x-chatcore-user:");
}

struct cc_slice request_trace_parent(struct lws *wsi)
{
    return custom_header(wsi, "traceparent:");
}

long long request_body_size(struct lws *wsi)
{
    struct cc_slice text = request_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    long long size = 0;

    if (request_header(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING).size || text.size > 15)
        return REQUEST_BODY_UNTOLD - 1;
    if (!text.size)
        return REQUEST_BODY_UNTOLD;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return REQUEST_BODY_UNTOLD - 1;
        size = size * 10 + (text.data[i] - '0');
    }
    return size;
}

bool request_is_packed(struct lws *wsi)
{
    struct cc_slice coding = request_header(wsi, WSI_TOKEN_HTTP_CONTENT_ENCODING);

    return coding.size && !slice_equal(coding, slice_str("identity"));
}

/* With a space before the colon it is another header for libwebsockets, and the same for others. */
bool request_is_ambiguous(struct lws *wsi)
{
    return custom_header(wsi, "transfer-encoding :").size ||
           custom_header(wsi, "content-length :").size;
}

int request_invite_body(struct lws *wsi, struct buffer *scratch)
{
    static const char invitation[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (!slice_equal(request_header(wsi, WSI_TOKEN_HTTP_EXPECT), slice_str("100-continue")))
        return 0;
    buffer_clear(scratch);
    buffer_append(scratch, invitation, sizeof invitation - 1);
    if (scratch->failed)
        return 0; /* it comes after a while */
    return lws_write(wsi, (unsigned char *)scratch->data, scratch->size, LWS_WRITE_RAW) < 0 ? -1
                                                                                            : 0;
}
