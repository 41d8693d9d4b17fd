/*
 * An event hook: everything that is said, posted to one address of the operator's, for a server
 * that reacts to it (a bot, an archive, moderation).
 *
 * It is a consumer of the log (chatcore/consumer.h) with a durable position: what comes while the
 * receiver is down, or this process, is posted later. At least once: after a crash some comes
 * again, with the same `webhook-id`. Up to 8 requests are under way at the same time, so events may
 * arrive out of order; `seq` orders those of a conversation. What is not posted yet holds up
 * nothing but the trimming of the log: a hook that is not wanted any more is to be forgotten, by
 * opening a consumer of its name and closing it with `forget`.
 *
 * Requests are those of Standard Webhooks, as cc_notifier_webhook_new() tells. `type` is
 * message.created, message.edited, message.deleted, message.reaction or conversation.changed;
 * `data` is {"message":{…}} as a member is pushed it, without its client_id.
 */
#ifndef CHATCORE_BACKEND_EVENT_HOOK_H
#define CHATCORE_BACKEND_EVENT_HOOK_H

#include "chatcore/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_event_hook;

struct cc_event_hook_options {
    size_t size;
    const char *name;         /* of its consumer */
    const char *url;          /* http:// or https:// */
    const char *secrets;      /* as of cc_webhook_options */
    bool allow_private;       /* likewise */
    uint32_t timeout_ms;      /* of a request (15,000) */
    uint32_t disable_after_s; /* failing for so long without a success, or answering 410, it is
                                 disabled: its position is forgotten, nothing is kept for it any
                                 more, until it is made anew (432,000: 5 days) */
    struct cc_trace trace;
};
#define CC_EVENT_HOOK_OPTIONS_INIT CC_SIZED(struct cc_event_hook_options)

struct cc_event_hook_stats {
    size_t size;
    uint64_t sent;        /* events that were taken */
    uint64_t failed;      /* requests that were not; each is repeated */
    uint64_t is_failing;  /* gauge: 1 since a failure, until a success */
    uint64_t is_disabled; /* gauge: 1 for good */
};

/*
 * Makes a hook and starts it, on a thread of its own, from the first event behind this call, or
 * from where it left off. Any thread. Errors: CC_EINVAL (the name, the URL, the secrets),
 * CC_ENOMEM.
 */
int cc_event_hook_new(struct cc_engine *engine, const struct cc_event_hook_options *options,
                      struct cc_event_hook **ret_hook);

/* Other secrets, in the place of those that it was made with, for requests from now on. Any thread.
 * Errors: CC_EINVAL (the secrets): then the old ones stay. */
int cc_event_hook_renew(struct cc_event_hook *hook, const char *secrets);

/* Copies the figures; members beyond ret_stats->size are not written. Any thread. Errors: none. */
void cc_event_hook_get_stats(const struct cc_event_hook *hook,
                             struct cc_event_hook_stats *ret_stats);

/* Ends its thread, requests under way are cut; and frees it. After the engine has stopped, before
 * cc_engine_free(). NULL is nothing. Any thread. Errors: none. */
void cc_event_hook_free(struct cc_event_hook *hook);

#ifdef __cplusplus
}
#endif
#endif
