/*
 * The two encodings of the client protocol. A connection chooses one by its WebSocket subprotocol.
 */
#ifndef CC_WIRE_FORMAT_H
#define CC_WIRE_FORMAT_H

enum wire_format {
    WIRE_JSON,   /* chatcore.v1.json: text frames, objects separated by a newline */
    WIRE_MSGPACK /* chatcore.v1.msgpack: binary frames, maps one after the other */
};

#endif
