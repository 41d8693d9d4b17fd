/*
 * Signatures of Standard Webhooks: "v1," and the base64 of HMAC-SHA256 over id.timestamp.body, one
 * for each secret, parted by spaces.
 */
#ifndef CC_BACKENDS_NOTIFY_SIGNATURE_H
#define CC_BACKENDS_NOTIFY_SIGNATURE_H

#include "base/memory.h"

#define SECRETS_MAX      4
#define SECRET_BYTES_MIN 24
#define SECRET_BYTES_MAX 64

/* "v1,", 44 characters and a space for each. */
#define SIGNATURES_SIZE (SECRETS_MAX * 48 + 1)

struct signing_secrets {
    size_t count;
    size_t sizes[SECRETS_MAX];
    uint8_t bytes[SECRETS_MAX][SECRET_BYTES_MAX];
};

/* False when there is none, or one is not as it has to be. */
bool signing_secrets_read(const char *text, struct signing_secrets *ret_secrets);

/* Terminated. */
void signatures_write(const struct signing_secrets *secrets, struct cc_slice id,
                      struct cc_slice timestamp, struct cc_slice body,
                      char ret_text[SIGNATURES_SIZE]);

#endif
