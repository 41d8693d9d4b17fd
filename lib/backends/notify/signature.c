/*
 * Signatures of Standard Webhooks.
 */
#include "backends/notify/signature.h"

#include "base/crypto.h"

static bool add_secret(struct signing_secrets *secrets, struct cc_slice text)
{
    static const char prefix[] = "whsec_";
    size_t skipped = sizeof prefix - 1;
    size_t at = secrets->count;

    if (at == SECRETS_MAX)
        return false;
    if (text.size >= skipped && !memcmp(text.data, prefix, skipped))
        text = slice_of(text.data + skipped, text.size - skipped);
    if (!crypto_base64_read(text, secrets->bytes[at], SECRET_BYTES_MAX, &secrets->sizes[at]) ||
        secrets->sizes[at] < SECRET_BYTES_MIN)
        return false;
    secrets->count++;
    return true;
}

bool signing_secrets_read(const char *text, struct signing_secrets *ret_secrets)
{
    static const char spaces[] = " \t\r\n";

    memset(ret_secrets, 0, sizeof *ret_secrets);
    for (text += strspn(text, spaces); *text; text += strspn(text, spaces)) {
        size_t size = strcspn(text, spaces);

        if (!add_secret(ret_secrets, slice_of(text, size)))
            return false;
        text += size;
    }
    return ret_secrets->count > 0;
}

void signatures_write(const struct signing_secrets *secrets, struct cc_slice id,
                      struct cc_slice timestamp, struct cc_slice body,
                      char ret_text[SIGNATURES_SIZE])
{
    struct cc_slice parts[] = {id, slice_str("."), timestamp, slice_str("."), body};
    char *at = ret_text;

    for (size_t i = 0; i < secrets->count; i++) {
        uint8_t mac[32];

        crypto_hmac_sha256(slice_of(secrets->bytes[i], secrets->sizes[i]), parts, 5, mac);
        memcpy(at, i ? " v1," : "v1,", i ? 4 : 3);
        at += i ? 4 : 3;
        crypto_base64(mac, sizeof mac, at, 45);
        at += 44;
    }
    *at = '\0';
}
