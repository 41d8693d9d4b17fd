/*
 * Whether a request may become a WebSocket connection. Pure: everything it looks at is passed in.
 */
#ifndef CC_GATEWAY_ADMISSION_H
#define CC_GATEWAY_ADMISSION_H

#include "gateway/address.h"

#define ADMISSION_PATH             "/v1/ws"
#define ADMISSION_PROTOCOL_JSON    "chatcore.v1.json"
#define ADMISSION_PROTOCOL_MSGPACK "chatcore.v1.msgpack"

struct admission {
    const struct cc_allocator *allocator;
    struct cc_slice *origins;
    size_t origin_count;
    struct network *trusted;
    size_t trusted_count;
};

/* Copies the lists. 0, CC_EINVAL (no network), CC_ENOMEM. To be freed in any case. */
int admission_init(struct admission *admission, const struct cc_allocator *allocator,
                   const char *const *origins, size_t origin_count,
                   const char *const *trusted_proxies, size_t trusted_count);
void admission_deinit(struct admission *admission);

/* What an upgrade request says; a header that isn't there is empty. */
struct upgrade_request {
    struct cc_slice upgrade;
    struct cc_slice path;
    struct cc_slice version;
    struct cc_slice key;
    struct cc_slice protocols;
    struct cc_slice origin;
    struct cc_slice host;
    bool is_get;
    bool is_draining;
    bool is_over_limit; /* its address has too many connections */
};

/* 0: welcome. Else the HTTP status to refuse it with. */
int admission_check(const struct admission *admission, const struct upgrade_request *request);

#endif
