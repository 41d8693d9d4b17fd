/*
 * Looking at objects, removing them, listing them: on the operations' thread.
 */
#include "backends/answer.h"
#include "backends/media_folder/folder.h"
#include "chatcore/error.h"
#include "wire/uuid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Digits of an id that name the folder which it is in. */
#define SHARD_DIGITS 6

/* --- head and remove -------------------------------------------------------------------------- */

static int fill_info(struct answer *answer, const struct object_info *info,
                     struct cc_media_info *ret_info)
{
    int r = answer_copy(answer, slice_str(info->owner), &ret_info->owner);

    if (!r)
        r = answer_copy(answer, slice_str(info->name), &ret_info->name);
    if (!r)
        r = answer_copy(answer, slice_str(info->type), &ret_info->type);
    ret_info->bytes = info->bytes;
    ret_info->width = info->width;
    ret_info->height = info->height;
    ret_info->has_thumbnail = info->has_thumbnail;
    return r;
}

static void run_head(void *context, struct cc_op *op)
{
    const struct folder *folder = context;
    struct cc_media_head *head = (struct cc_media_head *)(void *)op;
    struct answer *answer = answer_new(&folder->allocator, 0);
    struct object_info info;
    int r = object_read_info(folder, &head->id, &info);

    if (!answer)
        r = CC_ENOMEM;
    if (!r)
        r = fill_info(answer, &info, &head->ret_info);
    answer_done(answer, op, r);
}

void media_folder_head(void *self, struct cc_media_head *op)
{
    static const job_run run = run_head;
    struct folder *folder = self;

    jobs_submit(&folder->operations, &op->op, &run);
}

static void run_remove(void *context, struct cc_op *op)
{
    const struct folder *folder = context;
    const struct cc_media_remove *removal = (struct cc_media_remove *)(void *)op;
    char path[OBJECT_PATH_MAX];

    object_path(&removal->id, NULL, path);
    answer_done(NULL, op, directory_remove(folder, path));
    path[SHARD_DIGITS] = 0; /* goes with its last object */
    unlinkat(folder->fd, path, AT_REMOVEDIR);
}

void media_folder_remove(void *self, struct cc_media_remove *op)
{
    static const job_run run = run_remove;
    struct folder *folder = self;

    jobs_submit(&folder->operations, &op->op, &run);
}

/* --- list ------------------------------------------------------------------------------------- */

struct listing {
    const struct folder *folder;
    struct answer *answer;
    struct answer_list ids;
    struct cc_id after;
    char after_text[UUID_TEXT_BYTES + 1];
    size_t limit;
    bool more;
};

static int is_shard(const struct dirent *entry)
{
    return strlen(entry->d_name) == SHARD_DIGITS &&
           strspn(entry->d_name, "0123456789abcdef") == SHARD_DIGITS;
}

static int is_object(const struct dirent *entry)
{
    return strlen(entry->d_name) == UUID_TEXT_BYTES;
}

/* By bytes, whatever the process's locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names of a folder, ascending; to be freed with free_names(). Below 0: a CC_E…. */
static int read_names(const struct folder *folder, const char *path,
                      int (*filter)(const struct dirent *), struct dirent ***ret_names)
{
    int count = scandirat(folder->fd, path, ret_names, filter, compare);

    return count < 0 ? error_of_errno() : count;
}

static void free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* An object whose removal was cut off has lost its `info`: what is left of it goes. */
static int take_object(struct listing *listing, const char *name)
{
    struct object_info info;
    struct cc_id id;
    struct cc_id *added;
    char path[OBJECT_PATH_MAX];
    int r;

    if (!uuid_parse(slice_str(name), &id) || memcmp(&id, &listing->after, sizeof id) <= 0)
        return 0;
    r = object_read_info(listing->folder, &id, &info);
    if (r == CC_ENOTFOUND) {
        object_path(&id, NULL, path);
        return directory_remove(listing->folder, path);
    }
    if (listing->ids.count == listing->limit) {
        listing->more = true;
        return 0;
    }
    added = answer_list_add(listing->answer, &listing->ids, sizeof *added);
    if (!added)
        return CC_ENOMEM;
    *added = id;
    return 0;
}

static int take_shard(struct listing *listing, const char *shard)
{
    struct dirent **names;
    int count = read_names(listing->folder, shard, is_object, &names);
    int r = 0;

    if (count < 0)
        return count == CC_ENOTFOUND ? 0 : count;
    for (int i = 0; !r && !listing->more && i < count; i++)
        r = take_object(listing, names[i]->d_name);
    free_names(names, count);
    return r;
}

static int list(struct listing *listing)
{
    struct dirent **shards;
    int count = read_names(listing->folder, ".", is_shard, &shards);
    int r = 0;

    if (count < 0)
        return count;
    for (int i = 0; !r && !listing->more && i < count; i++)
        if (strncmp(shards[i]->d_name, listing->after_text, SHARD_DIGITS) >= 0)
            r = take_shard(listing, shards[i]->d_name);
    free_names(shards, count);
    return r;
}

static void run_list(void *context, struct cc_op *op)
{
    struct cc_media_list *asked = (struct cc_media_list *)(void *)op;
    struct listing listing = {.folder = context, .after = asked->after, .limit = asked->limit};
    int r = CC_ENOMEM;

    uuid_format(&asked->after, listing.after_text);
    listing.answer = answer_new(&listing.folder->allocator, 0);
    if (listing.answer)
        r = list(&listing);
    if (!r) {
        asked->ret_ids = listing.ids.items;
        asked->ret_count = listing.ids.count;
        asked->ret_more = listing.more;
    }
    answer_done(listing.answer, op, r);
}

void media_folder_list(void *self, struct cc_media_list *op)
{
    static const job_run run = run_list;
    struct folder *folder = self;

    jobs_submit(&folder->operations, &op->op, &run);
}
