/*
 * The replay of a chat log against a server. One thread; four phases, each a function that turns
 * the loop until its end is reached or nothing has moved for `patience_s`: connect    every user of
 * the log opens a connection rooms      an extra user creates each room with half of its members
 * and adds the others messages   every room at once: its lines in the log's order, a bounded window
 * of them unanswered; connections are lost and come back meanwhile history    some members page
 * through each room, forwards or backwards The ledger judges throughout; the summary adds up.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "agent.h"
#include "log.h"
#include "rooms.h"

struct replay_options {
    const char *file;
    struct wsc_target target;
    enum wsc_encoding encodings[2]; /* of the even and of the odd users */
    size_t sources;                 /* client addresses, 127.0.1.1 on; 0: one */
    const char *suffix;
    size_t room_limit;
    size_t window;          /* lines of one room not yet answered, at most */
    size_t history_members; /* that page through each room */
    double speed;           /* 0: as fast as may be; 1: as it was */
    double drop_rate;       /* lost connections for each message settled */
    uint64_t connects_per_s;
    uint64_t patience_s;
    uint64_t seed;
    enum agent_resume resume;
    int direct;
    int allow_refused;
    int progress; /* redraw one line, for a terminal */
};

struct replay_room {
    struct replay *replay;
    uint32_t topic;
    size_t next;       /* the first line not yet posted */
    size_t unanswered; /* direct messages of its lines included */
    struct wsc_timer due;
};

struct replay {
    const struct replay_options *options;
    struct chat_log log;
    struct ledger *ledger;
    struct agent_set set;
    struct agent *admin;   /* creates the rooms, writes nothing, reads all */
    struct agent **agents; /* by user of the log */
    struct replay_room *rooms;
    uint32_t *room_of_line; /* by line of the ledger */
    uint64_t posts;
    uint64_t direct_posts; /* of them */
    uint64_t dropped;
    uint64_t random;
    uint64_t messages_start_ns;
    uint64_t messages_end_ns;
    uint64_t last_move_ns; /* when anything last happened */
    uint64_t last_print_ns;
    uint64_t last_objects;
    uint64_t history_messages; /* checked in pages */
    const char *phase;
    int failed;
    int (*reply)(struct replay *replay, struct agent *agent, const struct wsc_object *object);
    void *reply_state;
};

int replay_init(struct replay *replay, const struct replay_options *options,
                const struct wsc_secret *secret);
void replay_free(struct replay *replay);
/* Turns the loop until `done`; 0, or -1 when nothing moves any more. */
int replay_until(struct replay *replay, const char *phase, int (*done)(struct replay *replay));
uint64_t replay_random(struct replay *replay, uint64_t bound);

int replay_connect(struct replay *replay);
int replay_create_rooms(struct replay *replay);
int replay_messages(struct replay *replay);
int replay_history(struct replay *replay);

void replay_print_progress(struct replay *replay);
/* The summary; answers the exit code. */
int replay_summary(struct replay *replay);

#endif
