/*
 * The dispatch table: what an open session's commands are handled by.
 *
 * Commands that take a place in the log keep it: what a session sends is appended in the order in
 * which it was sent. The others start at once.
 */
#include "engine/chat.h"
#include "engine/contacts.h"
#include "engine/groups.h"
#include "engine/history.h"
#include "engine/invitations.h"
#include "engine/lists.h"
#include "engine/media.h"
#include "engine/presence.h"
#include "engine/privacy.h"
#include "engine/receipts.h"
#include "engine/revoke.h"
#include "engine/search.h"
#include "engine/session.h"
#include "engine/typing.h"

static const struct session_command commands[CC_COMMAND_COUNT] = {
    /* handle, keeps its place, is charged as a send */
    [CC_COMMAND_CONNECT] = {session_connect, true, false},
    [CC_COMMAND_SEND] = {chat_send, true, true},
    [CC_COMMAND_EDIT] = {chat_edit, true, true},
    [CC_COMMAND_DELETE] = {chat_delete, true, true},
    [CC_COMMAND_REACT] = {chat_react, true, true},
    [CC_COMMAND_DELIVERED] = {receipts_delivered, false, false},
    [CC_COMMAND_READ] = {receipts_read, false, false},
    [CC_COMMAND_TYPING] = {typing_set, false, false},
    [CC_COMMAND_REFRESH] = {session_refresh, false, false},
    [CC_COMMAND_HISTORY] = {history_read, false, false},
    [CC_COMMAND_CONVERSATIONS] = {lists_conversations, false, false},
    [CC_COMMAND_CREATE] = {groups_create, false, false},
    [CC_COMMAND_UPDATE] = {groups_update, false, false},
    [CC_COMMAND_ADD] = {groups_add, false, false},
    [CC_COMMAND_REMOVE] = {groups_remove, false, false},
    [CC_COMMAND_LEAVE] = {groups_leave, false, false},
    [CC_COMMAND_ROLE] = {groups_role, false, false},
    [CC_COMMAND_MEMBERS] = {lists_members, false, false},
    [CC_COMMAND_PROFILE] = {contacts_profile, false, false},
    [CC_COMMAND_CONTACTS] = {contacts_list, false, false},
    [CC_COMMAND_ADD_CONTACT] = {contacts_add, false, false},
    [CC_COMMAND_REMOVE_CONTACT] = {contacts_remove, false, false},
    [CC_COMMAND_BLOCK] = {contacts_block, false, false},
    [CC_COMMAND_UNBLOCK] = {contacts_unblock, false, false},
    [CC_COMMAND_MUTE] = {contacts_mute, false, false},
    [CC_COMMAND_PRESENCE] = {presence_query, false, false},
    [CC_COMMAND_UPLOAD] = {media_upload, false, false},
    [CC_COMMAND_MEDIA] = {media_url, false, false},
    [CC_COMMAND_DEVICE] = {contacts_device, false, false},
    [CC_COMMAND_SEARCH] = {search_command, false, false},
    [CC_COMMAND_ERASE] = {privacy_erase, false, false},
    [CC_COMMAND_EXPORT] = {privacy_export, false, false},
    [CC_COMMAND_REVOKE] = {revoke_command, false, false},
    [CC_COMMAND_BLOCKED] = {contacts_blocked, false, false},
    [CC_COMMAND_INVITE] = {invitations_make, false, false},
    [CC_COMMAND_INVITATIONS] = {invitations_list, false, false},
    [CC_COMMAND_REVOKE_INVITATION] = {invitations_revoke, false, false},
    [CC_COMMAND_INVITATION] = {invitations_peek, false, false},
    [CC_COMMAND_JOIN] = {groups_join, false, false},
};

const struct session_command *session_command(enum cc_command_type type)
{
    return &commands[type];
}
