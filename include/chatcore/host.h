/*
 * Drivers: what steps an engine, reads the clock for it, and drains its default queue.
 *
 * A host has one engine and drives it in one of three ways: on the program's own libevent base
 * (cc_host_attach), on a thread that the library starts (cc_host_thread_start), or on the caller's
 * thread while it waits for events (cc_host_next_event). A loop of another kind waits itself, on
 * cc_host_fd() and for cc_host_timeout_ms(), and then takes the events with a time-out of 0. Who
 * has no use for a descriptor needs none of this: he calls cc_engine_step() himself.
 *
 * An engine has to know whom to wake when it is made, so the order is: cc_host_new(); the engine,
 * with cc_host_wake() and the host as cc_engine_options.wake and .wake_context (or all of it by
 * cc_open_embedded()); a driver. At the end: cc_engine_stop(); CC_EVENT_STOPPED; cc_engine_free();
 * cc_host_free().
 */
#ifndef CHATCORE_HOST_H
#define CHATCORE_HOST_H

#include "chatcore/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_host;
struct event_base;

struct cc_host_options {
    size_t size;
    struct cc_allocator allocator; /* all zero: the C library's */
    struct cc_trace trace;         /* all zero: none */
    /*
     * Gets each event of the engine's default queue, on the thread that drives the engine, outside
     * of every call the program made. NULL: the events are dropped. Not used by
     * cc_host_next_event(), which returns them.
     */
    void (*on_event)(void *context, const struct cc_event *event);
    void *context;
};
#define CC_HOST_OPTIONS_INIT CC_SIZED(struct cc_host_options)

/* Makes a host; `options` may be NULL. Any thread. Errors: CC_EINVAL, CC_ENOMEM, CC_EIO (no file
 * descriptor is left). */
int cc_host_new(const struct cc_host_options *options, struct cc_host **ret_host);

/* Frees a host whose engine has been freed. The driver's thread, but not in on_event. Errors: none.
 */
void cc_host_free(struct cc_host *host);

/* The wake function for cc_engine_options; its context is the host. Any thread. Errors: none. */
void cc_host_wake(void *host);

/* The clocks of this machine, as an engine wants them. Any thread. Errors: none. */
struct cc_time cc_host_now(void);

/*
 * Drives the engine on a libevent base, from its loop. The calling thread is the base's and
 * becomes the engine's. After CC_EVENT_STOPPED the host takes its events off the base, so that a
 * loop which has nothing else to do ends. Errors: CC_EINVAL (it is driven already), CC_ENOMEM.
 */
int cc_host_attach(struct cc_host *host, struct cc_engine *engine, struct event_base *base);

/* Drives the engine on a new thread, until it has stopped. Any thread. Errors: CC_EINVAL (it is
 * driven already), CC_ENOMEM. */
int cc_host_thread_start(struct cc_host *host, struct cc_engine *engine);

/*
 * Asks the engine of cc_host_thread_start() to stop, with `code` for its sessions, and waits for
 * the thread's end; blocks until what was acknowledged is stored. Not from the engine's thread.
 * Errors: none.
 */
void cc_host_thread_stop(struct cc_host *host, enum cc_close_code code);

/*
 * Drives the engine on the calling thread until its default queue has an event, at most
 * `timeout_ms` (0: does what there is to do and does not wait; below 0: no limit). The event, or
 * NULL; it stays valid until the next call. Always the same thread. Errors: none.
 */
const struct cc_event *cc_host_next_event(struct cc_host *host, struct cc_engine *engine,
                                          int timeout_ms);

/*
 * A descriptor that is readable when the engine wants to be driven: for poll, epoll and the loops
 * on them. Only to be waited on; it is the host's, and the same for its whole life. Any thread.
 * Errors: none.
 */
int cc_host_fd(const struct cc_host *host);

/*
 * After how many milliseconds cc_host_next_event() is wanted though the descriptor is not readable;
 * -1: not at all. To be asked again after the events have been taken to their end (NULL). The
 * driver's thread. Errors: none.
 */
int cc_host_timeout_ms(const struct cc_host *host);

/* True from CC_EVENT_STOPPED on. Any thread. Errors: none. */
bool cc_host_has_stopped(const struct cc_host *host);

/* --- a whole engine in one call --------------------------------------------------------------- */

struct cc_embedded_options {
    size_t size;
    struct cc_allocator allocator; /* all zero: the C library's */
    struct cc_random random;       /* all zero: libsodium's */
    struct cc_trace trace;         /* all zero: none */
    struct cc_limits limits;       /* a 0 stands for the default */
    struct cc_auth auth; /* all zero: only trusted sessions; else the engine's from success on */
    const struct cc_filter
        *filters; /* asked before the spam filter; the engine's from success on */
    size_t filter_count;
    struct cc_filter_spam_options spam; /* a size of 0: the defaults */
    bool spam_off;
    bool presence_off;
    bool history_for_joiners;
    struct cc_media media; /* all zero: none; else the engine's from success on */
    bool no_sync;          /* commits need not reach the disk: a power cut loses the last of them */
    bool search_off;       /* no search index is kept: `search` answers CC_ENOTSUP */
    const struct cc_notifier *notifiers; /* the engine's from success on */
    size_t notifier_count;
    struct cc_notify_options notify; /* a size of 0: the defaults */
    /*
     * Backends of the host's own, each instead of the folder's: all zero: that one; else the
     * engine's from success on. Log, store and directory tell one story: who brings one of them to
     * a folder that has seen another mixes two.
     */
    struct cc_log log;
    struct cc_store store;
    struct cc_directory directory;
    struct cc_cluster cluster;
    struct cc_search search; /* also with search_off */
};
#define CC_EMBEDDED_OPTIONS_INIT CC_SIZED(struct cc_embedded_options)

/*
 * Opens an engine on embedded backends: log, store, directory and the search index in the folder
 * `path` (made if it is not there; NULL: in memory, gone at the end), an in-process cluster of one
 * node, the spam filter. `options` may be NULL. It wakes `host`, which must not be freed before the
 * engine. On failure the backends that were given stay the caller's. Any thread; blocks while it
 * reads the folder; with NULL, the engine's thread. Errors: those of chatcore/backend/lmdb.h and of
 * cc_search_sqlite_open(), CC_EINVAL, CC_ENOMEM.
 */
int cc_open_embedded(const char *path, const struct cc_embedded_options *options,
                     struct cc_host *host, struct cc_engine **ret_engine);

/* --- what stands in a folder, as text --------------------------------------------------------- */

/*
 * A record of the log, or the body of a row of the store, as the JSON that a client would be
 * pushed:
 * {"message":{…}}. A record has no seq of its own: `seq` is written. The text is the caller's, to
 * be released with the allocator (NULL: the C library's). Any thread. Errors: CC_ECORRUPT,
 * CC_EVERSION, CC_ENOMEM.
 */
int cc_record_to_json(const struct cc_allocator *allocator, struct cc_slice record, uint64_t seq,
                      struct cc_slice *ret_json);

/* The `meta` of a message or a profile, one MessagePack map, as a JSON object; null where it is
 * none. Likewise. Any thread. Errors: CC_ENOMEM. */
int cc_meta_to_json(const struct cc_allocator *allocator, struct cc_slice meta,
                    struct cc_slice *ret_json);

#ifdef __cplusplus
}
#endif
#endif
