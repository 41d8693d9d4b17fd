/*
 * What is only for development.
 */
#include "dev.h"

#include "keys.h"

#include <chatcore/error.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define DEV_SECRET_SIZE   32
#define DEV_SECRET_MAX    4096
#define DEV_TOKEN_LIVES_S (24 * 3600)

static bool read_secret(struct dev *dev, const char *path)
{
    dev->secret = keys_read_file(path, DEV_SECRET_MAX, &dev->secret_size);
    if (!dev->secret)
        fprintf(stderr, "chatcored: %s: %s\n", path, strerror(errno));
    return dev->secret != NULL;
}

static bool make_secret(struct dev *dev, struct cc_auth *auth)
{
    struct cc_slice secret;

    dev->secret = malloc(DEV_SECRET_SIZE);
    dev->secret_size = DEV_SECRET_SIZE;
    if (!dev->secret || getrandom(dev->secret, DEV_SECRET_SIZE, 0) != DEV_SECRET_SIZE)
        return false;
    secret.data = dev->secret;
    secret.size = dev->secret_size;
    return cc_auth_tokens_add_secret(auth, NULL, secret) == 0;
}

bool dev_init(struct dev *dev, const struct settings *settings, struct cc_auth *auth)
{
    memset(dev, 0, sizeof *dev);
    if (settings->jwt_secret_file)
        return read_secret(dev, settings->jwt_secret_file);
    return make_secret(dev, auth);
}

void dev_deinit(struct dev *dev)
{
    free(dev->secret);
}

/* --- routes ----------------------------------------------------------------------------------- */

static struct cc_slice slice(const char *text)
{
    struct cc_slice slice = {text, strlen(text)};

    return slice;
}

static void answer_error(struct cc_http_response *response, int error)
{
    char text[256];

    snprintf(text, sizeof text, "{\"error\":{\"code\":%d,\"name\":\"%s\",\"message\":\"%s\"}}\n",
             cc_error_code(error), cc_error_protocol_name(error), cc_strerror(error));
    cc_http_response_status(response, cc_error_code(error));
    cc_http_response_write(response, slice(text));
}

/* A name in a JSON object; the object is to be freed. NULL if it isn't one. */
static json_t *parse_user(struct cc_slice body, struct cc_slice *ret_user)
{
    json_t *object =
        json_loadb(body.data ? body.data : "", body.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *user = json_object_get(object, "user");

    if (json_is_string(user) && json_string_length(user)) {
        ret_user->data = json_string_value(user);
        ret_user->size = json_string_length(user);
        return object;
    }
    json_decref(object);
    return NULL;
}

static void token(void *context, const struct cc_http_request *request,
                  struct cc_http_response *response)
{
    const struct dev *dev = context;
    struct cc_slice secret = {dev->secret, dev->secret_size};
    struct cc_slice user;
    json_t *object = parse_user(request->body, &user);
    char *signed_token;
    int r = CC_EINVAL;

    cc_http_response_type(response, "application/json");
    if (object)
        r = cc_auth_tokens_sign(cc_allocator_default(), secret, user,
                                time(NULL) + DEV_TOKEN_LIVES_S, &signed_token);
    json_decref(object);
    if (r) {
        answer_error(response, r);
        return;
    }
    cc_http_response_write(response, slice("{\"token\":\""));
    cc_http_response_write(response, slice(signed_token));
    cc_http_response_write(response, slice("\"}\n"));
    free(signed_token);
}

void dev_routes(struct dev *dev, struct cc_http_route routes[DEV_ROUTES])
{
    routes[0] = (struct cc_http_route){"POST", "/v1/dev/token", token, dev};
}
