/* The first program: a chat engine in a folder, two users, one message. */
#include <chatcore/host.h>
#include <stdio.h>
#include <time.h>

int main(void)
{
    struct cc_session_options as_alice = {.size = sizeof as_alice, .user = {"alice", 5}};
    struct cc_session_options as_bob = {.size = sizeof as_bob, .user = {"bob", 3}};
    struct cc_command connect = {.id = 1, .type = CC_COMMAND_CONNECT, .device = {"laptop", 6}};
    struct cc_command send = {.id = 2, .type = CC_COMMAND_SEND, .user = {"bob", 3}};
    const struct cc_event *event;
    struct cc_session *alice, *bob;
    struct cc_engine *engine;
    struct cc_host *host;
    char id[32]; /* sent again with the same, it would still be one message */

    send.client_id = (struct cc_slice){id, (size_t)sprintf(id, "%ld", time(NULL))};
    send.text = (struct cc_slice){"Hello, Bob!", 11};
    if (cc_host_new(NULL, &host) || cc_open_embedded("first.data", NULL, host, &engine))
        return 1;
    if (!cc_session_open(cc_engine_queue(engine), &as_alice, &alice) &&
        !cc_session_open(cc_engine_queue(engine), &as_bob, &bob)) {
        cc_session_submit(alice, &connect);
        cc_session_submit(bob, &connect);
        cc_session_submit(alice, &send);
    }
    while ((event = cc_host_next_event(host, engine, -1))) /* NULL after the engine has stopped */
        if (event->type == CC_EVENT_MESSAGE && !event->u.message->client_id.size) { /* not hers */
            printf("bob has: %.*s\n", (int)event->u.message->text.size,
                   event->u.message->text.data);
            cc_engine_stop(engine, CC_CLOSE_NORMAL);
        }
    cc_engine_free(engine);
    cc_host_free(host);
    return 0;
}
