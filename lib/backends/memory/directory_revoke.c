/*
 * The memory directory's revocations of tokens: a tree to find one, a list that tells what is new.
 */
#include "backends/memory/directory.h"
#include "chatcore/error.h"

struct directory_revocation {
    struct list_link link; /* the first member: of the directory's list */
    struct tree_node node;
    struct cc_revocation revocation;
    char key[1 + CC_NAME_MAX]; /* kind and name */
};

static struct cc_slice key_write(char *key, enum cc_revoked kind, struct cc_slice name)
{
    key[0] = (char)kind;
    memcpy(key + 1, name.data, name.size);
    return slice_of(key, name.size + 1);
}

static struct directory_revocation *find(const struct memory_directory *directory,
                                         enum cc_revoked kind, struct cc_slice name)
{
    char key[1 + CC_NAME_MAX];
    struct tree_node *node;

    if (!name.size || name.size > CC_NAME_MAX)
        return NULL;
    node = tree_find(&directory->revoked, key_write(key, kind, name));
    return node ? tree_owner(node, struct directory_revocation, node) : NULL;
}

static struct directory_revocation *add(struct memory_directory *directory,
                                        const struct cc_revocation *from)
{
    struct directory_revocation *made = mem_zalloc(directory->allocator, 1, sizeof *made);
    struct cc_slice key;

    if (!made)
        return NULL;
    key = key_write(made->key, from->kind, from->name);
    made->revocation = *from;
    made->revocation.name = slice_of(made->key + 1, from->name.size);
    tree_insert(&directory->revoked, &made->node, key);
    return made;
}

static int revoke(struct memory_directory *directory, const struct cc_revocation *wanted)
{
    struct directory_revocation *found;

    if (!wanted->name.size || wanted->name.size > CC_NAME_MAX)
        return CC_EINVAL;
    found = find(directory, wanted->kind, wanted->name);
    if (!found)
        found = add(directory, wanted);
    if (!found)
        return CC_ENOMEM;
    if (found->revocation.before < wanted->before)
        found->revocation.before = wanted->before;
    found->revocation.number = ++directory->revocation_number;
    list_remove(&found->link);
    list_add(&directory->revocations, &found->link);
    return 0;
}

void directory_revoke(void *self, struct cc_directory_revoke *op)
{
    answer_done(NULL, &op->op, revoke(self, &op->revocation));
}

void directory_revoked(void *self, struct cc_directory_revoked *op)
{
    const struct memory_directory *directory = self;
    const struct directory_revocation *of_user = find(directory, CC_REVOKED_USER, op->user);

    op->ret_is_revoked = (of_user && op->issued < of_user->revocation.before) ||
                         find(directory, CC_REVOKED_TOKEN, op->token_id);
    answer_done(NULL, &op->op, 0);
}

static int fill(const struct memory_directory *directory, struct answer *answer,
                struct cc_directory_revocations *op)
{
    const struct list_link *head = &directory->revocations.head;
    struct answer_list list = {0};

    op->ret_newest = directory->revocation_number;
    for (const struct list_link *link = head->next; link != head; link = link->next) {
        const struct cc_revocation *from =
            &((const struct directory_revocation *)(const void *)link)->revocation;
        struct cc_revocation *to;

        if (from->number <= op->after)
            continue;
        op->ret_more = list.count == op->limit;
        if (op->ret_more)
            break;
        to = answer_list_add(answer, &list, sizeof *to);
        if (!to)
            return CC_ENOMEM;
        *to = *from;
        if (answer_copy(answer, from->name, &to->name) != 0)
            return CC_ENOMEM;
    }
    op->ret_revocations = list.items;
    op->ret_count = list.count;
    return 0;
}

void directory_revocations(void *self, struct cc_directory_revocations *op)
{
    const struct memory_directory *directory = self;
    struct answer *answer = answer_new(directory->allocator, 0);

    answer_done(answer, &op->op, answer ? fill(directory, answer, op) : CC_ENOMEM);
}

void directory_revocations_free(struct memory_directory *directory)
{
    struct list_link *link;

    while ((link = list_first(&directory->revocations)) != NULL) {
        list_remove(link);
        mem_free(directory->allocator, link); /* the revocation's first member */
    }
}
