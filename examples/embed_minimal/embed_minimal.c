/* The first program: a chat engine in a folder, two users, one message. */
#include <chatcore/host.h>
#include <stdio.h>
#include <time.h>

int main(void)
{
    char id[32], *data = "bob's"; /* what events name his session by */
    struct cc_slice bob = {"bob", 3}, client_id = {id, (size_t)sprintf(id, "%ld", time(NULL))};
    struct cc_session_options as_alice = {.size = sizeof as_alice, .user = {"alice", 5}};
    struct cc_session_options as_bob = {.size = sizeof as_bob, .user = bob, .data = data};
    struct cc_command connect = {.id = 1, .type = CC_COMMAND_CONNECT, .device = {"laptop", 6}};
    struct cc_command send = {.id = 2, .type = CC_COMMAND_SEND, .user = bob};
    struct cc_session *sessions[2];
    struct cc_engine *engine;
    struct cc_host *host;

    send.client_id = client_id; /* sent again, it would still be one message */
    send.text = (struct cc_slice){"Hello, Bob!", 11};
    if (cc_host_new(NULL, &host) || cc_open_embedded("first.data", NULL, host, &engine))
        return 1;
    if (cc_session_open(cc_engine_queue(engine), &as_alice, &sessions[0]) == 0 &&
        cc_session_open(cc_engine_queue(engine), &as_bob, &sessions[1]) == 0) {
        cc_session_submit(sessions[0], &connect);
        cc_session_submit(sessions[1], &connect);
        cc_session_submit(sessions[0], &send);
    }
    while (!cc_host_has_stopped(host)) {
        const struct cc_event *event = cc_host_next_event(host, engine, 5000);
        bool is_for_bob = event && event->type == CC_EVENT_MESSAGE && event->sessions[0] == data;

        if (is_for_bob)
            printf("bob has a message: %.*s\n", (int)event->u.message->text.size,
                   event->u.message->text.data);
        if (is_for_bob || !event)
            cc_engine_stop(engine, CC_CLOSE_NORMAL);
    }
    cc_engine_free(engine);
    cc_host_free(host);
    return 0;
}
