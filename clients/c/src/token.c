/*
 * Tokens are the program's: a callback gives them. What is read of one here is only when it ends,
 * so that the next is asked for in time and told over the open connection; the server decides.
 * Where no new one comes in time the session ends with the old one, and the next connection asks
 * again.
 */
#include "internal.h"

#include <string.h>

/* Asked for this long before the end, or after four fifths of a shorter life. */
#define EARLY_MS ((int64_t)60000)
/* The program had none just now: as long until it is asked again, at least. */
#define AGAIN_MS ((int64_t)1000)
/* A timer's longest; then it is looked again. */
#define PLAN_MOST_MS ((int64_t)30 * 24 * 3600 * 1000)

/* False: the program has none. */
static bool ask(struct cc_client *client, enum cc_client_token_reason reason,
                char token[TOKEN_SIZE])
{
    memset(token, 0, TOKEN_SIZE);
    if (client->options.token(client->options.context, reason, token, TOKEN_SIZE) != 0)
        return false;
    token[TOKEN_SIZE - 1] = 0;
    return true;
}

bool token_ask(struct cc_client *client)
{
    char token[TOKEN_SIZE];
    bool was_refused = client->is_token_refused;

    if (!ask(client, was_refused ? CC_CLIENT_TOKEN_REFUSED : CC_CLIENT_TOKEN_CONNECT, token))
        return false;
    if (was_refused && !strcmp(token, client->token))
        return false;
    memcpy(client->token, token, TOKEN_SIZE);
    return true;
}

/* --- when it ends ----------------------------------------------------------------------------- */

/* `bytes` has room for `size`. 0: it is none. */
static size_t decode_base64url(const char *text, size_t size, char *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        const char *digit = memchr(digits, text[i], sizeof digits - 1);

        if (!digit)
            return 0;
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[count++] = (char)(bits >> have & 0xff);
        }
    }
    return count;
}

/* A JWT's `exp`, in milliseconds; 0: it is none, or does not say. */
static int64_t expiry_of(const char *token)
{
    const char *claims = strchr(token, '.');
    const char *end = claims ? strchr(claims + 1, '.') : NULL;
    char bytes[TOKEN_SIZE];
    json_t *object;
    double seconds;

    if (!end)
        return 0;
    object =
        json_loadb(bytes, decode_base64url(claims + 1, (size_t)(end - claims - 1), bytes), 0, NULL);
    seconds = json_number_value(json_object_get(object, "exp"));
    json_decref(object);
    return seconds > 0 && seconds < 1e12 ? (int64_t)(seconds * 1000) : 0;
}

/* --- before it ends --------------------------------------------------------------------------- */

static void refresh(lws_sorted_usec_list_t *timer);

static void plan(struct cc_client *client)
{
    int64_t life = client->token_ends_ms - (lws_now_usecs() / 1000 + client->server_ahead_ms);
    int64_t delay = life - EARLY_MS > life / 5 * 4 ? life - EARLY_MS : life / 5 * 4;

    if (!client->token_ends_ms || life <= AGAIN_MS)
        return;
    delay = delay < AGAIN_MS ? AGAIN_MS : delay > PLAN_MOST_MS ? PLAN_MOST_MS : delay;
    lws_sul_schedule(client->context, 0, &client->refresh_timer, refresh, delay * 1000);
}

static void refreshed(struct cc_client *client, void *context, const char *error, json_t *body)
{
    int64_t ends = expiry_of(client->next_token);

    (void)context;
    if (!error) {
        memcpy(client->token, client->next_token, TOKEN_SIZE);
        client->token_ends_ms = ends ? ends : json_integer_value(json_object_get(body, "expires"));
    }
    if (client->is_greeted && (!error || json_is_true(json_object_get(body, "temporary"))))
        plan(client);
}

static void refresh(lws_sorted_usec_list_t *timer)
{
    struct cc_client *client = lws_container_of(timer, struct cc_client, refresh_timer);
    bool is_new = ask(client, CC_CLIENT_TOKEN_REFRESH, client->next_token) &&
                  strcmp(client->next_token, client->token) != 0;
    json_t *fields = is_new ? json_pack("{s:s}", "token", client->next_token) : NULL;

    if (!fields || connection_request(client, "refresh", fields, refreshed, NULL))
        plan(client);
}

void token_greeted(struct cc_client *client, json_t *hello)
{
    int64_t now_ms = json_integer_value(json_object_get(hello, "server_time"));

    client->token_ends_ms = now_ms > 0 ? expiry_of(client->token) : 0;
    client->server_ahead_ms = now_ms - lws_now_usecs() / 1000;
    plan(client);
}

void token_lost(struct cc_client *client)
{
    lws_sul_cancel(&client->refresh_timer);
}
