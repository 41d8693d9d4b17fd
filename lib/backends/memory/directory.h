/*
 * The memory directory's tables. One directory is shared by every port of a world and lives as
 * long as the world.
 *
 *   user          by name; kept while anything refers to it
 *   relation      a pair of users, in the trees of both
 *   device        of a user, by name
 *   conversation  by id
 *   member        a user that is or was in a conversation: its history, a list of tenures
 *   tenure        one row of the history: a role from a version up to before another
 *   outbox        a partition's entries, in the order of their transactions
 *   revocation    by kind and name, and in a list in the order of their numbers
 *   invitation    by token, and by token in its conversation
 *   barred        a user whom a conversation has removed for good, by name
 *
 * A change first allocates all it needs, then links it in, which cannot fail: so it happens whole
 * or not at all. A closed tenure also stands in its conversation's queue, in the order of closing,
 * so that forgetting old history touches nothing else.
 */
#ifndef CC_BACKENDS_MEMORY_DIRECTORY_H
#define CC_BACKENDS_MEMORY_DIRECTORY_H

#include "backends/answer.h"
#include "backends/memory/tree.h"
#include "backends/memory/world.h"
#include "base/list.h"
#include "chatcore/backend/directory.h"

struct memory_directory {
    const struct cc_allocator *allocator;
    struct tree users;
    struct tree conversations;
    struct tree outboxes;
    struct tree revoked;
    struct list revocations; /* by number */
    uint64_t revocation_number;
    struct tree invitations;
};

struct directory_user {
    struct tree_node node;     /* of the directory's users */
    struct tree devices;       /* by name */
    struct tree relations;     /* to others, by their name */
    struct tree related_by;    /* from others, by their name */
    struct tree memberships;   /* present ones, by the conversation's id */
    size_t histories;          /* members, present or former, that refer to this user */
    struct cc_slice values[3]; /* name, avatar, meta: allocated */
    struct cc_privacy privacy;
    bool is_known; /* a profile was put */
    char name[];
};

struct directory_relation {
    struct tree_node by_user;
    struct tree_node by_other;
    struct directory_user *user;
    struct directory_user *other;
    unsigned bits; /* of cc_relation; never 0 */
};

struct directory_device {
    struct tree_node node; /* of its user's devices */
    struct cc_device device;
    char bytes[];
};

struct directory_tenure {
    struct directory_tenure *older; /* of the same member */
    struct directory_tenure *newer;
    struct directory_tenure *next_closed; /* of the same conversation */
    struct directory_member *member;
    uint64_t from;
    uint64_t to; /* the version that ended it; 0: it lasts */
    uint64_t since;
    enum cc_role role;
};

struct directory_member {
    struct tree_node node;    /* of its conversation's members */
    struct tree_node by_user; /* of its user's memberships, while a tenure lasts */
    struct directory_conversation *conversation;
    struct directory_user *user;
    struct directory_tenure *newest; /* NULL only inside a transaction */
    int64_t muted_until;
};

struct directory_entry {
    struct directory_entry *previous; /* in its outbox */
    struct directory_entry *next;
    struct directory_entry *later; /* of the same conversation */
    struct directory_outbox *outbox;
    struct directory_conversation *conversation;
    uint64_t version;
    size_t size;
    char payload[];
};

struct directory_outbox {
    struct tree_node node; /* of the directory's outboxes */
    uint32_t partition;    /* its bytes are the key: only found, never listed */
    struct directory_entry *oldest;
    struct directory_entry *newest;
};

struct directory_invitation {
    struct tree_node node; /* of the directory's invitations */
    struct tree_node by_conversation;
    struct directory_conversation *to;
    struct cc_invitation invitation; /* its slices point behind it */
    char bytes[];
};

struct directory_barred {
    struct tree_node node; /* of its conversation */
    char name[];
};

struct directory_conversation {
    struct tree_node node;           /* of the directory's conversations */
    struct tree members;             /* present and former, by the user's name */
    struct cc_slice name;            /* allocated */
    struct directory_entry *entries; /* in outboxes, the oldest first */
    struct directory_entry **entries_end;
    struct directory_tenure *closed; /* ended tenures, the first ended first */
    struct directory_tenure **closed_end;
    struct tree invitations; /* by token */
    struct tree barred;      /* by the user's name */
    enum cc_conversation_kind kind;
    uint64_t version;
    uint32_t member_count;
    int64_t created;
    bool was_large;
    uint64_t retention_s;
    char id[];
};

/* --- users: directory_users.c --- */

struct directory_user *directory_user_find(const struct memory_directory *directory,
                                           struct cc_slice name);

/* Finds or makes; NULL when out of memory. A made one goes with directory_user_collect(). */
struct directory_user *directory_user_get(struct memory_directory *directory, struct cc_slice name);

/* Frees the user when nothing refers to it and nothing is known of it. */
void directory_user_collect(struct memory_directory *directory, struct directory_user *user);

/* Frees every user with its devices and relations; members must have gone before. */
void directory_users_free(struct memory_directory *directory);

void directory_profile_get(void *self, struct cc_directory_profile *op);
void directory_profile_put(void *self, struct cc_directory_profile *op);
void directory_privacy(void *self, struct cc_directory_privacy *op);
void directory_relate(void *self, struct cc_directory_relate *op);
void directory_relation(void *self, struct cc_directory_relation *op);
void directory_related(void *self, struct cc_directory_related *op);
void directory_device_put(void *self, struct cc_directory_device *op);
void directory_devices(void *self, struct cc_directory_devices *op);

/* --- reading conversations: directory_read.c --- */

struct directory_conversation *directory_conversation_find(const struct memory_directory *directory,
                                                           struct cc_slice id);

/* 0 or CC_ENOMEM. */
int directory_conversation_copy(struct answer *answer, const struct directory_conversation *from,
                                struct cc_conversation *to);

/* The member of a name, present or former; NULL when there is none. */
struct directory_member *directory_member_find(const struct directory_conversation *conversation,
                                               struct cc_slice user);

/* The tenure that lasts; NULL when there is none. */
struct directory_tenure *directory_member_present(const struct directory_member *member);

void directory_conversation_get(void *self, struct cc_directory_conversation *op);
void directory_member_get(void *self, struct cc_directory_member *op);
void directory_members(void *self, struct cc_directory_members *op);
void directory_memberships(void *self, struct cc_directory_memberships *op);
void directory_retained(void *self, struct cc_directory_retained *op);
void directory_outbox_get(void *self, struct cc_directory_outbox *op);

/* --- changing conversations: directory_change.c --- */

void directory_mute(void *self, struct cc_directory_mute *op);
void directory_create(void *self, struct cc_directory_create *op);
void directory_change(void *self, struct cc_directory_change *op);
void directory_outbox_done(void *self, struct cc_directory_outbox_done *op);

/* Frees every conversation with its members, histories and entries. */
void directory_conversations_free(struct memory_directory *directory);

/* --- revocations: directory_revoke.c --- */

void directory_revoke(void *self, struct cc_directory_revoke *op);
void directory_revoked(void *self, struct cc_directory_revoked *op);
void directory_revocations(void *self, struct cc_directory_revocations *op);
void directory_revocations_free(struct memory_directory *directory);

/* --- invitations: directory_invite.c --- */

void directory_invite(void *self, struct cc_directory_invite *op);
void directory_uninvite(void *self, struct cc_directory_uninvite *op);
void directory_invitation_get(void *self, struct cc_directory_invitation *op);
void directory_invitations(void *self, struct cc_directory_invitations *op);

/* The conversation's invitation of this token; NULL when there is none. */
struct directory_invitation *
directory_invitation_find(const struct directory_conversation *conversation, struct cc_slice token);

/* NULL when out of memory; not yet in any tree. */
struct directory_barred *directory_barred_new(const struct memory_directory *directory,
                                              struct cc_slice user);

/* Remembers him, or frees what would be there twice. */
void directory_bar(const struct memory_directory *directory,
                   struct directory_conversation *conversation, struct directory_barred *barred);
void directory_unbar(const struct memory_directory *directory,
                     struct directory_conversation *conversation, struct cc_slice user);

/* Frees a conversation's invitations, and whom it has barred. */
void directory_invitations_free(struct memory_directory *directory,
                                struct directory_conversation *conversation);

#endif
