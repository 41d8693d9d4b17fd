/*
 * The conformance suite of the cluster. Its nodes are a, b and c.
 *
 * The port promises little, and a healthy backend keeps it: what is sent arrives, once and in
 * order. That something does not arrive is shown by what was sent after it and does.
 */
#include "chatcore/error.h"
#include "testing/suite.h"

#include <stdio.h>
#include <stdlib.h>

/* Announcements that are not meant to expire in a case. */
#define LONG_TTL 60000

enum { NODES = 3 };

static const char *const node_names[NODES] = {"a", "b", "c"};

struct clu {
    struct suite *suite;
    const struct cc_cluster_factory *factory;
    struct cc_cluster nodes[NODES];
};

#define CLU_RUN(clu, node, slot, operation)                                                        \
    (suite_submit((clu)->suite, &(operation)->op),                                                 \
     (clu)->nodes[node].vtable->slot((clu)->nodes[node].self, operation),                          \
     suite_wait((clu)->suite, &(operation)->op))

/* --- steps --- */

static int announce(struct clu *clu, int node, const char *user, uint32_t ttl_ms)
{
    struct cc_slice users[1] = {slice_str(user)};
    struct cc_cluster_announce op = {.users = users, .count = 1, .on = true, .ttl_ms = ttl_ms};

    return CLU_RUN(clu, node, announce, &op);
}

static int withdraw(struct clu *clu, int node, const char *user, int64_t last_seen)
{
    struct cc_slice users[1] = {slice_str(user)};
    struct cc_cluster_announce op = {.users = users, .count = 1, .last_seen = last_seen};

    return CLU_RUN(clu, node, announce, &op);
}

static int compare_slices(const void *a, const void *b)
{
    return slice_compare(*(const struct cc_slice *)a, *(const struct cc_slice *)b);
}

/* Adds "a b" for a user's nodes, or "-" for none. */
static void add_nodes(struct text *text, const struct cc_cluster_location *location)
{
    struct cc_slice sorted[NODES];
    size_t count = location->node_count < NODES ? location->node_count : NODES;

    if (count)
        memcpy(sorted, location->nodes, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare_slices);
    for (size_t i = 0; i < count; i++)
        text_add(text, "%s%.*s", i ? " " : "", SLICE_ARGUMENTS(sorted[i]));
    if (location->node_count != count)
        text_add(text, " and more");
    if (!location->node_count)
        text_add(text, "-");
}

/* Where one user is, and when it was last seen. */
static void locate(struct clu *clu, int node, const char *user, struct text *text,
                   int64_t *ret_last_seen)
{
    struct cc_slice users[1] = {slice_str(user)};
    struct cc_cluster_locate op = {.users = users, .count = 1};
    int r = CLU_RUN(clu, node, locate, &op);

    if (r) {
        text_add(text, "%s", cc_error_name(r));
    } else {
        add_nodes(text, &op.ret_locations[0]);
        *ret_last_seen = op.ret_locations[0].last_seen;
    }
    cc_op_release(&op.op);
}

#define CHECK_LOCATED(clu, node, user, wanted)                                                     \
    do {                                                                                           \
        struct text got_nodes = {0};                                                               \
        int64_t got_seen = 0;                                                                      \
        locate(clu, node, user, &got_nodes, &got_seen);                                            \
        CHECK_TEXT((clu)->suite, got_nodes.bytes, wanted);                                         \
    } while (0)

static void read_owner(struct clu *clu, int node, uint32_t partition, struct text *text)
{
    struct cc_cluster_owner op = {.partition = partition};
    int r = CLU_RUN(clu, node, owner_get, &op);

    if (r)
        text_add(text, "%s", cc_error_name(r));
    else
        text_add(text, "%.*s", SLICE_ARGUMENTS(op.ret_node));
    cc_op_release(&op.op);
}

#define CHECK_OWNER(clu, node, partition, wanted)                                                  \
    do {                                                                                           \
        struct text got_owner = {0};                                                               \
        read_owner(clu, node, partition, &got_owner);                                              \
        CHECK_TEXT((clu)->suite, got_owner.bytes, wanted);                                         \
    } while (0)

static int put_owner(struct clu *clu, int node, uint32_t partition, uint32_t ttl_ms)
{
    struct cc_cluster_owner op = {.partition = partition, .ttl_ms = ttl_ms};

    return CLU_RUN(clu, node, owner_put, &op);
}

static int send_text(struct clu *clu, int from, int to, const char *data)
{
    return clu->nodes[from].vtable->send(clu->nodes[from].self, slice_str(node_names[to]),
                                         slice_str(data));
}

/* Holds a receive until something comes; false when nothing did in time. */
static bool receive(struct clu *clu, int node, struct cc_cluster_receive *op)
{
    struct cc_cluster *port = &clu->nodes[node];

    memset(op, 0, sizeof *op);
    suite_submit(clu->suite, &op->op);
    port->vtable->receive(port->self, op);
    if (!suite_await(clu->suite, &op->op, clu->suite->options->timeout_ms)) {
        port->vtable->cancel(port->self, &op->op);
        suite_wait(clu->suite, &op->op);
    }
    return op->op.status == 0;
}

/* Receives so many messages, as "a:hello b:you". */
static void receive_texts(struct clu *clu, int node, size_t count, struct text *text)
{
    struct cc_cluster_receive op;
    size_t got = 0;

    while (got < count) {
        if (!receive(clu, node, &op)) {
            text_add(text, " and no more (%s)", cc_error_name(op.op.status));
            return;
        }
        for (size_t i = 0; i < op.ret_count; i++, got++)
            text_add(text, "%s%.*s:%.*s", got ? " " : "", SLICE_ARGUMENTS(op.ret_messages[i].from),
                     SLICE_ARGUMENTS(op.ret_messages[i].data));
        cc_op_release(&op.op);
    }
}

#define CHECK_RECEIVED(clu, node, count, wanted)                                                   \
    do {                                                                                           \
        struct text got_messages = {0};                                                            \
        receive_texts(clu, node, count, &got_messages);                                            \
        CHECK_TEXT((clu)->suite, got_messages.bytes, wanted);                                      \
    } while (0)

/* --- nodes, the session map, owners --- */

static void a_node_knows_its_name(struct clu *clu)
{
    for (int i = 0; i < NODES; i++) {
        struct cc_slice name = clu->nodes[i].vtable->node(clu->nodes[i].self);

        CHECK(clu->suite, slice_equal(name, slice_str(node_names[i])));
    }
}

static void users_are_found_where_they_are_announced(struct clu *clu)
{
    CHECK_LOCATED(clu, 0, "alice", "-");
    CHECK_STATUS(clu->suite, announce(clu, 0, "alice", LONG_TTL), 0);
    CHECK_STATUS(clu->suite, announce(clu, 1, "alice", LONG_TTL), 0);
    CHECK_STATUS(clu->suite, announce(clu, 1, "alice", LONG_TTL), 0);
    CHECK_STATUS(clu->suite, announce(clu, 2, "bob", LONG_TTL), 0);
    for (int i = 0; i < NODES; i++) {
        CHECK_LOCATED(clu, i, "alice", "a b");
        CHECK_LOCATED(clu, i, "bob", "c");
        CHECK_LOCATED(clu, i, "alic", "-");
    }
}

static void a_withdrawal_tells_when_a_user_was_seen(struct clu *clu)
{
    struct text text = {0};
    int64_t seen = 0;

    CHECK_STATUS(clu->suite, announce(clu, 0, "alice", LONG_TTL), 0);
    CHECK_STATUS(clu->suite, announce(clu, 1, "alice", LONG_TTL), 0);
    CHECK_STATUS(clu->suite, withdraw(clu, 0, "alice", 1700000000123), 0);
    CHECK_LOCATED(clu, 2, "alice", "b");
    CHECK_STATUS(clu->suite, withdraw(clu, 1, "alice", 1700000000456), 0);
    locate(clu, 2, "alice", &text, &seen);
    CHECK_TEXT(clu->suite, text.bytes, "-");
    CHECK_NUMBER(clu->suite, seen, 1700000000456);
    CHECK_STATUS(clu->suite, withdraw(clu, 2, "nobody", 1700000000789), 0);
    CHECK_LOCATED(clu, 2, "nobody", "-");
}

/* Many in one operation, asked for in another order, one of them twice. */
static void many_users_are_announced_and_found_at_once(struct clu *clu)
{
    enum { COUNT = 200 };
    char names[COUNT][8];
    struct cc_slice users[COUNT];
    struct cc_cluster_announce on = {
        .users = users, .count = COUNT, .on = true, .ttl_ms = LONG_TTL};
    struct cc_slice asked[COUNT + 1];
    struct cc_cluster_locate op = {.users = asked, .count = COUNT + 1};
    struct text text = {0};

    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "u%zu", i);
        users[i] = slice_str(names[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        asked[i] = i == 7 ? slice_str("nobody") : users[COUNT - 1 - i];
    asked[COUNT] = users[0];
    CHECK_STATUS(clu->suite, CLU_RUN(clu, 0, announce, &on), 0);
    CHECK_STATUS(clu->suite, CLU_RUN(clu, 1, locate, &op), 0);
    for (size_t i = 0; i < COUNT + 1; i++)
        add_nodes(&text, &op.ret_locations[i]);
    cc_op_release(&op.op);
    CHECK_NUMBER(clu->suite, text.size, COUNT + 1);
    CHECK_NUMBER(clu->suite, strspn(text.bytes, "a"), 7);
    CHECK_NUMBER(clu->suite, strspn(text.bytes + 8, "a"), COUNT - 7);
}

static void announcements_expire_unless_prolonged(struct clu *clu)
{
    const struct cc_cluster_factory *factory = clu->factory;
    int64_t before = factory->pass_time(factory->context, 0);
    struct text text = {0};
    int64_t seen = 0;
    int64_t after;

    CHECK_STATUS(clu->suite, announce(clu, 0, "alice", 1000), 0);
    CHECK_STATUS(clu->suite, announce(clu, 1, "alice", 1000), 0);
    factory->pass_time(factory->context, 600);
    CHECK_LOCATED(clu, 2, "alice", "a b");
    CHECK_STATUS(clu->suite, announce(clu, 1, "alice", 1000), 0);
    factory->pass_time(factory->context, 600);
    CHECK_LOCATED(clu, 2, "alice", "b");
    after = factory->pass_time(factory->context, 1500);
    locate(clu, 2, "alice", &text, &seen);
    CHECK_TEXT(clu->suite, text.bytes, "-");
    CHECK(clu->suite, seen >= before + 600 && seen <= after);
}

static void a_dead_nodes_users_go_offline(struct clu *clu)
{
    const struct cc_cluster_factory *factory = clu->factory;

    CHECK_STATUS(clu->suite, announce(clu, 0, "alice", 500), 0);
    CHECK_STATUS(clu->suite, put_owner(clu, 0, 1, 500), 0);
    clu->nodes[0].vtable->free(clu->nodes[0].self);
    clu->nodes[0].vtable = NULL;
    factory->pass_time(factory->context, 1000);
    CHECK_LOCATED(clu, 1, "alice", "-");
    CHECK_OWNER(clu, 1, 1, "");
}

static void owners_are_known_until_they_expire(struct clu *clu)
{
    const struct cc_cluster_factory *factory = clu->factory;

    CHECK_OWNER(clu, 0, 0, "");
    CHECK_STATUS(clu->suite, put_owner(clu, 0, 0, LONG_TTL), 0);
    CHECK_STATUS(clu->suite, put_owner(clu, 1, 3, 1000), 0);
    CHECK_OWNER(clu, 2, 0, "a");
    CHECK_OWNER(clu, 0, 3, "b");
    CHECK_OWNER(clu, 0, 1, "");
    CHECK_STATUS(clu->suite, put_owner(clu, 2, 0, LONG_TTL), 0);
    CHECK_OWNER(clu, 0, 0, "c");
    factory->pass_time(factory->context, 600);
    CHECK_STATUS(clu->suite, put_owner(clu, 1, 3, 1000), 0);
    factory->pass_time(factory->context, 600);
    CHECK_OWNER(clu, 0, 3, "b");
    factory->pass_time(factory->context, 900);
    CHECK_OWNER(clu, 0, 3, "");
    CHECK_OWNER(clu, 1, 0, "c");
}

/* --- the bus --- */

static void messages_arrive_at_their_node(struct clu *clu)
{
    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, "one"), 0);
    CHECK_STATUS(clu->suite, send_text(clu, 0, 2, "two"), 0);
    CHECK_STATUS(clu->suite, send_text(clu, 0, 0, "self"), 0);
    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, "three"), 0);
    CHECK_RECEIVED(clu, 0, 1, "a:self");
    CHECK_RECEIVED(clu, 1, 2, "a:one a:three");
    CHECK_RECEIVED(clu, 2, 1, "a:two");
}

static void sending_to_a_node_that_is_not_there_is_no_error(struct clu *clu)
{
    struct cc_cluster *port = &clu->nodes[0];

    CHECK_STATUS(clu->suite, port->vtable->send(port->self, slice_str("gone"), slice_str("x")), 0);
    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, "after"), 0);
    CHECK_RECEIVED(clu, 1, 1, "a:after");
}

/* Over more than one receive brings. */
static void one_senders_messages_keep_their_order(struct clu *clu)
{
    enum { COUNT = 1000 };
    struct cc_cluster_receive op;
    size_t next[NODES] = {0};
    size_t got = 0;
    char data[16];

    for (size_t i = 0; i < COUNT; i++)
        for (int from = 0; from < 2; from++) {
            snprintf(data, sizeof data, "%zu", i);
            CHECK_STATUS(clu->suite, send_text(clu, from, 2, data), 0);
        }
    while (got < 2 * COUNT && receive(clu, 2, &op)) {
        for (size_t i = 0; i < op.ret_count; i++, got++) {
            int from = slice_equal(op.ret_messages[i].from, slice_str("b"));

            snprintf(data, sizeof data, "%zu", next[from]++);
            if (!slice_equal(op.ret_messages[i].data, slice_str(data)))
                suite_fail(clu->suite, __func__, __LINE__, "%.*s from %s, wanted %s",
                           SLICE_ARGUMENTS(op.ret_messages[i].data), node_names[from], data);
        }
        cc_op_release(&op.op);
    }
    CHECK_NUMBER(clu->suite, got, 2 * COUNT);
}

static void send_and_check(struct clu *clu, struct cc_slice data)
{
    struct cc_cluster *port = &clu->nodes[0];
    struct cc_cluster_receive op;
    bool is_same;

    CHECK_STATUS(clu->suite, port->vtable->send(port->self, slice_str("b"), data), 0);
    CHECK(clu->suite, receive(clu, 1, &op));
    is_same = op.ret_count == 1 && slice_equal(op.ret_messages[0].data, data);
    cc_op_release(&op.op);
    CHECK(clu->suite, is_same);
}

static void any_bytes_come_back_whole(struct clu *clu)
{
    enum { SIZE = 200000 };
    static char bytes[SIZE];

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 151);
    send_and_check(clu, slice_of(bytes, 0));
    send_and_check(clu, slice_of(bytes, 1));
    send_and_check(clu, slice_of(bytes, 256));
    send_and_check(clu, slice_of(bytes, SIZE));
}

static void what_was_sent_is_a_copy(struct clu *clu)
{
    char data[] = "first";
    struct cc_cluster_receive op;

    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, data), 0);
    memcpy(data, "other", sizeof data);
    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, data), 0);
    CHECK_RECEIVED(clu, 1, 2, "a:first a:other");
    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, "kept"), 0);
    CHECK(clu->suite, receive(clu, 1, &op));
    suite_check_status(clu->suite, __func__, __LINE__, send_text(clu, 0, 1, "more"), 0);
    suite_check_number(clu->suite, __func__, __LINE__,
                       slice_equal(op.ret_messages[0].data, slice_str("kept")), true);
    cc_op_release(&op.op);
    CHECK_RECEIVED(clu, 1, 1, "a:more");
}

static void a_held_receive_waits_for_a_message(struct clu *clu)
{
    struct cc_cluster *port = &clu->nodes[1];
    struct cc_cluster_receive held = {.ret_count = 0};
    struct cc_cluster_receive second = {.ret_count = 0};

    suite_submit(clu->suite, &held.op);
    port->vtable->receive(port->self, &held);
    suite_drain(clu->suite);
    CHECK(clu->suite, !suite_is_done(&held.op));
    CHECK_STATUS(clu->suite, CLU_RUN(clu, 1, receive, &second), CC_EBUSY);
    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, "hello"), 0);
    CHECK_STATUS(clu->suite, suite_wait(clu->suite, &held.op), 0);
    suite_check_number(clu->suite, __func__, __LINE__, held.ret_count, 1);
    cc_op_release(&held.op);
}

static void a_held_receive_can_be_cancelled(struct clu *clu)
{
    struct cc_cluster *port = &clu->nodes[1];
    struct cc_cluster_receive held = {.ret_count = 0};

    suite_submit(clu->suite, &held.op);
    port->vtable->receive(port->self, &held);
    suite_drain(clu->suite);
    port->vtable->cancel(port->self, &held.op);
    CHECK_STATUS(clu->suite, suite_wait(clu->suite, &held.op), CC_ECANCELED);
    CHECK_STATUS(clu->suite, send_text(clu, 0, 1, "later"), 0);
    CHECK_RECEIVED(clu, 1, 1, "a:later");
}

/* --- running --- */

struct clu_case {
    const char *name;
    void (*run)(struct clu *clu);
};

static const struct clu_case cases[] = {
    {"a node knows its name", a_node_knows_its_name},
    {"users are found where they are announced", users_are_found_where_they_are_announced},
    {"a withdrawal tells when a user was seen", a_withdrawal_tells_when_a_user_was_seen},
    {"many users are announced and found at once", many_users_are_announced_and_found_at_once},
    {"announcements expire unless prolonged", announcements_expire_unless_prolonged},
    {"a dead node's users go offline", a_dead_nodes_users_go_offline},
    {"owners are known until they expire", owners_are_known_until_they_expire},
    {"messages arrive at their node", messages_arrive_at_their_node},
    {"sending to a node that is not there is no error",
     sending_to_a_node_that_is_not_there_is_no_error},
    {"one sender's messages keep their order", one_senders_messages_keep_their_order},
    {"any bytes come back whole", any_bytes_come_back_whole},
    {"what was sent is a copy", what_was_sent_is_a_copy},
    {"a held receive waits for a message", a_held_receive_waits_for_a_message},
    {"a held receive can be cancelled", a_held_receive_can_be_cancelled},
};

static int open_nodes(struct clu *clu)
{
    const struct cc_cluster_factory *factory = clu->factory;
    int r = factory->make(factory->context);

    for (int i = 0; !r && i < NODES; i++)
        r = factory->open(factory->context, slice_str(node_names[i]), &clu->nodes[i]);
    return r;
}

static void run_case(struct suite *suite, const struct cc_cluster_factory *factory,
                     const struct clu_case *one)
{
    struct clu clu = {.suite = suite, .factory = factory};
    int r = open_nodes(&clu);

    suite_check_status(suite, __func__, __LINE__, r, 0);
    if (!r)
        one->run(&clu);
    for (int i = 0; i < NODES; i++)
        if (clu.nodes[i].vtable)
            clu.nodes[i].vtable->free(clu.nodes[i].self);
}

static void run_all(struct suite *suite, const void *context)
{
    const struct cc_cluster_factory *factory = context;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        SUITE_CASE(suite, cases[i].name, run_case(suite, factory, &cases[i]));
    if (factory->destroy)
        factory->destroy(factory->context);
}

int cc_conformance_cluster(const struct cc_cluster_factory *factory,
                           const struct cc_conformance_options *options)
{
    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open ||
        !factory->pass_time)
        return CC_EINVAL;
    return suite_run("cluster", options, run_all, factory);
}
