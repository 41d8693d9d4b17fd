/*
 * The filter port: what is said is passed, changed, flagged or rejected before it reaches the log.
 */
#ifndef CHATCORE_BACKEND_FILTER_H
#define CHATCORE_BACKEND_FILTER_H

#include "chatcore/backend/op.h"
#include "chatcore/conversation.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cc_filter_verdict { CC_FILTER_PASS, CC_FILTER_CHANGE, CC_FILTER_FLAG, CC_FILTER_REJECT };

/* One text on its way in. A filter may answer at once or later; the sender's later messages wait
 * for it. */
struct cc_filter_check {
    struct cc_op op; /* status other than 0: the message is refused with it */
    struct cc_time now;
    struct cc_slice user;
    struct cc_slice conversation;
    enum cc_conversation_kind kind;
    bool first_contact; /* a direct message to someone the sender never exchanged one with, and who
                           has not the sender as contact */
    struct cc_slice text;
    enum cc_filter_verdict ret_verdict; /* starts as CC_FILTER_PASS */
    struct cc_slice ret_text;           /* CHANGE: the text instead; lives until the release */
    struct cc_slice
        ret_reason; /* FLAG, REJECT: shown to the sender on REJECT; lives until the release */
};

struct cc_filter_vtable {
    size_t size;
    void (*check)(void *self, struct cc_filter_check *op); /* must; engine's thread */
    void (*free)(void *self);                              /* must */
};

struct cc_filter {
    const struct cc_filter_vtable *vtable;
    void *self;
};

/*
 * The built-in heuristics: what one user may do within a sliding window. A limit or a window of 0
 * switches one off; limits go up to 1,024 and windows up to a week. What was rejected does not
 * count against what comes later. Texts are the same when they differ in case, white space,
 * invisible characters and digits only.
 */
struct cc_filter_spam_options {
    size_t size;
    uint32_t repeat_conversations; /* the same text in more conversations than this: reject (8) */
    uint32_t repeat_window_ms;     /* (60,000) */
    uint32_t strangers;            /* first messages to more strangers than this: reject (20) */
    uint32_t strangers_window_ms;  /* (3,600,000) */
    uint32_t links;                /* more links than this: reject (30) */
    uint32_t links_window_ms;      /* (60,000) */
    uint32_t users; /* watched at once, the longest silent forgotten: bounds memory to some 2 KB for
                       each; at least 1 (65,536) */
    uint64_t reserved[8]; /* 0 */
};
#define CC_FILTER_SPAM_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(struct cc_filter_spam_options), 8, 60000, 20, 3600000, 30, 60000, 65536,            \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Makes the built-in spam filter. Options are copied. Any thread. Errors: CC_EINVAL, CC_ENOMEM. */
int cc_filter_spam_new(const struct cc_allocator *allocator,
                       const struct cc_filter_spam_options *options, struct cc_filter *ret_filter);

#ifdef __cplusplus
}
#endif
#endif
