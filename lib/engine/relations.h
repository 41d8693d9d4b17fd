/*
 * Relations between users, for checks: who has whom as a contact, who has blocked whom.
 *
 * Direct messages ask at every send, so what the directory said of a pair is kept for a short time.
 * A block made on this node counts at once; one made on another node counts here after
 * RELATIONS_TTL_MS at most.
 */
#ifndef CC_ENGINE_RELATIONS_H
#define CC_ENGINE_RELATIONS_H

#include "engine/session.h"

/* The longest time that a block made on another node is not yet seen here. */
#define RELATIONS_TTL_MS 2000

/* Pairs kept, the least used forgotten: about 300 bytes each, 20 MB. */
#define RELATIONS_PAIRS_MAX 65536

/* Users read at once from a list of relations. */
#define RELATIONS_PAGE 1000

int relations_init(struct cc_engine *engine);
void relations_deinit(struct cc_engine *engine);

/*
 * Finds how the request's user and `other` stand to each other, in request->relation. `checked` is
 * called at once or in a later drain, with 0 or why the directory could not tell.
 */
void relations_check(struct request *request, struct cc_slice other,
                     void (*checked)(struct request *request, int status));

/* The relation of two users has changed or is about to: asks the directory the next time. */
void relations_forget(struct cc_engine *engine, struct cc_slice user, struct cc_slice other);

/* Whether the direct conversation of two users is known to exist; forgotten with the pair. */
bool relations_have_direct(struct cc_engine *engine, struct cc_slice user, struct cc_slice other);
void relations_found_direct(struct cc_engine *engine, struct cc_slice user, struct cc_slice other);

/* Which of some users stand in a relation to the request's user. */
struct relations_match {
    enum cc_relation relation;
    bool reverse;                 /* they have the request's user so, not the other way round */
    const struct cc_slice *users; /* ascending, none twice */
    size_t count;
    bool *matches; /* `count` of them, false at the start */
    void (*matched)(struct request *request, int status);
    char after[CC_NAME_MAX]; /* the matching's own */
};

/*
 * Sets `matches`; then `matched` is called, at once or in a later drain. `match` belongs to the
 * request. Reads the relations in pages of RELATIONS_PAGE, as far as the last of `users`.
 */
void relations_match(struct request *request, struct relations_match *match);

#endif
