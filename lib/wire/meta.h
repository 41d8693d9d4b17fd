/*
 * `meta`: what an application adds to a message or a profile. On the wire any object, inside the
 * engine one MessagePack map in its shortest form, of what both encodings can express: null,
 * booleans, integers of 64 bits, finite reals, valid text, arrays, and objects with text as keys.
 */
#ifndef CC_WIRE_META_H
#define CC_WIRE_META_H

#include "wire/reader.h"
#include "wire/writer.h"

/* Of the map's bytes: meta is for marks and references, content belongs into text and media. */
#define META_BYTES_MAX 4096

/* Levels of containers, the map itself included; it bounds the recursion. */
#define META_DEPTH_MAX 8

/* Checks a map that did not come through the decoder. Errors: CC_EINVAL, CC_ETOOLARGE. */
int meta_check(struct cc_slice meta);

/*
 * Takes the object that reader_value() has announced, and writes it. The object is taken whole on
 * failure, too; what has been written then is the caller's to remove. Errors: CC_EINVAL,
 * CC_ETOOLARGE, CC_ENOMEM. After a failure of the reader it is CC_EINVAL or CC_ENOMEM, too.
 */
int meta_read(struct reader *reader, struct writer *writer);

/* Writes a value that the engine itself has packed, of any kind and size; null where it isn't a
 * valid one. */
void packed_write(struct writer *writer, struct cc_slice packed);

/* Writes a map as a value; null where it isn't a valid one. */
void meta_write(struct writer *writer, struct cc_slice meta);

#endif
