/*
 * The REST routes, as one table: which method and path stands for which command, where the
 * command's fields come from, which status a success has, which scope a server's key needs.
 *
 * A field comes from the path ({conversation}), from the query (only those named), from the route
 * itself (`fixed`), or else from the body. docs/openapi.yaml describes the same routes;
 * tools/check/openapi.py compares the two.
 */
#ifndef CC_GATEWAY_REST_ROUTES_H
#define CC_GATEWAY_REST_ROUTES_H

#include "base/memory.h"
#include "chatcore/backend/api_keys.h"
#include "chatcore/command.h"

/* Every path under it is REST's, but for those that have routes of their own. */
#define REST_PREFIX "/v1/"

/* The most parameters that a path has. */
#define REST_PARAMETERS_MAX 3

struct rest_route {
    const char *method;
    const char *path;
    enum cc_command_type command;
    int status;
    enum cc_scope scope;
    const char *query; /* names parted by spaces */
    const char *fixed; /* JSON members, or empty */
};

struct rest_parameter {
    struct cc_slice key; /* the command's field */
    struct cc_slice value;
};

struct rest_match {
    const struct rest_route *route; /* NULL: none for this method */
    bool is_path;                   /* the path has a route, for some method */
    struct rest_parameter parameters[REST_PARAMETERS_MAX];
    size_t parameter_count;
};

/* HEAD is answered by GET's route. */
void rest_match(struct cc_slice method, struct cc_slice path, struct rest_match *ret_match);

/* Appends the methods that a path has, parted by commas, as far as they fit. Terminated. */
void rest_methods(struct cc_slice path, char *text, size_t size);

#endif
