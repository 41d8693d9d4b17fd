/*
 * Files to and from an object store by HTTP, one after the other on a thread of their own, so that
 * a slow store or disk holds up no message. A transfer belongs to who made it until it is started,
 * then to the thread, and when it is over to the client's thread, which calls `finished` and frees
 * it.
 */
#ifndef CC_CLIENT_TRANSFER_H
#define CC_CLIENT_TRANSFER_H

#include "chatcore/client.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

/* That wait: more is a program that asks without looking at the answers. */
#define TRANSFERS_MOST 100
/* Of a file that is fetched: a server that sends more must not fill the disk. */
#define DOWNLOAD_MOST ((uint64_t)1 << 30)

struct event;

struct transfer {
    struct transfer *next;
    struct cc_client *client;
    bool is_upload;
    char *path;
    char *url;
    struct curl_slist *headers;
    char client_id[65]; /* of an upload: the message that it is for */
    char media[65];
    struct event *answer; /* of a download */
    cc_client_reply_handler on_done;
    void *context;
    uint64_t bytes;
    void (*finished)(struct cc_client *client, struct transfer *transfer);

    _Atomic bool is_cancelled;
    _Atomic uint64_t done, total;
    uint64_t told_us; /* by the thread: when it last woke the client's */
    uint64_t told;    /* by the client's thread: what it has told of `done` */

    const char *error; /* NULL: it is there */
    bool is_temporary; /* trying again can help */
};

struct transfer *transfer_new(struct cc_client *client, const char *path);
void transfer_free(struct transfer *transfer);
/* `url` and `headers` (or NULL) are the server's: -EINVAL, they can't be used; -ENOMEM. */
int transfer_aim(struct transfer *transfer, const char *url, json_t *headers);
/* Takes it if 0 is returned. Any thread. -ENOBUFS, -ENOMEM, -EAGAIN (no thread). */
int transfer_start(struct transfer *transfer);
/* The upload for a message. Under the lock. */
void transfer_cancel(struct cc_client *client, const char *client_id);
/* On the client's thread, woken: what is over, and how far the present one is. */
void transfers_look(struct cc_client *client);
/* Ends the thread, and what it does. */
void transfers_end(struct cc_client *client);

#endif
