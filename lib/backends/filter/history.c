/*
 * Sliding windows of marks.
 */
#include "backends/filter/history.h"

void history_deinit(struct history *history, const struct cc_allocator *allocator)
{
    mem_free(allocator, history->repeats.marks);
    mem_free(allocator, history->strangers.marks);
    mem_free(allocator, history->links.marks);
}

void history_clear(struct history *history)
{
    history->repeats.count = 0;
    history->strangers.count = 0;
    history->links.count = 0;
}

/* --- one window ---------------------------------------------------------------------------------
 */

static void remove_marks(struct window *window, size_t at, size_t count)
{
    window->count -= count;
    memmove(window->marks + at, window->marks + at + count,
            (window->count - at) * sizeof *window->marks);
}

static size_t expired_count(const struct window *window, uint32_t now_ms, uint32_t window_ms)
{
    size_t count = 0;

    while (count < window->count && now_ms - window->marks[count].at_ms >= window_ms)
        count++;
    return count;
}

static void expire(struct window *window, uint32_t now_ms, uint32_t window_ms)
{
    size_t count = expired_count(window, now_ms, window_ms);

    if (count)
        remove_marks(window, 0, count);
}

/* Room for one mark more, if the window may hold more. 0 or CC_ENOMEM. */
static int reserve(struct window *window, const struct cc_allocator *allocator, size_t most)
{
    size_t wanted = window->count < most ? window->count + 1 : most;
    void *marks = window->marks;
    int r = mem_reserve(allocator, &marks, &window->capacity, wanted, sizeof *window->marks);

    window->marks = marks;
    return r;
}

static size_t find_conversation(const struct window *window, uint32_t conversation)
{
    size_t at = 0;

    while (at < window->count && window->marks[at].conversation != conversation)
        at++;
    return at;
}

/* --- repeated texts -----------------------------------------------------------------------------
 */

/* Changes by `by` how many marks of this text there are, in each of them. Answers how many. */
static uint32_t count_same(struct window *window, uint32_t text, int by)
{
    uint32_t same = 0;

    for (size_t i = 0; i < window->count; i++)
        if (window->marks[i].what == text)
            same = window->marks[i].same += (uint32_t)by;
    return same;
}

static void repeats_remove(struct window *window, size_t at)
{
    count_same(window, window->marks[at].what, -1);
    remove_marks(window, at, 1);
}

static void repeats_expire(struct window *window, const struct sighting *sighting,
                           uint32_t window_ms)
{
    for (size_t left = expired_count(window, sighting->now_ms, window_ms); left; left--)
        repeats_remove(window, 0);
}

/* The mark of the same text in the same conversation, or the count. */
static size_t repeats_find(const struct window *window, const struct sighting *sighting)
{
    size_t at = 0;

    while (at < window->count && (window->marks[at].what != sighting->fingerprint ||
                                  window->marks[at].conversation != sighting->conversation))
        at++;
    return at;
}

static bool repeats_exceeds(struct window *window, const struct sighting *sighting, uint32_t most)
{
    return repeats_find(window, sighting) == window->count &&
           count_same(window, sighting->fingerprint, 0) >= most;
}

/* The oldest of the texts that were seen in the fewest conversations. */
static size_t repeats_least(const struct window *window)
{
    size_t least = 0;

    for (size_t i = 1; i < window->count; i++)
        if (window->marks[i].same < window->marks[least].same)
            least = i;
    return least;
}

static void repeats_add(struct window *window, const struct sighting *sighting, uint32_t most)
{
    size_t at = repeats_find(window, sighting);
    uint32_t same;

    if (at < window->count)
        repeats_remove(window, at);
    else if (window->count >= most + HISTORY_SPARE)
        repeats_remove(window, repeats_least(window));
    same = count_same(window, sighting->fingerprint, 1);
    window->marks[window->count++] = (struct mark){sighting->fingerprint, sighting->conversation,
                                                   sighting->now_ms, same ? same : 1};
}

/* --- strangers and links ------------------------------------------------------------------------
 */

static bool strangers_exceed(const struct window *window, const struct sighting *sighting,
                             uint32_t most)
{
    return find_conversation(window, sighting->conversation) == window->count &&
           window->count >= most;
}

static void strangers_add(struct window *window, const struct sighting *sighting)
{
    size_t at = find_conversation(window, sighting->conversation);

    if (at < window->count)
        remove_marks(window, at, 1);
    window->marks[window->count++] = (struct mark){0, sighting->conversation, sighting->now_ms, 0};
}

static bool links_exceed(const struct window *window, const struct sighting *sighting,
                         uint32_t most)
{
    uint64_t links = sighting->links;

    for (size_t i = 0; i < window->count; i++)
        links += window->marks[i].what;
    return links > most;
}

static void links_add(struct window *window, const struct sighting *sighting)
{
    window->marks[window->count++] =
        (struct mark){sighting->links, sighting->conversation, sighting->now_ms, 0};
}

/* --- all three ----------------------------------------------------------------------------------
 */

/* The limits that a message is held against. */
struct concern {
    bool repeats;
    bool strangers;
    bool links;
};

static struct concern concern_of(const struct history_limits *limits,
                                 const struct sighting *sighting)
{
    struct concern concern = {
        .repeats = limits->repeats.most && sighting->fingerprint,
        .strangers = limits->strangers.most && sighting->is_stranger,
        .links = limits->links.most && sighting->links,
    };

    return concern;
}

static enum spam judge(struct history *history, const struct history_limits *limits,
                       const struct sighting *sighting, const struct concern *concern)
{
    repeats_expire(&history->repeats, sighting, limits->repeats.window_ms);
    expire(&history->strangers, sighting->now_ms, limits->strangers.window_ms);
    expire(&history->links, sighting->now_ms, limits->links.window_ms);
    if (concern->repeats && repeats_exceeds(&history->repeats, sighting, limits->repeats.most))
        return SPAM_REPEATS;
    if (concern->strangers &&
        strangers_exceed(&history->strangers, sighting, limits->strangers.most))
        return SPAM_STRANGERS;
    if (concern->links && links_exceed(&history->links, sighting, limits->links.most))
        return SPAM_LINKS;
    return SPAM_NONE;
}

static int reserve_all(struct history *history, const struct cc_allocator *allocator,
                       const struct history_limits *limits, const struct concern *concern)
{
    int r = 0;

    if (concern->repeats)
        r = reserve(&history->repeats, allocator, limits->repeats.most + HISTORY_SPARE);
    if (!r && concern->strangers)
        r = reserve(&history->strangers, allocator, limits->strangers.most);
    if (!r && concern->links)
        r = reserve(&history->links, allocator, limits->links.most);
    return r;
}

int history_judge(struct history *history, const struct cc_allocator *allocator,
                  const struct history_limits *limits, const struct sighting *sighting,
                  enum spam *ret_spam)
{
    struct concern concern = concern_of(limits, sighting);
    int r;

    *ret_spam = judge(history, limits, sighting, &concern);
    if (*ret_spam)
        return 0;
    r = reserve_all(history, allocator, limits, &concern);
    if (r)
        return r;
    if (concern.repeats)
        repeats_add(&history->repeats, sighting, limits->repeats.most);
    if (concern.strangers)
        strangers_add(&history->strangers, sighting);
    if (concern.links)
        links_add(&history->links, sighting);
    return 0;
}
