/*
 * What goes with files: the upload of an entry of the outbox (the server says where to, the bytes
 * go there, the id goes into the message), one at a time, so that what the server signs is used at
 * once; and downloads for the program.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* --- uploads ---------------------------------------------------------------------------------- */

static void end_upload(struct cc_client *client, const char *client_id, const char *error,
                       bool is_temporary, json_t *body, const char *media)
{
    client->is_uploading = false;
    outbox_uploaded(client, client_id, error, is_temporary, body, media);
}

static void uploaded(struct cc_client *client, struct transfer *transfer)
{
    end_upload(client, transfer->client_id, transfer->error, transfer->is_temporary, NULL,
               transfer->media);
}

/* Where to, by the server's reply. */
static int aim(struct transfer *transfer, json_t *body)
{
    const char *media = json_string_value(json_object_get(body, "media"));
    const char *method = json_string_value(json_object_get(body, "method"));
    const char *url = json_string_value(json_object_get(body, "url"));
    json_t *headers = json_object_get(body, "headers");

    if (!media || !url || !method || strcmp(method, "PUT") != 0 || strlen(media) >= NAME_SIZE)
        return -EINVAL;
    strcpy(transfer->media, media);
    return transfer_aim(transfer, url, headers);
}

static void granted(struct cc_client *client, void *context, const char *error, json_t *body)
{
    struct transfer *transfer = context;
    int r = 0;

    if (!error) {
        r = aim(transfer, body);
        r = r ? r : transfer_start(transfer);
        if (!r)
            return;
        end_upload(client, transfer->client_id, "upload_failed", r != -EINVAL, NULL, NULL);
    } else {
        end_upload(client, transfer->client_id, error, error_is_temporary(error, body), body, NULL);
    }
    transfer_free(transfer);
}

/* NULL: errno. */
static struct transfer *prepare(struct cc_client *client, const char *client_id, const char *path)
{
    struct transfer *transfer;
    struct stat status;

    if (stat(path, &status) < 0)
        return NULL;
    errno = EINVAL;
    if (!S_ISREG(status.st_mode) || status.st_size == 0)
        return NULL;
    transfer = transfer_new(client, path);
    errno = ENOMEM;
    if (!transfer)
        return NULL;
    transfer->is_upload = true;
    transfer->bytes = (uint64_t)status.st_size;
    transfer->finished = uploaded;
    snprintf(transfer->client_id, sizeof transfer->client_id, "%s", client_id);
    return transfer;
}

int files_upload(struct cc_client *client, const char *client_id, json_t *file)
{
    const char *path = json_string_value(json_object_get(file, "path"));
    const char *type = json_string_value(json_object_get(file, "type"));
    const char *slash = path ? strrchr(path, '/') : NULL;
    struct transfer *transfer = path ? prepare(client, client_id, path) : NULL;
    json_t *fields;

    if (!transfer)
        return errno == ENOMEM ? -ENOMEM : -EINVAL;
    fields =
        json_pack("{s:s, s:s, s:I}", "name", slash ? slash + 1 : path, "type",
                  type ? type : "application/octet-stream", "bytes", (json_int_t)transfer->bytes);
    if (fields && connection_request(client, "upload", fields, granted, transfer) == 0) {
        client->is_uploading = true;
        return 0;
    }
    transfer_free(transfer);
    return -ENOMEM;
}

/* --- downloads -------------------------------------------------------------------------------- */

static void downloaded(struct cc_client *client, struct transfer *transfer)
{
    struct event *answer = transfer->answer;
    json_t *body = transfer->error ? NULL
                                   : json_pack("{s:s, s:s, s:I}", "media", transfer->media, "path",
                                               transfer->path, "bytes", (json_int_t)transfer->done);

    transfer->answer = NULL;
    events_reply(client, answer, transfer->error, body);
    json_decref(body);
}

/* Where events come: what the server says of where it is. */
static void located(void *context, const char *error, const char *reply)
{
    struct transfer *transfer = context;
    json_t *body = error ? NULL : json_loads(reply, 0, NULL);
    const char *url = json_string_value(json_object_get(body, "url"));
    int r = url ? transfer_aim(transfer, url, NULL) : -EINVAL;

    if (!error && !r)
        r = transfer_start(transfer);
    json_decref(body);
    if (!error && !r)
        return;
    if (transfer->on_done)
        transfer->on_done(transfer->context, error ? error : "download_failed",
                          error ? reply : NULL);
    transfer_free(transfer);
}

int cc_client_download(struct cc_client *client, const char *media, const char *path,
                       cc_client_reply_handler on_done, void *context)
{
    struct transfer *transfer;
    json_t *fields;
    char *text;
    int r = -ENOMEM;

    if (strlen(media) >= NAME_SIZE || !*path)
        return -EINVAL;
    transfer = transfer_new(client, path);
    if (!transfer)
        return -ENOMEM;
    strcpy(transfer->media, media);
    transfer->finished = downloaded;
    transfer->on_done = on_done;
    transfer->context = context;
    transfer->answer = events_reply_new(on_done, context);
    fields = json_pack("{s:s}", "media", media);
    text = fields ? codec_text(fields) : NULL;
    if (text && transfer->answer)
        r = cc_client_request(client, "media", text, located, transfer);
    free(text);
    json_decref(fields);
    if (r)
        transfer_free(transfer);
    return r;
}
