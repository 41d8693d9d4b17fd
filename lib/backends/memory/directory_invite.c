/*
 * The memory directory's invitations, and who may not come back by one.
 */
#include "backends/directory_check.h"
#include "backends/memory/directory.h"
#include "chatcore/error.h"

static struct directory_invitation *in_conversation(struct tree_node *node)
{
    return node ? tree_owner(node, struct directory_invitation, by_conversation) : NULL;
}

static struct directory_invitation *in_directory(struct tree_node *node)
{
    return node ? tree_owner(node, struct directory_invitation, node) : NULL;
}

struct directory_invitation *
directory_invitation_find(const struct directory_conversation *conversation, struct cc_slice token)
{
    return in_conversation(tree_find(&conversation->invitations, token));
}

/* --- making and taking away --- */

static struct cc_slice append(char **at, struct cc_slice from)
{
    struct cc_slice copy = slice_of(*at, from.size);

    memcpy(*at, from.data, from.size);
    *at += from.size;
    return copy;
}

static struct directory_invitation *invitation_new(const struct cc_allocator *allocator,
                                                   const struct cc_invitation *from)
{
    struct directory_invitation *made =
        mem_zalloc(allocator, 1,
                   sizeof *made + from->token.size + from->conversation.size + from->creator.size);
    char *at;

    if (!made)
        return NULL;
    at = made->bytes;
    made->invitation = *from;
    made->invitation.uses = 0;
    made->invitation.token = append(&at, from->token);
    made->invitation.conversation = append(&at, from->conversation);
    made->invitation.creator = append(&at, from->creator);
    return made;
}

static void invitation_free(struct memory_directory *directory, struct directory_invitation *gone)
{
    tree_remove(&directory->invitations, &gone->node);
    tree_remove(&gone->to->invitations, &gone->by_conversation);
    mem_free(directory->allocator, gone);
}

static size_t count_held(const struct directory_conversation *conversation, int64_t now)
{
    size_t count = 0;

    for (const struct tree_node *node = tree_first(&conversation->invitations); node;
         node = tree_next(node))
        count += !directory_has_ended(
            &tree_owner(node, const struct directory_invitation, by_conversation)->invitation, now);
    return count;
}

static void forget_ended(struct memory_directory *directory,
                         struct directory_conversation *conversation, int64_t now)
{
    struct tree_node *next;

    for (struct tree_node *node = tree_first(&conversation->invitations); node; node = next) {
        struct directory_invitation *one = in_conversation(node);

        next = tree_next(node);
        if (directory_has_ended(&one->invitation, now))
            invitation_free(directory, one);
    }
}

static int invite(struct memory_directory *directory, const struct cc_directory_invite *op)
{
    const struct cc_invitation *wanted = &op->invitation;
    struct directory_conversation *conversation;
    struct directory_invitation *made;
    int r = directory_check_invitation(wanted);

    if (r)
        return r;
    conversation = directory_conversation_find(directory, wanted->conversation);
    if (!conversation)
        return CC_ENOTFOUND;
    if (tree_find(&directory->invitations, wanted->token))
        return CC_EEXISTS;
    if (count_held(conversation, op->now) >= CC_INVITATIONS_MAX)
        return CC_ETOOLARGE;
    made = invitation_new(directory->allocator, wanted);
    if (!made)
        return CC_ENOMEM;
    forget_ended(directory, conversation, op->now);
    made->to = conversation;
    tree_insert(&directory->invitations, &made->node, made->invitation.token);
    tree_insert(&conversation->invitations, &made->by_conversation, made->invitation.token);
    return 0;
}

void directory_invite(void *self, struct cc_directory_invite *op)
{
    answer_done(NULL, &op->op, invite(self, op));
}

void directory_uninvite(void *self, struct cc_directory_uninvite *op)
{
    struct directory_conversation *conversation =
        directory_conversation_find(self, op->conversation);
    struct directory_invitation *found =
        conversation ? directory_invitation_find(conversation, op->token) : NULL;

    if (found)
        invitation_free(self, found);
    answer_done(NULL, &op->op, 0);
}

/* --- who is barred --- */

struct directory_barred *directory_barred_new(const struct memory_directory *directory,
                                              struct cc_slice user)
{
    struct directory_barred *barred =
        mem_zalloc(directory->allocator, 1, sizeof *barred + user.size);

    if (!barred)
        return NULL;
    memcpy(barred->name, user.data, user.size);
    barred->node.key = slice_of(barred->name, user.size);
    return barred;
}

void directory_bar(const struct memory_directory *directory,
                   struct directory_conversation *conversation, struct directory_barred *barred)
{
    if (tree_find(&conversation->barred, barred->node.key))
        mem_free(directory->allocator, barred);
    else
        tree_insert(&conversation->barred, &barred->node, barred->node.key);
}

void directory_unbar(const struct memory_directory *directory,
                     struct directory_conversation *conversation, struct cc_slice user)
{
    struct tree_node *node = tree_find(&conversation->barred, user);

    if (!node)
        return;
    tree_remove(&conversation->barred, node);
    mem_free(directory->allocator, tree_owner(node, struct directory_barred, node));
}

void directory_invitations_free(struct memory_directory *directory,
                                struct directory_conversation *conversation)
{
    struct tree_node *node;

    while ((node = tree_first(&conversation->invitations)) != NULL)
        invitation_free(directory, in_conversation(node));
    while ((node = tree_first(&conversation->barred)) != NULL)
        directory_unbar(directory, conversation, node->key);
}

/* --- reading --- */

static int invitation_copy(struct answer *answer, const struct cc_invitation *from,
                           struct cc_invitation *ret_copy)
{
    int r;

    *ret_copy = *from;
    r = answer_copy(answer, from->token, &ret_copy->token);
    if (!r)
        r = answer_copy(answer, from->conversation, &ret_copy->conversation);
    return r ? r : answer_copy(answer, from->creator, &ret_copy->creator);
}

static int read_one(const struct memory_directory *directory, struct answer *answer,
                    struct cc_directory_invitation *op)
{
    struct directory_invitation *found =
        in_directory(tree_find(&directory->invitations, op->token));
    const struct directory_member *member;
    int r;

    if (!found)
        return CC_ENOTFOUND;
    r = directory_conversation_copy(answer, found->to, &op->ret_conversation);
    if (!r)
        r = invitation_copy(answer, &found->invitation, &op->ret_invitation);
    member = directory_member_find(found->to, op->user);
    op->ret_is_member = member && directory_member_present(member);
    op->ret_is_barred = tree_find(&found->to->barred, op->user) != NULL;
    return r;
}

void directory_invitation_get(void *self, struct cc_directory_invitation *op)
{
    const struct memory_directory *directory = self;
    struct answer *answer = answer_new(directory->allocator, 0);

    answer_done(answer, &op->op, answer ? read_one(directory, answer, op) : CC_ENOMEM);
}

static int add(struct answer *answer, struct answer_list *list, const struct cc_invitation *from)
{
    struct cc_invitation *to = answer_list_add(answer, list, sizeof *to);

    return to ? invitation_copy(answer, from, to) : CC_ENOMEM;
}

/* Those that a user made stand among all: this directory is for tests, and small. */
static int read_list(const struct memory_directory *directory, struct answer *answer,
                     struct cc_directory_invitations *op)
{
    const struct directory_conversation *conversation =
        op->conversation.size ? directory_conversation_find(directory, op->conversation) : NULL;
    const struct tree *tree = conversation ? &conversation->invitations : &directory->invitations;
    struct answer_list list = {0};
    int r = 0;

    if (op->conversation.size && !conversation)
        return 0;
    for (struct tree_node *node = tree_above(tree, op->after); !r && node; node = tree_next(node)) {
        const struct directory_invitation *one =
            conversation ? in_conversation(node) : in_directory(node);

        if (!conversation && !slice_equal(one->invitation.creator, op->creator))
            continue;
        op->ret_more = list.count == op->limit;
        if (op->ret_more)
            break;
        r = add(answer, &list, &one->invitation);
    }
    op->ret_invitations = list.items;
    op->ret_count = list.count;
    return r;
}

void directory_invitations(void *self, struct cc_directory_invitations *op)
{
    const struct memory_directory *directory = self;
    struct answer *answer = answer_new(directory->allocator, 0);

    answer_done(answer, &op->op, answer ? read_list(directory, answer, op) : CC_ENOMEM);
}
