/*
 * The media folder's own state, and what its files share. What it looks like on the disk stands in
 * chatcore/backend/media_folder.h.
 *
 * Threads: slots of the port run on the engine's, slots of the server on the gateway's, and what
 * waits for the disk on two of its own: one for the port's operations, and one that finishes
 * uploads, which may take as long as an image takes. All here is constant once it is open, but for
 * what says otherwise.
 */
#ifndef CC_BACKENDS_MEDIA_FOLDER_FOLDER_H
#define CC_BACKENDS_MEDIA_FOLDER_FOLDER_H

#include "backends/media_folder/info.h"
#include "backends/media_folder/jobs.h"
#include "base/crypto.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/trace.h"
#include "chatcore/backend/media_folder.h"

#include <pthread.h>
#include <stdatomic.h>

struct folder {
    struct cc_allocator allocator;
    struct cc_trace trace;
    int fd;     /* the folder */
    int key_fd; /* locked: one process a folder */
    uint8_t key[CRYPTO_KEY_BYTES];
    char *upload_url; /* what an object's id is put behind */
    char *download_url;
    char *image_program;
    uint32_t max_pixels;
    bool is_shared; /* what reads go through may keep it for others: a CDN */
    bool no_sync;
    struct jobs operations;
    struct jobs finishing;
    _Atomic uint64_t uploads; /* begun so far: names in tmp/ */
    pthread_mutex_t lock;
    struct list receiving; /* under the lock: uploads under way */
};

#define folder_trace(folder, level, ...) trace_write(&(folder)->trace, level, "media", __VA_ARGS__)

/* --- files.c ---------------------------------------------------------------------------------- */

#define FILE_DATA      "data"
#define FILE_INFO      "info"
#define FILE_THUMBNAIL "thumbnail"

/* "XXXXXX/" and an id, and a file in it: all that a path is made of. */
#define OBJECT_PATH_MAX 64

/* The path of an object, or of a file in it (NULL: the object). */
void object_path(const struct cc_id *id, const char *file, char path[OBJECT_PATH_MAX]);

/* Reads what an object is. 0, CC_ENOTFOUND, CC_ECORRUPT, CC_EIO. */
int object_read_info(const struct folder *folder, const struct cc_id *id,
                     struct object_info *ret_info);

/* Writes a file whole, and syncs it. 0, or a CC_E… of errno. */
int file_write(const struct folder *folder, const char *path, struct cc_slice bytes);

/* Syncs a folder, so that the names in it last. 0 or a CC_E…. */
int directory_sync(const struct folder *folder, const char *path);

/* Removes a folder with the files that an object may have. That it isn't there is no error. */
int directory_remove(const struct folder *folder, const char *path);

/* What errno says, as a CC_E…. */
int error_of_errno(void);

/* --- the port's slots: objects.c; the server's: upload.c, download.c, server.c ------------------
 */

void media_folder_head(void *self, struct cc_media_head *op);
void media_folder_remove(void *self, struct cc_media_remove *op);
void media_folder_list(void *self, struct cc_media_list *op);

extern const struct cc_media_server_vtable media_folder_server;

/* --- streams -----------------------------------------------------------------------------------
 */

struct upload;
struct download;

/* What a request has opened: one of the two. */
struct stream {
    struct upload *upload;
    struct download *download;
};

/* Fills in an answer that has no stream. */
void answer_status(struct cc_media_answer *answer, int status);

/* Adds a header line that fits, or makes the answer a 500. */
void answer_header(struct cc_media_answer *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void upload_open(struct folder *folder, const struct cc_id *id,
                 const struct cc_media_request *request, struct cc_media_answer *answer);
int upload_write(struct upload *upload, struct cc_slice bytes);
void upload_finish(struct upload *upload, struct cc_media_finish *op);
void upload_close(struct upload *upload);

void download_open(struct folder *folder, const struct cc_id *id,
                   const struct cc_media_request *request, struct cc_media_answer *answer);
int download_read(struct download *download, void *bytes, size_t size);
void download_close(struct download *download);

#endif
