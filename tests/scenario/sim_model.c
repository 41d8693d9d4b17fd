/*
 * The model: one table of what stands at each place, filled by whoever sees it first, and the
 * checks.
 */
#include "chatcore/error.h"
#include "engine/mark.h"
#include "engine/unread.h"
#include "sim.h"
#include "wire/record.h"

#include <stdlib.h>

int sim_user_of(struct cc_slice name)
{
    if (name.size == 2 && name.data[0] == 'u')
        return name.data[1] - '0';
    return -1; /* a ghost: a member without sessions */
}

int model_conversation(struct sim *sim, struct cc_slice id)
{
    struct sim_conversation *conversation;

    for (int i = 0; i < sim->conversation_count; i++)
        if (slice_equal(slice_of(sim->conversations[i].id, sim->conversations[i].id_size), id))
            return i;
    if (sim->conversation_count == SIM_CONVERSATIONS_MAX) {
        sim_fail(sim, "more conversations than were made");
        return 0;
    }
    conversation = &sim->conversations[sim->conversation_count];
    memcpy(conversation->id, id.data, id.size);
    conversation->id_size = id.size;
    return sim->conversation_count++;
}

static struct sim_row *row_at(struct sim *sim, int index, uint64_t seq)
{
    struct sim_conversation *conversation = &sim->conversations[index];

    if (seq >= conversation->capacity) {
        size_t capacity = (size_t)seq * 2 + 64;

        conversation->rows = realloc(conversation->rows, capacity * sizeof *conversation->rows);
        if (!conversation->rows)
            abort();
        memset(conversation->rows + conversation->capacity, 0,
               (capacity - conversation->capacity) * sizeof *conversation->rows);
        conversation->capacity = capacity;
    }
    return &conversation->rows[seq];
}

/* Invariant 2: everybody is shown the same at the same seq. */
void model_told(struct sim *sim, const struct cc_message *message)
{
    int index = model_conversation(sim, message->conversation);
    struct sim_row *row = row_at(sim, index, message->seq);

    if (!message->seq) {
        sim_fail(sim, "a message without seq");
        return;
    }
    if (row->is_known) {
        if (memcmp(&row->id, &message->id, sizeof row->id) != 0)
            sim_fail(sim, "conversation %d, seq %llu: two different messages", index,
                     (unsigned long long)message->seq);
        return;
    }
    row->is_known = true;
    row->id = message->id;
    row->kind = message->kind;
    row->action = message->action;
    row->from = sim_user_of(message->from);
    for (size_t i = 0; i < message->user_count; i++)
        if (sim_user_of(message->users[i]) >= 0)
            row->users |= 1u << sim_user_of(message->users[i]);
    if (message->action == CC_SYSTEM_CREATED && row->from >= 0)
        row->users |= 1u << row->from;
    if (message->seq > sim->conversations[index].newest)
        sim->conversations[index].newest = message->seq;
}

static bool adds_user(const struct cc_message *message, int user)
{
    if (message->action != CC_SYSTEM_ADDED && message->action != CC_SYSTEM_CREATED)
        return false;
    if (sim_user_of(message->from) == user && message->action == CC_SYSTEM_CREATED)
        return true;
    for (size_t i = 0; i < message->user_count; i++)
        if (sim_user_of(message->users[i]) == user)
            return true;
    return false;
}

static bool removes_user(const struct cc_message *message, int user)
{
    if (message->action != CC_SYSTEM_REMOVED && message->action != CC_SYSTEM_LEFT)
        return false;
    for (size_t i = 0; i < message->user_count; i++)
        if (sim_user_of(message->users[i]) == user)
            return true;
    return false;
}

static void remember(struct sim_seen_list *list, int user, int conversation, uint64_t seq)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 1024;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        if (!list->items)
            abort();
    }
    list->items[list->count++] = (struct sim_seen){user, conversation, seq};
}

/* What a client may be taken to have had: without a cursor, what the user has read elsewhere
 * counts; with one, what was read when it began. */
static uint64_t had_before(const struct sim_client *client, int index)
{
    const struct sim_place *place = &client->places[index];
    uint64_t read =
        client->gave_cursor ? place->skipped : client->sim->read_told[client->user][index];

    return read > place->last ? read : place->last;
}

void model_synced(struct sim_client *client)
{
    for (int i = 0; !client->gave_cursor && i < SIM_CONVERSATIONS_MAX; i++)
        client->places[i].skipped = client->sim->read_told[client->user][i];
}

/* True where the message does not join what this client has had of the conversation. */
static bool is_gap(const struct sim_client *client, int index, uint64_t seq)
{
    const struct sim_place *place = &client->places[index];
    bool joins_had = seq <= had_before(client, index) + 1;

    if (!place->session_last)
        return place->last && !joins_had;
    return seq > place->session_last + 1 && (client->gave_cursor || !joins_had);
}

/* Invariants 2 and 5: in a session each conversation goes on without a gap or a double, and joins
 * what was had before. */
void model_pushed(struct sim_client *client, const struct cc_message *message)
{
    struct sim *sim = client->sim;
    int index = model_conversation(sim, message->conversation);
    struct sim_place *place = &client->places[index];

    model_told(sim, message);
    remember(&sim->seen, client->user, index, message->seq);
    sim->pushes++;
    if (place->session_last && message->seq <= place->session_last)
        sim_fail(sim, "u%d/%s, conversation %d: seq %llu after %llu in one session", client->user,
                 client->device, index, (unsigned long long)message->seq,
                 (unsigned long long)place->session_last);
    if (is_gap(client, index, message->seq) && !adds_user(message, client->user))
        remember(&sim->gaps, client->user, index, message->seq);
    if (message->client_id.size && sim_user_of(message->from) != client->user)
        sim_fail(sim, "u%d sees another's client_id", client->user);
    if (removes_user(message, client->user))
        memset(place->typing_since, 0, sizeof place->typing_since);
    place->session_last = message->seq;
    if (message->seq > place->last)
        place->last = message->seq;
}

/* --- the end -----------------------------------------------------------------------------------
 */

struct sent {
    char key[64];
    int conversation;
    uint64_t seq;
    struct cc_id id;
};

struct final {
    struct sim *sim;
    struct sent *sent;
    size_t count;
    size_t capacity;
};

static void op_ignore(struct cc_op *op)
{
    (void)op;
}

static void check_row(struct final *final, int index, const struct cc_store_row *row)
{
    struct sim *sim = final->sim;
    struct record record;
    struct arena arena;
    struct sim_row *known = row_at(sim, index, row->seq);

    arena_init(&arena, cc_allocator_default());
    if (record_decode(row->body, &arena, &record) != 0) {
        sim_fail(sim, "conversation %d, seq %llu: the row is damaged", index,
                 (unsigned long long)row->seq);
        arena_deinit(&arena);
        return;
    }
    record.message.seq = row->seq;
    if (known->is_known && memcmp(&known->id, &record.message.id, sizeof known->id) != 0)
        sim_fail(sim, "conversation %d, seq %llu: stored is another message than was shown", index,
                 (unsigned long long)row->seq);
    model_told(sim, &record.message);
    if (record.message.client_id.size) {
        struct sent *sent;

        if (final->count == final->capacity) {
            final->capacity = final->capacity * 2 + 256;
            final->sent = realloc(final->sent, final->capacity * sizeof *final->sent);
            if (!final->sent)
                abort();
        }
        sent = &final->sent[final->count++];
        memset(sent, 0, sizeof *sent);
        memcpy(sent->key, record.message.from.data, record.message.from.size);
        sent->key[record.message.from.size] = '/';
        memcpy(sent->key + record.message.from.size + 1, record.message.client_id.data,
               record.message.client_id.size);
        sent->conversation = index;
        sent->seq = row->seq;
        sent->id = record.message.id;
    }
    arena_deinit(&arena);
}

static void check_redacted(struct sim *sim, int index, const struct cc_store_read_rows *read);

/* Invariant 2: the stored rows of a conversation are 1, 2, 3 … without a gap. */
static void check_conversation(struct final *final, struct cc_store *store, int index)
{
    struct sim *sim = final->sim;
    struct sim_conversation *conversation = &sim->conversations[index];
    struct cc_mailbox mailbox = {0};
    struct cc_store_read_rows read = {0};
    uint64_t newest;

    read.op.mailbox = &mailbox;
    read.op.complete = op_ignore;
    read.conversation = slice_of(conversation->id, conversation->id_size);
    read.from = 1;
    read.to = UINT64_MAX;
    read.limit = SIZE_MAX;
    store->vtable->read_rows(store->self, &read);
    cc_mailbox_drain(&mailbox);
    newest = conversation->newest;
    for (size_t i = 0; i < read.ret_count; i++) {
        if (read.ret_rows[i].seq != i + 1)
            sim_fail(sim, "conversation %d: stored seq %llu stands at place %zu", index,
                     (unsigned long long)read.ret_rows[i].seq, i + 1);
        check_row(final, index, &read.ret_rows[i]);
    }
    if (read.ret_count < newest)
        sim_fail(sim, "conversation %d: %llu messages were shown, %zu are stored", index,
                 (unsigned long long)newest, read.ret_count);
    check_redacted(sim, index, &read);
    cc_op_release(&read.op);
}

static int sent_compare(const void *a, const void *b)
{
    return strcmp(((const struct sent *)a)->key, ((const struct sent *)b)->key);
}

/* Invariants 1 and 4: what was acknowledged is stored, once, under the id that was told. */
static void check_sends(struct final *final)
{
    struct sim *sim = final->sim;

    if (final->count)
        qsort(final->sent, final->count, sizeof *final->sent, sent_compare);
    for (size_t i = 1; i < final->count; i++)
        if (strcmp(final->sent[i - 1].key, final->sent[i].key) == 0)
            sim_fail(sim,
                     "%s made two messages: conversation %d seq %llu, conversation %d seq %llu",
                     final->sent[i].key, final->sent[i - 1].conversation,
                     (unsigned long long) final->sent[i - 1].seq, final->sent[i].conversation,
                     (unsigned long long) final->sent[i].seq);
    for (size_t i = 0; i < sim->send_count; i++) {
        const struct sim_send *send = &sim->sends[i];
        struct sent key = {0};
        const struct sent *found = NULL;

        if (!send->is_acknowledged)
            continue;
        key.key[0] = 'u';
        key.key[1] = (char)('0' + sim->clients[send->client].user);
        key.key[2] = '/';
        strcpy(key.key + 3, send->client_id);
        if (final->count)
            found = bsearch(&key, final->sent, final->count, sizeof key, sent_compare);
        if (!found)
            sim_fail(sim, "%s was acknowledged and is lost", key.key);
        else if (memcmp(&found->id, &send->id, sizeof found->id) != 0)
            sim_fail(sim, "%s was acknowledged under another id", key.key);
    }
}

/* `given_last`: the message that tells a user of its going is given to it as the last one. */
static bool was_member(struct sim *sim, int index, int user, uint64_t seq, bool given_last)
{
    struct sim_conversation *conversation = &sim->conversations[index];
    bool is_member = conversation->id_size == ID_TEXT_SIZE; /* a direct one has no system rows */

    for (uint64_t at = 1; at <= seq; at++) {
        const struct sim_row *row = row_at(sim, index, at);
        bool concerns = row->kind == CC_MESSAGE_SYSTEM && (row->users & 1u << user);

        if (concerns && (row->action == CC_SYSTEM_ADDED || row->action == CC_SYSTEM_CREATED))
            is_member = true;
        if (concerns && (row->action == CC_SYSTEM_REMOVED || row->action == CC_SYSTEM_LEFT)) {
            if (at == seq && given_last)
                return true;
            is_member = false;
        }
    }
    return is_member;
}

/* Invariant 6: who is given seq n was a member then (or is told by it of coming or going). */
static void check_members(struct sim *sim)
{
    for (size_t i = 0; i < sim->seen.count && !sim->has_failed; i++)
        if (!was_member(sim, sim->seen.items[i].conversation, sim->seen.items[i].user,
                        sim->seen.items[i].seq, true))
            sim_fail(sim, "u%d was given conversation %d seq %llu without being a member",
                     sim->seen.items[i].user, sim->seen.items[i].conversation,
                     (unsigned long long)sim->seen.items[i].seq);
}

/* Invariant 10: who says something is a member at that place, whatever was checked before. */
static void check_senders(struct sim *sim)
{
    for (int i = 0; i < sim->conversation_count; i++)
        for (uint64_t seq = 1; seq <= sim->conversations[i].newest && !sim->has_failed; seq++) {
            const struct sim_row *row = row_at(sim, i, seq);

            if (row->kind != CC_MESSAGE_SYSTEM && row->from >= 0 &&
                !was_member(sim, i, row->from, seq, false))
                sim_fail(sim, "conversation %d, seq %llu: u%d wrote without being a member", i,
                         (unsigned long long)seq, row->from);
        }
}

/*
 * Invariant 5, across sessions: a user who was removed while a session of it began may see the last
 * messages before its going with a gap, since the directory knows of the removal first. Any other
 * gap is a fault.
 */
static void check_gaps(struct sim *sim)
{
    for (size_t i = 0; i < sim->gaps.count && !sim->has_failed; i++) {
        const struct sim_seen *gap = &sim->gaps.items[i];
        bool leaves = false;

        for (uint64_t seq = gap->seq; seq <= gap->seq + 100; seq++) {
            const struct sim_row *row = row_at(sim, gap->conversation, seq);

            leaves =
                leaves || ((row->action == CC_SYSTEM_REMOVED || row->action == CC_SYSTEM_LEFT) &&
                           (row->users & 1u << gap->user));
        }
        if (!leaves)
            sim_fail(sim, "u%d, conversation %d: seq %llu comes after a gap", gap->user,
                     gap->conversation, (unsigned long long)gap->seq);
    }
}

/* Invariant 5: in the end every client has everything of where it is a member. */
static void check_complete(struct sim *sim)
{
    for (int c = 0; c < sim->client_count; c++)
        for (int i = 0; i < sim->conversation_count && !sim->has_failed; i++) {
            const struct sim_place *place = &sim->clients[c].places[i];
            uint64_t newest = sim->conversations[i].newest;

            if (sim->read_told[sim->clients[c].user][i] >= newest)
                continue; /* read elsewhere: a session without a cursor began behind it */
            if (place->last && place->last != newest &&
                was_member(sim, i, sim->clients[c].user, newest, false))
                sim_fail(sim, "u%d/%s has conversation %d up to seq %llu of %llu",
                         sim->clients[c].user, sim->clients[c].device, i,
                         (unsigned long long)place->last, (unsigned long long)newest);
        }
}

/* Invariant 8: typing ends by itself. From other nodes it is told over a bus that may lose it:
 * clients end it, too. */
static void check_typing(struct sim *sim)
{
    if (sim->node_count > 1)
        return;
    for (int c = 0; c < sim->client_count; c++)
        for (int i = 0; i < sim->conversation_count; i++)
            for (int user = 0; user < sim->user_count; user++)
                if (sim->clients[c].places[i].typing_since[user])
                    sim_fail(sim, "u%d is still shown typing to u%d/%s", user, sim->clients[c].user,
                             sim->clients[c].device);
}

/* --- what was taken back ------------------------------------------------------------------------
 */

static bool changes(const struct record *change, const struct record *target)
{
    return (change->message.kind == CC_MESSAGE_EDIT || change->message.kind == CC_MESSAGE_DELETE) &&
           memcmp(&change->message.target, &target->message.id, sizeof(struct cc_id)) == 0;
}

/* The newest text that a message was given: its own, an edit's, or none once it is deleted. Edits
 * before, and after the deletion, have no text. */
static void check_changed(struct sim *sim, int index, const struct record *records, size_t count,
                          size_t at)
{
    const struct record *newest = &records[at];

    for (size_t i = at + 1; i < count; i++)
        if (changes(&records[i], &records[at]) && newest->message.kind != CC_MESSAGE_DELETE)
            newest = &records[i];
    if (!slice_equal(records[at].message.text, newest->message.text))
        sim_fail(sim, "conversation %d, seq %zu: an old text is there", index, at + 1);
    for (size_t i = at + 1; i < count; i++)
        if (changes(&records[i], &records[at]) && &records[i] != newest &&
            records[i].message.text.size)
            sim_fail(sim, "conversation %d, seq %zu: the text of an old edit is there", index,
                     i + 1);
}

static void check_redacted(struct sim *sim, int index, const struct cc_store_read_rows *read)
{
    struct record *records = calloc(read->ret_count + 1, sizeof *records);
    struct arena arena;

    if (!records)
        abort();
    arena_init(&arena, cc_allocator_default());
    for (size_t i = 0; i < read->ret_count; i++)
        if (record_decode(read->ret_rows[i].body, &arena, &records[i]) != 0)
            sim_fail(sim, "conversation %d, seq %zu: the row is damaged", index, i + 1);
    for (size_t i = 0; i < read->ret_count && !sim->has_failed; i++)
        if (records[i].message.kind == CC_MESSAGE_TEXT)
            check_changed(sim, index, records, read->ret_count, i);
    arena_deinit(&arena);
    free(records);
}

/* How much had been said up to a seq. */
static uint64_t said_up_to(struct sim *sim, int index, uint64_t seq)
{
    uint64_t said = 0;

    for (uint64_t at = 1; at <= seq; at++) {
        enum cc_message_kind kind = row_at(sim, index, at)->kind;

        said += kind == CC_MESSAGE_TEXT || kind == CC_MESSAGE_MEDIA;
    }
    return said;
}

/* Where the user last said something or was added. */
static uint64_t last_presence(struct sim *sim, int index, int user)
{
    for (uint64_t seq = sim->conversations[index].newest; seq; seq--) {
        const struct sim_row *row = row_at(sim, index, seq);

        if (row->kind == CC_MESSAGE_TEXT && row->from == user)
            return seq;
        if (row->action == CC_SYSTEM_ADDED && (row->users & 1u << user))
            return seq;
    }
    return 0;
}

static struct cc_store_cursor stored_cursor(struct sim *sim, struct cc_store *store, int index,
                                            int user, struct cc_slice device)
{
    struct cc_mailbox mailbox = {0};
    struct cc_slice id = slice_of(sim->conversations[index].id, sim->conversations[index].id_size);
    char name[2] = {'u', (char)('0' + user)};
    struct cc_store_cursor cursor = {.delivered = 0};
    struct cc_store_read_cursors read = {.op = {.mailbox = &mailbox, .complete = op_ignore},
                                         .user = slice_of(name, sizeof name),
                                         .device = device,
                                         .conversations = &id,
                                         .count = 1,
                                         .limit = 1};

    store->vtable->read_cursors(store->self, &read);
    cc_mailbox_drain(&mailbox);
    if (read.ret_count) {
        cursor.delivered = read.ret_cursors[0].delivered;
        cursor.read = read.ret_cursors[0].read;
    }
    cc_op_release(&read.op);
    return cursor;
}

/* The mark is where the user has read to, or where he last was without that. */
static void check_seen(struct sim *sim, struct cc_store *store, int index, int user)
{
    uint64_t read = stored_cursor(sim, store, index, user, slice_of(NULL, 0)).read;
    uint64_t seen = stored_cursor(sim, store, index, user, slice_str(MARK_JOIN)).read;
    uint64_t least = said_up_to(sim, index, last_presence(sim, index, user));
    uint64_t most = said_up_to(sim, index, read);

    if (most < least)
        most = least;
    if (sim->conversations[index].newest <= read + UNREAD_ROWS_MAX)
        least = most;
    if (seen < least || seen > most)
        sim_fail(sim, "conversation %d: u%d has seen %llu messages, and %llu to %llu are right",
                 index, user, (unsigned long long)seen, (unsigned long long)least,
                 (unsigned long long)most);
}

static void check_unread(struct sim *sim, struct cc_store *store, int index)
{
    struct cc_mailbox mailbox = {0};
    struct cc_slice id = slice_of(sim->conversations[index].id, sim->conversations[index].id_size);
    struct cc_store_read_heads read = {
        .op = {.mailbox = &mailbox, .complete = op_ignore}, .conversations = &id, .count = 1};
    uint64_t said = said_up_to(sim, index, sim->conversations[index].newest);

    store->vtable->read_heads(store->self, &read);
    cc_mailbox_drain(&mailbox);
    if (read.ret_heads[0].said != said)
        sim_fail(sim, "conversation %d: the head counts %llu messages, not %llu", index,
                 (unsigned long long)read.ret_heads[0].said, (unsigned long long)said);
    cc_op_release(&read.op);
    for (int user = 0; user < sim->user_count && !sim->has_failed; user++)
        check_seen(sim, store, index, user);
}

void model_check_end(struct sim *sim)
{
    struct final final = {.sim = sim};
    struct cc_store store;

    cc_memory_store_open(sim->world, &store);
    for (int i = 0; i < sim->conversation_count && !sim->has_failed; i++)
        check_conversation(&final, &store, i);
    for (int i = 0; i < sim->conversation_count && !sim->has_failed; i++)
        check_unread(sim, &store, i);
    if (!sim->has_failed)
        check_sends(&final);
    if (!sim->has_failed)
        check_members(sim);
    if (!sim->has_failed)
        check_senders(sim);
    if (!sim->has_failed)
        check_gaps(sim);
    if (!sim->has_failed)
        check_complete(sim);
    if (!sim->has_failed)
        check_typing(sim);
    free(final.sent);
    store.vtable->free(store.self);
}
