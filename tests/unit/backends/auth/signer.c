/*
 * Signing for tests.
 */
#include "signer.h"

#include "backends/auth/base64url.h"
#include "base/buffer.h"

#include "support/test.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

static EVP_PKEY *rsa;
static EVP_PKEY *p256;
static EVP_PKEY *ed25519;

EVP_PKEY *signer_rsa(void)
{
    if (!rsa)
        rsa = EVP_RSA_gen(2048);
    assert_non_null(rsa);
    return rsa;
}

EVP_PKEY *signer_p256(void)
{
    if (!p256)
        p256 = EVP_EC_gen("P-256");
    assert_non_null(p256);
    return p256;
}

EVP_PKEY *signer_ed25519(void)
{
    if (!ed25519)
        ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(ed25519);
    return ed25519;
}

void signer_free(void)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(ed25519);
    rsa = p256 = ed25519 = NULL;
}

char *signer_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    char *pem;
    long size;

    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    size = BIO_get_mem_data(bio, &data);
    pem = strndup(data, (size_t)size);
    BIO_free(bio);
    return pem;
}

void signer_raw(EVP_PKEY *key, uint8_t ret_point[32])
{
    size_t size = 32;

    assert_int_equal(EVP_PKEY_get_raw_public_key(key, ret_point, &size), 1);
}

static void put_base64url(struct buffer *text, struct cc_slice bytes)
{
    size_t size = base64url_encoded_size(bytes.size);
    char *to = buffer_reserve(text, size + 1);

    assert_non_null(to);
    base64url_encode(bytes.data, bytes.size, to);
    text->size += size;
}

static void put_head(struct buffer *text, const char *header, const char *payload)
{
    buffer_init(text, cc_allocator_default());
    put_base64url(text, slice_str(header));
    buffer_append_byte(text, '.');
    put_base64url(text, slice_str(payload));
}

static char *with_signature(struct buffer *text, struct cc_slice signature)
{
    buffer_append_byte(text, '.');
    put_base64url(text, signature);
    buffer_append_byte(text, '\0');
    assert_false(text->failed);
    return text->data;
}

/* The DER that OpenSSL gives, as R and S side by side. */
static size_t flatten(uint8_t *signature, size_t size)
{
    const uint8_t *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);

    assert_non_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32);
    ECDSA_SIG_free(pair);
    return 64;
}

static size_t sign(EVP_PKEY *key, struct cc_slice message, uint8_t *signature, size_t size)
{
    bool is_pure = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(context, NULL, is_pure ? NULL : EVP_sha256(), NULL, key),
                     1);
    assert_int_equal(
        EVP_DigestSign(context, signature, &size, (const uint8_t *)message.data, message.size), 1);
    EVP_MD_CTX_free(context);
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? flatten(signature, size) : size;
}

char *signer_jwt(EVP_PKEY *key, const char *header, const char *payload)
{
    uint8_t signature[1024];
    struct buffer text;
    size_t size;

    put_head(&text, header, payload);
    size = sign(key, buffer_slice(&text), signature, sizeof signature);
    return with_signature(&text, slice_of(signature, size));
}

char *signer_jwt_hs256(struct cc_slice secret, const char *header, const char *payload)
{
    uint8_t mac[32];
    struct buffer text;

    put_head(&text, header, payload);
    HMAC(EVP_sha256(), secret.data, (int)secret.size, (const uint8_t *)text.data, text.size, mac,
         NULL);
    return with_signature(&text, slice_of(mac, sizeof mac));
}

char *signer_jwt_with(const char *header, const char *payload, struct cc_slice signature)
{
    struct buffer text;

    put_head(&text, header, payload);
    return with_signature(&text, signature);
}

static void put_piece(struct buffer *text, struct cc_slice piece)
{
    uint8_t length[8] = {(uint8_t)piece.size, (uint8_t)(piece.size >> 8)};

    buffer_append(text, length, sizeof length);
    buffer_append_slice(text, piece);
}

char *signer_paseto(EVP_PKEY *key, const char *payload, const char *footer)
{
    static const uint8_t pieces[8] = {4};
    struct cc_slice tail = footer ? slice_str(footer) : slice_of(NULL, 0);
    uint8_t body[2048];
    size_t size = strlen(payload);
    struct buffer text;

    buffer_init(&text, cc_allocator_default());
    buffer_append(&text, pieces, sizeof pieces);
    put_piece(&text, slice_str("v4.public."));
    put_piece(&text, slice_str(payload));
    put_piece(&text, tail);
    put_piece(&text, slice_of(NULL, 0));
    memcpy(body, payload, size);
    size += sign(key, buffer_slice(&text), body + size, sizeof body - size);
    buffer_clear(&text);
    buffer_append_slice(&text, slice_str("v4.public."));
    put_base64url(&text, slice_of(body, size));
    if (footer)
        return with_signature(&text, tail);
    buffer_append_byte(&text, '\0');
    return text.data;
}
