/*
 * Reading values of either encoding through the same calls.
 *
 * reader_value() takes a scalar whole; a container it only announces, and the caller opens or skips
 * it. Nothing about a value's content is an error here: a string tells whether it is valid text, a
 * type the caller doesn't want is skipped by having been read. What is malformed sets `failed`,
 * after which nothing more is read: loops end, values are of no type.
 */
#ifndef CC_WIRE_READER_H
#define CC_WIRE_READER_H

#include "wire/format.h"
#include "wire/pack.h"
#include "wire/scan.h"

struct reader {
    enum wire_format format;
    bool no_memory; /* failed for want of memory, not for the bytes */
    struct scan scan;
    struct unpack unpack;
    struct arena *arena; /* for strings with escapes */
};

enum value_type {
    VALUE_NONE, /* malformed, or the end */
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_UINT, /* beyond what VALUE_INT holds */
    VALUE_REAL,
    VALUE_STRING,
    VALUE_BIN,   /* MessagePack only */
    VALUE_OTHER, /* MessagePack's extension types: has been skipped */
    VALUE_ARRAY, /* not taken: reader_open_array() or reader_skip() follows */
    VALUE_OBJECT /* not taken: reader_open_object() or reader_skip() follows */
};

struct value {
    enum value_type type;
    bool is_valid_text; /* STRING: is UTF-8 without NUL */
    bool boolean;
    int64_t integer;
    uint64_t unsigned_integer; /* UINT */
    double real;
    struct cc_slice bytes; /* STRING, BIN */
};

/* An open container. */
struct scope {
    uint32_t left; /* MessagePack */
    bool is_first; /* JSON */
};

void reader_init(struct reader *reader, enum wire_format format, struct cc_slice bytes,
                 struct arena *arena);

bool reader_failed(const struct reader *reader);

/* Nothing but white space (JSON) is left. */
bool reader_is_at_end(struct reader *reader);

void reader_value(struct reader *reader, struct value *ret_value);

/* Takes the next value, of any type. */
void reader_skip(struct reader *reader);

/* Takes what reader_value() has only announced. */
static inline void reader_skip_container(struct reader *reader, const struct value *value)
{
    if (value->type == VALUE_ARRAY || value->type == VALUE_OBJECT)
        reader_skip(reader);
}

void reader_open_array(struct reader *reader, struct scope *ret_scope);
void reader_open_object(struct reader *reader, struct scope *ret_scope);

/* True when an element follows, which must then be taken. */
bool reader_next_element(struct reader *reader, struct scope *scope);

/* The next member's key; its value must then be taken. A MessagePack key that isn't a string is
 * VALUE_OTHER. False at the object's end. */
bool reader_next_member(struct reader *reader, struct scope *scope, struct value *ret_key);

#endif
