/*
 * Notifications: the consumer, how far everything has been dealt with, starting and stopping.
 */
#include "engine/notify.h"

#include "base/crypto.h"
#include "base/options.h"
#include "chatcore/error.h"
#include "engine/notify_state.h"

static const struct cc_notify_options default_options = {
    .size = sizeof(struct cc_notify_options),
    .urgent_ms = 3000,
    .window_ms = 15000,
    .retry_for_s = 3600,
    .max_pushes = 16384,
    .max_device_queue = 32,
    .max_topics = 16384,
    .max_shown = 65536,
};

#define OPTION(options, member)                                                                    \
    do {                                                                                           \
        if (!(options)->member)                                                                    \
            (options)->member = default_options.member;                                            \
    } while (0)

static void options_fill(struct cc_notify_options *options)
{
    OPTION(options, urgent_ms);
    OPTION(options, window_ms);
    OPTION(options, retry_for_s);
    OPTION(options, max_pushes);
    OPTION(options, max_device_queue);
    OPTION(options, max_topics);
    OPTION(options, max_shown);
    if (options->max_pushes < 2 * NOTIFY_DEVICES_MAX)
        options->max_pushes = 2 * NOTIFY_DEVICES_MAX; /* one user's, at the least */
}

/* --- operations ---------------------------------------------------------------------------------
 */

void notify_op_begin(struct notify *notify, struct cc_op *op, void (*complete)(struct cc_op *op))
{
    notify->operations++;
    engine_op_begin(notify->engine, op, complete);
}

void notify_op_done(struct notify *notify, const struct cc_op *op)
{
    notify->operations--;
    engine_op_done(notify->engine, op);
}

/* --- names --------------------------------------------------------------------------------------
 */

void notify_collapse_key(struct cc_slice user, struct cc_slice conversation,
                         char ret_key[COLLAPSE_KEY_SIZE])
{
    struct cc_slice parts[] = {user, conversation};
    uint8_t digest[16];

    crypto_digest16(parts, 2, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        for (size_t half = 0; half < 2; half++)
            ret_key[2 * i + half] = "0123456789abcdef"[digest[i] >> (half ? 0 : 4) & 15];
}

struct cc_id notify_id(struct cc_slice user, struct cc_slice device, struct cc_slice conversation,
                       uint64_t seq, enum cc_notification_action action)
{
    char numbers[9];
    struct cc_slice parts[] = {user, device, conversation, slice_of(numbers, sizeof numbers)};
    struct cc_id id;

    for (int i = 0; i < 8; i++)
        numbers[i] = (char)(uint8_t)(seq >> (8 * i));
    numbers[8] = (char)action;
    crypto_digest16(parts, 4, id.bytes);
    return id;
}

/* --- holds --------------------------------------------------------------------------------------
 */

static struct hold *hold_of(struct list_link *link)
{
    return container_of(link, struct hold, link);
}

static struct hold *hold_new(struct notify *notify, const struct consumer_batch *batch)
{
    struct hold *hold = mem_zalloc(&notify->engine->allocator, 1, sizeof *hold);

    if (!hold)
        return NULL;
    hold->notify = notify;
    hold->partition = batch->partition;
    hold->next = batch->next;
    hold->refs = 1;
    list_add(&notify->holds[batch->partition], &hold->link);
    return hold;
}

struct hold *hold_ref(struct hold *hold)
{
    hold->refs++;
    return hold;
}

static void hold_free(struct hold *hold)
{
    list_remove(&hold->link);
    mem_free(&hold->notify->engine->allocator, hold);
}

/* All before it has been dealt with: the position moves behind it. */
static void hold_commit(struct hold *hold)
{
    struct notify *notify = hold->notify;

    if (notify->consumer)
        consumer_commit(notify->consumer, hold->partition, hold->next);
    hold_free(hold);
}

void hold_unref(struct hold *hold)
{
    struct list *holds = &hold->notify->holds[hold->partition];
    struct list_link *previous = hold->link.previous;

    if (--hold->refs)
        return;
    if (!list_is_linked(&hold->link)) { /* of a partition that was lost */
        hold_free(hold);
    } else if (previous == &holds->head) {
        hold_commit(hold);
    } else {
        hold_of(previous)->next = hold->next;
        hold_free(hold);
    }
}

/* --- the consumer -------------------------------------------------------------------------------
 */

static bool is_told_of(const struct cc_message *message)
{
    return message->kind == CC_MESSAGE_TEXT || message->kind == CC_MESSAGE_MEDIA ||
           message->kind == CC_MESSAGE_DELETE;
}

/* What is due meanwhile makes room; so the batch is given back then. */
static void give_back(struct notify *notify, uint32_t partition)
{
    notify->is_full[partition] = !topics_have_room(notify);
    if (!notify->is_full[partition] && notify->consumer)
        consumer_taken(notify->consumer, partition);
}

static int batch_came(void *context, const struct consumer_batch *batch)
{
    struct notify *notify = context;
    struct hold *hold = hold_new(notify, batch);
    int r = hold ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < batch->count; i++)
        if (is_told_of(&batch->messages[i]->view))
            r = topic_take(notify, &batch->messages[i]->view, hold);
    if (r && hold)
        hold->next = batch->position; /* it comes again: nothing behind it has been dealt with */
    if (hold)
        hold_unref(hold);
    if (!r)
        give_back(notify, batch->partition);
    return r;
}

/* The next owner goes on from the position, and tells what was not told. */
static void partition_lost(void *context, uint32_t partition)
{
    struct notify *notify = context;
    struct list_link *link;

    while ((link = list_first(&notify->holds[partition])) != NULL)
        list_remove(link);
    topics_drop(notify, partition);
}

static void consumer_closed(void *context, int status)
{
    struct notify *notify = context;

    (void)status;
    notify->consumer = NULL;
}

static int notify_start(struct cc_engine *engine)
{
    static const struct consumer_sink sink = {
        .batch = batch_came, .lost = partition_lost, .closed = consumer_closed};
    struct notify *notify = engine->notify;
    struct consumer_settings settings = {.name = slice_str(NOTIFY_CONSUMER),
                                         .start = CC_CONSUMER_NEWEST,
                                         .sink = &sink,
                                         .context = notify};

    return notify ? consumer_open(engine, &settings, &notify->consumer) : 0;
}

void notify_step(struct cc_engine *engine)
{
    struct notify *notify = engine->notify;

    if (!notify)
        return;
    walks_step(notify);
    batches_step(notify);
    for (uint32_t i = 0; i < engine->partition_count; i++)
        if (notify->is_full[i])
            give_back(notify, i);
}

/* --- making and ending --------------------------------------------------------------------------
 */

static bool notifier_is_whole(const struct cc_notifier *notifier)
{
    const struct cc_notifier_vtable *vtable = notifier->vtable;

    return vtable && vtable->size >= sizeof *vtable && vtable->push && vtable->cancel &&
           vtable->free && notifier->provider.size && notifier->provider.size <= CC_PROVIDER_MAX;
}

const struct notifier *notifier_find(const struct notify *notify, struct cc_slice provider)
{
    for (size_t i = 0; i < notify->notifier_count; i++)
        if (slice_equal(notify->notifiers[i].port.provider, provider))
            return &notify->notifiers[i];
    return NULL;
}

bool notify_has_provider(const struct cc_engine *engine, struct cc_slice provider)
{
    return engine->notify && notifier_find(engine->notify, provider);
}

size_t notify_waiting(const struct cc_engine *engine)
{
    return engine->notify ? engine->notify->push_count : 0;
}

static int add_notifier(struct notify *notify, const struct cc_notifier *given)
{
    struct notifier *notifier = &notify->notifiers[notify->notifier_count];

    if (!notifier_is_whole(given) || notifier_find(notify, given->provider))
        return CC_EINVAL;
    notifier->port = *given;
    memcpy(notifier->provider, given->provider.data, given->provider.size);
    notifier->port.provider = slice_of(notifier->provider, given->provider.size);
    notify->any_cancels = notify->any_cancels || given->cancels;
    notify->notifier_count++;
    return 0;
}

static void lists_init(struct notify *notify)
{
    list_init(&notify->urgent);
    list_init(&notify->due);
    list_init(&notify->shown);
    list_init(&notify->to_mark);
    list_init(&notify->marking);
    list_init(&notify->retrying);
}

int notify_take_options(struct cc_engine *engine, const struct cc_engine_options *options)
{
    struct notify *notify;
    int r = 0;

    if (!options->notifier_count)
        return 0;
    notify = mem_zalloc(&engine->allocator, 1, sizeof *notify);
    if (!notify)
        return CC_ENOMEM;
    engine->notify = notify;
    notify->engine = engine;
    lists_init(notify);
    walks_init(notify);
    if (options->notify.size)
        r = options_read(&notify->options, sizeof notify->options, &options->notify);
    options_fill(&notify->options);
    notify->notifiers =
        mem_zalloc(&engine->allocator, options->notifier_count, sizeof *notify->notifiers);
    if (!notify->notifiers)
        return CC_ENOMEM;
    for (size_t i = 0; !r && i < options->notifier_count; i++)
        r = add_notifier(notify, &options->notifiers[i]);
    return r;
}

int notify_init(struct cc_engine *engine)
{
    struct notify *notify = engine->notify;

    if (!notify)
        return 0;
    notify->holds = mem_zalloc(&engine->allocator, engine->partition_count, sizeof(struct list));
    notify->is_full = mem_zalloc(&engine->allocator, engine->partition_count, sizeof(bool));
    if (!notify->holds || !notify->is_full)
        return CC_ENOMEM;
    for (uint32_t i = 0; i < engine->partition_count; i++)
        list_init(&notify->holds[i]);
    return notify_start(engine);
}

bool notify_stop(struct cc_engine *engine)
{
    struct notify *notify = engine->notify;

    if (!notify)
        return true;
    if (!notify->is_stopping) {
        notify->is_stopping = true;
        devices_cancel(notify);
    }
    batches_step(notify);
    return !notify->operations && batches_are_idle(notify);
}

static void holds_free(struct notify *notify)
{
    for (uint32_t i = 0; notify->holds && i < notify->engine->partition_count; i++) {
        struct list_link *link;

        while (notify->holds[i].head.next && (link = list_first(&notify->holds[i])) != NULL)
            hold_free(hold_of(link));
    }
}

void notify_deinit(struct cc_engine *engine)
{
    struct notify *notify = engine->notify;

    if (!notify)
        return;
    notify->consumer = NULL;
    walks_deinit(notify);
    topics_free(notify);
    devices_free(notify);
    batches_free(notify);
    holds_free(notify);
    mem_free(&engine->allocator, notify->holds);
    mem_free(&engine->allocator, notify->is_full);
    mem_free(&engine->allocator, notify->notifiers);
    mem_free(&engine->allocator, notify);
    engine->notify = NULL;
}

/* The notifiers are the engine's: freed with its other ports. */
void notify_free_ports(struct cc_engine *engine)
{
    for (size_t i = 0; engine->notify && i < engine->notify->notifier_count; i++) {
        const struct cc_notifier *port = &engine->notify->notifiers[i].port;

        port->vtable->free(port->self);
    }
}
