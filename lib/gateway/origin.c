/*
 * Origins.
 */
#include "gateway/origin.h"

#include <strings.h>

static bool equal_nocase(struct cc_slice a, struct cc_slice b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

static bool is_same_host(struct cc_slice origin, struct cc_slice host)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t size = strlen(schemes[i]);

        if (origin.size > size && strncasecmp(origin.data, schemes[i], size) == 0)
            return equal_nocase(slice_of(origin.data + size, origin.size - size), host);
    }
    return false;
}

bool origin_is_allowed(struct cc_slice origin, struct cc_slice host, const struct cc_slice *allowed,
                       size_t count)
{
    if (!origin.size)
        return true;
    if (!count)
        return is_same_host(origin, host);
    for (size_t i = 0; i < count; i++)
        if (slice_equal(allowed[i], slice_of("*", 1)) || equal_nocase(allowed[i], origin))
            return true;
    return false;
}
