/*
 * JSON from clients: the decoder's promises, and that its scanner and jansson agree on what is
 * JSON.
 */
#include "json_oracle.h"
#include "wire_frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    frame_check(data, size, WIRE_JSON);
    if (json_difference(slice_of(data, size)))
        abort();
    return 0;
}
