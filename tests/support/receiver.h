/*
 * A receiver of notifications for tests: a small HTTP or SMTP server on 127.0.0.1 with a thread for
 * each connection, which keeps what it is given. What it does is in the name that it is asked for,
 * which is the path, or what stands before the @:
 *
 *   good-N   takes it       gone-N   410 or 550        later-N   503 or 451        hangs-N silence
 */
#ifndef CC_TESTS_RECEIVER_H
#define CC_TESTS_RECEIVER_H

#include <pthread.h>
#include <stddef.h>

/* At a time; more are closed at once. */
#define RECEIVER_CONNECTIONS_MAX 64

enum receiver_protocol { RECEIVER_HTTP, RECEIVER_SMTP };

struct received {
    struct received *next;
    char name[64];
    char *text;
};

struct receiver {
    enum receiver_protocol protocol;
    int listener; /* below 0: it is not running */
    int port;
    pthread_t thread;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t ended;
    struct received *received;
    int connections[RECEIVER_CONNECTIONS_MAX];
    size_t connection_count;
};

/* Each ends the process when it fails: a test can't go on without. */
void receiver_start(struct receiver *receiver, enum receiver_protocol protocol);
void receiver_stop(struct receiver *receiver);

/* How many have come under the name that hold the text. */
size_t receiver_count(struct receiver *receiver, const char *name, const char *text);

#endif
