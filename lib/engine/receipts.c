/*
 * The commands: access → head → what is behind → known cursors → store → telling → reply.
 */
#include "engine/receipts.h"

#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/groups.h"
#include "engine/mark.h"
#include "engine/notify.h"
#include "engine/receipts_state.h"
#include "engine/unread.h"
#include "engine/user_privacy.h"

/* A command writes the user's cursor, the device's, and what is unread (unread.h). */
#define CURSORS_EACH 3

/* One command under way: request->state. */
struct move {
    struct list_link link; /* in receipts.waiting or receipts.writing */
    struct request *request;
    struct timer timer; /* the store is looked at again */
    int tries;
    uint64_t delivered;
    uint64_t read;
    struct unread_place known; /* not below `read` */
    uint64_t seen;             /* of the conversation's `said`, up to `read` */
    enum cc_conversation_kind kind;
    uint32_t member_count;
    bool is_silent; /* one of the two has blocked the other: the peer is not told */
};

static struct move *move_of(struct list_link *link)
{
    return container_of(link, struct move, link);
}

static void move_end(struct move *move, int status)
{
    struct request *request = move->request;
    struct cc_engine *engine = request_engine(request);

    engine->receipts->moves--;
    mem_free(&engine->allocator, move);
    if (status)
        request_fail(request, status);
    else
        request_reply_empty(request);
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void note_moved(struct cc_engine *engine, const struct move *move, struct list *moved)
{
    struct request *request = move->request;
    struct readers *readers = &engine->receipts->readers;
    struct reader *reader = reader_get(readers, engine, request->conversation, request->user->name);

    if (move->read && (!reader || move->read > reader->read))
        notify_read(engine, request->user->name, request->conversation, move->read);
    if (move->delivered && (!reader || move->delivered > reader->delivered))
        notify_delivered(engine, request->user->name, request->conversation, move->delivered);
    if (!reader || (move->delivered <= reader->delivered && move->read <= reader->read))
        return; /* without memory nobody is told; it is stored all the same */
    if (move->delivered > reader->delivered)
        reader->delivered = move->delivered;
    if (move->read > reader->read)
        reader->read = move->read;
    reader->kind = move->kind;
    reader->member_count = move->member_count;
    reader->is_silent = move->is_silent;
    reader->hides_read = request->user->privacy.read_marks == CC_READ_MARKS_PRIVATE;
    if (!list_is_linked(&reader->moved)) {
        reader->mover = request->session;
        list_add(moved, &reader->moved);
    } else if (reader->mover != request->session) {
        reader->mover = NULL;
    }
}

static void tell_moved(struct cc_engine *engine, struct list *moved)
{
    struct list_link *link;

    while ((link = list_first(moved)) != NULL) {
        struct reader *reader = container_of(link, struct reader, moved);

        list_remove(link);
        reader_tell(&engine->receipts->readers, reader);
        reader->mover = NULL;
    }
}

static void written(struct cc_op *op)
{
    struct receipts *receipts = container_of(op, struct receipts, write.op);
    struct cc_engine *engine = receipts->engine;
    struct list_link *link;
    struct list moved;

    engine_op_done(engine, op);
    cc_op_release(op);
    receipts->is_writing = false;
    list_init(&moved);
    for (link = list_first(&receipts->writing); link && !op->status;
         link = list_next(&receipts->writing, link))
        note_moved(engine, move_of(link), &moved);
    tell_moved(engine, &moved);
    while ((link = list_first(&receipts->writing)) != NULL) {
        list_remove(link);
        move_end(move_of(link), op->status);
    }
}

static void fail_waiting(struct receipts *receipts, int status)
{
    struct list_link *link;

    while ((link = list_first(&receipts->waiting)) != NULL) {
        list_remove(link);
        move_end(move_of(link), status);
    }
    receipts->waiting_count = 0;
}

static void set_cursor(struct cc_store_cursor *cursor, const struct move *move,
                       struct cc_slice device)
{
    cursor->user = move->request->user->name;
    cursor->device = device;
    cursor->conversation = move->request->conversation;
    cursor->delivered = move->delivered;
    cursor->read = move->read;
}

static void set_mark(struct cc_store_cursor *cursor, const struct move *move)
{
    set_cursor(cursor, move, slice_str(MARK_JOIN));
    cursor->delivered = 0;
    cursor->read = move->seen;
}

/* Takes all that waits into the array of one write. */
static size_t gather(struct receipts *receipts)
{
    struct list_link *link;
    size_t count = 0;

    while ((link = list_first(&receipts->waiting)) != NULL) {
        const struct move *move = move_of(link);

        list_remove(link);
        list_add(&receipts->writing, link);
        set_cursor(&receipts->cursors[count++], move, slice_of(NULL, 0));
        if (move->request->session->device.size)
            set_cursor(&receipts->cursors[count++], move, move->request->session->device);
        if (move->read)
            set_mark(&receipts->cursors[count++], move);
    }
    receipts->waiting_count = 0;
    return count;
}

void receipts_step(struct cc_engine *engine)
{
    struct receipts *receipts = engine->receipts;
    void *cursors = receipts->cursors;
    int r;

    if (receipts->is_writing || !receipts->waiting_count)
        return;
    r = mem_reserve(&engine->allocator, &cursors, &receipts->capacity,
                    CURSORS_EACH * receipts->waiting_count, sizeof *receipts->cursors);
    receipts->cursors = cursors;
    if (r) {
        fail_waiting(receipts, r);
        return;
    }
    memset(&receipts->write, 0, sizeof receipts->write);
    receipts->write.count = gather(receipts);
    receipts->write.cursors = receipts->cursors;
    receipts->is_writing = true;
    engine_op_begin(engine, &receipts->write.op, written);
    engine->store.vtable->write_cursors(engine->store.self, &receipts->write);
}

static void enqueue(struct move *move)
{
    struct receipts *receipts = request_engine(move->request)->receipts;

    list_add(&receipts->waiting, &move->link);
    receipts->waiting_count++;
}

/* --- what is known of the user ----------------------------------------------------------------
 */

static void cursors_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    const struct cc_store_read_cursors *op = &request->op.cursors;
    struct move *move = request->state;
    struct reader *reader = NULL;

    if (!status)
        reader = reader_get(&engine->receipts->readers, engine, request->conversation,
                            request->user->name);
    if (!status && !reader)
        status = CC_ENOMEM;
    if (!status && op->ret_count && !reader->delivered) {
        reader->delivered = reader->told_delivered = op->ret_cursors[0].delivered;
        reader->read = reader->told_read = op->ret_cursors[0].read;
    }
    cc_op_release(&request->op.op);
    if (status)
        move_end(move, status);
    else
        enqueue(move);
}

static void read_cursors(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_cursors *op = &request->op.cursors;

    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->conversations = &request->conversation;
    op->count = 1;
    op->limit = 1;
    request_op_begin(request, cursors_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

static void move_counted(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    if (reader_find(&engine->receipts->readers, request->conversation, request->user->name))
        enqueue(request->state);
    else
        read_cursors(request);
}

/* --- what is behind ----------------------------------------------------------------------------
 */

static void rows_read(struct request *request, int status)
{
    struct move *move = request->state;

    if (!status)
        status = unread_count_back(&request_engine(request)->allocator, &move->known,
                                   &request->op.rows, &move->seen);
    cc_op_release(&request->op.op);
    if (status)
        move_end(move, status);
    else
        move_counted(request);
}

static void count_back(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct move *move = request->state;
    struct cc_store_read_rows *op = &request->op.rows;

    memset(&request->op, 0, sizeof request->op);
    op->conversation = request->conversation;
    op->from = move->read + 1;
    op->to = move->known.seq;
    op->limit = UNREAD_ROWS_MAX;
    request_op_begin(request, rows_read);
    engine->store.vtable->read_rows(engine->store.self, op);
}

static void move_to(struct request *request, struct unread_place known)
{
    struct move *move = request->state;
    uint64_t seq = request->command->seq;

    move->delivered = seq < known.seq ? seq : known.seq;
    move->read = request->command->type == CC_COMMAND_READ ? move->delivered : 0;
    move->known = known;
    move->seen = known.said;
    if (!known.seq)
        move_end(move, 0); /* nothing has been said there yet */
    else if (move->read && move->read < known.seq)
        count_back(request);
    else
        move_counted(request);
}

/* --- how far the conversation goes ------------------------------------------------------------
 */

static void head_read(struct request *request, int status);

static void look_again(struct timer *timer, void *context)
{
    struct move *move = container_of(timer, struct move, timer);
    const struct cc_engine *engine = context;

    if (engine->state != ENGINE_RUNNING)
        move_end(move, CC_ECANCELED);
    else
        request_read_head(move->request, head_read);
}

static void head_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct move *move = request->state;
    uint64_t seq = request->command->seq;
    struct unread_place head = {0};

    if (!status) {
        head.seq = request->op.heads.ret_heads[0].seq;
        head.said = request->op.heads.ret_heads[0].said;
    }
    cc_op_release(&request->op.op);
    if (status) {
        move_end(move, status);
        return;
    }
    move->timer.expired = look_again;
    if (seq > head.seq && ++move->tries < RECEIPTS_HEAD_TRIES &&
        timer_set(&engine->timers, &move->timer, engine->now.mono_ms + RECEIPTS_HEAD_RETRY_MS) == 0)
        return;
    move_to(request, head);
}

/* --- the commands ------------------------------------------------------------------------------
 */

/* NULL, and the request has ended, when there are too many or without memory. */
static struct move *move_new(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    bool is_full = engine->receipts->moves >= RECEIPTS_MOVES_MAX;
    struct move *move = is_full ? NULL : mem_zalloc(&engine->allocator, 1, sizeof *move);

    if (!move) {
        request_fail(request, is_full ? CC_EBUSY : CC_ENOMEM);
        return NULL;
    }
    engine->receipts->moves++;
    move->request = request;
    request->state = move;
    return move;
}

static void clamp(struct request *request)
{
    const struct conversation *conversation =
        conversation_find(request_engine(request), request->conversation);

    if (!conversation)
        request_read_head(request, head_read);
    else
        move_to(request, unread_place_near(conversation, request->command->seq));
}

static void peer_checked(struct request *request, int status)
{
    struct move *move = request->state;

    move->is_silent = status == CC_EBLOCKED ||
                      (!status && (request->relation.to_other & CC_RELATION_BLOCKED) != 0);
    if (status && status != CC_EBLOCKED)
        move_end(move, status);
    else
        clamp(request);
}

static void privacy_checked(struct request *request, int status)
{
    struct move *move = request->state;

    if (status)
        move_end(move, status);
    else if (move->kind == CC_KIND_DIRECT)
        groups_check_direct(request, peer_checked);
    else
        clamp(request);
}

static void checked(struct request *request, const struct access *access, int status)
{
    struct move *move;

    if (status) {
        request_fail(request, status);
        return;
    }
    move = move_new(request);
    if (!move)
        return;
    move->kind = access->kind;
    move->member_count = access->member_count;
    user_privacy_check(request, privacy_checked);
}

static void start(struct request *request)
{
    if (!request->command->seq)
        request_fail(request, CC_EINVAL);
    else
        access_check(request, checked);
}

void receipts_delivered(struct request *request)
{
    start(request);
}

void receipts_read(struct request *request)
{
    start(request);
}

/* --- the module --------------------------------------------------------------------------------
 */

int receipts_init(struct cc_engine *engine)
{
    struct receipts *receipts = mem_zalloc(&engine->allocator, 1, sizeof *receipts);

    if (!receipts)
        return CC_ENOMEM;
    receipts->engine = engine;
    readers_init(&receipts->readers);
    list_init(&receipts->waiting);
    list_init(&receipts->writing);
    engine->receipts = receipts;
    return 0;
}

void receipts_deinit(struct cc_engine *engine)
{
    if (!engine->receipts)
        return;
    readers_deinit(&engine->receipts->readers, engine);
    mem_free(&engine->allocator, engine->receipts->cursors);
    mem_free(&engine->allocator, engine->receipts);
    engine->receipts = NULL;
}

bool receipts_is_idle(const struct cc_engine *engine)
{
    return engine->receipts->moves == 0;
}
