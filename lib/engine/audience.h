/*
 * Who sees a user's presence: of the watchers (those who have the user as a contact), the ones whom
 * he has not blocked and whom his setting lets see it. What he has set is read last, so that little
 * time is left between the reading and the telling.
 */
#ifndef CC_ENGINE_AUDIENCE_H
#define CC_ENGINE_AUDIENCE_H

#include "engine/user.h"

/* Who has blocked more users than this is announced to nobody: better silent than seen. */
#define AUDIENCE_BLOCKED_MAX 10000

/* Of more contacts, those behind are not announced to where contacts alone may see. */
#define AUDIENCE_CONTACTS_MAX 10000

struct audience {
    struct cc_engine *engine;
    struct cc_slice user; /* lives until `read` is called */
    /* Called once in a later drain, with 0 or why nobody is to be told anything. */
    void (*read)(struct audience *audience, int status);
    struct cc_directory_related watchers;
    struct cc_directory_related blocked;
    struct cc_directory_related contacts;
    struct cc_directory_privacy privacy;
};

/* With engine, user and `read` filled in, the rest zero. audience_deinit() gives back what it read.
 */
void audience_read(struct audience *audience);
void audience_deinit(struct audience *audience);

/* The watchers that see him, and the others but the blocked; room for watchers.ret_count each,
 * `ret_others` may be NULL. Answers how many see him. */
size_t audience_split(const struct audience *audience, struct cc_slice *ret_seeing,
                      struct cc_slice *ret_others, size_t *ret_other_count);

#endif
