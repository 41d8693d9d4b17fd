/*
 * From where on a user sees a conversation: who joined a group sees it from the joining on (the
 * message that tells of it included), unless the engine shows joiners everything; who is no member
 * sees nothing.
 */
#ifndef CC_ENGINE_VISIBLE_H
#define CC_ENGINE_VISIBLE_H

#include "engine/session.h"

/*
 * Asks about request->conversation and the session's user; `done` is called, at once or in a later
 * drain, with 0 and the smallest seq that the user sees (0: all); or with what access_check()
 * answers, or CC_EUNAVAILABLE where another node owns the conversation and the store does not know
 * of the joining yet.
 */
void visible_from(struct request *request,
                  void (*done)(struct request *request, uint64_t from, int status));

#endif
