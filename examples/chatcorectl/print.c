/*
 * Printing through jansson.
 */
#include "print.h"

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int print_object(json_t *object)
{
    int r = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;
    const char *why = object && errno ? strerror(errno) : "out of memory";

    json_decref(object);
    if (!r && putchar('\n') != EOF)
        return EXIT_DONE;
    return command_failed("standard output", why);
}

/* Only of damaged folders. */
static json_t *repaired(struct cc_slice text)
{
    char *copy = malloc(text.size + 1);
    json_t *value;

    if (!copy)
        return NULL;
    for (size_t i = 0; i < text.size; i++)
        copy[i] = (unsigned char)text.data[i] < 0x80 ? text.data[i] : '?';
    value = json_stringn(copy, text.size);
    free(copy);
    return value;
}

json_t *print_text(struct cc_slice text)
{
    json_t *value = json_stringn(text.size ? text.data : "", text.size);

    return value ? value : repaired(text);
}

const char *print_kind(enum cc_conversation_kind kind)
{
    static const char *const words[] = {"?", "direct", "group", "channel"};

    return words[kind <= CC_KIND_CHANNEL ? kind : 0];
}

const char *print_role(enum cc_role role)
{
    static const char *const words[] = {"?", "member", "admin", "owner"};

    return words[role <= CC_ROLE_OWNER ? role : 0];
}
