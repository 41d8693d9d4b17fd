/*
 * The receiver of notifications.
 */
#include "receiver.h"

#include "base/thread.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static void need(int condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    exit(1);
}

struct talk {
    struct receiver *receiver;
    FILE *stream;
    int fd;
};

static int begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* --- what came --- */

static void keep(struct receiver *receiver, const char *name, const char *text)
{
    struct received *received = calloc(1, sizeof *received);

    need(received != NULL, "calloc");
    snprintf(received->name, sizeof received->name, "%s", name);
    received->text = strdup(text);
    need(received->text != NULL, "strdup");
    pthread_mutex_lock(&receiver->lock);
    received->next = receiver->received;
    receiver->received = received;
    pthread_mutex_unlock(&receiver->lock);
}

size_t receiver_count(struct receiver *receiver, const char *name, const char *text)
{
    size_t count = 0;

    pthread_mutex_lock(&receiver->lock);
    for (const struct received *at = receiver->received; at; at = at->next)
        count += !strcmp(at->name, name) && strstr(at->text, text);
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

/* --- HTTP --- */

static void hang(const struct talk *talk)
{
    char byte;

    while (recv(talk->fd, &byte, 1, 0) > 0)
        ;
}

static void answer_http(const struct talk *talk, const char *name, const char *body)
{
    const char *status = "204 No Content";

    if (begins(name, "hangs")) {
        hang(talk);
        return;
    }
    if (begins(name, "gone"))
        status = "410 Gone";
    else if (begins(name, "later"))
        status = "503 Service Unavailable";
    else
        keep(talk->receiver, name, body);
    fprintf(talk->stream, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    fflush(talk->stream);
}

/* One request: a body of the length that its header tells. */
static void talk_http(const struct talk *talk)
{
    char line[LINE_MAX_BYTES];
    char name[64] = "";
    size_t size = 0;
    char *body;

    if (!fgets(line, sizeof line, talk->stream) || sscanf(line, "POST /%63[^ ]", name) != 1)
        return;
    while (fgets(line, sizeof line, talk->stream) && strcmp(line, "\r\n") != 0)
        if (begins(line, "Content-Length:"))
            size = strtoul(line + strlen("Content-Length:"), NULL, 10);
    body = calloc(1, size + 1);
    need(body != NULL, "calloc");
    if (fread(body, 1, size, talk->stream) == size)
        answer_http(talk, name, body);
    free(body);
}

/* --- SMTP --- */

static void say(const struct talk *talk, const char *line)
{
    fprintf(talk->stream, "%s\r\n", line);
    fflush(talk->stream);
}

static void take_recipient(const struct talk *talk, const char *line, char *name)
{
    if (sscanf(line, "RCPT TO:<%63[^@>]", name) != 1)
        say(talk, "501 5.1.3 what?");
    else if (begins(name, "hangs"))
        hang(talk);
    else if (begins(name, "gone"))
        say(talk, "550 5.1.1 nobody");
    else if (begins(name, "later"))
        say(talk, "451 4.7.1 later");
    else
        say(talk, "250 OK");
}

/* Lines up to the dot alone. */
static void take_mail(const struct talk *talk, const char *name)
{
    char line[LINE_MAX_BYTES];
    size_t size = 0;
    char *text = calloc(1, 1);

    say(talk, "354 go on");
    while (fgets(line, sizeof line, talk->stream) && strcmp(line, ".\r\n") != 0) {
        size_t more = strlen(line);

        text = realloc(text, size + more + 1);
        need(text != NULL, "realloc");
        memcpy(text + size, line, more + 1);
        size += more;
    }
    need(text != NULL, "calloc");
    keep(talk->receiver, name, text);
    free(text);
    say(talk, "250 taken");
}

static void talk_smtp(const struct talk *talk)
{
    char line[LINE_MAX_BYTES];
    char name[64] = "";

    say(talk, "220 receiver");
    while (fgets(line, sizeof line, talk->stream)) {
        if (begins(line, "RCPT "))
            take_recipient(talk, line, name);
        else if (begins(line, "DATA"))
            take_mail(talk, name);
        else if (begins(line, "QUIT") && begins(name, "gone"))
            hang(talk); /* nobody may wait for this */
        else
            say(talk, begins(line, "QUIT") ? "221 bye" : "250 OK");
    }
}

/* --- connections --- */

static void connection_end(struct talk *talk)
{
    struct receiver *receiver = talk->receiver;

    pthread_mutex_lock(&receiver->lock);
    for (size_t i = 0; i < receiver->connection_count; i++)
        if (receiver->connections[i] == talk->fd)
            receiver->connections[i--] = receiver->connections[--receiver->connection_count];
    fclose(talk->stream);
    pthread_cond_signal(&receiver->ended);
    pthread_mutex_unlock(&receiver->lock);
    free(talk);
}

static void *serve(void *context)
{
    struct talk *talk = context;

    if (talk->receiver->protocol == RECEIVER_HTTP)
        talk_http(talk);
    else
        talk_smtp(talk);
    connection_end(talk);
    return NULL;
}

static void take_connection(struct receiver *receiver, int fd)
{
    struct talk *talk = calloc(1, sizeof *talk);
    pthread_t thread;

    need(talk != NULL, "calloc");
    talk->receiver = receiver;
    talk->fd = fd;
    talk->stream = fdopen(fd, "r+");
    need(talk->stream != NULL, "fdopen");
    pthread_mutex_lock(&receiver->lock);
    receiver->connections[receiver->connection_count++] = fd;
    pthread_mutex_unlock(&receiver->lock);
    need(!thread_start(&thread, serve, talk), "pthread_create");
    pthread_detach(thread);
}

static int has_room(struct receiver *receiver)
{
    int has_room;

    pthread_mutex_lock(&receiver->lock);
    has_room = receiver->connection_count < RECEIVER_CONNECTIONS_MAX;
    pthread_mutex_unlock(&receiver->lock);
    return has_room;
}

static void *listen_on(void *context)
{
    struct receiver *receiver = context;
    int fd;

    while ((fd = accept(receiver->listener, NULL, NULL)) >= 0) {
        if (has_room(receiver))
            take_connection(receiver, fd);
        else
            close(fd);
    }
    return NULL;
}

/* --- its life --- */

void receiver_start(struct receiver *receiver, enum receiver_protocol protocol)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    memset(receiver, 0, sizeof *receiver);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver->protocol = protocol;
    pthread_mutex_init(&receiver->lock, NULL);
    pthread_cond_init(&receiver->ended, NULL);
    receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(receiver->listener >= 0, "socket");
    need(!bind(receiver->listener, (struct sockaddr *)&address, sizeof address), "bind");
    need(!listen(receiver->listener, RECEIVER_CONNECTIONS_MAX), "listen");
    need(!getsockname(receiver->listener, (struct sockaddr *)&address, &size), "getsockname");
    receiver->port = ntohs(address.sin_port);
    need(!thread_start(&receiver->thread, listen_on, receiver), "pthread_create");
}

void receiver_stop(struct receiver *receiver)
{
    shutdown(receiver->listener, SHUT_RDWR);
    pthread_join(receiver->thread, NULL);
    close(receiver->listener);
    pthread_mutex_lock(&receiver->lock);
    for (size_t i = 0; i < receiver->connection_count; i++)
        shutdown(receiver->connections[i], SHUT_RDWR);
    while (receiver->connection_count)
        pthread_cond_wait(&receiver->ended, &receiver->lock);
    pthread_mutex_unlock(&receiver->lock);
    while (receiver->received) {
        struct received *received = receiver->received;

        receiver->received = received->next;
        free(received->text);
        free(received);
    }
    pthread_cond_destroy(&receiver->ended);
    pthread_mutex_destroy(&receiver->lock);
}
