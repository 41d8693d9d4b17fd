/*
 * API keys: how servers, rather than users, use the REST interface.
 *
 * A key is the text `cck_ID_SECRET`: an id that may be shown, and 256 random bits. Who has it acts
 * for any user, within its scopes. What is kept is the id, a name, the scopes, and a BLAKE2b digest
 * of the secret, in a text file of one line a secret, readable by its owner alone. A secret of full
 * entropy needs no slow password hash.
 *
 * The file is the truth: a tool changes it while a server runs, which sees the change at the next
 * key it is shown, at most a second later. Changing replaces the file whole (written beside it,
 * synced, renamed), under a lock on a file beside it, so two tools can't lose each other's change.
 */
#ifndef CHATCORE_BACKEND_API_KEYS_H
#define CHATCORE_BACKEND_API_KEYS_H

#include "chatcore/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(constant, bit, name): what a key may be used for. */
#define CC_SCOPE_TABLE(X)                                                                          \
    X(CC_SCOPE_MESSAGES_READ, 1, "messages:read")                                                  \
    X(CC_SCOPE_MESSAGES_WRITE, 2, "messages:write")                                                \
    X(CC_SCOPE_CONVERSATIONS_READ, 4, "conversations:read")                                        \
    X(CC_SCOPE_CONVERSATIONS_WRITE, 8, "conversations:write")                                      \
    X(CC_SCOPE_USERS_READ, 16, "users:read")                                                       \
    X(CC_SCOPE_USERS_WRITE, 32, "users:write")                                                     \
    X(CC_SCOPE_ADMIN, 64, "admin") /* all of them, and the rights of an owner everywhere */

enum cc_scope {
#define CC_SCOPE_ENUM(constant, bit, name) constant = bit,
    CC_SCOPE_TABLE(CC_SCOPE_ENUM)
#undef CC_SCOPE_ENUM
        CC_SCOPE_ALL = 127
};

/* A file has at most so many secrets: it is read whole. */
#define CC_API_KEYS_MAX 10000

/* Sizes with the terminator. */
#define CC_API_KEY_ID_SIZE   13
#define CC_API_KEY_NAME_SIZE 65
#define CC_API_KEY_TEXT_SIZE 64

struct cc_api_keys;

/* What is known of a secret. */
struct cc_api_key {
    char id[CC_API_KEY_ID_SIZE];
    char name[CC_API_KEY_NAME_SIZE];
    unsigned scopes;    /* bits of cc_scope */
    int64_t created_ms; /* wall */
    int64_t expires_ms; /* wall; INT64_MAX: never. An old secret of a rotated key has an end */
};

/*
 * Opens a file of keys, which need not be there yet: no key is valid then. `allocator` may be NULL.
 * The functions below may be called from any thread. Errors: CC_EINVAL, CC_ECORRUPT (a line is
 * not of the form), CC_EIO, CC_ENOMEM.
 */
int cc_api_keys_open(const struct cc_allocator *allocator, const char *path,
                     struct cc_api_keys **ret_keys);

/* Frees what cc_api_keys_open() gave; NULL is nothing. One thread, the last one. Errors: none. */
void cc_api_keys_free(struct cc_api_keys *keys);

/*
 * Looks a key up, in the file as it was at most a second ago. A file that can't be read any more
 * counts as unchanged. Any thread; may read the file. Errors: CC_EUNAUTHORIZED, CC_EEXPIRED,
 * CC_ENOMEM.
 */
int cc_api_keys_verify(struct cc_api_keys *keys, struct cc_slice text, struct cc_time now,
                       struct cc_api_key *ret_key);

/*
 * Makes a key. `name` tells people what it is for: 1 to 64 bytes without control characters.
 * `ret_text` is the key itself, which can't be had again. Any thread; blocks on the file. Errors:
 * CC_EINVAL, CC_ETOOLARGE (too many keys), CC_ECORRUPT, CC_EIO, CC_ENOMEM.
 */
int cc_api_keys_create(struct cc_api_keys *keys, const char *name, unsigned scopes,
                       struct cc_time now, char ret_text[CC_API_KEY_TEXT_SIZE]);

/*
 * Gives a key another secret; the ones it has stay valid for `grace_ms` from `now`, or as long as
 * they would have. Any thread; blocks on the file. Errors: CC_ENOTFOUND, CC_EINVAL (a negative
 * time), and those of making one.
 */
int cc_api_keys_rotate(struct cc_api_keys *keys, const char *id, int64_t grace_ms,
                       struct cc_time now, char ret_text[CC_API_KEY_TEXT_SIZE]);

/* Takes a key away, with all its secrets. Any thread; blocks on the file. Errors: CC_ENOTFOUND,
 * CC_ECORRUPT, CC_EIO, CC_ENOMEM. */
int cc_api_keys_revoke(struct cc_api_keys *keys, const char *id);

/* Calls `each` for every secret in the file, the oldest first; it must call none of these
 * functions. Any thread; blocks on the file. Errors: CC_ECORRUPT, CC_EIO, CC_ENOMEM. */
int cc_api_keys_list(struct cc_api_keys *keys,
                     void (*each)(void *context, const struct cc_api_key *key), void *context);

/* The bits of a list of scopes parted by commas. Any thread. Errors: CC_EINVAL (an unknown one, or
 * none). */
int cc_scopes_parse(const char *text, unsigned *ret_scopes);

/* The name of one scope's bit; NULL if it has none. Any thread. Errors: none. */
const char *cc_scope_name(unsigned scope);

#ifdef __cplusplus
}
#endif
#endif
