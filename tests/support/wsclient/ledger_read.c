/* The ledger: what readers see, and the balance at the end. See ledger.h. */
#include "ledger_internal.h"

#include <inttypes.h>

void ledger_session(struct ledger *ledger, uint32_t reader)
{
    ledger->readers[reader].session++;
    ledger->readers[reader].live_ns = UINT64_MAX;
}

void ledger_live(struct ledger *ledger, uint32_t reader, uint64_t now_ns)
{
    ledger->readers[reader].live_ns = now_ns;
}

static uint64_t entry_hash(const struct wsc_fields *message)
{
    uint64_t hash = wsc_hash(message->text.data, message->text.size);
    hash = hash * 31 + wsc_hash(message->from.data, message->from.size);
    return hash * 31 + wsc_hash(message->kind.data, message->kind.size);
}

/* The line that a client_id of this run names, or LEDGER_NONE. */
static uint32_t line_of_client_id(const struct ledger *ledger, struct wsc_slice client_id)
{
    size_t run = strlen(ledger->run);
    uint64_t line = 0;
    if (client_id.size < run + 2 || memcmp(client_id.data, ledger->run, run) != 0)
        return LEDGER_NONE;
    for (size_t i = run + 1; i < client_id.size; i++)
        line = line * 10 + (uint64_t)(client_id.data[i] - '0');
    return line < ledger->lines_count ? (uint32_t)line : LEDGER_NONE;
}

/*
 * A direct conversation that is new to the ledger: whoever did not write the message tells by that
 * who the pair is; to the author its client_id tells which line this is.
 */
static void bind_direct(struct ledger *ledger, uint32_t conversation, uint32_t from, uint32_t user,
                        const struct wsc_fields *message)
{
    uint32_t topic = LEDGER_NONE;
    if (ledger->conversations[conversation].topic != LEDGER_NONE)
        return;
    if (from != user) {
        uint64_t key = from < user ? wsc_pair(from, user) : wsc_pair(user, from);
        topic = wsc_table_get(&ledger->direct_by_pair, key);
    } else {
        uint32_t line = line_of_client_id(ledger, message->client_id);
        if (line != LEDGER_NONE)
            topic = ledger->chains[ledger->lines[line].chain].topic;
    }
    if (topic != LEDGER_NONE && ledger->topics[topic].conversation == LEDGER_NONE)
        ledger_bind(ledger, topic, conversation);
}

/* The line that this new text must be, or LEDGER_NONE after reporting why there is none. */
static uint32_t match_line(struct ledger *ledger, uint32_t conversation, uint32_t from,
                           const struct wsc_fields *message)
{
    const struct ledger_conversation *where = &ledger->conversations[conversation];
    uint32_t chain = where->topic == LEDGER_NONE
                         ? WSC_TABLE_NONE
                         : wsc_table_get(&ledger->chain_by_key, wsc_pair(from, where->topic));
    uint32_t line = chain == WSC_TABLE_NONE ? LEDGER_NONE : ledger->chains[chain].next_to_see;
    while (line != LEDGER_NONE && ledger->lines[line].state == LINE_REFUSED)
        line = ledger->lines[line].next;
    uint64_t hash = wsc_hash(message->text.data, message->text.size);
    if (line == LEDGER_NONE || ledger->lines[line].text_hash != hash) {
        ledger_report(ledger, LEDGER_UNSENT, "%s seq %" PRIu64 " from %.*s: %.*s", where->name,
                      message->seq, (int)message->from.size, message->from.data,
                      (int)message->text.size, message->text.data);
        return LEDGER_NONE;
    }
    ledger->chains[chain].next_to_see = ledger->lines[line].next;
    return line;
}

static void mark_seen(struct ledger *ledger, uint32_t line, const struct wsc_fields *message)
{
    struct ledger_line *seen = &ledger->lines[line];
    seen->seen = 1;
    if (seen->state == LINE_ACKED && memcmp(seen->id, message->id.bytes, 16) != 0)
        ledger_report(ledger, LEDGER_WRONG_ACK, "line %u was acknowledged under another id", line);
    memcpy(seen->id, message->id.bytes, 16);
}

static void add_entry(struct ledger *ledger, uint32_t conversation, uint32_t from,
                      const struct wsc_fields *message)
{
    struct ledger_conversation *where = &ledger->conversations[conversation];
    uint32_t line = LEDGER_NONE;
    if (wsc_slice_is(message->kind, "text"))
        line = match_line(ledger, conversation, from, message);
    if (line != LEDGER_NONE)
        mark_seen(ledger, line, message);
    uint32_t at =
        ledger_add(&where->entries, &where->count, &where->capacity, sizeof *where->entries);
    where->entries[at].hash = entry_hash(message);
    where->entries[at].line = line;
    memcpy(where->entries[at].id, message->id.bytes, 16);
}

static int entry_equals(const struct ledger_entry *entry, const struct wsc_fields *message)
{
    return entry->hash == entry_hash(message) && message->id.is_uuid &&
           memcmp(entry->id, message->id.bytes, 16) == 0;
}

/* Takes the message into the reference, or compares it. 0, or -1 where it cannot be right. */
static int compare(struct ledger *ledger, uint32_t conversation, uint32_t reader,
                   const struct wsc_fields *message)
{
    struct ledger_conversation *where = &ledger->conversations[conversation];
    if (message->seq == where->count + 1) {
        uint32_t from = ledger_user(ledger, message->from);
        bind_direct(ledger, conversation, from, ledger->readers[reader].user, message);
        add_entry(ledger, conversation, from, message);
        return 0;
    }
    if (message->seq == 0 || message->seq > where->count)
        return -1; /* a gap, reported as such */
    if (!entry_equals(&where->entries[message->seq - 1], message)) {
        ledger_report(ledger, LEDGER_DIFFERENT, "%s seq %" PRIu64 " for %s", where->name,
                      message->seq, ledger->users[ledger->readers[reader].user]);
        return -1;
    }
    return 0;
}

static void check_order(struct ledger *ledger, uint32_t reader, struct ledger_position *position,
                        const struct wsc_fields *message)
{
    uint64_t seq = message->seq;
    uint64_t highest = position->next   ? position->next
                       : position->have ? position->have + 1
                                        : position->first;
    const char *user = ledger->users[ledger->readers[reader].user];
    if (seq > highest)
        ledger_report(ledger, LEDGER_LOST, "%.*s: %s got seq %" PRIu64 " where %" PRIu64 " is due",
                      (int)message->conversation.size, message->conversation.data, user, seq,
                      highest);
    else if (position->next && seq < position->next)
        ledger_report(ledger, LEDGER_DOUBLED, "%.*s: %s got seq %" PRIu64 " after %" PRIu64,
                      (int)message->conversation.size, message->conversation.data, user, seq,
                      position->next - 1);
}

static void count_delivery(struct ledger *ledger, uint32_t reader, const struct ledger_entry *entry,
                           uint64_t now_ns)
{
    if (entry->line == LEDGER_NONE)
        return;
    const struct ledger_line *line = &ledger->lines[entry->line];
    if (ledger->chains[line->chain].user == ledger->readers[reader].user)
        return;
    ledger->figures.deliveries++;
    if (!line->unsure && line->sent_ns >= ledger->readers[reader].live_ns)
        wsc_histogram_add(&ledger->figures.delivery_ns, now_ns - line->sent_ns);
}

uint32_t ledger_push(struct ledger *ledger, uint32_t reader, const struct wsc_fields *message,
                     uint64_t now_ns)
{
    uint32_t conversation = ledger_find_conversation(ledger, message->conversation);
    struct ledger_position *position = ledger_position(ledger, reader, conversation);
    if (position->session != ledger->readers[reader].session) {
        position->session = ledger->readers[reader].session;
        position->next = 0;
    }
    check_order(ledger, reader, position, message);
    int status = compare(ledger, conversation, reader, message);
    position->next = message->seq + 1;
    if (message->seq <= position->have) {
        ledger->figures.redelivered++;
    } else if (status == 0) {
        position->have = message->seq;
        const struct ledger_conversation *where = &ledger->conversations[conversation];
        count_delivery(ledger, reader, &where->entries[message->seq - 1], now_ns);
    }
    return conversation;
}

uint64_t ledger_have(const struct ledger *ledger, uint32_t reader, uint32_t conversation)
{
    uint32_t index = wsc_table_get(&ledger->position_by_key, wsc_pair(reader, conversation));
    return index == WSC_TABLE_NONE ? 0 : ledger->positions[index].have;
}

int ledger_check_history(struct ledger *ledger, uint32_t conversation, uint64_t seq,
                         const struct wsc_fields *message)
{
    const struct ledger_conversation *where = &ledger->conversations[conversation];
    if (message->seq != seq || seq > where->count) {
        ledger_report(ledger, LEDGER_HISTORY, "%s: seq %" PRIu64 " where %" PRIu64 " is due",
                      where->name, message->seq, seq);
        return -1;
    }
    if (!entry_equals(&where->entries[seq - 1], message)) {
        ledger_report(ledger, LEDGER_DIFFERENT, "%s seq %" PRIu64 " in history", where->name, seq);
        return -1;
    }
    return 0;
}

/* ---- the end ---- */

static uint64_t readers_behind(const struct ledger *ledger, const struct ledger_topic *topic)
{
    uint64_t behind = 0;
    if (topic->conversation == LEDGER_NONE)
        return 0;
    uint64_t head = ledger->conversations[topic->conversation].count;
    for (size_t i = 0; i < topic->reader_count; i++)
        behind += ledger_have(ledger, topic->readers[i], topic->conversation) < head;
    return behind;
}

uint64_t ledger_outstanding(const struct ledger *ledger)
{
    uint64_t count = 0;
    for (size_t i = 0; i < ledger->lines_count; i++) {
        const struct ledger_line *line = &ledger->lines[i];
        count += line->state == LINE_OPEN || (line->state == LINE_ACKED && !line->seen);
    }
    for (size_t i = 0; i < ledger->topics_count; i++)
        count += readers_behind(ledger, &ledger->topics[i]);
    return count;
}

static void finish_line(struct ledger *ledger, uint32_t index)
{
    const struct ledger_line *line = &ledger->lines[index];
    const struct ledger_chain *chain = &ledger->chains[line->chain];
    if (line->state == LINE_OPEN)
        ledger_report(ledger, LEDGER_UNANSWERED, "line %u of %s", index,
                      ledger->users[chain->user]);
    else if (line->state == LINE_ACKED && !line->seen)
        ledger_report(ledger, LEDGER_ACKED_LOST, "line %u of %s", index,
                      ledger->users[chain->user]);
}

static void finish_topic(struct ledger *ledger, const struct ledger_topic *topic)
{
    if (topic->conversation == LEDGER_NONE)
        return;
    const struct ledger_conversation *where = &ledger->conversations[topic->conversation];
    for (size_t i = 0; i < topic->reader_count; i++) {
        uint64_t have = ledger_have(ledger, topic->readers[i], topic->conversation);
        if (have != where->count)
            ledger_report(ledger, LEDGER_INCOMPLETE, "%s: %s has %" PRIu64 " of %zu", where->name,
                          ledger->users[ledger->readers[topic->readers[i]].user], have,
                          where->count);
    }
}

uint64_t ledger_finish(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->lines_count; i++)
        finish_line(ledger, (uint32_t)i);
    for (size_t i = 0; i < ledger->topics_count; i++)
        finish_topic(ledger, &ledger->topics[i]);
    return ledger_fault_total(ledger);
}
