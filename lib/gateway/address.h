/*
 * Client addresses: parsing, the networks of trusted proxies, and the key under which an address is
 * limited. IPv4 is kept as IPv4-mapped IPv6, so there is one kind of address.
 */
#ifndef CC_GATEWAY_ADDRESS_H
#define CC_GATEWAY_ADDRESS_H

#include "base/memory.h"

struct sockaddr;

struct address {
    uint8_t bytes[16];
};

/* A network: `bits` of the address count. */
struct network {
    struct address address;
    unsigned bits; /* of 128 */
};

/* Enough for the text of any address. */
#define ADDRESS_TEXT_MAX 46

/* False when it is neither IPv4 nor IPv6 (a Unix socket, for one). */
bool address_from_socket(const struct sockaddr *from, struct address *ret_address);

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]:80", "192.0.2.1:80". */
bool address_parse(struct cc_slice text, struct address *ret_address);

/* "10.0.0.0/8", "2001:db8::/32", or one address. */
bool network_parse(struct cc_slice text, struct network *ret_network);

bool network_has(const struct network *network, const struct address *address);

/* Whether one of them has it. */
bool networks_have(const struct network *networks, size_t count, const struct address *address);

bool address_is_loopback(const struct address *address);

/* What one client can be thought to have: an IPv4 address, or an IPv6 /64. */
struct address address_client(const struct address *address);

/* Writes it terminated, IPv4 in its own form. `text` has ADDRESS_TEXT_MAX bytes. */
void address_text(const struct address *address, char *text);

/*
 * The client's address behind proxies: from the right of an X-Forwarded-For header, the first that
 * is not a trusted proxy; `peer` if `peer` itself is not trusted, or the header says nothing.
 */
struct address address_behind(const struct address *peer, struct cc_slice forwarded_for,
                              const struct network *trusted, size_t count);

#endif
