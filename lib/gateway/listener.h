/*
 * Accepting. Each worker has a listening socket of its own on the shared port (SO_REUSEPORT).
 * When there are no files left, or a limit is reached, it stops listening for a while: the kernel
 * keeps the clients waiting.
 */
#ifndef CC_GATEWAY_LISTENER_H
#define CC_GATEWAY_LISTENER_H

#include "gateway/worker.h"

/* Opens a listening socket. `*port` 0: any free one, told in it. 0, CC_EINVAL (no address), CC_EIO.
 */
int listener_socket(const char *address, int *port, int *ret_fd);

/* Whether nobody listens there. SO_REUSEPORT alone would let two servers share a port unawares. 0,
 * CC_EINVAL (no address), CC_EIO. */
int listener_probe(const char *address, int port);

/* Starts, ends for good. */
int listener_start(struct worker *worker);
void listener_stop(struct worker *worker);

/* A connection or handshake has ended: a pause may be over. */
void listener_resume(struct worker *worker);

/* Takes a connected socket, accepted here or by the host. `from` may be NULL. Closes it when it
 * can't be served. */
void listener_take(struct worker *worker, int fd, const struct sockaddr *from);

/* Serves a socket whose other end is known: `peer`, or NULL when that has no address. */
void listener_serve(struct worker *worker, int fd, const struct address *peer);

#endif
