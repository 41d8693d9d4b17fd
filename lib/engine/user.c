/*
 * Users with a session here.
 */
#include "engine/user.h"

#include "chatcore/error.h"
#include "engine/feed.h"
#include "engine/presence.h"
#include "engine/user_privacy.h"

struct user *user_find(struct cc_engine *engine, struct cc_slice name)
{
    struct user *user = NULL;

    HASH_FIND(hh, engine->users, name.data, name.size, user);
    return user;
}

struct user *user_find_hashed(struct cc_engine *engine, struct cc_slice name, unsigned hash)
{
    struct user *user = NULL;

    HASH_FIND_BYHASHVALUE(hh, engine->users, name.data, name.size, hash, user);
    return user;
}

bool user_is_here(struct cc_engine *engine, struct cc_slice name)
{
    const struct user *user = user_find(engine, name);

    return user && user->session_count;
}

static struct user *user_new(struct cc_engine *engine, struct cc_slice name)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct user *user = mem_zalloc(hash_allocator, 1, sizeof *user + name.size);

    if (!user)
        return NULL;
    memcpy(user->bytes, name.data, name.size);
    user->name = slice_of(user->bytes, name.size);
    HASH_ADD_KEYPTR(hh, engine->users, user->name.data, user->name.size, user);
    if (!user->hh.tbl) {
        mem_free(hash_allocator, user);
        return NULL;
    }
    engine->stats.users++;
    limits_user_came(engine, user);
    return user;
}

void user_ref(struct user *user)
{
    user->refs++;
}

static void free_if_unused(struct cc_engine *engine, struct user *user)
{
    if (user->refs || user->session_count)
        return;
    limits_user_left(engine, user);
    HASH_DELETE(hh, engine->users, user);
    engine->stats.users--;
    mem_free(&engine->allocator, user);
}

void user_unref(struct cc_engine *engine, struct user *user)
{
    user->refs--;
    free_if_unused(engine, user);
}

static void join(struct cc_engine *engine, struct user *user, struct cc_session *session)
{
    session->next_of_user = user->sessions;
    user->sessions = session;
    engine->stats.sessions++;
    if (user->session_count++ == 0) {
        presence_online(engine, user);
        user_privacy_load(engine, user);
    }
}

int user_add_session(struct cc_engine *engine, struct cc_slice name, struct cc_session *session)
{
    struct user *user = user_find(engine, name);

    if (!user)
        user = user_new(engine, name);
    if (!user)
        return CC_ENOMEM;
    session->user = user;
    if (session->requests_only)
        user_ref(user);
    else
        join(engine, user, session);
    return 0;
}

static void leave(struct cc_engine *engine, struct user *user, struct cc_session *session)
{
    struct cc_session **at = &user->sessions;

    while (*at != session)
        at = &(*at)->next_of_user;
    *at = session->next_of_user;
    engine->stats.sessions--;
    if (--user->session_count == 0) {
        feed_unregister(engine, user->name);
        presence_offline(engine, user);
    }
}

void user_remove_session(struct cc_session *session)
{
    struct cc_engine *engine = session_engine(session);
    struct user *user = session->user;

    session->user = NULL;
    if (!session->requests_only) {
        user_ref(user);
        leave(engine, user, session);
    }
    user_unref(engine, user);
}
