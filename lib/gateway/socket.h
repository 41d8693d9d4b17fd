/*
 * Sockets, as the rest of the gateway sees them. socket.c is the only file that knows
 * libwebsockets: it translates its callback reasons into the calls of connection.h, and the
 * functions here into its own.
 *
 * Owner: a worker's thread, but sockets_new() may be called by the thread that makes the worker.
 */
#ifndef CC_GATEWAY_SOCKET_H
#define CC_GATEWAY_SOCKET_H

#include "gateway/connection.h"

/* A worker's libwebsockets context on its loop; also set when there is no vhost in it, and to be
 * ended in any case. Errors: CC_ENOMEM, CC_EINVAL (the certificate), CC_ENOTSUP (no libuv plugin).
 */
int sockets_new(struct worker *worker, struct sockets **ret_sockets);

/* Cuts all sockets and closes the context's handles; the loop has to run until they are closed,
 * then sockets_free() may be called. */
void sockets_end(struct sockets *sockets);
void sockets_free(struct sockets *sockets);

/* Later TLS handshakes use this certificate (tls.h). 0 or CC_ENOMEM: then the old one stays. */
int sockets_renew_tls(struct sockets *sockets, struct ssl_ctx_st *loaded);

/* Takes an accepted socket for a connection. 0, or CC_ENOMEM: `fd` is closed in any case. */
int sockets_adopt(struct sockets *sockets, int fd, struct connection *connection);

/* Writes a ready frame; what the kernel does not take is kept by libwebsockets. 0, or CC_EIO: the
 * socket is dead and has to be cut. */
int socket_write(struct socket *socket, unsigned char *data, size_t size);

/* True while something of an earlier write is kept. */
bool socket_is_blocked(struct socket *socket);

/* Asks for connection_writable(). */
void socket_want_writable(struct socket *socket);

/* Writes the answer of the connection's exchange, which is READY, and frees the exchange. 0, or
 * CC_EIO: the connection has to be cut (what is written is still sent). Not from within a call that
 * socket.c made for this socket. */
int socket_answer(struct connection *connection);

/* Cuts the socket at once: connection_closed() is called inside. Not from within a call that
 * socket.c made for this socket. */
void socket_cut(struct socket *socket);

#endif
