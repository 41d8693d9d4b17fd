/*
 * Claims: a table of those that mean something here, and a rule for each.
 */
#include "backends/auth/claims.h"

#include "backends/auth/iso8601.h"
#include "chatcore/error.h"
#include "wire/reader.h"

/* Seconds whose milliseconds fit in 64 bits, some 290 million years. */
#define SECONDS_MAX ((int64_t)9000000000000000)

struct reading {
    struct reader reader;
    const struct claims_rules *rules;
    struct claims claims;
    unsigned seen;         /* bits by the place in the table */
    int64_t not_before_ms; /* INT64_MIN: at any time */
    bool audience_matches;
    bool issuer_matches;
};

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

/* A double to milliseconds, to the nearest. False for what is no number. */
static bool ms_of_real(double seconds, int64_t *ret_ms)
{
    if (seconds != seconds)
        return false;
    if (seconds >= (double)SECONDS_MAX)
        *ret_ms = INT64_MAX;
    else if (seconds <= -(double)SECONDS_MAX)
        *ret_ms = INT64_MIN;
    else
        *ret_ms = (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5));
    return true;
}

static bool ms_of_integer(int64_t seconds, int64_t *ret_ms)
{
    if (__builtin_mul_overflow(seconds, (int64_t)1000, ret_ms))
        *ret_ms = seconds > 0 ? INT64_MAX : INT64_MIN;
    return true;
}

static bool ms_of(const struct reading *reading, const struct value *value, int64_t *ret_ms)
{
    if (reading->rules->time == CLAIMS_TIME_ISO8601)
        return value->type == VALUE_STRING && iso8601_parse(value->bytes, ret_ms);
    switch (value->type) {
    case VALUE_INT:
        return ms_of_integer(value->integer, ret_ms);
    case VALUE_UINT:
        *ret_ms = INT64_MAX;
        return true;
    case VALUE_REAL:
        return ms_of_real(value->real, ret_ms);
    default:
        return false;
    }
}

/* --- the claims: each takes its value, and answers whether that may be ---------------------------
 */

static bool take_subject(struct reading *reading, const struct value *value)
{
    reading->claims.user = value->bytes;
    return value->type == VALUE_STRING && name_is_valid(value->bytes);
}

static bool take_expires(struct reading *reading, const struct value *value)
{
    return ms_of(reading, value, &reading->claims.expires_ms);
}

static bool take_not_before(struct reading *reading, const struct value *value)
{
    return ms_of(reading, value, &reading->not_before_ms);
}

static bool take_audience(struct reading *reading, const struct value *value)
{
    struct cc_slice wanted = reading->rules->audience;
    struct value element;
    struct scope scope;

    if (value->type == VALUE_STRING) {
        reading->audience_matches = slice_equal(value->bytes, wanted);
        return true;
    }
    if (value->type != VALUE_ARRAY)
        return false;
    reader_open_array(&reading->reader, &scope);
    while (reader_next_element(&reading->reader, &scope)) {
        reader_value(&reading->reader, &element);
        if (element.type != VALUE_STRING)
            return false;
        if (slice_equal(element.bytes, wanted))
            reading->audience_matches = true;
    }
    return true;
}

static bool take_issuer(struct reading *reading, const struct value *value)
{
    reading->issuer_matches = slice_equal(value->bytes, reading->rules->issuer);
    return value->type == VALUE_STRING;
}

static bool take_admin(struct reading *reading, const struct value *value)
{
    reading->claims.is_admin = value->boolean;
    return value->type == VALUE_BOOL;
}

/* These two refuse nobody for being something else, as long as that is one value. */
static bool is_single(const struct value *value)
{
    return value->type != VALUE_ARRAY && value->type != VALUE_OBJECT;
}

static bool take_token_id(struct reading *reading, const struct value *value)
{
    if (value->type == VALUE_STRING && name_is_valid(value->bytes))
        reading->claims.token_id = value->bytes;
    return is_single(value);
}

static bool take_issued(struct reading *reading, const struct value *value)
{
    if (!ms_of(reading, value, &reading->claims.issued_ms))
        reading->claims.issued_ms = 0;
    return is_single(value);
}

static const struct {
    const char *name;
    bool (*take)(struct reading *reading, const struct value *value);
    bool required;
} table[] = {
    {"sub", take_subject, true},   {"exp", take_expires, true}, {"nbf", take_not_before, false},
    {"aud", take_audience, false}, {"iss", take_issuer, false}, {"admin", take_admin, false},
    {"jti", take_token_id, false}, {"iat", take_issued, false},
};

#define CLAIMS (sizeof table / sizeof table[0])

/* --- the whole ----------------------------------------------------------------------------------
 */

static size_t claim_find(struct cc_slice key)
{
    size_t claim = 0;

    while (claim < CLAIMS && !slice_equal(key, slice_str(table[claim].name)))
        claim++;
    return claim;
}

/* A member's value. False: the token is refused. */
static bool take_member(struct reading *reading, struct cc_slice key)
{
    size_t claim = claim_find(key);
    struct value value;

    if (claim == CLAIMS) {
        reader_skip(&reading->reader);
        return true;
    }
    if (reading->seen & 1U << claim)
        return false;
    reading->seen |= 1U << claim;
    reader_value(&reading->reader, &value);
    return table[claim].take(reading, &value);
}

static bool has_required(const struct reading *reading)
{
    for (size_t claim = 0; claim < CLAIMS; claim++)
        if (table[claim].required && !(reading->seen & 1U << claim))
            return false;
    return true;
}

/* True for one object of claims that may all be. */
static bool read_object(struct reading *reading)
{
    struct reader *reader = &reading->reader;
    struct scope scope;
    struct value key;

    reader_open_object(reader, &scope);
    while (reader_next_member(reader, &scope, &key))
        if (!take_member(reading, key.bytes))
            return false;
    return !reader_failed(reader) && reader_is_at_end(reader) && has_required(reading);
}

static int judge(struct reading *reading)
{
    const struct claims_rules *rules = reading->rules;

    if ((rules->audience.size && !reading->audience_matches) ||
        (rules->issuer.size && !reading->issuer_matches) ||
        reading->not_before_ms > add_saturated(rules->now_ms, rules->leeway_ms))
        return CC_EUNAUTHORIZED;
    reading->claims.expires_ms = add_saturated(reading->claims.expires_ms, rules->leeway_ms);
    return rules->now_ms < reading->claims.expires_ms ? 0 : CC_EEXPIRED;
}

int claims_read(struct cc_slice json, const struct claims_rules *rules, struct arena *arena,
                struct claims *ret_claims)
{
    struct reading reading = {.rules = rules, .not_before_ms = INT64_MIN};
    int r;

    reader_init(&reading.reader, WIRE_JSON, json, arena);
    if (!read_object(&reading))
        return reading.reader.no_memory ? CC_ENOMEM : CC_EUNAUTHORIZED;
    r = judge(&reading);
    if (!r)
        *ret_claims = reading.claims;
    return r;
}
