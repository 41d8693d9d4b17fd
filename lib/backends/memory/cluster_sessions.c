/*
 * The memory cluster's session map, and who owns each partition. A user that was ever announced
 * keeps an entry for its last-seen time, as long as the world lives.
 */
#include "backends/memory/cluster.h"
#include "chatcore/error.h"

struct session {
    struct tree_node node; /* of the cluster's sessions */
    struct tree locations; /* by node */
    int64_t last_seen;
    char user[];
};

struct location {
    struct timer timer;
    struct tree_node node; /* of its session's locations */
    struct session *session;
    char name[];
};

static struct session *session_find(const struct memory_cluster *cluster, struct cc_slice user)
{
    struct tree_node *node = tree_find(&cluster->sessions, user);

    return node ? tree_owner(node, struct session, node) : NULL;
}

static struct session *session_get(struct memory_cluster *cluster, struct cc_slice user)
{
    struct session *session = session_find(cluster, user);

    if (session)
        return session;
    session = mem_zalloc(cluster->allocator, 1, sizeof *session + user.size);
    if (!session)
        return NULL;
    if (user.size)
        memcpy(session->user, user.data, user.size);
    tree_insert(&cluster->sessions, &session->node, slice_of(session->user, user.size));
    return session;
}

static void location_end(struct memory_cluster *cluster, struct location *location)
{
    timer_clear(&cluster->timers, &location->timer);
    tree_remove(&location->session->locations, &location->node);
    mem_free(cluster->allocator, location);
}

/* The user was last seen when the announcement ran out, told by the clock as it is now. */
static void location_expired(struct timer *timer, void *context)
{
    struct memory_cluster *cluster = context;
    struct location *location = tree_owner(timer, struct location, timer);
    int64_t late = cluster->world->now.mono_ms - timer->deadline;

    location->session->last_seen = cluster->world->now.wall_ms - late;
    location_end(cluster, location);
}

static struct location *location_find(const struct session *session, struct cc_slice name)
{
    struct tree_node *node = tree_find(&session->locations, name);

    return node ? tree_owner(node, struct location, node) : NULL;
}

static int announce(struct cluster_node *node, struct cc_slice user, uint32_t ttl_ms)
{
    struct memory_cluster *cluster = node->cluster;
    int64_t deadline = cluster->world->now.mono_ms + ttl_ms;
    struct session *session = session_get(cluster, user);
    struct location *location = session ? location_find(session, node->node.key) : NULL;
    struct cc_slice name = node->node.key;

    if (location)
        return timer_set(&cluster->timers, &location->timer, deadline);
    location = session ? mem_zalloc(cluster->allocator, 1, sizeof *location + name.size) : NULL;
    if (!location)
        return CC_ENOMEM;
    memcpy(location->name, name.data, name.size);
    location->session = session;
    location->timer.expired = location_expired;
    if (timer_set(&cluster->timers, &location->timer, deadline)) {
        mem_free(cluster->allocator, location);
        return CC_ENOMEM;
    }
    tree_insert(&session->locations, &location->node, slice_of(location->name, name.size));
    return 0;
}

static int withdraw(struct cluster_node *node, struct cc_slice user, int64_t last_seen)
{
    struct session *session = session_get(node->cluster, user);
    struct location *location = session ? location_find(session, node->node.key) : NULL;

    if (!session)
        return CC_ENOMEM;
    if (location)
        location_end(node->cluster, location);
    session->last_seen = last_seen;
    return 0;
}

/* Out of memory in the middle leaves the users before it announced: doing it again does no harm. */
void cluster_announce(void *self, struct cc_cluster_announce *op)
{
    int r = 0;

    for (size_t i = 0; !r && i < op->count; i++)
        r = op->on ? announce(self, op->users[i], op->ttl_ms)
                   : withdraw(self, op->users[i], op->last_seen);
    answer_done(NULL, &op->op, r);
}

static int location_copy(struct answer *answer, const struct session *session,
                         struct cc_cluster_location *to)
{
    struct tree_node *node = tree_first(&session->locations);
    struct cc_slice *nodes = answer_array(answer, session->locations.count, sizeof *nodes);
    int r = nodes ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && node; i++, node = tree_next(node))
        r = answer_copy(answer, node->key, &nodes[i]);
    to->nodes = nodes;
    to->node_count = session->locations.count;
    to->last_seen = session->last_seen;
    return r;
}

void cluster_locate(void *self, struct cc_cluster_locate *op)
{
    struct memory_cluster *cluster = ((struct cluster_node *)self)->cluster;
    struct answer *answer = answer_new(cluster->allocator, 0);
    struct cc_cluster_location *locations =
        answer ? answer_array(answer, op->count, sizeof *locations) : NULL;
    int r = locations ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < op->count; i++) {
        struct session *session = session_find(cluster, op->users[i]);

        if (session)
            r = location_copy(answer, session, &locations[i]);
    }
    if (!r)
        op->ret_locations = locations;
    answer_done(answer, &op->op, r);
}

void cluster_owner_put(void *self, struct cc_cluster_owner *op)
{
    struct cluster_node *node = self;
    struct cc_memory_world *world = node->cluster->world;
    struct cluster_owner *owner;

    if (op->partition >= world->partitions) {
        answer_done(NULL, &op->op, CC_EINVAL);
        return;
    }
    owner = &node->cluster->owners[op->partition];
    memcpy(owner->name, node->node.key.data, node->node.key.size);
    owner->size = node->node.key.size;
    owner->deadline = world->now.mono_ms + op->ttl_ms;
    answer_done(NULL, &op->op, 0);
}

void cluster_owner_get(void *self, struct cc_cluster_owner *op)
{
    struct memory_cluster *cluster = ((struct cluster_node *)self)->cluster;
    struct answer *answer = answer_new(cluster->allocator, 0);
    struct cc_slice name = {0};
    int r = answer ? 0 : CC_ENOMEM;

    if (op->partition >= cluster->world->partitions) {
        r = CC_EINVAL;
    } else if (!r) {
        const struct cluster_owner *owner = &cluster->owners[op->partition];

        if (owner->size && owner->deadline > cluster->world->now.mono_ms)
            r = answer_copy(answer, slice_of(owner->name, owner->size), &name);
    }
    if (!r)
        op->ret_node = name;
    answer_done(answer, &op->op, r);
}

void cluster_sessions_free(struct memory_cluster *cluster)
{
    struct tree_node *node;
    struct tree_node *inner;

    while ((node = tree_first(&cluster->sessions)) != NULL) {
        struct session *session = tree_owner(node, struct session, node);

        while ((inner = tree_first(&session->locations)) != NULL)
            location_end(cluster, tree_owner(inner, struct location, node));
        tree_remove(&cluster->sessions, node);
        mem_free(cluster->allocator, session);
    }
}
