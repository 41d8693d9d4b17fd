/*
 * A client of an object server, without HTTP in between: what a gateway does with a request.
 */
#ifndef CC_TESTS_OBJECT_CLIENT_H
#define CC_TESTS_OBJECT_CLIENT_H

#include "chatcore/backend/media.h"
#include "chatcore/testing/conformance.h"

struct object_client {
    struct cc_media_server server;
    char *body;                    /* of the last answer */
    struct cc_media_answer answer; /* likewise */
    /* Headers of the requests, empty unless a test sets them. */
    struct cc_slice range;
    struct cc_slice if_none_match;
    struct cc_slice if_range;
};

/* Carries the request out, the body in pieces of a few bytes. 0 or CC_E…. */
int object_client_do(struct object_client *client, struct cc_media_client_request *request);

void object_client_end(struct object_client *client);

#endif
