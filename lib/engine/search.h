/*
 * Search: the command, and what keeps the index up with the log.
 *
 *   log ─▶ consumer ─▶ search_index.c ─▶ the index (a port)      search_rebuild.c: from the
 *   command ─▶ search.c ─▶ search_scope.c ─▶ the index ─▶ search.c        store, where the log has
 *                                                                         been cut
 *
 * The index keeps each partition's position itself, together with what it made of the records: so
 * everything is taken exactly once. What it answers is a hint: each hit is held to the rules of
 * reading here, as things stand now, and its message is read where history reads it.
 *
 * What a user has sent, he finds: a query waits for the index to have what had been applied when it
 * came, for a short time at most.
 */
#ifndef CC_ENGINE_SEARCH_H
#define CC_ENGINE_SEARCH_H

#include "engine/consumer.h"
#include "engine/engine.h"
#include "engine/session.h"

/* Messages an answer, if the client doesn't say, and at most: each costs a read. */
#define SEARCH_LIMIT     20
#define SEARCH_LIMIT_MAX 100

/* What is looked for: longer than any sentence. */
#define SEARCH_TEXT_MAX 1024

/* Conversations that one query goes over: each has an entry in it. Who has more, names one. */
#define SEARCH_SCOPES_MAX 10000

/* Queries under way on this node: they stand in a line, and the last shall not wait for minutes. */
#define SEARCH_QUERIES_MAX 64

/* So long a query waits for the index to catch up; then it takes what is there. */
#define SEARCH_WAIT_MS 1000

/* Messages that the index takes in one transaction at most: it costs a fifth less than with 256. */
#define SEARCH_BATCH CONSUMER_BATCH_MAX

/* Between two batches, unless half a batch is there already or somebody waits: each costs a
 * transaction, so what trickles in is taken together. */
#define SEARCH_PAUSE_MS 20

/* A failed operation is tried again after so long. */
#define SEARCH_RETRY_MS 1000

/* The consumer's name: none that a host would give to one of its own. */
#define SEARCH_CONSUMER "cc.search"

struct search_rebuild;

/* One partition's way into the index. One batch of the consumer's is under way at a time. */
struct search_partition {
    struct search_state *state;
    uint32_t number;
    uint64_t indexed; /* every record below is in the index */
    struct cc_search_position position;
    struct cc_search_index index;
    struct cc_search_forget forget;
    bool has_batch;
    struct message *messages[SEARCH_BATCH]; /* references, as long as the batch is under way */
    size_t message_count;
    struct cc_search_entry entries[SEARCH_BATCH];
    struct timer pause; /* set: the next batch is not asked for yet */
    bool wants_rebuild;
    uint64_t rebuild_before;        /* what the store has below this log offset is brought */
    struct search_rebuild *rebuild; /* NULL, or it goes before the batch */
    struct timer retry;
};

/* A request that waits for the index. Stands in the request's arena. */
struct search_wait {
    struct search_wait *next;
    struct request *request;
    int64_t deadline;  /* mono */
    uint64_t wanted[]; /* of each partition */
};

struct search_state {
    struct cc_engine *engine;
    struct consumer *consumer; /* NULL before the positions are read, and at the end */
    bool is_started;
    size_t positions_missing;
    struct timer start_retry;
    struct search_partition *partitions;
    struct search_wait *waiting; /* the oldest first */
    struct search_wait **waiting_last;
    struct timer wait_timer;
    size_t queries;
};

int search_init(struct cc_engine *engine);
void search_deinit(struct cc_engine *engine);

static inline bool search_is_on(const struct cc_engine *engine)
{
    return engine->search.vtable != NULL;
}

/* Records that have been applied and are not in the index yet. */
uint64_t search_behind(const struct cc_engine *engine);

/* The command. */
void search_command(struct request *request);

/* At the end of each step, before the consumers': starts, and wakes queries that waited. */
void search_step(struct cc_engine *engine);

/* --- between the files of the module ------------------------------------------------------------
 */

/* What a message comes to in the index; false when it is nothing. */
bool search_entry_of(const struct cc_message *message, uint64_t offset,
                     struct cc_search_entry *ret_entry);

/* Begins to bring what the log has to the index. */
void search_index_start(struct search_state *search);

/* An engine without an index: lets go of what an earlier one's position holds. */
void search_index_give_up(struct cc_engine *engine);

/* Somebody waits for what the index has not: batches follow one another at once. */
void search_index_hurry(struct search_state *search);

/* Submits the batch that waits. */
void search_index_submit(struct search_partition *partition);

/* Begins to bring what the store has of a partition; then the batch that waits is submitted. 0 or
 * CC_ENOMEM. */
int search_rebuild_start(struct search_partition *partition);
void search_rebuild_retry(struct search_rebuild *rebuild);
void search_rebuild_free(struct search_partition *partition);

/*
 * Finds where the request's user may read: all conversations of his, or the one that the command
 * names, each from the seq on that history begins with. `found` is called at once or in a later
 * drain; the scopes live as long as the request.
 */
struct search_scopes {
    struct cc_search_scope *scopes;
    size_t count;
    size_t capacity;
    size_t page;  /* where the page that is being read begins */
    bool is_last; /* it is the last one */
    void (*found)(struct request *request, int status);
};

void search_scopes_find(struct request *request, struct search_scopes *scopes);

#endif
