/*
 * JSON lines on standard output.
 */
#ifndef CHATCORECTL_PRINT_H
#define CHATCORECTL_PRINT_H

#include <chatcore/conversation.h>
#include <jansson.h>

/* Prints an object on a line and frees it. EXIT_DONE, or EXIT_FAILED after saying why: there is no
 * memory (`object` is NULL), or nobody reads. */
int print_object(json_t *object);

/* A text; bytes that are none stand as question marks. NULL without memory. */
json_t *print_text(struct cc_slice text);

/* The protocol's words. */
const char *print_kind(enum cc_conversation_kind kind);
const char *print_role(enum cc_role role);

#endif
