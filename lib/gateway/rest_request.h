/*
 * From a REST request to a command.
 *
 * The fields of the path, the query and the route are put in front of the body's as members of one
 * JSON object, which is then decoded as every command is: the same types, bounds and errors, and a
 * field given in two places is an error. Pure.
 */
#ifndef CC_GATEWAY_REST_REQUEST_H
#define CC_GATEWAY_REST_REQUEST_H

#include "gateway/http.h"
#include "gateway/rest_routes.h"
#include "wire/decode.h"

/*
 * Decodes the exchange's request by its route. `joined` is scratch that must live as long as the
 * command, whose slices point into it and into the decoder. Errors (in the item): as of
 * wire_decode_body().
 */
void rest_decode(struct wire_decoder *decoder, const struct http_exchange *exchange,
                 const struct rest_match *match, struct buffer *joined, struct wire_item *ret_item);

#endif
