/*
 * Frames from a client into commands.
 *
 * A frame holds any number of objects; each gives one item: a command, or an error with as much as
 * was understood (the id, so that the error's reply carries it). An error of a value, a missing
 * member, an unknown command concerns its own object only; a frame that can't be parsed is
 * CC_EPROTOCOL, once, and nothing behind that place is read.
 *
 * Slices of a command point into the frame, or into the decoder's arena where the frame's form is
 * another (escaped strings, arrays, meta). Both live until the next wire_decode_start().
 *
 * Values that are malformed, out of range or too long are refused here; what only the engine knows
 * (rights, the largest message, which members go together) is left to it.
 *
 * Memory for a frame is at most some 16 times its bytes (an array of one-letter names), and
 * nothing is allocated for a size or count that a header merely declares. One decoder serves all
 * connections of a thread.
 */
#ifndef CC_WIRE_DECODE_H
#define CC_WIRE_DECODE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "chatcore/command.h"
#include "wire/format.h"
#include "wire/reader.h"

/* Integers of the protocol stay within what a JavaScript number holds exactly. */
#define WIRE_INTEGER_MAX (((uint64_t)1 << 53) - 1)

/* Bounds of single values, in bytes: above, the command is CC_ETOOLARGE. */
#define WIRE_TOKEN_MAX      8192 /* a JWT with many claims; longer ones don't fit in HTTP headers */
#define WIRE_CURSOR_MAX     65536 /* a log of 4,096 partitions makes as long ones */
#define WIRE_DISPLAY_MAX    256   /* names that are shown, names of files */
#define WIRE_URL_MAX        2048
#define WIRE_EMOJI_MAX      64  /* a sequence of joined code points, or a short code */
#define WIRE_MEDIA_TYPE_MAX 127 /* RFC 6838: twice 63, and the slash */

struct wire_decoder {
    struct arena arena;
    struct buffer meta; /* scratch */
    struct reader reader;
    struct wire_item *item; /* being decoded */
    char error_text[128];
};

struct wire_item {
    int error; /* 0: a command; CC_EPROTOCOL: the frame ends here; else what is wrong with it */
    struct cc_slice error_text; /* valid until the next item */
    struct cc_command command;  /* error: id and type as far as they are known */
};

void wire_decoder_init(struct wire_decoder *decoder, const struct cc_allocator *allocator);
void wire_decoder_deinit(struct wire_decoder *decoder);

/* Begins a frame, which stays the caller's and must live as long as the items' slices. */
void wire_decode_start(struct wire_decoder *decoder, struct cc_slice frame,
                       enum wire_format format);

/* The next item. False at the end of the frame. Errors (in the item): CC_EINVAL, CC_ETOOLARGE,
 * CC_EPROTOCOL, CC_ENOMEM. */
bool wire_decode_next(struct wire_decoder *decoder, struct wire_item *ret_item);

/*
 * Decodes one object that has the fields of a command but neither its key nor an id: the body of a
 * REST request. `item->command` comes with what the caller knows already (the id, the type, fields
 * from the path and the query); a field that the body has, too, is set by the body.
 */
void wire_decode_body(struct wire_decoder *decoder, struct cc_slice body, enum wire_format format,
                      struct wire_item *item);

#endif
