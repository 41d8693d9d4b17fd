/*
 * Conversations and their members, as plain values.
 */
#ifndef CHATCORE_CONVERSATION_H
#define CHATCORE_CONVERSATION_H

#include "chatcore/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cc_conversation_kind {
    CC_KIND_DIRECT = 1, /* two users, one id from the pair */
    CC_KIND_GROUP = 2,
    CC_KIND_CHANNEL = 3 /* members only read; owner and admins write */
};

enum cc_role { CC_ROLE_MEMBER = 1, CC_ROLE_ADMIN = 2, CC_ROLE_OWNER = 3 };

/* Up to this many members a message is written to each member's inbox; above, only to the
 * conversation. */
#define CC_FANOUT_WRITE_MAX 50

struct cc_conversation {
    struct cc_slice id;
    enum cc_conversation_kind kind;
    struct cc_slice name;
    uint64_t version; /* of its members and name; rises by 1 with each change */
    uint32_t member_count;
    int64_t created; /* wall ms */
    /*
     * True from the change on that first brought it above CC_FANOUT_WRITE_MAX members, for ever:
     * the directory sets it in that change's transaction. A reader of such a conversation compares
     * its head instead of trusting the inbox, which is right in either mode; so the mode may
     * switch both ways while messages flow.
     */
    bool was_large;
    uint64_t retention_s; /* its messages are kept so long; 0: it says nothing of that */
    uint64_t reserved[4];
};

struct cc_member {
    struct cc_slice user;
    enum cc_role role;
    uint64_t since_version; /* the version that made the user a member */
    uint64_t delivered; /* in the reply to `members`: how far, where that is told; 0: not told */
    uint64_t read;      /* likewise */
};

/* The most invitations of one conversation that hold: admins read the list of them, and one that
 * nobody needs any more is to be seen in it. */
#define CC_INVITATIONS_MAX 100

/* Who has the token may join. */
struct cc_invitation {
    struct cc_slice token;
    struct cc_slice conversation;
    struct cc_slice creator; /* the user who made it */
    int64_t created;         /* wall ms */
    int64_t expires;         /* wall ms; 0: it does not */
    uint32_t max_uses;       /* 0: any number */
    uint32_t uses;           /* so many have joined by it */
    uint64_t reserved[2];
};

#ifdef __cplusplus
}
#endif
#endif
