/*
 * Public addresses: what IANA's registries of special purposes do not name.
 */
#include "backends/notify/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range4 {
    uint32_t first;
    unsigned bits;
};

static bool is_public4(uint32_t address)
{
    static const struct range4 special[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
        {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3}, /* to the end */
    };

    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if ((address ^ special[i].first) >> (32 - special[i].bits) == 0)
            return false;
    return true;
}

static uint32_t inner4(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Global unicast is 2000::/3; in it, documentation, tunnels that wrap IPv4, and benchmarks are
 * not. Mapped and translated IPv4 is what it wraps. */
static bool is_public6(const uint8_t *bytes)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

    if (!memcmp(bytes, mapped, sizeof mapped) || !memcmp(bytes, nat64, sizeof nat64))
        return is_public4(inner4(bytes + 12));
    if ((bytes[0] & 0xe0) != 0x20)
        return false;
    if (bytes[0] == 0x20 && bytes[1] == 0x02)
        return is_public4(inner4(bytes + 2)); /* 6to4 */
    if (bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] & 0xfe) == 0)
        return false; /* 2001::/23: Teredo, benchmarks, ORCHID … */
    if (bytes[0] == 0x3f && bytes[1] == 0xff && (bytes[2] & 0xf0) == 0)
        return false;
    return !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8);
}

bool address_is_public(const struct sockaddr *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    if (address->sa_family == AF_INET) {
        memcpy(&in4, address, sizeof in4);
        return is_public4(ntohl(in4.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&in6, address, sizeof in6);
    return is_public6(in6.sin6_addr.s6_addr);
}
