/*
 * The directory port: users, contacts, blocks, conversations, members, invitations, devices
 * (embedded: LMDB; at scale: PostgreSQL).
 *
 * Policy (who may do what) is the engine's; the directory keeps facts and applies changes
 * atomically.
 *
 * Conversations are versioned. Creating one gives it version 1; every change of its name, retention
 * or members raises the version by exactly 1, in the transaction that also writes the change's
 * payload to the outbox. The partition's owner reads the outbox in order, appends the payloads to
 * the log, and removes an entry once the log's order has applied it. So a change reaches the log
 * always, in order, and never half.
 *
 * Members are kept with the versions between which they are members, so that the member list can be
 * read as of any version from the oldest one still in the outbox up to now; older history may be
 * dropped.
 *
 * Slices in results live until cc_op_release(). Every slot is called from the engine's thread
 * only, and every slot is required. Text bounds are checked by the engine before.
 */
#ifndef CHATCORE_BACKEND_DIRECTORY_H
#define CHATCORE_BACKEND_DIRECTORY_H

#include "chatcore/backend/op.h"
#include "chatcore/conversation.h"
#include "chatcore/privacy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- users ---------------------------------------------------------------------------------- */

struct cc_directory_profile {
    struct cc_op op;
    struct cc_slice user;
    struct cc_slice name;   /* put: in. data NULL: leave as it is */
    struct cc_slice avatar; /* likewise */
    struct cc_slice meta;   /* likewise; one MessagePack map */
    bool sets_presence;     /* put: privacy.presence */
    bool sets_read_marks;   /* put: privacy.read_marks */
    struct cc_privacy privacy;
    struct cc_slice ret_name; /* get (CC_ENOTFOUND when the user is unknown) */
    struct cc_slice ret_avatar;
    struct cc_slice ret_meta;
    struct cc_privacy ret_privacy;
};

/* What some users have set. */
struct cc_directory_privacy {
    struct cc_op op;
    const struct cc_slice *users;
    size_t count;
    const struct cc_privacy *ret_privacy; /* `count` of them, in the order asked */
};

enum cc_relation {
    CC_RELATION_CONTACT = 1, /* user has other among the contacts */
    CC_RELATION_BLOCKED = 2  /* user has blocked other */
};

/* Sets or clears one relation. Setting twice, and clearing what is not there, are no errors. */
struct cc_directory_relate {
    struct cc_op op;
    struct cc_slice user;
    struct cc_slice other;
    enum cc_relation relation;
    bool on;
};

/* Both directions at once, for checks. */
struct cc_directory_relation {
    struct cc_op op;
    struct cc_slice user;
    struct cc_slice other;
    unsigned ret_user_to_other; /* bits of cc_relation */
    unsigned ret_other_to_user;
};

/* Users that stand in `relation` to user, ascending by bytes. `reverse`: those who have `user` so.
 */
struct cc_directory_related {
    struct cc_op op;
    struct cc_slice user;
    enum cc_relation relation;
    bool reverse;
    struct cc_slice after; /* exclusive; empty: from the start */
    size_t limit;
    const struct cc_slice *ret_users;
    size_t ret_count;
    bool ret_more;
};

struct cc_device {
    struct cc_slice device;
    struct cc_slice provider;
    struct cc_slice token;
};

struct cc_directory_device {
    struct cc_op op;
    struct cc_slice user;
    struct cc_device device; /* put: an empty token removes it */
};

struct cc_directory_devices {
    struct cc_op op;
    struct cc_slice user;
    const struct cc_device *ret_devices;
    size_t ret_count;
};

/* --- tokens that hold no longer -----------------------------------------------------------------
 */

enum cc_revoked {
    CC_REVOKED_USER = 1, /* all tokens of a user that were issued before a time */
    CC_REVOKED_TOKEN = 2 /* the one token with this id */
};

struct cc_revocation {
    enum cc_revoked kind;
    struct cc_slice name; /* the user, or the token's id: 1 to 64 bytes */
    int64_t before;       /* USER: wall ms. TOKEN: 0 */
    uint64_t number;      /* where it stands among all: rises with each, from 1 */
};

/* Revokes, for ever. Doing it again is no error: `before` moves forward only, and the revocation
 * gets a new number. */
struct cc_directory_revoke {
    struct cc_op op;
    struct cc_revocation revocation; /* `number` is not read */
};

/* Whether a token is revoked, by its user or its id. */
struct cc_directory_revoked {
    struct cc_op op;
    struct cc_slice user;
    struct cc_slice token_id; /* empty: it has none */
    int64_t issued;           /* wall ms; 0: unknown, which is before all */
    bool ret_is_revoked;
};

/* The revocations with numbers above `after`, ascending. One is there only when all with lower
 * numbers are: who has read up to a number has missed nothing. */
struct cc_directory_revocations {
    struct cc_op op;
    uint64_t after;
    size_t limit;
    const struct cc_revocation *ret_revocations;
    size_t ret_count;
    bool ret_more;
    uint64_t ret_newest; /* of all; 0: there is none */
};

/* --- conversations ---------------------------------------------------------------------------- */

struct cc_directory_conversation {
    struct cc_op op;
    struct cc_slice conversation;
    struct cc_conversation ret_conversation; /* CC_ENOTFOUND when there is none */
};

struct cc_directory_member {
    struct cc_op op;
    struct cc_slice conversation;
    struct cc_slice user;
    struct cc_conversation ret_conversation; /* CC_ENOTFOUND when the conversation does not exist */
    bool ret_is_member;
    struct cc_member ret_member; /* when ret_is_member */
    int64_t ret_muted_until;     /* likewise: wall ms; 0: not muted */
};

struct cc_directory_members {
    struct cc_op op;
    struct cc_slice conversation; /* CC_ENOTFOUND when it does not exist */
    uint64_t at_version;          /* the members as of this version; 0: now */
    struct cc_slice after;
    size_t limit;
    const struct cc_member *ret_members; /* ascending by user */
    size_t ret_count;
    bool ret_more;
};

/* One entry of a user's list of conversations. */
struct cc_membership {
    struct cc_conversation conversation;
    struct cc_member member;
    int64_t muted_until; /* wall ms; 0: not muted */
};

struct cc_directory_memberships {
    struct cc_op op;
    struct cc_slice user;
    struct cc_slice after; /* conversation id, exclusive */
    size_t limit;
    const struct cc_membership *ret_memberships; /* ascending by conversation id */
    size_t ret_count;
    bool ret_more;
};

/* The conversations that have a retention of their own, ascending by id. */
struct cc_directory_retained {
    struct cc_op op;
    struct cc_slice after; /* conversation id, exclusive */
    size_t limit;
    const struct cc_conversation *ret_conversations;
    size_t ret_count;
    bool ret_more;
};

/* Mutes a conversation for one of its members (CC_ENOTFOUND when the user is none). A mute ends
 * with the membership: who is added again is not muted. */
struct cc_directory_mute {
    struct cc_op op;
    struct cc_slice user;
    struct cc_slice conversation;
    int64_t until; /* wall ms; 0: no longer */
};

/* Creates a conversation (version 1). CC_EEXISTS when the id is taken; then nothing is changed. */
struct cc_directory_create {
    struct cc_op op;
    struct cc_slice conversation;
    enum cc_conversation_kind kind;
    struct cc_slice name;
    int64_t created;
    uint32_t partition;              /* for the outbox */
    const struct cc_member *members; /* user and role; no user twice */
    size_t count;
    struct cc_slice payload; /* for the outbox; opaque */
};

enum cc_change_kind { CC_CHANGE_UPDATE, CC_CHANGE_ADD, CC_CHANGE_REMOVE, CC_CHANGE_ROLE };

/*
 * One change, in one transaction: CC_ECONFLICT when the conversation's version is not
 * `expected_version` (then nothing is changed, the engine reads and decides again), CC_ENOTFOUND
 * when there is no such conversation. The engine never sends one that would change nothing: added
 * users are not members, removed ones and those whose role changes are, and none stands there
 * twice. Whoever sends one gets CC_EINVAL, and nothing is changed.
 *
 * An ADD by an invitation counts one use of it in the same transaction: CC_ENOTFOUND, and nothing
 * is changed, when the conversation has no such invitation or its uses are used up. A REMOVE that
 * bars is remembered of each user, until he is added without an invitation.
 */
struct cc_directory_change {
    struct cc_op op;
    struct cc_slice conversation;
    uint64_t expected_version;
    enum cc_change_kind kind;
    struct cc_slice name;            /* UPDATE; data NULL: as it is */
    const struct cc_member *members; /* ADD, REMOVE, ROLE: user and (new) role */
    size_t count;
    bool sets_retention;  /* UPDATE */
    uint64_t retention_s; /* when sets_retention; 0: none of its own */
    uint32_t partition;
    struct cc_slice payload;
    uint64_t ret_version; /* expected_version + 1 */
    uint32_t ret_member_count;
    struct cc_slice invitation; /* ADD: its token; empty: by none */
    bool bars;                  /* REMOVE */
};

/* --- invitations ------------------------------------------------------------------------------ */

/*
 * Keeps an invitation. What has expired or is used up among the conversation's goes in the same
 * transaction. CC_ENOTFOUND: no such conversation; CC_EEXISTS: the token is taken; CC_ETOOLARGE:
 * the conversation has CC_INVITATIONS_MAX that hold; CC_EINVAL: a token or creator of no or more
 * than CC_NAME_MAX bytes. Then nothing is changed.
 */
struct cc_directory_invite {
    struct cc_op op;
    struct cc_invitation invitation; /* `uses` is not read */
    int64_t now;                     /* wall ms */
};

/* Takes one away. None such in this conversation is no error. */
struct cc_directory_uninvite {
    struct cc_op op;
    struct cc_slice conversation;
    struct cc_slice token;
};

/* One of them, also one that holds no longer and has not gone yet, and what `user` is where it
 * leads to. */
struct cc_directory_invitation {
    struct cc_op op;
    struct cc_slice token;
    struct cc_slice user;
    struct cc_invitation ret_invitation; /* CC_ENOTFOUND when there is none */
    struct cc_conversation ret_conversation;
    bool ret_is_member;
    bool ret_is_barred; /* removed by a change that bars, and not added since */
};

/* Those of a conversation, or those that a user made; likewise. */
struct cc_directory_invitations {
    struct cc_op op;
    struct cc_slice conversation; /* empty: those of `creator` */
    struct cc_slice creator;
    struct cc_slice after; /* a token, exclusive; empty: from the start */
    size_t limit;
    const struct cc_invitation *ret_invitations; /* ascending by token */
    size_t ret_count;
    bool ret_more;
};

struct cc_outbox_entry {
    struct cc_slice conversation;
    uint64_t version;
    struct cc_slice payload;
};

/* Entries of one partition; those of one conversation ascend by version. No conversation's entries
 * may hold up another's for ever: the order of writing is the best one. */
struct cc_directory_outbox {
    struct cc_op op;
    uint32_t partition;
    size_t limit;
    const struct cc_outbox_entry *ret_entries;
    size_t ret_count;
    bool ret_more;
};

/* Removes the conversation's entries up to and including `version`. Members can be read as of
 * `version` itself and later ones from then on; what ended earlier may be forgotten. */
struct cc_directory_outbox_done {
    struct cc_op op;
    uint32_t partition;
    struct cc_slice conversation;
    uint64_t version;
};

struct cc_directory_vtable {
    size_t size;
    void (*profile_get)(void *self, struct cc_directory_profile *op);
    void (*profile_put)(void *self,
                        struct cc_directory_profile *op); /* creates the user if unknown */
    void (*privacy)(void *self, struct cc_directory_privacy *op);
    void (*relate)(void *self, struct cc_directory_relate *op);
    void (*relation)(void *self, struct cc_directory_relation *op);
    void (*related)(void *self, struct cc_directory_related *op);
    void (*device_put)(void *self, struct cc_directory_device *op);
    void (*devices)(void *self, struct cc_directory_devices *op);
    void (*revoke)(void *self, struct cc_directory_revoke *op);
    void (*revoked)(void *self, struct cc_directory_revoked *op);
    void (*revocations)(void *self, struct cc_directory_revocations *op);
    void (*conversation)(void *self, struct cc_directory_conversation *op);
    void (*member)(void *self, struct cc_directory_member *op);
    void (*members)(void *self, struct cc_directory_members *op);
    void (*memberships)(void *self, struct cc_directory_memberships *op);
    void (*retained)(void *self, struct cc_directory_retained *op);
    void (*mute)(void *self, struct cc_directory_mute *op);
    void (*create)(void *self, struct cc_directory_create *op);
    void (*change)(void *self, struct cc_directory_change *op);
    void (*invite)(void *self, struct cc_directory_invite *op);
    void (*uninvite)(void *self, struct cc_directory_uninvite *op);
    void (*invitation)(void *self, struct cc_directory_invitation *op);
    void (*invitations)(void *self, struct cc_directory_invitations *op);
    void (*outbox)(void *self, struct cc_directory_outbox *op);
    void (*outbox_done)(void *self, struct cc_directory_outbox_done *op);
    /* Gives everything back. No operation may be under way. */
    void (*free)(void *self);
};

struct cc_directory {
    const struct cc_directory_vtable *vtable;
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
