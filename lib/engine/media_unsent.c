/*
 * How much each user has uploaded, or may upload, without having sent it.
 *
 * In this node's memory alone: a restart forgets, which gives the room back. What was forgotten is
 * removed all the same: see media_collect.c.
 */
#include "chatcore/error.h"
#include "engine/media_state.h"

/* Uploads remembered: 7 MB. The oldest are forgotten first. */
#define UNSENT_GRANTS_MAX 65536

/* What an upload counts at least: a file has its price, however small. */
#define UNSENT_BYTES_MIN 65536

bool media_is_stale(const struct cc_engine *engine, const struct cc_id *id)
{
    return id_timestamp(id) < engine->now.wall_ms - (int64_t)engine->limits.unsent_s * 1000;
}

static void drop(struct cc_engine *engine, struct media_grant *grant)
{
    struct media_unsent *unsent = &engine->uploads->unsent;
    struct media_user *user = grant->user;

    user->bytes -= grant->bytes;
    if (!--user->grants) {
        HASH_DEL(unsent->users, user);
        mem_free(&engine->allocator, user);
    }
    HASH_DEL(unsent->grants, grant);
    mem_free(&engine->allocator, grant);
}

/* The table is in the order of adding: what is stale stands in front. */
static void drop_stale(struct cc_engine *engine)
{
    struct media_unsent *unsent = &engine->uploads->unsent;

    while (unsent->grants && (media_is_stale(engine, &unsent->grants->id) ||
                              HASH_COUNT(unsent->grants) >= UNSENT_GRANTS_MAX))
        drop(engine, unsent->grants);
}

static struct media_user *find_or_add_user(struct cc_engine *engine, struct cc_slice name)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct media_unsent *unsent = &engine->uploads->unsent;
    struct media_user *user;

    HASH_FIND(hh, unsent->users, name.data, (unsigned)name.size, user);
    if (user)
        return user;
    user = mem_zalloc(hash_allocator, 1, sizeof *user + name.size);
    if (!user)
        return NULL;
    memcpy(user->name, name.data, name.size);
    user->name_size = name.size;
    HASH_ADD_KEYPTR(hh, unsent->users, user->name, (unsigned)name.size, user);
    if (user->hh.tbl)
        return user;
    mem_free(hash_allocator, user);
    return NULL;
}

static void drop_empty(struct cc_engine *engine, struct media_user *user)
{
    if (user->grants)
        return;
    HASH_DEL(engine->uploads->unsent.users, user);
    mem_free(&engine->allocator, user);
}

int media_unsent_add(struct cc_engine *engine, struct cc_slice name, const struct cc_id *id,
                     uint64_t bytes)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct media_unsent *unsent = &engine->uploads->unsent;
    uint64_t counted = bytes < UNSENT_BYTES_MIN ? UNSENT_BYTES_MIN : bytes;
    struct media_user *user;
    struct media_grant *grant;

    drop_stale(engine);
    user = find_or_add_user(engine, name);
    if (!user)
        return CC_ENOMEM;
    if (counted > engine->limits.max_unsent_bytes - user->bytes) {
        drop_empty(engine, user);
        return CC_ERATELIMITED;
    }
    grant = mem_zalloc(hash_allocator, 1, sizeof *grant);
    if (grant) {
        grant->id = *id;
        grant->user = user;
        grant->bytes = counted;
        HASH_ADD(hh, unsent->grants, id, sizeof grant->id, grant);
    }
    if (!grant || !grant->hh.tbl) {
        mem_free(hash_allocator, grant);
        drop_empty(engine, user);
        return CC_ENOMEM;
    }
    user->bytes += counted;
    user->grants++;
    return 0;
}

void media_unsent_drop(struct cc_engine *engine, const struct cc_id *id)
{
    struct media_grant *grant;

    HASH_FIND(hh, engine->uploads->unsent.grants, id, sizeof *id, grant);
    if (grant)
        drop(engine, grant);
}

void media_unsent_clear(struct cc_engine *engine)
{
    while (engine->uploads->unsent.grants)
        drop(engine, engine->uploads->unsent.grants);
}
