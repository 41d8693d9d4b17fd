/*
 * Users with at least one session on this node.
 */
#ifndef CC_ENGINE_USER_H
#define CC_ENGINE_USER_H

#include "engine/session.h"

struct user {
    UT_hash_handle hh;
    struct cc_slice name;        /* the key; its bytes stand behind the struct */
    struct cc_session *sessions; /* open ones, the newest first, by next_of_user */
    size_t session_count;
    size_t refs;                 /* of modules that hold it beyond its sessions */
    struct rate_state send_rate; /* limits.c */
    struct rate_state request_rate;
    bool is_announced; /* presence.c: the cluster's session map has it */
    char bytes[];
};

/* NULL when the user has no session here. */
struct user *user_find(struct cc_engine *engine, struct cc_slice name);

/* Adds an open session to its user, making the user if it is the first. 0 or CC_ENOMEM. */
int user_add_session(struct cc_engine *engine, struct cc_slice name, struct cc_session *session);

/* Takes the session out; the user goes with its last session and reference. */
void user_remove_session(struct cc_session *session);

void user_ref(struct user *user);
void user_unref(struct cc_engine *engine, struct user *user);

#endif
