/*
 * What the files of the notifications share. Everything belongs to the engine's thread, and lives
 * until notify_deinit(), if nothing else is said.
 */
#ifndef CC_ENGINE_NOTIFY_STATE_H
#define CC_ENGINE_NOTIFY_STATE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/trace_parent.h"
#include "engine/consumer.h"
#include "engine/mark.h"
#include "engine/notify.h"

/* Of one topic: more messages are counted, and attributed to nobody. */
#define NOTIFY_ENTRIES_MAX 256

/* Of a message's text: what a lock screen shows; payloads of push services end at 4,000 bytes. */
#define NOTIFY_PREVIEW_MAX 200

/* A name that is shown; longer ones are cut. */
#define NOTIFY_NAME_MAX 128

/* Conversations gone through at the same time: a large one must not hold up the small. Each has one
 * operation under way, which bounds what notifications take of the ports. */
#define NOTIFY_WALKS 8

/* Members of a page: one look into the session map. */
#define NOTIFY_PAGE 100

/* Users mentioned in one topic's window: a page; others are told with everybody else. */
#define NOTIFY_MENTIONS_MAX NOTIFY_PAGE

/* Devices of one user that are notified: more than anybody has. */
#define NOTIFY_DEVICES_MAX 16

/* Conversations that a badge counts. */
#define NOTIFY_BADGE_MAX 200

/* Marks of one write to the store. */
#define NOTIFY_MARKS 256

/* Takings back under way; more are left out: the user sees what he has read already. */
#define NOTIFY_TAKE_BACKS_MAX 1024

/* A port failed: it is asked again after so long. */
#define NOTIFY_RETRY_MS 1000

/* The first repetition of a push comes after about so long; each next one after twice that, up to
 * the longest. */
#define NOTIFY_BACKOFF_MS     2000
#define NOTIFY_BACKOFF_MAX_MS 300000

#define NOTIFY_KEY_MAX (2 * CC_NAME_MAX + 1)

struct notify;

/* --- holds: how far everything has been dealt with -------------------------------------------- */

/*
 * One batch of the log, in the order of a partition. The position may move behind it when nothing
 * refers to it or to an older one. Those that nothing refers to are merged into the one before, so
 * there are no more of them than topics and batches under way.
 */
struct hold {
    struct list_link link;
    struct notify *notify;
    uint32_t partition;
    uint64_t next;
    size_t refs;
};

struct hold *hold_ref(struct hold *hold);
void hold_unref(struct hold *hold);

/* --- topics ------------------------------------------------------------------------------------
 */

struct topic_entry {
    uint64_t seq;
    uint64_t from; /* hash_stable() of the sender */
};

/* The newest message of a topic, as far as it is shown. */
struct topic_last {
    uint64_t seq;
    int64_t ts;
    struct cc_id id;
    bool is_media;
    bool is_deleted;
    char from[CC_NAME_MAX];
    size_t from_size;
    char preview[NOTIFY_PREVIEW_MAX];
    size_t preview_size;
    char trace_parent[TRACE_PARENT_SIZE];
    size_t trace_parent_size;
};

/*
 * The messages of one conversation that came within a window. Due, it leaves the table and waits
 * for a scan, which frees it. When somebody was mentioned, a copy for those mentioned alone is due
 * earlier.
 */
struct topic {
    UT_hash_handle hh; /* while gathering */
    struct notify *notify;
    struct list_link link; /* while due */
    struct timer timer;
    struct hold *hold; /* of its first message */
    int64_t due_ms;
    int64_t urgent_ms;           /* when those mentioned are due; 0: nobody is */
    bool is_urgent;              /* of a direct conversation, or for those mentioned alone */
    bool is_mentions;            /* for those mentioned alone */
    struct topic_entry *entries; /* ascending by seq */
    size_t count;
    size_t capacity;
    uint32_t uncounted; /* messages beyond the entries */
    struct cc_slice *mentions;
    size_t mention_count;
    size_t mention_capacity;
    struct topic_last last;
    bool has_from_name; /* the sender's profile has been asked for */
    char from_name[NOTIFY_NAME_MAX];
    size_t from_name_size;
    struct cc_slice conversation; /* in `bytes` */
    char bytes[CC_NAME_MAX];
};

/* Takes a message of the log. 0 or CC_ENOMEM; the same one again does nothing. */
int topic_take(struct notify *notify, const struct cc_message *message, struct hold *hold);

/* The next topic that is due, the urgent ones first; NULL: none. It is the caller's. */
struct topic *topic_next_due(struct notify *notify);

/* Messages behind `seen` that the user did not write, and did not answer with one of his own. */
uint32_t topic_count_for(const struct topic *topic, struct cc_slice user, uint64_t seen);

void topic_free(struct topic *topic);
void topics_free(struct notify *notify);

/* The partition is another node's now: what was gathered of it goes. */
void topics_drop(struct notify *notify, uint32_t partition);

/* Room for more conversations. */
bool topics_have_room(const struct notify *notify);

/* --- batches -----------------------------------------------------------------------------------
 */

enum batch_state {
    BATCH_SENDING, /* pushes are waiting or under way */
    BATCH_MARKING, /* the mark is to be written, or is being written */
    BATCH_SHOWN    /* only remembered, to count on from it */
};

/* What one user is told of one conversation, until he reads it. */
struct batch {
    UT_hash_handle hh;
    struct list_link link; /* MARKING: in to_mark or marking; SHOWN: in shown */
    struct notify *notify;
    enum batch_state state;
    struct hold *hold;    /* unless SHOWN */
    struct list pushes;   /* by batch_link */
    uint64_t seq;         /* what there are pushes of */
    uint64_t ended_seq;   /* and what there were: they have been sent, or given up */
    uint64_t mark_seq;    /* as it is being written */
    uint32_t count;       /* messages told of since he has read */
    bool was_sent;        /* a device shows it */
    bool is_read;         /* he has read it while a push was under way */
    struct cc_slice user; /* both in `key` */
    struct cc_slice conversation;
    char key[];
};

/* What there is to tell one member: gathered by notify_recipient.c. */
struct telling {
    struct topic *topic;
    struct cc_slice user;
    const struct cc_device *devices; /* those with a notifier */
    size_t device_count;
    enum cc_conversation_kind kind;
    struct cc_slice conversation_name;
    struct cc_slice from_name;
    uint32_t count;
    uint32_t badge;
    bool has_preview;
};

struct batch *batch_find(struct notify *notify, struct cc_slice user, struct cc_slice conversation);

/* Queues a push to each of the user's devices. 0, CC_ENOMEM or CC_EBUSY (no room): nothing was
 * queued. */
int batch_tell(struct notify *notify, const struct telling *telling);

/* A push of it has ended, and is not in its list any more. */
void batch_push_ended(struct batch *batch, bool was_sent);

/* The user has read all that it tells of: what waits is dropped. True when a device shows it and
 * nothing is under way: it can be taken back. The batch may be gone. */
bool batch_was_read(struct batch *batch);

/* A device of his has received all that it tells of: what waits is dropped. The batch may be gone.
 */
void batch_was_received(struct batch *batch);

/* Writes marks. At the end of a step. */
void batches_step(struct notify *notify);
bool batches_are_idle(const struct notify *notify);
void batches_free(struct notify *notify);

/* --- devices -----------------------------------------------------------------------------------
 */

struct notifier {
    struct cc_notifier port;
    char provider[CC_PROVIDER_MAX];
};

struct device_queue;

/* One notification on its way to one device. Its slices are in `bytes`. */
struct push {
    struct list_link link;       /* in its queue, while it waits */
    struct list_link batch_link; /* in its batch */
    struct list_link retry_link; /* failed before, and waits: the oldest failure first */
    struct device_queue *queue;
    struct batch *batch; /* NULL: a taking back */
    struct cc_notifier_push op;
    int64_t made_ms;
    bool is_under_way;
    char bytes[];
};

const struct notifier *notifier_find(const struct notify *notify, struct cc_slice provider);

/* Copies a notification, and makes sure of the device's queue. NULL without memory. It ends by
 * device_add() or push_free(). */
struct push *push_new(struct notify *notify, const struct notifier *notifier,
                      const struct cc_notification *notification);

/* Puts it into its queue, those of high priority before the others. */
void device_add(struct push *push);

/* Takes one that waits out of everything, and frees it; its batch is not told. */
void push_free(struct push *push);

/* True when a user's pushes may be made; drops some that failed before, if need be. */
bool devices_have_room(struct notify *notify);

/* The engine stops: what is under way is cancelled. */
void devices_cancel(struct notify *notify);
void devices_free(struct notify *notify);

/* Removes a token that is gone, if the device still has it. */
void token_remove(struct notify *notify, const struct cc_notification *gone);

/* --- the badge ---------------------------------------------------------------------------------
 */

struct unread;

/* Counting a user's unread messages: three reads, one after the other. */
struct badge {
    struct notify *notify;
    struct cc_slice user; /* the caller's */
    void (*done)(struct badge *badge, int status);
    uint32_t unread; /* the answer */
    struct arena arena;
    struct cc_slice *ids;
    struct unread *places; /* of each */
    size_t count;
    union {
        struct cc_directory_memberships memberships;
        struct cc_store_read_heads heads;
        struct cc_store_read_cursors cursors;
    } op;
};

void badge_init(struct badge *badge, struct notify *notify);
void badge_deinit(struct badge *badge);
void badge_count(struct badge *badge, struct cc_slice user);

/* --- walks -------------------------------------------------------------------------------------
 */

/* Asking about one member, one operation after the other. */
struct recipient {
    struct notify *notify;
    struct telling telling;
    uint64_t seen; /* by the user's cursors and the mark */
    struct cc_device devices[NOTIFY_DEVICES_MAX];
    struct arena arena; /* what the answers gave, for one member */
    struct badge badge;
    void (*then)(struct recipient *recipient);
    void (*done)(struct recipient *recipient, int status);
    union {
        struct cc_op op;
        struct cc_directory_devices devices;
        struct cc_directory_member member;
        struct cc_directory_profile profile;
        struct cc_store_read_cursors cursors;
    } op;
};

void recipient_init(struct recipient *recipient, struct notify *notify,
                    void (*done)(struct recipient *recipient, int status));
void recipient_deinit(struct recipient *recipient);

/* Asks all there is to ask and queues what there is to tell. `done` is called in a later drain,
 * with 0 or why it could not be found out. */
void recipient_tell(struct recipient *recipient, struct topic *topic, struct cc_slice user);

/* Going through the members of one topic's conversation. */
struct walk {
    struct notify *notify;
    struct topic *topic; /* NULL: idle */
    struct timer retry;
    struct cc_slice users[NOTIFY_PAGE]; /* in the arena: of the page, those not online */
    size_t count;
    size_t next;
    bool is_last; /* no page follows */
    char after[CC_NAME_MAX];
    size_t after_size;
    struct arena arena;
    struct recipient recipient;
    union {
        struct cc_directory_members members;
        struct cc_cluster_locate locate;
    } op;
};

void walks_init(struct notify *notify);
void walks_deinit(struct notify *notify);

/* Gives the idle ones what is due. */
void walks_step(struct notify *notify);

/* --- preferences and texts ---------------------------------------------------------------------
 */

struct preferences {
    bool preview_off;
    bool has_quiet;
    int64_t quiet_from; /* minutes of the day, local time */
    int64_t quiet_to;
    int64_t offset; /* minutes that the local time is ahead of UTC */
};

/* Reads the `notify` entry of a profile's meta; what is not there or malformed is as by default. */
void preferences_read(struct cc_slice meta, struct preferences *ret_preferences);
bool preferences_are_quiet(const struct preferences *preferences, int64_t wall_ms);

/* Title and body, into `out`. False without memory. */
struct notify_text {
    struct buffer title;
    struct buffer body;
};
bool text_write(struct notify_text *text, const struct telling *telling, uint32_t count);

/* The longest start of a text that is no longer than `most` and ends with a whole character. */
size_t text_cut(struct cc_slice text, size_t most);

/* --- the whole ---------------------------------------------------------------------------------
 */

struct notify {
    struct cc_engine *engine;
    struct cc_notify_options options;
    struct notifier *notifiers;
    size_t notifier_count;
    bool any_cancels;
    struct consumer *consumer; /* NULL: not begun, or closed */
    struct list *holds;        /* of each partition, the oldest first */
    bool *is_full; /* of each partition: its batch is not given back until there is room */
    bool is_stopping;
    size_t operations;

    struct topic *topics; /* uthash, gathering */
    size_t topic_count;   /* gathering, due or being gone through */
    struct list urgent;   /* due */
    struct list due;
    struct walk walks[NOTIFY_WALKS];

    struct batch *batches; /* uthash */
    struct list shown;
    size_t shown_count;
    struct list to_mark;
    struct list marking;
    struct cc_store_cursor marks[NOTIFY_MARKS];
    struct cc_store_write_cursors mark_op;
    bool is_marking;
    struct timer mark_retry;

    struct device_queue *devices; /* uthash */
    struct list retrying;         /* pushes, by retry_link */
    size_t push_count;
    size_t take_backs; /* under way */
};

/* Every operation of the notifications begins and ends with these. */
void notify_op_begin(struct notify *notify, struct cc_op *op, void (*complete)(struct cc_op *op));
void notify_op_done(struct notify *notify, const struct cc_op *op);

/* Takes back from the user's devices what they show of the conversation. `is_shown`: they do; else
 * the mark is asked. */
void notify_take_back(struct notify *notify, struct cc_slice user, struct cc_slice conversation,
                      uint64_t seq, bool is_shown);

/* The key under which devices show a conversation's notifications: 32 hexadecimal digits. */
#define COLLAPSE_KEY_SIZE 32
void notify_collapse_key(struct cc_slice user, struct cc_slice conversation,
                         char ret_key[COLLAPSE_KEY_SIZE]);

struct cc_id notify_id(struct cc_slice user, struct cc_slice device, struct cc_slice conversation,
                       uint64_t seq, enum cc_notification_action action);

#endif
