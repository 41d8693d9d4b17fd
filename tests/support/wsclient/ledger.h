/*
 * The ledger: what was sent, what was acknowledged, and what every reader saw; it says whether that
 * is one history, complete and the same for all.
 *
 * Model. A `line` is one text that a user writes to a topic: a room, or the direct conversation of
 * two users. A user's lines in one topic form a chain, sent one after the other, so they must stand
 * in the conversation in that order. A `conversation` is the reference: for each seq the id and a
 * hash of who wrote what, taken from the first reader that sees it. Two rules then give everything:
 *   - a reader gets seq 1, 2, 3 … of each conversation with no gap and no double (after a reconnect
 *     it may start again at or before where it was), each equal to the reference;
 *   - a new text in the reference is the next line of its author's chain, so each line is there
 *     once, unchanged, in order; and the acknowledgement named the same id.
 * Texts are kept as hashes: 40 bytes a line, 28 a message, 24 a reader of a conversation.
 *
 * One thread. Numbers (users, readers, topics, lines) are indexes from 0.
 */
#ifndef WSCLIENT_LEDGER_H
#define WSCLIENT_LEDGER_H

#include "histogram.h"
#include "object.h"

enum ledger_fault {
    LEDGER_LOST,       /* a reader was pushed n and then n+2 */
    LEDGER_DOUBLED,    /* a reader was pushed the same seq twice in one session */
    LEDGER_DIFFERENT,  /* two readers, or a page of history, do not agree about a seq */
    LEDGER_UNSENT,     /* a text that nobody sent, or sent again, or out of its author's order */
    LEDGER_WRONG_ACK,  /* the acknowledgement named another message */
    LEDGER_ACKED_LOST, /* acknowledged, and not in the conversation */
    LEDGER_UNANSWERED, /* neither acknowledged nor refused */
    LEDGER_INCOMPLETE, /* a reader did not reach the end of its conversation */
    LEDGER_HISTORY,    /* history answered with a gap, a double or too little */
    LEDGER_FAULT_COUNT
};

struct ledger;

struct ledger_figures {
    uint64_t lines;
    uint64_t acked;
    uint64_t refused;
    uint64_t deliveries;  /* of texts, to readers other than the author */
    uint64_t redelivered; /* had before a reconnect and pushed again */
    uint64_t faults[LEDGER_FAULT_COUNT];
    struct wsc_histogram ack_ns;      /* sent to acknowledged; a resent line is not counted */
    struct wsc_histogram delivery_ns; /* sent to seen by a reader that was live then; likewise */
};

/* `run` is in every client_id, so that runs against one server do not meet: at most 15 bytes. */
struct ledger *ledger_new(const char *run);
void ledger_free(struct ledger *ledger);
const struct ledger_figures *ledger_figures(const struct ledger *ledger);
const char *ledger_fault_text(enum ledger_fault fault);
uint64_t ledger_fault_total(const struct ledger *ledger);

/* ---- who and where ---- */
uint32_t ledger_user(struct ledger *ledger, struct wsc_slice name);
/* One device of a user. */
uint32_t ledger_reader(struct ledger *ledger, uint32_t user);
uint32_t ledger_room(struct ledger *ledger, struct wsc_slice conversation);
/* The direct topic of two users; the order does not matter. */
uint32_t ledger_direct(struct ledger *ledger, uint32_t user, uint32_t peer);
/* The reader must end with the whole topic, from a seq not above `first`: 1, or that of the change
 * that added it. */
void ledger_join(struct ledger *ledger, uint32_t reader, uint32_t topic, uint64_t first);

/* ---- sending ---- */
/* The next line of the user's chain in the topic. */
uint32_t ledger_line(struct ledger *ledger, uint32_t user, uint32_t topic, struct wsc_slice text);
/* The line's client_id, the same at each try: fits in 32 bytes. */
void ledger_client_id(const struct ledger *ledger, uint32_t line, char ret_text[32]);
void ledger_sent(struct ledger *ledger, uint32_t line, uint64_t now_ns);
/* The connection was lost before the answer: the line will be sent again. */
void ledger_unsure(struct ledger *ledger, uint32_t line);
void ledger_acked(struct ledger *ledger, uint32_t line, const struct wsc_fields *reply,
                  uint64_t now_ns);
/* The server refused the line for good: it must not appear. */
void ledger_refused(struct ledger *ledger, uint32_t line);

/* ---- receiving ---- */
/* The reader has connected again: seqs it has had may come once more. */
void ledger_session(struct ledger *ledger, uint32_t reader);
/* The reader has caught up: what is sent from now on reaches it live. */
void ledger_live(struct ledger *ledger, uint32_t reader, uint64_t now_ns);
/* A message push. Answers the number of the conversation, for ledger_have. */
uint32_t ledger_push(struct ledger *ledger, uint32_t reader, const struct wsc_fields *message,
                     uint64_t now_ns);
/* The highest seq up to which the reader has everything. */
uint64_t ledger_have(const struct ledger *ledger, uint32_t reader, uint32_t conversation);
struct wsc_slice ledger_conversation_name(const struct ledger *ledger, uint32_t conversation);
/* The conversation of a topic, or UINT32_MAX while nothing has been seen of it. */
uint32_t ledger_conversation(const struct ledger *ledger, uint32_t topic);
uint64_t ledger_head(const struct ledger *ledger, uint32_t conversation);
/* One message of a page of history, which must be the one at `seq`. 0, or -1 when it is not. */
int ledger_check_history(struct ledger *ledger, uint32_t conversation, uint64_t seq,
                         const struct wsc_fields *message);

/* ---- the end ---- */
/* How many lines are unanswered and how many readers are behind, without reporting them. */
uint64_t ledger_outstanding(const struct ledger *ledger);
/* Reports all that only the end can show. Answers the number of faults of the whole run. */
uint64_t ledger_finish(struct ledger *ledger);
void ledger_report(struct ledger *ledger, enum ledger_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
