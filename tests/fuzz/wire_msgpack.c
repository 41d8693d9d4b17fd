/*
 * MessagePack from clients: the decoder's promises.
 */
#include "wire_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    frame_check(data, size, WIRE_MSGPACK);
    return 0;
}
