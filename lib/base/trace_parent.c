/*
 * Whether a text is a traceparent.
 */
#include "base/trace_parent.h"

static bool is_hex(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

static bool is_id(const char *text, size_t size)
{
    size_t zeros = 0;

    while (zeros < size && text[zeros] == '0')
        zeros++;
    return zeros < size && is_hex(text, size);
}

/* Versions to come may add fields at the end; ff is none. */
static bool has_good_end(struct cc_slice text)
{
    if (!memcmp(text.data, "ff", 2))
        return false;
    if (text.size == TRACE_PARENT_SIZE)
        return true;
    return memcmp(text.data, "00", 2) != 0 && text.data[TRACE_PARENT_SIZE] == '-';
}

bool trace_parent_is_valid(struct cc_slice text)
{
    const char *at = text.data;

    return text.size >= TRACE_PARENT_SIZE && at[TRACE_PARENT_TRACE - 1] == '-' &&
           at[TRACE_PARENT_PARENT - 1] == '-' && at[TRACE_PARENT_FLAGS - 1] == '-' &&
           is_hex(at, 2) && is_hex(at + TRACE_PARENT_FLAGS, 2) && has_good_end(text) &&
           is_id(at + TRACE_PARENT_TRACE, TRACE_ID_SIZE) &&
           is_id(at + TRACE_PARENT_PARENT, PARENT_ID_SIZE);
}

struct cc_slice trace_parent_of(struct cc_slice text)
{
    return trace_parent_is_valid(text) ? slice_of(text.data, TRACE_PARENT_SIZE) : slice_of(NULL, 0);
}
