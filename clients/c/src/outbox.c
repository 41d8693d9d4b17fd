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

/* Without memory for sending: as long until it is tried again. */
#define NO_MEMORY_US ((int64_t)100000)

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
    char *json = kept ? codec_text(kept) : NULL;
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

/* NULL: errno. jansson does not say whether it is no UTF-8, or there is no memory. */
static json_t *string_of(const char *value)
{
    json_t *string = json_string(value);
    json_t *unchecked = string ? NULL : json_string_nocheck(value);

    if (string)
        return string;
    errno = unchecked ? EINVAL : ENOMEM;
    json_decref(unchecked);
    return unchecked ? json_string(value) : NULL;
}

static int set(json_t *fields, const char *key, const char *value)
{
    json_t *string = value ? string_of(value) : NULL;

    if (!value)
        return 0;
    if (!string)
        return -1;
    errno = ENOMEM;
    return json_object_set_new(fields, key, string);
}

/* NULL: errno. */
static json_t *more_of(const char *more)
{
    json_error_t error = {.text = ""};
    json_t *fields = more ? json_loads(more, 0, &error) : json_object();

    errno = *error.text || (fields && !json_is_object(fields)) ? EINVAL : ENOMEM;
    if (json_is_object(fields))
        return fields;
    json_decref(fields);
    return NULL;
}

/* NULL: errno. */
static json_t *fields_of(const struct cc_client_draft *draft)
{
    json_t *fields = more_of(draft->more);
    char made[33];

    if (!fields)
        return NULL;
    errno = EIO;
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
    int r = 0;

    if (!draft->file)
        return 0;
    path = realpath(draft->file, NULL);
    if (!path)
        return -errno;
    entry->file = json_object();
    errno = ENOMEM;
    if (!entry->file || set(entry->file, "path", path) ||
        set(entry->file, "type", draft->file_type))
        r = -errno;
    free(path);
    return r;
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

/* The media, and what its file has become behind it. NULL without memory. */
static json_t *media_to_send(const struct entry *entry)
{
    json_t *before = json_object_get(entry->fields, "media");
    json_t *media = json_array();

    if (media && (!before || json_array_extend(media, before) == 0) &&
        json_array_append_new(media, json_string(entry->media)) == 0)
        return media;
    json_decref(media);
    return NULL;
}

/* NULL without memory. (json_copy() leaves out what it has no memory for.) */
static json_t *fields_to_send(const struct entry *entry)
{
    json_t *fields;

    if (!*entry->media)
        return json_incref(entry->fields);
    fields = json_object();
    if (fields && json_object_update(fields, entry->fields) == 0 &&
        json_object_set_new(fields, "media", media_to_send(entry)) == 0)
        return fields;
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

/* Under the lock, so of a file that can't be read it is told when that is gone. -ENOMEM. */
static int upload_entry(struct cc_client *client, struct entry *entry, const char **ret_unreadable)
{
    int r;

    if (client->is_uploading || *ret_unreadable)
        return 0; /* its turn comes when that is over */
    r = files_upload(client, entry->client_id, entry->file);
    if (!r) {
        entry->state = ENTRY_UPLOADING;
    } else if (r == -EINVAL) {
        failed(client, entry, "file_unreadable", false, NULL);
        *ret_unreadable = entry->client_id;
        return 0;
    }
    return r;
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

/* Under the lock. When it is to be looked at again; INT64_MAX: when something happens. */
static int64_t try_entry(struct cc_client *client, struct entry *entry, int64_t now,
                         const char **ret_unreadable)
{
    int r;

    if (entry->state != ENTRY_WAITING)
        return INT64_MAX;
    if (entry->not_before_us > now)
        return entry->not_before_us;
    if (entry->file && !*entry->media)
        r = upload_entry(client, entry, ret_unreadable);
    else
        r = send_entry(client, entry);
    return r ? now + NO_MEMORY_US : INT64_MAX;
}

/* When to look again. Under the lock. */
static int64_t try_all(struct cc_client *client, const char **ret_unreadable)
{
    struct blocked blocked = {.count = 0};
    int64_t now = lws_now_usecs();
    int64_t earliest = INT64_MAX;

    for (struct entry *at = client->outbox; at && !is_full(client, &blocked); at = at->hh.next) {
        int64_t then;

        if (at->state == ENTRY_FAILED || is_blocked(&blocked, at->target))
            continue;
        blocked.targets[blocked.count++] = at->target;
        then = try_entry(client, at, now, ret_unreadable);
        earliest = then < earliest ? then : earliest;
    }
    return *ret_unreadable ? now : earliest; /* what stands behind that has its turn */
}

void outbox_pump(struct cc_client *client)
{
    const char *unreadable = NULL;
    char client_id[NAME_SIZE] = "";
    int64_t again_us;

    if (!client->is_greeted)
        return;
    pthread_mutex_lock(&client->lock);
    again_us = try_all(client, &unreadable);
    if (unreadable)
        snprintf(client_id, sizeof client_id, "%s", unreadable);
    pthread_mutex_unlock(&client->lock);
    if (*client_id)
        told_failure(client, client_id, "file_unreadable", NULL);
    if (again_us != INT64_MAX)
        wait_until(client, again_us);
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
