/*
 * Groups, channels and direct conversations of a data folder.
 */
#include "command.h"
#include "files.h"
#include "print.h"

#include <chatcore/backend/lmdb.h>
#include <chatcore/error.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct view {
    struct cc_slice wanted; /* a conversation; size 0: all but direct ones */
    bool is_json;
    bool is_found;
};

static bool is_meant(struct view *view, struct cc_slice id)
{
    bool is_same = id.size == view->wanted.size && !memcmp(id.data, view->wanted.data, id.size);

    view->is_found |= is_same;
    return is_same;
}

static int conversation_json(const struct cc_conversation *conversation)
{
    return print_object(json_pack(
        "{s:o, s:s, s:o, s:I, s:I}", "conversation", print_text(conversation->id), "kind",
        print_kind(conversation->kind), "name", print_text(conversation->name), "members",
        (json_int_t)conversation->member_count, "created", (json_int_t)conversation->created));
}

static int on_conversation(void *context, const struct cc_conversation *conversation)
{
    struct view *view = context;
    time_t created = (time_t)(conversation->created / 1000);
    char date[32] = "";
    struct tm broken;

    if (view->wanted.size ? !is_meant(view, conversation->id)
                          : conversation->kind == CC_KIND_DIRECT)
        return 0;
    if (view->is_json)
        return conversation_json(conversation) == EXIT_DONE ? 0 : CC_EIO;
    if (gmtime_r(&created, &broken))
        strftime(date, sizeof date, "%Y-%m-%d", &broken);
    printf("%-36.*s  %-7s %6" PRIu32 " members  %s  %.*s\n", (int)conversation->id.size,
           conversation->id.data, print_kind(conversation->kind), conversation->member_count, date,
           (int)conversation->name.size, conversation->name.size ? conversation->name.data : "");
    return 0;
}

static int on_member(void *context, struct cc_slice conversation, const struct cc_member *member)
{
    struct view *view = context;

    if (!is_meant(view, conversation))
        return 0;
    if (view->is_json)
        return print_object(json_pack("{s:o, s:s}", "user", print_text(member->user), "role",
                                      print_role(member->role))) == EXIT_DONE
                   ? 0
                   : CC_EIO;
    printf("%-24.*s %s\n", (int)member->user.size, member->user.data, print_role(member->role));
    return 0;
}

static int walk(const char *data, struct cc_lmdb_visitor *visitor, struct view *view)
{
    struct cc_lmdb_walk_options options = CC_LMDB_WALK_OPTIONS_INIT;
    int r;

    options.path = data;
    visitor->context = view;
    if (!files_are_data(data))
        return EXIT_FAILED;
    r = cc_lmdb_walk(&options, visitor);
    if (r)
        return command_failed(data, cc_strerror(r));
    return view->is_found || !view->wanted.size
               ? EXIT_DONE
               : command_failed(view->wanted.data, "there is no such conversation");
}

int command_groups(const struct invocation *invocation)
{
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;
    struct view view = {.is_json = invocation->options[OPTION_JSON] != NULL};
    char **arguments = invocation->arguments;

    if (invocation->count == 3)
        view.wanted = (struct cc_slice){arguments[2], strlen(arguments[2])};
    if (!strcmp(arguments[1], "list") && invocation->count == 2)
        visitor.conversation = on_conversation;
    else if (!strcmp(arguments[1], "show") && invocation->count == 3)
        visitor.conversation = on_conversation;
    else if (!strcmp(arguments[1], "members") && invocation->count == 3)
        visitor.member = on_member;
    else
        return command_misused("groups");
    return walk(arguments[0], &visitor, &view);
}
