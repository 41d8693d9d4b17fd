/*
 * Sessions: one device of a user, connected. A session moves through phases; which commands each
 * phase takes, and which function handles a command, stand in one table (session_commands.c).
 *
 *   NEW         waits for `connect`, at most 10 s
 *   CONNECTING  the token is being verified
 *   OPEN        connected: catching up while `sync` is set, else live; if it is for requests only,
 *               neither: it has its user, but its user does not have it
 *   CLOSED      no more events; waits for its references to go, then gives CC_EVENT_CLOSED
 *
 * A command becomes a request. Requests of a session start in the order in which they came; one
 * that has to keep its place (`send` and its like) holds back those behind it until its record is
 * with the log.
 */
#ifndef CC_ENGINE_SESSION_H
#define CC_ENGINE_SESSION_H

#include "engine/engine.h"

/* A client that connects must say who it is within this time (protocol). */
#define SESSION_CONNECT_MS 10000

enum session_phase { SESSION_NEW, SESSION_CONNECTING, SESSION_OPEN, SESSION_CLOSED };

struct cc_session {
    /* set at its making, then constant */
    struct cc_queue *queue;
    void *data;
    bool counts_consumed;
    bool is_trusted;
    bool requests_only; /* never on its user's list: nothing is pushed to it */
    struct cc_slice address;
    struct cc_slice trusted_user;

    /* the queue's thread */
    bool close_submitted;
    uint32_t consumed;
    struct cc_session *next_consumer;
    struct builtin_input close_input;
    struct builtin_input release_input;

    /* the engine's thread */
    struct cc_session *next; /* of all the engine's */
    struct cc_session *previous;
    struct cc_session *next_closed; /* of those that wait for their CC_EVENT_CLOSED */
    struct cc_session *next_of_user;
    struct user *user; /* from OPEN on */
    struct cc_slice device;
    struct cc_slice token_id; /* of the token that it lives by; empty: none, or it has no id */
    int64_t issued;           /* of the token, wall ms; INT64_MAX: it needs no token */
    enum session_phase phase;
    enum cc_close_code close_code;
    const char *close_reason; /* static */
    size_t refs;              /* requests, syncs and operations that name it */
    uint32_t inflight;        /* requests not yet answered */
    uint32_t outstanding;     /* pushes given and not yet consumed */
    bool is_admin;
    int64_t connected_ms; /* mono */
    struct sync *sync;    /* not NULL: catching up */
    struct request *held; /* requests behind one that keeps its place, oldest first */
    struct request **held_last;
    struct request *ordering; /* the one that keeps its place now */
    struct timer timer;       /* NEW: the connect time-out; OPEN: the token's expiry */
};

struct access;
struct user;

/* What is known of the conversation that a direct message is for. */
enum direct_state {
    DIRECT_KNOWN,     /* it stands in the log, or this session's append of it does */
    DIRECT_UNSETTLED, /* in the directory, and perhaps not yet in the log */
    DIRECT_MISSING
};

/* One command on its way to its reply. Ends with exactly one request_reply() or request_fail(). */
struct request {
    struct request *next;
    struct cc_session *session; /* a reference */
    struct input_batch *batch;  /* a reference: keeps the command's slices alive */
    const struct cc_command *command;
    void (*resume)(struct request *request, int status); /* what goes on when `op` has completed */
    bool keeps_place;
    uint64_t token; /* of its proposal: see propose.h */
    int attempts;   /* of a change that met a conflict */
    struct cc_slice
        conversation; /* resolved: of the command, or of the direct pair (in `direct_id`) */
    char direct_id[CC_NAME_MAX];
    struct cc_slice filtered_text; /* what a filter put in the text's place */
    uint64_t target_seq;           /* edit: where the message meant stands */
    struct cc_slice files;         /* of a message with media: what they are */
    size_t filter_index;
    void (*filtered)(struct request *request); /* what goes on when every filter has passed */
    void (*found)(struct request *request, const struct cc_message *message, int status);
    void (*retry_found)(struct request *request, const struct cc_id *first, int status);
    enum cc_conversation_kind conversation_kind; /* as access_check() found them */
    enum cc_role role;
    bool flagged;
    enum direct_state direct_state;
    struct user *user; /* a reference; NULL before the session is open */
    void *state;       /* the handler's own, in `arena` or freed by the handler */
    void *step;        /* of the shared step under way (relations_match …): the step's own */
    void (*step_done)(struct request *request, int status);
    void (*access_checked)(struct request *request, const struct access *access, int status);
    struct {
        void (*done)(struct request *request, uint64_t from, int status);
        uint64_t joined;
        uint64_t since_version; /* of the membership, where another node owns the conversation */
    } visible;                  /* of visible_from() */
    void (*direct_done)(struct request *request, int status); /* of groups_find_direct() … */
    struct {
        unsigned to_other; /* bits of cc_relation: what relations_check() found */
        unsigned from_other;
        unsigned generation;
        char other[CC_NAME_MAX];
        size_t other_size;
    } relation;
    union {
        struct cc_op op;
        struct cc_auth_verify verify;
        struct cc_filter_check filter;
        struct cc_directory_member member;
        struct cc_directory_members members;
        struct cc_directory_memberships memberships;
        struct cc_directory_conversation conversation;
        struct cc_directory_create create;
        struct cc_directory_change change;
        struct cc_directory_relate relate;
        struct cc_directory_relation relation;
        struct cc_directory_related related;
        struct cc_directory_profile profile;
        struct cc_directory_privacy privacy;
        struct cc_directory_mute mute;
        struct cc_directory_device device;
        struct cc_store_read_rows rows;
        struct cc_store_read_heads heads;
        struct cc_store_read_cursors cursors;
        struct cc_store_forget_cursors forget_cursors;
        struct cc_store_list_heads list_heads;
        struct cc_directory_devices devices;
        struct cc_directory_revoke revoke;
        struct cc_directory_revoked revoked;
        struct cc_directory_invite invite;
        struct cc_directory_uninvite uninvite;
        struct cc_directory_invitation invitation;
        struct cc_directory_invitations invitations;
        struct cc_store_read_dedup dedup;
        struct cc_cluster_locate locate;
        struct cc_media_upload upload;
        struct cc_media_download download;
        struct cc_media_head media_head;
        struct cc_search_query search;
    } op;
    struct arena arena; /* for what lives as long as the request; empty until used */
};

/* --- called by queue.c -------------------------------------------------------------------------
 */

int session_new(struct cc_queue *queue, const struct cc_session_options *options,
                struct cc_session **ret_session);
void session_free(struct cc_session *session);
void session_input(struct input *input);

/* Gives CC_EVENT_CLOSED to the sessions that nothing refers to any more. Called at the end of a
 * step. */
void sessions_step(struct cc_engine *engine);

/* --- for the engine's modules -------------------------------------------------------------------
 */

/* Ends a session: pushes stop, what is under way is dropped, CC_EVENT_CLOSED follows. `reason` is
 * static. */
void session_close(struct cc_session *session, enum cc_close_code code, const char *reason);

void session_ref(struct cc_session *session);
void session_unref(struct cc_session *session);

static inline bool session_is_live(const struct cc_session *session)
{
    return session->phase == SESSION_OPEN && !session->sync && !session->requests_only;
}

static inline struct cc_engine *session_engine(const struct cc_session *session)
{
    return session->queue->engine;
}

/* The handler of a connect command, called by the dispatch. */
void session_connect(struct request *request);
void session_refresh(struct request *request);

/* The dispatch table: which handler takes a command in an open session, and whether it keeps its
 * place. */
struct session_command {
    void (*handle)(struct request *request);
    bool keeps_place;
    bool is_send; /* charged to limits.send */
};
const struct session_command *session_command(enum cc_command_type type);

/* --- requests -----------------------------------------------------------------------------------
 */

static inline struct cc_engine *request_engine(const struct request *request)
{
    return session_engine(request->session);
}

/* Submits `request->op` next: fills in the operation's head; `resume` runs on the engine's thread
 * when it is complete. */
void request_op_begin(struct request *request, void (*resume)(struct request *request, int status));

/* Reads into `request->op`: the stored head of the request's conversation; a page of a user's
 * memberships behind `after`. */
void request_read_head(struct request *request,
                       void (*resume)(struct request *request, int status));
void request_read_memberships(struct request *request, struct cc_slice user, struct cc_slice after,
                              size_t limit, void (*resume)(struct request *request, int status));

/* Its record is with the log, or it needs no place: the next request of the session may start. */
void request_leave_place(struct request *request);

/* Ends the request with a reply. The reply's id, command and error are filled in here; the rest is
 * copied. */
void request_reply(struct request *request, struct cc_reply *reply);

/* The reply without members, `{}`. */
void request_reply_empty(struct request *request);

/* Ends the request with an error. */
void request_fail(struct request *request, int error);
void request_fail_text(struct request *request, int error, struct cc_slice text, uint32_t retry_ms);

#endif
