/*
 * The memory directory's users: profiles, relations, devices.
 */
#include "backends/directory_check.h"
#include "backends/memory/directory.h"
#include "chatcore/error.h"

struct directory_user *directory_user_find(const struct memory_directory *directory,
                                           struct cc_slice name)
{
    struct tree_node *node = tree_find(&directory->users, name);

    return node ? tree_owner(node, struct directory_user, node) : NULL;
}

struct directory_user *directory_user_get(struct memory_directory *directory, struct cc_slice name)
{
    struct directory_user *user = directory_user_find(directory, name);

    if (user)
        return user;
    user = mem_zalloc(directory->allocator, 1, sizeof *user + name.size);
    if (!user)
        return NULL;
    if (name.size)
        memcpy(user->name, name.data, name.size);
    tree_insert(&directory->users, &user->node, slice_of(user->name, name.size));
    return user;
}

static void user_free(struct memory_directory *directory, struct directory_user *user)
{
    for (size_t i = 0; i < 3; i++)
        mem_free(directory->allocator, (char *)user->values[i].data);
    tree_remove(&directory->users, &user->node);
    mem_free(directory->allocator, user);
}

void directory_user_collect(struct memory_directory *directory, struct directory_user *user)
{
    if (!user || user->is_known || user->histories || user->devices.count ||
        user->relations.count || user->related_by.count)
        return;
    user_free(directory, user);
}

/* --- profiles --- */

void directory_profile_get(void *self, struct cc_directory_profile *op)
{
    struct memory_directory *directory = self;
    struct directory_user *user = directory_user_find(directory, op->user);
    struct answer *answer = NULL;
    struct cc_slice values[3];
    int r = user && user->is_known ? 0 : CC_ENOTFOUND;

    if (!r) {
        answer = answer_new(directory->allocator, 0);
        r = answer ? 0 : CC_ENOMEM;
    }
    for (size_t i = 0; !r && i < 3; i++)
        r = answer_copy(answer, user->values[i], &values[i]);
    if (!r) {
        op->ret_name = values[0];
        op->ret_avatar = values[1];
        op->ret_meta = values[2];
        op->ret_privacy = user->privacy;
    }
    answer_done(answer, &op->op, r);
}

void directory_privacy(void *self, struct cc_directory_privacy *op)
{
    struct memory_directory *directory = self;
    struct answer *answer = answer_new(directory->allocator, 0);
    struct cc_privacy *found = answer ? answer_array(answer, op->count, sizeof *found) : NULL;

    for (size_t i = 0; found && i < op->count; i++) {
        const struct directory_user *user = directory_user_find(directory, op->users[i]);

        if (user)
            found[i] = user->privacy;
    }
    op->ret_privacy = found;
    answer_done(answer, &op->op, found ? 0 : CC_ENOMEM);
}

/* Copies those values that are given; all or none. */
static int values_copy(const struct cc_allocator *allocator, const struct cc_slice *given,
                       struct cc_slice *ret_copies)
{
    struct cc_slice copies[3] = {{0}};

    for (size_t i = 0; i < 3; i++) {
        if (!given[i].data || !slice_copy(allocator, given[i], &copies[i]))
            continue;
        while (i--)
            mem_free(allocator, (char *)copies[i].data);
        return CC_ENOMEM;
    }
    memcpy(ret_copies, copies, sizeof copies);
    return 0;
}

void directory_profile_put(void *self, struct cc_directory_profile *op)
{
    struct memory_directory *directory = self;
    const struct cc_slice given[3] = {op->name, op->avatar, op->meta};
    struct cc_slice copies[3];
    struct directory_user *user = NULL;
    int r = directory_check_privacy(&op->privacy) ? 0 : CC_EINVAL;

    if (!r) {
        user = directory_user_get(directory, op->user);
        r = user ? values_copy(directory->allocator, given, copies) : CC_ENOMEM;
    }
    if (r) {
        directory_user_collect(directory, user);
        answer_done(NULL, &op->op, r);
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        if (!given[i].data)
            continue;
        mem_free(directory->allocator, (char *)user->values[i].data);
        user->values[i] = copies[i];
    }
    directory_set_privacy(op, &user->privacy);
    user->is_known = true;
    answer_done(NULL, &op->op, 0);
}

/* --- relations --- */

static struct directory_relation *relation_find(const struct memory_directory *directory,
                                                struct cc_slice user, struct cc_slice other)
{
    struct directory_user *from = directory_user_find(directory, user);
    struct tree_node *node = from ? tree_find(&from->relations, other) : NULL;

    return node ? tree_owner(node, struct directory_relation, by_user) : NULL;
}

static int relation_add(struct memory_directory *directory, const struct cc_directory_relate *op)
{
    struct directory_relation *relation;
    struct directory_user *user = directory_user_get(directory, op->user);
    struct directory_user *other = user ? directory_user_get(directory, op->other) : NULL;

    relation = other ? mem_zalloc(directory->allocator, 1, sizeof *relation) : NULL;
    if (!relation) {
        if (other != user)
            directory_user_collect(directory, other);
        directory_user_collect(directory, user);
        return CC_ENOMEM;
    }
    relation->user = user;
    relation->other = other;
    relation->bits = (unsigned)op->relation;
    tree_insert(&user->relations, &relation->by_user, other->node.key);
    tree_insert(&other->related_by, &relation->by_other, user->node.key);
    return 0;
}

static void relation_remove(struct memory_directory *directory, struct directory_relation *relation)
{
    struct directory_user *user = relation->user;
    struct directory_user *other = relation->other;

    tree_remove(&user->relations, &relation->by_user);
    tree_remove(&other->related_by, &relation->by_other);
    mem_free(directory->allocator, relation);
    if (other != user)
        directory_user_collect(directory, other);
    directory_user_collect(directory, user);
}

void directory_relate(void *self, struct cc_directory_relate *op)
{
    struct memory_directory *directory = self;
    struct directory_relation *relation = relation_find(directory, op->user, op->other);
    unsigned bit = (unsigned)op->relation;
    int r = 0;

    if (!directory_check_relation(op->relation))
        r = CC_EINVAL;
    else if (op->on && relation)
        relation->bits |= bit;
    else if (op->on)
        r = relation_add(directory, op);
    else if (relation && (relation->bits & ~bit) == 0)
        relation_remove(directory, relation);
    else if (relation)
        relation->bits &= ~bit;
    answer_done(NULL, &op->op, r);
}

void directory_relation(void *self, struct cc_directory_relation *op)
{
    struct directory_relation *to = relation_find(self, op->user, op->other);
    struct directory_relation *from = relation_find(self, op->other, op->user);

    op->ret_user_to_other = to ? to->bits : 0;
    op->ret_other_to_user = from ? from->bits : 0;
    answer_done(NULL, &op->op, 0);
}

static struct directory_relation *relation_of(struct tree_node *node, bool reverse)
{
    if (reverse)
        return tree_owner(node, struct directory_relation, by_other);
    return tree_owner(node, struct directory_relation, by_user);
}

/* The first node at or after this one with the relation asked for. */
static struct tree_node *related_from(struct tree_node *node, const struct cc_directory_related *op)
{
    while (node && !(relation_of(node, op->reverse)->bits & (unsigned)op->relation))
        node = tree_next(node);
    return node;
}

static int related_fill(struct answer *answer, struct tree_node *first,
                        struct cc_directory_related *op)
{
    struct tree_node *node = first;
    struct cc_slice *users;
    size_t count = 0;
    bool more;
    int r;

    for (; node && count < op->limit; count++)
        node = related_from(tree_next(node), op);
    more = node != NULL;
    users = answer_array(answer, count, sizeof *users);
    if (!users)
        return CC_ENOMEM;
    node = first;
    for (size_t i = 0; i < count; i++) {
        r = answer_copy(answer, node->key, &users[i]);
        if (r)
            return r;
        node = related_from(tree_next(node), op);
    }
    op->ret_users = users;
    op->ret_count = count;
    op->ret_more = more;
    return 0;
}

void directory_related(void *self, struct cc_directory_related *op)
{
    struct memory_directory *directory = self;
    struct directory_user *user = directory_user_find(directory, op->user);
    struct answer *answer = answer_new(directory->allocator, 0);
    struct tree_node *first = NULL;

    if (user)
        first = tree_above(op->reverse ? &user->related_by : &user->relations, op->after);
    answer_done(answer, &op->op,
                answer ? related_fill(answer, related_from(first, op), op) : CC_ENOMEM);
}

/* --- devices --- */

static void device_remove(struct memory_directory *directory, struct directory_user *user,
                          struct tree_node *node)
{
    if (!node)
        return;
    tree_remove(&user->devices, node);
    mem_free(directory->allocator, tree_owner(node, struct directory_device, node));
}

static struct cc_slice append(char **end, struct cc_slice from)
{
    struct cc_slice copy = slice_of(*end, from.size);

    if (from.size)
        memcpy(*end, from.data, from.size);
    *end += from.size;
    return copy;
}

static struct directory_device *device_new(const struct cc_allocator *allocator,
                                           const struct cc_device *from)
{
    struct directory_device *device;
    char *end;

    device = mem_zalloc(
        allocator, 1, sizeof *device + from->device.size + from->provider.size + from->token.size);
    if (!device)
        return NULL;
    end = device->bytes;
    device->device.device = append(&end, from->device);
    device->device.provider = append(&end, from->provider);
    device->device.token = append(&end, from->token);
    return device;
}

static int device_add(struct memory_directory *directory, struct cc_directory_device *op)
{
    struct directory_device *device = device_new(directory->allocator, &op->device);
    struct directory_user *user = device ? directory_user_get(directory, op->user) : NULL;

    if (!user) {
        mem_free(directory->allocator, device);
        return CC_ENOMEM;
    }
    device_remove(directory, user, tree_find(&user->devices, op->device.device));
    tree_insert(&user->devices, &device->node, device->device.device);
    return 0;
}

void directory_device_put(void *self, struct cc_directory_device *op)
{
    struct memory_directory *directory = self;
    struct directory_user *user;
    int r = 0;

    if (op->device.token.size) {
        r = device_add(directory, op);
    } else {
        user = directory_user_find(directory, op->user);
        if (user)
            device_remove(directory, user, tree_find(&user->devices, op->device.device));
        directory_user_collect(directory, user);
    }
    answer_done(NULL, &op->op, r);
}

static int device_copy(struct answer *answer, const struct cc_device *from, struct cc_device *to)
{
    int r = answer_copy(answer, from->device, &to->device);

    if (!r)
        r = answer_copy(answer, from->provider, &to->provider);
    if (!r)
        r = answer_copy(answer, from->token, &to->token);
    return r;
}

static int devices_fill(struct answer *answer, const struct tree *tree,
                        struct cc_directory_devices *op)
{
    struct tree_node *node = tree_first(tree);
    struct cc_device *devices = answer_array(answer, tree->count, sizeof *devices);
    int r = devices ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && node; i++, node = tree_next(node))
        r = device_copy(answer, &tree_owner(node, struct directory_device, node)->device,
                        &devices[i]);
    if (r)
        return r;
    op->ret_devices = devices;
    op->ret_count = tree->count;
    return 0;
}

void directory_devices(void *self, struct cc_directory_devices *op)
{
    static const struct tree none;
    struct memory_directory *directory = self;
    struct directory_user *user = directory_user_find(directory, op->user);
    struct answer *answer = answer_new(directory->allocator, 0);

    answer_done(answer, &op->op,
                answer ? devices_fill(answer, user ? &user->devices : &none, op) : CC_ENOMEM);
}

void directory_users_free(struct memory_directory *directory)
{
    struct tree_node *node;
    struct tree_node *inner;

    /* Relations first: each stands in two users. */
    for (node = tree_first(&directory->users); node; node = tree_next(node)) {
        struct directory_user *user = tree_owner(node, struct directory_user, node);

        while ((inner = tree_first(&user->relations)) != NULL) {
            struct directory_relation *relation = relation_of(inner, false);

            tree_remove(&user->relations, &relation->by_user);
            tree_remove(&relation->other->related_by, &relation->by_other);
            mem_free(directory->allocator, relation);
        }
    }
    while ((node = tree_first(&directory->users)) != NULL) {
        struct directory_user *user = tree_owner(node, struct directory_user, node);

        while ((inner = tree_first(&user->devices)) != NULL)
            device_remove(directory, user, inner);
        user_free(directory, user);
    }
}
