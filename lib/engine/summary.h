/*
 * Summaries: a conversation as one of its members sees it, for lists and for pushes when it is new
 * or changed.
 */
#ifndef CC_ENGINE_SUMMARY_H
#define CC_ENGINE_SUMMARY_H

#include "chatcore/event.h"
#include "engine/engine.h"

/* Summaries for pushes being gathered at once; more are not pushed, `conversations` tells them. */
#define SUMMARY_JOBS_MAX 4096

/* In larger conversations a new name is told by its message alone. */
#define SUMMARY_MEMBERS_MAX 100

/* From what the directory says; the slices are those of `conversation`. */
void summary_init(struct cc_conversation_summary *summary,
                  const struct cc_conversation *conversation, struct cc_slice user);

/* A user's membership as a summary without head and cursors; names are copied into the arena. 0 or
 * CC_ENOMEM. */
int summary_of_membership(struct arena *arena, const struct cc_membership *membership,
                          struct cc_slice user, struct cc_conversation_summary *ret_summary);

/* Gathers and pushes a user's summary to the user's sessions, later; for who has none, does
 * nothing. */
void summary_push(struct cc_engine *engine, struct cc_slice conversation, struct cc_slice user);

#endif
