/*
 * The simulation: users on several virtual nodes, on virtual time, from one seed, with every fault
 * that a port can show; and a model that checks the invariants of docs/design.md.
 *
 *   sim.c          the run: nodes, time, faults, crashes
 *   sim_client.c   what clients do and keep
 *   sim_consumer.c a reader of the log on every node
 *   sim_model.c    what must hold
 *   sim_ports.c    ports with faults
 */
#ifndef SIM_H
#define SIM_H

#include "chatcore/engine.h"
#include "engine/id.h"
#include "sim_ports.h"

#define SIM_NODES_MAX         3
#define SIM_CLIENTS_MAX       16
#define SIM_CONVERSATIONS_MAX 64
#define SIM_COMMANDS_MAX      128

struct sim;
struct sim_client;

/* One connection: the session's data. Outlives its client's interest in it until the session has
 * closed. */
struct sim_connection {
    struct sim_client *client; /* NULL: the client has given it up */
};

struct sim_block {
    struct sim_block *next;
    struct sim_block *previous;
    size_t size;
    max_align_t bytes[];
};

struct sim_node {
    struct sim *sim;
    int index;
    int life;
    char name[32];
    struct cc_engine *engine; /* NULL: it is down */
    struct cc_queue *queue;   /* of its consumer alone */
    struct cc_consumer *consumer;
    struct sim_ports *ports;
    struct sim_block *blocks; /* all that the engine has allocated: a crash frees it whole */
    int64_t wall_offset;
    int64_t restart_at;
    bool is_stopping;
    bool is_frozen; /* not stepped for a while */
    int64_t thaws_at;
};

enum sim_want { SIM_WANT_ANY, SIM_WANT_ERROR };

/* A command that waits for its reply. */
struct sim_command {
    uint64_t id; /* 0: free */
    enum cc_command_type type;
    enum sim_want want;
    int send; /* index in sim->sends, or -1 */
    int conversation;
    uint64_t seq;
};

struct sim_place {
    uint64_t session_last; /* pushed in this session; 0: nothing yet */
    uint64_t last;         /* ever */
    uint64_t skipped; /* what the user had read elsewhere when a session that kept no cursor was
                         synced: the cursor that it got then is behind it */
    uint64_t delivered;
    int64_t typing_since[SIM_CLIENTS_MAX]; /* by user; 0: not typing */
};

struct sim_client {
    struct sim *sim;
    int index;
    int user;
    char device[16];
    int node; /* -1: not connected */
    struct cc_session *session;
    struct sim_connection *connection;
    bool is_open;
    bool is_synced;
    bool keeps_cursor;
    bool gave_cursor; /* when it connected: there is none before the first synced */
    char cursor[256];
    size_t cursor_size;
    int64_t connect_at;
    uint64_t next_id;
    uint64_t unread_pushes; /* seen, not yet told as consumed: a slow reader */
    bool is_slow;
    struct sim_command commands[SIM_COMMANDS_MAX];
    struct sim_place places[SIM_CONVERSATIONS_MAX];
};

/* A message that somebody wants to send: kept until it is acknowledged, and tried again. */
struct sim_send {
    int client;
    int conversation; /* or -1: direct, to `peer` */
    int peer;
    char client_id[24];
    bool is_acknowledged;
    bool is_refused; /* for good: not a member, or rejected */
    bool is_under_way;
    bool is_duplicate_attempt;
    struct cc_id id;
};

struct sim_row {
    bool is_known;
    struct cc_id id;
    enum cc_message_kind kind;
    enum cc_system_action action;
    uint32_t users; /* SYSTEM: the simulated users among those concerned, as bits */
    int from;
};

struct sim_conversation {
    char id[CC_NAME_MAX];
    size_t id_size;
    struct sim_row *rows; /* by seq */
    size_t capacity;
    uint64_t newest;
    uint64_t consumed; /* the highest seq that the consumer has been given */
};

/* What a client has been given: checked against the members at that seq when all is over. */
struct sim_seen {
    int user;
    int conversation;
    uint64_t seq;
};

struct sim_seen_list {
    struct sim_seen *items;
    size_t count;
    size_t capacity;
};

struct sim {
    struct sim_random random;
    uint64_t seed;
    bool is_verbose;
    struct sim_faults faults;
    struct cc_memory_world *world;
    uint32_t partitions;
    int64_t now; /* virtual ms */
    struct sim_node nodes[SIM_NODES_MAX];
    int node_count;
    bool has_consumers; /* odd seeds: those that are kept for what they once found are even */
    struct sim_client clients[SIM_CLIENTS_MAX];
    int client_count;
    int user_count;
    struct sim_conversation conversations[SIM_CONVERSATIONS_MAX];
    int conversation_count;
    struct sim_send *sends;
    size_t send_count;
    size_t send_capacity;
    struct sim_seen_list seen;
    struct sim_seen_list gaps; /* sessions that began beyond what their client had */
    uint64_t read_told[10][SIM_CONVERSATIONS_MAX]; /* by user: how far any device said it read */
    int64_t types_until; /* in the end: then all typing has to end by itself */
    bool is_quiet;       /* the end: clients only connect and catch up */
    uint64_t crashes;
    uint64_t pushes;
    uint64_t acknowledged;
    uint64_t duplicates;
    uint64_t consumed;
    bool has_failed;
    char failure[512];
};

/* --- sim.c --- */

/* Runs one seed, on so many nodes (0: as the seed says). True: every invariant held; else
 * sim->failure says what did not. */
bool sim_run(struct sim *sim, uint64_t seed, int nodes, bool is_verbose);
void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- sim_client.c --- */

void clients_init(struct sim *sim);
void clients_act(struct sim *sim);
void clients_drain(struct sim *sim, struct sim_node *node);
void clients_node_gone(struct sim *sim, int node);
void clients_forget_typing(struct sim_client *client);
bool clients_are_synced(const struct sim *sim);
bool clients_have_outbox(const struct sim *sim);

/* --- sim_consumer.c --- */

void consumers_open(struct sim_node *node);
void consumers_drain(struct sim_node *node);
void consumers_check_end(struct sim *sim);

/* --- sim_model.c --- */

int model_conversation(struct sim *sim, struct cc_slice id);
void model_pushed(struct sim_client *client, const struct cc_message *message);
void model_synced(struct sim_client *client);
void model_told(struct sim *sim, const struct cc_message *message);
void model_check_end(struct sim *sim);
int sim_user_of(struct cc_slice name);

#endif
