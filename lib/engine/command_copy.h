/*
 * Deep copies of commands and events' values into an arena.
 */
#ifndef CC_ENGINE_COMMAND_COPY_H
#define CC_ENGINE_COMMAND_COPY_H

#include "base/arena.h"
#include "chatcore/event.h"

/* 0 or CC_ENOMEM. */
int command_copy(struct arena *arena, const struct cc_command *from, struct cc_command *ret_copy);

/* Copies an array of slices. 0 or CC_ENOMEM. */
int slices_copy(struct arena *arena, const struct cc_slice *from, size_t count,
                const struct cc_slice **ret_copy);

/* 0 or CC_ENOMEM. */
int message_copy(struct arena *arena, const struct cc_message *from, struct cc_message *ret_copy);
int summary_copy(struct arena *arena, const struct cc_conversation_summary *from,
                 struct cc_conversation_summary *ret_copy);

int invitation_copy(struct arena *arena, const struct cc_invitation *from,
                    struct cc_invitation *ret_copy);

#endif
