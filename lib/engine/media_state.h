/*
 * What the files of media share.
 */
#ifndef CC_ENGINE_MEDIA_STATE_H
#define CC_ENGINE_MEDIA_STATE_H

#include "engine/media.h"

/* The conversations that one object can be in: bounds what a question about it reads. A message
 * that would be one more is refused with CC_ETOOLARGE. */
#define MEDIA_PLACES_MAX 1000

/* An upload's URL can be used so long. */
#define MEDIA_UPLOAD_MS (15 * 60 * 1000)

/* A download's URL works for one to two of these: it is the same for all who ask within one, so
 * that caches know it. It bounds how long who was removed can still use what he was given. */
#define MEDIA_URL_MS (15 * 60 * 1000)

/* An object in a conversation: when it was sent there last, and deleted last (0: never). */
struct media_place {
    struct cc_slice conversation; /* in the request's arena */
    uint64_t sent;
    uint64_t deleted;
    bool is_unflushed; /* the message at `sent` is not in the store yet */
};

static inline bool media_place_is_live(const struct media_place *place)
{
    return place->sent > place->deleted;
}

/* One question about an object. Belongs to the request, in its arena; its members are set by the
 * functions of media_places.c. */
struct media_search {
    char media[UUID_TEXT_BYTES];
    struct media_place *places;
    size_t count;
    size_t capacity;
    size_t at;                    /* of the place that is looked at */
    struct cc_slice conversation; /* the request's own, put back at the end */
    void (*found)(struct request *request, int status);
};

/* Sets search->places, and calls `found` with 0 or why the store could not tell. */
void media_find_places(struct request *request, struct media_search *search,
                       const struct cc_id *media,
                       void (*found)(struct request *request, int status));

/* Whether a row of the store is a message with this object: what was removed or blanked by
 * retention or erasure is none. A row that can't be read counts: nothing is removed for it. */
bool media_row_has(const struct cc_store_row *row, struct cc_slice media, struct arena *arena);

/* Whether the request's user sees one of search->places: 0, CC_ENOTFOUND, or another error. */
void media_check_visible(struct request *request, struct media_search *search,
                         void (*checked)(struct request *request, int status));

/* Reads an id that an upload can have had. False for others. */
bool media_id_read(struct cc_slice text, struct cc_id *ret_id);

/* --- media_unsent.c --------------------------------------------------------------------------- */

/* An upload that was granted and not sent. */
struct media_grant {
    UT_hash_handle hh;
    struct cc_id id; /* the key */
    struct media_user *user;
    uint64_t bytes;
};

/* Users with such uploads. */
struct media_user {
    UT_hash_handle hh;
    uint64_t bytes;
    size_t grants;
    size_t name_size;
    char name[]; /* the key */
};

struct media_unsent {
    struct media_grant *grants; /* in the order of their ids: the oldest first */
    struct media_user *users;
};

/* Counts an upload of the user. 0, CC_ERATELIMITED (he has too much unsent), CC_ENOMEM. */
int media_unsent_add(struct cc_engine *engine, struct cc_slice user, const struct cc_id *id,
                     uint64_t bytes);

/* It has been sent, or could not be granted. */
void media_unsent_drop(struct cc_engine *engine, const struct cc_id *id);

void media_unsent_clear(struct cc_engine *engine);

/* An upload that is so old can't be sent any more, and will be removed. */
bool media_is_stale(const struct cc_engine *engine, const struct cc_id *id);

/* --- media_collect.c -------------------------------------------------------------------------- */

/* How far one look at all objects has come. */
struct media_collector {
    struct timer timer;
    struct cc_id after; /* decided up to here */
    int64_t begun_ms;   /* mono: when this round began */
    bool begins_anew;   /* the next page is the first of a round */
    struct cc_media_list list;
    struct cc_id ids[64]; /* of the page */
    size_t count;
    size_t at;
    char media[UUID_TEXT_BYTES];
    struct cc_store_read_cursors read; /* its answer is kept while it is gone through */
    size_t place;
    struct cc_store_read_rows row;
    struct cc_media_remove removal;
};

int media_collect_start(struct cc_engine *engine);
void media_collect_stop(struct cc_engine *engine);

struct media_state {
    struct cc_engine *engine;
    struct media_unsent unsent;
    struct media_collector collector;
};

#endif
