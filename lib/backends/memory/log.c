/*
 * The memory log: each partition an array of records from `first` to `next`.
 *
 * Partitions are shared out among the open ports in the order of opening, round robin: when one
 * opens or is freed, all watches complete. A read that waits is held by its port until a record
 * comes, whoever appends it.
 */
#include "backends/answer.h"
#include "backends/memory/world.h"
#include "base/hash.h"
#include "base/list.h"
#include "chatcore/error.h"

struct log_entry {
    size_t size;
    char bytes[];
};

struct log_partition {
    struct log_entry **entries; /* from `first` on */
    size_t capacity;
    uint64_t first;
    uint64_t next;
};

struct log_position {
    UT_hash_handle hh;
    uint64_t offset;
    size_t key_size;
    char key[]; /* the partition's 4 bytes, the consumer's name */
};

struct log_port {
    struct memory_log *log;
    struct log_port *next;    /* in the order of opening */
    struct cc_op *held_reads; /* by op->next, oldest first */
    struct cc_log_watch *held_watch;
    bool is_watch_stale; /* the shares have changed since the last answer */
};

struct memory_log {
    struct cc_memory_world *world;
    struct log_port *ports;
    size_t port_count;
    struct log_position *positions;
    struct log_partition partitions[];
};

struct memory_log *memory_log_new(struct cc_memory_world *world)
{
    struct memory_log *log = mem_zalloc(
        &world->allocator, 1, sizeof *log + world->partitions * sizeof(struct log_partition));

    if (log)
        log->world = world;
    return log;
}

static void partition_free(struct memory_log *log, struct log_partition *partition)
{
    for (uint64_t i = partition->first; i < partition->next; i++)
        mem_free(&log->world->allocator, partition->entries[i - partition->first]);
    mem_free(&log->world->allocator, partition->entries);
}

void memory_log_free(struct memory_log *log)
{
    struct log_position *position;
    struct log_position *next;

    if (!log)
        return;
    for (uint32_t i = 0; i < log->world->partitions; i++)
        partition_free(log, &log->partitions[i]);
    HASH_ITER(hh, log->positions, position, next)
    {
        HASH_DELETE(hh, log->positions, position);
        mem_free(&log->world->allocator, position);
    }
    mem_free(&log->world->allocator, log);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static size_t count_records(const struct log_partition *partition, const struct cc_log_read *op)
{
    size_t bytes = 0;
    size_t count = 0;

    for (uint64_t i = op->offset; i < partition->next; i++, count++) {
        size_t size = partition->entries[i - partition->first]->size;

        if (count &&
            (count >= op->max_records || size > op->max_bytes || bytes > op->max_bytes - size))
            break;
        bytes += size;
    }
    return count;
}

static int copy_records(struct answer *answer, const struct log_partition *partition,
                        struct cc_log_read *op, size_t count)
{
    struct cc_log_record *records = answer_array(answer, count + 1, sizeof *records);
    int r = records ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < count; i++) {
        const struct log_entry *entry = partition->entries[op->offset + i - partition->first];

        records[i].offset = op->offset + i;
        r = answer_copy(answer, slice_of(entry->bytes, entry->size), &records[i].data);
    }
    op->ret_records = records;
    op->ret_count = count;
    return r;
}

static void answer_read(struct memory_log *log, struct cc_log_read *op)
{
    struct log_partition *partition = &log->partitions[op->partition];
    struct answer *answer = answer_new(&log->world->allocator, 0);
    int r = CC_ENOMEM;

    if (answer)
        r = copy_records(answer, partition, op, count_records(partition, op));
    answer_done(answer, &op->op, r);
}

static void hold(struct log_port *port, struct cc_op *op)
{
    struct cc_op **at = &port->held_reads;

    while (*at)
        at = &(*at)->next;
    op->next = NULL;
    *at = op;
}

static void log_read(void *self, struct cc_log_read *op)
{
    struct log_port *port = self;
    struct memory_log *log = port->log;
    struct log_partition *partition = &log->partitions[op->partition];

    if (op->partition >= log->world->partitions) {
        cc_op_done(&op->op, CC_EINVAL);
    } else if (op->offset < partition->first) {
        cc_op_done(&op->op, CC_ETRIMMED);
    } else if (op->wait && op->offset >= partition->next) {
        hold(port, &op->op);
    } else {
        answer_read(log, op);
    }
}

/* Completes the reads that waited for this partition. */
static void wake_readers(struct memory_log *log, uint32_t number)
{
    for (struct log_port *port = log->ports; port; port = port->next) {
        struct cc_op **at = &port->held_reads;

        while (*at) {
            struct cc_log_read *read = (struct cc_log_read *)(void *)*at;

            if (read->partition != number || read->offset >= log->partitions[number].next) {
                at = &(*at)->next;
                continue;
            }
            *at = read->op.next;
            answer_read(log, read);
        }
    }
}

/* --- appending ---------------------------------------------------------------------------------
 */

static int reserve(struct memory_log *log, struct log_partition *partition, size_t count)
{
    void *entries = partition->entries;
    int r = mem_reserve(&log->world->allocator, &entries, &partition->capacity,
                        (size_t)(partition->next - partition->first) + count,
                        sizeof *partition->entries);

    partition->entries = entries;
    return r;
}

static struct log_entry *entry_new(struct memory_log *log, struct cc_slice data)
{
    struct log_entry *entry = mem_alloc(&log->world->allocator, sizeof *entry + data.size);

    if (!entry)
        return NULL;
    entry->size = data.size;
    if (data.size)
        memcpy(entry->bytes, data.data, data.size);
    return entry;
}

static int append_all(struct memory_log *log, struct log_partition *partition,
                      const struct cc_log_append *op)
{
    size_t held = (size_t)(partition->next - partition->first);
    size_t made = 0;

    if (reserve(log, partition, op->count) != 0)
        return CC_ENOMEM;
    for (; made < op->count; made++) {
        partition->entries[held + made] = entry_new(log, op->records[made]);
        if (!partition->entries[held + made])
            break;
    }
    if (made == op->count) {
        partition->next += made;
        return 0;
    }
    while (made--)
        mem_free(&log->world->allocator, partition->entries[held + made]);
    return CC_ENOMEM;
}

static void log_append(void *self, struct cc_log_append *op)
{
    struct memory_log *log = ((struct log_port *)self)->log;
    struct log_partition *partition = &log->partitions[op->partition];
    int r = CC_EINVAL;

    if (op->partition < log->world->partitions && op->count) {
        op->ret_offset = partition->next;
        r = append_all(log, partition, op);
    }
    cc_op_done(&op->op, r);
    if (!r)
        wake_readers(log, op->partition);
}

static void log_bounds(void *self, struct cc_log_bounds *op)
{
    struct memory_log *log = ((struct log_port *)self)->log;

    if (op->partition >= log->world->partitions) {
        cc_op_done(&op->op, CC_EINVAL);
        return;
    }
    op->ret_first = log->partitions[op->partition].first;
    op->ret_next = log->partitions[op->partition].next;
    cc_op_done(&op->op, 0);
}

/* --- positions and trimming ---------------------------------------------------------------------
 */

static struct log_position *position_find(struct memory_log *log, const struct cc_log_position *op,
                                          char key[4 + CC_NAME_MAX])
{
    struct log_position *position = NULL;

    memcpy(key, &op->partition, 4);
    memcpy(key + 4, op->consumer.data, op->consumer.size);
    HASH_FIND(hh, log->positions, key, 4 + op->consumer.size, position);
    return position;
}

static bool is_position(const struct memory_log *log, const struct cc_log_position *op)
{
    return op->partition < log->world->partitions && op->consumer.size >= 1 &&
           op->consumer.size <= CC_NAME_MAX;
}

static void log_commit(void *self, struct cc_log_position *op)
{
    struct memory_log *log = ((struct log_port *)self)->log;
    const struct cc_allocator *hash_allocator = &log->world->allocator;
    char key[4 + CC_NAME_MAX];
    struct log_position *position;
    size_t size = 4 + op->consumer.size;

    if (!is_position(log, op)) {
        cc_op_done(&op->op, CC_EINVAL);
        return;
    }
    position = position_find(log, op, key);
    if (!position) {
        position = mem_zalloc(hash_allocator, 1, sizeof *position + size);
        if (position) {
            memcpy(position->key, key, size);
            position->key_size = size;
            HASH_ADD_KEYPTR(hh, log->positions, position->key, size, position);
        }
        if (!position || !position->hh.tbl) {
            mem_free(hash_allocator, position);
            cc_op_done(&op->op, CC_ENOMEM);
            return;
        }
    }
    position->offset = op->offset;
    cc_op_done(&op->op, 0);
}

static void log_committed(void *self, struct cc_log_position *op)
{
    struct memory_log *log = ((struct log_port *)self)->log;
    char key[4 + CC_NAME_MAX];
    struct log_position *position;

    if (!is_position(log, op)) {
        cc_op_done(&op->op, CC_EINVAL);
        return;
    }
    position = position_find(log, op, key);
    op->ret_offset = position ? position->offset : 0;
    op->ret_known = position != NULL;
    cc_op_done(&op->op, 0);
}

static void log_forget(void *self, struct cc_log_position *op)
{
    struct memory_log *log = ((struct log_port *)self)->log;
    char key[4 + CC_NAME_MAX];
    struct log_position *position;

    if (!is_position(log, op)) {
        cc_op_done(&op->op, CC_EINVAL);
        return;
    }
    position = position_find(log, op, key);
    if (position) {
        HASH_DELETE(hh, log->positions, position);
        mem_free(&log->world->allocator, position);
    }
    cc_op_done(&op->op, 0);
}

static uint64_t slowest_position(struct memory_log *log, uint32_t partition, uint64_t before)
{
    struct log_position *position;
    struct log_position *next;

    HASH_ITER(hh, log->positions, position, next)
    if (memcmp(position->key, &partition, 4) == 0 && position->offset < before)
        before = position->offset;
    return before;
}

static void log_trim(void *self, struct cc_log_trim *op)
{
    struct memory_log *log = ((struct log_port *)self)->log;
    struct log_partition *partition = &log->partitions[op->partition];
    uint64_t before;
    size_t count;

    if (op->partition >= log->world->partitions) {
        cc_op_done(&op->op, CC_EINVAL);
        return;
    }
    before = slowest_position(log, op->partition, op->before);
    if (before > partition->next)
        before = partition->next;
    count = before > partition->first ? (size_t)(before - partition->first) : 0;
    for (size_t i = 0; i < count; i++)
        mem_free(&log->world->allocator, partition->entries[i]);
    if (count)
        memmove(partition->entries, partition->entries + count,
                (size_t)(partition->next - before) * sizeof *partition->entries);
    partition->first += count;
    cc_op_done(&op->op, 0);
}

/* --- who owns what ------------------------------------------------------------------------------
 */

static size_t port_index(const struct log_port *port)
{
    size_t index = 0;

    for (const struct log_port *at = port->log->ports; at != port; at = at->next)
        index++;
    return index;
}

static void answer_watch(struct log_port *port, struct cc_log_watch *op)
{
    struct memory_log *log = port->log;
    struct answer *answer = answer_new(&log->world->allocator, 0);
    uint32_t *owned = answer ? answer_array(answer, log->world->partitions, sizeof *owned) : NULL;
    size_t index = port_index(port);

    op->ret_count = 0;
    op->ret_owned = owned;
    for (uint32_t i = 0; owned && i < log->world->partitions; i++)
        if (i % log->port_count == index)
            owned[op->ret_count++] = i;
    port->is_watch_stale = !owned;
    answer_done(answer, &op->op, owned ? 0 : CC_ENOMEM);
}

static void log_watch(void *self, struct cc_log_watch *op)
{
    struct log_port *port = self;

    if (port->is_watch_stale)
        answer_watch(port, op);
    else
        port->held_watch = op;
}

static void shares_changed(struct memory_log *log)
{
    log->port_count = 0;
    for (struct log_port *port = log->ports; port; port = port->next) {
        port->is_watch_stale = true;
        log->port_count++;
    }
    for (struct log_port *port = log->ports; port; port = port->next) {
        struct cc_log_watch *watch = port->held_watch;

        port->held_watch = NULL;
        if (watch)
            answer_watch(port, watch);
    }
}

static void log_cancel(void *self, struct cc_op *op)
{
    struct log_port *port = self;
    struct cc_op **at = &port->held_reads;

    if (port->held_watch && op == &port->held_watch->op) {
        port->held_watch = NULL;
        cc_op_done(op, CC_ECANCELED);
        return;
    }
    while (*at && *at != op)
        at = &(*at)->next;
    if (*at) {
        *at = op->next;
        cc_op_done(op, CC_ECANCELED);
    }
}

static uint32_t log_partitions(void *self)
{
    return ((struct log_port *)self)->log->world->partitions;
}

/* Held long polls are dropped: the node has crashed, or has cancelled them before. */
static void log_port_free(void *self)
{
    struct log_port *port = self;
    struct memory_log *log = port->log;
    struct log_port **at = &log->ports;

    while (*at != port)
        at = &(*at)->next;
    *at = port->next;
    mem_free(&log->world->allocator, port);
    shares_changed(log);
}

static const struct cc_log_vtable log_vtable = {
    .size = sizeof log_vtable,
    .partitions = log_partitions,
    .append = log_append,
    .read = log_read,
    .bounds = log_bounds,
    .watch = log_watch,
    .commit = log_commit,
    .committed = log_committed,
    .forget = log_forget,
    .trim = log_trim,
    .cancel = log_cancel,
    .free = log_port_free,
};

int cc_memory_log_open(struct cc_memory_world *world, struct cc_slice node, struct cc_log *ret_log)
{
    struct memory_log *log = world->log;
    struct log_port **at = &log->ports;
    struct log_port *port;

    if (!name_is_valid(node))
        return CC_EINVAL;
    port = mem_zalloc(&world->allocator, 1, sizeof *port);
    if (!port)
        return CC_ENOMEM;
    port->log = log;
    while (*at)
        at = &(*at)->next;
    *at = port;
    shares_changed(log);
    ret_log->vtable = &log_vtable;
    ret_log->self = port;
    return 0;
}
