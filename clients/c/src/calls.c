/*
 * Commands of the program, from any thread: they wait for the client's thread, which sends them.
 * What the answer will need is allocated with each, so that it is told in any case.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

struct call {
    struct call *next;
    json_t *fields;
    struct event *answer;
    char command[COMMAND_SIZE];
};

static void call_free(struct call *call)
{
    if (!call)
        return;
    json_decref(call->fields);
    events_node_free(call->answer);
    free(call);
}

static int parse_fields(struct call *call, const char *fields)
{
    json_error_t error = {.text = ""};

    call->fields = json_loads(fields, 0, &error);
    if (json_is_object(call->fields))
        return 0;
    return call->fields || *error.text ? -EINVAL : -ENOMEM;
}

static int add(struct cc_client *client, struct call *call)
{
    int r = 0;

    pthread_mutex_lock(&client->lock);
    if (client->call_count >= QUEUED_MOST) {
        r = -ENOBUFS;
    } else {
        client->call_count++;
        *client->calls_last = call;
        client->calls_last = &call->next;
    }
    pthread_mutex_unlock(&client->lock);
    return r;
}

int cc_client_request(struct cc_client *client, const char *command, const char *fields,
                      cc_client_reply_handler on_reply, void *context)
{
    struct call *call;
    int r;

    if (!*command || strlen(command) >= COMMAND_SIZE)
        return -EINVAL;
    call = calloc(1, sizeof *call);
    if (!call)
        return -ENOMEM;
    strcpy(call->command, command);
    call->answer = events_reply_new(on_reply, context);
    r = call->answer ? parse_fields(call, fields) : -ENOMEM;
    r = r ? r : add(client, call);
    if (r)
        call_free(call);
    else
        client_wake(client);
    return r;
}

static void answered(struct cc_client *client, void *context, const char *error, json_t *body)
{
    struct call *call = context;
    struct event *answer = call->answer;

    pthread_mutex_lock(&client->lock);
    client->call_count--;
    pthread_mutex_unlock(&client->lock);
    call->answer = NULL;
    call_free(call);
    events_reply(client, answer, error, body);
}

static void do_call(struct cc_client *client, struct call *call)
{
    json_t *fields = call->fields;

    call->fields = NULL;
    if (!client->is_greeted) {
        json_decref(fields);
        answered(client, call, "offline", NULL);
    } else if (connection_request(client, call->command, fields, answered, call)) {
        answered(client, call, "unavailable", NULL);
    }
}

void calls_do(struct cc_client *client)
{
    struct call *call;

    pthread_mutex_lock(&client->lock);
    call = client->calls;
    client->calls = NULL;
    client->calls_last = &client->calls;
    pthread_mutex_unlock(&client->lock);
    while (call) {
        struct call *next = call->next;

        call->next = NULL;
        do_call(client, call);
        call = next;
    }
}

void calls_free(struct cc_client *client)
{
    while (client->calls) {
        struct call *call = client->calls;

        client->calls = call->next;
        call_free(call);
    }
}
