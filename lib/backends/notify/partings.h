/*
 * Leaving an SMTP server without waiting for it.
 *
 * When a connection is not to be kept, libcurl says QUIT and waits for the answer, on the thread of
 * all transfers: a server that hangs would hold up everybody for minutes. And when a transfer is
 * taken away, libcurl says that the mail is complete, which it is not, and waits again. So its
 * sockets are noted: one that QUIT has been said on is read no more, and that of a transfer that is
 * taken away is neither read nor written. libcurl finds the end at once.
 *
 * Owner: the sender's thread.
 */
#ifndef CC_BACKENDS_NOTIFY_PARTINGS_H
#define CC_BACKENDS_NOTIFY_PARTINGS_H

#include <curl/curl.h>
#include <stdbool.h>

/* libcurl keeps 4 connections for each transfer, of which there are 4. One that is not noted is
 * waited for. */
#define PARTINGS_MAX 20

struct partings {
    int sockets[PARTINGS_MAX];
    size_t count;
};

/* Makes a transfer open and close its sockets here. False without memory. */
bool partings_watch(struct partings *partings, CURL *easy);

/* QUIT has been said on the transfer's connection. */
void partings_leave(const struct partings *partings, CURL *easy);

/* The transfer is about to be taken away. */
void partings_cut(const struct partings *partings, CURL *easy);

/* All are about to be closed. */
void partings_leave_all(const struct partings *partings);

#endif
