/*
 * Records: what stands in the log, and as a row's body in the store.
 *
 * A record is one MessagePack array: the format's version, then the elements in the order of
 * record.c. Elements that are not set are nil, those at the end are left out. A reader takes a
 * record of any length: what it doesn't find is zero, what it doesn't know it skips. So elements
 * may be added at the end without a new version; the version rises only when an element changes its
 * meaning, and a reader refuses a version above its own.
 *
 * Bytes are the caller's: a decoded record points into them.
 */
#ifndef CC_WIRE_RECORD_H
#define CC_WIRE_RECORD_H

#include "base/arena.h"
#include "base/buffer.h"
#include "chatcore/message.h"

#define RECORD_VERSION 1

/* The largest record; a system message that names 100,000 users has 7 MB. */
#define RECORD_BYTES_MAX ((size_t)64 << 20)

struct record {
    struct cc_message message; /* seq is not kept: the log's order gives it */
    struct cc_slice origin;    /* the node that proposed it */
    uint64_t token;            /* finds the waiting request on that node */
    uint64_t member_version;   /* SYSTEM: the conversation's version that the change made */
    enum cc_conversation_kind conversation_kind; /* CREATED */
    bool full_dedup;     /* its client_id is compared with all that the store keeps */
    uint64_t target_seq; /* EDIT, DELETE: where the target stands */
    /* In a stored row only: the edit or deletion that made it what it is, 0: it is as it was. */
    uint64_t changed_seq;
    struct cc_id changed_id;
};

/* Appends the bytes to `out`. On failure `out` is as it was. Errors: CC_ENOMEM (`out->failed` is
 * set as well), CC_ETOOLARGE. */
int record_encode(struct buffer *out, const struct record *record);

/*
 * `ret_record` is set on success only. Slices point into `bytes`; the arrays of media, mentions and
 * users are in the arena (untouched for a record without them). Errors: CC_ECORRUPT, CC_EVERSION
 * (written by a newer format), CC_ENOMEM.
 */
int record_decode(struct cc_slice bytes, struct arena *arena, struct record *ret_record);

#endif
