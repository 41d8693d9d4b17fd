/*
 * Access checks: from the loaded conversation, or from the directory.
 */
#include "engine/access.h"

#include "chatcore/error.h"
#include "engine/partition.h"
#include "engine/user.h"

struct access_wait {
    struct request *request;
    struct conversation_waiter waiter;
    void (*checked)(struct request *request, const struct access *access, int status);
};

typedef void (*access_checked)(struct request *request, const struct access *access, int status);

static void answer_from(struct request *request, struct conversation *conversation,
                        access_checked checked)
{
    struct access access = {0};
    const struct member_entry *member;

    if (!conversation->is_known) {
        checked(request, NULL, CC_ENOTFOUND);
        return;
    }
    member = request->user ? conversation_member(conversation, request->user->name) : NULL;
    if (!member) {
        checked(request, NULL, CC_ENOTFOUND);
        return;
    }
    access.exists = true;
    access.is_member = true;
    access.role = member->role;
    access.kind = conversation->kind;
    access.member_count = conversation_member_count(conversation);
    access.conversation = conversation;
    conversation_ref(conversation);
    checked(request, &access, 0);
    conversation_unref(conversation);
}

static void loaded(struct conversation_waiter *waiter, struct conversation *conversation,
                   int status)
{
    struct access_wait *wait = container_of(waiter, struct access_wait, waiter);
    struct request *request = wait->request;
    access_checked checked = wait->checked;

    mem_free(&request_engine(request)->allocator, wait);
    if (status)
        checked(request, NULL, status);
    else
        answer_from(request, conversation, checked);
}

static void check_here(struct request *request, access_checked checked)
{
    struct cc_engine *engine = request_engine(request);
    struct conversation *conversation = conversation_find(engine, request->conversation);
    struct access_wait *wait;
    int r;

    if (conversation) {
        answer_from(request, conversation, checked);
        return;
    }
    wait = mem_zalloc(&engine->allocator, 1, sizeof *wait);
    if (!wait) {
        checked(request, NULL, CC_ENOMEM);
        return;
    }
    wait->request = request;
    wait->checked = checked;
    wait->waiter.loaded = loaded;
    r = conversation_get(engine, request->conversation, &wait->waiter, &conversation);
    if (r != 1)
        loaded(&wait->waiter, conversation, r);
}

static void member_read(struct request *request, int status)
{
    struct cc_directory_member *member = &request->op.member;
    access_checked checked = request->access_checked;
    struct access access = {0};

    if (!status && !member->ret_is_member)
        status = CC_ENOTFOUND;
    if (!status) {
        access.exists = true;
        access.is_member = true;
        access.role = member->ret_member.role;
        access.kind = member->ret_conversation.kind;
        access.member_count = member->ret_conversation.member_count;
        access.since_version = member->ret_member.since_version;
    }
    cc_op_release(&member->op);
    checked(request, status ? NULL : &access, status);
}

static void check_elsewhere(struct request *request, access_checked checked)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_member *member = &request->op.member;

    memset(member, 0, sizeof *member);
    member->conversation = request->conversation;
    member->user = request->user->name;
    request->access_checked = checked;
    request_op_begin(request, member_read);
    engine->directory.vtable->member(engine->directory.self, member);
}

void access_check(struct request *request, access_checked checked)
{
    struct cc_engine *engine = request_engine(request);

    if (!name_is_valid(request->conversation))
        checked(request, NULL, CC_EINVAL);
    else if (partition_is_running(partition_of(engine, request->conversation)))
        check_here(request, checked);
    else
        check_elsewhere(request, checked);
}
