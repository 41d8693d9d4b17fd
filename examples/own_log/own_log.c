/*
 * An engine on a log of one's own (file_log.c); store and directory are the library's. Each run
 * sends a message and tells how many there are by now.
 *
 *   own_log FOLDER      the folder must exist
 */
#include "file_log.h"

#include <chatcore/backend/lmdb.h>
#include <chatcore/backend/memory.h>
#include <chatcore/error.h>
#include <chatcore/host.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLICE(text)                                                                                \
    (struct cc_slice)                                                                              \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* The log is ours; the rest is the library's. On failure what was opened is left to the end of the
 * process. */
static int open_engine(const char *folder, struct cc_host *host, struct cc_memory_world *world,
                       struct cc_engine **ret_engine)
{
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;
    struct cc_lmdb_options lmdb = CC_LMDB_OPTIONS_INIT;
    char path[PATH_MAX];
    int r;

    lmdb.path = folder;
    snprintf(path, sizeof path, "%s/log.file", folder);
    r = file_log_open(path, 1, &options.log);
    if (!r)
        r = cc_lmdb_store_open(NULL, &lmdb, &options.store);
    if (!r)
        r = cc_lmdb_directory_open(NULL, &lmdb, &options.directory);
    if (!r)
        r = cc_memory_cluster_open(world, SLICE("node"), &options.cluster);
    options.wake = cc_host_wake;
    options.wake_context = host;
    return r ? r : cc_engine_new(&options, ret_engine);
}

static bool is_new(const struct cc_message *message, struct cc_slice client_id)
{
    return message->client_id.size == client_id.size &&
           memcmp(message->client_id.data, client_id.data, client_id.size) == 0;
}

/* Until the engine has stopped, which it does when the new message has come: those of earlier runs
 * come first, for nobody has said that he received them. */
static void run(struct cc_host *host, struct cc_engine *engine, struct cc_slice client_id)
{
    const struct cc_event *event;

    while ((event = cc_host_next_event(host, engine, -1)))
        if (event->type == CC_EVENT_REPLY && event->u.reply->error) {
            printf("%s\n", cc_strerror(event->u.reply->error));
            cc_engine_stop(engine, CC_CLOSE_NORMAL);
        } else if (event->type == CC_EVENT_MESSAGE && is_new(event->u.message, client_id)) {
            printf("message %llu: %.*s\n", (unsigned long long)event->u.message->seq,
                   (int)event->u.message->text.size, event->u.message->text.data);
            cc_engine_stop(engine, CC_CLOSE_NORMAL);
        }
}

static void talk(struct cc_session *session, struct cc_slice client_id)
{
    struct cc_command connect = {.id = 1, .type = CC_COMMAND_CONNECT, .device = SLICE("laptop")};
    struct cc_command send = {.id = 2, .type = CC_COMMAND_SEND, .user = SLICE("bob")};

    send.client_id = client_id;
    send.text = SLICE("Hello, Bob!");
    cc_session_submit(session, &connect);
    cc_session_submit(session, &send);
}

int main(int argc, char **argv)
{
    char id[32]; /* of the message: another one in each run */
    struct cc_slice client_id = {id,
                                 (size_t)snprintf(id, sizeof id, "%ld.%d", time(NULL), getpid())};
    struct cc_session_options as_alice = CC_SESSION_OPTIONS_INIT;
    struct cc_memory_world *world;
    struct cc_session *session;
    struct cc_engine *engine;
    struct cc_host *host;
    int r;

    if (argc != 2)
        return 2;
    as_alice.user = SLICE("alice");
    r = cc_host_new(NULL, &host);
    if (!r)
        r = cc_memory_world_new(NULL, 1, &world);
    if (!r)
        r = open_engine(argv[1], host, world, &engine);
    if (!r)
        r = cc_session_open(cc_engine_queue(engine), &as_alice, &session);
    if (r) {
        fprintf(stderr, "own_log: %s\n", cc_strerror(r));
        return 1;
    }
    talk(session, client_id);
    run(host, engine, client_id);
    cc_engine_free(engine);
    cc_memory_world_free(world);
    cc_host_free(host);
    return 0;
}
