/*
 * Words and numbers, by tables.
 */
#include "wire/names.h"

#include "base/memory.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const char *const conversation_kinds[] = {
    [CC_KIND_DIRECT] = "direct", [CC_KIND_GROUP] = "group", [CC_KIND_CHANNEL] = "channel"};

static const char *const roles[] = {
    [CC_ROLE_MEMBER] = "member", [CC_ROLE_ADMIN] = "admin", [CC_ROLE_OWNER] = "owner"};

static const char *const message_kinds[] = {
    [CC_MESSAGE_TEXT] = "text",         [CC_MESSAGE_MEDIA] = "media",
    [CC_MESSAGE_EDIT] = "edit",         [CC_MESSAGE_DELETE] = "delete",
    [CC_MESSAGE_REACTION] = "reaction", [CC_MESSAGE_SYSTEM] = "system"};

static const char *const system_actions[] = {
    [CC_SYSTEM_CREATED] = "created",    [CC_SYSTEM_RENAMED] = "renamed",
    [CC_SYSTEM_ADDED] = "added",        [CC_SYSTEM_REMOVED] = "removed",
    [CC_SYSTEM_LEFT] = "left",          [CC_SYSTEM_ROLE] = "role",
    [CC_SYSTEM_RETENTION] = "retention"};

static const char *const audiences[] = {[CC_AUDIENCE_EVERYONE] = "everyone",
                                        [CC_AUDIENCE_CONTACTS] = "contacts",
                                        [CC_AUDIENCE_NOBODY] = "nobody"};

static const char *const read_marks[] = {
    [CC_READ_MARKS_PUBLIC] = "public", [CC_READ_MARKS_PRIVATE] = "private"};

/* Sizes are known when compiling: looking a key up compares numbers before bytes. */
static const struct cc_slice command_keys[CC_COMMAND_COUNT] = {
#define COMMAND_KEY(constant, key) [constant] = {(key), sizeof(key) - 1},
    CC_COMMAND_TABLE(COMMAND_KEY)
#undef COMMAND_KEY
};

static const char *word_of(const char *const *words, size_t count, unsigned number)
{
    return number < count && words[number] ? words[number] : "unknown";
}

static unsigned number_of(const char *const *words, size_t count, struct cc_slice name)
{
    for (unsigned i = 0; i < count; i++)
        if (words[i] && slice_equal(slice_str(words[i]), name))
            return i;
    return 0;
}

const char *conversation_kind_name(enum cc_conversation_kind kind)
{
    return word_of(conversation_kinds, COUNT(conversation_kinds), kind);
}

const char *role_name(enum cc_role role)
{
    return word_of(roles, COUNT(roles), role);
}

const char *message_kind_name(enum cc_message_kind kind)
{
    return word_of(message_kinds, COUNT(message_kinds), kind);
}

const char *system_action_name(enum cc_system_action action)
{
    return word_of(system_actions, COUNT(system_actions), action);
}

const char *presence_status_name(enum cc_presence_status status)
{
    return status == CC_PRESENCE_ONLINE ? "online" : "offline";
}

const char *audience_name(enum cc_audience audience)
{
    return word_of(audiences, COUNT(audiences), audience);
}

const char *read_marks_name(enum cc_read_marks marks)
{
    return word_of(read_marks, COUNT(read_marks), marks);
}

enum cc_conversation_kind conversation_kind_of(struct cc_slice name)
{
    return (enum cc_conversation_kind)number_of(conversation_kinds, COUNT(conversation_kinds),
                                                name);
}

enum cc_role role_of(struct cc_slice name)
{
    return (enum cc_role)number_of(roles, COUNT(roles), name);
}

/* Here 0 is a word as well. */
static bool find_word(const char *const *words, size_t count, struct cc_slice name,
                      unsigned *ret_number)
{
    *ret_number = number_of(words, count, name);
    return slice_equal(slice_str(words[*ret_number]), name);
}

bool audience_of(struct cc_slice name, enum cc_audience *ret_audience)
{
    unsigned number;

    if (!find_word(audiences, COUNT(audiences), name, &number))
        return false;
    *ret_audience = (enum cc_audience)number;
    return true;
}

bool read_marks_of(struct cc_slice name, enum cc_read_marks *ret_marks)
{
    unsigned number;

    if (!find_word(read_marks, COUNT(read_marks), name, &number))
        return false;
    *ret_marks = (enum cc_read_marks)number;
    return true;
}

enum cc_command_type command_type_of(struct cc_slice key)
{
    for (int i = CC_COMMAND_HEARTBEAT + 1; i < CC_COMMAND_COUNT; i++)
        if (slice_equal(command_keys[i], key))
            return (enum cc_command_type)i;
    return CC_COMMAND_NONE;
}

const char *cc_command_key(enum cc_command_type type)
{
    return (unsigned)type < CC_COMMAND_COUNT ? command_keys[type].data : NULL;
}
