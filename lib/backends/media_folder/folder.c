/*
 * Opening the folder; signing.
 */
#include "backends/media_folder/folder.h"

#include "backends/answer.h"
#include "backends/media_folder/ticket.h"
#include "base/options.h"
#include "chatcore/error.h"
#include "wire/uuid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_MAX_PIXELS 50000000

/* --- signing ---------------------------------------------------------------------------------- */

/* "URL/ID?TICKET" in the answer's memory. */
static int sign(const struct folder *folder, struct answer *answer, const struct ticket *ticket,
                struct cc_slice *ret_url)
{
    const char *base = ticket->is_upload ? folder->upload_url : folder->download_url;
    char id[UUID_TEXT_BYTES];
    struct buffer url;
    int r;

    uuid_format(&ticket->id, id);
    buffer_init(&url, &folder->allocator);
    buffer_append_slice(&url, slice_str(base));
    buffer_append(&url, id, sizeof id);
    buffer_append_byte(&url, '?');
    ticket_write(&url, folder->key, ticket);
    r = url.failed ? CC_ENOMEM : answer_copy(answer, buffer_slice(&url), ret_url);
    buffer_deinit(&url);
    return r;
}

static int sign_upload(const struct folder *folder, struct answer *answer,
                       struct cc_media_upload *op)
{
    struct ticket ticket = {.is_upload = true, .id = op->id, .expires = op->expires};
    struct cc_header *header = answer_array(answer, 1, sizeof *header);
    int r;

    if (!info_take(&op->info, &ticket.info))
        return CC_EINVAL;
    if (op->has_sha256)
        crypto_hex(op->sha256, sizeof op->sha256, ticket.info.sha256);
    if (!header)
        return CC_ENOMEM;
    r = sign(folder, answer, &ticket, &op->ret_url);
    if (!r)
        r = answer_copy(answer, op->info.type, &header->value);
    if (r)
        return r;
    header->name = slice_str("content-type");
    op->ret_method = slice_str("PUT");
    op->ret_headers = header;
    op->ret_header_count = 1;
    return 0;
}

static void media_folder_upload(void *self, struct cc_media_upload *op)
{
    const struct folder *folder = self;
    struct answer *answer = answer_new(&folder->allocator, 0);

    answer_done(answer, &op->op, answer ? sign_upload(folder, answer, op) : CC_ENOMEM);
}

static void media_folder_download(void *self, struct cc_media_download *op)
{
    const struct folder *folder = self;
    struct ticket ticket = {.id = op->id, .expires = op->expires};
    struct answer *answer = answer_new(&folder->allocator, 0);

    answer_done(answer, &op->op, answer ? sign(folder, answer, &ticket, &op->ret_url) : CC_ENOMEM);
}

/* --- the key ---------------------------------------------------------------------------------- */

static int write_key(struct folder *folder)
{
    char text[2 * CRYPTO_KEY_BYTES];

    crypto_random(folder->key, sizeof folder->key);
    crypto_hex(folder->key, sizeof folder->key, text);
    if (pwrite(folder->key_fd, text, sizeof text, 0) != sizeof text || fsync(folder->key_fd))
        return error_of_errno();
    return 0;
}

/* A crash while the key was first written leaves less of it: nothing was signed with it yet. */
static int open_key(struct folder *folder)
{
    char text[2 * CRYPTO_KEY_BYTES + 1];
    ssize_t size;

    folder->key_fd = openat(folder->fd, "key", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (folder->key_fd < 0)
        return error_of_errno();
    if (flock(folder->key_fd, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? CC_ELOCKED : error_of_errno();
    size = pread(folder->key_fd, text, sizeof text, 0);
    if (size < 0)
        return CC_EIO;
    if (size < 2 * CRYPTO_KEY_BYTES)
        return write_key(folder);
    return crypto_hex_read(slice_of(text, 2 * CRYPTO_KEY_BYTES), folder->key, sizeof folder->key)
               ? 0
               : CC_ECORRUPT;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* What uploads have left that a crash or a kill cut off. */
static int empty_tmp(struct folder *folder)
{
    int fd = -1;
    DIR *directory;

    if (!mkdirat(folder->fd, "tmp", 0700) || errno == EEXIST)
        fd = openat(folder->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_of_errno();
    directory = fdopendir(fd);
    if (!directory) {
        close(fd);
        return CC_ENOMEM;
    }
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        char path[OBJECT_PATH_MAX];

        if (entry->d_name[0] == '.' || strlen(entry->d_name) > 32)
            continue;
        snprintf(path, sizeof path, "tmp/%.32s", entry->d_name);
        directory_remove(folder, path);
    }
    closedir(directory);
    return 0;
}

static int open_directory(struct folder *folder, const char *path)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return error_of_errno();
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->fd < 0 ? error_of_errno() : 0;
}

static int make_url(const struct folder *folder, const char *base, char **ret_url)
{
    size_t size = base ? strlen(base) : 0;
    char *url;

    while (size && base[size - 1] == '/')
        size--;
    url = mem_alloc(&folder->allocator, size + sizeof CC_MEDIA_PATH);
    if (!url)
        return CC_ENOMEM;
    if (size)
        memcpy(url, base, size);
    memcpy(url + size, CC_MEDIA_PATH, sizeof CC_MEDIA_PATH);
    *ret_url = url;
    return 0;
}

static int copy_text(const struct folder *folder, const char *from, char **ret_copy)
{
    size_t size = strlen(from) + 1;
    char *copy = mem_alloc(&folder->allocator, size);

    if (!copy)
        return CC_ENOMEM;
    memcpy(copy, from, size);
    *ret_copy = copy;
    return 0;
}

static void close_files(struct folder *folder)
{
    const struct cc_allocator allocator = folder->allocator;

    if (folder->key_fd >= 0)
        close(folder->key_fd);
    if (folder->fd >= 0)
        close(folder->fd);
    mem_free(&allocator, folder->upload_url);
    mem_free(&allocator, folder->download_url);
    mem_free(&allocator, folder->image_program);
    pthread_mutex_destroy(&folder->lock);
    mem_free(&allocator, folder);
}

static int open_files(struct folder *folder, const struct cc_media_folder_options *options)
{
    int r = open_directory(folder, options->path);

    if (!r)
        r = open_key(folder);
    if (!r)
        r = empty_tmp(folder);
    if (!r)
        r = copy_text(folder, options->image_program, &folder->image_program);
    if (!r)
        r = make_url(folder, options->url, &folder->upload_url);
    if (!r)
        r = make_url(folder, options->cdn ? options->cdn : options->url, &folder->download_url);
    return r;
}

static int start_threads(struct folder *folder)
{
    int r = jobs_start(&folder->operations, folder);

    if (r)
        return r;
    r = jobs_start(&folder->finishing, folder);
    if (r)
        jobs_stop(&folder->operations);
    return r;
}

static void media_folder_free(void *self)
{
    struct folder *folder = self;

    jobs_stop(&folder->finishing);
    jobs_stop(&folder->operations);
    close_files(folder);
}

static struct folder *media_folder_new(const struct cc_media_folder_options *options)
{
    const struct cc_allocator *allocator =
        options->allocator.alloc ? &options->allocator : cc_allocator_default();
    struct folder *folder = mem_zalloc(allocator, 1, sizeof *folder);

    if (!folder)
        return NULL;
    if (pthread_mutex_init(&folder->lock, NULL)) {
        mem_free(allocator, folder);
        return NULL;
    }
    list_init(&folder->receiving);
    folder->allocator = *allocator;
    folder->trace = options->trace;
    folder->fd = -1;
    folder->key_fd = -1;
    folder->max_pixels = options->max_pixels ? options->max_pixels : DEFAULT_MAX_PIXELS;
    folder->is_shared = options->cdn != NULL;
    folder->no_sync = options->no_sync;
    atomic_init(&folder->uploads, 0);
    return folder;
}

int cc_media_folder_open(const struct cc_media_folder_options *options, struct cc_media *ret_media,
                         struct cc_media_server *ret_server)
{
    static const struct cc_media_vtable vtable = {
        .size = sizeof vtable,
        .upload = media_folder_upload,
        .download = media_folder_download,
        .head = media_folder_head,
        .remove = media_folder_remove,
        .list = media_folder_list,
        .free = media_folder_free,
    };
    struct cc_media_folder_options given;
    struct folder *folder;
    int r;

    if (options_read(&given, sizeof given, options) || !given.path)
        return CC_EINVAL;
    if (!given.image_program)
        given.image_program = CHATCORE_IMAGE_PROGRAM;
    folder = media_folder_new(&given);
    if (!folder)
        return CC_ENOMEM;
    r = open_files(folder, &given);
    if (!r)
        r = start_threads(folder);
    if (r) {
        close_files(folder);
        return r;
    }
    *ret_media = (struct cc_media){&vtable, folder};
    *ret_server = (struct cc_media_server){&media_folder_server, folder};
    return 0;
}
