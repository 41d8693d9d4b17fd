/*
 * Which addresses a server may call that a user has named: those of the public Internet.
 */
#ifndef CC_BACKENDS_NOTIFY_ADDRESS_H
#define CC_BACKENDS_NOTIFY_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for this machine's, private, link-local, shared, multicast and reserved ones, also where
 * they are wrapped into IPv6, and for families other than the two. */
bool address_is_public(const struct sockaddr *address);

#endif
