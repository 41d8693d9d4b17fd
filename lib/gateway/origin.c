/*
 * Origins.
 */
#include "gateway/origin.h"

#include "chatcore/error.h"

#include <strings.h>

static bool equal_nocase(struct cc_slice a, struct cc_slice b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

/* "[::1]:80" and "example.org:80" without the port. */
static struct cc_slice without_port(struct cc_slice host)
{
    size_t size = host.size;

    while (size && host.data[size - 1] >= '0' && host.data[size - 1] <= '9')
        size--;
    if (!size || size == host.size || host.data[size - 1] != ':')
        return host;
    return slice_of(host.data, size - 1);
}

static bool is_same_host(struct cc_slice origin, struct cc_slice host)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t size = strlen(schemes[i]);

        if (origin.size > size && strncasecmp(origin.data, schemes[i], size) == 0) {
            origin = slice_of(origin.data + size, origin.size - size);
            host = without_port(host);
            return host.size && equal_nocase(without_port(origin), host);
        }
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

int origins_copy(const struct cc_allocator *allocator, const char *const *origins, size_t count,
                 struct cc_slice **ret_copy)
{
    struct cc_slice *copy = mem_zalloc(allocator, count + 1, sizeof *copy);

    if (!copy)
        return CC_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int r = slice_copy(allocator, slice_str(origins[i]), &copy[i]);

        if (r) {
            origins_free(allocator, copy, i);
            return r;
        }
    }
    *ret_copy = copy;
    return 0;
}

void origins_free(const struct cc_allocator *allocator, struct cc_slice *origins, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(allocator, (void *)origins[i].data);
    mem_free(allocator, origins);
}
