/*
 * Writing and checking tickets.
 */
#include "backends/media_folder/ticket.h"

#include "base/crypto.h"
#include "wire/uuid.h"

#include <inttypes.h>
#include <stdio.h>

/* Larger than any ticket's text: what is longer is not looked at. */
#define TICKET_TEXT_MAX 2048

static void write_lines(struct buffer *out, const struct ticket *ticket)
{
    char id[UUID_TEXT_BYTES];
    char expires[24];

    uuid_format(&ticket->id, id);
    buffer_append_slice(out, slice_str(ticket->is_upload ? "PUT\n" : "GET\n"));
    buffer_append(out, id, sizeof id);
    snprintf(expires, sizeof expires, "\n%" PRId64 "\n", ticket->expires);
    buffer_append_slice(out, slice_str(expires));
    if (ticket->is_upload)
        info_write(out, &ticket->info);
}

void ticket_write(struct buffer *out, const uint8_t *key, const struct ticket *ticket)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct buffer lines;

    buffer_init(&lines, out->allocator);
    write_lines(&lines, ticket);
    crypto_hmac(key, buffer_slice(&lines), digest);
    crypto_base64url(out, buffer_slice(&lines));
    buffer_append_byte(out, '.');
    crypto_base64url(out, slice_of(digest, sizeof digest));
    out->failed = out->failed || lines.failed;
    buffer_deinit(&lines);
}

/* Both halves of the text, as bytes: the lines are in `out` before the signature. */
static bool split(struct cc_slice text, struct buffer *out, size_t *ret_lines)
{
    const char *dot = text.size ? memchr(text.data, '.', text.size) : NULL;
    size_t size = dot ? (size_t)(dot - text.data) : 0;

    if (!dot || text.size > TICKET_TEXT_MAX ||
        !crypto_base64url_read(slice_of(text.data, size), out))
        return false;
    *ret_lines = out->size;
    return crypto_base64url_read(slice_of(dot + 1, text.size - size - 1), out) &&
           out->size - *ret_lines == CRYPTO_SHA256_BYTES;
}

static bool is_signed(const struct buffer *bytes, size_t lines, const uint8_t *key)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];

    crypto_hmac(key, slice_of(bytes->data, lines), digest);
    return crypto_equal(digest, bytes->data + lines, sizeof digest);
}

static bool read_lines(struct cc_slice text, struct ticket *ticket, int64_t now)
{
    struct lines lines = {.rest = text};
    const char *method = ticket->is_upload ? "PUT" : "GET";
    bool fits = slice_equal(lines_next(&lines), slice_str(method));
    struct cc_id id;

    fits = uuid_parse(lines_next(&lines), &id) && fits;
    ticket->expires = (int64_t)lines_number(&lines, INT64_MAX);
    if (!fits || lines.failed || memcmp(&id, &ticket->id, sizeof id) != 0)
        return false;
    if (ticket->expires <= now)
        return false;
    return ticket->is_upload ? info_read(lines.rest, &ticket->info) : lines.rest.size == 0;
}

bool ticket_read(struct cc_slice text, const uint8_t *key, struct ticket *ticket,
                 const struct cc_allocator *allocator, int64_t now)
{
    struct buffer bytes;
    size_t lines = 0;
    bool is_good;

    buffer_init(&bytes, allocator);
    is_good = split(text, &bytes, &lines) && is_signed(&bytes, lines, key) &&
              read_lines(slice_of(bytes.data, lines), ticket, now);
    buffer_deinit(&bytes);
    return is_good;
}
