/*
 * Events: what the engine tells its host: replies to commands, pushes to sessions, ends of
 * sessions.
 *
 * An event names the sessions that it is for by their user data (cc_session_options.data). A push
 * to many sessions of one queue is one event. All that an event points to lives until it is given
 * back.
 */
#ifndef CHATCORE_EVENT_H
#define CHATCORE_EVENT_H

#include "chatcore/command.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cc_event_type {
    CC_EVENT_REPLY = 1,    /* event.reply: to one session */
    CC_EVENT_MESSAGE,      /* event.message */
    CC_EVENT_RECEIPT,      /* event.receipt */
    CC_EVENT_TYPING,       /* event.typing */
    CC_EVENT_PRESENCE,     /* event.presence */
    CC_EVENT_CONVERSATION, /* event.conversation */
    CC_EVENT_SYNCED,       /* event.synced: the session has caught up */
    CC_EVENT_CLOSED, /* event.closed: the last event of its session; its data is the host's again */
    CC_EVENT_STOPPED,        /* of no session: the engine has stopped and may be freed */
    CC_EVENT_CONSUMED,       /* event.consumed: of no session, for a consumer */
    CC_EVENT_CONSUMER_CLOSED /* event.consumer_closed: the last event of its consumer */
};

/* One entry of a list of conversations, from one user's point of view. */
struct cc_conversation_summary {
    struct cc_conversation conversation;
    struct cc_slice peer; /* direct: the other user */
    enum cc_role role;
    uint64_t head; /* the newest seq */
    int64_t ts;    /* of the newest message; 0: none */
    uint64_t read; /* this user's cursors */
    uint64_t delivered;
    uint64_t unread;
    int64_t muted_until; /* wall ms; 0: not muted */
    bool gone;           /* pushed when the user is no longer a member */
    uint64_t reserved[4];
};

enum cc_presence_status { CC_PRESENCE_OFFLINE = 0, CC_PRESENCE_ONLINE = 1 };

struct cc_presence {
    struct cc_slice user;
    enum cc_presence_status status;
    int64_t last_seen; /* wall ms; 0: unknown, or online now */
    uint64_t reserved[2];
};

struct cc_receipt {
    struct cc_slice conversation;
    struct cc_slice user;
    uint64_t delivered; /* 0: not told */
    uint64_t read;
    int64_t ts;
};

struct cc_typing {
    struct cc_slice conversation;
    struct cc_slice user;
    bool on;
};

struct cc_profile {
    struct cc_slice user;
    struct cc_slice name;
    struct cc_slice avatar;
    struct cc_slice meta;
    struct cc_privacy privacy; /* of the user's own; of others it is not told, and zero */
};

/* Where a device is notified. */
struct cc_push_device {
    struct cc_slice device;
    struct cc_slice provider;
    struct cc_slice token;
    uint64_t reserved[2];
};

/* What a page of `export` is about; the parts come in this order. */
enum cc_export_part {
    CC_EXPORT_PROFILE = 1,
    CC_EXPORT_DEVICES,
    CC_EXPORT_CONTACTS,
    CC_EXPORT_BLOCKED,
    CC_EXPORT_CONVERSATIONS, /* with what the user has read of them */
    CC_EXPORT_MESSAGES,      /* the user's own, of every kind */
    CC_EXPORT_INVITATIONS    /* that the user made */
};

struct cc_header {
    struct cc_slice name;
    struct cc_slice value;
};

/* A reply. `error` other than 0: only the error's members are set. Otherwise those the command has.
 */
struct cc_reply {
    uint64_t id;
    enum cc_command_type command;
    int error;                    /* 0 or a CC_E… */
    struct cc_slice error_text;   /* empty: cc_strerror(error) */
    uint32_t retry_after_ms;      /* 0: not told */
    struct cc_slice user;         /* connect */
    struct cc_slice device;       /* connect */
    struct cc_slice session;      /* connect */
    int64_t server_time;          /* connect */
    uint32_t ping_interval_ms;    /* connect */
    uint32_t max_message_bytes;   /* connect */
    int64_t expires;              /* refresh, upload, media, invitation: wall ms */
    struct cc_slice conversation; /* send, create, join */
    struct cc_id message;         /* send */
    int64_t ts;                   /* send */
    bool duplicate;               /* send */
    uint64_t seq;                 /* edit, delete, react, update, add, remove, leave, role, join */
    const struct cc_message *messages; /* history, search */
    size_t message_count;
    /* conversations; invitation: one, of which kind, name and member_count are set, and the id if
     * the user is a member */
    const struct cc_conversation_summary *conversations;
    size_t conversation_count;
    const struct cc_member *members; /* members */
    size_t member_count;
    const struct cc_presence *presence; /* presence */
    size_t presence_count;
    const struct cc_slice *users; /* contacts, blocked */
    size_t user_count;
    const struct cc_profile *profile; /* profile */
    bool more;                        /* the paged ones */
    struct cc_slice media;            /* upload */
    struct cc_slice method;           /* upload */
    struct cc_slice url;              /* upload, media */
    const struct cc_header *headers;  /* upload */
    size_t header_count;
    enum cc_export_part export_part;      /* export: which of the members above is set */
    const struct cc_push_device *devices; /* export */
    size_t device_count;
    struct cc_slice cursor; /* export, search: of the next page, when there are more */
    const struct cc_invitation *invitations; /* invite: one; invitations, export */
    size_t invitation_count;
    bool has_verified; /* device: of a provider whose addresses are verified … */
    bool verified;     /* … whether this one is; if not, nothing is pushed to it yet */
};

/* WebSocket close codes of the protocol; a host without sockets reads them as reasons. */
enum cc_close_code {
    CC_CLOSE_NORMAL = 1000,
    CC_CLOSE_DRAINING = 4001,
    CC_CLOSE_NO_HEARTBEAT = 4008,
    CC_CLOSE_TOO_MANY = 4029,
    CC_CLOSE_PROTOCOL = 4500,
    CC_CLOSE_UNAUTHORIZED = 4501,
    CC_CLOSE_KICKED = 4503
};

struct cc_consumer;

struct cc_event {
    enum cc_event_type type;
    void *const *sessions; /* the user data of the sessions it is for */
    size_t session_count;
    union {
        const struct cc_reply *reply;
        const struct cc_message *message;
        const struct cc_receipt *receipt;
        const struct cc_typing *typing;
        const struct cc_presence *presence;
        const struct cc_conversation_summary *conversation;
        struct {
            struct cc_slice cursor;
        } synced;
        struct {
            enum cc_close_code code;
            struct cc_slice reason;
        } closed;
        struct {
            struct cc_consumer *consumer;
            void *data; /* the host's own, of the options */
            uint32_t partition;
            const struct cc_message *messages; /* their client_id is given, too; may be none */
            const uint64_t *offsets;           /* of the messages, ascending */
            size_t count;
            uint64_t next; /* the position behind them: for cc_consumer_commit() */
            bool is_cut;   /* records before them were wanted, and the log has them no more */
        } consumed;
        struct {
            void *data;
            int status; /* 0: it was asked for, or the engine stops; CC_EEXISTS: the name is open */
        } consumer_closed;
    } u;
};

#ifdef __cplusplus
}
#endif
#endif
