/*
 * The built-in spam filter: three limits on what one user does in a sliding window of mono time.
 *
 *   the same text in many conversations · first messages to many strangers · many links
 *
 * It is deterministic: the same messages at the same times give the same answers. It remembers a
 * bounded number of users, those who wrote last; a user costs 200 bytes, and with the usual limits
 * 2 KB more at most. Users who have been silent for longer than any window are dropped. It answers
 * at once.
 */
#include "backends/filter/fingerprint.h"
#include "backends/filter/history.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/options.h"
#include "chatcore/backend/filter.h"
#include "chatcore/error.h"

/* Silent users that one message may drop: more than it can add, so that the table shrinks. */
#define DROPS_PER_CHECK 2

struct spammer {
    UT_hash_handle hh;
    struct list_link link; /* of all users, the longest silent first */
    struct history history;
    int64_t seen_ms;
    char name[];
};

struct spam_filter {
    struct cc_allocator allocator;
    struct history_limits limits;
    uint32_t longest_ms; /* of the windows */
    uint32_t users_max;
    struct spammer *users; /* uthash by name */
    struct list by_silence;
};

/* --- users --------------------------------------------------------------------------------------
 */

static struct spammer *spammer_of(struct list_link *link)
{
    return (struct spammer *)((char *)link - offsetof(struct spammer, link));
}

static void user_free(struct spam_filter *filter, struct spammer *user)
{
    HASH_DELETE(hh, filter->users, user);
    list_remove(&user->link);
    history_deinit(&user->history, &filter->allocator);
    mem_free(&filter->allocator, user);
}

static void drop_silent(struct spam_filter *filter, int64_t now_ms)
{
    for (int i = 0; i < DROPS_PER_CHECK; i++) {
        struct list_link *link = list_first(&filter->by_silence);

        if (!link || now_ms - spammer_of(link)->seen_ms < filter->longest_ms)
            return;
        user_free(filter, spammer_of(link));
    }
}

static struct spammer *user_add(struct spam_filter *filter, struct cc_slice name)
{
    const struct cc_allocator *hash_allocator = &filter->allocator;
    struct spammer *user;

    if (HASH_COUNT(filter->users) >= filter->users_max)
        user_free(filter, spammer_of(list_first(&filter->by_silence)));
    user = mem_zalloc(hash_allocator, 1, sizeof *user + name.size);
    if (!user)
        return NULL;
    memcpy(user->name, name.data, name.size);
    HASH_ADD_KEYPTR(hh, filter->users, user->name, name.size, user);
    if (user->hh.tbl)
        return user;
    mem_free(hash_allocator, user);
    return NULL;
}

/* The user's entry as the one that wrote last; NULL without memory. */
static struct spammer *user_touch(struct spam_filter *filter, struct cc_slice name, int64_t now_ms)
{
    struct spammer *user = NULL;

    drop_silent(filter, now_ms);
    HASH_FIND(hh, filter->users, name.data, name.size, user);
    if (!user)
        user = user_add(filter, name);
    if (!user)
        return NULL;
    if (now_ms - user->seen_ms >= filter->longest_ms)
        history_clear(&user->history);
    user->seen_ms = now_ms;
    list_remove(&user->link);
    list_add(&filter->by_silence, &user->link);
    return user;
}

/* --- the port -----------------------------------------------------------------------------------
 */

/* What is shown to the sender. */
static const char *const reasons[] = {
    [SPAM_REPEATS] = "the same text in too many conversations",
    [SPAM_STRANGERS] = "first messages to too many people",
    [SPAM_LINKS] = "too many links",
};

static struct sighting sighting_of(const struct spam_filter *filter,
                                   const struct cc_filter_check *check)
{
    struct sighting sighting = {
        .conversation = (uint32_t)hash_stable(check->conversation),
        .fingerprint = filter->limits.repeats.most ? spam_fingerprint(check->text) : 0,
        .links = filter->limits.links.most ? spam_links(check->text) : 0,
        .is_stranger = filter->limits.strangers.most && check->first_contact,
        .now_ms = (uint32_t)check->now.mono_ms,
    };

    return sighting;
}

static int judge(struct spam_filter *filter, struct cc_filter_check *check)
{
    struct sighting sighting = sighting_of(filter, check);
    enum spam spam = SPAM_NONE;
    struct spammer *user;
    int r;

    if (!sighting.fingerprint && !sighting.links && !sighting.is_stranger)
        return 0;
    user = user_touch(filter, check->user, check->now.mono_ms);
    if (!user)
        return CC_ENOMEM;
    r = history_judge(&user->history, &filter->allocator, &filter->limits, &sighting, &spam);
    if (!r && spam) {
        check->ret_verdict = CC_FILTER_REJECT;
        check->ret_reason = slice_str(reasons[spam]);
    }
    return r;
}

static void spam_check(void *self, struct cc_filter_check *check)
{
    cc_op_done(&check->op, judge(self, check));
}

static void spam_free(void *self)
{
    struct spam_filter *filter = self;
    struct cc_allocator allocator = filter->allocator;

    while (filter->users)
        user_free(filter, filter->users);
    mem_free(&allocator, filter);
}

static const struct cc_filter_vtable spam_vtable = {
    .size = sizeof spam_vtable,
    .check = spam_check,
    .free = spam_free,
};

static bool limit_is_valid(const struct history_limit *limit)
{
    return limit->most <= HISTORY_LIMIT_MAX && limit->window_ms <= HISTORY_WINDOW_MAX_MS;
}

static struct history_limit limit_of(uint32_t most, uint32_t window_ms)
{
    struct history_limit limit = {window_ms ? most : 0, window_ms};

    return limit;
}

static uint32_t longest_of(const struct history_limits *limits)
{
    uint32_t longest = limits->repeats.window_ms;

    if (limits->strangers.window_ms > longest)
        longest = limits->strangers.window_ms;
    if (limits->links.window_ms > longest)
        longest = limits->links.window_ms;
    return longest;
}

static struct history_limits limits_of(const struct cc_filter_spam_options *options)
{
    struct history_limits limits = {
        .repeats = limit_of(options->repeat_conversations, options->repeat_window_ms),
        .strangers = limit_of(options->strangers, options->strangers_window_ms),
        .links = limit_of(options->links, options->links_window_ms),
    };

    return limits;
}

int cc_filter_spam_new(const struct cc_allocator *allocator,
                       const struct cc_filter_spam_options *options, struct cc_filter *ret_filter)
{
    struct cc_filter_spam_options given;
    struct history_limits limits;
    struct spam_filter *filter;

    if (options_read(&given, sizeof given, options))
        return CC_EINVAL;
    limits = limits_of(&given);
    if (!given.users || !limit_is_valid(&limits.repeats) || !limit_is_valid(&limits.strangers) ||
        !limit_is_valid(&limits.links))
        return CC_EINVAL;
    filter = mem_zalloc(allocator, 1, sizeof *filter);
    if (!filter)
        return CC_ENOMEM;
    filter->allocator = *allocator;
    filter->limits = limits;
    filter->longest_ms = longest_of(&limits);
    filter->users_max = given.users;
    list_init(&filter->by_silence);
    *ret_filter = (struct cc_filter){&spam_vtable, filter};
    return 0;
}
