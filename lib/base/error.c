/*
 * The texts, classes and protocol names of the errors, expanded from the one table.
 */
#include "chatcore/error.h"

struct error_info {
    const char *name;
    int code;
    const char *protocol_name;
    bool temporary;
    const char *text;
};

#define ERROR_ROW(name, number, code, pname, temporary, text)                                      \
    [number] = {#name, code, pname, temporary, text},

static const struct error_info table[] = {[0] = {"CC_OK", 200, "ok", false, "no error"},
                                          CC_ERROR_TABLE(ERROR_ROW)};

static const struct error_info unknown = {"CC_E?", 500, "internal", false, "unknown error"};

static const struct error_info *lookup(int error)
{
    if (error > 0 || error <= -(int)(sizeof table / sizeof table[0]))
        return &unknown;
    return &table[-error];
}

const char *cc_strerror(int error)
{
    return lookup(error)->text;
}

const char *cc_error_name(int error)
{
    return lookup(error)->name;
}

int cc_error_code(int error)
{
    return lookup(error)->code;
}

const char *cc_error_protocol_name(int error)
{
    return lookup(error)->protocol_name;
}

bool cc_error_is_retriable(int error)
{
    return lookup(error)->temporary;
}
