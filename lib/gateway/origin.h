/*
 * Which web pages may connect. A browser names the page's origin; other clients need not.
 */
#ifndef CC_GATEWAY_ORIGIN_H
#define CC_GATEWAY_ORIGIN_H

#include "base/memory.h"

/*
 * True for no origin at all; for one that stands in the list, or any if the list has "*"; with an
 * empty list, for one on the host that the request was sent to, whatever its port.
 */
bool origin_is_allowed(struct cc_slice origin, struct cc_slice host, const struct cc_slice *allowed,
                       size_t count);

/* Copies a list. 0 or CC_ENOMEM. */
int origins_copy(const struct cc_allocator *allocator, const char *const *origins, size_t count,
                 struct cc_slice **ret_copy);
void origins_free(const struct cc_allocator *allocator, struct cc_slice *origins, size_t count);

#endif
