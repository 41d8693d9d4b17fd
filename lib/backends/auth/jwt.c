/*
 * JSON Web Tokens.
 */
#include "backends/auth/jwt.h"

#include "backends/auth/base64url.h"
#include "chatcore/error.h"
#include "wire/reader.h"

struct header {
    enum key_algorithm algorithm;
    struct cc_slice kid; /* empty: none */
    bool has_algorithm;
    bool has_kid;
};

/* RFC 7518, 3.1; RFC 8037, 3.1, and the name that RFC 9864 gives it. */
static const struct {
    const char *name;
    enum key_algorithm algorithm;
} algorithms[] = {
    {"HS256", KEY_HS256}, {"RS256", KEY_RS256},   {"ES256", KEY_ES256},
    {"EdDSA", KEY_EDDSA}, {"Ed25519", KEY_EDDSA},
};

static bool take_algorithm(struct header *header, const struct value *value)
{
    if (header->has_algorithm || value->type != VALUE_STRING)
        return false;
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (slice_equal(value->bytes, slice_str(algorithms[i].name))) {
            header->algorithm = algorithms[i].algorithm;
            header->has_algorithm = true;
        }
    return header->has_algorithm;
}

static bool take_kid(struct header *header, const struct value *value)
{
    if (header->has_kid || value->type != VALUE_STRING)
        return false;
    header->kid = value->bytes;
    header->has_kid = true;
    return true;
}

/* A member's value. False: the token is refused. */
static bool take_member(struct reader *reader, struct cc_slice key, struct header *header)
{
    struct value value;

    if (slice_equal(key, slice_str("crit")))
        return false;
    if (slice_equal(key, slice_str("alg"))) {
        reader_value(reader, &value);
        return take_algorithm(header, &value);
    }
    if (slice_equal(key, slice_str("kid"))) {
        reader_value(reader, &value);
        return take_kid(header, &value);
    }
    reader_skip(reader);
    return true;
}

static int header_read(struct cc_slice json, struct arena *arena, struct header *ret_header)
{
    struct header header = {0};
    struct reader reader;
    struct scope scope;
    struct value key;
    bool good = true;

    reader_init(&reader, WIRE_JSON, json, arena);
    reader_open_object(&reader, &scope);
    while (good && reader_next_member(&reader, &scope, &key))
        good = take_member(&reader, key.bytes, &header);
    if (reader.no_memory)
        return CC_ENOMEM;
    if (!good || reader_failed(&reader) || !reader_is_at_end(&reader) || !header.has_algorithm)
        return CC_EUNAUTHORIZED;
    *ret_header = header;
    return 0;
}

static bool is_for(const struct key *key, const struct header *header)
{
    return key->algorithm == header->algorithm &&
           (!key->kid.size || slice_equal(key->kid, header->kid));
}

/* 0 when one of the keys has signed the message. */
static int verify(const struct key *keys, const struct header *header, struct cc_slice message,
                  struct cc_slice signature)
{
    for (const struct key *key = keys; key; key = key->next) {
        int r = is_for(key, header) ? key_verify(key, message, signature) : CC_EUNAUTHORIZED;

        if (r != CC_EUNAUTHORIZED)
            return r;
    }
    return CC_EUNAUTHORIZED;
}

/* The three parts, without their dots. */
static bool split(struct cc_slice token, struct cc_slice parts[3])
{
    const char *at = token.data;
    const char *end = at + token.size;

    for (int i = 0; i < 2; i++) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;

        if (!dot)
            return false;
        parts[i] = slice_of(at, (size_t)(dot - at));
        at = dot + 1;
    }
    parts[2] = slice_of(at, (size_t)(end - at));
    return true; /* one dot more is no character of base64url */
}

int jwt_open(struct cc_slice token, const struct key *keys, struct arena *arena,
             struct cc_slice *ret_payload)
{
    struct cc_slice parts[3];
    struct cc_slice bytes[3];
    struct header header;
    int r = split(token, parts) ? 0 : CC_EUNAUTHORIZED;

    for (int i = 0; !r && i < 3; i++)
        r = base64url_bytes(parts[i], arena, &bytes[i]);
    if (!r)
        r = header_read(bytes[0], arena, &header);
    if (!r)
        r = verify(keys, &header, slice_of(token.data, parts[0].size + 1 + parts[1].size),
                   bytes[2]);
    if (!r)
        *ret_payload = bytes[1];
    return r == CC_EINVAL ? CC_EUNAUTHORIZED : r;
}
