/*
 * Commands: what a session asks of the engine. One flat struct for all of them; docs/protocol.md
 * says which members each command reads. The wire codecs and the C API share it.
 */
#ifndef CHATCORE_COMMAND_H
#define CHATCORE_COMMAND_H

#include "chatcore/message.h"
#include "chatcore/privacy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(constant, protocol key). New ones stand at the end: the numbers of the others stay. */
#define CC_COMMAND_TABLE(X)                                                                        \
    X(CC_COMMAND_CONNECT, "connect")                                                               \
    X(CC_COMMAND_SEND, "send")                                                                     \
    X(CC_COMMAND_EDIT, "edit")                                                                     \
    X(CC_COMMAND_DELETE, "delete")                                                                 \
    X(CC_COMMAND_REACT, "react")                                                                   \
    X(CC_COMMAND_DELIVERED, "delivered")                                                           \
    X(CC_COMMAND_READ, "read")                                                                     \
    X(CC_COMMAND_TYPING, "typing")                                                                 \
    X(CC_COMMAND_REFRESH, "refresh")                                                               \
    X(CC_COMMAND_HISTORY, "history")                                                               \
    X(CC_COMMAND_CONVERSATIONS, "conversations")                                                   \
    X(CC_COMMAND_CREATE, "create")                                                                 \
    X(CC_COMMAND_UPDATE, "update")                                                                 \
    X(CC_COMMAND_ADD, "add")                                                                       \
    X(CC_COMMAND_REMOVE, "remove")                                                                 \
    X(CC_COMMAND_LEAVE, "leave")                                                                   \
    X(CC_COMMAND_ROLE, "role")                                                                     \
    X(CC_COMMAND_MEMBERS, "members")                                                               \
    X(CC_COMMAND_PROFILE, "profile")                                                               \
    X(CC_COMMAND_CONTACTS, "contacts")                                                             \
    X(CC_COMMAND_ADD_CONTACT, "add_contact")                                                       \
    X(CC_COMMAND_REMOVE_CONTACT, "remove_contact")                                                 \
    X(CC_COMMAND_BLOCK, "block")                                                                   \
    X(CC_COMMAND_UNBLOCK, "unblock")                                                               \
    X(CC_COMMAND_MUTE, "mute")                                                                     \
    X(CC_COMMAND_PRESENCE, "presence")                                                             \
    X(CC_COMMAND_UPLOAD, "upload")                                                                 \
    X(CC_COMMAND_MEDIA, "media")                                                                   \
    X(CC_COMMAND_DEVICE, "device")                                                                 \
    X(CC_COMMAND_SEARCH, "search")                                                                 \
    X(CC_COMMAND_ERASE, "erase")                                                                   \
    X(CC_COMMAND_EXPORT, "export")                                                                 \
    X(CC_COMMAND_REVOKE, "revoke")                                                                 \
    X(CC_COMMAND_BLOCKED, "blocked")                                                               \
    X(CC_COMMAND_INVITE, "invite")                                                                 \
    X(CC_COMMAND_INVITATIONS, "invitations")                                                       \
    X(CC_COMMAND_REVOKE_INVITATION, "revoke_invitation")                                           \
    X(CC_COMMAND_INVITATION, "invitation")                                                         \
    X(CC_COMMAND_JOIN, "join")

enum cc_command_type {
    CC_COMMAND_NONE = 0,
    CC_COMMAND_HEARTBEAT = 1, /* the empty object: has no id and no reply */
#define CC_COMMAND_ENUM(constant, key) constant,
    CC_COMMAND_TABLE(CC_COMMAND_ENUM)
#undef CC_COMMAND_ENUM
        CC_COMMAND_COUNT /* of this header: grows with the table */
};

/* The most users, mentions or media one command may name: bounds the work and memory of one
 * command. */
#define CC_COMMAND_USERS_MAX    1000
#define CC_COMMAND_MENTIONS_MAX 100
#define CC_COMMAND_MEDIA_MAX    32

/* Unset members are zero. */
struct cc_command {
    uint64_t id; /* chosen by the client, positive; the reply carries it */
    enum cc_command_type type;
    struct cc_slice token;        /* connect, refresh, device; revoke: `jti`, a token's id;
                                     revoke_invitation, invitation, join: the invitation's */
    struct cc_slice device;       /* connect; device: another one than the session's */
    struct cc_slice cursor;       /* connect, export, search */
    struct cc_slice conversation; /* most */
    struct cc_slice
        user; /* send: a direct message to this user; role, profile, add_contact, block … */
    struct cc_slice client_id;    /* send, create */
    struct cc_slice text;         /* send, edit, search */
    struct cc_id message;         /* edit, delete, react: the message meant */
    struct cc_id reply_to;        /* send */
    struct cc_slice emoji;        /* react */
    struct cc_slice meta;         /* send, profile: one MessagePack map */
    struct cc_slice name;         /* create, update, profile, upload */
    struct cc_slice avatar;       /* profile */
    struct cc_slice media_type;   /* upload: `type` */
    struct cc_slice media_id;     /* media: `media` */
    struct cc_slice sha256;       /* upload: 64 hexadecimal digits */
    struct cc_slice provider;     /* device: `push`.`provider`; `push`.`token` is in `token` */
    struct cc_slice after_name;   /* conversations, members, contacts, blocked, invitations */
    const struct cc_slice *users; /* create (`members`), add, remove, presence; send (`mentions`) */
    size_t user_count;
    const struct cc_slice *media; /* send */
    size_t media_count;
    uint64_t seq;                   /* delivered, read */
    uint64_t before;                /* history; 0: not given */
    uint64_t after;                 /* history */
    uint32_t limit;                 /* history, search, and lists; 0: the default */
    uint64_t bytes;                 /* upload: the object's size, if told */
    int64_t until;                  /* mute: wall ms; 0 ends it */
    int64_t issued_before;          /* revoke: wall ms; 0: now */
    uint64_t retention_s;           /* update; 0: none of its own */
    enum cc_conversation_kind kind; /* create */
    enum cc_role role;              /* role, add */
    struct cc_privacy privacy;      /* profile */
    bool on;                        /* react, typing */
    bool has_name;                  /* profile, update: the member was given, so it is set */
    bool has_avatar;
    bool has_meta;
    bool has_retention;           /* update */
    bool has_presence;            /* profile: privacy.presence */
    bool has_read_marks;          /* profile: privacy.read_marks */
    bool has_after;               /* history: 0 is a valid `after` */
    struct cc_slice trace_parent; /* send: `traceparent`, of the trace that it is part of */
    uint64_t expires_s;           /* invite; 0: never */
    uint64_t max_uses;            /* invite; 0: any number */
    uint64_t wait_s;              /* history with `after`; 0: does not wait */
    /* device: by the link of a mail, which ends at this wall ms, the owner says that the address is
     * his. Of trusted sessions only; 0: it is no such link. */
    int64_t verified_until;
    uint64_t reserved[2]; /* 0 */
};

/* The protocol's key of a command, static; NULL for what is none. Any thread. Errors: none. */
const char *cc_command_key(enum cc_command_type type);

#ifdef __cplusplus
}
#endif
#endif
