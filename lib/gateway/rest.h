/*
 * REST: a worker's HTTP requests that are commands.
 *
 * A request is decoded into a command, submitted on a session for requests only, and answered with
 * its reply. Sessions are kept for a minute and shared by all requests of the worker that come with
 * the same token (or, from a server, for the same user with the same key), so that a token is not
 * verified for each; they live on an engine queue of their own, beside the worker's.
 *
 * Owner: the worker's thread.
 */
#ifndef CC_GATEWAY_REST_H
#define CC_GATEWAY_REST_H

#include "gateway/http.h"

struct rest;
struct worker;

/* 0 or CC_ENOMEM. `wake` is called by the engine's thread and makes the worker call rest_take(). */
int rest_new(struct worker *worker, void (*wake)(void *context), void *context,
             struct rest **ret_rest);

/* Frees it; sessions that are left belong to the engine. NULL is nothing. */
void rest_free(struct rest *rest);

/* Begins to answer a request whose path is under REST_PREFIX: http_done() follows, maybe inside. */
void rest_start(struct rest *rest, struct http_exchange *exchange);

/* Answers an exchange with the reply to a command of a user who has been made sure of otherwise
 * than by a token. */
void rest_act_for(struct rest *rest, struct http_exchange *exchange, struct cc_slice user,
                  struct cc_command *command);

/* Takes the engine's replies. True when more may wait. */
bool rest_take(struct rest *rest);

/* Hands over what was submitted. */
void rest_flush(struct rest *rest);

/* Closes all sessions: the gateway stops. */
void rest_close(struct rest *rest);

/* Sessions that are not closed yet; and requests under way. */
size_t rest_session_count(const struct rest *rest);
size_t rest_call_count(const struct rest *rest);

#endif
