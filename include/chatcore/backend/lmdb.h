/*
 * The embedded backends on LMDB: log, store and directory, each an environment of its own in a
 * folder, with a writer thread of its own that commits in groups. Reads run on the caller's thread,
 * on the map.
 *
 * A folder can be open in one process, once: a lock file says so (CC_ELOCKED). A format version
 * stands in each environment: one that this library does not read, newer or older, is refused
 * (CC_EVERSION). Other errors of opening: CC_EREADONLY, CC_ENOSPACE, CC_ECORRUPT, CC_EIO,
 * CC_ENOMEM. While running, a full disk makes writes complete with CC_ENOSPACE; nothing that was
 * acknowledged is lost, and writes succeed again once there is space.
 */
#ifndef CHATCORE_BACKEND_LMDB_H
#define CHATCORE_BACKEND_LMDB_H

#include "chatcore/backend/directory.h"
#include "chatcore/backend/log.h"
#include "chatcore/backend/store.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_lmdb_options {
    size_t size;
    const char *path;    /* the folder; made if it is not there (its parent must be) */
    uint32_t partitions; /* of the log; fixed when the folder is made (1) */
    bool sync;           /* commits reach the disk before they complete (true) */
    size_t map_bytes;    /* the map's first size; it grows by itself (64 MiB) */
    size_t max_bytes; /* it does not grow beyond this: CC_ENOSPACE; 0: the disk is the limit (0) */
    struct cc_trace trace;
};
#define CC_LMDB_OPTIONS_INIT                                                                       \
    {                                                                                              \
        sizeof(struct cc_lmdb_options), 0, 1, true, (size_t)64 << 20, 0,                           \
        {                                                                                          \
            0, 0, CC_TRACE_ERROR                                                                   \
        }                                                                                          \
    }

/* Open one environment each, in PATH/log, PATH/store, PATH/directory. Any thread; blocks. Errors:
 * above, CC_EINVAL. */
int cc_lmdb_log_open(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                     struct cc_log *ret_log);
int cc_lmdb_store_open(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                       struct cc_store *ret_store);
int cc_lmdb_directory_open(const struct cc_allocator *allocator,
                           const struct cc_lmdb_options *options,
                           struct cc_directory *ret_directory);

/* --- copying ---------------------------------------------------------------------------------- */

struct cc_lmdb_copy_options {
    size_t size;
    const char *path; /* the folder; a server may have it open, in another process */
    const char *to;   /* must not be there */
    void (*progress)(void *context, uint64_t done, uint64_t all); /* of entries; may be NULL */
    void *context;
    struct cc_trace trace;
};
#define CC_LMDB_COPY_OPTIONS_INIT CC_SIZED(struct cc_lmdb_copy_options)

/*
 * Copies log, store and directory as they are at one moment: what had been acknowledged when this
 * was called is in the copy. The copy is compact. The folder's writers are held up while three
 * transactions begin. On failure something may be left in `to`. Any thread, of a process that has
 * not the folder open; blocks. Errors: CC_EINVAL (an option, no such folder), CC_EREADONLY,
 * CC_ENOSPACE, CC_ECORRUPT, CC_EIO (also: `to` is there), CC_ENOMEM.
 */
int cc_lmdb_copy(const struct cc_lmdb_copy_options *options);

#ifdef __cplusplus
}
#endif
#endif
