/*
 * Rate limits.
 */
#include "engine/limits.h"

#include "chatcore/error.h"
#include "engine/user.h"

/* Addresses remembered: 128 bytes each, 8 MB. */
#define ADDRESSES_MAX 65536

struct address_rate {
    UT_hash_handle hh;
    struct rate_state state;
    char bytes[];
};

struct limiter {
    struct address_rate *addresses; /* uthash, the longest unused first */
};

bool rate_admit(struct rate_state *state, const struct cc_rate *rate, int64_t now_ms,
                uint32_t *ret_retry_ms)
{
    int64_t now_us = now_ms * 1000;
    int64_t interval_us;
    int64_t arrival_us;
    int64_t early_us;

    if (!rate->burst || !rate->per_second_milli)
        return true;
    interval_us = (int64_t)1000000000 / rate->per_second_milli;
    arrival_us = state->arrival_us > now_us ? state->arrival_us : now_us;
    early_us = arrival_us + interval_us - now_us - interval_us * rate->burst;
    if (early_us > 0) {
        *ret_retry_ms = (uint32_t)(early_us / 1000 + 1);
        return false;
    }
    state->arrival_us = arrival_us + interval_us;
    return true;
}

int limits_init(struct cc_engine *engine)
{
    engine->limiter = mem_zalloc(&engine->allocator, 1, sizeof *engine->limiter);
    return engine->limiter ? 0 : CC_ENOMEM;
}

static void address_free(struct cc_engine *engine, struct address_rate *address)
{
    HASH_DELETE(hh, engine->limiter->addresses, address);
    mem_free(&engine->allocator, address);
}

void limits_deinit(struct cc_engine *engine)
{
    if (!engine->limiter)
        return;
    while (engine->limiter->addresses)
        address_free(engine, engine->limiter->addresses);
    mem_free(&engine->allocator, engine->limiter);
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

/* Finds or makes the address's entry, and makes it the newest. NULL without memory. */
static struct address_rate *address_touch(struct cc_engine *engine, struct cc_slice name)
{
    struct limiter *limiter = engine->limiter;
    struct address_rate *address = NULL;

    HASH_FIND(hh, limiter->addresses, name.data, name.size, address);
    if (address) {
        HASH_DELETE(hh, limiter->addresses, address);
    } else {
        if (HASH_COUNT(limiter->addresses) >= ADDRESSES_MAX)
            address_free(engine, limiter->addresses);
        address = mem_zalloc(&engine->allocator, 1, sizeof *address + name.size);
        if (!address)
            return NULL;
        memcpy(address->bytes, name.data, name.size);
    }
    HASH_ADD_KEYPTR(hh, limiter->addresses, address->bytes, name.size, address);
    if (address->hh.tbl)
        return address;
    mem_free(&engine->allocator, address);
    return NULL;
}

bool limits_admit_connect(struct cc_engine *engine, struct cc_slice name, uint32_t *ret_retry_ms)
{
    struct address_rate *address;

    if (!name.size)
        return true;
    address = address_touch(engine, name);
    if (!address) {
        *ret_retry_ms = 1000;
        return false;
    }
    return rate_admit(&address->state, &engine->limits.connect, engine->now.mono_ms, ret_retry_ms);
}
