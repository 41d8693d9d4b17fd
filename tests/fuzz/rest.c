/*
 * REST requests: that whatever stands in query, header and body, the command is the route's, and
 * about what the path names.
 *
 * An input is four lines, method, path (as libwebsockets has decoded it), query and
 * Idempotency-Key, and then the body.
 */
#include "gateway/rest_request.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cc_slice take_line(struct cc_slice *rest)
{
    const char *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    size_t size = end ? (size_t)(end - rest->data) : rest->size;
    struct cc_slice line = slice_of(rest->data, size);

    *rest = slice_of(rest->data + size + (end != NULL), rest->size - size - (end != NULL));
    return line;
}

/* What a segment of a path means: %2F is a slash by now, %25 a percent sign. */
static size_t unescape(struct cc_slice segment, char *to)
{
    size_t used = 0;

    for (size_t i = 0; i < segment.size; i++) {
        const char *at = segment.data + i;
        bool is_escape = segment.size - i > 2 && at[0] == '%' && at[1] == '2' &&
                         (at[2] == 'F' || at[2] == 'f' || at[2] == '5');

        to[used++] = is_escape ? (at[2] == '5' ? '%' : '/') : *at;
        i += is_escape ? 2 : 0;
    }
    return used;
}

/* The member that a parameter of a path sets; NULL for those that are no text. */
static const struct cc_slice *member_of(const struct cc_command *command, struct cc_slice key)
{
    if (slice_equal(key, slice_str("conversation")))
        return &command->conversation;
    if (slice_equal(key, slice_str("user")))
        return &command->user;
    if (slice_equal(key, slice_str("emoji")))
        return &command->emoji;
    if (slice_equal(key, slice_str("media")))
        return &command->media_id;
    return slice_equal(key, slice_str("device")) ? &command->device : NULL;
}

static void check_command(const struct rest_match *match, const struct cc_command *command)
{
    const struct rest_route *route = match->route;

    if (command->type != route->command)
        abort();
    for (size_t i = 0; i < match->parameter_count; i++) {
        const struct cc_slice *member = member_of(command, match->parameters[i].key);
        struct cc_slice value = match->parameters[i].value;
        char *wanted = malloc(value.size + 1);

        if (member && wanted && !slice_equal(*member, slice_of(wanted, unescape(value, wanted))))
            abort();
        free(wanted);
    }
    if (*route->fixed && command->on != !strcmp(route->fixed, "\"on\":true"))
        abort();
}

static void decode(struct http_exchange *exchange, const struct rest_match *match)
{
    struct wire_decoder decoder;
    struct buffer joined;
    struct wire_item item;

    wire_decoder_init(&decoder, cc_allocator_default());
    buffer_init(&joined, cc_allocator_default());
    rest_decode(&decoder, exchange, match, &joined, &item);
    if (!item.error)
        check_command(match, &item.command);
    buffer_deinit(&joined);
    wire_decoder_deinit(&decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cc_slice rest = slice_of(data, size);
    struct cc_http_request request = {.method = take_line(&rest), .path = take_line(&rest)};
    struct http_headers headers = {0};
    struct http_exchange *exchange;
    struct rest_match match;
    char methods[64];

    request.query = take_line(&rest);
    headers.idempotency_key = take_line(&rest);
    rest_match(request.method, request.path, &match);
    rest_methods(request.path, methods, sizeof methods);
    if (match.is_path != (methods[0] != '\0') || (match.route && !match.is_path))
        abort();
    exchange = match.route ? http_exchange_new(cc_allocator_default(), &request, &headers) : NULL;
    if (!exchange)
        return 0;
    buffer_append_slice(&exchange->body, rest);
    rest_match(exchange->request.method, exchange->request.path, &match);
    decode(exchange, &match);
    http_exchange_free(exchange);
    return 0;
}
