/*
 * Reading the memory directory's conversations: members as of a version, lists of memberships,
 * outboxes. Answers are copies: the tables may change while the engine still reads them.
 */
#include "backends/memory/directory.h"
#include "chatcore/error.h"

struct directory_conversation *directory_conversation_find(const struct memory_directory *directory,
                                                           struct cc_slice id)
{
    struct tree_node *node = tree_find(&directory->conversations, id);

    return node ? tree_owner(node, struct directory_conversation, node) : NULL;
}

struct directory_member *directory_member_find(const struct directory_conversation *conversation,
                                               struct cc_slice user)
{
    struct tree_node *node = tree_find(&conversation->members, user);

    return node ? tree_owner(node, struct directory_member, node) : NULL;
}

struct directory_tenure *directory_member_present(const struct directory_member *member)
{
    return member->newest && !member->newest->to ? member->newest : NULL;
}

int directory_conversation_copy(struct answer *answer, const struct directory_conversation *from,
                                struct cc_conversation *to)
{
    int r = answer_copy(answer, from->node.key, &to->id);

    if (!r)
        r = answer_copy(answer, from->name, &to->name);
    to->kind = from->kind;
    to->version = from->version;
    to->member_count = from->member_count;
    to->created = from->created;
    to->was_large = from->was_large;
    to->retention_s = from->retention_s;
    return r;
}

static int member_copy(struct answer *answer, const struct directory_tenure *from,
                       struct cc_member *to)
{
    to->role = from->role;
    to->since_version = from->since;
    return answer_copy(answer, from->member->node.key, &to->user);
}

void directory_conversation_get(void *self, struct cc_directory_conversation *op)
{
    struct memory_directory *directory = self;
    struct directory_conversation *found = directory_conversation_find(directory, op->conversation);
    struct answer *answer = found ? answer_new(directory->allocator, 0) : NULL;
    struct cc_conversation copy;
    int r = found ? CC_ENOMEM : CC_ENOTFOUND;

    if (answer)
        r = directory_conversation_copy(answer, found, &copy);
    if (!r)
        op->ret_conversation = copy;
    answer_done(answer, &op->op, r);
}

void directory_member_get(void *self, struct cc_directory_member *op)
{
    struct memory_directory *directory = self;
    struct directory_conversation *found = directory_conversation_find(directory, op->conversation);
    struct directory_member *member = found ? directory_member_find(found, op->user) : NULL;
    struct directory_tenure *tenure = member ? directory_member_present(member) : NULL;
    struct answer *answer = found ? answer_new(directory->allocator, 0) : NULL;
    struct cc_conversation copy;
    struct cc_member member_value = {{0}, CC_ROLE_MEMBER, 0};
    int r = found ? CC_ENOMEM : CC_ENOTFOUND;

    if (answer)
        r = directory_conversation_copy(answer, found, &copy);
    if (!r && tenure)
        r = member_copy(answer, tenure, &member_value);
    if (!r) {
        op->ret_conversation = copy;
        op->ret_is_member = tenure != NULL;
        op->ret_member = member_value;
        op->ret_muted_until = tenure ? member->muted_until : 0;
    }
    answer_done(answer, &op->op, r);
}

/* --- members --- */

/* What a member was as of a version (0: now); NULL when it was none. */
static struct directory_tenure *tenure_at(const struct directory_member *member, uint64_t version)
{
    struct directory_tenure *tenure = member->newest;

    if (!version)
        return directory_member_present(member);
    while (tenure && tenure->from > version)
        tenure = tenure->older;
    return tenure && (!tenure->to || tenure->to > version) ? tenure : NULL;
}

/* The first tenure at or after this node that was there as of the version; moves the node to it. */
static struct directory_tenure *tenure_from(struct tree_node **node, uint64_t version)
{
    for (; *node; *node = tree_next(*node)) {
        struct directory_tenure *tenure =
            tenure_at(tree_owner(*node, struct directory_member, node), version);

        if (tenure)
            return tenure;
    }
    return NULL;
}

static int members_fill(struct answer *answer, struct directory_conversation *conversation,
                        struct cc_directory_members *op)
{
    struct tree_node *node = tree_above(&conversation->members, op->after);
    struct tree_node *first = node;
    struct cc_member *members;
    size_t count = 0;
    bool more;

    for (; count < op->limit && tenure_from(&node, op->at_version); count++)
        node = tree_next(node);
    more = tenure_from(&node, op->at_version) != NULL;
    members = answer_array(answer, count, sizeof *members);
    if (!members)
        return CC_ENOMEM;
    node = first;
    for (size_t i = 0; i < count; i++) {
        if (member_copy(answer, tenure_from(&node, op->at_version), &members[i]))
            return CC_ENOMEM;
        node = tree_next(node);
    }
    op->ret_members = members;
    op->ret_count = count;
    op->ret_more = more;
    return 0;
}

void directory_members(void *self, struct cc_directory_members *op)
{
    struct memory_directory *directory = self;
    struct directory_conversation *found = directory_conversation_find(directory, op->conversation);
    struct answer *answer = found ? answer_new(directory->allocator, 0) : NULL;
    int r = found ? CC_ENOMEM : CC_ENOTFOUND;

    if (answer)
        r = members_fill(answer, found, op);
    answer_done(answer, &op->op, r);
}

/* --- memberships --- */

static int membership_copy(struct answer *answer, const struct directory_member *from,
                           struct cc_membership *to)
{
    int r = directory_conversation_copy(answer, from->conversation, &to->conversation);

    if (!r)
        r = member_copy(answer, from->newest, &to->member);
    to->muted_until = from->muted_until;
    return r;
}

static int memberships_fill(struct answer *answer, struct tree_node *first,
                            struct cc_directory_memberships *op)
{
    struct tree_node *node = first;
    struct cc_membership *memberships;
    size_t count = 0;
    bool more;

    for (; node && count < op->limit; count++)
        node = tree_next(node);
    more = node != NULL;
    memberships = answer_array(answer, count, sizeof *memberships);
    if (!memberships)
        return CC_ENOMEM;
    node = first;
    for (size_t i = 0; i < count; i++, node = tree_next(node))
        if (membership_copy(answer, tree_owner(node, struct directory_member, by_user),
                            &memberships[i]))
            return CC_ENOMEM;
    op->ret_memberships = memberships;
    op->ret_count = count;
    op->ret_more = more;
    return 0;
}

void directory_memberships(void *self, struct cc_directory_memberships *op)
{
    struct memory_directory *directory = self;
    struct directory_user *user = directory_user_find(directory, op->user);
    struct tree_node *first = user ? tree_above(&user->memberships, op->after) : NULL;
    struct answer *answer = answer_new(directory->allocator, 0);

    answer_done(answer, &op->op, answer ? memberships_fill(answer, first, op) : CC_ENOMEM);
}

/* --- those with a retention --- */

/* The first of them at or after this node; the node is moved to it. */
static struct directory_conversation *retained_from(struct tree_node **node)
{
    for (; *node; *node = tree_next(*node)) {
        struct directory_conversation *found =
            tree_owner(*node, struct directory_conversation, node);

        if (found->retention_s)
            return found;
    }
    return NULL;
}

static int retained_fill(struct answer *answer, struct tree_node *first,
                         struct cc_directory_retained *op)
{
    struct tree_node *node = first;
    struct cc_conversation *conversations;
    size_t count = 0;
    bool more;

    for (; count < op->limit && retained_from(&node); count++)
        node = tree_next(node);
    more = retained_from(&node) != NULL;
    conversations = answer_array(answer, count, sizeof *conversations);
    if (!conversations)
        return CC_ENOMEM;
    node = first;
    for (size_t i = 0; i < count; i++, node = tree_next(node))
        if (directory_conversation_copy(answer, retained_from(&node), &conversations[i]))
            return CC_ENOMEM;
    op->ret_conversations = conversations;
    op->ret_count = count;
    op->ret_more = more;
    return 0;
}

void directory_retained(void *self, struct cc_directory_retained *op)
{
    struct memory_directory *directory = self;
    struct answer *answer = answer_new(directory->allocator, 0);
    struct tree_node *first = tree_above(&directory->conversations, op->after);

    answer_done(answer, &op->op, answer ? retained_fill(answer, first, op) : CC_ENOMEM);
}

/* --- outboxes --- */

static int entry_copy(struct answer *answer, const struct directory_entry *from,
                      struct cc_outbox_entry *to)
{
    int r = answer_copy(answer, from->conversation->node.key, &to->conversation);

    to->version = from->version;
    return r ? r : answer_copy(answer, slice_of(from->payload, from->size), &to->payload);
}

static int outbox_fill(struct answer *answer, const struct directory_entry *first,
                       struct cc_directory_outbox *op)
{
    const struct directory_entry *entry = first;
    struct cc_outbox_entry *entries;
    size_t count = 0;
    bool more;

    for (; entry && count < op->limit; count++)
        entry = entry->next;
    more = entry != NULL;
    entries = answer_array(answer, count, sizeof *entries);
    if (!entries)
        return CC_ENOMEM;
    entry = first;
    for (size_t i = 0; i < count; i++, entry = entry->next)
        if (entry_copy(answer, entry, &entries[i]))
            return CC_ENOMEM;
    op->ret_entries = entries;
    op->ret_count = count;
    op->ret_more = more;
    return 0;
}

void directory_outbox_get(void *self, struct cc_directory_outbox *op)
{
    struct memory_directory *directory = self;
    struct tree_node *node =
        tree_find(&directory->outboxes, slice_of(&op->partition, sizeof op->partition));
    struct directory_outbox *outbox = node ? tree_owner(node, struct directory_outbox, node) : NULL;
    struct answer *answer = answer_new(directory->allocator, 0);

    answer_done(answer, &op->op,
                answer ? outbox_fill(answer, outbox ? outbox->oldest : NULL, op) : CC_ENOMEM);
}
