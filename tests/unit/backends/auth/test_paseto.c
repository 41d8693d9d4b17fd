/*
 * PASETO v4.public: the vectors of its specification, and forgeries.
 */
#include "backends/auth/paseto.h"

#include "chatcore/error.h"
#include "signer.h"
#include "support/test.h"

#include <stdlib.h>

/* The key of the vectors 4-S-1 to 4-S-3. */
static const uint8_t vector_key[32] = {
    0x1e, 0xb9, 0xdb, 0xbb, 0xbc, 0x04, 0x7c, 0x03, 0xfd, 0x70, 0x60, 0x4e, 0x00, 0x71, 0xf0, 0x98,
    0x7e, 0x16, 0xb2, 0x8b, 0x75, 0x72, 0x25, 0xc1, 0x1f, 0x00, 0x41, 0x5d, 0x0e, 0x20, 0xb1, 0xa2};

#define VECTOR_HEAD                                                                                \
    "v4.public."                                                                                   \
    "eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCs"          \
    "wMDowMCJ9"
#define VECTOR_1                                                                                   \
    VECTOR_HEAD                                                                                    \
    "bg_XBBzds8lTZShVlwwKSgeKpLT3yukTw6JUz3W4h_ExsQV-P0V54zemZDcAxFaSeef1QlXEFtkqxT1ci"            \
    "iQEDA"
#define VECTOR_FOOTER ".eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9"
#define VECTOR_2                                                                                   \
    VECTOR_HEAD                                                                                    \
    "v3Jt8mx_TdM2ceTGoqwrh4yDFn0XsHvvV_D0DtwQxVrJEBMl0F2caAdgnpKlt4p7xBnx1HcO-SPo8FPp2"            \
    "14HDw" VECTOR_FOOTER
/* With the implicit assertion {"test-vector":"4-S-3"}. */
#define VECTOR_3                                                                                   \
    VECTOR_HEAD                                                                                    \
    "NPWciuD3d0o5eXJXG5pJy-DiVEoyPYWs1YSTwWHNJq6DZD3je5gf-0M4JR9ipdUSJbIovzmBECeaWmaqc"            \
    "aP0DQ" VECTOR_FOOTER

static struct key *key_from(const uint8_t point[32], enum key_algorithm algorithm)
{
    struct key *key;

    assert_int_equal(key_new_ed25519(cc_allocator_default(), slice_of(NULL, 0), algorithm,
                                     slice_of(point, 32), &key),
                     0);
    return key;
}

static struct key *own_key(enum key_algorithm algorithm)
{
    uint8_t point[32];

    signer_raw(signer_ed25519(), point);
    return key_from(point, algorithm);
}

static int open_sized(const struct key *keys, struct cc_slice token)
{
    struct cc_slice payload;
    struct arena arena;
    int r;

    arena_init(&arena, cc_allocator_default());
    r = paseto_open(token, keys, &arena, &payload);
    arena_deinit(&arena);
    return r;
}

static int open_with(const struct key *keys, const char *token)
{
    return open_sized(keys, slice_str(token));
}

static void the_vectors_of_the_specification(void **state)
{
    static const char text[] =
        "{\"data\":\"this is a signed message\",\"exp\":\"2022-01-01T00:00:00+00:00\"}";
    struct key *key = key_from(vector_key, KEY_PASETO);
    struct cc_slice payload;
    struct arena arena;

    (void)state;
    arena_init(&arena, cc_allocator_default());
    assert_int_equal(paseto_open(slice_str(VECTOR_1), key, &arena, &payload), 0);
    assert_true(slice_equal(payload, slice_str(text)));
    assert_int_equal(paseto_open(slice_str(VECTOR_2), key, &arena, &payload), 0);
    assert_true(slice_equal(payload, slice_str(text)));
    assert_int_equal(paseto_open(slice_str(VECTOR_3), key, &arena, &payload), CC_EUNAUTHORIZED);
    arena_deinit(&arena);
    keys_free(cc_allocator_default(), key);
}

static void the_footer_is_signed_too(void **state)
{
    struct key *key = key_from(vector_key, KEY_PASETO);

    (void)state;
    assert_int_equal(open_with(key, VECTOR_1 VECTOR_FOOTER), CC_EUNAUTHORIZED);
    assert_int_equal(open_with(key, VECTOR_1 "."), CC_EUNAUTHORIZED);
    assert_int_equal(open_with(key, VECTOR_2 "."), CC_EUNAUTHORIZED);
    assert_int_equal(open_sized(key, slice_of(VECTOR_2, strlen(VECTOR_2) - strlen(VECTOR_FOOTER))),
                     CC_EUNAUTHORIZED);
    keys_free(cc_allocator_default(), key);
}

/* The pieces' lengths are signed, so nothing moves from one to another. */
static void nothing_moves_between_payload_and_footer(void **state)
{
    struct key *key = own_key(KEY_PASETO);
    char *one = signer_paseto(signer_ed25519(), "{\"a\":1}", "{\"b\":2}");
    char *other = signer_paseto(signer_ed25519(), "{\"a\":1}{", "\"b\":2}");
    char *mixed;

    (void)state;
    assert_int_equal(open_with(key, one), 0);
    assert_int_equal(open_with(key, other), 0);
    mixed = malloc(strlen(one) + strlen(other));
    sprintf(mixed, "%.*s%s", (int)(strrchr(one, '.') - one), one, strrchr(other, '.'));
    assert_int_equal(open_with(key, mixed), CC_EUNAUTHORIZED);
    free(one);
    free(other);
    free(mixed);
    keys_free(cc_allocator_default(), key);
}

static void no_changed_character_or_length_passes(void **state)
{
    struct key *key = own_key(KEY_PASETO);
    char *token = signer_paseto(signer_ed25519(), "{\"a\":1}", "f");
    size_t size = strlen(token);

    (void)state;
    assert_int_equal(open_with(key, token), 0);
    for (char *at = token; *at; at++) {
        char kept = *at;

        *at = kept == 'A' ? 'B' : 'A';
        assert_int_equal(open_with(key, token), CC_EUNAUTHORIZED);
        *at = kept;
    }
    for (size_t cut = 0; cut < size; cut++) {
        char *copy = malloc(cut ? cut : 1);

        memcpy(copy, token, cut);
        assert_int_equal(open_sized(key, slice_of(copy, cut)), CC_EUNAUTHORIZED);
        free(copy);
    }
    free(token);
    keys_free(cc_allocator_default(), key);
}

/* The same Ed25519 key for JWT doesn't make it one for PASETO. */
static void keys_are_for_one_kind_of_token(void **state)
{
    struct key *key = own_key(KEY_EDDSA);
    char *token = signer_paseto(signer_ed25519(), "{\"a\":1}", NULL);

    (void)state;
    assert_int_equal(open_with(key, token), CC_EUNAUTHORIZED);
    assert_int_equal(open_with(NULL, token), CC_EUNAUTHORIZED);
    key->next = own_key(KEY_PASETO);
    assert_int_equal(open_with(key, token), 0);
    free(token);
    keys_free(cc_allocator_default(), key);
}

static void other_versions_and_purposes_are_no_tokens(void **state)
{
    static const char *const tokens[] = {"",
                                         "v",
                                         "v4",
                                         "v4.public",
                                         "v4.local.",
                                         "v3.public.",
                                         "V4.public.",
                                         "v4.public.",
                                         "v4.public..",
                                         "v4.public.AAAA",
                                         "v4.public.AAAA.AAAA"};
    struct key *key = own_key(KEY_PASETO);

    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        assert_int_equal(open_with(key, tokens[i]), CC_EUNAUTHORIZED);
    keys_free(cc_allocator_default(), key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_specification),
        cmocka_unit_test(the_footer_is_signed_too),
        cmocka_unit_test(nothing_moves_between_payload_and_footer),
        cmocka_unit_test(no_changed_character_or_length_passes),
        cmocka_unit_test(keys_are_for_one_kind_of_token),
        cmocka_unit_test(other_versions_and_purposes_are_no_tokens),
    };
    int failed = cmocka_run_group_tests_name("paseto", tests, NULL, NULL);

    signer_free();
    return failed;
}
