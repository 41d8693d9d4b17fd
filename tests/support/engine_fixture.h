/*
 * An engine on memory backends, driven by hand on a time that only the test moves, and clients of
 * it whose replies and pushes are kept as text, one line each, for comparing.
 *
 *   send ok duplicate=…         a reply; after `ok` what the command gives
 *   add CC_EFORBIDDEN           a refusal
 *   message g 3 alice hi        a push; direct conversations are all called ~
 *   synced
 *
 * Everything is deterministic: ids come from a counting random source.
 */
#ifndef CC_TESTS_ENGINE_FIXTURE_H
#define CC_TESTS_ENGINE_FIXTURE_H

#include "base/buffer.h"
#include "chatcore/backend/memory.h"
#include "chatcore/engine.h"

#define FIXTURE_CLIENTS_MAX 256

struct fixture;

struct client {
    struct fixture *fixture;
    struct cc_session *session;
    const char *user;
    bool is_closed;
    uint64_t next_id;
    unsigned replies;          /* ever */
    struct buffer text;        /* what came since the last client_text() */
    struct cc_id last_message; /* of the newest message reply or push */
    char page[32];             /* the newest reply's cursor of a next page */
    size_t page_size;
    char media[CC_NAME_MAX]; /* of the newest upload reply */
    size_t media_size;
    struct buffer files;            /* of the newest message push */
    char conversation[CC_NAME_MAX]; /* of the newest reply that names one */
    size_t conversation_size;
    char token[CC_NAME_MAX]; /* of the newest invitation that a reply told */
    size_t token_size;
};

/* One node. Several of one world are stepped together, by whichever of them the test names. */
struct fixture {
    struct fixture *first; /* of the world: has the time, and frees the world */
    struct fixture *next;
    struct cc_memory_world *world;
    struct cc_engine *engine;
    struct cc_time now;
    char node[32];
    uint64_t random;
    unsigned client_ids;
    bool is_stopped;
    bool is_frozen; /* set by a test: it is not stepped, as a dead node */
    struct client *clients[FIXTURE_CLIENTS_MAX];
    size_t client_count;
};

/* `configure` (or NULL) may change the options. The world has one partition. */
void fixture_init(struct fixture *fixture, void (*configure)(struct cc_engine_options *options));
void fixture_deinit(struct fixture *fixture);

/* As cmocka's setup and teardown: the test's state is a fixture with the defaults. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Nodes of one world with so many partitions. fixture_deinit() of the first ends them all. */
void fixture_init_cluster(struct fixture *fixtures, size_t count, uint32_t partitions,
                          void (*configure)(struct cc_engine_options *options));

/* Stops the engine and makes another one on the same world; the clients are gone. */
void fixture_restart(struct fixture *fixture, void (*configure)(struct cc_engine_options *options));

/* Steps until there is nothing to do at this time. */
void fixture_settle(struct fixture *fixture);

/* Lets time pass, stepping at each deadline. */
void fixture_advance(struct fixture *fixture, int64_t ms);

/* A trusted session, connected and caught up; its text has all that came. */
struct client *client_open(struct fixture *fixture, const char *user, const char *device);

/* The same; its text is empty. */
struct client *client_connect(struct fixture *fixture, const char *user, const char *device);
void client_close(struct client *client);

/* A session that connects with a token; its text has all that came. `for_requests`: for requests
 * only. */
struct client *client_open_with_token(struct fixture *fixture, const char *token,
                                      bool for_requests);

/* A trusted session for requests only, connected, of an administrator; its text is empty. */
struct client *client_open_admin(struct fixture *fixture, const char *user);

/* A trusted session for requests only, connected. */
struct client *client_open_for_requests(struct fixture *fixture, const char *user);

/* Submits a command, filling in its id, without stepping. */
void client_submit(struct client *client, struct cc_command command);

/* Submits and settles. */
void client_do(struct client *client, struct cc_command command);

/* What came since the last call, terminated; valid until the next one. */
const char *client_text(struct client *client);

/* Fails the test, showing both, unless that is exactly what came. */
#define client_expect(client, expected) client_expect_at(client, expected, __FILE__, __LINE__)
void client_expect_at(struct client *client, const char *expected, const char *file, int line);

/* Forgets what came. */
void client_forget(struct client *client);

/* --- commands that many tests need -------------------------------------------------------------
 */

struct cc_slice text_slice(const char *text);

/* `members` is NULL or names parted by spaces (at most 64). */
void client_create(struct client *client, const char *conversation, const char *members);
void client_say(struct client *client, const char *conversation, const char *text);
void client_say_to(struct client *client, const char *user, const char *text);

/* A command that names users. */
void client_name_users(struct client *client, enum cc_command_type type, const char *conversation,
                       const char *users);

#endif
