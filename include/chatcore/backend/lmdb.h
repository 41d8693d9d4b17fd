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

/* --- reading through -------------------------------------------------------------------------- */

struct cc_lmdb_profile {
    struct cc_slice user;
    struct cc_slice name;
    struct cc_slice avatar;
    struct cc_slice meta; /* one MessagePack map, or empty */
    uint64_t reserved[2];
};

/*
 * Who looks at a folder. What is NULL is not read. Slices live during the call; an answer other
 * than 0 ends the walk with it. Within each, entries come in the order of their keys: `record` by
 * offset, `row` by conversation and seq, `inbox` by user and offset and then those that arrived
 * last, by bucket; the others by name.
 */
struct cc_lmdb_visitor {
    size_t size;
    void *context;
    int (*record)(void *context, uint32_t partition, const struct cc_log_record *record);
    /* A consumer's position in the log. */
    int (*position)(void *context, struct cc_slice consumer, uint32_t partition, uint64_t offset);
    /* How far the store is. */
    int (*offset)(void *context, uint32_t partition, uint64_t offset);
    int (*head)(void *context, const struct cc_store_head *head);
    int (*row)(void *context, const struct cc_store_row *row);
    int (*inbox)(void *context, uint32_t partition, const struct cc_store_inbox *entry);
    int (*cursor)(void *context, const struct cc_store_cursor *cursor);
    int (*profile)(void *context, const struct cc_lmdb_profile *profile);
    int (*relation)(void *context, struct cc_slice user, struct cc_slice other, unsigned relation);
    int (*device)(void *context, struct cc_slice user, const struct cc_device *device);
    int (*conversation)(void *context, const struct cc_conversation *conversation);
    /* Who is a member now. */
    int (*member)(void *context, struct cc_slice conversation, const struct cc_member *member);
    int (*membership)(void *context, struct cc_slice user, struct cc_slice conversation,
                      int64_t muted_until);
    /* Changes of members that the log has not applied yet. */
    int (*outbox)(void *context, uint32_t partition, const struct cc_outbox_entry *entry);
    int (*revocation)(void *context, const struct cc_revocation *revocation);
    int (*invitation)(void *context, const struct cc_invitation *invitation);
    /* Who was removed, and may not come back by an invitation. */
    int (*barred)(void *context, struct cc_slice conversation, struct cc_slice user);
};
#define CC_LMDB_VISITOR_INIT CC_SIZED(struct cc_lmdb_visitor)

struct cc_lmdb_walk_options {
    size_t size;
    const char *path; /* the folder; a server may have it open, in another process */
    void (*progress)(void *context, uint64_t done, uint64_t all); /* of entries; may be NULL */
    void *context;
    struct cc_trace trace;
};
#define CC_LMDB_WALK_OPTIONS_INIT CC_SIZED(struct cc_lmdb_walk_options)

/*
 * Reads a folder through, as it is at one moment: log, store, directory, as far as the visitor has
 * functions for them. Any thread, of a process that has not the folder open; blocks. Errors:
 * CC_EINVAL (an option, no such folder), CC_EVERSION, CC_EREADONLY, CC_ECORRUPT, CC_EIO, CC_ENOMEM,
 * and what the visitor answers.
 */
int cc_lmdb_walk(const struct cc_lmdb_walk_options *options, const struct cc_lmdb_visitor *visitor);

/* What was read, and what is wrong. */
struct cc_lmdb_findings {
    uint64_t records;       /* of the log */
    uint64_t unstored;      /* of these: not yet in the store, so to be replayed */
    uint64_t conversations; /* in the store */
    uint64_t rows;
    uint64_t shortened; /* conversations whose oldest rows are gone, by retention */
    uint64_t inbox;
    uint64_t groups; /* conversations in the directory, direct ones too */
    uint64_t members;
    uint64_t faults;
    uint64_t reserved[8];
};

struct cc_lmdb_check_options {
    size_t size;
    const char *path; /* as for a walk */
    /* Told of each fault: where it is, and what it is, in one line. May be NULL. */
    void (*fault)(void *context, const char *part, const char *text);
    void (*progress)(void *context, uint64_t done, uint64_t all);
    void *context;
    struct cc_trace trace;
};
#define CC_LMDB_CHECK_OPTIONS_INIT CC_SIZED(struct cc_lmdb_check_options)

/*
 * Checks what a folder holds, as it is at one moment: that the log has no gap and reaches back to
 * where the store stands; that every conversation's rows have each seq up to its head once, in the
 * order of the log; that inboxes and cursors name what is there; that the directory's tables say
 * the same; that everything can be decoded. Faults are findings, not errors. Where no process has
 * the folder open, the structure of its files is checked before. Any thread, of a process that has
 * not the folder open; blocks. Errors: those of a walk; CC_ECORRUPT when a file's structure is
 * damaged, so that it can't be read.
 */
int cc_lmdb_check(const struct cc_lmdb_check_options *options,
                  struct cc_lmdb_findings *ret_findings);

#ifdef __cplusplus
}
#endif
#endif
