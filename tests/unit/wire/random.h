/*
 * Random values for the round trips, from a seed: a failing run is the same the next time.
 */
#ifndef CC_TEST_WIRE_RANDOM_H
#define CC_TEST_WIRE_RANDOM_H

#include "base/arena.h"

#include <stdlib.h>

static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    return random_next(seed) % bound;
}

static inline bool random_coin(uint64_t *seed)
{
    return (random_next(seed) & 1) != 0;
}

/* Numbers of every width. */
static inline uint64_t random_number(uint64_t *seed, unsigned max_bits)
{
    uint64_t value = random_next(seed);
    uint64_t bits = random_below(seed, max_bits + 1u);

    return bits ? value >> (64 - bits) : 0;
}

/* Text of whole code points, of every length in UTF-8, of up to `max` bytes; sometimes empty. */
static inline struct cc_slice random_text(uint64_t *seed, struct arena *arena, size_t max)
{
    static const char *const points[] = {"a",
                                         "Z",
                                         " ",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "\x7f",
                                         "/",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xe2\x80\xa8",
                                         "\xf0\x9f\x98\x80",
                                         "\xef\xbf\xbf"};
    size_t wanted = random_below(seed, max + 1);
    char *text = arena_alloc(arena, max + 1);
    size_t size = 0;

    if (!text)
        abort();
    while (size < wanted) {
        const char *point = points[random_below(seed, sizeof points / sizeof points[0])];

        if (size + strlen(point) > wanted)
            break;
        memcpy(text + size, point, strlen(point));
        size += strlen(point);
    }
    return slice_of(text, size);
}

/* A valid name. */
static inline struct cc_slice random_name(uint64_t *seed, struct arena *arena)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.:@/\"\\";
    size_t size = 1 + random_below(seed, CC_NAME_MAX);
    char *name = arena_alloc(arena, size);

    if (!name)
        abort();
    for (size_t i = 0; i < size; i++)
        name[i] = letters[random_below(seed, sizeof letters - 1)];
    return slice_of(name, size);
}

static inline struct cc_slice *random_names(uint64_t *seed, struct arena *arena, size_t count)
{
    struct cc_slice *names = arena_alloc(arena, (count + 1) * sizeof *names);

    if (!names)
        abort();
    for (size_t i = 0; i < count; i++)
        names[i] = random_name(seed, arena);
    return names;
}

static inline struct cc_id random_id(uint64_t *seed)
{
    struct cc_id id;

    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)random_next(seed);
    return id;
}

#endif
