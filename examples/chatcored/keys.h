/*
 * The keys that tokens are checked with, read from the files that the settings name.
 */
#ifndef CHATCORED_KEYS_H
#define CHATCORED_KEYS_H

#include "settings.h"

#include <chatcore/backend/auth.h>

/* Makes the verifier with all keys. False after saying on standard error what is wrong. */
bool keys_load(const struct settings *settings, struct cc_auth *ret_auth);

/* The bytes of a file, at most `max`, without a newline at the end; to be freed. NULL with errno
 * set. */
char *keys_read_file(const char *path, size_t max, size_t *ret_size);

#endif
