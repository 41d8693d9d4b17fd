/*
 * Claims: what a token must say, in which types, and the millisecond at which it begins and ends.
 */
#include "backends/auth/claims.h"

#include "chatcore/error.h"
#include "support/test.h"

#include <stdio.h>

#define NOW 1700000000000

static int read_with(const char *json, const struct claims_rules *rules, struct claims *ret_claims)
{
    struct arena arena;
    int r;

    arena_init(&arena, cc_allocator_default());
    r = claims_read(slice_str(json), rules, &arena, ret_claims);
    arena_deinit(&arena);
    return r;
}

static int read_at(const char *json, int64_t now_ms)
{
    struct claims_rules rules = {.now_ms = now_ms};
    struct claims claims;

    return read_with(json, &rules, &claims);
}

static void takes_what_it_needs(void **state)
{
    struct claims_rules rules = {.now_ms = NOW};
    struct claims claims;

    (void)state;
    assert_int_equal(read_with(" { \"sub\" : \"alice\" , \"exp\" : 1700000001 } ", &rules, &claims),
                     0);
    assert_int_equal(claims.expires_ms, 1700000001000);
    assert_false(claims.is_admin);
    assert_int_equal(read_with("{\"x\":{\"sub\":[\"eve\"]},\"exp\":1700000001,\"sub\":\"bob\","
                               "\"admin\":true,\"iat\":\"?\"}",
                               &rules, &claims),
                     0);
    assert_true(slice_equal(claims.user, slice_str("bob")));
    assert_true(claims.is_admin);
    assert_int_equal(
        read_with("{\"sub\":\"bob\",\"exp\":1700000001,\"admin\":false}", &rules, &claims), 0);
    assert_false(claims.is_admin);
}

static void takes_what_it_can_be_revoked_by(void **state)
{
    struct claims_rules rules = {.now_ms = NOW};
    struct claims claims;

    (void)state;
    assert_int_equal(read_with("{\"sub\":\"bob\",\"exp\":1700000001,\"jti\":\"t-1\","
                               "\"iat\":1699999999.5}",
                               &rules, &claims),
                     0);
    assert_true(slice_equal(claims.token_id, slice_str("t-1")));
    assert_int_equal(claims.issued_ms, 1699999999500);
    assert_int_equal(
        read_with("{\"sub\":\"bob\",\"exp\":1700000001,\"jti\":7,\"iat\":\"?\"}", &rules, &claims),
        0);
    assert_int_equal(claims.token_id.size, 0);
    assert_int_equal(claims.issued_ms, 0);
    assert_int_equal(
        read_at("{\"sub\":\"bob\",\"exp\":1700000001,\"jti\":\"a\",\"jti\":\"b\"}", NOW),
        CC_EUNAUTHORIZED);
}

/* JSON has more than one way to write a string; they mean the same. */
static void reads_escapes(void **state)
{
    struct claims_rules rules = {.now_ms = NOW};
    struct claims claims;
    struct arena arena;

    (void)state;
    arena_init(&arena, cc_allocator_default());
    assert_int_equal(claims_read(slice_str("{\"\\u0073ub\":\"J\\u00f8\\\"\",\"exp\":1700000001}"),
                                 &rules, &arena, &claims),
                     0);
    assert_true(slice_equal(claims.user, slice_str("J\xc3\xb8\"")));
    arena_deinit(&arena);
}

static void refuses_what_is_missing_doubled_or_of_another_type(void **state)
{
    static const char *const payloads[] = {
        "",
        "{",
        "{}",
        "[]",
        "null",
        "\"sub\"",
        "{\"sub\":\"alice\"}",
        "{\"exp\":1700000001}",
        "{\"sub\":\"alice\",\"exp\":1700000001",
        "{\"sub\":\"alice\",\"exp\":1700000001}}",
        "{\"sub\":\"alice\",\"exp\":1700000001} {}",
        "{\"sub\":\"alice\",\"exp\":1700000001,}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"sub\":\"alice\"}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"s\\u0075b\":\"eve\"}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"exp\":1700000001}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"admin\":true,\"admin\":false}",
        "{\"sub\":\"alice\",\"exp\":\"1700000001\"}",
        "{\"sub\":\"alice\",\"exp\":\"2099-01-01T00:00:00Z\"}",
        "{\"sub\":\"alice\",\"exp\":null}",
        "{\"sub\":\"alice\",\"exp\":true}",
        "{\"sub\":\"alice\",\"exp\":[1700000001]}",
        "{\"sub\":\"alice\",\"exp\":NaN}",
        "{\"sub\":\"alice\",\"exp\":01700000001}",
        "{\"sub\":1,\"exp\":1700000001}",
        "{\"sub\":null,\"exp\":1700000001}",
        "{\"sub\":[\"alice\"],\"exp\":1700000001}",
        "{\"sub\":\"\",\"exp\":1700000001}",
        "{\"sub\":\"al ice\",\"exp\":1700000001}",
        "{\"sub\":\"al\\nice\",\"exp\":1700000001}",
        "{\"sub\":\"al\\u0000ice\",\"exp\":1700000001}",
        "{\"sub\":\"\\ud800\",\"exp\":1700000001}",
        "{\"sub\":\"\xff\",\"exp\":1700000001}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"nbf\":\"1\"}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"nbf\":null}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"aud\":1}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"aud\":[1]}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"aud\":[[]]}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"iss\":{}}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"admin\":1}",
        "{\"sub\":\"alice\",\"exp\":1700000001,\"admin\":\"true\"}",
        "{sub:\"alice\",\"exp\":1700000001}",
    };

    (void)state;
    assert_int_equal(read_at("{\"sub\":\"alice\",\"exp\":1700000001}", NOW), 0);
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++)
        if (read_at(payloads[i], NOW) != CC_EUNAUTHORIZED)
            fail_msg("taken: %s", payloads[i]);
}

static void a_name_has_64_bytes_at_most(void **state)
{
    char json[256];

    (void)state;
    snprintf(json, sizeof json, "{\"sub\":\"%064d\",\"exp\":1700000001}", 0);
    assert_int_equal(read_at(json, NOW), 0);
    snprintf(json, sizeof json, "{\"sub\":\"%065d\",\"exp\":1700000001}", 0);
    assert_int_equal(read_at(json, NOW), CC_EUNAUTHORIZED);
}

/* `exp` is the first moment at which it is no longer good, `nbf` the first at which it is. */
static void begins_and_ends_to_the_millisecond(void **state)
{
    static const char ends[] = "{\"sub\":\"a\",\"exp\":1700000000.25}";
    static const char begins[] = "{\"sub\":\"a\",\"exp\":1800000000,\"nbf\":1700000000.001}";

    (void)state;
    assert_int_equal(read_at(ends, NOW + 249), 0);
    assert_int_equal(read_at(ends, NOW + 250), CC_EEXPIRED);
    assert_int_equal(read_at(begins, NOW), CC_EUNAUTHORIZED);
    assert_int_equal(read_at(begins, NOW + 1), 0);
    assert_int_equal(read_at("{\"sub\":\"a\",\"exp\":0}", NOW), CC_EEXPIRED);
    assert_int_equal(read_at("{\"sub\":\"a\",\"exp\":-1}", NOW), CC_EEXPIRED);
    assert_int_equal(read_at("{\"sub\":\"a\",\"exp\":1.8e9}", NOW), 0);
}

static void the_leeway_widens_both_ends(void **state)
{
    struct claims_rules rules = {.leeway_ms = 500};
    struct claims claims;

    (void)state;
    rules.now_ms = NOW + 499;
    assert_int_equal(read_with("{\"sub\":\"a\",\"exp\":1700000000}", &rules, &claims), 0);
    assert_int_equal(claims.expires_ms, NOW + 500);
    rules.now_ms = NOW + 500;
    assert_int_equal(read_with("{\"sub\":\"a\",\"exp\":1700000000}", &rules, &claims), CC_EEXPIRED);
    rules.now_ms = NOW - 500;
    assert_int_equal(
        read_with("{\"sub\":\"a\",\"exp\":1800000000,\"nbf\":1700000000}", &rules, &claims), 0);
    rules.now_ms = NOW - 501;
    assert_int_equal(
        read_with("{\"sub\":\"a\",\"exp\":1800000000,\"nbf\":1700000000}", &rules, &claims),
        CC_EUNAUTHORIZED);
}

/* Far away is far away, in whatever number it is written. */
static void no_number_overflows(void **state)
{
    static const char *const never[] = {
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "9e15",
        "9223372036854775.5",
    };
    static const char *const long_ago[] = {"-9223372036854775808", "-9223372036854775809", "-1e300",
                                           "-0.0"};
    struct claims_rules rules = {.now_ms = NOW, .leeway_ms = INT64_MAX};
    struct claims claims;
    char json[128];

    (void)state;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        snprintf(json, sizeof json, "{\"sub\":\"a\",\"exp\":%s}", never[i]);
        rules.leeway_ms = INT64_MAX;
        assert_int_equal(read_with(json, &rules, &claims), 0);
        assert_int_equal(claims.expires_ms, INT64_MAX);
        snprintf(json, sizeof json, "{\"sub\":\"a\",\"exp\":1800000000,\"nbf\":%s}", never[i]);
        rules.leeway_ms = 0;
        assert_int_equal(read_with(json, &rules, &claims), CC_EUNAUTHORIZED);
    }
    for (size_t i = 0; i < sizeof long_ago / sizeof long_ago[0]; i++) {
        snprintf(json, sizeof json, "{\"sub\":\"a\",\"exp\":%s}", long_ago[i]);
        assert_int_equal(read_at(json, NOW), CC_EEXPIRED);
        snprintf(json, sizeof json, "{\"sub\":\"a\",\"exp\":1800000000,\"nbf\":%s}", long_ago[i]);
        assert_int_equal(read_at(json, NOW), 0);
    }
}

static void compares_audience_and_issuer(void **state)
{
    static const struct {
        const char *members;
        int status;
    } cases[] = {
        {"\"aud\":\"chat\",\"iss\":\"https://id\"", 0},
        {"\"aud\":[\"chat\"],\"iss\":\"https://id\"", 0},
        {"\"aud\":[\"mail\",\"chat\",\"web\"],\"iss\":\"https://id\"", 0},
        {"\"iss\":\"https://id\"", CC_EUNAUTHORIZED},
        {"\"aud\":[],\"iss\":\"https://id\"", CC_EUNAUTHORIZED},
        {"\"aud\":\"Chat\",\"iss\":\"https://id\"", CC_EUNAUTHORIZED},
        {"\"aud\":\"chat2\",\"iss\":\"https://id\"", CC_EUNAUTHORIZED},
        {"\"aud\":[\"cha\",\"t\"],\"iss\":\"https://id\"", CC_EUNAUTHORIZED},
        {"\"aud\":\"chat\"", CC_EUNAUTHORIZED},
        {"\"aud\":\"chat\",\"iss\":\"https://i\"", CC_EUNAUTHORIZED},
        {"\"aud\":\"chat\",\"iss\":[\"https://id\"]", CC_EUNAUTHORIZED},
    };
    struct claims_rules rules = {
        .now_ms = NOW, .audience = slice_str("chat"), .issuer = slice_str("https://id")};
    struct claims claims;
    char json[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(json, sizeof json, "{\"sub\":\"a\",\"exp\":1800000000,%s}", cases[i].members);
        assert_int_equal(read_with(json, &rules, &claims), cases[i].status);
    }
}

/* An expired token for somebody else is not called expired: its holder gains nothing by renewing.
 */
static void what_else_is_wrong_comes_before_the_time(void **state)
{
    struct claims_rules rules = {.now_ms = NOW, .audience = slice_str("chat")};
    struct claims claims;

    (void)state;
    assert_int_equal(read_with("{\"sub\":\"a\",\"exp\":1,\"aud\":\"mail\"}", &rules, &claims),
                     CC_EUNAUTHORIZED);
    assert_int_equal(read_with("{\"sub\":\"a\",\"exp\":1,\"aud\":\"chat\"}", &rules, &claims),
                     CC_EEXPIRED);
}

static void the_other_way_to_write_times(void **state)
{
    struct claims_rules rules = {.time = CLAIMS_TIME_ISO8601, .now_ms = NOW};
    struct claims claims;

    (void)state;
    assert_int_equal(
        read_with("{\"sub\":\"a\",\"exp\":\"2023-11-14T22:13:20.001+00:00\"}", &rules, &claims), 0);
    assert_int_equal(claims.expires_ms, NOW + 1);
    assert_int_equal(read_with("{\"sub\":\"a\",\"exp\":\"2023-11-14T22:13:20Z\"}", &rules, &claims),
                     CC_EEXPIRED);
    assert_int_equal(read_with("{\"sub\":\"a\",\"exp\":1800000000}", &rules, &claims),
                     CC_EUNAUTHORIZED);
    assert_int_equal(read_with("{\"sub\":\"a\",\"exp\":\"2099-01-01T00:00:00Z\","
                               "\"nbf\":\"2098-01-01T00:00:00Z\"}",
                               &rules, &claims),
                     CC_EUNAUTHORIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_it_needs),
        cmocka_unit_test(takes_what_it_can_be_revoked_by),
        cmocka_unit_test(reads_escapes),
        cmocka_unit_test(refuses_what_is_missing_doubled_or_of_another_type),
        cmocka_unit_test(a_name_has_64_bytes_at_most),
        cmocka_unit_test(begins_and_ends_to_the_millisecond),
        cmocka_unit_test(the_leeway_widens_both_ends),
        cmocka_unit_test(no_number_overflows),
        cmocka_unit_test(compares_audience_and_issuer),
        cmocka_unit_test(what_else_is_wrong_comes_before_the_time),
        cmocka_unit_test(the_other_way_to_write_times),
    };

    return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
