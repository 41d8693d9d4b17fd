/*
 * Who is in a data folder. The users of all tables of the directory are gathered in a tree by name:
 * some hundred bytes for each.
 */
#include "command.h"
#include "files.h"
#include "print.h"

#include <chatcore/backend/lmdb.h>
#include <chatcore/error.h>

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct user {
    char id[CC_NAME_MAX + 1];
    char *name; /* NULL: no profile */
    unsigned devices;
    unsigned conversations;
    unsigned contacts;
    unsigned blocked;
};

struct users {
    void *tree; /* of struct user */
    bool is_json;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct user *)a)->id, ((const struct user *)b)->id);
}

/* Finds or adds. NULL without memory. */
static struct user *user_of(struct users *users, struct cc_slice id)
{
    struct user key = {.name = NULL};
    struct user *user;
    void *place;

    memcpy(key.id, id.data, id.size);
    place = tfind(&key, &users->tree, compare);
    if (place)
        return *(struct user **)place;
    user = malloc(sizeof *user);
    if (!user)
        return NULL;
    *user = key;
    if (tsearch(user, &users->tree, compare))
        return user;
    free(user);
    return NULL;
}

/* --- gathering --- */

static int on_profile(void *context, const struct cc_lmdb_profile *profile)
{
    struct user *user = user_of(context, profile->user);

    if (!user)
        return CC_ENOMEM;
    user->name = strndup(profile->name.size ? profile->name.data : "", profile->name.size);
    return user->name ? 0 : CC_ENOMEM;
}

static int on_device(void *context, struct cc_slice id, const struct cc_device *device)
{
    struct user *user = user_of(context, id);

    (void)device;
    if (user)
        user->devices++;
    return user ? 0 : CC_ENOMEM;
}

static int on_membership(void *context, struct cc_slice id, struct cc_slice conversation,
                         int64_t muted_until)
{
    struct user *user = user_of(context, id);

    (void)conversation;
    (void)muted_until;
    if (user)
        user->conversations++;
    return user ? 0 : CC_ENOMEM;
}

static int on_relation(void *context, struct cc_slice id, struct cc_slice other, unsigned relation)
{
    struct user *user = user_of(context, id);

    (void)other;
    if (user) {
        user->contacts += (relation & CC_RELATION_CONTACT) != 0;
        user->blocked += (relation & CC_RELATION_BLOCKED) != 0;
    }
    return user ? 0 : CC_ENOMEM;
}

/* --- all of them --- */

static void user_print(const struct user *user, bool is_json)
{
    if (!is_json) {
        printf("%-24s %5u conversations %3u devices  %s\n", user->id, user->conversations,
               user->devices, user->name ? user->name : "");
        return;
    }
    print_object(json_pack("{s:o, s:s*, s:i, s:i, s:i, s:i}", "user",
                           print_text((struct cc_slice){user->id, strlen(user->id)}), "name",
                           user->name, "conversations", (int)user->conversations, "devices",
                           (int)user->devices, "contacts", (int)user->contacts, "blocked",
                           (int)user->blocked));
}

static void user_visit(const void *node, VISIT which, void *context)
{
    if (which == postorder || which == leaf)
        user_print(*(struct user *const *)node, ((struct users *)context)->is_json);
}

static void user_free(void *user)
{
    free(((struct user *)user)->name);
    free(user);
}

static int list(const struct cc_lmdb_walk_options *options, bool is_json)
{
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;
    struct users users = {NULL, is_json};
    int r;

    visitor.context = &users;
    visitor.profile = on_profile;
    visitor.device = on_device;
    visitor.membership = on_membership;
    visitor.relation = on_relation;
    r = cc_lmdb_walk(options, &visitor);
    if (!r)
        twalk_r(users.tree, user_visit, &users);
    tdestroy(users.tree, user_free);
    return r ? command_failed(options->path, cc_strerror(r)) : EXIT_DONE;
}

/* --- one of them --- */

struct shown {
    struct cc_slice id;
    bool is_json;
    bool is_found;
};

static bool is_meant(struct shown *shown, struct cc_slice id)
{
    bool is_same = id.size == shown->id.size && !memcmp(id.data, shown->id.data, id.size);

    shown->is_found |= is_same;
    return is_same;
}

/* A fact: a line of text, or the object. */
static int fact(const struct shown *shown, const char *what, struct cc_slice value,
                const char *more)
{
    if (shown->is_json)
        return print_object(json_pack("{s:o, s:s*}", what, print_text(value), "is", more)) ==
                       EXIT_DONE
                   ? 0
                   : CC_EIO;
    printf("%-14s %.*s%s%s\n", what, (int)value.size, value.size ? value.data : "",
           more ? "  " : "", more ? more : "");
    return 0;
}

static int show_profile(void *context, const struct cc_lmdb_profile *profile)
{
    if (!is_meant(context, profile->user))
        return 0;
    return fact(context, "name", profile->name, NULL);
}

static int show_device(void *context, struct cc_slice id, const struct cc_device *device)
{
    char provider[CC_NAME_MAX + 1];

    if (!is_meant(context, id))
        return 0;
    snprintf(provider, sizeof provider, "%.*s", (int)device->provider.size,
             device->provider.size ? device->provider.data : "");
    return fact(context, "device", device->device, provider);
}

static int show_membership(void *context, struct cc_slice id, struct cc_slice conversation,
                           int64_t muted_until)
{
    if (!is_meant(context, id))
        return 0;
    return fact(context, "conversation", conversation, muted_until ? "muted" : NULL);
}

static int show_relation(void *context, struct cc_slice id, struct cc_slice other,
                         unsigned relation)
{
    int r = 0;

    if (!is_meant(context, id))
        return 0;
    if (relation & CC_RELATION_CONTACT)
        r = fact(context, "contact", other, NULL);
    if (!r && relation & CC_RELATION_BLOCKED)
        r = fact(context, "blocked", other, NULL);
    return r;
}

static int show(const struct cc_lmdb_walk_options *options, const char *id, bool is_json)
{
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;
    struct shown shown = {{id, strlen(id)}, is_json, false};
    int r;

    visitor.context = &shown;
    visitor.profile = show_profile;
    visitor.device = show_device;
    visitor.membership = show_membership;
    visitor.relation = show_relation;
    r = cc_lmdb_walk(options, &visitor);
    if (r)
        return command_failed(options->path, cc_strerror(r));
    return shown.is_found ? EXIT_DONE : command_failed(id, "there is no such user");
}

int command_users(const struct invocation *invocation)
{
    struct cc_lmdb_walk_options options = CC_LMDB_WALK_OPTIONS_INIT;
    bool is_json = invocation->options[OPTION_JSON] != NULL;
    char **arguments = invocation->arguments;

    options.path = arguments[0];
    if (!files_are_data(options.path))
        return EXIT_FAILED;
    if (!strcmp(arguments[1], "list") && invocation->count == 2)
        return list(&options, is_json);
    if (!strcmp(arguments[1], "show") && invocation->count == 3)
        return show(&options, arguments[2], is_json);
    return command_misused("users");
}
