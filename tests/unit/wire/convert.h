/*
 * JSON and MessagePack through two libraries that lib/wire does not use, jansson and msgpack-c:
 * what the codecs are compared with. Failures end the test.
 */
#ifndef CC_TEST_WIRE_CONVERT_H
#define CC_TEST_WIRE_CONVERT_H

#include "base/buffer.h"

#include <jansson.h>

/* Parses one JSON text; NULL if jansson refuses it. */
json_t *json_of_text(struct cc_slice text);

/*
 * The value of one MessagePack text. A bin of 16 bytes becomes the UUID's text, as the protocol has
 * it. NULL if msgpack-c refuses it, or there is more.
 */
json_t *json_of_msgpack(struct cc_slice bytes);

/* Appends the value as MessagePack. `binary_ids`: text that looks like a UUID becomes a bin. */
void msgpack_of_json(const json_t *json, bool binary_ids, struct buffer *out);

#endif
