/*
 * The run: time goes in small steps of random length; in each, nodes step in random order, faults
 * happen, clients act. In the end faults cease, everything settles, and the model looks at what is
 * there.
 */
#include "sim.h"

#include "chatcore/error.h"
#include "engine/propose.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RUN_MS    20000
#define SETTLE_MS 60000

/* Nothing has happened for so long: it has settled. A session that the engine closed is told so
 * when the last of its commands has ended, and one whose verdict was lost ends by its time-out. */
#define QUIET_MS (PROPOSE_TIMEOUT_MS + 2000)

void sim_trace(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    if (!sim->is_verbose)
        return;
    printf("%8lld  ", (long long)sim->now);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    if (sim->has_failed)
        return;
    sim->has_failed = true;
    va_start(arguments, format);
    vsnprintf(sim->failure, sizeof sim->failure, format, arguments);
    va_end(arguments);
    sim_trace(sim, "FAILURE %s", sim->failure);
}

/* --- a node's memory
 * ------------------------------------------------------------------------------ */

static void block_link(struct sim_node *node, struct sim_block *block)
{
    block->previous = NULL;
    block->next = node->blocks;
    if (block->next)
        block->next->previous = block;
    node->blocks = block;
}

static void block_unlink(struct sim_node *node, struct sim_block *block)
{
    if (block->previous)
        block->previous->next = block->next;
    else
        node->blocks = block->next;
    if (block->next)
        block->next->previous = block->previous;
}

static void *node_alloc(void *context, size_t size)
{
    struct sim_block *block = malloc(sizeof *block + size);

    if (!block)
        abort();
    block->size = size;
    block_link(context, block);
    return block->bytes;
}

static void node_release(void *context, void *pointer)
{
    struct sim_block *block = (void *)((char *)pointer - offsetof(struct sim_block, bytes));

    block_unlink(context, block);
    free(block);
}

static void *node_realloc(void *context, void *pointer, size_t size)
{
    struct sim_block *block;

    if (!pointer)
        return node_alloc(context, size);
    block = (void *)((char *)pointer - offsetof(struct sim_block, bytes));
    block_unlink(context, block);
    block = realloc(block, sizeof *block + size);
    if (!block)
        abort();
    block->size = size;
    block_link(context, block);
    return block->bytes;
}

static void random_fill(void *context, void *bytes, size_t size)
{
    struct sim_random *random = context;
    uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)sim_next(random);
}

static void trace_node(void *context, enum cc_trace_level level, const char *area, const char *text)
{
    struct sim_node *node = context;

    (void)level;
    sim_trace(node->sim, "%s: %s: %s", node->name, area, text);
}

/* --- nodes
 * ---------------------------------------------------------------------------------------- */

static struct cc_time node_time(const struct sim_node *node)
{
    return (struct cc_time){1700000000000 + node->sim->now + node->wall_offset, node->sim->now};
}

static void node_start(struct sim_node *node)
{
    struct sim *sim = node->sim;
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;
    int r;

    snprintf(node->name, sizeof node->name, "n%d.%d", node->index, ++node->life);
    sim_trace(sim, "%s starts", node->name);
    if (sim_ports_open(sim->world, slice_str(node->name), &sim->faults, &sim->random,
                       &node->ports) != 0)
        abort();
    sim_ports_tick(node->ports, sim->now);
    options.allocator = (struct cc_allocator){node_alloc, node_realloc, node_release, node};
    options.random = (struct cc_random){random_fill, &sim->random};
    options.trace = (struct cc_trace){trace_node, node, CC_TRACE_DEBUG};
    options.log = sim_ports_log(node->ports);
    options.store = sim_ports_store(node->ports);
    options.directory = sim_ports_directory(node->ports);
    options.cluster = sim_ports_cluster(node->ports);
    options.limits.max_outstanding = 8 + sim_below(&sim->random, 64);
    options.limits.max_recent_bytes = sim_chance(&sim->random, 500) ? 8192 : 1 << 20;
    options.limits.send = (struct cc_rate){100000, 100000000};
    options.limits.request = (struct cc_rate){100000, 100000000};
    r = cc_engine_new(&options, &node->engine);
    if (r) {
        sim_fail(sim, "an engine can't be made: %s", cc_error_name(r));
        node->engine = NULL;
    } else if (sim->has_consumers) {
        consumers_open(node);
    }
    node->is_stopping = false;
    node->is_frozen = false;
}

static void node_down(struct sim_node *node)
{
    struct sim *sim = node->sim;

    clients_node_gone(sim, node->index);
    sim_ports_free(node->ports);
    node->ports = NULL;
    node->engine = NULL;
    node->restart_at = sim->now + 50 + sim_below(&sim->random, 3000);
}

/* kill -9: nothing of the node's is left but what the ports have. */
static void node_crash(struct sim_node *node)
{
    sim_trace(node->sim, "%s crashes", node->name);
    node->sim->crashes++;
    node_down(node);
    while (node->blocks) {
        struct sim_block *block = node->blocks;

        node->blocks = block->next;
        free(block);
    }
}

static void node_step(struct sim_node *node)
{
    struct sim *sim = node->sim;

    sim_ports_tick(node->ports, sim->now);
    cc_engine_step(node->engine, node_time(node));
    clients_drain(sim, node);
    if (sim->has_consumers)
        consumers_drain(node);
    if (node->is_stopping) { /* it has stopped */
        cc_engine_free(node->engine);
        node_down(node);
        if (node->blocks)
            sim_fail(sim, "%s leaks memory: the newest block has %zu bytes", node->name,
                     node->blocks->size);
    }
}

static void nodes_step(struct sim *sim)
{
    int first = (int)sim_below(&sim->random, (uint32_t)sim->node_count);

    for (int i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[(first + i) % sim->node_count];

        if (!node->engine && sim->now >= node->restart_at)
            node_start(node);
        if (node->is_frozen && sim->now < node->thaws_at)
            continue;
        node->is_frozen = false;
        if (node->engine)
            node_step(node);
    }
}

/* --- faults
 * --------------------------------------------------------------------------------------- */

static void change_faults(struct sim *sim)
{
    struct sim_random *random = &sim->random;

    memset(&sim->faults, 0, sizeof sim->faults);
    if (sim_chance(random, 300))
        return; /* a time without */
    sim->faults.late = sim_below(random, 600);
    sim->faults.late_ms = sim_below(random, 200);
    sim->faults.refused = sim_chance(random, 500) ? sim_below(random, 100) : 0;
    sim->faults.ambiguous = sim_chance(random, 500) ? sim_below(random, 100) : 0;
    sim->faults.bus_lost = sim_chance(random, 500) ? sim_below(random, 100) : 0;
    sim->faults.bus_late = sim_chance(random, 500) ? sim_below(random, 200) : 0;
    sim->faults.bus_doubled = sim_chance(random, 500) ? sim_below(random, 100) : 0;
}

static void hurt_node(struct sim *sim, struct sim_node *node)
{
    uint32_t what = sim_below(&sim->random, 10);

    if (!node->engine)
        return;
    if (what < 5) {
        node_crash(node);
    } else if (what < 6 && !node->is_stopping) {
        sim_trace(sim, "%s is asked to stop", node->name);
        node->restart_at = INT64_MAX;
        cc_engine_stop(node->engine, CC_CLOSE_DRAINING);
    } else if (what < 8) {
        node->wall_offset += (int64_t)sim_below(&sim->random, 120000) - 60000;
        sim_trace(sim, "%s: the wall clock jumps to offset %lld", node->name,
                  (long long)node->wall_offset);
    } else {
        node->is_frozen = true;
        node->thaws_at = sim->now + sim_below(&sim->random, 8000);
        sim_trace(sim, "%s is frozen for %lld ms", node->name,
                  (long long)(node->thaws_at - sim->now));
    }
}

static void hurt(struct sim *sim)
{
    if (sim_chance(&sim->random, 10))
        change_faults(sim);
    if (sim_chance(&sim->random, 4))
        hurt_node(sim, &sim->nodes[sim_below(&sim->random, (uint32_t)sim->node_count)]);
}

/* --- the log applied once more
 * --------------------------------------------------------------------- */

static void op_ignore(struct cc_op *op)
{
    (void)op;
}

static void copy_log(struct sim *sim, struct cc_log *from, struct cc_log *to, uint32_t partition)
{
    struct cc_mailbox mailbox = {0};
    struct cc_log_read read = {.op = {.mailbox = &mailbox, .complete = op_ignore}};

    (void)sim;
    for (;;) {
        read.partition = partition;
        read.max_records = 1000;
        read.max_bytes = SIZE_MAX;
        from->vtable->read(from->self, &read);
        cc_mailbox_drain(&mailbox);
        for (size_t i = 0; i < read.ret_count; i++) {
            struct cc_log_append append = {.op = {.mailbox = &mailbox, .complete = op_ignore},
                                           .partition = partition,
                                           .records = &read.ret_records[i].data,
                                           .count = 1};

            to->vtable->append(to->self, &append);
            cc_mailbox_drain(&mailbox);
        }
        read.offset += read.ret_count;
        if (!read.ret_count)
            return;
        cc_op_release(&read.op);
    }
}

static void read_rows(struct cc_memory_world *world, struct cc_slice conversation,
                      struct cc_store_read_rows *read)
{
    struct cc_mailbox mailbox = {0};
    struct cc_store store;

    memset(read, 0, sizeof *read);
    cc_memory_store_open(world, &store);
    read->op.mailbox = &mailbox;
    read->op.complete = op_ignore;
    read->conversation = conversation;
    read->from = 1;
    read->to = UINT64_MAX;
    read->limit = SIZE_MAX;
    store.vtable->read_rows(store.self, read);
    cc_mailbox_drain(&mailbox);
    store.vtable->free(store.self);
}

/* Invariant 3: the same log gives the same rows. */
static void compare_worlds(struct sim *sim, struct cc_memory_world *again)
{
    for (int i = 0; i < sim->conversation_count && !sim->has_failed; i++) {
        struct cc_slice id = slice_of(sim->conversations[i].id, sim->conversations[i].id_size);
        struct cc_store_read_rows first;
        struct cc_store_read_rows second;

        read_rows(sim->world, id, &first);
        read_rows(again, id, &second);
        if (first.ret_count != second.ret_count)
            sim_fail(sim, "conversation %d: %zu rows, but %zu when the log is applied again", i,
                     first.ret_count, second.ret_count);
        for (size_t row = 0; row < first.ret_count && !sim->has_failed; row++)
            if (!slice_equal(first.ret_rows[row].body, second.ret_rows[row].body) ||
                first.ret_rows[row].offset != second.ret_rows[row].offset)
                sim_fail(sim, "conversation %d, seq %zu: another row when the log is applied again",
                         i, row + 1);
        cc_op_release(&first.op);
        cc_op_release(&second.op);
    }
}

static void apply_again(struct sim *sim)
{
    struct cc_memory_world *again;
    struct cc_memory_world *original = sim->world;
    struct cc_log from;
    struct cc_log to;

    if (cc_memory_world_new(cc_allocator_default(), sim->partitions, &again) != 0 ||
        cc_memory_log_open(original, slice_str("reader"), &from) != 0 ||
        cc_memory_log_open(again, slice_str("writer"), &to) != 0)
        abort();
    for (uint32_t i = 0; i < sim->partitions; i++)
        copy_log(sim, &from, &to, i);
    from.vtable->free(from.self);
    to.vtable->free(to.self);
    memset(&sim->faults, 0, sizeof sim->faults);
    sim->world = again;
    node_start(&sim->nodes[0]);
    for (int i = 0; i < 400 && sim->nodes[0].engine; i++) {
        sim->now += 10;
        node_step(&sim->nodes[0]);
    }
    node_crash(&sim->nodes[0]);
    sim->world = original;
    compare_worlds(sim, again);
    cc_memory_world_free(again);
}

/* --- the run
 * --------------------------------------------------------------------------------------- */

static void sim_step(struct sim *sim, bool with_faults)
{
    struct cc_time now;

    sim->now += 1 + sim_below(&sim->random, 20);
    now = (struct cc_time){1700000000000 + sim->now, sim->now};
    cc_memory_world_set_time(sim->world, now);
    if (with_faults)
        hurt(sim);
    clients_act(sim);
    nodes_step(sim);
}

static void settle(struct sim *sim)
{
    int64_t until = sim->now + SETTLE_MS;
    int64_t quiet_since = sim->now;

    memset(&sim->faults, 0, sizeof sim->faults);
    sim->is_quiet = true;
    sim->types_until = sim->now + 2000;
    for (int i = 0; i < sim->client_count; i++)
        clients_forget_typing(&sim->clients[i]);
    sim_trace(sim, "faults cease");
    for (int i = 0; i < sim->node_count; i++)
        sim->nodes[i].thaws_at = 0;
    while (sim->now < until && !sim->has_failed) {
        sim_step(sim, false);
        if (!clients_are_synced(sim) || clients_have_outbox(sim))
            quiet_since = sim->now;
        if (sim->now - quiet_since > QUIET_MS)
            return;
    }
    if (!clients_are_synced(sim))
        sim_fail(sim, "a client does not become synced");
    else
        sim_fail(sim, "a send is never answered");
}

static void sim_begin(struct sim *sim, uint64_t seed, int nodes, bool is_verbose)
{
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->random.state = seed;
    sim->is_verbose = is_verbose;
    sim->has_consumers = seed % 2;
    sim->now = 1000;
    sim->partitions = 1 + sim_below(&sim->random, 4);
    sim->node_count = 1 + (int)sim_below(&sim->random, SIM_NODES_MAX);
    if (nodes >= 1 && nodes <= SIM_NODES_MAX)
        sim->node_count = nodes;
    if (cc_memory_world_new(cc_allocator_default(), sim->partitions, &sim->world) != 0)
        abort();
    for (int i = 0; i < sim->node_count; i++) {
        sim->nodes[i].sim = sim;
        sim->nodes[i].index = i;
    }
    clients_init(sim);
}

static void sim_end(struct sim *sim)
{
    for (int i = 0; i < sim->conversation_count; i++)
        free(sim->conversations[i].rows);
    free(sim->sends);
    free(sim->seen.items);
    free(sim->gaps.items);
    cc_memory_world_free(sim->world);
}

static void crash_all(struct sim *sim)
{
    for (int i = 0; i < sim->node_count; i++)
        if (sim->nodes[i].engine)
            node_crash(&sim->nodes[i]);
}

bool sim_run(struct sim *sim, uint64_t seed, int nodes, bool is_verbose)
{
    sim_begin(sim, seed, nodes, is_verbose);
    while (sim->now < RUN_MS && !sim->has_failed)
        sim_step(sim, true);
    if (!sim->has_failed)
        settle(sim);
    crash_all(sim);
    if (!sim->has_failed)
        model_check_end(sim);
    if (!sim->has_failed && sim->has_consumers)
        consumers_check_end(sim);
    if (!sim->has_failed)
        apply_again(sim);
    sim_end(sim);
    return !sim->has_failed;
}
