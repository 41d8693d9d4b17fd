/*
 * Tickets: what the query of a URL says, signed. A ticket is for one method, one object, and a
 * time; an upload's says what the object will be, too. Its text is base64url of lines, a dot, and
 * base64url of their HMAC-SHA-256 under the folder's key.
 */
#ifndef CC_BACKENDS_MEDIA_FOLDER_TICKET_H
#define CC_BACKENDS_MEDIA_FOLDER_TICKET_H

#include "backends/media_folder/info.h"

struct ticket {
    bool is_upload;
    struct cc_id id;
    int64_t expires;         /* wall ms */
    struct object_info info; /* of an upload; sha256 is empty where none was told */
};

/* Appends the ticket's text. Sets out->failed without memory. */
void ticket_write(struct buffer *out, const uint8_t *key, const struct ticket *ticket);

/*
 * True for a text that ticket_write() made with this key, of this kind, for this object, and that
 * has not expired at `now`.
 */
bool ticket_read(struct cc_slice text, const uint8_t *key, struct ticket *ticket,
                 const struct cc_allocator *allocator, int64_t now);

#endif
