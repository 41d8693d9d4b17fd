/*
 * Checking the structure of an LMDB data file before LMDB maps it.
 *
 * LMDB trusts its file: one cut short ends the process with a bus error, a wrong page number or
 * node size reads where nothing is. So the file is read here, without a map, and refused when a
 * page that can be reached is missing or is not well formed. What a page holds is not checked:
 * decoders of values check that when they read it.
 *
 * Files up to VERIFY_ALL_BYTES are checked whole, larger ones in all branch pages. A file that is
 * shorter than its last page number says is checked whole, whatever its size: LMDB leaves pages
 * at the end unwritten when a transaction freed them again, so this alone is no damage.
 */
#ifndef CC_BACKENDS_LMDB_VERIFY_H
#define CC_BACKENDS_LMDB_VERIFY_H

#include "base/memory.h"

/* About a quarter of a second of reading. */
#define VERIFY_ALL_BYTES ((uint64_t)256 << 20)

/* 0, MDB_CORRUPTED or an errno. `ret_is_new`: there is no file, or an empty one. Any thread. */
int verify_file(const struct cc_allocator *allocator, const char *path, bool *ret_is_new);

#endif
