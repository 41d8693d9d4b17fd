/*
 * Where a user may search: memberships, a page at a time, and where he joined each.
 */
#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/mark.h"
#include "engine/search.h"
#include "engine/user.h"

/* Memberships read at once. */
#define SCOPES_PAGE 500

static void read_memberships(struct request *request);

static struct search_scopes *scopes_of(const struct request *request)
{
    return request->step;
}

static int add_scope(struct request *request, struct cc_slice conversation)
{
    struct search_scopes *scopes = scopes_of(request);
    struct cc_search_scope *grown = scopes->scopes;
    struct cc_search_scope *scope;

    if (scopes->count == scopes->capacity) {
        scopes->capacity = scopes->capacity ? scopes->capacity * 2 : 16;
        grown = arena_alloc(&request->arena, scopes->capacity * sizeof *grown);
        if (!grown)
            return CC_ENOMEM;
        if (scopes->count)
            memcpy(grown, scopes->scopes, scopes->count * sizeof *grown);
        scopes->scopes = grown;
    }
    scope = &grown[scopes->count];
    scope->from_seq = 0;
    if (arena_copy(&request->arena, conversation, &scope->conversation) != 0)
        return CC_ENOMEM;
    scopes->count++;
    return 0;
}

/* Who joined a moment ago: the store does not know it yet. */
static void note_unflushed_joins(struct request *request)
{
    const struct search_scopes *scopes = scopes_of(request);

    for (size_t i = scopes->page; i < scopes->count; i++) {
        const struct conversation *loaded =
            conversation_find(request_engine(request), scopes->scopes[i].conversation);

        if (loaded)
            scopes->scopes[i].from_seq = conversation_unflushed_join(loaded, request->user->name);
    }
}

static void page_done(struct request *request, int status)
{
    struct search_scopes *scopes = scopes_of(request);

    scopes->page = scopes->count;
    if (status || scopes->is_last)
        scopes->found(request, status);
    else
        read_memberships(request);
}

static void raise_scope(struct cc_search_scope *scope, uint64_t seq)
{
    if (scope->from_seq < seq)
        scope->from_seq = seq;
}

static void joins_read(struct request *request, int status)
{
    const struct search_scopes *scopes = scopes_of(request);
    const struct cc_store_read_cursors *op = &request->op.cursors;

    for (size_t i = 0; !status && i < op->ret_count; i++) {
        size_t at = slice_find(op->conversations, op->count, op->ret_cursors[i].conversation);

        if (at < op->count)
            raise_scope(&scopes->scopes[scopes->page + at], op->ret_cursors[i].delivered);
    }
    cc_op_release(&request->op.op);
    page_done(request, status);
}

static void read_joins(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct search_scopes *scopes = scopes_of(request);
    size_t count = scopes->count - scopes->page;
    struct cc_slice *ids = arena_alloc(&request->arena, (count + 1) * sizeof *ids);
    struct cc_store_read_cursors *op = &request->op.cursors;

    if (!ids) {
        page_done(request, CC_ENOMEM);
        return;
    }
    if (engine->history_for_joiners || !count) {
        page_done(request, 0);
        return;
    }
    note_unflushed_joins(request);
    for (size_t i = 0; i < count; i++)
        ids[i] = scopes->scopes[scopes->page + i].conversation;
    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->device = slice_str(MARK_JOIN);
    op->conversations = ids;
    op->count = count;
    op->limit = count;
    request_op_begin(request, joins_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

/* --- all conversations --------------------------------------------------------------------------
 */

static void memberships_read(struct request *request, int status)
{
    const struct cc_directory_memberships *op = &request->op.memberships;
    struct search_scopes *scopes = scopes_of(request);

    if (!status) {
        scopes->is_last = !op->ret_more;
        if (scopes->count + op->ret_count > SEARCH_SCOPES_MAX)
            status = CC_ETOOLARGE;
    }
    for (size_t i = 0; !status && i < op->ret_count; i++)
        status = add_scope(request, op->ret_memberships[i].conversation.id);
    cc_op_release(&request->op.op);
    if (status)
        page_done(request, status);
    else
        read_joins(request);
}

static void read_memberships(struct request *request)
{
    const struct search_scopes *scopes = scopes_of(request);
    struct cc_slice after = {NULL, 0};

    if (scopes->count)
        after = scopes->scopes[scopes->count - 1].conversation;
    request_read_memberships(request, request->user->name, after, SCOPES_PAGE, memberships_read);
}

/* --- one conversation ---------------------------------------------------------------------------
 */

static void checked(struct request *request, const struct access *access, int status)
{
    struct search_scopes *scopes = scopes_of(request);

    (void)access;
    scopes->is_last = true;
    if (!status)
        status = add_scope(request, request->conversation);
    if (status)
        page_done(request, status);
    else
        read_joins(request);
}

void search_scopes_find(struct request *request, struct search_scopes *scopes)
{
    request->step = scopes;
    if (request->command->conversation.size)
        access_check(request, checked);
    else
        read_memberships(request);
}
