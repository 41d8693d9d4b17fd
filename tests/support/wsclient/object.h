/*
 * What a server sends, decoded: replies, errors and pushes as one flat struct.
 *
 * A wire object is {"id":N,"KEY":{…}} or {"KEY":{…}}. The members of the inner map that the clients
 * look at land in `wsc_fields` by name (object.c has the table); the others are skipped. The maps
 * of a list reply (history's messages, conversations, members, presence) become `list`. All slices
 * live until the handler returns.
 */
#ifndef WSCLIENT_OBJECT_H
#define WSCLIENT_OBJECT_H

#include "bytes.h"

enum wsc_encoding { WSC_JSON, WSC_MSGPACK };

/* Only the keys that a client tells apart; any other command's reply is WSC_OTHER. */
enum wsc_key {
    WSC_OTHER,
    WSC_ERROR,
    WSC_CONNECT,
    WSC_SEND,
    WSC_HISTORY,
    WSC_MESSAGE,
    WSC_SYNCED,
    WSC_RECEIPT,
    WSC_TYPING,
    WSC_PRESENCE,
    WSC_CONVERSATION,
    WSC_CREATE
};

/* A message id, or any other value that comes as text in one place and as 16 bytes in another. */
struct wsc_ident {
    struct wsc_slice text; /* as it came; for a 16-byte bin, those bytes */
    uint8_t bytes[16];
    int is_uuid; /* `bytes` is set */
};

struct wsc_fields {
    struct wsc_ident id;      /* message pushes; conversation summaries (text) */
    struct wsc_ident message; /* reply to send: the id; error: its text */
    struct wsc_slice conversation;
    struct wsc_slice user;
    struct wsc_slice peer;
    struct wsc_slice from;
    struct wsc_slice text;
    struct wsc_slice client_id;
    struct wsc_slice cursor;
    struct wsc_slice kind;
    struct wsc_slice name; /* error: its name */
    struct wsc_slice status;
    struct wsc_slice role;
    uint64_t seq;
    uint64_t ts;
    uint64_t read;
    uint64_t delivered;
    uint64_t head;
    uint64_t unread;
    uint64_t members;
    uint64_t code;
    uint64_t retry_after_ms;
    uint64_t ping_interval_ms;
    uint64_t max_message_bytes;
    uint64_t on;
    uint64_t duplicate;
    uint64_t more;
    uint64_t temporary;
};

struct wsc_object {
    uint64_t id; /* 0: a push */
    enum wsc_key key;
    struct wsc_slice key_name;
    struct wsc_fields f;
    const struct wsc_fields *list;
    size_t list_count;
};

/* Memory that decoding reuses from object to object. All zero is a fresh one. */
struct wsc_decoder {
    struct wsc_fields *list;
    size_t list_capacity;
    void *json_root; /* the object being handled; released by wsc_decoder_release */
};

/*
 * Reads one object from the front of `data`. Answers how many bytes it took, or -1 when they are
 * not an object of the protocol. A frame always holds whole objects.
 */
long wsc_decode_json(struct wsc_decoder *decoder, const uint8_t *data, size_t size,
                     struct wsc_object *ret_object);
long wsc_decode_msgpack(struct wsc_decoder *decoder, const uint8_t *data, size_t size,
                        struct wsc_object *ret_object);

/* After the handler of an object: what its slices point to goes. */
void wsc_decoder_release(struct wsc_decoder *decoder);
void wsc_decoder_free(struct wsc_decoder *decoder);

/* Shared by the two decoders: where a member of an inner map goes. */
enum wsc_field_type { WSC_FIELD_NONE, WSC_FIELD_NUMBER, WSC_FIELD_TEXT, WSC_FIELD_IDENT };
struct wsc_field {
    const char *name;
    enum wsc_field_type type;
    size_t offset;
};
const struct wsc_field *wsc_field_find(const char *name, size_t size);
enum wsc_key wsc_key_find(const char *name, size_t size);
void wsc_ident_set_text(struct wsc_ident *ident, struct wsc_slice text);
struct wsc_fields *wsc_decoder_list_slot(struct wsc_decoder *decoder, size_t index);

#endif
