/*
 * The tables of commands and options: the one place that says what there is.
 */
#include "command.h"

#include <stddef.h>

#define BIT(option) (1u << OPTION_##option)
#define REMOTE      (BIT(SERVER) | BIT(KEY_FILE))

const struct option_row option_rows[OPTIONS] = {
    [OPTION_AS] = {"as", "USER", "read as this user"},
    [OPTION_JSON] = {"json", NULL, "one JSON object a line, for programs"},
    [OPTION_KEY_FILE] = {"key-file", "FILE",
                         "the API key stands in this file; without it, in CHATCORE_KEY"},
    [OPTION_LAST] = {"last", "N", "begin with the last N messages (10)"},
    [OPTION_ONCE] = {"once", NULL, "end behind the newest message"},
    [OPTION_QUIET] = {"quiet", NULL, "show no progress"},
    [OPTION_SERVER] = {"server", "URL",
                       "the server; without it, CHATCORE_SERVER, or "
                       "http://127.0.0.1:8080"},
    [OPTION_YES] = {"yes", NULL, "yes, for good"},
};

const struct command_row command_rows[] = {
    {"token", "USER SECRET-FILE [SECONDS]", "a token for a user",
     "It is signed (HS256) with the secret of the server, and valid for an hour, or as long as is "
     "said.",
     2, 3, 0, command_token},
    {"keys", "DATA list|create NAME SCOPES|rotate ID [SECONDS]|revoke ID", "API keys",
     "Also while a server runs, which sees a change within a second. A rotated key's old secret "
     "stays valid for a day, or so many seconds.",
     2, 4, BIT(JSON), command_keys},
    {"users", "DATA list|show USER", "who there is",
     "From the data folder, also while a server runs. Users are those who have a profile, a "
     "device, a conversation, or a relation to somebody.",
     2, 3, BIT(JSON), command_users},
    {"groups", "DATA list|show CONVERSATION|members CONVERSATION", "groups and channels",
     "From the data folder, also while a server runs. show and members know direct "
     "conversations, too.",
     2, 3, BIT(JSON), command_groups},
    {"tail", "CONVERSATION", "show a conversation's messages as they come, until Ctrl-C",
     "Over the server, with an API key of the scope messages:read, --as one of the conversation's "
     "members (chatcorectl groups tells who they are). It makes nobody be online: the server "
     "answers "
     "when there is something new.",
     1, 1, REMOTE | BIT(AS) | BIT(JSON) | BIT(LAST) | BIT(ONCE), command_tail},
    {"export", "USER", "all that a user has left, as JSON lines",
     "Over the server, with an API key of the scope admin.", 1, 1, REMOTE | BIT(QUIET),
     command_export},
    {"erase", "USER", "erase what a user has left, for good",
     "Over the server, with an API key of the scope admin. He leaves his groups. "
     "It may be repeated when it was broken off.",
     1, 1, REMOTE | BIT(YES), command_erase},
    {"revoke", "token ID|user USER [SECONDS]", "make tokens hold no longer, at once and for good",
     "The token with this jti, or all of a user that were issued before now, or before a time in "
     "seconds since 1970. Sessions that live by them end. Over the server, with an API key of the "
     "scope admin.",
     2, 3, REMOTE, command_revoke},
    {"check", "DATA", "look whether a data folder is sound",
     "Reads log, store and directory through, as they are at one moment, also while a server "
     "runs: that the log has no gap and reaches back to where the store stands, that every "
     "conversation has each seq once up to its head, that inboxes name what is there, that the "
     "directory's tables agree, and that all can be decoded. Without a server the structure of "
     "the files is checked as well. The search index is not looked at. Exit code 2 when there are "
     "faults.",
     1, 1, BIT(JSON) | BIT(QUIET), command_check},
    {"dump", "DATA [log|store|directory]", "what stands in a data folder, as JSON lines",
     "As it is at one moment, also while a server runs. Each line names its table: record, "
     "position, offset, head, row, inbox, cursor, profile, relation, device, conversation, member, "
     "membership, change, revocation, invitation, barred. Tokens of devices and of invitations "
     "are among it.",
     1, 2, BIT(QUIET), command_dump},
    {"reindex", "DATA", "have the search index made anew; no server may run",
     "Removes the index; the next start of a server makes it from the store, in the background.", 1,
     1, 0, command_reindex},
    {"backup", "DATA TO", "copy a data folder, also while a server runs on it",
     "The copy is of one moment, and has its name when it is complete.", 2, 2, BIT(QUIET),
     command_backup},
    {"restore", "BACKUP DATA", "make a data folder of a backup", "DATA must not be there.", 2, 2,
     BIT(QUIET), command_restore},
    {"compact", "DATA", "give free space in the files back; no server may run",
     "It takes as much free disk as the compact copy.", 1, 1, BIT(QUIET), command_compact},
    {"stats", "[ADDR:PORT]", "the figures of a server", "ADDR:PORT or a URL.", 0, 1,
     BIT(JSON) | BIT(SERVER), command_stats},
    {"top", "[ADDR:PORT]", "the same each second, counters as rates, until Ctrl-C", NULL, 0, 1,
     BIT(SERVER), command_top},
    {"complete", "WORDS…", "what a shell may offer in place of the last of these words",
     "For the scripts of bash, zsh and fish. Files and folders stand as @file and @folder.", 0,
     COMPLETE_MAX, 0, command_complete},
    {"help", "[COMMAND]", "this, or more about a command", NULL, 0, 1, BIT(JSON), command_help},
    {.name = NULL},
};
