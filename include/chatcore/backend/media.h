/*
 * The media port: objects that users upload and download by signed URLs (embedded: a folder that
 * the gateway serves; at scale: S3 and its like, with a CDN for reading).
 *
 * The engine decides who may upload and who may read; the port signs, and keeps the objects. What
 * an object is (its owner, name, type, size) is signed into the upload's URL and kept with it.
 *
 * Promises a backend makes
 *  - an object is there whole or not at all: of the signed size and type, and of the signed SHA-256
 *    if there is one. It is durable before its upload is answered, and never changes.
 *  - a URL works until it expires, for its one method and object, and cannot be made without the
 *    backend's key; it needs no other credentials.
 *  - `list` gives ids in ascending order: for UUIDv7 ids, the order in which they were drawn.
 *
 * A thumbnail, where the backend has made one, is read through an id of its own: the object's with
 * the version 8 in place of 7 (cc_media_thumbnail_id()). It lives and goes with the object.
 *
 * Every slot is called from the engine's thread only, and every slot is required.
 */
#ifndef CHATCORE_BACKEND_MEDIA_H
#define CHATCORE_BACKEND_MEDIA_H

#include "chatcore/backend/op.h"
#include "chatcore/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bounds of what the engine asks to be signed: it checks them before. */
#define CC_MEDIA_FILE_NAME_MAX 256
#define CC_MEDIA_TYPE_MAX      127

/* The id of an object's thumbnail; of a thumbnail's id, the object's. Any thread. Errors: none. */
struct cc_id cc_media_thumbnail_id(struct cc_id id);

struct cc_media_info {
    struct cc_slice owner; /* the user who uploaded it */
    struct cc_slice name;  /* of the file, for people; may be empty */
    struct cc_slice type;  /* a media type, as the owner said */
    uint64_t bytes;
    uint32_t width; /* of an image, as it is shown; 0: no image, or not known (yet) */
    uint32_t height;
    bool has_thumbnail;
};

/* Signs an upload: the client makes one request with this method, URL and these headers. */
struct cc_media_upload {
    struct cc_op op;
    struct cc_id id;           /* a UUIDv7 */
    struct cc_media_info info; /* owner, name, type, bytes */
    bool has_sha256;
    uint8_t sha256[32];
    int64_t expires; /* wall ms; when the request may begin at the latest */
    struct cc_slice ret_method;
    struct cc_slice ret_url; /* absolute, or a path on the gateway's host */
    const struct cc_header *ret_headers;
    size_t ret_header_count;
};

/* Signs a download, whether the object is there or not. The same id and expiry give the same URL,
 * so that caches know it. */
struct cc_media_download {
    struct cc_op op;
    struct cc_id id; /* of an object, or of a thumbnail */
    int64_t expires; /* wall ms */
    struct cc_slice ret_url;
};

/* Whether an object has arrived, and what it is. */
struct cc_media_head {
    struct cc_op op;
    struct cc_id id;               /* CC_ENOTFOUND: it is not there, or not complete */
    struct cc_media_info ret_info; /* until cc_op_release() */
};

/* Removes an object and its thumbnail. That it isn't there is no error. */
struct cc_media_remove {
    struct cc_op op;
    struct cc_id id;
};

/* Objects that are complete, ascending by the bytes of their ids. */
struct cc_media_list {
    struct cc_op op;
    struct cc_id after; /* exclusive; all zero: from the start */
    size_t limit;
    const struct cc_id *ret_ids;
    size_t ret_count;
    bool ret_more;
};

struct cc_media_vtable {
    size_t size;
    void (*upload)(void *self, struct cc_media_upload *op);
    void (*download)(void *self, struct cc_media_download *op);
    void (*head)(void *self, struct cc_media_head *op);
    void (*remove)(void *self, struct cc_media_remove *op);
    void (*list)(void *self, struct cc_media_list *op);
    /* Gives everything back. No operation may be under way. */
    void (*free)(void *self);
};

struct cc_media {
    const struct cc_media_vtable *vtable;
    void *self;
};

/*
 * The object server: what a gateway serves for a media store that has no server of its own. It
 * knows HTTP's meaning and no socket: the gateway receives and sends, piece by piece, and holds no
 * more than a piece in memory.
 *
 * Slots may be called from any thread; a stream is used by one thread at a time. `open`, `write`
 * and `read` may touch a file, as far as the page cache lets them, and do nothing slower.
 */
struct cc_media_request {
    struct cc_slice method; /* GET, HEAD, PUT */
    struct cc_slice path;   /* behind the gateway's prefix for objects */
    struct cc_slice query;
    struct cc_slice type; /* header fields, empty where there are none: Content-Type */
    struct cc_slice range;
    struct cc_slice if_none_match;
    struct cc_slice if_range;
    uint64_t size; /* Content-Length */
};

#define CC_MEDIA_HEADERS_MAX 2048
#define CC_MEDIA_TEXT_MAX    256

struct cc_media_answer {
    int status;                         /* of HTTP; 0: a PUT's body may come, into `stream` */
    char headers[CC_MEDIA_HEADERS_MAX]; /* lines, each with its CRLF; terminated */
    void *stream;                       /* a body to be read, or a PUT's; NULL: none */
    uint64_t size;                      /* of the body, also where HEAD leaves it out */
    char text[CC_MEDIA_TEXT_MAX];       /* the body where there is no stream; terminated */
};

/* Completes an upload whose bytes have all been written. The answer is set with status 0. */
struct cc_media_finish {
    struct cc_op op;
    void *stream;
    struct cc_media_answer ret_answer;
};

struct cc_media_server_vtable {
    size_t size;
    void (*open)(void *self, const struct cc_media_request *request,
                 struct cc_media_answer *ret_answer);
    /* 0, or the HTTP status to refuse the rest of the body with. */
    int (*write)(void *self, void *stream, struct cc_slice bytes);
    void (*finish)(void *self, struct cc_media_finish *op);
    /* The next `size` bytes of the body, no fewer. 0 or CC_EIO. */
    int (*read)(void *self, void *stream, void *bytes, size_t size);
    /* Ends a stream; an upload that isn't finished leaves nothing. Not while it is being finished.
     */
    void (*close)(void *self, void *stream);
};

struct cc_media_server {
    const struct cc_media_server_vtable *vtable; /* NULL: none */
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
