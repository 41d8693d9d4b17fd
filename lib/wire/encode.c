/*
 * Replies and pushes: what they look like. Members stand in the order of docs/protocol.md; those
 * marked there with a question mark are written only when they are set.
 */
#include "wire/encode.h"

#include "chatcore/error.h"
#include "wire/meta.h"
#include "wire/names.h"
#include "wire/uuid.h"
#include "wire/writer.h"

/* --- members ------------------------------------------------------------------------------------
 */

static inline void put_string(struct writer *writer, const char *key, struct cc_slice text)
{
    writer_key(writer, key);
    writer_string(writer, text);
}

static inline void put_string_if(struct writer *writer, const char *key, struct cc_slice text)
{
    if (text.size)
        put_string(writer, key, text);
}

static inline void put_word(struct writer *writer, const char *key, const char *word)
{
    put_string(writer, key, slice_str(word));
}

static inline void put_uint(struct writer *writer, const char *key, uint64_t value)
{
    writer_key(writer, key);
    writer_uint(writer, value);
}

static inline void put_uint_if(struct writer *writer, const char *key, uint64_t value)
{
    if (value)
        put_uint(writer, key, value);
}

static inline void put_time(struct writer *writer, const char *key, int64_t value)
{
    writer_key(writer, key);
    writer_int(writer, value);
}

static inline void put_bool(struct writer *writer, const char *key, bool value)
{
    writer_key(writer, key);
    writer_bool(writer, value);
}

static inline void put_true_if(struct writer *writer, const char *key, bool value)
{
    if (value)
        put_bool(writer, key, true);
}

static inline void put_id(struct writer *writer, const char *key, const struct cc_id *id)
{
    writer_key(writer, key);
    writer_id(writer, id);
}

static inline void put_id_if(struct writer *writer, const char *key, const struct cc_id *id)
{
    if (!uuid_is_none(id))
        put_id(writer, key, id);
}

static void put_strings(struct writer *writer, const char *key, const struct cc_slice *texts,
                        size_t count)
{
    struct writer_scope array;

    writer_key(writer, key);
    writer_open_array(writer, count, &array);
    for (size_t i = 0; i < count; i++)
        writer_string(writer, texts[i]);
    writer_close_array(writer, &array);
}

static void put_strings_if(struct writer *writer, const char *key, const struct cc_slice *texts,
                           size_t count)
{
    if (count)
        put_strings(writer, key, texts, count);
}

static void put_files_if(struct writer *writer, struct cc_slice files)
{
    if (!files.size)
        return;
    writer_key(writer, "files");
    packed_write(writer, files);
}

static void put_meta_if(struct writer *writer, struct cc_slice meta)
{
    if (!meta.size)
        return;
    writer_key(writer, "meta");
    meta_write(writer, meta);
}

/* --- objects ------------------------------------------------------------------------------------
 */

static void put_said(struct writer *writer, const struct cc_message *message)
{
    if (message->kind != CC_MESSAGE_DELETE && message->kind != CC_MESSAGE_REACTION &&
        (message->text.size || message->kind != CC_MESSAGE_MEDIA))
        put_string(writer, "text", message->text);
    put_strings_if(writer, "media", message->media, message->media_count);
    put_files_if(writer, message->files);
    put_id_if(writer, "reply_to", &message->reply_to);
    put_strings_if(writer, "mentions", message->mentions, message->mention_count);
    put_meta_if(writer, message->meta);
    put_id_if(writer, "message", &message->target);
    if (message->kind == CC_MESSAGE_REACTION) {
        put_string(writer, "emoji", message->emoji);
        put_bool(writer, "on", message->on);
    }
}

static void put_system(struct writer *writer, const struct cc_message *message)
{
    put_word(writer, "action", system_action_name(message->action));
    put_strings_if(writer, "users", message->users, message->user_count);
    put_string_if(writer, "name", message->name);
    if (message->role)
        put_word(writer, "role", role_name(message->role));
    if (message->has_retention)
        put_uint(writer, "retention_s", message->retention_s);
}

static void write_message(struct writer *writer, const struct cc_message *message)
{
    struct writer_scope object;

    writer_open_object(writer, &object);
    put_string(writer, "conversation", message->conversation);
    put_uint(writer, "seq", message->seq);
    put_id(writer, "id", &message->id);
    put_string(writer, "from", message->from);
    put_time(writer, "ts", message->ts);
    put_word(writer, "kind", message_kind_name(message->kind));
    if (message->kind == CC_MESSAGE_SYSTEM)
        put_system(writer, message);
    else
        put_said(writer, message);
    put_string_if(writer, "client_id", message->client_id);
    put_true_if(writer, "flagged", message->flagged);
    writer_close_object(writer, &object);
}

static void write_receipt(struct writer *writer, const struct cc_receipt *receipt)
{
    struct writer_scope object;

    writer_open_object(writer, &object);
    put_string(writer, "conversation", receipt->conversation);
    put_string(writer, "user", receipt->user);
    put_uint_if(writer, "delivered", receipt->delivered);
    put_uint_if(writer, "read", receipt->read);
    put_time(writer, "ts", receipt->ts);
    writer_close_object(writer, &object);
}

static void write_typing(struct writer *writer, const struct cc_typing *typing)
{
    struct writer_scope object;

    writer_open_object(writer, &object);
    put_string(writer, "conversation", typing->conversation);
    put_string(writer, "user", typing->user);
    put_bool(writer, "on", typing->on);
    writer_close_object(writer, &object);
}

static void write_presence(struct writer *writer, const struct cc_presence *presence)
{
    struct writer_scope object;

    writer_open_object(writer, &object);
    put_string(writer, "user", presence->user);
    put_word(writer, "status", presence_status_name(presence->status));
    if (presence->last_seen)
        put_time(writer, "last_seen", presence->last_seen);
    writer_close_object(writer, &object);
}

static void put_summary_state(struct writer *writer, const struct cc_conversation_summary *summary)
{
    put_string(writer, "name", summary->conversation.name);
    put_uint(writer, "members", summary->conversation.member_count);
    put_uint(writer, "head", summary->head);
    put_uint(writer, "read", summary->read);
    put_uint(writer, "delivered", summary->delivered);
    put_uint(writer, "unread", summary->unread);
    put_bool(writer, "muted", summary->muted_until != 0);
    if (summary->muted_until)
        put_time(writer, "muted_until", summary->muted_until);
    put_string_if(writer, "peer", summary->peer);
    if (summary->ts)
        put_time(writer, "ts", summary->ts);
    if (summary->role)
        put_word(writer, "role", role_name(summary->role));
    put_uint_if(writer, "retention_s", summary->conversation.retention_s);
}

/* Of a conversation that is gone there is nothing to tell but that. */
static void write_summary(struct writer *writer, const struct cc_conversation_summary *summary)
{
    const struct cc_conversation *conversation = &summary->conversation;
    struct writer_scope object;

    writer_open_object(writer, &object);
    put_string(writer, "id", conversation->id);
    put_word(writer, "kind", conversation_kind_name(conversation->kind));
    if (summary->gone)
        put_bool(writer, "gone", true);
    else
        put_summary_state(writer, summary);
    writer_close_object(writer, &object);
}

static void write_synced(struct writer *writer, struct cc_slice cursor)
{
    struct writer_scope object;

    writer_open_object(writer, &object);
    put_string(writer, "cursor", cursor);
    writer_close_object(writer, &object);
}

static void write_member(struct writer *writer, const struct cc_member *member)
{
    struct writer_scope object;

    writer_open_object(writer, &object);
    put_string(writer, "user", member->user);
    put_word(writer, "role", role_name(member->role));
    put_uint_if(writer, "delivered", member->delivered);
    put_uint_if(writer, "read", member->read);
    writer_close_object(writer, &object);
}

/* --- the members of each reply ------------------------------------------------------------------
 */

static void put_connected(struct writer *writer, const struct cc_reply *reply)
{
    put_string(writer, "user", reply->user);
    put_string(writer, "device", reply->device);
    put_string(writer, "session", reply->session);
    put_time(writer, "server_time", reply->server_time);
    put_uint(writer, "ping_interval_ms", reply->ping_interval_ms);
    put_uint(writer, "max_message_bytes", reply->max_message_bytes);
}

static void put_sent(struct writer *writer, const struct cc_reply *reply)
{
    put_string(writer, "conversation", reply->conversation);
    put_id(writer, "message", &reply->message);
    put_time(writer, "ts", reply->ts);
    put_true_if(writer, "duplicate", reply->duplicate);
}

static void put_seq(struct writer *writer, const struct cc_reply *reply)
{
    put_uint(writer, "seq", reply->seq);
}

static void put_nothing(struct writer *writer, const struct cc_reply *reply)
{
    (void)writer;
    (void)reply;
}

static void put_expires(struct writer *writer, const struct cc_reply *reply)
{
    put_time(writer, "expires", reply->expires);
}

static void put_history(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope array;

    writer_key(writer, "messages");
    writer_open_array(writer, reply->message_count, &array);
    for (size_t i = 0; i < reply->message_count; i++)
        write_message(writer, &reply->messages[i]);
    writer_close_array(writer, &array);
    put_bool(writer, "more", reply->more);
}

static void put_found(struct writer *writer, const struct cc_reply *reply)
{
    put_history(writer, reply);
    put_string_if(writer, "cursor", reply->cursor);
}

static void put_conversations(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope array;

    writer_key(writer, "conversations");
    writer_open_array(writer, reply->conversation_count, &array);
    for (size_t i = 0; i < reply->conversation_count; i++)
        write_summary(writer, &reply->conversations[i]);
    writer_close_array(writer, &array);
    put_bool(writer, "more", reply->more);
}

static void put_created(struct writer *writer, const struct cc_reply *reply)
{
    put_string(writer, "conversation", reply->conversation);
    put_true_if(writer, "duplicate", reply->duplicate);
}

static void put_members(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope array;

    writer_key(writer, "members");
    writer_open_array(writer, reply->member_count, &array);
    for (size_t i = 0; i < reply->member_count; i++)
        write_member(writer, &reply->members[i]);
    writer_close_array(writer, &array);
    put_bool(writer, "more", reply->more);
}

static void put_profile(struct writer *writer, const struct cc_reply *reply)
{
    const struct cc_profile *profile = reply->profile;

    if (!profile)
        return;
    put_string(writer, "user", profile->user);
    put_string_if(writer, "name", profile->name);
    put_string_if(writer, "avatar", profile->avatar);
    put_meta_if(writer, profile->meta);
    if (profile->privacy.presence)
        put_word(writer, "presence", audience_name(profile->privacy.presence));
    if (profile->privacy.read_marks)
        put_word(writer, "read_marks", read_marks_name(profile->privacy.read_marks));
}

static void put_contacts(struct writer *writer, const struct cc_reply *reply)
{
    put_strings(writer, "contacts", reply->users, reply->user_count);
    put_bool(writer, "more", reply->more);
}

static void put_presences(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope array;

    writer_key(writer, "presence");
    writer_open_array(writer, reply->presence_count, &array);
    for (size_t i = 0; i < reply->presence_count; i++)
        write_presence(writer, &reply->presence[i]);
    writer_close_array(writer, &array);
}

static void put_upload(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope object;

    put_string(writer, "media", reply->media);
    put_string(writer, "method", reply->method);
    put_string(writer, "url", reply->url);
    writer_key(writer, "headers");
    writer_open_object(writer, &object);
    for (size_t i = 0; i < reply->header_count; i++) {
        writer_any_key(writer, reply->headers[i].name);
        writer_string(writer, reply->headers[i].value);
    }
    writer_close_object(writer, &object);
    put_expires(writer, reply);
}

static void put_media(struct writer *writer, const struct cc_reply *reply)
{
    put_string(writer, "url", reply->url);
    put_expires(writer, reply);
}

static void put_device(struct writer *writer, const struct cc_reply *reply)
{
    if (reply->has_verified)
        put_bool(writer, "verified", reply->verified);
}

static void put_devices(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope array;

    writer_key(writer, "devices");
    writer_open_array(writer, reply->device_count, &array);
    for (size_t i = 0; i < reply->device_count; i++) {
        struct writer_scope object;

        writer_open_object(writer, &object);
        put_string(writer, "device", reply->devices[i].device);
        put_string(writer, "provider", reply->devices[i].provider);
        put_string(writer, "token", reply->devices[i].token);
        writer_close_object(writer, &object);
    }
    writer_close_array(writer, &array);
    put_bool(writer, "more", reply->more);
}

static void put_exported_profile(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope object;

    writer_key(writer, "profile");
    writer_open_object(writer, &object);
    put_profile(writer, reply);
    writer_close_object(writer, &object);
    put_bool(writer, "more", reply->more);
}

static void put_blocked(struct writer *writer, const struct cc_reply *reply)
{
    put_strings(writer, "blocked", reply->users, reply->user_count);
    put_bool(writer, "more", reply->more);
}

static void put_invitation(struct writer *writer, const struct cc_invitation *invitation)
{
    put_string(writer, "token", invitation->token);
    put_string(writer, "conversation", invitation->conversation);
    put_string(writer, "creator", invitation->creator);
    put_time(writer, "created", invitation->created);
    if (invitation->expires)
        put_time(writer, "expires", invitation->expires);
    put_uint_if(writer, "max_uses", invitation->max_uses);
    put_uint(writer, "uses", invitation->uses);
}

static void put_invited(struct writer *writer, const struct cc_reply *reply)
{
    if (reply->invitation_count)
        put_invitation(writer, &reply->invitations[0]);
}

static void put_invitations(struct writer *writer, const struct cc_reply *reply)
{
    struct writer_scope array;

    writer_key(writer, "invitations");
    writer_open_array(writer, reply->invitation_count, &array);
    for (size_t i = 0; i < reply->invitation_count; i++) {
        struct writer_scope object;

        writer_open_object(writer, &object);
        put_invitation(writer, &reply->invitations[i]);
        writer_close_object(writer, &object);
    }
    writer_close_array(writer, &array);
    put_bool(writer, "more", reply->more);
}

static void put_peek(struct writer *writer, const struct cc_reply *reply)
{
    const struct cc_conversation *conversation;

    if (!reply->conversation_count)
        return;
    conversation = &reply->conversations[0].conversation;
    put_word(writer, "kind", conversation_kind_name(conversation->kind));
    put_string(writer, "name", conversation->name);
    put_uint(writer, "members", conversation->member_count);
    put_string_if(writer, "conversation", conversation->id);
    if (reply->expires)
        put_expires(writer, reply);
}

static void put_joined(struct writer *writer, const struct cc_reply *reply)
{
    put_string(writer, "conversation", reply->conversation);
    put_seq(writer, reply);
}

static void put_export(struct writer *writer, const struct cc_reply *reply)
{
    static void (*const parts[])(struct writer *, const struct cc_reply *) = {
        [CC_EXPORT_PROFILE] = put_exported_profile,    [CC_EXPORT_DEVICES] = put_devices,
        [CC_EXPORT_CONTACTS] = put_contacts,           [CC_EXPORT_BLOCKED] = put_blocked,
        [CC_EXPORT_CONVERSATIONS] = put_conversations, [CC_EXPORT_MESSAGES] = put_history,
        [CC_EXPORT_INVITATIONS] = put_invitations,
    };

    parts[reply->export_part](writer, reply);
    put_string_if(writer, "cursor", reply->cursor);
}

typedef void (*put_reply)(struct writer *writer, const struct cc_reply *reply);

static const put_reply by_command[CC_COMMAND_COUNT] = {
    [CC_COMMAND_CONNECT] = put_connected,
    [CC_COMMAND_SEND] = put_sent,
    [CC_COMMAND_EDIT] = put_seq,
    [CC_COMMAND_DELETE] = put_seq,
    [CC_COMMAND_REACT] = put_seq,
    [CC_COMMAND_DELIVERED] = put_nothing,
    [CC_COMMAND_READ] = put_nothing,
    [CC_COMMAND_TYPING] = put_nothing,
    [CC_COMMAND_REFRESH] = put_expires,
    [CC_COMMAND_HISTORY] = put_history,
    [CC_COMMAND_CONVERSATIONS] = put_conversations,
    [CC_COMMAND_CREATE] = put_created,
    [CC_COMMAND_UPDATE] = put_seq,
    [CC_COMMAND_ADD] = put_seq,
    [CC_COMMAND_REMOVE] = put_seq,
    [CC_COMMAND_LEAVE] = put_seq,
    [CC_COMMAND_ROLE] = put_seq,
    [CC_COMMAND_MEMBERS] = put_members,
    [CC_COMMAND_PROFILE] = put_profile,
    [CC_COMMAND_CONTACTS] = put_contacts,
    [CC_COMMAND_ADD_CONTACT] = put_nothing,
    [CC_COMMAND_REMOVE_CONTACT] = put_nothing,
    [CC_COMMAND_BLOCK] = put_nothing,
    [CC_COMMAND_UNBLOCK] = put_nothing,
    [CC_COMMAND_MUTE] = put_nothing,
    [CC_COMMAND_PRESENCE] = put_presences,
    [CC_COMMAND_UPLOAD] = put_upload,
    [CC_COMMAND_MEDIA] = put_media,
    [CC_COMMAND_DEVICE] = put_device,
    [CC_COMMAND_SEARCH] = put_found,
    [CC_COMMAND_ERASE] = put_nothing,
    [CC_COMMAND_EXPORT] = put_export,
    [CC_COMMAND_REVOKE] = put_nothing,
    [CC_COMMAND_BLOCKED] = put_blocked,
    [CC_COMMAND_INVITE] = put_invited,
    [CC_COMMAND_INVITATIONS] = put_invitations,
    [CC_COMMAND_REVOKE_INVITATION] = put_nothing,
    [CC_COMMAND_INVITATION] = put_peek,
    [CC_COMMAND_JOIN] = put_joined,
};

static void put_error(struct writer *writer, const struct cc_reply *reply)
{
    put_uint(writer, "code", (uint64_t)cc_error_code(reply->error));
    put_word(writer, "name", cc_error_protocol_name(reply->error));
    put_string(writer, "message",
               reply->error_text.size ? reply->error_text : slice_str(cc_strerror(reply->error)));
    put_uint_if(writer, "retry_after_ms", reply->retry_after_ms);
    put_true_if(writer, "temporary", cc_error_is_retriable(reply->error));
}

/* What writes the reply's inner object; NULL for what is no command. */
static put_reply put_of(const struct cc_reply *reply)
{
    if (reply->error)
        return put_error;
    return (unsigned)reply->command < CC_COMMAND_COUNT ? by_command[reply->command] : NULL;
}

static void write_body(struct writer *writer, const struct cc_reply *reply, put_reply put)
{
    struct writer_scope object;

    writer_open_object(writer, &object);
    put(writer, reply);
    writer_close_object(writer, &object);
}

/* --- whole objects ------------------------------------------------------------------------------
 */

/* 0, or takes back what was written since `start`. */
static int finish(struct buffer *out, size_t start)
{
    if (!out->failed)
        return 0;
    out->size = start;
    return CC_ENOMEM;
}

int wire_encode_body(struct buffer *out, const struct cc_reply *reply, enum wire_format format)
{
    put_reply put = put_of(reply);
    size_t start = out->size;
    struct writer writer;

    if (!put)
        return CC_EINVAL;
    writer_init(&writer, out, format);
    write_body(&writer, reply, put);
    return finish(out, start);
}

int wire_encode_reply(struct buffer *out, const struct cc_reply *reply, enum wire_format format)
{
    put_reply put = put_of(reply);
    size_t start = out->size;
    struct writer_scope object;
    struct writer writer;

    if (!put)
        return CC_EINVAL;
    writer_init(&writer, out, format);
    writer_open_object(&writer, &object);
    put_uint(&writer, "id", reply->id);
    writer_key(&writer, reply->error ? "error" : cc_command_key(reply->command));
    write_body(&writer, reply, put);
    writer_close_object(&writer, &object);
    return finish(out, start);
}

static void write_message_push(struct writer *writer, const struct cc_event *event)
{
    writer_key(writer, "message");
    write_message(writer, event->u.message);
}

static void write_receipt_push(struct writer *writer, const struct cc_event *event)
{
    writer_key(writer, "receipt");
    write_receipt(writer, event->u.receipt);
}

static void write_typing_push(struct writer *writer, const struct cc_event *event)
{
    writer_key(writer, "typing");
    write_typing(writer, event->u.typing);
}

static void write_presence_push(struct writer *writer, const struct cc_event *event)
{
    writer_key(writer, "presence");
    write_presence(writer, event->u.presence);
}

static void write_conversation_push(struct writer *writer, const struct cc_event *event)
{
    writer_key(writer, "conversation");
    write_summary(writer, event->u.conversation);
}

static void write_synced_push(struct writer *writer, const struct cc_event *event)
{
    writer_key(writer, "synced");
    write_synced(writer, event->u.synced.cursor);
}

typedef void (*write_push)(struct writer *writer, const struct cc_event *event);

static const write_push by_event[CC_EVENT_STOPPED + 1] = {
    [CC_EVENT_MESSAGE] = write_message_push,
    [CC_EVENT_RECEIPT] = write_receipt_push,
    [CC_EVENT_TYPING] = write_typing_push,
    [CC_EVENT_PRESENCE] = write_presence_push,
    [CC_EVENT_CONVERSATION] = write_conversation_push,
    [CC_EVENT_SYNCED] = write_synced_push,
};

int wire_encode_event(struct buffer *out, const struct cc_event *event, enum wire_format format)
{
    size_t start = out->size;
    struct writer_scope object;
    struct writer writer;

    if (event->type == CC_EVENT_REPLY)
        return wire_encode_reply(out, event->u.reply, format);
    if ((unsigned)event->type > CC_EVENT_STOPPED || !by_event[event->type])
        return CC_EINVAL;
    writer_init(&writer, out, format);
    writer_open_object(&writer, &object);
    by_event[event->type](&writer, event);
    writer_close_object(&writer, &object);
    return finish(out, start);
}
