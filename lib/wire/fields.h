/*
 * The fields of each command, as a table: key, type, where it goes in struct cc_command, bound.
 */
#ifndef CC_WIRE_FIELDS_H
#define CC_WIRE_FIELDS_H

#include "wire/decode.h"

struct field;

struct field_type {
    enum value_type container; /* VALUE_ARRAY, VALUE_OBJECT: it reads one; VALUE_NONE: a scalar */
    size_t size;               /* of the member */
    const char *expects;       /* the error's text */
    /*
     * Takes the value into the field's member. A container has been announced and must be taken
     * whole, on failure, too. 0, CC_EINVAL, CC_ETOOLARGE, CC_ENOMEM.
     */
    int (*read)(struct wire_decoder *decoder, const struct field *field, const struct value *value,
                struct cc_command *command);
};

struct field {
    struct cc_slice key;
    const struct field_type *type;
    size_t member; /* offset in struct cc_command */
    size_t count;  /* arrays: offset of the count; 0 otherwise */
    size_t given;  /* offset of the bool that says it was given; 0: none */
    size_t max;    /* bytes or elements; 0: the type's own bound */
    bool is_required;
};

struct fields {
    const struct field *fields;
    size_t count; /* at most 32: a bit each says which were seen */
};

/* The fields of a command; none for what is no command. */
struct fields fields_of(enum cc_command_type type);

/* The fields inside `push` of the command `device`. */
struct fields fields_of_push(void);

/*
 * Takes an announced object into the command of the decoder's item. What is wrong is noted there,
 * the first thing only; the object is taken whole in any case. `name` is the object's, for errors.
 */
void fields_read(struct wire_decoder *decoder, struct fields fields, const char *name);

/* Notes an error, unless one is noted. The text is `name`.`key`: `text`; each but the last may be
 * empty. */
void item_reject(struct wire_decoder *decoder, int error, const char *name, struct cc_slice key,
                 const char *text);

/* An integer from 0 to `max`; also one that the client's encoder has written as a real. */
bool value_integer(const struct value *value, uint64_t max, uint64_t *ret_integer);

extern const struct field_type field_audience, field_read_marks;
extern const struct field_type field_name, field_text, field_id, field_number, field_number32,
    field_time, field_bool, field_names, field_meta, field_kind, field_role, field_sha256,
    field_push;

#endif
