/*
 * The keys that tokens are checked with, read from the files that the settings name.
 */
#ifndef CHATCORED_KEYS_H
#define CHATCORED_KEYS_H

#include "settings.h"

#include <chatcore/backend/auth.h>

/* Makes the verifier with all keys. False after saying on standard error what is wrong. */
bool keys_load(const struct settings *settings, struct cc_auth *ret_auth);

/* Puts the keys of today's files into the place of a verifier's. False after saying what is wrong:
 * then those that it had stay. The engine's thread. */
bool keys_renew(const struct settings *settings, struct cc_auth *auth);

/* The bytes of a file, at most `max`, without a newline at the end; to be freed. NULL with errno
 * set. */
char *keys_read_file(const char *path, size_t max, size_t *ret_size);

#endif
