/*
 * Notifications as JSON.
 */
#include "backends/notify/json.h"

static const char *kind_name(enum cc_conversation_kind kind)
{
    if (kind == CC_KIND_DIRECT)
        return "direct";
    return kind == CC_KIND_CHANNEL ? "channel" : "group";
}

static void put_text(struct writer *writer, const char *key, struct cc_slice text)
{
    writer_key(writer, key);
    writer_string(writer, text);
}

static void put_number(struct writer *writer, const char *key, uint64_t number)
{
    writer_key(writer, key);
    writer_uint(writer, number);
}

/* What is shown: a taking back has none of it. */
static void put_shown(struct writer *writer, const struct cc_notification *notification)
{
    put_text(writer, "kind", slice_str(kind_name(notification->kind)));
    if (notification->conversation_name.size)
        put_text(writer, "name", notification->conversation_name);
    put_text(writer, "from", notification->from);
    put_text(writer, "from_name", notification->from_name);
    put_text(writer, "title", notification->title);
    put_text(writer, "body", notification->body);
    put_number(writer, "count", notification->count);
}

void json_notification(struct writer *writer, const struct cc_notification *notification,
                       bool has_token)
{
    bool is_shown = notification->action == CC_NOTIFICATION_SHOW;
    bool is_high = notification->priority == CC_NOTIFICATION_HIGH;
    struct writer_scope scope;

    writer_open_object(writer, &scope);
    put_text(writer, "action", slice_str(is_shown ? "show" : "cancel"));
    writer_key(writer, "id");
    writer_id(writer, &notification->id);
    put_text(writer, "user", notification->user);
    put_text(writer, "device", notification->device);
    if (has_token)
        put_text(writer, "token", notification->token);
    put_text(writer, "conversation", notification->conversation);
    put_text(writer, "collapse_key", notification->collapse_key);
    put_text(writer, "priority", slice_str(is_high ? "high" : "normal"));
    if (is_shown)
        put_shown(writer, notification);
    put_number(writer, "badge", notification->badge);
    put_number(writer, "seq", notification->seq);
    writer_key(writer, "ts");
    writer_int(writer, notification->ts);
    writer_close_object(writer, &scope);
}
