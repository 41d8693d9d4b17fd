/*
 * Messages: what stands in a conversation, one for each seq.
 */
#ifndef CHATCORE_MESSAGE_H
#define CHATCORE_MESSAGE_H

#include "chatcore/conversation.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cc_message_kind {
    CC_MESSAGE_TEXT = 1,
    CC_MESSAGE_MEDIA = 2,
    CC_MESSAGE_EDIT = 3,
    CC_MESSAGE_DELETE = 4,
    CC_MESSAGE_REACTION = 5,
    CC_MESSAGE_SYSTEM = 6
};

enum cc_system_action {
    CC_SYSTEM_NONE = 0,
    CC_SYSTEM_CREATED = 1,
    CC_SYSTEM_RENAMED = 2,
    CC_SYSTEM_ADDED = 3,
    CC_SYSTEM_REMOVED = 4,
    CC_SYSTEM_LEFT = 5,
    CC_SYSTEM_ROLE = 6,
    CC_SYSTEM_RETENTION = 7
};

/* A message as it is given to a host: immutable; its slices live as long as the event that carries
 * it. */
struct cc_message {
    struct cc_slice conversation;
    uint64_t seq; /* from 1, contiguous in its conversation */
    struct cc_id id;
    struct cc_slice from; /* the user who caused it */
    int64_t ts;           /* wall ms, from the server that took it */
    enum cc_message_kind kind;
    struct cc_slice client_id;    /* given only to the sender's own sessions */
    struct cc_slice text;         /* TEXT, EDIT: the new text */
    const struct cc_slice *media; /* ids of uploads; DELETE: those of the message meant */
    size_t media_count;
    struct cc_slice files; /* MEDIA: what the uploads are, if the engine has a media port: one
                              MessagePack array of a map for each, see docs/protocol.md */
    struct cc_id reply_to; /* none: all zero */
    const struct cc_slice *mentions;
    size_t mention_count;
    struct cc_slice meta;  /* one MessagePack map, or empty */
    struct cc_id target;   /* EDIT, DELETE, REACTION: the message meant */
    struct cc_slice emoji; /* REACTION */
    bool on;               /* REACTION: set or taken back */
    bool flagged;          /* a filter flagged it */
    /* SYSTEM */
    enum cc_system_action action;
    const struct cc_slice *users; /* ADDED, REMOVED, LEFT, ROLE, CREATED: whom it concerns */
    size_t user_count;
    struct cc_slice name;         /* CREATED, RENAMED */
    enum cc_role role;            /* ROLE, ADDED */
    bool has_retention;           /* RETENTION, and a RENAMED that changed both */
    uint64_t retention_s;         /* when has_retention; 0: none of its own any more */
    struct cc_slice trace_parent; /* of the trace that its sending was part of: W3C's traceparent,
                                     55 bytes; for consumers and notifiers, clients don't get it */
    uint64_t reserved[2];
};

#ifdef __cplusplus
}
#endif
#endif
