/*
 * PASETO v4.public.
 */
#include "backends/auth/paseto.h"

#include "backends/auth/base64url.h"
#include "chatcore/error.h"

#define HEADER          "v4.public."
#define HEADER_BYTES    (sizeof HEADER - 1)
#define SIGNATURE_BYTES 64

/* What is signed: the header, the payload, the footer, the implicit assertion. */
#define PIECES 4

bool paseto_is(struct cc_slice token)
{
    return token.size >= HEADER_BYTES && memcmp(token.data, HEADER, HEADER_BYTES) == 0;
}

static char *put_length(char *to, uint64_t length)
{
    for (int byte = 0; byte < 8; byte++)
        *to++ = (char)(uint8_t)(length >> (8 * byte));
    return to;
}

/* The pre-authentication encoding: how many pieces, then each behind its length. */
static int encode_pieces(const struct cc_slice pieces[PIECES], struct arena *arena,
                         struct cc_slice *ret_encoded)
{
    size_t size = 8;
    char *encoded;
    char *to;

    for (int i = 0; i < PIECES; i++)
        size += 8 + pieces[i].size;
    encoded = arena_alloc(arena, size);
    if (!encoded)
        return CC_ENOMEM;
    to = put_length(encoded, PIECES);
    for (int i = 0; i < PIECES; i++) {
        to = put_length(to, pieces[i].size);
        if (pieces[i].size)
            memcpy(to, pieces[i].data, pieces[i].size);
        to += pieces[i].size;
    }
    *ret_encoded = slice_of(encoded, size);
    return 0;
}

/* The body and the footer (empty when there is none), decoded. */
static int take_apart(struct cc_slice token, struct arena *arena, struct cc_slice *ret_body,
                      struct cc_slice *ret_footer)
{
    struct cc_slice body = slice_of(token.data + HEADER_BYTES, token.size - HEADER_BYTES);
    const char *dot = body.size ? memchr(body.data, '.', body.size) : NULL;
    struct cc_slice footer = {NULL, 0};
    int r;

    if (dot) {
        footer = slice_of(dot + 1, (size_t)(body.data + body.size - (dot + 1)));
        body.size = (size_t)(dot - body.data);
        if (!footer.size)
            return CC_EUNAUTHORIZED; /* a second way to write a token without one */
    }
    r = base64url_bytes(body, arena, ret_body);
    if (!r)
        r = base64url_bytes(footer, arena, ret_footer);
    return r == CC_EINVAL ? CC_EUNAUTHORIZED : r;
}

int paseto_open(struct cc_slice token, const struct key *keys, struct arena *arena,
                struct cc_slice *ret_payload)
{
    struct cc_slice pieces[PIECES] = {{HEADER, HEADER_BYTES}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct cc_slice message;
    struct cc_slice body;
    int r;

    if (!paseto_is(token))
        return CC_EUNAUTHORIZED;
    r = take_apart(token, arena, &body, &pieces[2]);
    if (r)
        return r;
    if (body.size < SIGNATURE_BYTES)
        return CC_EUNAUTHORIZED;
    pieces[1] = slice_of(body.data, body.size - SIGNATURE_BYTES);
    r = encode_pieces(pieces, arena, &message);
    if (r)
        return r;
    for (const struct key *key = keys; key; key = key->next) {
        if (key->algorithm != KEY_PASETO)
            continue;
        r = key_verify(key, message, slice_of(body.data + pieces[1].size, SIGNATURE_BYTES));
        if (r == 0)
            *ret_payload = pieces[1];
        if (r != CC_EUNAUTHORIZED)
            return r;
    }
    return CC_EUNAUTHORIZED;
}
