/*
 * Users with a session on this node, or with a request under way.
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
    struct cc_privacy privacy; /* user_privacy.h */
    bool knows_privacy;
    int64_t privacy_ms; /* mono: when it was read */
    bool is_announced;  /* presence.c: the cluster's session map has it */
    char bytes[];
};

/* NULL when the user has neither here. */
struct user *user_find(struct cc_engine *engine, struct cc_slice name);

/* The same, where the name's hash_bytes() is at hand. */
struct user *user_find_hashed(struct cc_engine *engine, struct cc_slice name, unsigned hash);

/* True when the user has a session here that is pushed to. */
bool user_is_here(struct cc_engine *engine, struct cc_slice name);

/* Gives an open session its user, making the user if it is the first. A session for requests only
 * holds a reference; any other is added to the user's. 0 or CC_ENOMEM. */
int user_add_session(struct cc_engine *engine, struct cc_slice name, struct cc_session *session);

/* Parts the two again; the user goes with its last session and reference. */
void user_remove_session(struct cc_session *session);

void user_ref(struct user *user);
void user_unref(struct cc_engine *engine, struct user *user);

#endif
