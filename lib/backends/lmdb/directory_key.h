/*
 * Keys of the LMDB directory: one byte that names the table, then parts whose bytewise order is
 * the order of what they stand for.
 *
 * A name is any run of 0 to 64 bytes. It is written with each 0 byte as 0 1, and ends with 0 0; so
 * no name's key is a prefix of another's, and a shorter name stands before those that it begins.
 * Numbers are big-endian. The longest key (DIRECTORY_KEY_MAX) is well below LMDB's 511 bytes.
 */
#ifndef CC_BACKENDS_LMDB_DIRECTORY_KEY_H
#define CC_BACKENDS_LMDB_DIRECTORY_KEY_H

#include "base/memory.h"

/* The table, two names at their worst, two numbers. */
#define DIRECTORY_KEY_MAX (1 + 2 * (2 * CC_NAME_MAX + 2) + 2 * 8)

struct directory_key {
    uint8_t bytes[DIRECTORY_KEY_MAX];
    size_t size;
    bool failed; /* a name was too long; stays until the next begin */
};

void directory_key_begin(struct directory_key *key, uint8_t table);
void directory_key_name(struct directory_key *key, struct cc_slice name);
void directory_key_number(struct directory_key *key, uint64_t number);

/* Where a page begins: the least key of a prefix that is greater than all those whose next name is
 * `after` or less; with an empty `after`, the prefix itself. */
void directory_key_after(const struct directory_key *prefix, struct cc_slice after,
                         struct directory_key *ret_key);

/* What a key holds, read from its start; stored bytes are not trusted. */
struct directory_key_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed; /* stays */
};

/* Begins behind the table's byte; fails for a key of another table. */
void directory_key_read(struct directory_key_reader *reader, uint8_t table, const void *key,
                        size_t size);

/* Reads a name into `buffer`; an empty slice when it failed. */
struct cc_slice directory_key_read_name(struct directory_key_reader *reader,
                                        char buffer[CC_NAME_MAX]);

/* 0 when it failed. */
uint64_t directory_key_read_number(struct directory_key_reader *reader);

/* True when nothing failed and nothing is left. */
bool directory_key_read_end(const struct directory_key_reader *reader);

#endif
