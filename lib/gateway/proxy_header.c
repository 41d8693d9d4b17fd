/*
 * Reading the PROXY protocol's header.
 */
#include "gateway/proxy_header.h"

#include "chatcore/error.h"

#include <arpa/inet.h>

/* --- version 1: "PROXY TCP4 192.0.2.1 192.0.2.9 51000 443\r\n" ----------------------------------
 */

#define V1_MAX 107 /* with its line's end */

static const char v1_start[] = "PROXY ";

/* Takes what stands before the next space from `rest`. */
static struct cc_slice take_word(struct cc_slice *rest)
{
    const char *space = rest->size ? memchr(rest->data, ' ', rest->size) : NULL;
    size_t size = space ? (size_t)(space - rest->data) : rest->size;
    struct cc_slice word = slice_of(rest->data, size);

    size += space ? 1 : 0;
    *rest = slice_of(rest->data + size, rest->size - size);
    return word;
}

static bool is_port(struct cc_slice word)
{
    unsigned long port = 0;

    if (!word.size || word.size > 5)
        return false;
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        port = port * 10 + (unsigned long)(word.data[i] - '0');
    }
    return port <= 65535;
}

/* An address and nothing else: address_parse() would take a port or brackets, too. */
static bool is_plain_address(struct cc_slice word, int family)
{
    char text[ADDRESS_TEXT_MAX];
    unsigned char bytes[16];

    if (word.size >= sizeof text || memchr(word.data, 0, word.size))
        return false;
    memcpy(text, word.data, word.size);
    text[word.size] = 0;
    return inet_pton(family, text, bytes) == 1;
}

static int read_v1_line(struct cc_slice line, struct proxy_header *header)
{
    struct cc_slice family = take_word(&line);
    struct cc_slice source;
    int kind = AF_INET;

    if (slice_equal(family, slice_str("UNKNOWN")))
        return 0;
    if (slice_equal(family, slice_str("TCP6")))
        kind = AF_INET6;
    else if (!slice_equal(family, slice_str("TCP4")))
        return CC_EPROTOCOL;
    source = take_word(&line);
    if (!is_plain_address(source, kind) || !is_plain_address(take_word(&line), kind) ||
        !is_port(take_word(&line)) || !is_port(take_word(&line)) || line.size)
        return CC_EPROTOCOL;
    header->has_address = address_parse(source, &header->address);
    return header->has_address ? 0 : CC_EPROTOCOL;
}

static int read_v1(struct cc_slice bytes, struct proxy_header *header)
{
    size_t start = sizeof v1_start - 1;
    size_t size = bytes.size < V1_MAX ? bytes.size : V1_MAX;
    const char *end = memchr(bytes.data, '\n', size);

    if (!end)
        return size < V1_MAX ? PROXY_HEADER_MORE : CC_EPROTOCOL;
    header->size = (size_t)(end - bytes.data) + 1;
    if (header->size < start + 2 || end[-1] != '\r')
        return CC_EPROTOCOL;
    return read_v1_line(slice_of(bytes.data + start, header->size - start - 2), header);
}

/* --- version 2 ---------------------------------------------------------------------------------
 */

#define V2_HEAD 16 /* signature, version and command, family and transport, size of the rest */

static const char v2_start[] = "\r\n\r\n\0\r\nQUIT\n";

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_UNSPECIFIED = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

/* `addresses`: source, destination, and the two ports; what the proxy adds stands behind. */
static int read_v2_addresses(unsigned family, struct cc_slice addresses,
                             struct proxy_header *header)
{
    bool is_ipv4 = family == V2_TCP4;

    if (family == V2_UNSPECIFIED)
        return 0;
    if ((!is_ipv4 && family != V2_TCP6) || addresses.size < (is_ipv4 ? 12u : 36u))
        return CC_EPROTOCOL;
    memset(&header->address, 0, sizeof header->address);
    if (is_ipv4) {
        memset(header->address.bytes + 10, 0xff, 2);
        memcpy(header->address.bytes + 12, addresses.data, 4);
    } else {
        memcpy(header->address.bytes, addresses.data, 16);
    }
    header->has_address = true;
    return 0;
}

static int read_v2(struct cc_slice bytes, struct proxy_header *header)
{
    const unsigned char *head = (const unsigned char *)bytes.data;
    size_t rest;

    if (bytes.size < V2_HEAD)
        return PROXY_HEADER_MORE;
    rest = (size_t)head[14] << 8 | head[15];
    header->size = V2_HEAD + rest;
    if ((head[12] != V2_LOCAL && head[12] != V2_PROXY) || header->size > PROXY_HEADER_MAX)
        return CC_EPROTOCOL;
    if (bytes.size < header->size)
        return PROXY_HEADER_MORE;
    if (head[12] == V2_LOCAL)
        return 0;
    return read_v2_addresses(head[13], slice_of(bytes.data + V2_HEAD, rest), header);
}

/* --- either ------------------------------------------------------------------------------------
 */

/* As far as `bytes` go. */
static bool begins(struct cc_slice bytes, const char *start, size_t size)
{
    return memcmp(bytes.data, start, bytes.size < size ? bytes.size : size) == 0;
}

int proxy_header_read(struct cc_slice bytes, struct proxy_header *ret_header)
{
    struct proxy_header header = {0};
    int r = CC_EPROTOCOL;

    if (!bytes.size)
        return PROXY_HEADER_MORE;
    if (begins(bytes, v2_start, sizeof v2_start - 1))
        r = read_v2(bytes, &header);
    else if (begins(bytes, v1_start, sizeof v1_start - 1))
        r = read_v1(bytes, &header);
    if (!r)
        *ret_header = header;
    return r;
}
