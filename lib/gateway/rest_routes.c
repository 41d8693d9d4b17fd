/*
 * The table, and finding a route in it.
 */
#include "gateway/rest_routes.h"

#include <stdio.h>

#define CONVERSATION "/v1/conversations/{conversation}"
#define MESSAGE      CONVERSATION "/messages/{message}"
#define REACTION     MESSAGE "/reactions/{emoji}"

/* A table reads in columns. */
/* clang-format off */
static const struct rest_route routes[] = {
    /* method, path, command, status, scope, query, fixed */
    {"GET", "/v1/conversations", CC_COMMAND_CONVERSATIONS, 200, CC_SCOPE_CONVERSATIONS_READ, "after limit", ""},
    {"POST", "/v1/conversations", CC_COMMAND_CREATE, 201, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"PATCH", CONVERSATION, CC_COMMAND_UPDATE, 200, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"GET", CONVERSATION "/members", CC_COMMAND_MEMBERS, 200, CC_SCOPE_CONVERSATIONS_READ, "after limit", ""},
    {"POST", CONVERSATION "/members", CC_COMMAND_ADD, 200, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"DELETE", CONVERSATION "/members", CC_COMMAND_REMOVE, 200, CC_SCOPE_CONVERSATIONS_WRITE, "users", ""},
    {"PUT", CONVERSATION "/members/{user}/role", CC_COMMAND_ROLE, 200, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"POST", CONVERSATION "/leave", CC_COMMAND_LEAVE, 200, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"GET", CONVERSATION "/invitations", CC_COMMAND_INVITATIONS, 200, CC_SCOPE_CONVERSATIONS_WRITE, "after limit", ""},
    {"POST", CONVERSATION "/invitations", CC_COMMAND_INVITE, 201, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"DELETE", CONVERSATION "/invitations/{token}", CC_COMMAND_REVOKE_INVITATION, 200, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"GET", "/v1/invitations/{token}", CC_COMMAND_INVITATION, 200, CC_SCOPE_CONVERSATIONS_READ, "", ""},
    {"POST", "/v1/invitations/{token}/join", CC_COMMAND_JOIN, 200, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"PUT", CONVERSATION "/mute", CC_COMMAND_MUTE, 200, CC_SCOPE_CONVERSATIONS_WRITE, "", ""},
    {"GET", CONVERSATION "/messages", CC_COMMAND_HISTORY, 200, CC_SCOPE_MESSAGES_READ, "before after limit wait_s", ""},
    {"POST", CONVERSATION "/messages", CC_COMMAND_SEND, 201, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"POST", "/v1/users/{user}/messages", CC_COMMAND_SEND, 201, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"PATCH", MESSAGE, CC_COMMAND_EDIT, 200, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"DELETE", MESSAGE, CC_COMMAND_DELETE, 200, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"PUT", REACTION, CC_COMMAND_REACT, 200, CC_SCOPE_MESSAGES_WRITE, "", "\"on\":true"},
    {"DELETE", REACTION, CC_COMMAND_REACT, 200, CC_SCOPE_MESSAGES_WRITE, "", "\"on\":false"},
    {"PUT", CONVERSATION "/delivered", CC_COMMAND_DELIVERED, 200, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"PUT", CONVERSATION "/read", CC_COMMAND_READ, 200, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"PUT", CONVERSATION "/typing", CC_COMMAND_TYPING, 200, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"GET", "/v1/search", CC_COMMAND_SEARCH, 200, CC_SCOPE_MESSAGES_READ, "text conversation cursor limit", ""},
    {"POST", "/v1/media", CC_COMMAND_UPLOAD, 201, CC_SCOPE_MESSAGES_WRITE, "", ""},
    {"GET", "/v1/media/{media}", CC_COMMAND_MEDIA, 200, CC_SCOPE_MESSAGES_READ, "", ""},
    {"GET", "/v1/profile", CC_COMMAND_PROFILE, 200, CC_SCOPE_USERS_READ, "", ""},
    {"PATCH", "/v1/profile", CC_COMMAND_PROFILE, 200, CC_SCOPE_USERS_WRITE, "", ""},
    {"GET", "/v1/users/{user}/profile", CC_COMMAND_PROFILE, 200, CC_SCOPE_USERS_READ, "", ""},
    {"GET", "/v1/users/{user}/export", CC_COMMAND_EXPORT, 200, CC_SCOPE_ADMIN, "cursor", ""},
    {"DELETE", "/v1/users/{user}", CC_COMMAND_ERASE, 200, CC_SCOPE_ADMIN, "", ""},
    {"POST", "/v1/revocations", CC_COMMAND_REVOKE, 200, CC_SCOPE_ADMIN, "", ""},
    {"GET", "/v1/presence", CC_COMMAND_PRESENCE, 200, CC_SCOPE_USERS_READ, "users", ""},
    {"GET", "/v1/contacts", CC_COMMAND_CONTACTS, 200, CC_SCOPE_USERS_READ, "after limit", ""},
    {"PUT", "/v1/contacts/{user}", CC_COMMAND_ADD_CONTACT, 200, CC_SCOPE_USERS_WRITE, "", ""},
    {"DELETE", "/v1/contacts/{user}", CC_COMMAND_REMOVE_CONTACT, 200, CC_SCOPE_USERS_WRITE, "", ""},
    {"GET", "/v1/blocks", CC_COMMAND_BLOCKED, 200, CC_SCOPE_USERS_READ, "after limit", ""},
    {"PUT", "/v1/blocks/{user}", CC_COMMAND_BLOCK, 200, CC_SCOPE_USERS_WRITE, "", ""},
    {"DELETE", "/v1/blocks/{user}", CC_COMMAND_UNBLOCK, 200, CC_SCOPE_USERS_WRITE, "", ""},
    {"PUT", "/v1/devices/{device}", CC_COMMAND_DEVICE, 200, CC_SCOPE_USERS_WRITE, "", ""},
};
/* clang-format on */

#define ROUTE_COUNT (sizeof routes / sizeof *routes)

/* Takes the next segment, without its slash. False at the end. */
static bool take_segment(struct cc_slice *path, struct cc_slice *ret_segment)
{
    const char *end;
    size_t size;

    if (!path->size || *path->data != '/')
        return false;
    path->data++;
    path->size--;
    end = memchr(path->data, '/', path->size);
    size = end ? (size_t)(end - path->data) : path->size;
    *ret_segment = slice_of(path->data, size);
    path->data += size;
    path->size -= size;
    return true;
}

/* Compares a segment with the template's; a parameter takes any but the empty one. */
static bool match_segment(struct cc_slice wanted, struct cc_slice segment, struct rest_match *match)
{
    struct rest_parameter *parameter;

    if (!wanted.size || *wanted.data != '{')
        return slice_equal(wanted, segment);
    if (!segment.size || match->parameter_count == REST_PARAMETERS_MAX)
        return false;
    parameter = &match->parameters[match->parameter_count++];
    parameter->key = slice_of(wanted.data + 1, wanted.size - 2);
    parameter->value = segment;
    return true;
}

static bool match_path(const char *template, struct cc_slice path, struct rest_match *match)
{
    struct cc_slice wanted = slice_str(template);
    struct cc_slice expected;
    struct cc_slice segment;

    match->parameter_count = 0;
    while (take_segment(&wanted, &expected))
        if (!take_segment(&path, &segment) || !match_segment(expected, segment, match))
            return false;
    return !path.size;
}

void rest_match(struct cc_slice method, struct cc_slice path, struct rest_match *ret_match)
{
    memset(ret_match, 0, sizeof *ret_match);
    if (slice_equal(method, slice_str("HEAD")))
        method = slice_str("GET");
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!match_path(routes[i].path, path, ret_match))
            continue;
        ret_match->is_path = true;
        if (!slice_equal(method, slice_str(routes[i].method)))
            continue;
        ret_match->route = &routes[i];
        return;
    }
}

void rest_methods(struct cc_slice path, char *text, size_t size)
{
    struct rest_match match;
    size_t used = 0;

    *text = '\0';
    for (size_t i = 0; i < ROUTE_COUNT && used < size; i++)
        if (match_path(routes[i].path, path, &match))
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     routes[i].method);
}
