/*
 * Putting a command together.
 */
#include "gateway/rest_request.h"

#include "chatcore/error.h"
#include "wire/fields.h"

#include <stdio.h>

/* --- values as JSON --------------------------------------------------------------------------- */

/* Text as a JSON string; whether it is UTF-8 is seen when it is decoded. */
static void append_string(struct buffer *out, struct cc_slice text)
{
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        char escape[8];

        if (byte == '"' || byte == '\\') {
            buffer_append_byte(out, '\\');
            buffer_append_byte(out, text.data[i]);
        } else if (byte < ' ') {
            snprintf(escape, sizeof escape, "\\u%04x", byte);
            buffer_append(out, escape, 6);
        } else {
            buffer_append_byte(out, text.data[i]);
        }
    }
    buffer_append_byte(out, '"');
}

/* JSON has no numbers with leading zeros, and nothing else that consists of digits. */
static bool is_number(struct cc_slice text)
{
    if (!text.size || (text.size > 1 && *text.data == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return true;
}

static const struct field *field_of(enum cc_command_type command, struct cc_slice key)
{
    struct fields fields = fields_of(command);

    for (size_t i = 0; i < fields.count; i++)
        if (slice_equal(fields.fields[i].key, key))
            return &fields.fields[i];
    return NULL;
}

static bool is_integer_field(const struct field *field)
{
    return field->type == &field_number || field->type == &field_number32 ||
           field->type == &field_time;
}

/* What is no number where one is wanted stays text: then it is refused by its name. */
static void append_value(struct buffer *out, const struct field *field, struct cc_slice text)
{
    if (is_integer_field(field) && is_number(text))
        buffer_append_slice(out, text);
    else
        append_string(out, text);
}

static void append_key(struct buffer *out, struct cc_slice key)
{
    if (out->size > 1)
        buffer_append_byte(out, ',');
    append_string(out, key);
    buffer_append_byte(out, ':');
}

/* --- the path --------------------------------------------------------------------------------- */

/* libwebsockets has decoded the path, so a slash inside a segment comes encoded twice: %252F has
 * become %2F by now, and %2525 (for a percent sign before one) %25. */
static void append_segment(struct buffer *out, struct cc_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool is_escape = text.data[i] == '%' && text.size - i > 2 && text.data[i + 1] == '2';
        char low = is_escape ? text.data[i + 2] : '\0';

        if (low == 'F' || low == 'f' || low == '5') {
            buffer_append_byte(out, low == '5' ? '%' : '/');
            i += 2;
        } else {
            buffer_append_byte(out, text.data[i]);
        }
    }
}

static void append_parameters(struct buffer *out, const struct rest_match *match,
                              struct buffer *scratch)
{
    for (size_t i = 0; i < match->parameter_count; i++) {
        buffer_clear(scratch);
        append_segment(scratch, match->parameters[i].value);
        append_key(out, match->parameters[i].key);
        append_string(out, buffer_slice(scratch));
        out->failed = out->failed || scratch->failed;
    }
}

/* --- the query -------------------------------------------------------------------------------- */

/* Takes the part of `text` up to `end`. */
static struct cc_slice take_until(struct cc_slice *text, char end)
{
    const char *at = text->size ? memchr(text->data, end, text->size) : NULL;
    size_t size = at ? (size_t)(at - text->data) : text->size;
    struct cc_slice part = slice_of(text->data, size);

    *text = slice_of(text->data + size + (at != NULL), text->size - size - (at != NULL));
    return part;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* What is no escape stands for itself. */
static void append_decoded(struct buffer *out, struct cc_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        int high = text.data[i] == '%' && text.size - i > 2 ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;

        if (low >= 0) {
            buffer_append_byte(out, (char)(high * 16 + low));
            i += 2;
        } else {
            buffer_append_byte(out, text.data[i] == '+' ? ' ' : text.data[i]);
        }
    }
}

/* The values of one key, each given to a JSON array or, if the field is no list, written as its
 * own member: so that a repeated one is refused. */
static void append_query_key(struct buffer *out, const struct field *field, struct cc_slice query,
                             struct buffer *scratch)
{
    bool is_list = field->type == &field_names;
    size_t count = 0;

    while (query.size) {
        struct cc_slice value = take_until(&query, '&');
        struct cc_slice key = take_until(&value, '=');

        if (!slice_equal(key, field->key))
            continue;
        buffer_clear(scratch);
        append_decoded(scratch, value);
        if (!is_list || !count)
            append_key(out, key);
        if (is_list)
            buffer_append_byte(out, count ? ',' : '[');
        append_value(out, field, buffer_slice(scratch));
        out->failed = out->failed || scratch->failed;
        count++;
    }
    if (is_list && count)
        buffer_append_byte(out, ']');
}

static void append_query(struct buffer *out, const struct rest_route *route, struct cc_slice query,
                         struct buffer *scratch)
{
    struct cc_slice names = slice_str(route->query);

    while (names.size) {
        const struct field *field = field_of(route->command, take_until(&names, ' '));

        if (field)
            append_query_key(out, field, query, scratch);
    }
}

/* --- the body --------------------------------------------------------------------------------- */

static struct cc_slice skip_space(struct cc_slice text)
{
    while (text.size && memchr(" \t\r\n", *text.data, 4)) {
        text.data++;
        text.size--;
    }
    return text;
}

/* A retry is known by its client_id; who can't put one into the body may use a header. */
static void append_idempotency(struct buffer *out, const struct rest_route *route,
                               struct cc_slice key)
{
    if ((route->command != CC_COMMAND_SEND && route->command != CC_COMMAND_CREATE) || !key.size)
        return;
    append_key(out, slice_str("client_id"));
    append_string(out, key);
}

/* Everything but the body, as the beginning of an object. */
static void append_outer(struct buffer *out, const struct http_exchange *exchange,
                         const struct rest_match *match)
{
    struct buffer scratch;

    buffer_init(&scratch, out->allocator);
    buffer_append_byte(out, '{');
    append_parameters(out, match, &scratch);
    append_query(out, match->route, exchange->request.query, &scratch);
    append_idempotency(out, match->route, exchange->headers.idempotency_key);
    if (*match->route->fixed) {
        if (out->size > 1)
            buffer_append_byte(out, ',');
        buffer_append(out, match->route->fixed, strlen(match->route->fixed));
    }
    buffer_deinit(&scratch);
}

/* A body that is no object is decoded as it stands, and so refused. */
static void append_body(struct buffer *out, struct cc_slice body)
{
    body = skip_space(body);
    if (!body.size) {
        buffer_append_byte(out, '}');
        return;
    }
    if (*body.data != '{') {
        buffer_clear(out);
        buffer_append_slice(out, body);
        return;
    }
    body = skip_space(slice_of(body.data + 1, body.size - 1));
    if (out->size > 1 && body.size && *body.data != '}')
        buffer_append_byte(out, ',');
    buffer_append_slice(out, body);
}

/* What a GET asks stands in its address alone. */
static bool takes_body(const struct rest_route *route)
{
    return strcmp(route->method, "GET") != 0;
}

void rest_decode(struct wire_decoder *decoder, const struct http_exchange *exchange,
                 const struct rest_match *match, struct buffer *joined, struct wire_item *ret_item)
{
    struct cc_slice body = buffer_slice(&exchange->body);

    memset(ret_item, 0, sizeof *ret_item);
    ret_item->command.type = match->route->command;
    buffer_clear(joined);
    append_outer(joined, exchange, match);
    append_body(joined, takes_body(match->route) ? body : slice_of(NULL, 0));
    if (joined->failed)
        ret_item->error = CC_ENOMEM;
    else
        wire_decode_body(decoder, buffer_slice(joined), WIRE_JSON, ret_item);
}
