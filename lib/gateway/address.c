/*
 * Client addresses.
 */
#include "gateway/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define IPV4_OFFSET 12

static const uint8_t ipv4_prefix[IPV4_OFFSET] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_ipv4(const struct address *address)
{
    return memcmp(address->bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

static struct address from_ipv4(const struct in_addr *from)
{
    struct address address;

    memcpy(address.bytes, ipv4_prefix, sizeof ipv4_prefix);
    memcpy(address.bytes + IPV4_OFFSET, from, 4);
    return address;
}

bool address_from_socket(const struct sockaddr *from, struct address *ret_address)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in ipv4;

        memcpy(&ipv4, from, sizeof ipv4);
        *ret_address = from_ipv4(&ipv4.sin_addr);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;

        memcpy(&ipv6, from, sizeof ipv6);
        memcpy(ret_address->bytes, &ipv6.sin6_addr, sizeof ret_address->bytes);
        return true;
    }
    return false;
}

/* Takes the port, and the brackets around an IPv6 address, off. */
static struct cc_slice without_port(struct cc_slice text)
{
    const char *colon = memchr(text.data, ':', text.size);
    const char *end;

    if (text.size && text.data[0] == '[') {
        end = memchr(text.data, ']', text.size);
        return end ? slice_of(text.data + 1, (size_t)(end - text.data) - 1) : text;
    }
    if (colon && !memchr(colon + 1, ':', text.size - (size_t)(colon + 1 - text.data)))
        return slice_of(text.data, (size_t)(colon - text.data));
    return text;
}

bool address_parse(struct cc_slice text, struct address *ret_address)
{
    char copy[ADDRESS_TEXT_MAX];
    struct in_addr ipv4;

    if (!text.size)
        return false;
    text = without_port(text);
    if (text.size >= sizeof copy || memchr(text.data, 0, text.size))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    if (inet_pton(AF_INET, copy, &ipv4) == 1) {
        *ret_address = from_ipv4(&ipv4);
        return true;
    }
    return inet_pton(AF_INET6, copy, ret_address->bytes) == 1;
}

static bool parse_bits(struct cc_slice text, unsigned max, unsigned *ret_bits)
{
    unsigned bits = 0;

    if (!text.size || text.size > 3)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(text.data[i] - '0');
    }
    *ret_bits = bits;
    return bits <= max;
}

bool network_parse(struct cc_slice text, struct network *ret_network)
{
    const char *slash = text.size ? memchr(text.data, '/', text.size) : NULL;
    size_t size = slash ? (size_t)(slash - text.data) : text.size;
    struct network network = {.bits = 128};
    unsigned bits;

    if (!address_parse(slice_of(text.data, size), &network.address))
        return false;
    if (slash) {
        unsigned max = is_ipv4(&network.address) ? 32 : 128;

        if (!parse_bits(slice_of(slash + 1, text.size - size - 1), max, &bits))
            return false;
        network.bits = 128 - max + bits;
    }
    *ret_network = network;
    return true;
}

bool network_has(const struct network *network, const struct address *address)
{
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;

    if (memcmp(network->address.bytes, address->bytes, whole) != 0)
        return false;
    return !rest || ((network->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

bool networks_have(const struct network *networks, size_t count, const struct address *address)
{
    for (size_t i = 0; i < count; i++)
        if (network_has(&networks[i], address))
            return true;
    return false;
}

bool address_is_loopback(const struct address *address)
{
    static const uint8_t ipv6[16] = {[15] = 1};

    if (is_ipv4(address))
        return address->bytes[IPV4_OFFSET] == 127;
    return memcmp(address->bytes, ipv6, sizeof ipv6) == 0;
}

struct address address_client(const struct address *address)
{
    struct address client = *address;

    if (!is_ipv4(address))
        memset(client.bytes + 8, 0, 8);
    return client;
}

void address_text(const struct address *address, char *text)
{
    bool ipv4 = is_ipv4(address);

    if (!inet_ntop(ipv4 ? AF_INET : AF_INET6, address->bytes + (ipv4 ? IPV4_OFFSET : 0), text,
                   ADDRESS_TEXT_MAX))
        text[0] = 0;
}

static struct cc_slice trimmed(struct cc_slice text)
{
    while (text.size && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Takes the last element off a comma-separated list. */
static struct cc_slice take_last(struct cc_slice *list)
{
    size_t start = list->size;
    struct cc_slice last;

    while (start && list->data[start - 1] != ',')
        start--;
    last = slice_of(list->data + start, list->size - start);
    list->size = start ? start - 1 : 0;
    return trimmed(last);
}

struct address address_behind(const struct address *peer, struct cc_slice forwarded_for,
                              const struct network *trusted, size_t count)
{
    struct address address = *peer;
    struct address before;

    while (forwarded_for.size && networks_have(trusted, count, &address)) {
        if (!address_parse(take_last(&forwarded_for), &before))
            break;
        address = before;
    }
    return address;
}
