/* The ledger: who, where, and what is sent. See ledger.h. */
#include "ledger_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct ledger *ledger_new(const char *run)
{
    struct ledger *ledger = wsc_alloc_zeroed(1, sizeof *ledger);
    snprintf(ledger->run, sizeof ledger->run, "%s", run);
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->users_count; i++)
        free(ledger->users[i]);
    for (size_t i = 0; i < ledger->topics_count; i++)
        free(ledger->topics[i].readers);
    for (size_t i = 0; i < ledger->conversations_count; i++) {
        free(ledger->conversations[i].name);
        free(ledger->conversations[i].entries);
    }
    free(ledger->users);
    free(ledger->readers);
    free(ledger->topics);
    free(ledger->conversations);
    free(ledger->chains);
    free(ledger->lines);
    free(ledger->positions);
    wsc_table_free(&ledger->user_by_name);
    wsc_table_free(&ledger->conversation_by_name);
    wsc_table_free(&ledger->direct_by_pair);
    wsc_table_free(&ledger->chain_by_key);
    wsc_table_free(&ledger->position_by_key);
    free(ledger);
}

uint32_t ledger_add(void *array, size_t *count, size_t *capacity, size_t size)
{
    void *items;
    memcpy(&items, array, sizeof items);
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 64;
        items = wsc_grow(items, *capacity * size);
        memcpy(array, &items, sizeof items);
    }
    memset((char *)items + *count * size, 0, size);
    return (uint32_t)(*count)++;
}

const struct ledger_figures *ledger_figures(const struct ledger *ledger)
{
    return &ledger->figures;
}

const char *ledger_fault_text(enum ledger_fault fault)
{
    static const char *const texts[LEDGER_FAULT_COUNT] = {
        [LEDGER_LOST] = "pushes lost in a session",
        [LEDGER_DOUBLED] = "pushes doubled in a session",
        [LEDGER_DIFFERENT] = "readers that disagree",
        [LEDGER_UNSENT] = "texts nobody sent, doubled or out of order",
        [LEDGER_WRONG_ACK] = "acknowledgements of another message",
        [LEDGER_ACKED_LOST] = "acknowledged messages missing",
        [LEDGER_UNANSWERED] = "messages without an answer",
        [LEDGER_INCOMPLETE] = "readers without the whole conversation",
        [LEDGER_HISTORY] = "pages of history that are wrong",
    };
    return texts[fault];
}

uint64_t ledger_fault_total(const struct ledger *ledger)
{
    uint64_t total = 0;
    for (size_t i = 0; i < LEDGER_FAULT_COUNT; i++)
        total += ledger->figures.faults[i];
    return total;
}

void ledger_report(struct ledger *ledger, enum ledger_fault fault, const char *format, ...)
{
    ledger->figures.faults[fault]++;
    if (ledger_fault_total(ledger) > LEDGER_PRINT_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "\nFAULT (%s): ", ledger_fault_text(fault));
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* ---- who and where ---- */

uint32_t ledger_user(struct ledger *ledger, struct wsc_slice name)
{
    uint64_t key = wsc_hash(name.data, name.size);
    uint32_t user = wsc_table_get(&ledger->user_by_name, key);
    if (user != WSC_TABLE_NONE)
        return user;
    user = LEDGER_ADD(ledger, users);
    ledger->users[user] = wsc_copy_text(name.data, name.size);
    wsc_table_put(&ledger->user_by_name, key, user);
    return user;
}

uint32_t ledger_reader(struct ledger *ledger, uint32_t user)
{
    uint32_t reader = LEDGER_ADD(ledger, readers);
    ledger->readers[reader].user = user;
    return reader;
}

static uint32_t add_topic(struct ledger *ledger)
{
    uint32_t topic = LEDGER_ADD(ledger, topics);
    ledger->topics[topic].conversation = LEDGER_NONE;
    return topic;
}

uint32_t ledger_room(struct ledger *ledger, struct wsc_slice conversation)
{
    uint32_t index = ledger_find_conversation(ledger, conversation);
    if (ledger->conversations[index].topic == LEDGER_NONE)
        ledger_bind(ledger, add_topic(ledger), index);
    return ledger->conversations[index].topic;
}

uint32_t ledger_direct(struct ledger *ledger, uint32_t user, uint32_t peer)
{
    uint64_t key = user < peer ? wsc_pair(user, peer) : wsc_pair(peer, user);
    uint32_t topic = wsc_table_get(&ledger->direct_by_pair, key);
    if (topic == WSC_TABLE_NONE) {
        topic = add_topic(ledger);
        wsc_table_put(&ledger->direct_by_pair, key, topic);
    }
    return topic;
}

uint32_t ledger_find_conversation(struct ledger *ledger, struct wsc_slice name)
{
    uint64_t key = wsc_hash(name.data, name.size);
    uint32_t index = wsc_table_get(&ledger->conversation_by_name, key);
    if (index != WSC_TABLE_NONE)
        return index;
    index = LEDGER_ADD(ledger, conversations);
    ledger->conversations[index].name = wsc_copy_text(name.data, name.size);
    ledger->conversations[index].topic = LEDGER_NONE;
    wsc_table_put(&ledger->conversation_by_name, key, index);
    return index;
}

void ledger_bind(struct ledger *ledger, uint32_t topic, uint32_t conversation)
{
    ledger->topics[topic].conversation = conversation;
    ledger->conversations[conversation].topic = topic;
}

struct ledger_position *ledger_position(struct ledger *ledger, uint32_t reader,
                                        uint32_t conversation)
{
    uint64_t key = wsc_pair(reader, conversation);
    uint32_t index = wsc_table_get(&ledger->position_by_key, key);
    if (index == WSC_TABLE_NONE) {
        index = LEDGER_ADD(ledger, positions);
        ledger->positions[index].first = 1;
        wsc_table_put(&ledger->position_by_key, key, index);
    }
    return &ledger->positions[index];
}

void ledger_join(struct ledger *ledger, uint32_t reader, uint32_t topic, uint64_t first)
{
    struct ledger_topic *joined = &ledger->topics[topic];
    for (size_t i = 0; i < joined->reader_count; i++)
        if (joined->readers[i] == reader)
            return;
    uint32_t at = ledger_add(&joined->readers, &joined->reader_count, &joined->reader_capacity,
                             sizeof *joined->readers);
    joined->readers[at] = reader;
    if (joined->conversation != LEDGER_NONE)
        ledger_position(ledger, reader, joined->conversation)->first = first;
}

uint32_t ledger_conversation(const struct ledger *ledger, uint32_t topic)
{
    return ledger->topics[topic].conversation;
}

struct wsc_slice ledger_conversation_name(const struct ledger *ledger, uint32_t conversation)
{
    return wsc_text(ledger->conversations[conversation].name);
}

uint64_t ledger_head(const struct ledger *ledger, uint32_t conversation)
{
    return ledger->conversations[conversation].count;
}

/* ---- sending ---- */

static uint32_t chain_of(struct ledger *ledger, uint32_t user, uint32_t topic)
{
    uint64_t key = wsc_pair(user, topic);
    uint32_t chain = wsc_table_get(&ledger->chain_by_key, key);
    if (chain != WSC_TABLE_NONE)
        return chain;
    chain = LEDGER_ADD(ledger, chains);
    ledger->chains[chain] = (struct ledger_chain){user, topic, LEDGER_NONE, LEDGER_NONE};
    wsc_table_put(&ledger->chain_by_key, key, chain);
    return chain;
}

uint32_t ledger_line(struct ledger *ledger, uint32_t user, uint32_t topic, struct wsc_slice text)
{
    uint32_t chain_index = chain_of(ledger, user, topic);
    uint32_t line = LEDGER_ADD(ledger, lines);
    struct ledger_chain *chain = &ledger->chains[chain_index];
    ledger->lines[line].text_hash = wsc_hash(text.data, text.size);
    ledger->lines[line].chain = chain_index;
    ledger->lines[line].next = LEDGER_NONE;
    if (chain->last != LEDGER_NONE)
        ledger->lines[chain->last].next = line;
    if (chain->next_to_see == LEDGER_NONE)
        chain->next_to_see = line;
    chain->last = line;
    ledger->figures.lines++;
    return line;
}

void ledger_client_id(const struct ledger *ledger, uint32_t line, char ret_text[32])
{
    snprintf(ret_text, 32, "%s.%u", ledger->run, line);
}

void ledger_sent(struct ledger *ledger, uint32_t line, uint64_t now_ns)
{
    ledger->lines[line].sent_ns = now_ns;
}

void ledger_unsure(struct ledger *ledger, uint32_t line)
{
    ledger->lines[line].unsure = 1;
}

static void learn_conversation(struct ledger *ledger, uint32_t topic, struct wsc_slice name)
{
    if (!name.size)
        return;
    uint32_t conversation = ledger_find_conversation(ledger, name);
    if (ledger->topics[topic].conversation == LEDGER_NONE)
        ledger_bind(ledger, topic, conversation);
    else if (ledger->topics[topic].conversation != conversation)
        ledger_report(ledger, LEDGER_WRONG_ACK, "the reply names conversation %s, not %s",
                      ledger->conversations[conversation].name,
                      ledger->conversations[ledger->topics[topic].conversation].name);
}

void ledger_acked(struct ledger *ledger, uint32_t line, const struct wsc_fields *reply,
                  uint64_t now_ns)
{
    struct ledger_line *acked = &ledger->lines[line];
    if (acked->state != LINE_OPEN || !reply->message.is_uuid) {
        ledger_report(ledger, LEDGER_WRONG_ACK, "line %u was answered twice or without an id",
                      line);
        return;
    }
    learn_conversation(ledger, ledger->chains[acked->chain].topic, reply->conversation);
    if (acked->seen && memcmp(acked->id, reply->message.bytes, 16) != 0)
        ledger_report(ledger, LEDGER_WRONG_ACK, "line %u has another id in its conversation", line);
    memcpy(acked->id, reply->message.bytes, 16);
    acked->state = LINE_ACKED;
    ledger->figures.acked++;
    if (!acked->unsure)
        wsc_histogram_add(&ledger->figures.ack_ns, now_ns - acked->sent_ns);
}

void ledger_refused(struct ledger *ledger, uint32_t line)
{
    if (ledger->lines[line].seen)
        ledger_report(ledger, LEDGER_UNSENT, "line %u was refused, and stands in its conversation",
                      line);
    ledger->lines[line].state = LINE_REFUSED;
    ledger->figures.refused++;
}
