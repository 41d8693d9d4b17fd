/*
 * Errors of libchatcore: one table, with a stable number, a class and a text for each.
 *
 * Functions return 0 or a negative CC_E… value. The class says what the client protocol
 * answers (an HTTP-like code and a name); `temporary` says whether trying again can help.
 * All functions here are pure and may be called from any thread.
 */
#ifndef CHATCORE_ERROR_H
#define CHATCORE_ERROR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, protocol code, protocol name, temporary, text) */
#define CC_ERROR_TABLE(X)                                                                          \
    X(CC_EINVAL, 1, 400, "bad_request", 0, "a value is missing, malformed or out of range")        \
    X(CC_EPROTOCOL, 2, 400, "bad_request", 0, "the input does not follow the protocol")            \
    X(CC_EUNAUTHORIZED, 3, 401, "unauthorized", 0, "no valid token")                               \
    X(CC_EEXPIRED, 4, 401, "unauthorized", 0, "the token has expired")                             \
    X(CC_EFORBIDDEN, 5, 403, "forbidden", 0, "the user has no right to do this")                   \
    X(CC_EBLOCKED, 6, 403, "forbidden", 0, "the recipient has blocked the sender")                 \
    X(CC_ENOTFOUND, 7, 404, "not_found", 0, "there is no such object, or it may not be seen")      \
    X(CC_EEXISTS, 8, 409, "conflict", 0, "an object of this id exists already")                    \
    X(CC_ECONFLICT, 9, 409, "conflict", 1, "the object was changed by somebody else meanwhile")    \
    X(CC_ETOOLARGE, 10, 413, "too_large", 0, "the value is larger than the limit")                 \
    X(CC_EREJECTED, 11, 422, "rejected", 0, "a filter refused the message")                        \
    X(CC_ERATELIMITED, 12, 429, "rate_limited", 1, "too many requests; wait and try again")        \
    X(CC_EINTERNAL, 13, 500, "internal", 0, "an invariant of the engine does not hold")            \
    X(CC_ENOMEM, 14, 503, "unavailable", 1, "out of memory, or a memory ceiling is reached")       \
    X(CC_EUNAVAILABLE, 15, 503, "unavailable", 1, "a backend is not available")                    \
    X(CC_EBUSY, 16, 503, "unavailable", 1, "a bounded queue is full")                              \
    X(CC_ETIMEOUT, 17, 503, "unavailable", 1, "a backend did not answer in time")                  \
    X(CC_ECANCELED, 18, 503, "unavailable", 1, "the operation was cancelled")                      \
    X(CC_ENOSPACE, 19, 503, "unavailable", 1, "no space is left on the device")                    \
    X(CC_EREADONLY, 20, 503, "unavailable", 0, "the data folder cannot be written")                \
    X(CC_ELOCKED, 21, 503, "unavailable", 0, "another process has the data folder open")           \
    X(CC_ECORRUPT, 22, 500, "internal", 0, "stored data is damaged")                               \
    X(CC_EVERSION, 23, 500, "internal", 0,                                                         \
      "the data has a format that this version does not read")                                     \
    X(CC_EIO, 24, 503, "unavailable", 1, "input or output failed")                                 \
    X(CC_ETRIMMED, 25, 404, "not_found", 0, "the log no longer keeps this offset")                 \
    X(CC_ENOTSUP, 26, 503, "unavailable", 0, "this engine is not configured for it")

enum cc_error {
    CC_OK = 0,
#define CC_ERROR_ENUM(name, number, code, pname, temporary, text) name = -(number),
    CC_ERROR_TABLE(CC_ERROR_ENUM)
#undef CC_ERROR_ENUM
};

/* The text of an error, static; "unknown error" for a number that is none. Any thread. Errors:
 * none. */
const char *cc_strerror(int error);

/* The constant's name, such as "CC_EINVAL"; "CC_E?" for a number that is none. Any thread. Errors:
 * none. */
const char *cc_error_name(int error);

/* The protocol's HTTP-like code (400 … 503); 200 for CC_OK, 500 for an unknown one. Any thread.
 * Errors: none. */
int cc_error_code(int error);

/* The protocol's name, such as "bad_request"; static. Any thread. Errors: none. */
const char *cc_error_protocol_name(int error);

/* True where trying the same again later can succeed. Any thread. Errors: none. */
bool cc_error_is_retriable(int error);

#ifdef __cplusplus
}
#endif
#endif
