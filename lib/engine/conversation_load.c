/*
 * Loading: head → directory → pages of members → waiters. The steps are one operation each.
 *
 * The members are those of the version that the head had applied, not of now: what came since
 * stands in the log behind the head and will be applied from there.
 *
 * The head may also be ahead of this node: an owner that did not know yet that it had lost the
 * partition has written on. Then the conversation is taken back, row by row, to where this node
 * stands; what it applies from there makes the same rows again.
 */
#include "engine/conversation_load.h"

#include "chatcore/error.h"
#include "engine/mark.h"
#include "engine/partition.h"
#include "engine/unread.h"

/* Members a page: one page for nearly every group. */
#define LOAD_MEMBERS_PAGE 1000

/* Rows taken back at once: an owner that lost its partition writes no more than a flush or two. */
#define LOAD_REWIND_PAGE 200

struct conversation_load {
    struct conversation *conversation;
    struct conversation_waiter *waiters; /* being told: they may wait anew */
    union {
        struct cc_op op;
        struct cc_store_read_heads heads;
        struct cc_directory_conversation directory;
        struct cc_directory_members members;
        struct cc_store_read_rows rows;
        struct cc_store_read_cursors cursors;
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

/* --- taking back --------------------------------------------------------------------------------
 */

/* Undoes one change of members. Roles from before are not known: they matter in channels only. */
static int undo_change(struct conversation *conversation, const struct record *record)
{
    const struct cc_message *message = &record->message;
    int r = 0;

    for (size_t i = 0; !r && i < message->user_count; i++) {
        if (message->action == CC_SYSTEM_ADDED)
            conversation_remove_member(conversation, message->users[i]);
        if (message->action == CC_SYSTEM_REMOVED || message->action == CC_SYSTEM_LEFT)
            r = conversation_put_member(conversation, message->users[i], CC_ROLE_MEMBER);
    }
    conversation->member_version = record->member_version - 1;
    conversation->is_known = message->action != CC_SYSTEM_CREATED;
    return r;
}

static int undo_row(struct conversation *conversation, const struct cc_store_row *row)
{
    struct record record;
    struct arena arena;
    int r;

    arena_init(&arena, &conversation->engine->allocator);
    r = record_decode(row->body, &arena, &record);
    if (!r && record.message.kind == CC_MESSAGE_SYSTEM)
        r = undo_change(conversation, &record);
    if (!r && unread_counts(&record.message))
        conversation->said--;
    conversation->seq = row->seq - 1;
    arena_deinit(&arena);
    return r;
}

static void undo_beginning(struct conversation *conversation)
{
    struct member_entry *member;
    struct member_entry *next;

    HASH_ITER(hh, conversation->members, member, next)
    conversation_remove_member(conversation, member->user);
    conversation->member_version = 0;
    conversation->is_known = false;
}

static void beginning_read(struct conversation_load *load, int status)
{
    struct conversation *conversation = load->conversation;
    const struct cc_store_read_cursors *read = &load->op.cursors;
    bool is_ahead = !status && read->ret_count &&
                    read->ret_cursors[0].delivered > conversation->partition->applied;

    cc_op_release(&load->op.op);
    if (is_ahead)
        undo_beginning(conversation);
    conversation->offset = 0;
    load_end(load, status);
}

/* No row is left. A group's first one tells of its making; a direct conversation has none of that
 * kind, so where it began is noted apart. */
static void rewind_beginning(struct conversation_load *load)
{
    struct conversation *conversation = load->conversation;
    struct cc_engine *engine = conversation->engine;
    struct cc_store_read_cursors *read = &load->op.cursors;

    memset(&load->op, 0, sizeof load->op);
    read->user = conversation->id;
    read->device = slice_str(MARK_BEGINNING);
    read->conversations = &conversation->id;
    read->count = 1;
    read->limit = 1;
    load_submit(load, beginning_read);
    engine->store.vtable->read_cursors(engine->store.self, read);
}

static void rewind_rows(struct conversation_load *load);

static void rows_read(struct conversation_load *load, int status)
{
    struct conversation *conversation = load->conversation;
    const struct cc_store_read_rows *rows = &load->op.rows;
    size_t at = status ? 0 : rows->ret_count;

    if (!status && !at)
        status = CC_ECORRUPT;
    while (!status && at && rows->ret_rows[at - 1].offset >= conversation->partition->applied)
        status = undo_row(conversation, &rows->ret_rows[--at]);
    if (!status && at)
        conversation->offset = rows->ret_rows[at - 1].offset;
    cc_op_release(&load->op.op);
    if (status || at)
        load_end(load, status);
    else
        rewind_rows(load);
}

static void rewind_rows(struct conversation_load *load)
{
    struct conversation *conversation = load->conversation;
    struct cc_engine *engine = conversation->engine;
    struct cc_store_read_rows *rows = &load->op.rows;

    if (conversation->offset < conversation->partition->applied) {
        load_end(load, 0);
        return;
    }
    if (!conversation->seq) {
        rewind_beginning(load);
        return;
    }
    memset(&load->op, 0, sizeof load->op);
    rows->conversation = conversation->id;
    rows->from = 1;
    rows->to = conversation->seq;
    rows->limit = LOAD_REWIND_PAGE;
    rows->descending = true;
    load_submit(load, rows_read);
    engine->store.vtable->read_rows(engine->store.self, rows);
}

/* --- members ------------------------------------------------------------------------------------
 */

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
    else if (status)
        load_end(load, status);
    else
        rewind_rows(load);
}

static void directory_read(struct conversation_load *load, int status)
{
    struct conversation *conversation = load->conversation;
    struct cc_conversation *found = &load->op.directory.ret_conversation;

    if (!status) {
        conversation->kind = found->kind;
        conversation->created = found->created;
        mem_free(&conversation->engine->allocator,
                 (char *)conversation->name.data); /* of a load that failed later */
        conversation->name = slice_of(NULL, 0);
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
        conversation->said = head->said;
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
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct conversation *conversation = mem_zalloc(hash_allocator, 1, sizeof *conversation);

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
    mem_free(hash_allocator, conversation);
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
    if (!conversation)
        conversation = conversation_new(engine, id);
    if (!conversation)
        return CC_ENOMEM;
    /* One whose load failed may still be held by somebody: it is tried again. */
    if (!conversation->load && conversation_load_start(conversation) != 0) {
        if (!conversation->refs && !conversation->waiters)
            conversation_free(conversation);
        return CC_ENOMEM;
    }
    waiter->next = NULL;
    *conversation->waiters_last = waiter;
    conversation->waiters_last = &waiter->next;
    return 1;
}
