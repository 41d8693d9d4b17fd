/*
 * The tables, and the one loop that reads by them.
 */
#include "wire/fields.h"

#include "chatcore/error.h"

#define AT(name) offsetof(struct cc_command, name)
#define KEY(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

#define REQUIRED(key, type, member)                                                                \
    {                                                                                              \
        KEY(key), &field_##type, AT(member), 0, 0, 0, true                                         \
    }
#define OPTIONAL(key, type, member)                                                                \
    {                                                                                              \
        KEY(key), &field_##type, AT(member), 0, 0, 0, false                                        \
    }
#define REQUIRED_MAX(key, member, max)                                                             \
    {                                                                                              \
        KEY(key), &field_text, AT(member), 0, 0, max, true                                         \
    }
#define OPTIONAL_MAX(key, member, max)                                                             \
    {                                                                                              \
        KEY(key), &field_text, AT(member), 0, 0, max, false                                        \
    }
#define GIVEN(key, type, member, given, max)                                                       \
    {                                                                                              \
        KEY(key), &field_##type, AT(member), 0, AT(given), max, false                              \
    }
#define REQUIRED_NAMES(key, member, n, max)                                                        \
    {                                                                                              \
        KEY(key), &field_names, AT(member), AT(n), 0, max, true                                    \
    }
#define OPTIONAL_NAMES(key, member, n, max)                                                        \
    {                                                                                              \
        KEY(key), &field_names, AT(member), AT(n), 0, max, false                                   \
    }

#define CONVERSATION REQUIRED("conversation", name, conversation)
#define USERS(key)   REQUIRED_NAMES(key, users, user_count, CC_COMMAND_USERS_MAX)
#define LIMIT        OPTIONAL("limit", number32, limit)
#define AFTER        OPTIONAL("after", name, after_name)

static const struct field connect_fields[] = {
    OPTIONAL_MAX("token", token, WIRE_TOKEN_MAX), /* a trusted session has none */
    REQUIRED("device", name, device),
    OPTIONAL_MAX("cursor", cursor, WIRE_CURSOR_MAX),
};
static const struct field send_fields[] = {
    OPTIONAL("conversation", name, conversation),
    OPTIONAL("user", name, user),
    REQUIRED("client_id", name, client_id),
    OPTIONAL("text", text, text),
    OPTIONAL_NAMES("media", media, media_count, CC_COMMAND_MEDIA_MAX),
    OPTIONAL("reply_to", id, reply_to),
    OPTIONAL_NAMES("mentions", users, user_count, CC_COMMAND_MENTIONS_MAX),
    GIVEN("meta", meta, meta, has_meta, 0),
    OPTIONAL("traceparent", name, trace_parent),
};
static const struct field edit_fields[] = {
    CONVERSATION,
    REQUIRED("message", id, message),
    REQUIRED("text", text, text),
};
static const struct field delete_fields[] = {
    CONVERSATION,
    REQUIRED("message", id, message),
};
static const struct field react_fields[] = {
    CONVERSATION,
    REQUIRED("message", id, message),
    REQUIRED_MAX("emoji", emoji, WIRE_EMOJI_MAX),
    REQUIRED("on", bool, on),
};
static const struct field cursor_fields[] = {CONVERSATION, REQUIRED("seq", number, seq)};
static const struct field typing_fields[] = {CONVERSATION, REQUIRED("on", bool, on)};
static const struct field refresh_fields[] = {REQUIRED_MAX("token", token, WIRE_TOKEN_MAX)};
static const struct field history_fields[] = {
    CONVERSATION, OPTIONAL("before", number, before), GIVEN("after", number, after, has_after, 0),
    LIMIT,        OPTIONAL("wait_s", number, wait_s),
};
static const struct field page_fields[] = {AFTER, LIMIT};
static const struct field create_fields[] = {
    REQUIRED("kind", kind, kind),
    OPTIONAL("conversation", name, conversation),
    OPTIONAL("client_id", name, client_id),
    REQUIRED_MAX("name", name, WIRE_DISPLAY_MAX),
    USERS("members"),
};
static const struct field update_fields[] = {
    CONVERSATION,
    GIVEN("name", text, name, has_name, WIRE_DISPLAY_MAX),
    GIVEN("retention_s", number, retention_s, has_retention, 0),
};
static const struct field add_fields[] = {
    CONVERSATION,
    USERS("users"),
    OPTIONAL("role", role, role),
};
static const struct field remove_fields[] = {CONVERSATION, USERS("users")};
static const struct field leave_fields[] = {CONVERSATION};
static const struct field role_fields[] = {
    CONVERSATION,
    REQUIRED("user", name, user),
    REQUIRED("role", role, role),
};
static const struct field members_fields[] = {CONVERSATION, AFTER, LIMIT}; /* invitations, too */
static const struct field profile_fields[] = {
    OPTIONAL("user", name, user),
    GIVEN("name", text, name, has_name, WIRE_DISPLAY_MAX),
    GIVEN("avatar", text, avatar, has_avatar, WIRE_URL_MAX),
    GIVEN("meta", meta, meta, has_meta, 0),
    GIVEN("presence", audience, privacy.presence, has_presence, 0),
    GIVEN("read_marks", read_marks, privacy.read_marks, has_read_marks, 0),
};
static const struct field user_fields[] = {REQUIRED("user", name, user)};
static const struct field revoke_fields[] = {
    OPTIONAL("user", name, user),
    OPTIONAL("jti", name, token),
    OPTIONAL("issued_before", time, issued_before),
};
static const struct field mute_fields[] = {CONVERSATION, REQUIRED("until", time, until)};
static const struct field presence_fields[] = {USERS("users")};
static const struct field upload_fields[] = {
    REQUIRED_MAX("name", name, WIRE_DISPLAY_MAX),
    REQUIRED_MAX("type", media_type, WIRE_MEDIA_TYPE_MAX),
    REQUIRED("bytes", number, bytes),
    OPTIONAL("sha256", sha256, sha256),
};
static const struct field media_fields[] = {REQUIRED("media", name, media_id)};
static const struct field device_fields[] = {
    OPTIONAL("device", name, device),
    REQUIRED("push", push, provider),
};
static const struct field push_fields[] = {
    REQUIRED("provider", name, provider),
    REQUIRED_MAX("token", token, WIRE_TOKEN_MAX),
};
static const struct field search_fields[] = {
    REQUIRED("text", text, text),
    OPTIONAL("conversation", name, conversation),
    OPTIONAL_MAX("cursor", cursor, WIRE_CURSOR_MAX),
    LIMIT,
};

static const struct field invite_fields[] = {
    CONVERSATION,
    OPTIONAL("expires_s", number, expires_s),
    OPTIONAL("max_uses", number, max_uses),
};
static const struct field revoke_invitation_fields[] = {
    CONVERSATION,
    REQUIRED("token", name, token),
};
static const struct field join_fields[] = {REQUIRED("token", name, token)};

static const struct field export_fields[] = {
    REQUIRED("user", name, user),
    OPTIONAL_MAX("cursor", cursor, WIRE_CURSOR_MAX),
};

#define FIELDS(table)                                                                              \
    {                                                                                              \
        (table), sizeof(table) / sizeof(table)[0]                                                  \
    }

static const struct fields by_command[CC_COMMAND_COUNT] = {
    [CC_COMMAND_CONNECT] = FIELDS(connect_fields),
    [CC_COMMAND_SEND] = FIELDS(send_fields),
    [CC_COMMAND_EDIT] = FIELDS(edit_fields),
    [CC_COMMAND_DELETE] = FIELDS(delete_fields),
    [CC_COMMAND_REACT] = FIELDS(react_fields),
    [CC_COMMAND_DELIVERED] = FIELDS(cursor_fields),
    [CC_COMMAND_READ] = FIELDS(cursor_fields),
    [CC_COMMAND_TYPING] = FIELDS(typing_fields),
    [CC_COMMAND_REFRESH] = FIELDS(refresh_fields),
    [CC_COMMAND_HISTORY] = FIELDS(history_fields),
    [CC_COMMAND_CONVERSATIONS] = FIELDS(page_fields),
    [CC_COMMAND_CREATE] = FIELDS(create_fields),
    [CC_COMMAND_UPDATE] = FIELDS(update_fields),
    [CC_COMMAND_ADD] = FIELDS(add_fields),
    [CC_COMMAND_REMOVE] = FIELDS(remove_fields),
    [CC_COMMAND_LEAVE] = FIELDS(leave_fields),
    [CC_COMMAND_ROLE] = FIELDS(role_fields),
    [CC_COMMAND_MEMBERS] = FIELDS(members_fields),
    [CC_COMMAND_PROFILE] = FIELDS(profile_fields),
    [CC_COMMAND_CONTACTS] = FIELDS(page_fields),
    [CC_COMMAND_ADD_CONTACT] = FIELDS(user_fields),
    [CC_COMMAND_REMOVE_CONTACT] = FIELDS(user_fields),
    [CC_COMMAND_BLOCK] = FIELDS(user_fields),
    [CC_COMMAND_UNBLOCK] = FIELDS(user_fields),
    [CC_COMMAND_MUTE] = FIELDS(mute_fields),
    [CC_COMMAND_PRESENCE] = FIELDS(presence_fields),
    [CC_COMMAND_UPLOAD] = FIELDS(upload_fields),
    [CC_COMMAND_MEDIA] = FIELDS(media_fields),
    [CC_COMMAND_DEVICE] = FIELDS(device_fields),
    [CC_COMMAND_SEARCH] = FIELDS(search_fields),
    [CC_COMMAND_ERASE] = FIELDS(user_fields),
    [CC_COMMAND_EXPORT] = FIELDS(export_fields),
    [CC_COMMAND_REVOKE] = FIELDS(revoke_fields),
    [CC_COMMAND_BLOCKED] = FIELDS(page_fields),
    [CC_COMMAND_INVITE] = FIELDS(invite_fields),
    [CC_COMMAND_INVITATIONS] = FIELDS(members_fields),
    [CC_COMMAND_REVOKE_INVITATION] = FIELDS(revoke_invitation_fields),
    [CC_COMMAND_INVITATION] = FIELDS(join_fields),
    [CC_COMMAND_JOIN] = FIELDS(join_fields),
};

struct fields fields_of(enum cc_command_type type)
{
    return (unsigned)type < CC_COMMAND_COUNT ? by_command[type] : by_command[CC_COMMAND_NONE];
}

struct fields fields_of_push(void)
{
    struct fields fields = FIELDS(push_fields);

    return fields;
}

/* --- errors -------------------------------------------------------------------------------------
 */

/* Appends to the error's text, as far as it fits. */
static void add_text(struct wire_decoder *decoder, struct cc_slice text)
{
    struct cc_slice *error = &decoder->item->error_text;
    size_t room = sizeof decoder->error_text - error->size;
    size_t size = text.size < room ? text.size : room;

    if (size)
        memcpy(decoder->error_text + error->size, text.data, size);
    error->size += size;
}

void item_reject(struct wire_decoder *decoder, int error, const char *name, struct cc_slice key,
                 const char *text)
{
    struct wire_item *item = decoder->item;

    if (item->error)
        return;
    item->error = error;
    item->error_text = slice_of(decoder->error_text, 0);
    add_text(decoder, slice_str(name));
    if (*name && key.size)
        add_text(decoder, slice_str("."));
    add_text(decoder, key);
    if (*name || key.size)
        add_text(decoder, slice_str(": "));
    add_text(decoder, slice_str(text));
}

static const char *reason_of(const struct field *field, int error)
{
    switch (error) {
    case CC_ETOOLARGE:
        return "is too large";
    case CC_ENOMEM:
        return "out of memory";
    default:
        return field->type->expects;
    }
}

/* --- reading ------------------------------------------------------------------------------------
 */

static const struct field *field_of(struct fields fields, const struct value *key)
{
    if (key->type != VALUE_STRING)
        return NULL;
    for (size_t i = 0; i < fields.count; i++)
        if (slice_equal(fields.fields[i].key, key->bytes))
            return &fields.fields[i];
    return NULL;
}

static bool is_container(const struct value *value)
{
    return value->type == VALUE_ARRAY || value->type == VALUE_OBJECT;
}

static int read_field(struct wire_decoder *decoder, const struct field *field,
                      const struct value *value)
{
    struct cc_command *command = &decoder->item->command;
    int r;

    if ((is_container(value) ? value->type : VALUE_NONE) != field->type->container) {
        reader_skip_container(&decoder->reader, value);
        return CC_EINVAL;
    }
    r = field->type->read(decoder, field, value, command);
    if (!r && field->given)
        *((char *)command + field->given) = true;
    return r;
}

/* Set beforehand, by who called wire_decode_body(). */
static bool is_set(const struct cc_command *command, const struct field *field)
{
    const char *member = (const char *)command + field->member;

    for (size_t i = 0; i < field->type->size; i++)
        if (member[i])
            return true;
    return false;
}

static void check_required(struct wire_decoder *decoder, struct fields fields, uint32_t seen,
                           const char *name)
{
    for (size_t i = 0; i < fields.count; i++) {
        const struct field *field = &fields.fields[i];

        if (field->is_required && !(seen & (uint32_t)1 << i) &&
            !is_set(&decoder->item->command, field))
            item_reject(decoder, CC_EINVAL, name, field->key, "is missing");
    }
}

void fields_read(struct wire_decoder *decoder, struct fields fields, const char *name)
{
    struct reader *reader = &decoder->reader;
    struct scope scope;
    struct value key;
    struct value value;
    uint32_t seen = 0;

    reader_open_object(reader, &scope);
    while (reader_next_member(reader, &scope, &key)) {
        const struct field *field = field_of(fields, &key);
        uint32_t bit = field ? (uint32_t)1 << (field - fields.fields) : 0;
        int r;

        if (!field) {
            reader_skip(reader);
            continue;
        }
        reader_value(reader, &value);
        if (value.type == VALUE_NULL) /* the same as not given */
            continue;
        r = read_field(decoder, field, &value);
        if (r)
            item_reject(decoder, r, name, field->key, reason_of(field, r));
        if (seen & bit)
            item_reject(decoder, CC_EINVAL, name, field->key, "is given twice");
        seen |= bit;
    }
    check_required(decoder, fields, seen, name);
}
