/*
 * Admission.
 */
#include "gateway/admission.h"

#include "chatcore/error.h"
#include "gateway/origin.h"

#include <strings.h>

static int copy_trusted(struct admission *admission, const char *const *proxies, size_t count)
{
    admission->trusted = mem_zalloc(admission->allocator, count + 1, sizeof *admission->trusted);
    if (!admission->trusted)
        return CC_ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!network_parse(slice_str(proxies[i]), &admission->trusted[i]))
            return CC_EINVAL;
    admission->trusted_count = count;
    return 0;
}

int admission_init(struct admission *admission, const struct cc_allocator *allocator,
                   const char *const *origins, size_t origin_count,
                   const char *const *trusted_proxies, size_t trusted_count)
{
    int r;

    memset(admission, 0, sizeof *admission);
    admission->allocator = allocator;
    r = origins_copy(allocator, origins, origin_count, &admission->origins);
    admission->origin_count = r ? 0 : origin_count;
    return r ? r : copy_trusted(admission, trusted_proxies, trusted_count);
}

void admission_deinit(struct admission *admission)
{
    origins_free(admission->allocator, admission->origins, admission->origin_count);
    mem_free(admission->allocator, admission->trusted);
}

static bool is_text(struct cc_slice slice, const char *text)
{
    return slice_equal(slice, slice_str(text));
}

/* True when one of a comma-separated list is a protocol of ours, or the list is empty. */
static bool speaks_ours(struct cc_slice protocols)
{
    if (!protocols.size)
        return true;
    while (protocols.size) {
        const char *comma = memchr(protocols.data, ',', protocols.size);
        size_t size = comma ? (size_t)(comma - protocols.data) : protocols.size;
        struct cc_slice one = slice_of(protocols.data, size);

        while (one.size && one.data[0] == ' ')
            one = slice_of(one.data + 1, one.size - 1);
        while (one.size && one.data[one.size - 1] == ' ')
            one.size--;
        if (is_text(one, ADMISSION_PROTOCOL_JSON) || is_text(one, ADMISSION_PROTOCOL_MSGPACK))
            return true;
        size += comma ? 1 : 0;
        protocols = slice_of(protocols.data + size, protocols.size - size);
    }
    return false;
}

static bool is_websocket(struct cc_slice upgrade)
{
    static const char name[] = "websocket";

    return upgrade.size == sizeof name - 1 && strncasecmp(upgrade.data, name, upgrade.size) == 0;
}

int admission_check(const struct admission *admission, const struct upgrade_request *request)
{
    if (!is_websocket(request->upgrade) || !request->is_get)
        return 400;
    if (!is_text(request->path, ADMISSION_PATH))
        return 404;
    if (!is_text(request->version, "13"))
        return 426;
    /* 16 bytes in base64. */
    if (request->key.size != 24 || !speaks_ours(request->protocols))
        return 400;
    if (!origin_is_allowed(request->origin, request->host, admission->origins,
                           admission->origin_count))
        return 403;
    return request->is_draining || request->is_over_limit ? 503 : 0;
}
