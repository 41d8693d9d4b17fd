/*
 * What was written and is not confirmed yet. An entry is on disk before anything is sent of it, and
 * is sent again with the same client_id until the server has answered: it makes one message of it.
 * Entries for one target are sent one after the other, in the order in which they were written;
 * different targets do not wait for each other.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum entry_state { ENTRY_WAITING, ENTRY_UPLOADING, ENTRY_SENDING, ENTRY_FAILED };

struct entry {
    UT_hash_handle hh; /* kept in the order of places */
    json_t *fields;    /* of `send` */
    json_t *file;      /* its path and type; NULL: none */
    uint64_t place;
    enum entry_state state;
    struct backoff backoff;
    int64_t not_before_us; /* by libwebsockets' clock */
    char target[NAME_SIZE + 1];
    char client_id[NAME_SIZE];
    char media[NAME_SIZE]; /* what the file has become, uploaded */
};

static void entry_free(struct entry *entry)
{
    json_decref(entry->fields);
    json_decref(entry->file);
    free(entry);
}

static const char *text(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Takes `fields`. NULL: it is no entry, or there is no memory (errno). */
static struct entry *entry_new(json_t *fields)
{
    const char *conversation = text(fields, "conversation");
    const char *user = text(fields, "user");
    const char *client_id = text(fields, "client_id");
    struct entry *entry;

    errno = EINVAL;
    if (!conversation == !user || !client_id || !*client_id || strlen(client_id) >= NAME_SIZE ||
        strlen(conversation ? conversation : user) >= NAME_SIZE) {
        json_decref(fields);
        return NULL;
    }
    errno = ENOMEM;
    entry = calloc(1, sizeof *entry);
    if (!entry) {
        json_decref(fields);
        return NULL;
    }
    entry->fields = fields;
    entry->target[0] = conversation ? '#' : '@';
    strcpy(entry->target + 1, conversation ? conversation : user);
    strcpy(entry->client_id, client_id);
    return entry;
}

static int keep(struct cc_client *client, const struct entry *entry)
{
    json_t *kept = json_pack("{s:O, s:b, s:O*, s:s*}", "send", entry->fields, "failed",
                             entry->state == ENTRY_FAILED, "file", entry->file, "media",
                             *entry->media ? entry->media : NULL);
    char *json = kept ? json_dumps(kept, JSON_COMPACT) : NULL;
    int r = json ? storage_put_entry(&client->storage, entry->place, json) : -ENOMEM;

    free(json);
    json_decref(kept);
    return r;
}

int outbox_load(struct cc_client *client, uint64_t place, const char *json, size_t size)
{
    json_t *kept = json_loadb(json, size, 0, NULL);
    json_t *fields = json_incref(json_object_get(kept, "send"));
    bool has_failed = json_is_true(json_object_get(kept, "failed"));
    struct entry *entry = fields ? entry_new(fields) : NULL;
    const char *media = text(kept, "media");

    if (entry) {
        entry->file = json_incref(json_object_get(kept, "file"));
        snprintf(entry->media, sizeof entry->media, "%s", media ? media : "");
    }
    json_decref(kept);
    if (!entry)
        return -EIO;
    entry->place = place;
    entry->state = has_failed ? ENTRY_FAILED : ENTRY_WAITING;
    HASH_ADD_STR(client->outbox, client_id, entry);
    if (!entry->hh.tbl) {
        entry_free(entry);
        return -ENOMEM;
    }
    client->last_place = place;
    return 0;
}

/* --- from other threads ----------------------------------------------------------------------- */

static int make_client_id(char id[33])
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return -EIO;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int set(json_t *fields, const char *key, const char *value)
{
    return value ? json_object_set_new(fields, key, json_string(value)) : 0;
}

/* NULL: errno. */
static json_t *fields_of(const struct cc_client_draft *draft)
{
    json_t *fields = draft->more ? json_loads(draft->more, 0, NULL) : json_object();
    char made[33];

    errno = EINVAL;
    if (!json_is_object(fields)) {
        json_decref(fields);
        return NULL;
    }
    if ((!draft->client_id && make_client_id(made)) ||
        set(fields, "conversation", draft->conversation) || set(fields, "user", draft->user) ||
        set(fields, "text", draft->text) ||
        set(fields, "client_id", draft->client_id ? draft->client_id : made)) {
        json_decref(fields);
        return NULL;
    }
    return fields;
}

/* Under the lock, so that places on disk and in memory have one order. */
static int add(struct cc_client *client, struct entry *entry)
{
    struct entry *other;
    int r;

    HASH_FIND_STR(client->outbox, entry->client_id, other);
    if (other)
        return -EEXIST;
    if (HASH_COUNT(client->outbox) >= ENTRIES_MOST)
        return -ENOSPC;
    HASH_ADD_STR(client->outbox, client_id, entry);
    if (!entry->hh.tbl)
        return -ENOMEM;
    entry->place = client->last_place + 1;
    r = keep(client, entry);
    if (r)
        HASH_DEL(client->outbox, entry);
    else
        client->last_place = entry->place;
    return r;
}

/* Of the draft's file, under a path that holds wherever the program starts next. */
static int set_file(struct entry *entry, const struct cc_client_draft *draft)
{
    char *path;

    if (!draft->file)
        return 0;
    path = realpath(draft->file, NULL);
    if (!path)
        return -errno;
    entry->file = json_pack("{s:s, s:s*}", "path", path, "type", draft->file_type);
    free(path);
    return entry->file ? 0 : -EINVAL;
}

int cc_client_send(struct cc_client *client, const struct cc_client_draft *draft)
{
    json_t *fields = fields_of(draft);
    struct entry *entry = fields ? entry_new(fields) : NULL;
    int r = entry ? set_file(entry, draft) : -errno;

    if (!entry)
        return r;
    if (r) {
        entry_free(entry);
        return r;
    }
    pthread_mutex_lock(&client->lock);
    r = add(client, entry);
    pthread_mutex_unlock(&client->lock);
    if (r)
        entry_free(entry);
    else
        client_wake(client);
    return r;
}

/* Moves a failed one behind all others. Under the lock. */
static int again(struct cc_client *client, struct entry *entry)
{
    uint64_t before = entry->place;
    int r;

    if (entry->state != ENTRY_FAILED)
        return 0;
    entry->place = client->last_place + 1;
    entry->state = ENTRY_WAITING;
    if (entry->file)
        entry->media[0] = 0; /* it may be too old by now */
    r = keep(client, entry);
    if (r) {
        entry->place = before;
        entry->state = ENTRY_FAILED;
        return r;
    }
    client->last_place = entry->place;
    HASH_DEL(client->outbox, entry);
    memset(&entry->hh, 0, sizeof entry->hh);
    HASH_ADD_STR(client->outbox, client_id, entry);
    r = storage_delete_entry(&client->storage, before);
    if (entry->hh.tbl)
        return r;
    entry_free(entry); /* it is on disk, and comes back with the next start */
    return -ENOMEM;
}

int cc_client_retry(struct cc_client *client, const char *client_id)
{
    struct entry *entry;
    int r;

    pthread_mutex_lock(&client->lock);
    HASH_FIND_STR(client->outbox, client_id, entry);
    r = entry ? again(client, entry) : -ENOENT;
    pthread_mutex_unlock(&client->lock);
    client_wake(client);
    return r;
}

/* Under the lock. Frees it. */
static int forget(struct cc_client *client, struct entry *entry)
{
    int r = storage_delete_entry(&client->storage, entry->place);

    HASH_DEL(client->outbox, entry);
    entry_free(entry);
    return r;
}

int cc_client_discard(struct cc_client *client, const char *client_id)
{
    struct entry *entry;
    int r;

    pthread_mutex_lock(&client->lock);
    HASH_FIND_STR(client->outbox, client_id, entry);
    if (entry && entry->state == ENTRY_UPLOADING)
        transfer_cancel(client, client_id);
    r = entry ? forget(client, entry) : -ENOENT;
    pthread_mutex_unlock(&client->lock);
    client_wake(client);
    return r;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void pump_later(lws_sorted_usec_list_t *timer)
{
    outbox_pump(lws_container_of(timer, struct cc_client, outbox_timer));
}

static void wait_until(struct cc_client *client, int64_t at_us)
{
    lws_usec_t in = (lws_usec_t)at_us - lws_now_usecs();

    lws_sul_schedule(client->context, 0, &client->outbox_timer, pump_later, in > 0 ? in : 1);
}

bool error_is_temporary(const char *error, json_t *body)
{
    return !strcmp(error, "offline") || !strcmp(error, "unauthorized") ||
           json_is_true(json_object_get(body, "temporary"));
}

/* Under the lock. */
static void failed(struct cc_client *client, struct entry *entry, const char *error,
                   bool is_temporary, json_t *body)
{
    int64_t wait_ms;

    if (!is_temporary) {
        entry->state = ENTRY_FAILED;
        keep(client, entry); /* not kept: it is tried again after a restart */
        return;
    }
    entry->state = ENTRY_WAITING;
    if (!strcmp(error, "offline"))
        return;
    wait_ms = backoff_next(client, &entry->backoff,
                           json_integer_value(json_object_get(body, "retry_after_ms")));
    entry->not_before_us = lws_now_usecs() + wait_ms * 1000;
}

/* Without memory for telling it, the connection is being cut, and the entry is tried again. */
static void told_failure(struct cc_client *client, const char *client_id, const char *error,
                         json_t *body)
{
    bool is_told = events_outbox(client, CC_CLIENT_EVENT_FAILED, client_id, error, body);
    struct entry *entry;

    if (is_told)
        return;
    pthread_mutex_lock(&client->lock);
    HASH_FIND_STR(client->outbox, client_id, entry);
    if (entry) {
        entry->state = ENTRY_WAITING;
        keep(client, entry);
    }
    pthread_mutex_unlock(&client->lock);
}

/* It stays until it has been told: confirmed once more, it is no second message. */
static void confirmed(struct cc_client *client, const char *client_id, json_t *body)
{
    bool is_told = events_outbox(client, CC_CLIENT_EVENT_SENT, client_id, NULL, body);
    struct entry *entry;

    pthread_mutex_lock(&client->lock);
    HASH_FIND_STR(client->outbox, client_id, entry);
    if (entry && is_told)
        forget(client, entry);
    else if (entry)
        entry->state = ENTRY_WAITING;
    pthread_mutex_unlock(&client->lock);
}

static void answered(struct cc_client *client, void *context, const char *error, json_t *body)
{
    char *client_id = context;
    struct entry *entry;
    bool has_failed = false;

    client->sending_count--;
    pthread_mutex_lock(&client->lock);
    HASH_FIND_STR(client->outbox, client_id, entry);
    if (entry && error) {
        failed(client, entry, error, error_is_temporary(error, body), body);
        has_failed = entry->state == ENTRY_FAILED;
    }
    pthread_mutex_unlock(&client->lock);
    if (has_failed)
        told_failure(client, client_id, error, body);
    if (entry && !error)
        confirmed(client, client_id, body);
    free(client_id);
    outbox_pump(client);
}

void outbox_uploaded(struct cc_client *client, const char *client_id, const char *error,
                     bool is_temporary, json_t *body, const char *media)
{
    struct entry *entry;
    bool has_failed = false;

    pthread_mutex_lock(&client->lock);
    HASH_FIND_STR(client->outbox, client_id, entry);
    if (entry && entry->state != ENTRY_UPLOADING)
        entry = NULL; /* it was discarded, and another was written */
    if (entry && error) {
        failed(client, entry, error, is_temporary, body);
        has_failed = entry->state == ENTRY_FAILED;
    } else if (entry) {
        snprintf(entry->media, sizeof entry->media, "%s", media);
        entry->state = ENTRY_WAITING;
        keep(client, entry); /* not kept: it is uploaded again after a restart */
    }
    pthread_mutex_unlock(&client->lock);
    if (has_failed)
        told_failure(client, client_id, error, body);
    outbox_pump(client);
}

/* With what its file has become. NULL without memory. */
static json_t *fields_to_send(const struct entry *entry)
{
    json_t *fields, *media;

    if (!*entry->media)
        return json_incref(entry->fields);
    fields = json_copy(entry->fields);
    media = json_object_get(fields, "media");
    media = media ? json_copy(media) : json_array();
    if (fields && json_array_append_new(media, json_string(entry->media)) == 0 &&
        json_object_set(fields, "media", media) == 0) {
        json_decref(media);
        return fields;
    }
    json_decref(media);
    json_decref(fields);
    return NULL;
}

static int send_entry(struct cc_client *client, struct entry *entry)
{
    char *client_id = strdup(entry->client_id);
    json_t *fields = client_id ? fields_to_send(entry) : NULL;

    if (!fields || connection_request(client, "send", fields, answered, client_id)) {
        free(client_id);
        return -ENOMEM;
    }
    entry->state = ENTRY_SENDING;
    client->sending_count++;
    return 0;
}

/* Under the lock, so of a file that can't be read it is told when that is gone. */
static void upload_entry(struct cc_client *client, struct entry *entry, const char **ret_unreadable)
{
    int r;

    if (client->is_uploading || *ret_unreadable)
        return; /* its turn comes when that is over */
    r = files_upload(client, entry->client_id, entry->file);
    if (!r) {
        entry->state = ENTRY_UPLOADING;
    } else if (r == -EINVAL) {
        failed(client, entry, "file_unreadable", false, NULL);
        *ret_unreadable = entry->client_id;
    }
}

/* Targets with an entry before this one that is not confirmed: a few, so they are compared. */
struct blocked {
    const char *targets[2 * IN_FLIGHT_MOST];
    size_t count;
};

static bool is_blocked(const struct blocked *blocked, const char *target)
{
    for (size_t i = 0; i < blocked->count; i++)
        if (!strcmp(blocked->targets[i], target))
            return true;
    return false;
}

static bool is_full(const struct cc_client *client, const struct blocked *blocked)
{
    return client->sending_count >= IN_FLIGHT_MOST / 2 ||
           blocked->count >= sizeof blocked->targets / sizeof *blocked->targets;
}

void outbox_pump(struct cc_client *client)
{
    struct blocked blocked = {.count = 0};
    int64_t now = lws_now_usecs();
    int64_t earliest = INT64_MAX;
    const char *unreadable = NULL;
    char client_id[NAME_SIZE];

    if (!client->is_greeted)
        return;
    pthread_mutex_lock(&client->lock);
    for (struct entry *at = client->outbox; at && !is_full(client, &blocked); at = at->hh.next) {
        if (at->state == ENTRY_FAILED || is_blocked(&blocked, at->target))
            continue;
        blocked.targets[blocked.count++] = at->target;
        if (at->state == ENTRY_WAITING && at->not_before_us <= now && at->file && !*at->media)
            upload_entry(client, at, &unreadable);
        else if (at->state == ENTRY_WAITING && at->not_before_us <= now)
            send_entry(client, at);
        else if (at->state == ENTRY_WAITING && at->not_before_us < earliest)
            earliest = at->not_before_us;
    }
    snprintf(client_id, sizeof client_id, "%s", unreadable ? unreadable : "");
    pthread_mutex_unlock(&client->lock);
    if (*client_id) {
        told_failure(client, client_id, "file_unreadable", NULL);
        wait_until(client, now); /* the next one's turn */
        return;
    }
    if (earliest != INT64_MAX)
        wait_until(client, earliest);
}

void outbox_free(struct cc_client *client)
{
    struct entry *entry, *next;

    HASH_ITER(hh, client->outbox, entry, next)
    {
        HASH_DEL(client->outbox, entry); /* NOLINT(clang-analyzer-*): in uthash */
        entry_free(entry);
    }
}
