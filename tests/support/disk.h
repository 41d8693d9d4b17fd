/*
 * A disk that fails on command: the system calls with which LMDB writes, for files called data.mdb.
 * Linking it puts these functions before the C library's, for the shared libraries too.
 */
#ifndef CC_TESTS_DISK_H
#define CC_TESTS_DISK_H

#include <stdbool.h>

enum disk_call {
    DISK_PAGES = 1, /* writing pages */
    DISK_ROOT = 2,  /* writing the root, which makes a commit count */
    DISK_SYNC = 4
};

/* From now on these calls fail with the error, after `passes` of them have gone through. 0: they
 * work again. Any thread. */
void disk_fail(unsigned calls, int error, int passes);

/* From now on writes of pages end after half of the bytes, without an error. */
void disk_cut_short(bool on);

/* How many calls have failed since the last disk_fail(). */
int disk_failures(void);

#endif
