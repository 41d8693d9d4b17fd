/*
 * Ports with faults. An operation that is to be answered with a time-out although it happens is run
 * on a copy of itself: the copy's completion is the wrapper's, and the engine's own operation gets
 * the time-out.
 */
#include "sim_ports.h"

#include "chatcore/error.h"

#include <stdlib.h>

/* Every slot that takes an operation, in all four ports: name, type. Long polls pass through. */
#define LOG_SLOTS(X)                                                                               \
    X(log, append, cc_log_append)                                                                  \
    X(log, bounds, cc_log_bounds)                                                                  \
    X(log, commit, cc_log_position)                                                                \
    X(log, committed, cc_log_position)                                                             \
    X(log, forget, cc_log_position)
#define STORE_SLOTS(X)                                                                             \
    X(store, write, cc_store_write)                                                                \
    X(store, write_cursors, cc_store_write_cursors)                                                \
    X(store, read_offset, cc_store_read_offset)                                                    \
    X(store, read_rows, cc_store_read_rows)                                                        \
    X(store, read_heads, cc_store_read_heads)                                                      \
    X(store, read_inbox, cc_store_read_inbox)                                                      \
    X(store, read_dedup, cc_store_read_dedup)                                                      \
    X(store, read_cursors, cc_store_read_cursors)                                                  \
    X(store, list_heads, cc_store_list_heads)                                                      \
    X(store, amend, cc_store_amend)                                                                \
    X(store, forget_cursors, cc_store_forget_cursors)
#define DIRECTORY_SLOTS(X)                                                                         \
    X(directory, profile_get, cc_directory_profile)                                                \
    X(directory, profile_put, cc_directory_profile)                                                \
    X(directory, privacy, cc_directory_privacy)                                                    \
    X(directory, relate, cc_directory_relate)                                                      \
    X(directory, relation, cc_directory_relation)                                                  \
    X(directory, related, cc_directory_related)                                                    \
    X(directory, device_put, cc_directory_device)                                                  \
    X(directory, devices, cc_directory_devices)                                                    \
    X(directory, conversation, cc_directory_conversation)                                          \
    X(directory, member, cc_directory_member)                                                      \
    X(directory, members, cc_directory_members)                                                    \
    X(directory, memberships, cc_directory_memberships)                                            \
    X(directory, retained, cc_directory_retained)                                                  \
    X(directory, mute, cc_directory_mute)                                                          \
    X(directory, create, cc_directory_create)                                                      \
    X(directory, change, cc_directory_change)                                                      \
    X(directory, invite, cc_directory_invite)                                                      \
    X(directory, uninvite, cc_directory_uninvite)                                                  \
    X(directory, invitation, cc_directory_invitation)                                              \
    X(directory, invitations, cc_directory_invitations)                                            \
    X(directory, outbox, cc_directory_outbox)                                                      \
    X(directory, outbox_done, cc_directory_outbox_done)                                            \
    X(directory, revoke, cc_directory_revoke)                                                      \
    X(directory, revoked, cc_directory_revoked)                                                    \
    X(directory, revocations, cc_directory_revocations)
#define CLUSTER_SLOTS(X)                                                                           \
    X(cluster, announce, cc_cluster_announce)                                                      \
    X(cluster, locate, cc_cluster_locate)                                                          \
    X(cluster, owner_put, cc_cluster_owner)                                                        \
    X(cluster, owner_get, cc_cluster_owner)

struct late {
    struct late *next;
    int64_t due;
    void (*start)(struct sim_ports *ports, struct cc_op *op); /* or NULL: a bus message */
    struct cc_op *op;
    size_t size;
    char node[CC_NAME_MAX];
    size_t node_size;
    char bytes[];
};

struct sim_ports {
    const struct sim_faults *faults;
    struct sim_random *random;
    struct cc_log log;
    struct cc_store store;
    struct cc_directory directory;
    struct cc_cluster cluster;
    int64_t now;
    int64_t last_due; /* operations of one node start in the order of submitting */
    struct late *first;
};

/* --- lateness ----------------------------------------------------------------------------------
 */

static void late_add(struct sim_ports *ports, struct late *late)
{
    struct late **at = &ports->first;

    while (*at && (*at)->due <= late->due)
        at = &(*at)->next;
    late->next = *at;
    *at = late;
}

static void start_late(struct sim_ports *ports, struct cc_op *op, int64_t due,
                       void (*start)(struct sim_ports *ports, struct cc_op *op))
{
    struct late *late = calloc(1, sizeof *late);

    if (!late)
        abort();
    late->due = due;
    late->start = start;
    late->op = op;
    late_add(ports, late);
}

/* Starts it now, later, or answers that it can't be done. */
static void submit(struct sim_ports *ports, struct cc_op *op,
                   void (*start)(struct sim_ports *ports, struct cc_op *op))
{
    const struct sim_faults *faults = ports->faults;
    int64_t due = ports->now;

    if (sim_chance(ports->random, faults->refused)) {
        cc_op_done(op, CC_EUNAVAILABLE);
        return;
    }
    if (sim_chance(ports->random, faults->late))
        due += sim_below(ports->random, faults->late_ms + 1);
    if (due < ports->last_due)
        due = ports->last_due;
    ports->last_due = due;
    if (due == ports->now && !ports->first)
        start(ports, op);
    else
        start_late(ports, op, due, start);
}

void sim_ports_tick(struct sim_ports *ports, int64_t now_ms)
{
    ports->now = now_ms;
    while (ports->first && ports->first->due <= now_ms) {
        struct late *late = ports->first;

        ports->first = late->next;
        if (late->start)
            late->start(ports, late->op);
        else
            ports->cluster.vtable->send(ports->cluster.self, slice_of(late->node, late->node_size),
                                        slice_of(late->bytes, late->size));
        free(late);
    }
}

/* --- operations that happen and seem not to
 * ------------------------------------------------------- */

static void shadow_done(struct cc_op *op)
{
    cc_op_release(op);
}

/* Runs `call` on a copy of the operation and answers the real one with a time-out. */
#define RUN(port, slot, type)                                                                      \
    static void port##_##slot##_start(struct sim_ports *ports, struct cc_op *op)                   \
    {                                                                                              \
        struct type *real = (struct type *)(void *)op;                                             \
        struct type copy = *real;                                                                  \
        struct cc_mailbox mailbox = {0};                                                           \
                                                                                                   \
        if (!sim_chance(ports->random, ports->faults->ambiguous)) {                                \
            ports->port.vtable->slot(ports->port.self, real);                                      \
            return;                                                                                \
        }                                                                                          \
        copy.op.mailbox = &mailbox;                                                                \
        copy.op.complete = shadow_done;                                                            \
        ports->port.vtable->slot(ports->port.self, &copy);                                         \
        cc_mailbox_drain(&mailbox);                                                                \
        cc_op_done(op, CC_ETIMEOUT);                                                               \
    }                                                                                              \
    static void port##_##slot(void *self, struct type *op)                                         \
    {                                                                                              \
        submit(self, &op->op, port##_##slot##_start);                                              \
    }

LOG_SLOTS(RUN)
STORE_SLOTS(RUN)
DIRECTORY_SLOTS(RUN)
CLUSTER_SLOTS(RUN)

/* --- what passes through -------------------------------------------------------------------------
 */

static uint32_t log_partitions(void *self)
{
    struct sim_ports *ports = self;

    return ports->log.vtable->partitions(ports->log.self);
}

static void log_read(void *self, struct cc_log_read *op)
{
    struct sim_ports *ports = self;

    ports->log.vtable->read(ports->log.self, op);
}

static void log_watch(void *self, struct cc_log_watch *op)
{
    struct sim_ports *ports = self;

    ports->log.vtable->watch(ports->log.self, op);
}

/* The whole log is kept: at the end it is applied once more, from its beginning. */
static void log_trim(void *self, struct cc_log_trim *op)
{
    (void)self;
    cc_op_done(&op->op, 0);
}

static void log_cancel(void *self, struct cc_op *op)
{
    struct sim_ports *ports = self;

    ports->log.vtable->cancel(ports->log.self, op);
}

static struct cc_slice cluster_node(void *self)
{
    struct sim_ports *ports = self;

    return ports->cluster.vtable->node(ports->cluster.self);
}

static void send_late(struct sim_ports *ports, struct cc_slice node, struct cc_slice data)
{
    struct late *late = calloc(1, sizeof *late + data.size);

    if (!late)
        abort();
    late->due = ports->now + 1 + sim_below(ports->random, ports->faults->late_ms + 1);
    late->size = data.size;
    memcpy(late->bytes, data.data, data.size);
    memcpy(late->node, node.data, node.size);
    late->node_size = node.size;
    late_add(ports, late);
}

static int cluster_send(void *self, struct cc_slice node, struct cc_slice data)
{
    struct sim_ports *ports = self;

    if (sim_chance(ports->random, ports->faults->bus_lost))
        return 0;
    if (sim_chance(ports->random, ports->faults->bus_doubled))
        send_late(ports, node, data);
    if (sim_chance(ports->random, ports->faults->bus_late)) {
        send_late(ports, node, data);
        return 0;
    }
    return ports->cluster.vtable->send(ports->cluster.self, node, data);
}

static void cluster_receive(void *self, struct cc_cluster_receive *op)
{
    struct sim_ports *ports = self;

    ports->cluster.vtable->receive(ports->cluster.self, op);
}

static void cluster_cancel(void *self, struct cc_op *op)
{
    struct sim_ports *ports = self;

    ports->cluster.vtable->cancel(ports->cluster.self, op);
}

/* The engine gives its ports back; the simulation frees them, whether the node stopped or crashed.
 */
static void port_free(void *self)
{
    (void)self;
}

#define SLOT(port, slot, type) .slot = port##_##slot,

static const struct cc_log_vtable log_vtable = {.size = sizeof log_vtable,
                                                LOG_SLOTS(SLOT).partitions = log_partitions,
                                                .read = log_read,
                                                .watch = log_watch,
                                                .trim = log_trim,
                                                .cancel = log_cancel,
                                                .free = port_free};
static const struct cc_store_vtable store_vtable = {.size = sizeof store_vtable,
                                                    STORE_SLOTS(SLOT).free = port_free};
static const struct cc_directory_vtable directory_vtable = {.size = sizeof directory_vtable,
                                                            DIRECTORY_SLOTS(SLOT).free = port_free};
static const struct cc_cluster_vtable cluster_vtable = {.size = sizeof cluster_vtable,
                                                        CLUSTER_SLOTS(SLOT).node = cluster_node,
                                                        .send = cluster_send,
                                                        .receive = cluster_receive,
                                                        .cancel = cluster_cancel,
                                                        .free = port_free};

struct cc_log sim_ports_log(struct sim_ports *ports)
{
    return (struct cc_log){&log_vtable, ports};
}

struct cc_store sim_ports_store(struct sim_ports *ports)
{
    return (struct cc_store){&store_vtable, ports};
}

struct cc_directory sim_ports_directory(struct sim_ports *ports)
{
    return (struct cc_directory){&directory_vtable, ports};
}

struct cc_cluster sim_ports_cluster(struct sim_ports *ports)
{
    return (struct cc_cluster){&cluster_vtable, ports};
}

int sim_ports_open(struct cc_memory_world *world, struct cc_slice node,
                   const struct sim_faults *faults, struct sim_random *random,
                   struct sim_ports **ret_ports)
{
    struct sim_ports *ports = calloc(1, sizeof *ports);
    int r;

    if (!ports)
        return CC_ENOMEM;
    ports->faults = faults;
    ports->random = random;
    r = cc_memory_log_open(world, node, &ports->log);
    if (!r)
        r = cc_memory_store_open(world, &ports->store);
    if (!r)
        r = cc_memory_directory_open(world, &ports->directory);
    if (!r)
        r = cc_memory_cluster_open(world, node, &ports->cluster);
    *ret_ports = ports;
    return r;
}

void sim_ports_free(struct sim_ports *ports)
{
    while (ports->first) {
        struct late *late = ports->first;

        ports->first = late->next;
        free(late);
    }
    ports->log.vtable->free(ports->log.self);
    ports->store.vtable->free(ports->store.self);
    ports->directory.vtable->free(ports->directory.self);
    ports->cluster.vtable->free(ports->cluster.self);
    free(ports);
}
