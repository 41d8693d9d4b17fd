/*
 * What users say: send, edit, delete, react. Each is checked, filtered, and proposed to the log.
 */
#ifndef CC_ENGINE_CHAT_H
#define CC_ENGINE_CHAT_H

#include "engine/session.h"

void chat_send(struct request *request);
void chat_edit(struct request *request);
void chat_delete(struct request *request);
void chat_react(struct request *request);

#endif
