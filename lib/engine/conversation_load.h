/*
 * Loading a conversation: the store's head, the directory's entry, the members as of the head's
 * version.
 */
#ifndef CC_ENGINE_CONVERSATION_LOAD_H
#define CC_ENGINE_CONVERSATION_LOAD_H

#include "engine/conversation.h"

/* Starts it; conversation->load is set until it ends. 0 or CC_ENOMEM. */
int conversation_load_start(struct conversation *conversation);

#endif
