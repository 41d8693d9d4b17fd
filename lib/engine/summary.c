/*
 * Gathering summaries, and who is told of a change.
 */
#include "engine/summary.h"

#include "chatcore/error.h"
#include "engine/groups_state.h"
#include "engine/mark.h"
#include "engine/push.h"
#include "engine/unread.h"

void summary_init(struct cc_conversation_summary *summary,
                  const struct cc_conversation *conversation, struct cc_slice user)
{
    memset(summary, 0, sizeof *summary);
    summary->conversation = *conversation;
    if (conversation->kind != CC_KIND_DIRECT)
        return;
    summary->peer = direct_peer(conversation->name, user);
    summary->conversation.name = slice_of(NULL, 0);
}

int summary_of_membership(struct arena *arena, const struct cc_membership *membership,
                          struct cc_slice user, struct cc_conversation_summary *ret_summary)
{
    struct cc_conversation conversation = membership->conversation;
    int r = arena_copy(arena, conversation.id, &conversation.id);

    if (!r)
        r = arena_copy(arena, conversation.name, &conversation.name);
    summary_init(ret_summary, &conversation, user);
    ret_summary->role = membership->member.role;
    ret_summary->muted_until = membership->muted_until;
    return r;
}

/* --- gathering ---------------------------------------------------------------------------------
 */

/* The four reads run side by side; their answers are kept until the last has come. */
struct job {
    struct cc_engine *engine;
    struct cc_directory_member member;
    struct cc_store_read_heads heads;
    struct cc_store_read_cursors cursors;
    struct cc_store_read_cursors marks;
    struct unread unread;
    unsigned waiting;
    int status;
    struct cc_slice conversation;
    struct cc_slice user;
    char conversation_bytes[CC_NAME_MAX];
    char user_bytes[CC_NAME_MAX];
};

static void set_head(struct job *job, struct cc_conversation_summary *summary)
{
    const struct conversation *loaded = conversation_find(job->engine, job->conversation);
    const struct cc_store_head *stored = &job->heads.ret_heads[0];

    summary->head = loaded && loaded->seq > stored->seq ? loaded->seq : stored->seq;
    summary->ts = loaded && loaded->seq > stored->seq ? loaded->ts : stored->ts;
}

static void set_cursors(struct job *job, struct cc_conversation_summary *summary)
{
    if (job->cursors.ret_count) {
        summary->delivered = job->cursors.ret_cursors[0].delivered;
        summary->read = job->cursors.ret_cursors[0].read;
    }
    unread_add_head(&job->unread, &job->heads.ret_heads[0]);
    unread_add_loaded(&job->unread, conversation_find(job->engine, job->conversation), job->user);
    if (job->marks.ret_count)
        unread_add_mark(&job->unread, &job->marks.ret_cursors[0]);
    summary->unread = unread_count(&job->unread);
}

static void push_gathered(struct job *job)
{
    struct push push = {.type = CC_EVENT_CONVERSATION};
    struct cc_conversation_summary *summary = &push.u.conversation;

    summary_init(summary, &job->member.ret_conversation, job->user);
    summary->role = job->member.ret_member.role;
    summary->muted_until = job->member.ret_muted_until;
    set_head(job, summary);
    set_cursors(job, summary);
    push_to_user(job->engine, job->user, NULL, &push);
}

static void job_end(struct job *job)
{
    struct cc_engine *engine = job->engine;

    if (!job->status && job->member.ret_is_member)
        push_gathered(job);
    cc_op_release(&job->member.op);
    cc_op_release(&job->heads.op);
    cc_op_release(&job->cursors.op);
    cc_op_release(&job->marks.op);
    engine->groups->summary_jobs--;
    mem_free(&engine->allocator, job);
}

static void part_read(struct job *job, const struct cc_op *op)
{
    engine_op_done(job->engine, op);
    if (op->status)
        job->status = op->status; /* a push is a hint: it is left out */
    if (--job->waiting == 0)
        job_end(job);
}

static void member_read(struct cc_op *op)
{
    part_read(container_of(op, struct job, member.op), op);
}

static void heads_read(struct cc_op *op)
{
    part_read(container_of(op, struct job, heads.op), op);
}

static void cursors_read(struct cc_op *op)
{
    part_read(container_of(op, struct job, cursors.op), op);
}

static void marks_read(struct cc_op *op)
{
    part_read(container_of(op, struct job, marks.op), op);
}

static void read_cursors(struct job *job, struct cc_store_read_cursors *op, struct cc_slice device,
                         void (*read)(struct cc_op *op))
{
    op->user = job->user;
    op->device = device;
    op->conversations = &job->conversation;
    op->count = 1;
    op->limit = 1;
    engine_op_begin(job->engine, &op->op, read);
    job->engine->store.vtable->read_cursors(job->engine->store.self, op);
}

static void job_start(struct job *job)
{
    struct cc_engine *engine = job->engine;

    unread_add_loaded(&job->unread, conversation_find(engine, job->conversation), job->user);
    job->waiting = 4;
    job->member.conversation = job->conversation;
    job->member.user = job->user;
    engine_op_begin(engine, &job->member.op, member_read);
    engine->directory.vtable->member(engine->directory.self, &job->member);
    job->heads.conversations = &job->conversation;
    job->heads.count = 1;
    engine_op_begin(engine, &job->heads.op, heads_read);
    engine->store.vtable->read_heads(engine->store.self, &job->heads);
    read_cursors(job, &job->cursors, slice_of(NULL, 0), cursors_read);
    read_cursors(job, &job->marks, slice_str(MARK_JOIN), marks_read);
}

void summary_push(struct cc_engine *engine, struct cc_slice conversation, struct cc_slice user)
{
    struct job *job;

    if (!push_reaches(engine, user) || engine->state != ENGINE_RUNNING ||
        engine->groups->summary_jobs >= SUMMARY_JOBS_MAX)
        return;
    job = mem_zalloc(&engine->allocator, 1, sizeof *job);
    if (!job)
        return;
    engine->groups->summary_jobs++;
    job->engine = engine;
    memcpy(job->conversation_bytes, conversation.data, conversation.size);
    memcpy(job->user_bytes, user.data, user.size);
    job->conversation = slice_of(job->conversation_bytes, conversation.size);
    job->user = slice_of(job->user_bytes, user.size);
    job_start(job);
}

/* --- who is told -------------------------------------------------------------------------------
 */

static void push_to_all(struct conversation *conversation)
{
    struct member_entry *member;
    struct member_entry *next;

    HASH_ITER(hh, conversation->members, member, next)
    summary_push(conversation->engine, conversation->id, member->user);
}

static void push_to_named(struct conversation *conversation, const struct cc_message *message)
{
    for (size_t i = 0; i < message->user_count; i++)
        summary_push(conversation->engine, conversation->id, message->users[i]);
}

/* Of a conversation that is gone its former member learns no more than that. */
static void push_gone(struct conversation *conversation, const struct cc_message *message)
{
    struct push push = {.type = CC_EVENT_CONVERSATION};

    push.u.conversation.conversation.id = conversation->id;
    push.u.conversation.conversation.kind = conversation->kind;
    push.u.conversation.gone = true;
    push_to_users(conversation->engine, message->users, message->user_count, &push);
}

void groups_changed(struct conversation *conversation, const struct cc_message *message)
{
    switch (message->action) {
    case CC_SYSTEM_CREATED:
        push_to_all(conversation);
        break;
    case CC_SYSTEM_RENAMED:
    case CC_SYSTEM_RETENTION:
        if (conversation_member_count(conversation) <= SUMMARY_MEMBERS_MAX)
            push_to_all(conversation);
        break;
    case CC_SYSTEM_ADDED:
    case CC_SYSTEM_ROLE:
        push_to_named(conversation, message);
        break;
    case CC_SYSTEM_REMOVED:
    case CC_SYSTEM_LEFT:
        push_gone(conversation, message);
        break;
    default:
        break;
    }
}
