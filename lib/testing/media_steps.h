/*
 * Steps of the media suite: sign, ask as a client, look. Answers are texts or statuses, for
 * comparing.
 */
#ifndef CC_TESTING_MEDIA_STEPS_H
#define CC_TESTING_MEDIA_STEPS_H

#include "testing/suite.h"

struct medias {
    struct suite *suite;
    const struct cc_media_factory *factory;
    struct cc_media port;
};

/* What is to be uploaded. */
struct med_object {
    struct cc_id id;
    const char *owner;
    const char *name;
    const char *type;
    const char *data;
    const char *sha256;  /* hexadecimal, or NULL */
    int64_t lifetime_ms; /* of the URL; below 0: it has expired */
};

/* A signed upload, kept: what the port gave is copied. */
struct med_ticket {
    char method[16];
    char url[4096];
    char header_name[64];
    char header_value[256];
    bool has_header;
};

/* The number makes the id: UUIDv7, in the order of the numbers. */
struct cc_id med_id(unsigned number);

/* An object of small contents, signed for a minute. */
struct med_object med_object(unsigned number, const char *data);

/* Signs an upload. Its status. */
int med_sign(struct medias *media, const struct med_object *object, struct med_ticket *ret_ticket);

/* The HTTP status of a PUT with a ticket: of this data, with the type that was signed unless
 * `type` says another. */
int med_put(struct medias *media, const struct med_ticket *ticket, const char *data,
            const char *type);

/* Signs and puts. The HTTP status, or -1. */
int med_upload(struct medias *media, const struct med_object *object);

/* Signs a download. Its status. */
int med_url(struct medias *media, struct cc_id id, int64_t lifetime_ms, char *url, size_t size);

/* What a request for a URL gives: its body, or the status as text; in a static room. */
const char *med_get_url(struct medias *media, const char *method, const char *url);

/* The same for an object. */
const char *med_get(struct medias *media, struct cc_id id);

/* "OWNER NAME TYPE BYTES", or the error's name; in a static room. */
const char *med_head(struct medias *media, struct cc_id id);

int med_remove(struct medias *media, struct cc_id id);

/* The numbers of the ids listed, each followed by a space, and "more"; in a static room. */
const char *med_list(struct medias *media, struct cc_id after, size_t limit);

#endif
