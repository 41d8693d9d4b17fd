/*
 * The small types that every header shares, and the services that a host may supply.
 */
#ifndef CHATCORE_TYPES_H
#define CHATCORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How structs grow (docs/stability.md): what begins with a `size` grows at its end. What stands by
 * value in another struct or in an array keeps its size: it ends in `reserved` room, all 0, that
 * later members are taken from.
 */

/* A borrowed run of bytes. Text is UTF-8 and is not terminated. `data` may be NULL when size is 0.
 */
struct cc_slice {
    const char *data;
    size_t size;
};

/* A terminated text as a slice, which borrows it; NULL is empty. Any thread. Errors: none. */
struct cc_slice cc_text(const char *text);

/* A UUIDv7 (RFC 9562). All zero means "none". */
struct cc_id {
    uint8_t bytes[16];
};

/*
 * The time as a host tells it. `wall_ms` is milliseconds since the Unix epoch and may jump either
 * way; `mono_ms` never goes back and its zero has no meaning. The engine reads no clock itself.
 */
struct cc_time {
    int64_t wall_ms;
    int64_t mono_ms;
};

/* Names (users, devices, conversations, client ids): the protocol's bound on their bytes. */
#define CC_NAME_MAX 64

/*
 * Memory. `alloc` and `realloc` answer NULL when there is none; `release` takes what they gave.
 * Called from any thread of the engine, so they must be thread-safe.
 */
struct cc_allocator {
    void *(*alloc)(void *context, size_t size);
    void *(*realloc)(void *context, void *pointer, size_t size);
    void (*release)(void *context, void *pointer);
    void *context;
};

/* Random bytes. Must be unpredictable in production (message ids, session ids); a simulation seeds
 * it. */
struct cc_random {
    void (*fill)(void *context, void *bytes, size_t size);
    void *context;
};

/*
 * What the …_INIT macros of open structs stand for: `size` set, all else 0. A function in C++,
 * which would warn of each member that an initializer leaves out.
 */
#ifdef __cplusplus
} /* a template is not of C */
template <class Struct> inline Struct cc_sized() noexcept
{
    Struct sized = Struct();

    sized.size = sizeof(Struct);
    return sized;
}
extern "C" {
#define CC_SIZED(type) cc_sized<type>()
#else
#define CC_SIZED(type)                                                                             \
    {                                                                                              \
        .size = sizeof(type)                                                                       \
    }
#endif

enum cc_trace_level { CC_TRACE_ERROR, CC_TRACE_WARNING, CC_TRACE_INFO, CC_TRACE_DEBUG };

/* Diagnostics. `text` is one line without a newline, valid during the call. Called from any thread.
 */
struct cc_trace {
    void (*write)(void *context, enum cc_trace_level level, const char *area, const char *text);
    void *context;
    enum cc_trace_level level; /* what is less urgent than this is not written */
};

/* The services of the process: malloc, the kernel's random source, standard error. Any thread.
 * Errors: none. */
const struct cc_allocator *cc_allocator_default(void);

/* The kernel's random source, through libsodium; NULL if it can't be had. Any thread. Errors: none.
 */
const struct cc_random *cc_random_default(void);

/* libchatcore's version as "major.minor.patch", static. Any thread. Errors: none. */
const char *cc_version(void);

#ifdef __cplusplus
}
#endif
#endif
