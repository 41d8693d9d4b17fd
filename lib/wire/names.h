/*
 * The protocol's words for what are numbers inside.
 */
#ifndef CC_WIRE_NAMES_H
#define CC_WIRE_NAMES_H

#include "chatcore/event.h"

/* Static text; "unknown" for a number that has no word (a newer node's). */
const char *conversation_kind_name(enum cc_conversation_kind kind);
const char *role_name(enum cc_role role);
const char *message_kind_name(enum cc_message_kind kind);
const char *system_action_name(enum cc_system_action action);
const char *presence_status_name(enum cc_presence_status status);
const char *audience_name(enum cc_audience audience);
const char *read_marks_name(enum cc_read_marks marks);

/* The number of a word; 0 for none. */
enum cc_conversation_kind conversation_kind_of(struct cc_slice name);
enum cc_role role_of(struct cc_slice name);
/* False, and nothing is set, for no such word. */
bool audience_of(struct cc_slice name, enum cc_audience *ret_audience);
bool read_marks_of(struct cc_slice name, enum cc_read_marks *ret_marks);
enum cc_command_type command_type_of(struct cc_slice key);

#endif
