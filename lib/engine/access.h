/*
 * Access: may this user do something in this conversation, as things stand now?
 *
 * Where this node owns the conversation's partition, the loaded conversation answers from memory;
 * elsewhere the directory is asked each time. For what goes through the log this is a first check;
 * the last word is the sequencer's.
 */
#ifndef CC_ENGINE_ACCESS_H
#define CC_ENGINE_ACCESS_H

#include "engine/conversation.h"
#include "engine/session.h"

struct access {
    bool exists;
    bool is_member;
    enum cc_role role;
    enum cc_conversation_kind kind;
    uint32_t member_count;
    uint64_t since_version; /* of the membership; only where `conversation` is NULL */
    struct conversation
        *conversation; /* when this node owns it, else NULL; valid during the call */
};

/*
 * Asks about request->conversation and the session's user; `checked` is called, at once or in a
 * later drain, with 0, or with CC_ENOTFOUND (no such conversation, or the user is no member: nobody
 * learns by asking that it is there), CC_EUNAVAILABLE … and the rest unset. A direct conversation's
 * peer counts as a member.
 */
void access_check(struct request *request,
                  void (*checked)(struct request *request, const struct access *access,
                                  int status));

#endif
