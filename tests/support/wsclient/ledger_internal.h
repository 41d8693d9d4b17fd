/* The ledger's own structures: see ledger.h. */
#ifndef WSCLIENT_LEDGER_INTERNAL_H
#define WSCLIENT_LEDGER_INTERNAL_H

#include "ledger.h"
#include "table.h"

#define LEDGER_NONE UINT32_MAX

/* How many faults are printed in full; the rest are only counted. */
#define LEDGER_PRINT_MAX 20

enum line_state { LINE_OPEN, LINE_ACKED, LINE_REFUSED };

struct ledger_line {
    uint64_t text_hash;
    uint64_t sent_ns;
    uint8_t id[16]; /* of the acknowledgement, or of the push, whichever came first */
    uint32_t chain;
    uint32_t next; /* in the chain */
    uint8_t state;
    uint8_t seen;
    uint8_t unsure;
};

/* A user's lines in one topic. */
struct ledger_chain {
    uint32_t user;
    uint32_t topic;
    uint32_t last;
    uint32_t next_to_see; /* the first line not yet in the conversation */
};

struct ledger_entry {
    uint8_t id[16];
    uint64_t hash;
    uint32_t line; /* LEDGER_NONE: not a text of ours */
};

struct ledger_conversation {
    char *name;
    uint32_t topic; /* LEDGER_NONE: a direct one whose pair is not known yet */
    struct ledger_entry *entries;
    size_t count;
    size_t capacity;
};

struct ledger_topic {
    uint32_t conversation; /* LEDGER_NONE: a direct one not seen yet */
    uint32_t *readers;
    size_t reader_count;
    size_t reader_capacity;
};

struct ledger_reader {
    uint64_t live_ns; /* since when; UINT64_MAX: catching up */
    uint32_t user;
    uint32_t session;
};

struct ledger_position {
    uint64_t have;  /* everything up to here */
    uint64_t next;  /* in this session; 0: not started */
    uint64_t first; /* the highest seq at which the first message may stand */
    uint32_t session;
};

#define LEDGER_ARRAY(type, name)                                                                   \
    type *name;                                                                                    \
    size_t name##_count;                                                                           \
    size_t name##_capacity

struct ledger {
    LEDGER_ARRAY(char *, users);
    LEDGER_ARRAY(struct ledger_reader, readers);
    LEDGER_ARRAY(struct ledger_topic, topics);
    LEDGER_ARRAY(struct ledger_conversation, conversations);
    LEDGER_ARRAY(struct ledger_chain, chains);
    LEDGER_ARRAY(struct ledger_line, lines);
    LEDGER_ARRAY(struct ledger_position, positions);
    struct wsc_table user_by_name;
    struct wsc_table conversation_by_name;
    struct wsc_table direct_by_pair;
    struct wsc_table chain_by_key;    /* user, topic */
    struct wsc_table position_by_key; /* reader, conversation */
    struct ledger_figures figures;
    char run[16];
};

/* Room for one more at the end of an array of the ledger, zeroed; answers its index. */
uint32_t ledger_add(void *array, size_t *count, size_t *capacity, size_t size);
#define LEDGER_ADD(ledger, name)                                                                   \
    ledger_add(&(ledger)->name, &(ledger)->name##_count, &(ledger)->name##_capacity,               \
               sizeof *(ledger)->name)

uint32_t ledger_find_conversation(struct ledger *ledger, struct wsc_slice name);
void ledger_bind(struct ledger *ledger, uint32_t topic, uint32_t conversation);
struct ledger_position *ledger_position(struct ledger *ledger, uint32_t reader,
                                        uint32_t conversation);

#endif
