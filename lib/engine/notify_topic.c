/*
 * Topics: the messages of one conversation gathered for a window.
 */
#include "chatcore/error.h"
#include "engine/conversation.h"
#include "engine/notify_state.h"

/* --- making and freeing -------------------------------------------------------------------------
 */

static bool is_gathering(const struct topic *topic)
{
    return topic->hh.tbl != NULL;
}

static void stop_gathering(struct topic *topic)
{
    if (!is_gathering(topic))
        return;
    HASH_DELETE(hh, topic->notify->topics, topic);
    topic->hh.tbl = NULL;
}

void topic_free(struct topic *topic)
{
    struct notify *notify = topic->notify;
    const struct cc_allocator *allocator = &notify->engine->allocator;

    stop_gathering(topic);
    list_remove(&topic->link);
    timer_clear(&notify->engine->timers, &topic->timer);
    if (topic->hold)
        hold_unref(topic->hold);
    for (size_t i = 0; i < topic->mention_count; i++)
        mem_free(allocator, (char *)topic->mentions[i].data);
    mem_free(allocator, topic->mentions);
    mem_free(allocator, topic->entries);
    notify->topic_count--;
    mem_free(allocator, topic);
}

static struct topic *topic_new(struct notify *notify, struct cc_slice conversation,
                               struct hold *hold)
{
    struct topic *topic = mem_zalloc(&notify->engine->allocator, 1, sizeof *topic);

    if (!topic)
        return NULL;
    topic->notify = notify;
    topic->hold = hold_ref(hold);
    memcpy(topic->bytes, conversation.data, conversation.size);
    topic->conversation = slice_of(topic->bytes, conversation.size);
    notify->topic_count++;
    return topic;
}

/* --- when it is due -----------------------------------------------------------------------------
 */

static void become_due(struct topic *topic)
{
    struct notify *notify = topic->notify;

    stop_gathering(topic);
    timer_clear(&notify->engine->timers, &topic->timer);
    list_add(topic->is_urgent ? &notify->urgent : &notify->due, &topic->link);
}

static int copy_entries(const struct topic *topic, struct topic *copy)
{
    const struct cc_allocator *allocator = &topic->notify->engine->allocator;

    copy->entries = mem_zalloc(allocator, topic->count + 1, sizeof *copy->entries);
    if (!copy->entries)
        return CC_ENOMEM;
    memcpy(copy->entries, topic->entries, topic->count * sizeof *copy->entries);
    copy->count = topic->count;
    copy->uncounted = topic->uncounted;
    copy->last = topic->last;
    return 0;
}

/* For those mentioned, a copy is due now; the rest goes on gathering. */
static int split_mentions(struct topic *topic)
{
    struct topic *copy = topic_new(topic->notify, topic->conversation, topic->hold);

    if (!copy)
        return CC_ENOMEM;
    if (copy_entries(topic, copy) != 0) {
        topic_free(copy);
        return CC_ENOMEM;
    }
    copy->is_urgent = true;
    copy->is_mentions = true;
    copy->mentions = topic->mentions;
    copy->mention_count = topic->mention_count;
    topic->mentions = NULL;
    topic->mention_count = 0;
    topic->mention_capacity = 0;
    topic->urgent_ms = 0;
    become_due(copy);
    return 0;
}

static int set_timer(struct topic *topic)
{
    int64_t at = topic->due_ms;

    if (topic->urgent_ms && topic->urgent_ms < at)
        at = topic->urgent_ms;
    return timer_set(&topic->notify->engine->timers, &topic->timer, at);
}

static void expired(struct timer *timer, void *context)
{
    struct topic *topic = container_of(timer, struct topic, timer);
    int64_t now = ((struct cc_engine *)context)->now.mono_ms;

    if (topic->due_ms > now && topic->urgent_ms && topic->urgent_ms <= now &&
        split_mentions(topic) != 0)
        topic->urgent_ms = now + NOTIFY_RETRY_MS;
    /* Without memory for its timer it is early, and not lost. */
    if (topic->due_ms <= now || set_timer(topic) != 0)
        become_due(topic);
}

/* What is not in memory, as after a restart, is not urgent. */
static bool is_direct(struct cc_engine *engine, struct cc_slice id)
{
    const struct conversation *conversation = conversation_find(engine, id);

    return conversation && conversation->is_loaded && conversation->kind == CC_KIND_DIRECT;
}

static struct topic *topic_begin(struct notify *notify, struct cc_slice conversation,
                                 struct hold *hold)
{
    const struct cc_allocator *hash_allocator = &notify->engine->allocator;
    struct topic *topic = topic_new(notify, conversation, hold);
    int64_t now = notify->engine->now.mono_ms;

    if (!topic)
        return NULL;
    topic->is_urgent = is_direct(notify->engine, conversation);
    topic->due_ms =
        now + (topic->is_urgent ? notify->options.urgent_ms : notify->options.window_ms);
    topic->timer.expired = expired;
    HASH_ADD_KEYPTR(hh, notify->topics, topic->bytes, conversation.size, topic);
    if (is_gathering(topic) && set_timer(topic) == 0)
        return topic;
    topic_free(topic);
    return NULL;
}

/* --- gathering ----------------------------------------------------------------------------------
 */

static int add_entry(struct topic *topic, const struct cc_message *message)
{
    int r;

    if (topic->count == NOTIFY_ENTRIES_MAX) {
        topic->uncounted++;
        return 0;
    }
    r = mem_reserve(&topic->notify->engine->allocator, (void **)&topic->entries, &topic->capacity,
                    topic->count + 1, sizeof *topic->entries);
    if (r)
        return r;
    topic->entries[topic->count].seq = message->seq;
    topic->entries[topic->count].from = hash_stable(message->from);
    topic->count++;
    return 0;
}

static bool is_mentioned(const struct topic *topic, struct cc_slice user)
{
    for (size_t i = 0; i < topic->mention_count; i++)
        if (slice_equal(topic->mentions[i], user))
            return true;
    return false;
}

static int add_mention(struct topic *topic, struct cc_slice user)
{
    const struct cc_allocator *allocator = &topic->notify->engine->allocator;
    int r;

    if (topic->mention_count == NOTIFY_MENTIONS_MAX || is_mentioned(topic, user))
        return 0;
    r = mem_reserve(allocator, (void **)&topic->mentions, &topic->mention_capacity,
                    topic->mention_count + 1, sizeof *topic->mentions);
    if (!r)
        r = slice_copy(allocator, user, &topic->mentions[topic->mention_count]);
    if (!r)
        topic->mention_count++;
    return r;
}

static int add_mentions(struct topic *topic, const struct cc_message *message)
{
    int r = 0;

    if (topic->is_urgent)
        return 0;
    for (size_t i = 0; !r && i < message->mention_count; i++)
        r = add_mention(topic, message->mentions[i]);
    if (r || !topic->mention_count || topic->urgent_ms)
        return r;
    topic->urgent_ms = topic->notify->engine->now.mono_ms + topic->notify->options.urgent_ms;
    return set_timer(topic);
}

static void set_last(struct topic *topic, const struct cc_message *message)
{
    struct topic_last *last = &topic->last;

    last->seq = message->seq;
    last->ts = message->ts;
    last->id = message->id;
    last->is_media = message->kind == CC_MESSAGE_MEDIA;
    last->is_deleted = false;
    last->from_size = message->from.size;
    memcpy(last->from, message->from.data, message->from.size);
    last->trace_parent_size = trace_parent_of(message->trace_parent).size;
    if (last->trace_parent_size)
        memcpy(last->trace_parent, message->trace_parent.data, last->trace_parent_size);
    last->preview_size = text_cut(message->text, NOTIFY_PREVIEW_MAX);
    if (last->preview_size)
        memcpy(last->preview, message->text.data, last->preview_size);
}

/* What was deleted is not shown any more. */
static void take_deletion(struct topic *topic, const struct cc_message *message)
{
    if (topic && memcmp(&topic->last.id, &message->target, sizeof message->target) == 0)
        topic->last.is_deleted = true;
}

int topic_take(struct notify *notify, const struct cc_message *message, struct hold *hold)
{
    struct topic *topic = NULL;
    int r;

    HASH_FIND(hh, notify->topics, message->conversation.data, message->conversation.size, topic);
    if (message->kind == CC_MESSAGE_DELETE) {
        take_deletion(topic, message);
        return 0;
    }
    if (topic && message->seq <= topic->last.seq)
        return 0;
    if (!topic)
        topic = topic_begin(notify, message->conversation, hold);
    if (!topic)
        return CC_ENOMEM;
    r = add_mentions(topic, message);
    if (!r)
        r = add_entry(topic, message);
    if (r)
        return r;
    set_last(topic, message);
    return 0;
}

/* --- for the walks ------------------------------------------------------------------------------
 */

struct topic *topic_next_due(struct notify *notify)
{
    struct list_link *link = list_first(&notify->urgent);

    if (!link)
        link = list_first(&notify->due);
    if (!link)
        return NULL;
    list_remove(link);
    return container_of(link, struct topic, link);
}

uint32_t topic_count_for(const struct topic *topic, struct cc_slice user, uint64_t seen)
{
    uint64_t hash = hash_stable(user);
    uint32_t count = 0;

    for (size_t i = 0; i < topic->count; i++) {
        if (topic->entries[i].from == hash)
            count = 0;
        else if (topic->entries[i].seq > seen)
            count++;
    }
    return topic->last.seq > seen ? count + topic->uncounted : count;
}

bool topics_have_room(const struct notify *notify)
{
    return notify->topic_count < notify->options.max_topics;
}

static void drop_due(struct list *due, uint32_t partition)
{
    struct list_link *link = list_first(due);

    while (link) {
        struct topic *topic = container_of(link, struct topic, link);

        link = list_next(due, link);
        if (topic->hold->partition == partition)
            topic_free(topic);
    }
}

void topics_drop(struct notify *notify, uint32_t partition)
{
    struct topic *topic;
    struct topic *next;

    HASH_ITER(hh, notify->topics, topic, next)
    {
        if (topic->hold->partition == partition)
            topic_free(topic);
    }
    drop_due(&notify->urgent, partition);
    drop_due(&notify->due, partition);
}

void topics_free(struct notify *notify)
{
    for (uint32_t i = 0; i < notify->engine->partition_count; i++)
        topics_drop(notify, i);
}
