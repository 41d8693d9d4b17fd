/*
 * JSON Web Key Sets.
 */
#include "backends/auth/jwks.h"

#include "backends/auth/base64url.h"
#include "chatcore/error.h"
#include "wire/reader.h"

/* The members of a key that mean something here; all are strings but KEY_OPS. */
enum member { KTY, CRV, ALG, USE, KID, N, E, X, Y, K, KEY_OPS, MEMBERS };

static const char *const member_names[MEMBERS] = {
    [KTY] = "kty", [CRV] = "crv", [ALG] = "alg", [USE] = "use", [KID] = "kid",         [N] = "n",
    [E] = "e",     [X] = "x",     [Y] = "y",     [K] = "k",     [KEY_OPS] = "key_ops",
};

struct jwk {
    struct cc_slice text[MEMBERS]; /* empty: not there */
    bool has[MEMBERS];
    bool may_verify; /* key_ops, if there, has it */
    bool is_malformed;
};

struct set_reading {
    const struct cc_allocator *allocator;
    struct arena arena;
    struct reader reader;
    struct key *keys;
    struct key **end; /* where the next one goes */
    size_t count;
};

/* --- one key ------------------------------------------------------------------------------------
 */

static bool is(const struct jwk *jwk, enum member member, const char *text)
{
    return slice_equal(jwk->text[member], slice_str(text));
}

static bool is_or_missing(const struct jwk *jwk, enum member member, const char *text)
{
    return !jwk->has[member] || is(jwk, member, text);
}

static void take_operations(struct reader *reader, struct jwk *jwk)
{
    struct value value;
    struct scope scope;

    jwk->may_verify = false;
    reader_value(reader, &value);
    if (value.type != VALUE_ARRAY) {
        jwk->is_malformed = true;
        reader_skip_container(reader, &value);
        return;
    }
    reader_open_array(reader, &scope);
    while (reader_next_element(reader, &scope)) {
        reader_value(reader, &value);
        reader_skip_container(reader, &value);
        if (slice_equal(value.bytes, slice_str("verify")))
            jwk->may_verify = true;
    }
}

static void take_text(struct reader *reader, struct jwk *jwk, enum member member)
{
    struct value value;

    reader_value(reader, &value);
    reader_skip_container(reader, &value);
    if (value.type != VALUE_STRING)
        jwk->is_malformed = true;
    jwk->text[member] = value.bytes;
}

static void take_member(struct reader *reader, struct jwk *jwk, struct cc_slice name)
{
    int member = 0;

    while (member < MEMBERS && !slice_equal(name, slice_str(member_names[member])))
        member++;
    if (member == MEMBERS) {
        reader_skip(reader);
        return;
    }
    if (jwk->has[member])
        jwk->is_malformed = true;
    jwk->has[member] = true;
    if (member == KEY_OPS)
        take_operations(reader, jwk);
    else
        take_text(reader, jwk, (enum member)member);
}

static void jwk_read(struct reader *reader, struct jwk *ret_jwk)
{
    struct scope scope;
    struct value key;

    memset(ret_jwk, 0, sizeof *ret_jwk);
    ret_jwk->may_verify = true;
    reader_open_object(reader, &scope);
    while (reader_next_member(reader, &scope, &key))
        take_member(reader, ret_jwk, key.bytes);
}

static int key_from(const struct cc_allocator *allocator, const struct jwk *jwk,
                    const struct cc_slice bytes[MEMBERS], struct key **ret_key)
{
    struct cc_slice kid = jwk->text[KID];

    if (is(jwk, KTY, "RSA") && is_or_missing(jwk, ALG, "RS256"))
        return key_new_rsa(allocator, kid, bytes[N], bytes[E], ret_key);
    if (is(jwk, KTY, "EC") && is(jwk, CRV, "P-256") && is_or_missing(jwk, ALG, "ES256"))
        return key_new_p256(allocator, kid, bytes[X], bytes[Y], ret_key);
    if (is(jwk, KTY, "OKP") && is(jwk, CRV, "Ed25519") &&
        (is_or_missing(jwk, ALG, "EdDSA") || is(jwk, ALG, "Ed25519")))
        return key_new_ed25519(allocator, kid, KEY_EDDSA, bytes[X], ret_key);
    if (is(jwk, KTY, "oct") && is_or_missing(jwk, ALG, "HS256"))
        return key_new_secret(allocator, kid, bytes[K], ret_key);
    return CC_EINVAL;
}

/* 0, CC_EINVAL (not usable) or CC_ENOMEM. */
static int jwk_key(struct set_reading *reading, const struct jwk *jwk, struct key **ret_key)
{
    struct cc_slice bytes[MEMBERS] = {{NULL, 0}};

    if (jwk->is_malformed || !jwk->may_verify || !is_or_missing(jwk, USE, "sig"))
        return CC_EINVAL;
    for (int member = N; member <= K; member++) {
        int r = base64url_bytes(jwk->text[member], &reading->arena, &bytes[member]);

        if (r)
            return r;
    }
    return key_from(reading->allocator, jwk, bytes, ret_key);
}

/* --- the set ------------------------------------------------------------------------------------
 */

static int take_key(struct set_reading *reading)
{
    struct key *key = NULL;
    struct value value;
    struct jwk jwk;
    int r;

    reader_value(&reading->reader, &value);
    if (value.type != VALUE_OBJECT)
        return CC_EINVAL;
    jwk_read(&reading->reader, &jwk);
    r = reader_failed(&reading->reader) ? CC_EINVAL : jwk_key(reading, &jwk, &key);
    if (r)
        return r == CC_EINVAL && !reader_failed(&reading->reader) ? 0 : r;
    *reading->end = key;
    reading->end = &key->next;
    return ++reading->count > KEYS_MAX ? CC_ETOOLARGE : 0;
}

static int take_keys(struct set_reading *reading)
{
    struct value value;
    struct scope scope;
    int r = 0;

    reader_value(&reading->reader, &value);
    if (value.type != VALUE_ARRAY || reading->keys)
        return CC_EINVAL;
    reader_open_array(&reading->reader, &scope);
    while (!r && reader_next_element(&reading->reader, &scope))
        r = take_key(reading);
    return r;
}

static int take_document(struct set_reading *reading)
{
    struct reader *reader = &reading->reader;
    struct scope scope;
    struct value key;
    int r = 0;

    reader_open_object(reader, &scope);
    while (!r && reader_next_member(reader, &scope, &key)) {
        if (slice_equal(key.bytes, slice_str("keys")))
            r = take_keys(reading);
        else
            reader_skip(reader);
    }
    if (reader->no_memory)
        return CC_ENOMEM;
    if (r)
        return r;
    return reader_failed(reader) || !reader_is_at_end(reader) || !reading->keys ? CC_EINVAL : 0;
}

int jwks_read(const struct cc_allocator *allocator, struct cc_slice json, struct key **ret_keys)
{
    struct set_reading reading = {.allocator = allocator};
    int r;

    reading.end = &reading.keys;
    arena_init(&reading.arena, allocator);
    reader_init(&reading.reader, WIRE_JSON, json, &reading.arena);
    r = take_document(&reading);
    if (r)
        keys_free(allocator, reading.keys);
    else
        *ret_keys = reading.keys;
    arena_deinit(&reading.arena);
    return r;
}
