/*
 * API keys: making, changing, looking up.
 */
#include "chatcore/backend/api_keys.h"

#include "backends/auth/api_keys_file.h"
#include "backends/auth/base64url.h"
#include "base/crypto.h"
#include "chatcore/error.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define KEY_PREFIX       "cck_"
#define KEY_ID_BYTES     6
#define KEY_SECRET_BYTES 32
#define KEY_SECRET_TEXT  43 /* in base64url */

/* How long what was read of the file is taken for true. */
#define KEYS_CHECK_MS 1000

struct cc_api_keys {
    struct cc_allocator allocator;
    char *path;
    pthread_mutex_t lock; /* everything below */
    struct secrets secrets;
    struct stat state; /* of the file, as read */
    int64_t checked_ms;
    bool is_checked;
};

/* --- scopes ----------------------------------------------------------------------------------- */

static const struct {
    unsigned bit;
    const char *name;
} scope_names[] = {
#define SCOPE_ROW(constant, bit, name) {bit, name},
    CC_SCOPE_TABLE(SCOPE_ROW)
#undef SCOPE_ROW
};

#define SCOPE_COUNT (sizeof scope_names / sizeof *scope_names)

const char *cc_scope_name(unsigned scope)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++)
        if (scope_names[i].bit == scope)
            return scope_names[i].name;
    return NULL;
}

static unsigned scope_of(struct cc_slice name)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++)
        if (slice_equal(name, slice_str(scope_names[i].name)))
            return scope_names[i].bit;
    return 0;
}

int cc_scopes_parse(const char *text, unsigned *ret_scopes)
{
    unsigned scopes = 0;

    while (text) {
        const char *comma = strchr(text, ',');
        size_t size = comma ? (size_t)(comma - text) : strlen(text);
        unsigned scope = scope_of(slice_of(text, size));

        if (!scope)
            return CC_EINVAL;
        scopes |= scope;
        text = comma ? comma + 1 : NULL;
    }
    if (!scopes)
        return CC_EINVAL;
    *ret_scopes = scopes;
    return 0;
}

/* --- its life --------------------------------------------------------------------------------- */

/* Takes the file's content if it can be read. With the lock. */
static int load(struct cc_api_keys *keys)
{
    struct secrets secrets = {.allocator = &keys->allocator};
    struct stat state;
    int r = secrets_read(&secrets, keys->path, &state);

    if (r)
        return r;
    secrets_deinit(&keys->secrets);
    keys->secrets = secrets;
    keys->state = state;
    return 0;
}

static int open_keys(struct cc_api_keys *keys, const char *path)
{
    size_t size = strlen(path) + 1;

    keys->path = mem_alloc(&keys->allocator, size);
    if (!keys->path)
        return CC_ENOMEM;
    memcpy(keys->path, path, size);
    return load(keys);
}

int cc_api_keys_open(const struct cc_allocator *allocator, const char *path,
                     struct cc_api_keys **ret_keys)
{
    struct cc_api_keys *keys;
    int r;

    if (!path || !*path)
        return CC_EINVAL;
    if (!allocator)
        allocator = cc_allocator_default();
    keys = mem_zalloc(allocator, 1, sizeof *keys);
    if (!keys)
        return CC_ENOMEM;
    keys->allocator = *allocator;
    keys->secrets.allocator = &keys->allocator;
    if (pthread_mutex_init(&keys->lock, NULL)) {
        mem_free(allocator, keys);
        return CC_ENOMEM;
    }
    r = open_keys(keys, path);
    if (r)
        cc_api_keys_free(keys);
    else
        *ret_keys = keys;
    return r;
}

void cc_api_keys_free(struct cc_api_keys *keys)
{
    struct cc_allocator allocator;

    if (!keys)
        return;
    allocator = keys->allocator;
    pthread_mutex_destroy(&keys->lock);
    secrets_deinit(&keys->secrets);
    mem_free(&allocator, keys->path);
    mem_free(&allocator, keys);
}

/* --- looking up ------------------------------------------------------------------------------- */

/* A change always makes another file, so another inode or at least another time. */
static bool has_changed(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* What can't be read now is tried again in a second; until then the old keys hold. */
static void refresh(struct cc_api_keys *keys, int64_t now_ms)
{
    struct stat state;

    if (keys->is_checked && now_ms - keys->checked_ms < KEYS_CHECK_MS)
        return;
    keys->is_checked = true;
    keys->checked_ms = now_ms;
    if (stat(keys->path, &state))
        memset(&state, 0, sizeof state);
    if (has_changed(&state, &keys->state))
        load(keys);
}

static void digest(struct cc_slice id, struct cc_slice secret, uint8_t *ret_digest)
{
    const struct cc_slice parts[] = {slice_str(KEY_PREFIX), id, secret};

    crypto_digest16(parts, sizeof parts / sizeof *parts, ret_digest);
}

/* Cuts cck_ID_SECRET. */
static bool cut(struct cc_slice text, struct cc_slice *ret_id, struct cc_slice *ret_secret)
{
    size_t prefix = sizeof KEY_PREFIX - 1;
    size_t id = CC_API_KEY_ID_SIZE - 1;

    if (text.size != prefix + id + 1 + KEY_SECRET_TEXT ||
        memcmp(text.data, KEY_PREFIX, prefix) != 0 || text.data[prefix + id] != '_')
        return false;
    *ret_id = slice_of(text.data + prefix, id);
    *ret_secret = slice_of(text.data + prefix + id + 1, KEY_SECRET_TEXT);
    return true;
}

static int find(const struct secrets *secrets, struct cc_slice id, struct cc_slice secret,
                struct cc_api_key *ret_key)
{
    uint8_t wanted[SECRET_DIGEST_SIZE];

    digest(id, secret, wanted);
    for (size_t i = 0; i < secrets->count; i++) {
        const struct secret *each = &secrets->array[i];

        if (!slice_equal(slice_str(each->key.id), id) ||
            !crypto_equal(each->digest, wanted, sizeof wanted))
            continue;
        *ret_key = each->key;
        return 0;
    }
    return CC_EUNAUTHORIZED;
}

int cc_api_keys_verify(struct cc_api_keys *keys, struct cc_slice text, struct cc_time now,
                       struct cc_api_key *ret_key)
{
    struct cc_api_key key;
    struct cc_slice id;
    struct cc_slice secret;
    int r;

    if (!cut(text, &id, &secret))
        return CC_EUNAUTHORIZED;
    pthread_mutex_lock(&keys->lock);
    refresh(keys, now.mono_ms);
    r = find(&keys->secrets, id, secret, &key);
    pthread_mutex_unlock(&keys->lock);
    if (!r && key.expires_ms <= now.wall_ms)
        r = CC_EEXPIRED;
    if (!r)
        *ret_key = key;
    return r;
}

/* --- changing --------------------------------------------------------------------------------- */

/* Reads the file and keeps others from changing it. 0, or an error: nothing is kept then. */
static int begin(struct cc_api_keys *keys, int *ret_lock)
{
    int r;

    pthread_mutex_lock(&keys->lock);
    *ret_lock = secrets_lock(&keys->allocator, keys->path);
    r = *ret_lock < 0 ? *ret_lock : load(keys);
    if (!r)
        return 0;
    if (*ret_lock >= 0)
        close(*ret_lock);
    pthread_mutex_unlock(&keys->lock);
    return r;
}

/* Writes what has been changed, or takes it back. */
static int end(struct cc_api_keys *keys, int lock, int status)
{
    int r = status ? status : secrets_write(&keys->secrets, keys->path);
    int loaded = load(keys);

    close(lock);
    pthread_mutex_unlock(&keys->lock);
    return r ? r : loaded;
}

/* Secrets that are over are of no more use. */
static void drop_expired(struct secrets *secrets, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < secrets->count; i++)
        if (secrets->array[i].key.expires_ms > now_ms)
            secrets->array[kept++] = secrets->array[i];
    secrets->count = kept;
}

static bool is_name(const char *name)
{
    size_t size = name ? strlen(name) : 0;

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return size && size < CC_API_KEY_NAME_SIZE;
}

static void draw_id(char *ret_id)
{
    uint8_t bytes[KEY_ID_BYTES];

    crypto_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_id + 2 * i, 3, "%02x", bytes[i]);
}

/* Draws a secret for a key whose other members are set. */
static void draw_secret(struct secret *secret, char *ret_text)
{
    uint8_t bytes[KEY_SECRET_BYTES];
    char text[KEY_SECRET_TEXT + 1] = "";

    crypto_random(bytes, sizeof bytes);
    base64url_encode(bytes, sizeof bytes, text);
    digest(slice_str(secret->key.id), slice_of(text, KEY_SECRET_TEXT), secret->digest);
    snprintf(ret_text, CC_API_KEY_TEXT_SIZE, "%s%s_%s", KEY_PREFIX, secret->key.id, text);
}

int cc_api_keys_create(struct cc_api_keys *keys, const char *name, unsigned scopes,
                       struct cc_time now, char ret_text[CC_API_KEY_TEXT_SIZE])
{
    struct secret secret = {
        .key = {.scopes = scopes, .created_ms = now.wall_ms, .expires_ms = INT64_MAX}};
    char text[CC_API_KEY_TEXT_SIZE];
    int lock;
    int r;

    if (!is_name(name) || !scopes || scopes & ~(unsigned)CC_SCOPE_ALL)
        return CC_EINVAL;
    strcpy(secret.key.name, name);
    draw_id(secret.key.id);
    draw_secret(&secret, text);
    r = begin(keys, &lock);
    if (r)
        return r;
    drop_expired(&keys->secrets, now.wall_ms);
    r = end(keys, lock, secrets_add(&keys->secrets, &secret));
    if (!r)
        memcpy(ret_text, text, sizeof text);
    return r;
}

/* Bounds the life of the key's secrets. NULL, or the newest. */
static struct secret *bound(struct secrets *secrets, const char *id, int64_t until_ms)
{
    struct secret *newest = NULL;

    for (size_t i = 0; i < secrets->count; i++) {
        struct secret *each = &secrets->array[i];

        if (strcmp(each->key.id, id) != 0)
            continue;
        if (each->key.expires_ms > until_ms)
            each->key.expires_ms = until_ms;
        newest = each;
    }
    return newest;
}

int cc_api_keys_rotate(struct cc_api_keys *keys, const char *id, int64_t grace_ms,
                       struct cc_time now, char ret_text[CC_API_KEY_TEXT_SIZE])
{
    char text[CC_API_KEY_TEXT_SIZE];
    const struct secret *old;
    struct secret secret;
    int lock;
    int r;

    if (!id || grace_ms < 0 || grace_ms > INT64_MAX - now.wall_ms)
        return CC_EINVAL;
    r = begin(keys, &lock);
    if (r)
        return r;
    drop_expired(&keys->secrets, now.wall_ms);
    old = bound(&keys->secrets, id, now.wall_ms + grace_ms);
    if (!old)
        return end(keys, lock, CC_ENOTFOUND);
    secret = *old;
    secret.key.created_ms = now.wall_ms;
    secret.key.expires_ms = INT64_MAX;
    draw_secret(&secret, text);
    r = end(keys, lock, secrets_add(&keys->secrets, &secret));
    if (!r)
        memcpy(ret_text, text, sizeof text);
    return r;
}

int cc_api_keys_revoke(struct cc_api_keys *keys, const char *id)
{
    size_t before;
    int lock;
    int r;

    if (!id)
        return CC_ENOTFOUND;
    r = begin(keys, &lock);
    if (r)
        return r;
    before = keys->secrets.count;
    bound(&keys->secrets, id, INT64_MIN);
    drop_expired(&keys->secrets, INT64_MIN);
    return end(keys, lock, keys->secrets.count == before ? CC_ENOTFOUND : 0);
}

int cc_api_keys_list(struct cc_api_keys *keys,
                     void (*each)(void *context, const struct cc_api_key *key), void *context)
{
    int r;

    pthread_mutex_lock(&keys->lock);
    r = load(keys);
    for (size_t i = 0; !r && i < keys->secrets.count; i++)
        each(context, &keys->secrets.array[i].key);
    pthread_mutex_unlock(&keys->lock);
    return r;
}
