/*
 * Transfers on libcurl: one at a time, cut off where nothing moves. `lock` of the client guards the
 * lists and `transferring`; of a transfer under way others touch the atomic members alone.
 */
#include "internal.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_S 15L
/* Slower for so long is stuck. */
#define SLOW_BYTES_S 1024L
#define SLOW_S       30L
#define REDIRECTS    5L
/* The program is told how far it is about five times a second. */
#define PROGRESS_US ((uint64_t)200000)

struct transfer *transfer_new(struct cc_client *client, const char *path)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (!transfer)
        return NULL;
    transfer->client = client;
    transfer->path = strdup(path);
    if (transfer->path)
        return transfer;
    free(transfer);
    return NULL;
}

void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    curl_slist_free_all(transfer->headers);
    events_node_free(transfer->answer);
    free(transfer->path);
    free(transfer->url);
    free(transfer);
}

/* --- where to --------------------------------------------------------------------------------- */

/* A path is one on the host of the connection. NULL without memory. */
static char *whole_url(const struct cc_client *client, const char *url)
{
    const char *host = client->url + 2; /* behind "ws" */
    size_t size = 3 + strcspn(host + (*host == 's') + 3, "/") + (*host == 's');
    char *whole;

    if (*url != '/')
        return strdup(url);
    whole = malloc(4 + size + strlen(url) + 1);
    if (whole)
        sprintf(whole, "http%.*s%s", (int)size, host, url);
    return whole;
}

static int add_header(struct transfer *transfer, const char *name, const char *value)
{
    struct curl_slist *longer;
    char *line;

    if (!value || strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
        return -EINVAL;
    line = malloc(strlen(name) + strlen(value) + 3);
    if (!line)
        return -ENOMEM;
    sprintf(line, "%s: %s", name, value);
    longer = curl_slist_append(transfer->headers, line);
    free(line);
    if (!longer)
        return -ENOMEM;
    transfer->headers = longer;
    return 0;
}

int transfer_aim(struct transfer *transfer, const char *url, json_t *headers)
{
    struct curl_slist *first = curl_slist_append(NULL, "Expect:"); /* no pause before the bytes */
    const char *name;
    json_t *value;
    int r = first ? 0 : -ENOMEM;

    transfer->headers = first;
    transfer->url = whole_url(transfer->client, url);
    if (!transfer->url)
        return -ENOMEM;
    json_object_foreach(headers, name, value) r =
        r ? r : add_header(transfer, name, json_string_value(value));
    return r;
}

/* --- one transfer, on the thread -------------------------------------------------------------- */

static int progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                    curl_off_t up)
{
    struct transfer *transfer = context;
    uint64_t now = (uint64_t)lws_now_usecs();

    transfer->done = (uint64_t)(transfer->is_upload ? up : down);
    transfer->total = (uint64_t)(transfer->is_upload ? up_total : down_total);
    if (now - transfer->told_us >= PROGRESS_US) {
        transfer->told_us = now;
        client_wake(transfer->client);
    }
    return transfer->is_cancelled || transfer->client->is_transfer_ending ||
           (!transfer->is_upload && transfer->done > DOWNLOAD_MOST);
}

static size_t ignore_body(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static void set_common(CURL *curl, struct transfer *transfer)
{
    curl_easy_setopt(curl, CURLOPT_URL, transfer->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_S);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
}

/* `file` NULL: it could not be opened. */
static CURLcode perform(CURL *curl, struct transfer *transfer, FILE *file)
{
    set_common(curl, transfer);
    if (!transfer->is_upload) {
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, file);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS);
        curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)DOWNLOAD_MOST);
        return curl_easy_perform(curl);
    }
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READDATA, file);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_body);
    return curl_easy_perform(curl);
}

static bool may_help_again(CURLcode result, long status)
{
    if (result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_URL_MALFORMAT)
        return false;
    return status == 0 || status == 408 || status == 429 || status >= 500;
}

static void judge(struct transfer *transfer, CURLcode result, long status)
{
    /* 409: it is there already; only the answer to an earlier try was lost. */
    if (result == CURLE_OK || (transfer->is_upload && status == 409))
        return;
    transfer->error = transfer->is_upload ? "upload_failed" : "download_failed";
    if (transfer->is_cancelled)
        transfer->error = "cancelled";
    else if (result == CURLE_READ_ERROR)
        transfer->error = "file_unreadable";
    else if (result == CURLE_WRITE_ERROR)
        transfer->error = "file_unwritable";
    else if (!transfer->is_upload &&
             (result == CURLE_FILESIZE_EXCEEDED || transfer->done > DOWNLOAD_MOST))
        transfer->error = "too_large";
    else
        transfer->is_temporary = may_help_again(result, status);
}

static void run_with(struct transfer *transfer, FILE *file)
{
    CURL *curl = curl_easy_init();
    long status = 0;
    CURLcode result;

    if (!curl) {
        transfer->error = "no_memory";
        transfer->is_temporary = true;
        return;
    }
    result = perform(curl, transfer, file);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    judge(transfer, result, status);
}

static void run_upload(struct transfer *transfer)
{
    FILE *file = fopen(transfer->path, "rbe");

    if (!file) {
        transfer->error = "file_unreadable";
        return;
    }
    run_with(transfer, file);
    fclose(file);
}

/* Under another name until it is whole. */
static void run_download(struct transfer *transfer)
{
    char part[4096];
    int fd = -1;
    FILE *file;

    if (snprintf(part, sizeof part, "%s.part", transfer->path) < (int)sizeof part)
        fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!file) {
        if (fd >= 0)
            close(fd);
        transfer->error = "file_unwritable";
        return;
    }
    run_with(transfer, file);
    if (fclose(file) && !transfer->error)
        transfer->error = "file_unwritable";
    if (!transfer->error && rename(part, transfer->path) < 0)
        transfer->error = "file_unwritable";
    if (transfer->error)
        unlink(part);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* NULL: it is to end. */
static struct transfer *take_next(struct cc_client *client)
{
    struct transfer *transfer;

    pthread_mutex_lock(&client->lock);
    while (!client->transfers && !client->is_transfer_ending)
        pthread_cond_wait(&client->transfer_wanted, &client->lock);
    transfer = client->is_transfer_ending ? NULL : client->transfers;
    client->transferring = transfer;
    if (transfer) {
        client->transfers = transfer->next;
        client->transfer_count--;
        transfer->next = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    return transfer;
}

static void give_back(struct cc_client *client, struct transfer *transfer)
{
    struct transfer **last = &client->transfers_done;

    pthread_mutex_lock(&client->lock);
    client->transferring = NULL;
    while (*last)
        last = &(*last)->next;
    *last = transfer;
    pthread_mutex_unlock(&client->lock);
    client_wake(client);
}

static void *run(void *context)
{
    struct cc_client *client = context;
    struct transfer *transfer;

    while ((transfer = take_next(client))) {
        if (transfer->is_upload)
            run_upload(transfer);
        else
            run_download(transfer);
        give_back(client, transfer);
    }
    return NULL;
}

/* Under the lock. */
static int add(struct cc_client *client, struct transfer *transfer)
{
    struct transfer **last = &client->transfers;

    if (client->transfer_count >= TRANSFERS_MOST)
        return -ENOBUFS;
    if (!client->has_transfer_thread &&
        pthread_create(&client->transfer_thread, NULL, run, client) != 0)
        return -EAGAIN;
    client->has_transfer_thread = true;
    while (*last)
        last = &(*last)->next;
    *last = transfer;
    client->transfer_count++;
    pthread_cond_signal(&client->transfer_wanted);
    return 0;
}

int transfer_start(struct transfer *transfer)
{
    struct cc_client *client = transfer->client;
    int r;

    pthread_mutex_lock(&client->lock);
    r = add(client, transfer);
    pthread_mutex_unlock(&client->lock);
    return r;
}

void transfer_cancel(struct cc_client *client, const char *client_id)
{
    for (struct transfer *at = client->transfers; at; at = at->next)
        if (!strcmp(at->client_id, client_id))
            at->is_cancelled = true;
    if (client->transferring && !strcmp(client->transferring->client_id, client_id))
        client->transferring->is_cancelled = true;
}

/* --- the client's thread ---------------------------------------------------------------------- */

static void tell_progress(struct cc_client *client)
{
    struct transfer now = {0};
    bool is_new = false;

    pthread_mutex_lock(&client->lock);
    if (client->transferring && client->transferring->done != client->transferring->told) {
        struct transfer *transfer = client->transferring;

        transfer->told = transfer->done;
        memcpy(now.client_id, transfer->client_id, sizeof now.client_id);
        memcpy(now.media, transfer->media, sizeof now.media);
        now.done = transfer->told;
        now.total = (uint64_t)transfer->total;
        is_new = true;
    }
    pthread_mutex_unlock(&client->lock);
    if (is_new)
        events_progress(client, now.client_id, now.media, now.done, now.total);
}

static struct transfer *take_done(struct cc_client *client)
{
    struct transfer *transfer;

    pthread_mutex_lock(&client->lock);
    transfer = client->transfers_done;
    if (transfer)
        client->transfers_done = transfer->next;
    pthread_mutex_unlock(&client->lock);
    return transfer;
}

void transfers_look(struct cc_client *client)
{
    struct transfer *transfer;

    tell_progress(client);
    while ((transfer = take_done(client))) {
        uint64_t bytes = transfer->is_upload ? transfer->bytes : (uint64_t)transfer->done;

        if (!transfer->error)
            events_progress(client, transfer->client_id, transfer->media, bytes, bytes);
        transfer->finished(client, transfer);
        transfer_free(transfer);
    }
}

static void free_all(struct transfer *transfer)
{
    while (transfer) {
        struct transfer *next = transfer->next;

        transfer_free(transfer);
        transfer = next;
    }
}

void transfers_end(struct cc_client *client)
{
    if (client->has_transfer_thread) {
        pthread_mutex_lock(&client->lock);
        client->is_transfer_ending = true;
        pthread_cond_signal(&client->transfer_wanted);
        pthread_mutex_unlock(&client->lock);
        pthread_join(client->transfer_thread, NULL);
    }
    free_all(client->transfers);
    free_all(client->transfers_done);
    client->transfers = client->transfers_done = NULL;
}
