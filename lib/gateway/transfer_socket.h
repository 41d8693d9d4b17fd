/*
 * Transfers on libwebsockets: called by socket.c for what happens to a socket. Answers other than 0
 * make libwebsockets close it.
 */
#ifndef CC_GATEWAY_TRANSFER_SOCKET_H
#define CC_GATEWAY_TRANSFER_SOCKET_H

#include "gateway/connection.h"

struct lws;

/* 1: the request is not for an object. Else it has been taken. */
int transfer_socket_request(struct connection *connection, struct lws *wsi);

int transfer_socket_body(struct connection *connection, struct lws *wsi, const void *bytes,
                         size_t size);
int transfer_socket_body_complete(struct connection *connection, struct lws *wsi);
int transfer_socket_writable(struct connection *connection, struct lws *wsi);

/* Asks for transfer_socket_writable(). */
void transfer_socket_write(struct connection *connection);

#endif
