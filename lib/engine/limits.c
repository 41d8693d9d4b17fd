/*
 * Rate limits.
 */
#include "engine/limits.h"

#include "base/verification.h"
#include "chatcore/error.h"
#include "engine/user.h"

/* Names remembered in each table: some 150 bytes each, 10 MB. More addresses than this connecting
 * within seconds is not one attacker's doing, and the ceiling of sessions holds then. */
#define LIMITS_NAMES_MAX 65536

/* Told to who can't be counted for want of memory. */
#define LIMITS_NOMEM_RETRY_MS 1000

#define NS_PER_MS 1000000

/* Mails that ask for an address's owner, for each user and for each address: three at once, for
 * whom the first did not reach, then one in 1,000 seconds: nobody is buried in mails that he never
 * asked for. */
#define LIMITS_VERIFY_BURST     3
#define LIMITS_VERIFY_PER_1000S 1

struct rate_entry {
    UT_hash_handle hh;
    struct rate_state counted; /* what the table is for: connects, mails that verify */
    struct rate_state send;    /* of a user without a session */
    struct rate_state request;
    char name[];
};

struct limiter {
    struct rate_entry *addresses; /* uthash, the longest unused first */
    struct rate_entry *users;
    struct rate_entry *verifications; /* 'u' and a user, 'a' and an address */
};

/* How far ahead of now the arrival may lie: a whole burst. */
static int64_t tolerance_ns(const struct cc_rate *rate, int64_t interval_ns)
{
    int64_t tolerance;

    /* 1,000 seconds for each of 4 billion requests doesn't fit; a hundred years will do */
    if (__builtin_mul_overflow(interval_ns, (int64_t)rate->burst, &tolerance) ||
        tolerance > INT64_MAX / 4)
        tolerance = INT64_MAX / 4;
    return tolerance;
}

bool rate_admit(struct rate_state *state, const struct cc_rate *rate, int64_t now_ms,
                uint32_t *ret_retry_ms)
{
    int64_t now_ns = now_ms * NS_PER_MS;
    int64_t interval_ns;
    int64_t arrival_ns;
    int64_t early_ms;

    if (!rate->burst || !rate->per_second_milli)
        return true;
    interval_ns = (int64_t)1000000000000 / rate->per_second_milli;
    arrival_ns = (state->arrival_ns > now_ns ? state->arrival_ns : now_ns) + interval_ns;
    early_ms = (arrival_ns - now_ns - tolerance_ns(rate, interval_ns) + NS_PER_MS - 1) / NS_PER_MS;
    if (early_ms > 0) {
        *ret_retry_ms = early_ms < UINT32_MAX ? (uint32_t)early_ms : UINT32_MAX;
        return false;
    }
    state->arrival_ns = arrival_ns;
    return true;
}

int limits_init(struct cc_engine *engine)
{
    engine->limiter = mem_zalloc(&engine->allocator, 1, sizeof *engine->limiter);
    return engine->limiter ? 0 : CC_ENOMEM;
}

static void entry_free(struct cc_engine *engine, struct rate_entry **table,
                       struct rate_entry *entry)
{
    HASH_DELETE(hh, *table, entry);
    mem_free(&engine->allocator, entry);
}

void limits_deinit(struct cc_engine *engine)
{
    struct limiter *limiter = engine->limiter;

    if (!limiter)
        return;
    while (limiter->addresses)
        entry_free(engine, &limiter->addresses, limiter->addresses);
    while (limiter->users)
        entry_free(engine, &limiter->users, limiter->users);
    while (limiter->verifications)
        entry_free(engine, &limiter->verifications, limiter->verifications);
    mem_free(&engine->allocator, limiter);
    engine->limiter = NULL;
}

bool limits_admit(struct cc_engine *engine, struct cc_session *session, bool is_send,
                  uint32_t *ret_retry_ms)
{
    struct user *user = session->user;

    if (is_send)
        return rate_admit(&user->send_rate, &engine->limits.send, engine->now.mono_ms,
                          ret_retry_ms);
    return rate_admit(&user->request_rate, &engine->limits.request, engine->now.mono_ms,
                      ret_retry_ms);
}

static struct rate_entry *entry_new(struct cc_engine *engine, struct cc_slice name)
{
    struct rate_entry *entry = mem_zalloc(&engine->allocator, 1, sizeof *entry + name.size);

    if (entry)
        memcpy(entry->name, name.data, name.size);
    return entry;
}

/* Finds or makes the name's entry, and makes it the newest. NULL without memory. */
static struct rate_entry *entry_touch(struct cc_engine *engine, struct rate_entry **table,
                                      struct cc_slice name)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct rate_entry *entry = NULL;

    HASH_FIND(hh, *table, name.data, name.size, entry);
    if (entry) {
        HASH_DELETE(hh, *table, entry);
    } else {
        if (HASH_COUNT(*table) >= LIMITS_NAMES_MAX)
            entry_free(engine, table, *table);
        entry = entry_new(engine, name);
    }
    if (!entry)
        return NULL;
    HASH_ADD_KEYPTR(hh, *table, entry->name, name.size, entry);
    if (entry->hh.tbl)
        return entry;
    mem_free(hash_allocator, entry);
    return NULL;
}

static bool admit(struct cc_engine *engine, struct rate_entry **table, struct cc_slice name,
                  const struct cc_rate *rate, uint32_t *ret_retry_ms)
{
    struct rate_entry *entry = entry_touch(engine, table, name);

    if (!entry) {
        *ret_retry_ms = LIMITS_NOMEM_RETRY_MS;
        return false;
    }
    return rate_admit(&entry->counted, rate, engine->now.mono_ms, ret_retry_ms);
}

bool limits_admit_connect(struct cc_engine *engine, struct cc_slice address, uint32_t *ret_retry_ms)
{
    return !address.size || admit(engine, &engine->limiter->addresses, address,
                                  &engine->limits.connect, ret_retry_ms);
}

bool limits_admit_user(struct cc_engine *engine, struct cc_slice name, uint32_t *ret_retry_ms)
{
    return admit(engine, &engine->limiter->users, name, &engine->limits.connect, ret_retry_ms);
}

static bool admit_verification(struct cc_engine *engine, char kind, struct cc_slice name,
                               uint32_t *ret_retry_ms)
{
    static const struct cc_rate rate = {.burst = LIMITS_VERIFY_BURST,
                                        .per_second_milli = LIMITS_VERIFY_PER_1000S};
    char key[1 + VERIFICATION_ADDRESS_MAX];

    if (name.size >= sizeof key)
        return false;
    key[0] = kind;
    for (size_t i = 0; i < name.size; i++)
        key[1 + i] = (char)(kind == 'a' && name.data[i] >= 'A' && name.data[i] <= 'Z'
                                ? name.data[i] - 'A' + 'a'
                                : name.data[i]);
    return admit(engine, &engine->limiter->verifications, slice_of(key, 1 + name.size), &rate,
                 ret_retry_ms);
}

bool limits_admit_verification(struct cc_engine *engine, struct cc_slice user,
                               struct cc_slice address, uint32_t *ret_retry_ms)
{
    return admit_verification(engine, 'u', user, ret_retry_ms) &&
           admit_verification(engine, 'a', address, ret_retry_ms);
}

void limits_user_came(struct cc_engine *engine, struct user *user)
{
    struct rate_entry *entry = NULL;

    HASH_FIND(hh, engine->limiter->users, user->name.data, user->name.size, entry);
    if (!entry)
        return;
    user->send_rate = entry->send;
    user->request_rate = entry->request;
}

void limits_user_left(struct cc_engine *engine, const struct user *user)
{
    int64_t now_ns = engine->now.mono_ms * NS_PER_MS;
    struct rate_entry *entry;

    if (!engine->limiter ||
        (user->send_rate.arrival_ns <= now_ns && user->request_rate.arrival_ns <= now_ns))
        return;
    entry = entry_touch(engine, &engine->limiter->users, user->name);
    if (!entry)
        return; /* without memory, the burst comes back */
    entry->send = user->send_rate;
    entry->request = user->request_rate;
}
