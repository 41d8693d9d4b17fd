/*
 * Comparing commands by member, by a table of the slices.
 */
#include "commands.h"

static const struct {
    const char *name;
    size_t offset;
} slices[] = {
#define MEMBER(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct cc_command, name)                                                   \
    }
    MEMBER(token),    MEMBER(device),    MEMBER(cursor),   MEMBER(conversation),
    MEMBER(user),     MEMBER(client_id), MEMBER(text),     MEMBER(emoji),
    MEMBER(meta),     MEMBER(name),      MEMBER(avatar),   MEMBER(media_type),
    MEMBER(media_id), MEMBER(sha256),    MEMBER(provider), MEMBER(after_name),
#undef MEMBER
};

static void same_slice(struct cc_slice a, struct cc_slice b, const char *member,
                       const char *context)
{
    if (!slice_equal(a, b))
        fail_msg("%s: %s is \"%.*s\", not \"%.*s\"", context, member, (int)a.size,
                 a.size ? a.data : "", (int)b.size, b.size ? b.data : "");
}

static void same_number(uint64_t a, uint64_t b, const char *member, const char *context)
{
    if (a != b)
        fail_msg("%s: %s is %llu, not %llu", context, member, (unsigned long long)a,
                 (unsigned long long)b);
}

static void same_slices(const struct cc_slice *a, size_t a_count, const struct cc_slice *b,
                        size_t b_count, const char *member, const char *context)
{
    same_number(a_count, b_count, member, context);
    for (size_t i = 0; i < a_count; i++)
        same_slice(a[i], b[i], member, context);
}

static void same_ids(const struct cc_command *a, const struct cc_command *b, const char *context)
{
    if (memcmp(&a->message, &b->message, sizeof a->message) != 0)
        fail_msg("%s: message is another", context);
    if (memcmp(&a->reply_to, &b->reply_to, sizeof a->reply_to) != 0)
        fail_msg("%s: reply_to is another", context);
}

void assert_same_command(const struct cc_command *command, const struct cc_command *expected,
                         const char *context)
{
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        same_slice(
            *(const struct cc_slice *)(const void *)((const char *)command + slices[i].offset),
            *(const struct cc_slice *)(const void *)((const char *)expected + slices[i].offset),
            slices[i].name, context);
    same_slices(command->users, command->user_count, expected->users, expected->user_count, "users",
                context);
    same_slices(command->media, command->media_count, expected->media, expected->media_count,
                "media", context);
    same_ids(command, expected, context);
    same_number(command->id, expected->id, "id", context);
    same_number(command->type, expected->type, "type", context);
    same_number(command->seq, expected->seq, "seq", context);
    same_number(command->before, expected->before, "before", context);
    same_number(command->after, expected->after, "after", context);
    same_number(command->limit, expected->limit, "limit", context);
    same_number(command->bytes, expected->bytes, "bytes", context);
    same_number((uint64_t)command->until, (uint64_t)expected->until, "until", context);
    same_number(command->retention_s, expected->retention_s, "retention_s", context);
    same_number(command->kind, expected->kind, "kind", context);
    same_number(command->role, expected->role, "role", context);
    same_number(command->on, expected->on, "on", context);
    same_number(command->has_name, expected->has_name, "has_name", context);
    same_number(command->has_retention, expected->has_retention, "has_retention", context);
    same_number(command->has_presence, expected->has_presence, "has_presence", context);
    same_number(command->has_read_marks, expected->has_read_marks, "has_read_marks", context);
    same_number(command->privacy.presence, expected->privacy.presence, "presence", context);
    same_number(command->privacy.read_marks, expected->privacy.read_marks, "read_marks", context);
    same_number(command->has_avatar, expected->has_avatar, "has_avatar", context);
    same_number(command->has_meta, expected->has_meta, "has_meta", context);
    same_number(command->has_after, expected->has_after, "has_after", context);
}
