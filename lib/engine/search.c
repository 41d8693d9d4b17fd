/*
 * The command `search`: waiting for the index → where the user may read → the index → each hit held
 * to the rules and read → reply.
 */
#include "engine/search.h"

#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/lists.h"
#include "engine/partition.h"
#include "engine/user.h"
#include "wire/decimal.h"

/* A hit, copied out of the index's answer. */
struct hit {
    struct cc_slice conversation;
    struct cc_slice text;
    struct cc_id id;
    uint64_t seq;
};

struct searching {
    struct search_scopes scopes;
    size_t limit;
    uint64_t before; /* the hits' places are lower; 0: all */
    uint64_t next;   /* the next page's `before`; 0: there is none */
    struct hit *hits;
    size_t hit_count;
    size_t at;                   /* the hit that is looked at */
    struct message **held;       /* references, one for a hit that the memory has */
    struct cc_message *messages; /* what is answered */
    size_t count;
};

static void next_hit(struct request *request);

/* --- the end ------------------------------------------------------------------------------------
 */

/* False for what search has not written: a cursor is the place that the next page begins below. */
static bool read_cursor(struct cc_slice text, uint64_t *ret_before)
{
    *ret_before = 0;
    return !text.size || (decimal_take(&text, ret_before) && !text.size && *ret_before);
}

static void end(struct request *request, int status)
{
    char cursor[DECIMAL_DIGITS_MAX];
    struct cc_engine *engine = request_engine(request);
    struct searching *searching = request->state;
    struct message **held = searching->held;
    size_t hit_count = searching->hit_count;
    struct cc_reply reply = {.messages = searching->messages, .message_count = searching->count};

    engine->search_state->queries--;
    reply.more = searching->next != 0;
    if (reply.more)
        reply.cursor = slice_of(cursor, decimal_put(cursor, searching->next));
    if (status == CC_ETOOLARGE)
        request_fail_text(request, status,
                          slice_str("too many conversations to search at once: name one"), 0);
    else if (status)
        request_fail(request, status);
    else
        request_reply(request, &reply);
    for (size_t i = 0; held && i < hit_count; i++)
        if (held[i])
            message_unref(held[i]);
    mem_free(&engine->allocator, held);
}

/* --- reading a hit ------------------------------------------------------------------------------
 */

/* The index names a place; what stands there counts. */
static void add(struct request *request, const struct cc_message *message,
                struct cc_slice client_id)
{
    struct searching *searching = request->state;
    const struct hit *hit = &searching->hits[searching->at];
    struct cc_message *added = &searching->messages[searching->count];

    if (memcmp(&message->id, &hit->id, sizeof hit->id) != 0)
        return;
    *added = *message;
    added->text = hit->text;
    added->client_id =
        slice_equal(message->from, request->user->name) ? client_id : slice_of(NULL, 0);
    searching->count++;
}

static void hit_done(struct request *request)
{
    struct searching *searching = request->state;

    searching->at++;
    next_hit(request);
}

static int add_row(struct request *request, const struct cc_store_row *row)
{
    const struct searching *searching = request->state;
    struct cc_slice bytes;
    struct record record;
    int r = arena_copy(&request->arena, row->body, &bytes);

    if (!r)
        r = record_decode(bytes, &request->arena, &record);
    if (r)
        return r;
    record.message.conversation = searching->hits[searching->at].conversation;
    record.message.seq = row->seq;
    record.message.ts = id_timestamp(&record.message.id);
    add(request, &record.message, record.message.client_id);
    return 0;
}

static void row_read(struct request *request, int status)
{
    const struct cc_store_read_rows *op = &request->op.rows;

    if (!status && op->ret_count)
        status = add_row(request, &op->ret_rows[0]);
    cc_op_release(&request->op.op);
    if (status)
        end(request, status);
    else
        hit_done(request);
}

static void read_row(struct request *request, const struct hit *hit)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_rows *op = &request->op.rows;

    memset(&request->op, 0, sizeof request->op);
    op->conversation = hit->conversation;
    op->from = hit->seq;
    op->to = hit->seq;
    op->limit = 1;
    request_op_begin(request, row_read);
    engine->store.vtable->read_rows(engine->store.self, op);
}

static void read_message(struct request *request)
{
    struct searching *searching = request->state;
    const struct hit *hit = &searching->hits[searching->at];
    const struct conversation *conversation =
        conversation_find(request_engine(request), hit->conversation);
    struct message *recent = conversation ? conversation_recent(conversation, hit->seq) : NULL;

    if (!recent) {
        read_row(request, hit);
        return;
    }
    searching->held[searching->at] = message_ref(recent);
    add(request, &recent->view, recent->client_id);
    hit_done(request);
}

/* --- may it be seen? ----------------------------------------------------------------------------
 */

static void hit_checked(struct request *request, const struct access *access, int status)
{
    (void)access;
    if (!status)
        read_message(request);
    else if (status == CC_ENOTFOUND)
        hit_done(request); /* a member no more, since the scopes were found */
    else
        end(request, status);
}

static void next_hit(struct request *request)
{
    const struct searching *searching = request->state;

    if (searching->at == searching->hit_count) {
        end(request, 0);
        return;
    }
    request->conversation = searching->hits[searching->at].conversation;
    access_check(request, hit_checked);
}

/* --- the index ----------------------------------------------------------------------------------
 */

/* One hit more than was asked for says that there is a next page; so does a query that took too
 * long, if it got on. */
static size_t count_hits(struct searching *searching, const struct cc_search_query *op)
{
    size_t count = op->ret_count < searching->limit ? op->ret_count : searching->limit;

    if (count && (op->ret_count > count || op->ret_is_cut))
        searching->next = op->ret_hits[count - 1].place;
    return count;
}

static int take_hits(struct request *request, const struct cc_search_query *op)
{
    struct searching *searching = request->state;
    size_t count = count_hits(searching, op);
    int r = 0;

    searching->hits = arena_alloc(&request->arena, (count + 1) * sizeof *searching->hits);
    searching->messages = arena_alloc(&request->arena, (count + 1) * sizeof *searching->messages);
    searching->held =
        mem_zalloc(&request_engine(request)->allocator, count + 1, sizeof(struct message *));
    if (!searching->hits || !searching->messages || !searching->held)
        return CC_ENOMEM;
    for (size_t i = 0; !r && i < count; i++) {
        const struct cc_search_hit *from = &op->ret_hits[i];
        struct hit *hit = &searching->hits[i];

        hit->id = from->message;
        hit->seq = from->seq;
        r = arena_copy(&request->arena, from->conversation, &hit->conversation);
        if (!r)
            r = arena_copy(&request->arena, from->text, &hit->text);
    }
    searching->hit_count = count;
    return r;
}

static void queried(struct request *request, int status)
{
    if (!status)
        status = take_hits(request, &request->op.search);
    cc_op_release(&request->op.op);
    if (status)
        end(request, status);
    else
        next_hit(request);
}

static void scopes_found(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    const struct searching *searching = request->state;
    struct cc_search_query *op = &request->op.search;

    if (status) {
        end(request, status);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    op->text = request->command->text;
    op->scopes = searching->scopes.scopes;
    op->scope_count = searching->scopes.count;
    op->before = searching->before;
    op->limit = searching->limit + 1;
    request_op_begin(request, queried);
    engine->search.vtable->query(engine->search.self, op);
}

static void begin(struct request *request)
{
    struct searching *searching = request->state;

    searching->scopes.found = scopes_found;
    search_scopes_find(request, &searching->scopes);
}

/* --- waiting for the index ----------------------------------------------------------------------
 */

/* A partition whose index is being made anew is not waited for: that takes minutes. */
static bool is_indexed(const struct search_state *search, const uint64_t *wanted)
{
    const struct cc_engine *engine = search->engine;

    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (search->partitions[i].indexed < wanted[i] && !search->partitions[i].rebuild &&
            partition_is_running(&engine->partitions[i]))
            return false;
    return true;
}

static void wait_arm(struct search_state *search)
{
    if (search->waiting)
        timer_set(&search->engine->timers, &search->wait_timer, search->waiting->deadline);
}

/* Stands in the line until the index has what has been applied by now. */
static int wait_begin(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct search_state *search = engine->search_state;
    struct search_wait *wait = arena_alloc(
        &request->arena, sizeof *wait + engine->partition_count * sizeof wait->wanted[0]);

    if (!wait)
        return CC_ENOMEM;
    wait->next = NULL;
    wait->request = request;
    wait->deadline = engine->now.mono_ms + SEARCH_WAIT_MS;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        wait->wanted[i] = engine->partitions[i].applied;
    *search->waiting_last = wait;
    search->waiting_last = &wait->next;
    search_index_hurry(search);
    wait_arm(search);
    return 0;
}

/* Those of the line that need not wait any longer. What waits longer, came later: but for what is
 * of another partition, which does no harm. */
static void wake_waiting(struct search_state *search)
{
    const struct cc_engine *engine = search->engine;

    while (search->waiting) {
        struct search_wait *wait = search->waiting;

        if (engine->state == ENGINE_RUNNING && engine->now.mono_ms < wait->deadline &&
            !is_indexed(search, wait->wanted))
            break;
        search->waiting = wait->next;
        if (!search->waiting)
            search->waiting_last = &search->waiting;
        begin(wait->request);
    }
    wait_arm(search);
}

static bool search_may_start(const struct cc_engine *engine)
{
    return engine->knows_partitions && engine->state == ENGINE_RUNNING;
}

void search_step(struct cc_engine *engine)
{
    struct search_state *search = engine->search_state;

    if (search) {
        if (!search->is_started && search_may_start(engine))
            search_index_start(search);
        wake_waiting(search);
    } else if (!engine->has_given_up_search && atomic_load(&engine->is_ready)) {
        search_index_give_up(engine);
    }
}

void search_command(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct search_state *search = engine->search_state;
    const struct cc_command *command = request->command;
    struct searching *searching;
    uint64_t before;

    if (!search) {
        request_fail_text(request, CC_ENOTSUP, slice_str("this engine has no search index"), 0);
        return;
    }
    if (!command->text.size || !read_cursor(command->cursor, &before) ||
        command->text.size > SEARCH_TEXT_MAX) {
        request_fail(request, command->text.size > SEARCH_TEXT_MAX ? CC_ETOOLARGE : CC_EINVAL);
        return;
    }
    searching = arena_alloc(&request->arena, sizeof *searching);
    if (!searching || search->queries >= SEARCH_QUERIES_MAX) {
        request_fail(request, searching ? CC_EBUSY : CC_ENOMEM);
        return;
    }
    memset(searching, 0, sizeof *searching);
    searching->before = before;
    searching->limit = lists_limit(command->limit, SEARCH_LIMIT, SEARCH_LIMIT_MAX);
    request->state = searching;
    search->queries++;
    if (wait_begin(request) != 0)
        end(request, CC_ENOMEM);
}
