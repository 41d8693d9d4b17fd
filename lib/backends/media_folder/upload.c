/*
 * Uploads: from a ticket to an object.
 *
 * The bytes go into a folder of their own in tmp/, hashed as they come. Finishing, on a thread that
 * may wait for the disk: the hash is compared, the bytes are synced, an image is looked at, `info`
 * is written, and the folder gets its name. Whoever does so second for an id is refused.
 */
#include "backends/media_folder/folder.h"
#include "backends/media_folder/image.h"
#include "backends/media_folder/ticket.h"
#include "chatcore/error.h"
#include "wire/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TMP_PATH_MAX 64

/* Uploads of one object at a time. A client that was cut off tries again before the server knows of
 * it; but each takes room on the disk for a whole one, and what a user may leave there unsent is
 * counted once. */
#define SAME_UPLOADS_MAX 3

struct upload {
    struct list_link link; /* the first member: of the folder's, while it is under way */
    struct stream stream;  /* what the gateway holds */
    struct folder *folder;
    struct ticket ticket;
    struct crypto_sha256 sha256;
    uint64_t received;
    int fd; /* of the data; below 0: closed */
    char path[TMP_PATH_MAX - 16];
};

/* --- opening ---------------------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A text of tmp/. */
static void tmp_file(const struct upload *upload, const char *file, char path[TMP_PATH_MAX])
{
    snprintf(path, TMP_PATH_MAX, "%s/%s", upload->path, file);
}

/* What is wrong with a request, as an HTTP status; 0: nothing. */
static int judge(const struct folder *folder, const struct ticket *ticket,
                 const struct cc_media_request *request)
{
    char path[OBJECT_PATH_MAX];

    if (request->type.size != strlen(ticket->info.type) ||
        strncasecmp(request->type.data, ticket->info.type, request->type.size) != 0)
        return 415;
    if (request->size != ticket->info.bytes)
        return request->size > ticket->info.bytes ? 413 : 400;
    object_path(&ticket->id, NULL, path);
    return faccessat(folder->fd, path, F_OK, 0) ? 0 : 409;
}

static int status_of(int error)
{
    switch (error) {
    case CC_EEXISTS:
        return 409;
    case CC_ENOSPACE:
        return 507;
    default:
        return 503;
    }
}

static int make_files(struct upload *upload)
{
    struct folder *folder = upload->folder;
    char data[TMP_PATH_MAX];

    snprintf(upload->path, sizeof upload->path, "tmp/%" PRIu64,
             atomic_fetch_add(&folder->uploads, 1));
    if (mkdirat(folder->fd, upload->path, 0700))
        return error_of_errno();
    tmp_file(upload, FILE_DATA, data);
    upload->fd =
        openat(folder->fd, data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return upload->fd < 0 ? error_of_errno() : 0;
}

/* Takes a place among those of its object. 0 or CC_EBUSY. */
static int enter(struct upload *upload)
{
    struct folder *folder = upload->folder;
    const struct list_link *head = &folder->receiving.head;
    size_t same = 0;

    pthread_mutex_lock(&folder->lock);
    for (const struct list_link *link = head->next; link != head; link = link->next) {
        const struct upload *other = (const struct upload *)(const void *)link;

        same += memcmp(&other->ticket.id, &upload->ticket.id, sizeof upload->ticket.id) == 0;
    }
    if (same < SAME_UPLOADS_MAX)
        list_add(&folder->receiving, &upload->link);
    pthread_mutex_unlock(&folder->lock);
    return same < SAME_UPLOADS_MAX ? 0 : CC_EBUSY;
}

static struct upload *upload_new(struct folder *folder, const struct ticket *ticket)
{
    struct upload *upload = mem_zalloc(&folder->allocator, 1, sizeof *upload);

    if (!upload)
        return NULL;
    upload->stream.upload = upload;
    upload->folder = folder;
    upload->ticket = *ticket;
    upload->fd = -1;
    crypto_sha256_init(&upload->sha256);
    return upload;
}

void upload_open(struct folder *folder, const struct cc_id *id,
                 const struct cc_media_request *request, struct cc_media_answer *answer)
{
    struct ticket ticket = {.is_upload = true, .id = *id};
    struct upload *upload;
    int r;

    if (!ticket_read(request->query, folder->key, &ticket, &folder->allocator, wall_ms())) {
        answer_status(answer, 403);
        return;
    }
    r = judge(folder, &ticket, request);
    if (r) {
        answer_status(answer, r);
        return;
    }
    upload = upload_new(folder, &ticket);
    r = upload ? enter(upload) : CC_ENOMEM;
    if (!r)
        r = make_files(upload);
    if (r) {
        answer_status(answer, status_of(r));
        upload_close(upload);
        return;
    }
    answer->status = 0;
    answer->stream = &upload->stream;
}

/* --- receiving -------------------------------------------------------------------------------- */

int upload_write(struct upload *upload, struct cc_slice bytes)
{
    if (bytes.size > upload->ticket.info.bytes - upload->received)
        return 413;
    crypto_sha256_update(&upload->sha256, bytes);
    upload->received += bytes.size;
    while (bytes.size) {
        ssize_t written = write(upload->fd, bytes.data, bytes.size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return status_of(error_of_errno());
        bytes = slice_of(bytes.data + written, bytes.size - (size_t)written);
    }
    return 0;
}

/* --- finishing -------------------------------------------------------------------------------- */

/* As an HTTP status: 0, or what is wrong with the bytes. */
static int check_bytes(struct upload *upload)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    char text[SHA256_TEXT + 1] = "";
    char *told = upload->ticket.info.sha256;

    if (upload->received != upload->ticket.info.bytes)
        return 400;
    crypto_sha256_final(&upload->sha256, digest);
    crypto_hex(digest, sizeof digest, text);
    if (*told && strcmp(told, text) != 0)
        return 422;
    memcpy(told, text, sizeof text);
    return 0;
}

/* What it says of an image is an aid, and no condition. */
static void look(struct upload *upload)
{
    struct folder *folder = upload->folder;
    struct object_info *info = &upload->ticket.info;
    struct image image = {0};
    char path[TMP_PATH_MAX];
    int data, thumbnail;

    if (strncasecmp(info->type, "image/", 6) != 0)
        return;
    tmp_file(upload, FILE_DATA, path);
    data = openat(folder->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    tmp_file(upload, FILE_THUMBNAIL, path);
    thumbnail = openat(folder->fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (data >= 0 && thumbnail >= 0)
        image = image_look(folder->image_program, data, thumbnail, folder->max_pixels);
    if (data >= 0)
        close(data);
    if (thumbnail >= 0)
        close(thumbnail);
    if (!image.has_thumbnail)
        unlinkat(folder->fd, path, 0);
    info->width = image.width;
    info->height = image.height;
    info->has_thumbnail = image.has_thumbnail;
}

static int write_info(struct upload *upload)
{
    char path[TMP_PATH_MAX];
    struct buffer text;
    int r;

    tmp_file(upload, FILE_INFO, path);
    buffer_init(&text, &upload->folder->allocator);
    info_write(&text, &upload->ticket.info);
    r = text.failed ? CC_ENOMEM : file_write(upload->folder, path, buffer_slice(&text));
    buffer_deinit(&text);
    return r;
}

/* The thumbnail is not synced: an empty one after a power cut would show no picture, and lose none.
 */
static int sync_files(struct upload *upload)
{
    int r = 0;

    if (!upload->folder->no_sync && fsync(upload->fd))
        r = error_of_errno();
    if (close(upload->fd) && !r)
        r = error_of_errno();
    upload->fd = -1;
    if (!r)
        r = write_info(upload);
    return r ? r : directory_sync(upload->folder, upload->path);
}

/* Renaming over a folder that has files in it fails: the first one stays. A shard may go with its
 * last object just before the rename. */
static int move_into_place(struct upload *upload)
{
    const struct folder *folder = upload->folder;
    char path[OBJECT_PATH_MAX], shard[OBJECT_PATH_MAX];
    int r = CC_ENOTFOUND;

    object_path(&upload->ticket.id, NULL, path);
    snprintf(shard, sizeof shard, "%.6s", path);
    for (int i = 0; r == CC_ENOTFOUND && i < 3; i++) {
        if (mkdirat(folder->fd, shard, 0700) && errno != EEXIST)
            return error_of_errno();
        r = renameat(folder->fd, upload->path, folder->fd, path) ? error_of_errno() : 0;
    }
    if (!r)
        r = directory_sync(folder, shard);
    return r ? r : directory_sync(folder, ".");
}

static void tell(const struct upload *upload, struct cc_media_answer *answer)
{
    const struct object_info *info = &upload->ticket.info;
    char id[UUID_TEXT_BYTES + 1] = "";
    int size;

    answer->status = 201;
    answer_header(answer, "Content-Type: application/json");
    uuid_format(&upload->ticket.id, id);
    size = snprintf(answer->text, sizeof answer->text, "{\"media\":\"%s\",\"bytes\":%" PRIu64, id,
                    info->bytes);
    if (info->width)
        size += snprintf(answer->text + size, sizeof answer->text - (size_t)size,
                         ",\"width\":%u,\"height\":%u", info->width, info->height);
    snprintf(answer->text + size, sizeof answer->text - (size_t)size, "}\n");
}

static void run_finish(void *context, struct cc_op *op)
{
    struct folder *folder = context;
    struct cc_media_finish *finish = (struct cc_media_finish *)(void *)op;
    struct upload *upload = ((struct stream *)finish->stream)->upload;
    struct cc_media_answer *answer = &finish->ret_answer;
    int r;

    memset(answer, 0, sizeof *answer);
    answer->status = check_bytes(upload);
    if (!answer->status) {
        look(upload);
        r = sync_files(upload);
        if (!r)
            r = move_into_place(upload);
        if (r && r != CC_EEXISTS)
            folder_trace(folder, CC_TRACE_ERROR, "an upload could not be stored: %s",
                         cc_error_name(r));
        if (r)
            answer_status(answer, status_of(r));
        else
            tell(upload, answer);
    }
    cc_op_done(op, 0);
}

void upload_finish(struct upload *upload, struct cc_media_finish *op)
{
    static const job_run run = run_finish;

    jobs_submit(&upload->folder->finishing, &op->op, &run);
}

/* What was finished is not there any more under this name. */
void upload_close(struct upload *upload)
{
    if (!upload)
        return;
    pthread_mutex_lock(&upload->folder->lock);
    list_remove(&upload->link);
    pthread_mutex_unlock(&upload->folder->lock);
    if (upload->fd >= 0)
        close(upload->fd);
    if (upload->path[0])
        directory_remove(upload->folder, upload->path);
    mem_free(&upload->folder->allocator, upload);
}
