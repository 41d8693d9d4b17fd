/*
 * Readers, and telling of them: at once, held back, or to the authors of a crowd.
 */
#include "engine/receipts_tell.h"

#include "chatcore/error.h"
#include "engine/feed.h"
#include "engine/push.h"
#include "engine/receipts_state.h"

#define READER_KEY_MAX (2 * CC_NAME_MAX + 1)

/* The most authors told at once: of the newest messages, the newest first. */
#define CROWD_AUTHORS_MAX 8

/* A large group or a channel: who has read furthest. */
struct crowd {
    UT_hash_handle hh;
    struct list_link link;
    struct timer timer; /* set for a while after telling */
    uint64_t read;
    uint64_t told;
    struct cc_slice user; /* in `user_bytes`: who read that far */
    char user_bytes[CC_NAME_MAX];
    struct cc_slice conversation;
    char bytes[];
};

static void reader_free(struct readers *readers, struct reader *reader)
{
    HASH_DELETE(hh, readers->table, reader);
    list_remove(&reader->link);
    list_remove(&reader->moved);
    timer_clear(&reader->engine->timers, &reader->timer);
    mem_free(&reader->engine->allocator, reader);
}

static void crowd_free(struct readers *readers, struct cc_engine *engine, struct crowd *crowd)
{
    HASH_DELETE(hh, readers->crowds, crowd);
    list_remove(&crowd->link);
    timer_clear(&engine->timers, &crowd->timer);
    mem_free(&engine->allocator, crowd);
}

void readers_init(struct readers *readers)
{
    list_init(&readers->all);
    list_init(&readers->crowds_all);
}

void readers_deinit(struct readers *readers, struct cc_engine *engine)
{
    struct list_link *link;

    while ((link = list_first(&readers->all)) != NULL)
        reader_free(readers, container_of(link, struct reader, link));
    while ((link = list_first(&readers->crowds_all)) != NULL)
        crowd_free(readers, engine, container_of(link, struct crowd, link));
}

/* --- finding -----------------------------------------------------------------------------------
 */

/* Names hold no control characters, so a zero byte parts them. */
static size_t key_write(char key[READER_KEY_MAX], struct cc_slice conversation,
                        struct cc_slice user)
{
    memcpy(key, conversation.data, conversation.size);
    key[conversation.size] = '\0';
    memcpy(key + conversation.size + 1, user.data, user.size);
    return conversation.size + 1 + user.size;
}

struct reader *reader_find(struct readers *readers, struct cc_slice conversation,
                           struct cc_slice user)
{
    char key[READER_KEY_MAX];
    size_t size = key_write(key, conversation, user);
    struct reader *reader = NULL;

    HASH_FIND(hh, readers->table, key, size, reader);
    if (reader) {
        list_remove(&reader->link);
        list_add(&readers->all, &reader->link);
    }
    return reader;
}

static void held_back(struct timer *timer, void *context);

struct reader *reader_get(struct readers *readers, struct cc_engine *engine,
                          struct cc_slice conversation, struct cc_slice user)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    char key[READER_KEY_MAX];
    size_t size = key_write(key, conversation, user);
    struct reader *reader = reader_find(readers, conversation, user);

    if (reader)
        return reader;
    if (HASH_COUNT(readers->table) >= RECEIPTS_READERS_MAX)
        reader_free(readers, container_of(list_first(&readers->all), struct reader, link));
    reader = mem_zalloc(hash_allocator, 1, sizeof *reader + size);
    if (!reader)
        return NULL;
    memcpy(reader->key, key, size);
    reader->engine = engine;
    reader->conversation = slice_of(reader->key, conversation.size);
    reader->user = slice_of(reader->key + conversation.size + 1, user.size);
    reader->told_ms = engine->now.mono_ms - RECEIPTS_HOLD_MS;
    reader->timer.expired = held_back;
    HASH_ADD_KEYPTR(hh, readers->table, reader->key, size, reader);
    if (!reader->hh.tbl) {
        mem_free(hash_allocator, reader);
        return NULL;
    }
    list_add(&readers->all, &reader->link);
    return reader;
}

/* --- groups and direct conversations -----------------------------------------------------------
 */

static void tell_members(struct reader *reader)
{
    struct cc_engine *engine = reader->engine;
    struct push push = {.type = CC_EVENT_RECEIPT,
                        .u.receipt = {.conversation = reader->conversation,
                                      .user = reader->user,
                                      .ts = engine->now.wall_ms}};

    if (reader->delivered > reader->told_delivered)
        push.u.receipt.delivered = reader->delivered;
    if (reader->read > reader->told_read && !reader->hides_read)
        push.u.receipt.read = reader->read;
    reader->told_delivered = reader->delivered;
    reader->told_read = reader->read;
    reader->told_ms = engine->now.mono_ms;
    if (push.u.receipt.delivered || push.u.receipt.read)
        push_to_members(engine, reader->conversation, reader->user, RECEIPTS_MEMBERS_MAX, &push);
}

static void held_back(struct timer *timer, void *context)
{
    (void)context;
    tell_members(container_of(timer, struct reader, timer));
}

static void tell_group(struct reader *reader)
{
    struct cc_engine *engine = reader->engine;
    int64_t due = reader->told_ms + RECEIPTS_HOLD_MS;

    if (reader->timer.index)
        return; /* held back already: it tells the newest */
    if (due <= engine->now.mono_ms || timer_set(&engine->timers, &reader->timer, due) != 0)
        tell_members(reader);
}

/* --- crowds ------------------------------------------------------------------------------------
 */

/* Adds an author who is not among them yet. */
static size_t add_author(struct cc_slice *authors, size_t count, struct cc_slice author)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal(authors[i], author))
            return count;
    authors[count] = author;
    return count + 1;
}

static size_t find_authors(const struct conversation *conversation, const struct crowd *crowd,
                           struct cc_slice authors[CROWD_AUTHORS_MAX])
{
    uint64_t seq = crowd->read;
    size_t count = 0;

    for (int i = 0; i < RECEIPTS_CROWD_MESSAGES && seq > crowd->told; i++, seq--) {
        const struct message *message = conversation_recent(conversation, seq);

        if (!message || count == CROWD_AUTHORS_MAX)
            break;
        if (!slice_equal(message->view.from, crowd->user))
            count = add_author(authors, count, message->view.from);
    }
    return count;
}

static void tell_authors(struct cc_engine *engine, struct crowd *crowd)
{
    struct conversation *conversation = conversation_find(engine, crowd->conversation);
    struct cc_slice authors[CROWD_AUTHORS_MAX];
    struct push push = {.type = CC_EVENT_RECEIPT,
                        .u.receipt = {.conversation = crowd->conversation,
                                      .user = crowd->user,
                                      .read = crowd->read,
                                      .ts = engine->now.wall_ms}};
    size_t count = conversation ? find_authors(conversation, crowd, authors) : 0;

    crowd->told = crowd->read;
    if (count)
        push_to_users(engine, authors, count, &push);
}

static void crowd_due(struct timer *timer, void *context)
{
    struct crowd *crowd = container_of(timer, struct crowd, timer);
    struct cc_engine *engine = context;

    if (crowd->told == crowd->read)
        return;
    tell_authors(engine, crowd);
    /* Without memory for the timer the next receipt is told at once. */
    (void)timer_set(&engine->timers, timer, engine->now.mono_ms + RECEIPTS_CROWD_MS);
}

static struct crowd *crowd_get(struct readers *readers, struct cc_engine *engine,
                               struct cc_slice conversation)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct crowd *crowd = NULL;

    HASH_FIND(hh, readers->crowds, conversation.data, conversation.size, crowd);
    if (crowd) {
        list_remove(&crowd->link);
        list_add(&readers->crowds_all, &crowd->link);
        return crowd;
    }
    if (HASH_COUNT(readers->crowds) >= RECEIPTS_CROWDS_MAX)
        crowd_free(readers, engine,
                   container_of(list_first(&readers->crowds_all), struct crowd, link));
    crowd = mem_zalloc(hash_allocator, 1, sizeof *crowd + conversation.size);
    if (!crowd)
        return NULL;
    memcpy(crowd->bytes, conversation.data, conversation.size);
    crowd->conversation = slice_of(crowd->bytes, conversation.size);
    crowd->timer.expired = crowd_due;
    HASH_ADD_KEYPTR(hh, readers->crowds, crowd->bytes, conversation.size, crowd);
    if (!crowd->hh.tbl) {
        mem_free(hash_allocator, crowd);
        return NULL;
    }
    list_add(&readers->crowds_all, &crowd->link);
    return crowd;
}

static void crowd_read(struct readers *readers, struct cc_engine *engine,
                       struct cc_slice conversation, struct cc_slice user, uint64_t seq)
{
    struct crowd *crowd = crowd_get(readers, engine, conversation);

    if (!crowd || crowd->read >= seq)
        return;
    crowd->read = seq;
    memcpy(crowd->user_bytes, user.data ? user.data : "", user.size);
    crowd->user = slice_of(crowd->user_bytes, user.size);
    if (!crowd->timer.index)
        crowd_due(&crowd->timer, engine);
}

/* The owner knows the authors. */
static void read_at_owner(const struct reader *reader)
{
    struct cc_engine *engine = reader->engine;
    struct peer *owner = feed_owner(engine, engine_partition_of(engine, reader->conversation));

    if (!owner)
        return;
    link_begin(owner, LINK_READ, 3);
    link_put_bytes(owner, reader->conversation);
    link_put_bytes(owner, reader->user);
    link_put_uint(owner, reader->read);
}

static void tell_crowd(struct readers *readers, const struct reader *reader)
{
    struct cc_engine *engine = reader->engine;

    if (reader->read <= reader->told_read || reader->hides_read)
        return; /* only delivered, or private */
    if (partition_is_running(partition_of(engine, reader->conversation)))
        crowd_read(readers, engine, reader->conversation, reader->user, reader->read);
    else
        read_at_owner(reader);
}

void receipts_read_elsewhere(struct cc_engine *engine, struct unpack *unpack)
{
    struct cc_slice conversation = unpack_bytes(unpack);
    struct cc_slice user = unpack_bytes(unpack);
    uint64_t seq = unpack_uint(unpack);

    if (!unpack->failed && name_is_valid(conversation) && name_is_valid(user))
        crowd_read(&engine->receipts->readers, engine, conversation, user, seq);
}

/* --- all ---------------------------------------------------------------------------------------
 */

static void tell_own(const struct reader *reader)
{
    struct cc_engine *engine = reader->engine;
    struct push push = {.type = CC_EVENT_RECEIPT,
                        .u.receipt = {.conversation = reader->conversation,
                                      .user = reader->user,
                                      .delivered = reader->delivered,
                                      .read = reader->read,
                                      .ts = engine->now.wall_ms}};

    push_to_user(engine, reader->user, reader->mover, &push);
}

void reader_tell(struct readers *readers, struct reader *reader)
{
    bool is_crowd = reader->kind == CC_KIND_CHANNEL || reader->member_count > RECEIPTS_MEMBERS_MAX;

    tell_own(reader);
    if (reader->kind == CC_KIND_DIRECT) {
        if (!reader->is_silent)
            tell_members(reader);
    } else if (is_crowd) {
        tell_crowd(readers, reader);
        reader->told_read = reader->read;
        reader->told_delivered = reader->delivered;
    } else {
        tell_group(reader);
    }
}
