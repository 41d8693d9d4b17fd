/*
 * One record: what the sequencer decides, in the order in which it decides.
 *
 * All memory is reserved before the first change, so a record is applied whole or not at all.
 */
#include "engine/apply.h"

#include "chatcore/error.h"
#include "engine/delivery.h"
#include "engine/flush.h"
#include "engine/groups.h"
#include "engine/interest.h"
#include "engine/propose.h"
#include "engine/redact.h"
#include "engine/retention.h"
#include "engine/sync.h"
#include "engine/unread.h"

struct application {
    struct partition *partition;
    struct cc_engine *engine;
    struct conversation *conversation;
    const struct log_item *item;
    const struct record *record; /* the item's */
};

static void answer(const struct application *a, const struct verdict *verdict)
{
    if (slice_equal(a->record->origin, a->engine->node))
        proposal_applied(a->engine, a->record->token, verdict);
    else
        link_send_verdict(a->engine, a->record->origin, a->record->token, verdict);
}

static bool joins(const struct record *record)
{
    return record->message.action == CC_SYSTEM_ADDED;
}

/* A direct conversation begins silently: the first thing said in it has seq 1. */
static bool takes_seq(const struct application *a)
{
    return a->record->message.action != CC_SYSTEM_CREATED ||
           a->record->conversation_kind != CC_KIND_DIRECT;
}

/* --- taking a seq ------------------------------------------------------------------------------
 */

static int reserve(const struct application *a)
{
    const struct cc_message *message = &a->record->message;
    size_t members = conversation_member_count(a->conversation) + message->user_count + 1;
    size_t inbox = members <= CC_FANOUT_WRITE_MAX + message->user_count + 1 ? members : 0;
    size_t marks =
        (joins(a->record) ? message->user_count : 0) + message->media_count + !takes_seq(a) + 1;
    int r = conversation_reserve_recent(a->conversation);

    if (!r)
        r = flush_reserve(a->partition->flush, inbox, marks);
    if (!r)
        r = dedup_reserve(&a->partition->dedup);
    return r;
}

static void remember_client_id(const struct application *a, const struct message *message)
{
    struct dedup_entry entry = {
        .hash = a->item->client_hash, .id = message->view.id, .offset = a->item->offset};

    if (message->client_id.size)
        dedup_add(&a->partition->dedup, &entry);
}

/* Who says something has seen what stands before it. 0 or CC_ENOMEM. */
static int note_seen(const struct application *a, const struct message *message)
{
    struct member_entry *author = unread_counts(&message->view)
                                      ? conversation_member(a->conversation, message->view.from)
                                      : NULL;
    int r =
        author ? flush_add_seen(a->partition->flush, a->conversation, author, message->said) : 0;

    if (author && !r)
        author->seen = message->said;
    return r;
}

/* The message gets the next seq: from here on it is in the conversation. 0 or CC_ENOMEM. */
static int commit(const struct application *a, struct message **ret_message)
{
    struct conversation *conversation = a->conversation;
    struct message *message;
    int r = message_new(&a->engine->allocator, a->record, a->item->bytes, conversation->seq + 1,
                        a->item->offset, &message);

    if (r)
        return r;
    message->client_hash = a->item->client_hash;
    if (redact_wants(message))
        r = redact_recent(conversation, a->record, message->view.seq);
    message->said = conversation->said + unread_counts(&message->view);
    if (!r)
        r = note_seen(a, message);
    if (!r)
        r = flush_add(a->partition->flush, conversation, message);
    if (r) {
        message_unref(message);
        return r;
    }
    flush_add_media(a->partition->flush, conversation, message);
    conversation->seq++;
    conversation->said = message->said;
    conversation->offset = a->item->offset;
    conversation->ts = message->view.ts;
    conversation_add_recent(conversation, message);
    remember_client_id(a, message);
    partition_add_message(a->partition, message);
    flush_touch(a->partition->flush, conversation);
    a->engine->stats.sends++;
    *ret_message = message;
    return 0;
}

static void announce(const struct application *a, struct message *message)
{
    struct verdict verdict = {
        .seq = message->view.seq, .id = message->view.id, .ts = message->view.ts};

    delivery_message(a->conversation, message);
    interest_route(a->conversation, message);
    answer(a, &verdict);
}

/* --- what users say ----------------------------------------------------------------------------
 */

struct dedup_query log_item_query(const struct log_item *item)
{
    return (struct dedup_query){.sender = item->record.message.from,
                                .hash = item->client_hash,
                                .full = item->record.full_dedup,
                                .offset = item->offset,
                                .ts = id_timestamp(&item->record.message.id)};
}

static const struct dedup_entry *find_first(const struct application *a)
{
    struct dedup_query query = log_item_query(a->item);

    if (!a->item->record.message.client_id.size)
        return NULL;
    return dedup_find(&a->partition->dedup, &query);
}

static int may_write(const struct application *a)
{
    struct conversation *conversation = a->conversation;
    const struct member_entry *member;

    if (!conversation->is_known)
        return CC_ENOTFOUND;
    member = conversation_member(conversation, a->record->message.from);
    if (!member)
        return CC_ENOTFOUND; /* as if it were not there */
    if (conversation->kind == CC_KIND_CHANNEL && member->role < CC_ROLE_ADMIN &&
        a->record->message.kind != CC_MESSAGE_REACTION)
        return CC_EFORBIDDEN;
    return 0;
}

static int apply_said(const struct application *a)
{
    const struct dedup_entry *first = find_first(a);
    struct verdict verdict = {0};
    struct message *message;
    int r;

    if (first) {
        a->engine->stats.duplicates++;
        verdict.is_duplicate = true;
        verdict.id = first->id;
        verdict.ts = id_timestamp(&first->id);
        answer(a, &verdict);
        return 0;
    }
    verdict.status = may_write(a);
    if (verdict.status) {
        answer(a, &verdict);
        return 0;
    }
    r = reserve(a);
    if (!r)
        r = commit(a, &message);
    if (r)
        return r;
    announce(a, message);
    message_unref(message);
    return 0;
}

/* --- who is a member ----------------------------------------------------------------------------
 */

static int put_all(const struct application *a, enum cc_role role)
{
    const struct cc_message *message = &a->record->message;
    int r = 0;

    for (size_t i = 0; !r && i < message->user_count; i++)
        r = conversation_put_member(a->conversation, message->users[i], role);
    for (size_t i = 0; !r && joins(a->record) && i < message->user_count; i++)
        conversation_member(a->conversation, message->users[i])->seen = a->conversation->said;
    return r;
}

static int apply_created(const struct application *a)
{
    const struct cc_message *message = &a->record->message;
    bool is_direct = a->record->conversation_kind == CC_KIND_DIRECT;
    int r = put_all(a, CC_ROLE_MEMBER);

    if (!r)
        r = conversation_put_member(a->conversation, message->from,
                                    is_direct ? CC_ROLE_MEMBER : CC_ROLE_OWNER);
    if (r)
        return r;
    a->conversation->kind = a->record->conversation_kind;
    a->conversation->created = message->ts;
    a->conversation->is_known = true;
    return 0;
}

static int rename_to(struct conversation *conversation, struct cc_slice name)
{
    struct cc_slice copy;
    int r = slice_copy(&conversation->engine->allocator, name, &copy);

    if (r)
        return r;
    mem_free(&conversation->engine->allocator, (char *)conversation->name.data);
    conversation->name = copy;
    return 0;
}

/* Additions happen before the seq is taken and removals after it: everybody concerned sees the
 * message. */
static int change_before(const struct application *a)
{
    const struct cc_message *message = &a->record->message;

    switch (message->action) {
    case CC_SYSTEM_CREATED:
        return rename_to(a->conversation, message->name) ? CC_ENOMEM : apply_created(a);
    case CC_SYSTEM_RENAMED:
        return rename_to(a->conversation, message->name);
    case CC_SYSTEM_ADDED:
    case CC_SYSTEM_ROLE:
        return put_all(a, message->role ? message->role : CC_ROLE_MEMBER);
    default:
        return 0;
    }
}

static void change_after(const struct application *a)
{
    const struct cc_message *message = &a->record->message;

    if (message->action != CC_SYSTEM_REMOVED && message->action != CC_SYSTEM_LEFT)
        return;
    for (size_t i = 0; i < message->user_count; i++)
        conversation_remove_member(a->conversation, message->users[i]);
}

static int note_joins(const struct application *a)
{
    const struct cc_message *message = &a->record->message;
    size_t count = joins(a->record) ? message->user_count : 0;
    int r = 0;

    for (size_t i = 0; !r && i < count; i++)
        r = flush_add_join(a->partition->flush, a->conversation, message->users[i],
                           a->conversation->seq + 1);
    return r;
}

static void changed(const struct application *a, struct message *message)
{
    sync_members_changed(a->conversation, message);
    groups_changed(a->conversation, &a->record->message);
    retention_noted(a->engine, a->record->message.retention_s);
    groups_applied(a->conversation, a->record->member_version);
}

static int apply_change(const struct application *a)
{
    struct conversation *conversation = a->conversation;
    struct verdict silent = {.id = a->record->message.id};
    struct message *message = NULL;
    int r;

    if (a->record->member_version <= conversation->member_version) {
        groups_applied(conversation, conversation->member_version);
        return 0; /* appended twice */
    }
    if (a->record->member_version > conversation->member_version + 1) {
        groups_relay(a->partition); /* early: it is still in the outbox and comes again in order */
        return 0;
    }
    r = reserve(a);
    if (!r)
        r = note_joins(a);
    if (!r && !takes_seq(a))
        r = flush_add_beginning(a->partition->flush, conversation, a->item->offset);
    if (!r)
        r = change_before(a);
    if (!r && takes_seq(a))
        r = commit(a, &message);
    if (r)
        return r; /* what was added before is added again: the same */
    conversation->member_version = a->record->member_version;
    conversation->offset = a->item->offset;
    flush_touch(a->partition->flush, conversation);
    change_after(a);
    changed(a, message);
    if (message) {
        announce(a, message);
        message_unref(message);
    } else {
        answer(a, &silent);
    }
    return 0;
}

int apply_record(struct partition *partition, struct conversation *conversation,
                 const struct log_item *item)
{
    struct application a = {.partition = partition,
                            .engine = partition->engine,
                            .conversation = conversation,
                            .item = item,
                            .record = &item->record};

    if (item->record.message.kind == CC_MESSAGE_SYSTEM)
        return apply_change(&a);
    return apply_said(&a);
}
