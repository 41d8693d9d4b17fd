/*
 * Lists. That of conversations: memberships → heads → cursors → marks → reply, each one read for
 * the whole page.
 */
#include "engine/lists.h"

#include "chatcore/error.h"
#include "engine/mark.h"
#include "engine/summary.h"
#include "engine/unread.h"
#include "engine/user.h"

struct listing {
    struct cc_conversation_summary *summaries;
    struct cc_slice *ids;
    size_t count;
    bool more;
    struct unread *unread;
};

bool lists_after_is_valid(struct cc_slice after)
{
    return !after.size || name_is_valid(after);
}

/* --- conversations -----------------------------------------------------------------------------
 */

static void listing_reply(struct request *request)
{
    const struct listing *listing = request->state;
    struct cc_reply reply = {.conversations = listing->summaries,
                             .conversation_count = listing->count,
                             .more = listing->more};

    for (size_t i = 0; i < listing->count; i++)
        listing->summaries[i].unread = unread_count(&listing->unread[i]);
    request_reply(request, &reply);
}

/* The index of a conversation in the page, which ascends; `count` when it is not there. */
static size_t listing_find(const struct listing *listing, struct cc_slice id)
{
    return slice_find(listing->ids, listing->count, id);
}

static void read_cursors(struct request *request, struct cc_slice device,
                         void (*read)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    const struct listing *listing = request->state;
    struct cc_store_read_cursors *op = &request->op.cursors;

    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->device = device;
    op->conversations = listing->ids;
    op->count = listing->count;
    op->limit = listing->count;
    request_op_begin(request, read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

static void marks_read(struct request *request, int status)
{
    const struct listing *listing = request->state;
    const struct cc_store_read_cursors *op = &request->op.cursors;

    for (size_t i = 0; !status && i < op->ret_count; i++) {
        size_t index = listing_find(listing, op->ret_cursors[i].conversation);

        if (index < listing->count)
            unread_add_mark(&listing->unread[index], &op->ret_cursors[i]);
    }
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        listing_reply(request);
}

static void cursors_read(struct request *request, int status)
{
    const struct listing *listing = request->state;
    const struct cc_store_read_cursors *op = &request->op.cursors;

    for (size_t i = 0; !status && i < op->ret_count; i++) {
        size_t index = listing_find(listing, op->ret_cursors[i].conversation);

        if (index == listing->count)
            continue;
        listing->summaries[index].read = op->ret_cursors[i].read;
        listing->summaries[index].delivered = op->ret_cursors[i].delivered;
    }
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        read_cursors(request, slice_str(MARK_JOIN), marks_read);
}

/* What is loaded here is newer than the store. */
static void set_head(struct request *request, size_t index, const struct cc_store_head *stored)
{
    const struct listing *listing = request->state;
    struct conversation *loaded = conversation_find(request_engine(request), listing->ids[index]);
    struct cc_conversation_summary *summary = &listing->summaries[index];

    summary->head = stored->seq;
    summary->ts = stored->ts;
    unread_add_head(&listing->unread[index], stored);
    unread_add_loaded(&listing->unread[index], loaded, request->user->name);
    if (!loaded || loaded->seq < stored->seq)
        return;
    summary->head = loaded->seq;
    summary->ts = loaded->ts;
}

static void heads_read(struct request *request, int status)
{
    const struct listing *listing = request->state;

    for (size_t i = 0; !status && i < listing->count; i++)
        set_head(request, i, &request->op.heads.ret_heads[i]);
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        read_cursors(request, slice_of(NULL, 0), cursors_read);
}

static void read_heads(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct listing *listing = request->state;

    if (!listing->count) {
        listing_reply(request);
        return;
    }
    for (size_t i = 0; i < listing->count; i++)
        unread_add_loaded(&listing->unread[i], conversation_find(engine, listing->ids[i]),
                          request->user->name);
    memset(&request->op, 0, sizeof request->op);
    request->op.heads.conversations = listing->ids;
    request->op.heads.count = listing->count;
    request_op_begin(request, heads_read);
    engine->store.vtable->read_heads(engine->store.self, &request->op.heads);
}

static struct listing *listing_new(struct arena *arena, size_t count)
{
    struct listing *listing = arena_alloc(arena, sizeof *listing);
    size_t unread_bytes = (count + 1) * sizeof(struct unread);

    if (!listing)
        return NULL;
    listing->summaries = arena_alloc(arena, (count + 1) * sizeof *listing->summaries);
    listing->ids = arena_alloc(arena, (count + 1) * sizeof *listing->ids);
    listing->unread = arena_alloc(arena, unread_bytes);
    if (!listing->summaries || !listing->ids || !listing->unread)
        return NULL;
    memset(listing->unread, 0, unread_bytes);
    listing->count = count;
    return listing;
}

static int take_membership(struct request *request, const struct cc_membership *membership,
                           size_t index)
{
    struct listing *listing = request->state;
    struct cc_conversation_summary *summary = &listing->summaries[index];
    int r = summary_of_membership(&request->arena, membership, request->user->name, summary);

    listing->ids[index] = summary->conversation.id;
    return r;
}

static void memberships_read(struct request *request, int status)
{
    const struct cc_directory_memberships *op = &request->op.memberships;
    struct listing *listing = NULL;

    if (!status) {
        listing = listing_new(&request->arena, op->ret_count);
        request->state = listing;
        status = listing ? 0 : CC_ENOMEM;
    }
    for (size_t i = 0; !status && i < op->ret_count; i++)
        status = take_membership(request, &op->ret_memberships[i], i);
    if (!status)
        listing->more = op->ret_more;
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        read_heads(request);
}

void lists_conversations(struct request *request)
{
    const struct cc_command *command = request->command;

    if (!lists_after_is_valid(command->after_name)) {
        request_fail(request, CC_EINVAL);
        return;
    }
    request_read_memberships(
        request, request->user->name, command->after_name,
        lists_limit(command->limit, LISTS_CONVERSATIONS, LISTS_CONVERSATIONS_MAX),
        memberships_read);
}
