/*
 * Checking values.
 */
#include "value.h"

#include "trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "ffff:…:255.255.255.255/128" */
#define NETWORK_TEXT_MAX 64

#define NO_SENSE "the value makes no sense"

const char *value_check_text(const char *text)
{
    return *text ? NULL : "it is empty";
}

const char *value_check_file(const char *text)
{
    return access(text, R_OK) ? strerror(errno) : NULL;
}

/* --- numbers ---------------------------------------------------------------------------------- */

const char *value_number(const char *text, uint64_t *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return errno || end == text || *end || text[0] == '-' ? NO_SENSE : NULL;
}

const char *value_flag(const char *text, bool *ret_flag)
{
    bool on = !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "1");
    bool off = !strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "0");

    *ret_flag = on;
    return on || off ? NULL : "neither true nor false";
}

/* A whole number from 1 to `most` that ends at `stop`; `*text` moves behind it. */
static bool take_number(const char **text, char stop, unsigned long most, uint32_t *ret_number)
{
    char *end;
    unsigned long number = strtoul(*text, &end, 10);

    if (end == *text || *end != stop || !number || number > most)
        return false;
    *text = end + 1;
    *ret_number = (uint32_t)number;
    return true;
}

bool value_rate(const char *text, struct cc_rate *rate)
{
    uint32_t burst, second;

    if (!text)
        return true;
    if (!strcmp(text, "off")) {
        rate->burst = 1;
        rate->per_second_milli = 0;
        return true;
    }
    if (!take_number(&text, '/', UINT32_MAX, &burst) ||
        !take_number(&text, '\0', UINT32_MAX / 1000, &second))
        return false;
    rate->burst = burst;
    rate->per_second_milli = second * 1000;
    return true;
}

const char *value_check_rate(const char *text)
{
    struct cc_rate rate;

    return value_rate(text, &rate) ? NULL : "not a rate";
}

bool value_quota(const char *text, uint32_t *count, uint32_t *window_ms)
{
    uint32_t number, seconds;

    if (!text)
        return true;
    if (!take_number(&text, '/', UINT32_MAX, &number) ||
        !take_number(&text, '\0', UINT32_MAX / 1000, &seconds))
        return false;
    *count = number;
    *window_ms = seconds * 1000;
    return true;
}

const char *value_check_quota(const char *text)
{
    uint32_t count, window_ms;

    return value_quota(text, &count, &window_ms) ? NULL : "not a number in so many seconds";
}

/* --- words ------------------------------------------------------------------------------------ */

bool value_level(const char *text, enum cc_trace_level *ret_level)
{
    for (int i = 0; i < TRACE_LEVELS; i++) {
        if (strcmp(text, trace_levels[i]) != 0)
            continue;
        *ret_level = (enum cc_trace_level)i;
        return true;
    }
    return false;
}

const char *value_check_level(const char *text)
{
    enum cc_trace_level level;

    return value_level(text, &level) ? NULL : "no such log level";
}

const char *value_check_format(const char *text)
{
    return !strcmp(text, "logfmt") || !strcmp(text, "json") ? NULL : "neither logfmt nor json";
}

/* --- addresses -------------------------------------------------------------------------------- */

bool value_listen(const char *text, char *ret_address, size_t size, int *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    uint64_t port;

    if (!colon || value_number(colon + 1, &port) || port > UINT16_MAX)
        return false;
    if (text[0] == '[' && length > 1 && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length >= size)
        return false;
    memcpy(ret_address, text, length);
    ret_address[length] = 0;
    *ret_port = (int)port;
    return true;
}

static bool is_address(const char *text, uint64_t *ret_bits)
{
    unsigned char address[16];
    bool is_ipv4 = inet_pton(AF_INET, text, address) == 1;

    *ret_bits = is_ipv4 ? 32 : 128;
    return is_ipv4 || inet_pton(AF_INET6, text, address) == 1;
}

const char *value_check_listen(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    uint64_t bits;
    int port;

    return value_listen(text, address, sizeof address, &port) && is_address(address, &bits)
               ? NULL
               : "not an address and port";
}

static bool is_network(const char *text, size_t length)
{
    char copy[NETWORK_TEXT_MAX];
    uint64_t most, bits = 0;
    char *slash;

    if (length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    slash = strchr(copy, '/');
    if (slash)
        *slash = 0;
    return is_address(copy, &most) && (!slash || (!value_number(slash + 1, &bits) && bits <= most));
}

const char *value_check_networks(const char *text)
{
    for (size_t length; *(text += strspn(text, ", ")); text += length) {
        length = strcspn(text, ", ");
        if (!is_network(text, length))
            return "not a list of addresses and networks";
    }
    return NULL;
}

size_t value_split(char *text, const char **items, size_t max)
{
    char *rest = NULL;
    size_t count = 0;

    for (char *item = text ? strtok_r(text, ", ", &rest) : NULL; item && count < max;
         item = strtok_r(NULL, ", ", &rest))
        items[count++] = item;
    return count;
}
