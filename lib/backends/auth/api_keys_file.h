/*
 * The file of API keys: a line for each secret, the oldest first.
 *
 *   ID DIGEST SCOPES CREATED EXPIRES NAME
 *   4f0c… 9a1b… messages:read,users:read 1700000000000 never the billing server
 *
 * Reading takes a whole file or nothing; writing replaces it whole, so a reader sees the old one or
 * the new one.
 */
#ifndef CC_BACKENDS_AUTH_API_KEYS_FILE_H
#define CC_BACKENDS_AUTH_API_KEYS_FILE_H

#include "base/buffer.h"
#include "chatcore/backend/api_keys.h"

#include <sys/stat.h>

#define SECRET_DIGEST_SIZE 16

struct secret {
    struct cc_api_key key;
    uint8_t digest[SECRET_DIGEST_SIZE];
};

struct secrets {
    const struct cc_allocator *allocator;
    struct secret *array;
    size_t count;
    size_t capacity;
};

void secrets_deinit(struct secrets *secrets);

/* 0, CC_ETOOLARGE, CC_ENOMEM. */
int secrets_add(struct secrets *secrets, const struct secret *secret);

/* Reads a file into empty `secrets`, and what identifies its state into `ret_state`; a file that is
 * not there is empty. 0, CC_ECORRUPT, CC_EIO, CC_ETOOLARGE, CC_ENOMEM. */
int secrets_read(struct secrets *secrets, const char *path, struct stat *ret_state);

/* 0, CC_EIO, CC_ENOMEM. */
int secrets_write(const struct secrets *secrets, const char *path);

/* A lock against other processes; to be closed. Below 0: CC_EIO, CC_ENOMEM. */
int secrets_lock(const struct cc_allocator *allocator, const char *path);

#endif
