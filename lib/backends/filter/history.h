/*
 * What the spam filter remembers of one user: marks in three sliding windows, each mark with its
 * conversation and time.
 *
 * A mark counts at `now` if it is younger than its window. A window holds at most so many marks as
 * its limit asks for; that of repeated texts holds some more, and when it is full, a text that was
 * seen in the fewest conversations gives its place, the oldest first: so filling it with other
 * texts does not hide one that is repeated.
 */
#ifndef CC_BACKENDS_FILTER_HISTORY_H
#define CC_BACKENDS_FILTER_HISTORY_H

#include "base/memory.h"

/* Texts that are remembered beside those that make up a repetition. 56: with the usual limit of 8
 * a kilobyte, and a sender has to put 64 other messages between two of his. */
#define HISTORY_SPARE 56

/* Above, an operator means "no limit": counting that far takes kilobytes for each user. */
#define HISTORY_LIMIT_MAX 1024

/* A week: longer windows don't fit in the marks' times, and a node seldom runs for much longer. */
#define HISTORY_WINDOW_MAX_MS ((uint32_t)7 * 86400 * 1000)

struct mark {
    uint32_t what;         /* repeats: the text's fingerprint; links: how many */
    uint32_t conversation; /* its hash */
    uint32_t at_ms;        /* the low half of mono time */
    uint32_t same;         /* repeats: marks of this text in the window, this one included */
};

/* Marks in the order of their times. */
struct window {
    struct mark *marks;
    size_t count;
    size_t capacity;
};

struct history {
    struct window repeats;
    struct window strangers;
    struct window links;
};

/* A limit and the length of its window; `most` 0: off. */
struct history_limit {
    uint32_t most;
    uint32_t window_ms;
};

struct history_limits {
    struct history_limit repeats;
    struct history_limit strangers;
    struct history_limit links;
};

/* One message, as far as it matters. A part that is 0 concerns no limit. */
struct sighting {
    uint32_t conversation;
    uint32_t fingerprint;
    uint32_t links;
    bool is_stranger;
    uint32_t now_ms; /* the low half of mono time */
};

enum spam { SPAM_NONE, SPAM_REPEATS, SPAM_STRANGERS, SPAM_LINKS };

void history_deinit(struct history *history, const struct cc_allocator *allocator);

/* Forgets all marks, when more time has passed than any window is long. */
void history_clear(struct history *history);

/*
 * Judges a message, and remembers it if it passes: what is refused doesn't count against what comes
 * later. 0 or CC_ENOMEM (then nothing is remembered).
 */
int history_judge(struct history *history, const struct cc_allocator *allocator,
                  const struct history_limits *limits, const struct sighting *sighting,
                  enum spam *ret_spam);

#endif
