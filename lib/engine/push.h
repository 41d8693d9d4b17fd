/*
 * Pushes of what is no message (receipts, typing, presence, summaries) to users, wherever they are
 * connected. Such a push is a hint: it may be lost, and what is stored does not depend on it.
 *
 * Everything that sends one goes through here, so this is the one place that knows other nodes: a
 * user's sessions elsewhere are reached through the node that has registered them (interest.h).
 */
#ifndef CC_ENGINE_PUSH_H
#define CC_ENGINE_PUSH_H

#include "engine/conversation.h"
#include "engine/session.h"

/* Lookups of members for pushes under way at once; more are dropped, with their pushes. */
#define PUSH_LOOKUPS_MAX 1024

struct push {
    enum cc_event_type type;
    union {
        struct cc_receipt receipt;
        struct cc_typing typing;
        struct cc_presence presence;
        struct cc_conversation_summary conversation;
    } u;
};

int push_init(struct cc_engine *engine);
void push_deinit(struct cc_engine *engine);

/* Gathers users, then pushes to all their live sessions but `except` (or NULL). */
void push_begin(struct cc_engine *engine);
void push_add(struct cc_engine *engine, struct cc_slice user, const struct cc_session *except);
void push_end(struct cc_engine *engine, const struct push *push);

/* True when somebody would get what is pushed to this user. */
bool push_reaches(struct cc_engine *engine, struct cc_slice user);

/* To all live sessions of one user but `except` (or NULL). */
void push_to_user(struct cc_engine *engine, struct cc_slice user, const struct cc_session *except,
                  const struct push *push);

/* To all live sessions of some users. */
void push_to_users(struct cc_engine *engine, const struct cc_slice *users, size_t count,
                   const struct push *push);

/*
 * To the members of a conversation but `from`, if it has at most `cut_off` of them. For RECEIPT and
 * TYPING. Where the conversation isn't loaded, the members come from the directory, later.
 */
void push_to_members(struct cc_engine *engine, struct cc_slice conversation, struct cc_slice from,
                     uint32_t cut_off, const struct push *push);

#endif
