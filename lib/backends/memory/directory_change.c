/*
 * Changing the memory directory's conversations.
 *
 * A transaction prepares everything that may fail (memory, checks), and then commits without
 * failing, or is rolled back: nothing that it made can be seen before the commit, because a member
 * without a tenure is nowhere listed.
 */
#include "backends/directory_check.h"
#include "backends/memory/directory.h"
#include "chatcore/error.h"

struct prepared {
    struct directory_member *member;
    struct directory_tenure *tenure; /* the one to begin; NULL where the member only goes */
    struct directory_barred *barred; /* where he may not come back by himself */
};

struct transaction {
    struct memory_directory *directory;
    struct directory_conversation *conversation;
    enum cc_change_kind kind;
    struct directory_entry *entry;
    struct prepared *members;
    size_t count; /* prepared so far */
    bool renames;
    struct cc_slice name; /* allocated */
    uint64_t retention_s; /* as it is to be */
    bool bars;
    struct directory_invitation *invitation; /* that they come by, or NULL */
};

/* --- members and tenures --- */

static struct directory_member *member_new(struct transaction *tx, struct cc_slice name)
{
    const struct cc_allocator *allocator = tx->directory->allocator;
    struct directory_member *member = mem_zalloc(allocator, 1, sizeof *member);
    struct directory_user *user = member ? directory_user_get(tx->directory, name) : NULL;

    if (!user) {
        mem_free(allocator, member);
        return NULL;
    }
    user->histories++;
    member->user = user;
    member->conversation = tx->conversation;
    tree_insert(&tx->conversation->members, &member->node, user->node.key);
    return member;
}

/* Its tenures must have gone. */
static void member_free(struct memory_directory *directory, struct directory_member *member)
{
    tree_remove(&member->conversation->members, &member->node);
    member->user->histories--;
    directory_user_collect(directory, member->user);
    mem_free(directory->allocator, member);
}

static void tenure_begin(struct directory_member *member, struct directory_tenure *tenure,
                         uint64_t version)
{
    tenure->member = member;
    tenure->from = version;
    tenure->older = member->newest;
    if (member->newest)
        member->newest->newer = tenure;
    member->newest = tenure;
}

static void tenure_end(struct directory_tenure *tenure, uint64_t version)
{
    struct directory_conversation *conversation = tenure->member->conversation;

    tenure->to = version;
    *conversation->closed_end = tenure;
    conversation->closed_end = &tenure->next_closed;
}

/* Frees a tenure, and its member if it was the only one. */
static void tenure_forget(struct memory_directory *directory, struct directory_tenure *tenure)
{
    struct directory_member *member = tenure->member;

    if (tenure->older)
        tenure->older->newer = tenure->newer;
    if (tenure->newer)
        tenure->newer->older = tenure->older;
    else
        member->newest = tenure->older;
    mem_free(directory->allocator, tenure);
    if (!member->newest)
        member_free(directory, member);
}

/* --- the outbox --- */

static struct directory_outbox *outbox_get(struct memory_directory *directory, uint32_t partition)
{
    struct tree_node *node =
        tree_find(&directory->outboxes, slice_of(&partition, sizeof partition));
    struct directory_outbox *outbox;

    if (node)
        return tree_owner(node, struct directory_outbox, node);
    outbox = mem_zalloc(directory->allocator, 1, sizeof *outbox);
    if (!outbox)
        return NULL;
    outbox->partition = partition;
    tree_insert(&directory->outboxes, &outbox->node,
                slice_of(&outbox->partition, sizeof outbox->partition));
    return outbox;
}

static int prepare_entry(struct transaction *tx, uint32_t partition, struct cc_slice payload)
{
    struct directory_outbox *outbox = outbox_get(tx->directory, partition);
    struct directory_entry *entry =
        outbox ? mem_zalloc(tx->directory->allocator, 1, sizeof *entry + payload.size) : NULL;

    if (!entry)
        return CC_ENOMEM;
    if (payload.size)
        memcpy(entry->payload, payload.data, payload.size);
    entry->size = payload.size;
    entry->outbox = outbox;
    entry->conversation = tx->conversation;
    tx->entry = entry;
    return 0;
}

static void entry_link(struct directory_entry *entry, uint64_t version)
{
    struct directory_outbox *outbox = entry->outbox;
    struct directory_conversation *conversation = entry->conversation;

    entry->version = version;
    entry->previous = outbox->newest;
    if (outbox->newest)
        outbox->newest->next = entry;
    else
        outbox->oldest = entry;
    outbox->newest = entry;
    *conversation->entries_end = entry;
    conversation->entries_end = &entry->later;
}

/* Takes a conversation's oldest entry out of everything and frees it. */
static void entry_forget(struct memory_directory *directory, struct directory_entry *entry)
{
    struct directory_outbox *outbox = entry->outbox;
    struct directory_conversation *conversation = entry->conversation;

    conversation->entries = entry->later;
    if (!entry->later)
        conversation->entries_end = &conversation->entries;
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        outbox->oldest = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    else
        outbox->newest = entry->previous;
    mem_free(directory->allocator, entry);
}

/* --- transactions --- */

static void rollback(struct transaction *tx)
{
    const struct cc_allocator *allocator = tx->directory->allocator;

    for (size_t i = 0; i < tx->count; i++) {
        struct directory_member *member = tx->members[i].member;

        mem_free(allocator, tx->members[i].tenure);
        mem_free(allocator, tx->members[i].barred);
        if (!member->newest)
            member_free(tx->directory, member);
    }
    mem_free(allocator, tx->members);
    mem_free(allocator, tx->entry);
    mem_free(allocator, (char *)tx->name.data);
}

/* Finds or makes the member; CC_EINVAL for a change that would change nothing. */
static int prepare_member(struct transaction *tx, struct cc_slice user,
                          struct directory_member **ret_member)
{
    struct directory_member *member = directory_member_find(tx->conversation, user);
    bool is_present = member && directory_member_present(member);

    if (is_present == (tx->kind == CC_CHANGE_ADD))
        return CC_EINVAL;
    if (!member)
        member = member_new(tx, user);
    if (!member)
        return CC_ENOMEM;
    *ret_member = member;
    return 0;
}

static int prepare_tenure(struct transaction *tx, const struct cc_member *wanted,
                          struct directory_tenure **ret_tenure)
{
    struct directory_tenure *tenure;

    if (tx->kind == CC_CHANGE_REMOVE)
        return 0;
    tenure = mem_zalloc(tx->directory->allocator, 1, sizeof *tenure);
    if (!tenure)
        return CC_ENOMEM;
    tenure->role = wanted->role;
    *ret_tenure = tenure;
    return 0;
}

static int prepare_members(struct transaction *tx, const struct cc_member *members, size_t count)
{
    int r = 0;

    tx->members = mem_zalloc(tx->directory->allocator, count ? count : 1, sizeof *tx->members);
    if (!tx->members)
        return CC_ENOMEM;
    for (size_t i = 0; !r && i < count; i++) {
        r = prepare_member(tx, members[i].user, &tx->members[i].member);
        if (r)
            break;
        tx->count++;
        r = prepare_tenure(tx, &members[i], &tx->members[i].tenure);
        if (r || !tx->bars)
            continue;
        tx->members[i].barred = directory_barred_new(tx->directory, members[i].user);
        r = tx->members[i].barred ? 0 : CC_ENOMEM;
    }
    return r;
}

static void commit_member(struct transaction *tx, struct prepared *prepared, uint64_t version)
{
    struct directory_conversation *conversation = tx->conversation;
    struct directory_member *member = prepared->member;

    if (prepared->barred)
        directory_bar(tx->directory, conversation, prepared->barred);
    if (tx->kind == CC_CHANGE_ADD) {
        prepared->tenure->since = version;
        conversation->member_count++;
        member->muted_until = 0;
        if (!tx->invitation)
            directory_unbar(tx->directory, conversation, member->user->node.key);
        tree_insert(&member->user->memberships, &member->by_user, conversation->node.key);
    } else {
        if (tx->kind == CC_CHANGE_ROLE)
            prepared->tenure->since = member->newest->since;
        tenure_end(member->newest, version);
    }
    if (tx->kind == CC_CHANGE_REMOVE) {
        conversation->member_count--;
        tree_remove(&member->user->memberships, &member->by_user);
    } else {
        tenure_begin(member, prepared->tenure, version);
    }
}

static void commit(struct transaction *tx)
{
    struct directory_conversation *conversation = tx->conversation;
    uint64_t version = ++conversation->version;

    for (size_t i = 0; i < tx->count; i++)
        commit_member(tx, &tx->members[i], version);
    if (tx->renames) {
        mem_free(tx->directory->allocator, (char *)conversation->name.data);
        conversation->name = tx->name;
    }
    conversation->retention_s = tx->retention_s;
    if (conversation->member_count > CC_FANOUT_WRITE_MAX)
        conversation->was_large = true;
    if (tx->invitation)
        tx->invitation->invitation.uses++;
    entry_link(tx->entry, version);
    mem_free(tx->directory->allocator, tx->members);
}

/* --- the slots --- */

static struct directory_conversation *conversation_new(const struct cc_allocator *allocator,
                                                       const struct cc_directory_create *op)
{
    struct directory_conversation *conversation =
        mem_zalloc(allocator, 1, sizeof *conversation + op->conversation.size);

    if (!conversation)
        return NULL;
    if (slice_copy(allocator, op->name, &conversation->name)) {
        mem_free(allocator, conversation);
        return NULL;
    }
    if (op->conversation.size)
        memcpy(conversation->id, op->conversation.data, op->conversation.size);
    conversation->entries_end = &conversation->entries;
    conversation->closed_end = &conversation->closed;
    conversation->kind = op->kind;
    conversation->created = op->created;
    return conversation;
}

static int create(struct memory_directory *directory, const struct cc_directory_create *op)
{
    struct transaction tx = {.directory = directory, .kind = CC_CHANGE_ADD};
    int r = directory_check_create(directory->allocator, op);

    if (r)
        return r;
    if (directory_conversation_find(directory, op->conversation))
        return CC_EEXISTS;
    tx.conversation = conversation_new(directory->allocator, op);
    if (!tx.conversation)
        return CC_ENOMEM;
    r = prepare_entry(&tx, op->partition, op->payload);
    if (!r)
        r = prepare_members(&tx, op->members, op->count);
    if (r) {
        rollback(&tx);
        mem_free(directory->allocator, (char *)tx.conversation->name.data);
        mem_free(directory->allocator, tx.conversation);
        return r;
    }
    tree_insert(&directory->conversations, &tx.conversation->node,
                slice_of(tx.conversation->id, op->conversation.size));
    commit(&tx);
    return 0;
}

void directory_create(void *self, struct cc_directory_create *op)
{
    answer_done(NULL, &op->op, create(self, op));
}

/* CC_ENOTFOUND where the change comes by an invitation that lets nobody in. */
static int find_invitation(struct transaction *tx, struct cc_slice token)
{
    if (!token.size)
        return 0;
    tx->invitation = directory_invitation_find(tx->conversation, token);
    return tx->invitation && !directory_is_used_up(&tx->invitation->invitation) ? 0 : CC_ENOTFOUND;
}

static int change(struct memory_directory *directory, struct cc_directory_change *op)
{
    struct transaction tx = {.directory = directory, .kind = op->kind, .bars = op->bars};
    int r = directory_check_change(directory->allocator, op);

    if (r)
        return r;
    tx.conversation = directory_conversation_find(directory, op->conversation);
    if (!tx.conversation)
        return CC_ENOTFOUND;
    if (tx.conversation->version != op->expected_version)
        return CC_ECONFLICT;
    tx.renames = op->kind == CC_CHANGE_UPDATE && op->name.data;
    tx.retention_s = op->kind == CC_CHANGE_UPDATE && op->sets_retention
                         ? op->retention_s
                         : tx.conversation->retention_s;
    r = find_invitation(&tx, op->invitation);
    if (r)
        return r;
    r = prepare_entry(&tx, op->partition, op->payload);
    if (!r && tx.renames)
        r = slice_copy(directory->allocator, op->name, &tx.name);
    else if (!r && op->kind != CC_CHANGE_UPDATE)
        r = prepare_members(&tx, op->members, op->count);
    if (r) {
        rollback(&tx);
        return r;
    }
    commit(&tx);
    op->ret_version = tx.conversation->version;
    op->ret_member_count = tx.conversation->member_count;
    return 0;
}

void directory_change(void *self, struct cc_directory_change *op)
{
    answer_done(NULL, &op->op, change(self, op));
}

void directory_mute(void *self, struct cc_directory_mute *op)
{
    struct directory_conversation *conversation =
        directory_conversation_find(self, op->conversation);
    struct directory_member *member =
        conversation ? directory_member_find(conversation, op->user) : NULL;

    if (!member || !directory_member_present(member)) {
        answer_done(NULL, &op->op, CC_ENOTFOUND);
        return;
    }
    member->muted_until = op->until;
    answer_done(NULL, &op->op, 0);
}

void directory_outbox_done(void *self, struct cc_directory_outbox_done *op)
{
    struct memory_directory *directory = self;
    struct directory_conversation *conversation =
        directory_conversation_find(directory, op->conversation);

    while (conversation && conversation->entries && conversation->entries->version <= op->version)
        entry_forget(directory, conversation->entries);
    while (conversation && conversation->closed && conversation->closed->to <= op->version) {
        struct directory_tenure *tenure = conversation->closed;

        conversation->closed = tenure->next_closed;
        if (!conversation->closed)
            conversation->closed_end = &conversation->closed;
        tenure_forget(directory, tenure);
    }
    answer_done(NULL, &op->op, 0);
}

/* Everything that a conversation holds; its entries' outboxes go right after. */
static void conversation_free(struct memory_directory *directory,
                              struct directory_conversation *conversation)
{
    struct tree_node *node;

    while (conversation->entries)
        entry_forget(directory, conversation->entries);
    while ((node = tree_first(&conversation->members)) != NULL) {
        struct directory_member *member = tree_owner(node, struct directory_member, node);

        if (directory_member_present(member))
            tree_remove(&member->user->memberships, &member->by_user);
        for (struct directory_tenure *older, *tenure = member->newest; tenure; tenure = older) {
            older = tenure->older;
            tenure_forget(directory, tenure); /* the member goes with the last */
        }
    }
    directory_invitations_free(directory, conversation);
    tree_remove(&directory->conversations, &conversation->node);
    mem_free(directory->allocator, (char *)conversation->name.data);
    mem_free(directory->allocator, conversation);
}

void directory_conversations_free(struct memory_directory *directory)
{
    struct tree_node *node;

    while ((node = tree_first(&directory->conversations)) != NULL)
        conversation_free(directory, tree_owner(node, struct directory_conversation, node));
}
