/*
 * Loading: head → directory → pages of members → waiters. The steps are one operation each.
 *
 * The members are those of the version that the head had applied, not of now: what came since
 * stands in the log behind the head and will be applied from there.
 */
#include "engine/conversation_load.h"

#include "chatcore/error.h"
#include "engine/partition.h"

/* Members a page: one page for nearly every group. */
#define LOAD_MEMBERS_PAGE 1000

struct conversation_load {
    struct conversation *conversation;
    struct conversation_waiter *waiters; /* being told: they may wait anew */
    union {
        struct cc_op op;
        struct cc_store_read_heads heads;
        struct cc_directory_conversation directory;
        struct cc_directory_members members;
    } op;
    char after[CC_NAME_MAX];
    void (*step)(struct conversation_load *load, int status);
};

static void load_completed(struct cc_op *op)
{
    struct conversation_load *load = container_of(op, struct conversation_load, op.op);

    engine_op_done(load->conversation->engine, op);
    load->step(load, op->status);
}

static void load_submit(struct conversation_load *load,
                        void (*step)(struct conversation_load *load, int status))
{
    load->step = step;
    engine_op_begin(load->conversation->engine, &load->op.op, load_completed);
}

static void load_end(struct conversation_load *load, int status)
{
    struct conversation *conversation = load->conversation;
    struct cc_engine *engine = conversation->engine;
    struct conversation_waiter *waiter = conversation->waiters;

    mem_free(&engine->allocator, load);
    conversation->load = NULL;
    conversation->partition->operations--;
    conversation->waiters = NULL;
    conversation->waiters_last = &conversation->waiters;
    conversation->is_loaded = status == 0;
    conversation->refs++; /* over the waiters */
    while (waiter) {
        struct conversation_waiter *next = waiter->next;

        waiter->loaded(waiter, status ? NULL : conversation, status);
        waiter = next;
    }
    conversation->refs--;
    /* A failed load and a conversation that nobody made leave nothing behind. */
    if (!conversation->refs && !conversation->waiters && !conversation->load &&
        (status || (!conversation->is_known && !conversation->head_is_dirty)))
        conversation_free(conversation);
    else
        conversation_touch(conversation);
}

static void members_read(struct conversation_load *load, int status);

static void read_members(struct conversation_load *load, struct cc_slice after)
{
    struct conversation *conversation = load->conversation;
    struct cc_engine *engine = conversation->engine;

    memcpy(load->after, after.data ? after.data : "", after.size);
    after.data = load->after;
    memset(&load->op, 0, sizeof load->op);
    load->op.members.conversation = conversation->id;
    load->op.members.at_version = conversation->member_version;
    load->op.members.after = after;
    load->op.members.limit = LOAD_MEMBERS_PAGE;
    load_submit(load, members_read);
    engine->directory.vtable->members(engine->directory.self, &load->op.members);
}

static void members_read(struct conversation_load *load, int status)
{
    struct cc_directory_members *members = &load->op.members;
    struct cc_slice last = slice_of(NULL, 0);
    char last_bytes[CC_NAME_MAX];
    bool more = !status && members->ret_more && members->ret_count;

    for (size_t i = 0; !status && i < members->ret_count; i++)
        status = conversation_put_member(load->conversation, members->ret_members[i].user,
                                         members->ret_members[i].role);
    if (more) {
        last = members->ret_members[members->ret_count - 1].user;
        memcpy(last_bytes, last.data, last.size);
        last.data = last_bytes;
    }
    cc_op_release(&members->op);
    if (!status && more)
        read_members(load, last);
    else
        load_end(load, status);
}

static void directory_read(struct conversation_load *load, int status)
{
    struct conversation *conversation = load->conversation;
    struct cc_conversation *found = &load->op.directory.ret_conversation;

    if (!status) {
        conversation->kind = found->kind;
        conversation->created = found->created;
        status = slice_copy(&conversation->engine->allocator, found->name, &conversation->name);
        cc_op_release(&load->op.op);
    }
    if (!status)
        read_members(load, slice_of(NULL, 0));
    else
        load_end(load, status);
}

static void head_read(struct conversation_load *load, int status)
{
    struct conversation *conversation = load->conversation;
    struct cc_engine *engine = conversation->engine;

    if (!status) {
        const struct cc_store_head *head = load->op.heads.ret_heads;

        conversation->seq = head->seq;
        conversation->offset = head->offset;
        conversation->member_version = head->member_version;
        conversation->ts = head->ts;
        conversation->is_known = head->member_version > 0;
    }
    cc_op_release(&load->op.op);
    if (status || !conversation->is_known) { /* not created, as far as the log has been applied */
        load_end(load, status);
        return;
    }
    memset(&load->op, 0, sizeof load->op);
    load->op.directory.conversation = conversation->id;
    load_submit(load, directory_read);
    engine->directory.vtable->conversation(engine->directory.self, &load->op.directory);
}

int conversation_load_start(struct conversation *conversation)
{
    struct cc_engine *engine = conversation->engine;
    struct conversation_load *load = mem_zalloc(&engine->allocator, 1, sizeof *load);

    if (!load)
        return CC_ENOMEM;
    load->conversation = conversation;
    conversation->load = load;
    conversation->partition->operations++; /* it is not forgotten meanwhile */
    load->op.heads.conversations = &conversation->id;
    load->op.heads.count = 1;
    load_submit(load, head_read);
    engine->store.vtable->read_heads(engine->store.self, &load->op.heads);
    return 0;
}

static struct conversation *conversation_new(struct cc_engine *engine, struct cc_slice id)
{
    struct conversation *conversation = mem_zalloc(&engine->allocator, 1, sizeof *conversation);

    if (!conversation)
        return NULL;
    memcpy(conversation->id_bytes, id.data, id.size);
    conversation->id = slice_of(conversation->id_bytes, id.size);
    conversation->engine = engine;
    conversation->partition = partition_of(engine, id);
    conversation->waiters_last = &conversation->waiters;
    HASH_ADD_KEYPTR(hh, engine->conversations, conversation->id.data, conversation->id.size,
                    conversation);
    if (conversation->hh.tbl)
        return conversation;
    mem_free(&engine->allocator, conversation);
    return NULL;
}

int conversation_get(struct cc_engine *engine, struct cc_slice id,
                     struct conversation_waiter *waiter, struct conversation **ret_conversation)
{
    struct conversation *conversation = NULL;

    HASH_FIND(hh, engine->conversations, id.data, id.size, conversation);
    if (conversation && conversation->is_loaded) {
        *ret_conversation = conversation;
        return 0;
    }
    if (!conversation) {
        conversation = conversation_new(engine, id);
        if (!conversation)
            return CC_ENOMEM;
        if (conversation_load_start(conversation) != 0) {
            conversation_free(conversation);
            return CC_ENOMEM;
        }
    }
    waiter->next = NULL;
    *conversation->waiters_last = waiter;
    conversation->waiters_last = &waiter->next;
    return 1;
}
