/*
 * The tokens of JSON (RFC 8259) in borrowed bytes, read one after the other without building a
 * tree: no memory but for strings with escapes, no recursion.
 *
 * It is here and not a library's because it is the hottest path of a gateway: building a tree of
 * one message with jansson takes 4 us, more than half of what the whole message may cost, from the
 * process's malloc and not the host's allocator. The tests and a fuzzer compare it with jansson.
 *
 * The first malformed byte sets `failed`; from then on every read gives nothing.
 */
#ifndef CC_WIRE_SCAN_H
#define CC_WIRE_SCAN_H

#include "base/arena.h"

/* Containers inside each other, in what is skipped: a bit each in a word. */
#define SCAN_DEPTH_MAX 64

struct scan {
    const char *at;
    const char *end;
    bool failed;
};

/* Integers beyond 64 bits, and all with a fraction or an exponent, are `real`. */
struct scan_number {
    bool is_integer;
    bool is_negative;
    uint64_t magnitude;
    double real;
};

static inline void scan_fail(struct scan *scan)
{
    scan->at = scan->end;
    scan->failed = true;
}

static inline bool scan_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next byte that isn't white space, not taken; 0 at the end. */
static inline char scan_peek(struct scan *scan)
{
    while (scan->at < scan->end && scan_is_space(*scan->at))
        scan->at++;
    return scan->at < scan->end ? *scan->at : '\0';
}

/* Takes `c` if it is next. */
static inline bool scan_take(struct scan *scan, char c)
{
    if (scan_peek(scan) != c || scan->at == scan->end)
        return false;
    scan->at++;
    return true;
}

/*
 * A string at its quote: what stands between the quotes, with its escapes. `ret_escaped` tells
 * whether it has any. Escapes are checked for form only.
 */
struct cc_slice scan_string(struct scan *scan, bool *ret_escaped);

/*
 * Replaces the escapes of what scan_string() gave. A surrogate without its other half gives bytes
 * that are no valid UTF-8, so that the check for that finds it. 0 or CC_ENOMEM.
 */
int scan_unescape(struct cc_slice escaped, struct arena *arena, struct cc_slice *ret_text);

/* A number at its first byte. */
struct scan_number scan_number(struct scan *scan);

/* Takes `true`, `false` or `null`, whichever is asked for. */
void scan_literal(struct scan *scan, const char *literal, size_t size);

/* Takes the next value, of any type, up to SCAN_DEPTH_MAX levels deep. */
void scan_skip(struct scan *scan);

#endif
