/*
 * What a socket from a proxy begins with. The verdict must not depend on how the bytes come: a part
 * either goes on, or has the verdict of the whole.
 */
#include "gateway/proxy_header.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_same(const struct proxy_header *a, const struct proxy_header *b)
{
    return a->size == b->size && a->has_address == b->has_address &&
           memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole = {0};
    struct proxy_header part = {0};
    int expected = proxy_header_read(slice_of((const char *)data, size), &whole);

    require(expected || (whole.size <= size && whole.size <= PROXY_HEADER_MAX));
    require(expected != PROXY_HEADER_MORE || size < PROXY_HEADER_MAX);
    for (size_t i = 0; i < size && i <= PROXY_HEADER_MAX; i++) {
        int r = proxy_header_read(slice_of((const char *)data, i), &part);

        require(r == PROXY_HEADER_MORE || (r == expected && (r || is_same(&part, &whole))));
    }
    return 0;
}
