/*
 * The search port: an index of what the conversations' messages say (embedded: SQLite's FTS5).
 *
 * It is computed from the log, as the store is: the engine brings it each text, edit and deletion
 * once, in the log's order, together with the log offset that they reach. It is no source of truth:
 * an index that is lost is made again from the store.
 *
 * Promises a backend makes
 *  - a batch and its position are one transaction. Entries below the partition's position are not
 *    taken again: so a batch that comes twice, or overlaps with the one before, changes nothing.
 *  - a position never goes back, unless it is told to.
 *  - what is asked about is read in the scopes given, and nowhere else. The text asked for comes
 *    from anybody: it can ask for words, and cannot ask for anything else.
 *  - a query sees every change that was completed before it was submitted.
 *
 * Every slot is called from the engine's thread only, and every slot is required.
 */
#ifndef CHATCORE_BACKEND_SEARCH_H
#define CHATCORE_BACKEND_SEARCH_H

#include "chatcore/backend/op.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cc_search_action {
    CC_SEARCH_PUT = 1, /* a message says this; one that is there already is replaced */
    CC_SEARCH_EDIT,    /* it says something else now; nothing happens if it is not there */
    CC_SEARCH_REMOVE   /* likewise */
};

struct cc_search_entry {
    enum cc_search_action action;
    struct cc_slice conversation;
    struct cc_id message; /* the one that is put, edited or removed */
    uint64_t offset;      /* in the log, of the record that says so */
    uint64_t seq;         /* PUT */
    int64_t ts;           /* PUT: wall ms; newer ones are found first */
    struct cc_slice from; /* PUT: who wrote it */
    struct cc_slice text; /* PUT, EDIT */
};

struct cc_search_index {
    struct cc_op op;
    uint32_t partition;
    uint64_t position; /* every record below it has been brought once this completes; 0: says
                          nothing, and the entries are taken whatever their offset is */
    const struct cc_search_entry *entries; /* ascending by offset */
    size_t count;
    bool begins_anew; /* the position is set, even if that is back or 0, and the entries are taken:
                         the log is another one than the one that was indexed */
};

struct cc_search_position {
    struct cc_op op;
    uint32_t partition;
    uint64_t ret_position; /* 0 when nothing was brought */
};

/* Where is asked: a conversation, from a seq on. */
struct cc_search_scope {
    struct cc_slice conversation;
    uint64_t from_seq;
};

struct cc_search_hit {
    uint64_t place; /* in the order of all hits, that of time: from 1, no two have the same. It
                       stays as long as the message is in the index */
    struct cc_slice conversation;
    uint64_t seq;
    struct cc_id message;
    struct cc_slice text; /* as it reads now */
};

/*
 * The newest messages that have all words of `text`, the last of which may be the beginning of one.
 * Upper and lower case, and accents, are the same. Text in scripts without spaces is found wherever
 * it stands. A text without any word finds nothing.
 */
struct cc_search_query {
    struct cc_op op;
    struct cc_slice text;                 /* valid UTF-8, hostile */
    const struct cc_search_scope *scopes; /* no conversation twice */
    size_t scope_count;
    uint64_t before; /* only hits of lower places, for the next page; 0: from the newest on */
    size_t limit;
    const struct cc_search_hit *ret_hits; /* the newest first: places fall */
    size_t ret_count;
    bool ret_is_cut; /* it took too long: there may be older ones */
};

/* Forgets the entries that all members fit which are set; none set: all. Positions stay. */
struct cc_search_forget {
    struct cc_op op;
    struct cc_slice conversation;
    struct cc_slice from; /* who wrote them */
    uint64_t before_seq;  /* entries below it */
    bool is_thorough;     /* wipes them from what is free in the files, too: that takes as long as
                             writing the index once */
};

struct cc_search_vtable {
    size_t size;
    void (*index)(void *self, struct cc_search_index *op);
    void (*position)(void *self, struct cc_search_position *op);
    void (*query)(void *self, struct cc_search_query *op);
    void (*forget)(void *self, struct cc_search_forget *op);
    /* Gives everything back. No operation may be under way. */
    void (*free)(void *self);
};

struct cc_search {
    const struct cc_search_vtable *vtable;
    void *self;
};

/* --- SQLite ----------------------------------------------------------------------------------- */

struct cc_search_sqlite_options {
    size_t size;
    const char *path; /* the file, made if it is not there; NULL: in memory */
    /*
     * Operations are done inside the slot, on the engine's thread, instead of on a thread of the
     * backend's: for simulations.
     */
    bool no_thread;
    unsigned query_ms; /* a query that takes longer gives what it has found; 0: 500 */
    struct cc_trace trace;
};
#define CC_SEARCH_SQLITE_OPTIONS_INIT CC_SIZED(struct cc_search_sqlite_options)

/*
 * Opens an index in one SQLite file. A file of another version of the index, or a damaged one, is
 * begun anew: what is in it is computed, after all. One process may have it open. SQLite's own
 * memory does not come from the allocator. Any thread; blocks. Errors: CC_EINVAL, CC_ENOMEM,
 * CC_EREADONLY, CC_ENOSPACE, CC_EIO, CC_ENOTSUP (a SQLite without FTS5).
 */
int cc_search_sqlite_open(const struct cc_allocator *allocator,
                          const struct cc_search_sqlite_options *options,
                          struct cc_search *ret_search);

#ifdef __cplusplus
}
#endif
#endif
