/*
 * The port: a table in the order of signing, which is that of ids.
 */
#include "support/media_fake.h"

#include "chatcore/error.h"

#include <string.h>

#define OBJECTS_MAX 512

struct object {
    struct cc_id id;
    struct cc_media_info info;
    char owner[CC_NAME_MAX];
    char name[CC_MEDIA_FILE_NAME_MAX];
    char type[CC_MEDIA_TYPE_MAX];
    bool is_there;
};

static struct {
    struct object objects[OBJECTS_MAX];
    size_t count;
    uint32_t width;
    uint32_t height;
    unsigned lists;
    struct cc_id listed[OBJECTS_MAX];
} fake;

static struct cc_slice keep(struct cc_slice from, char *room)
{
    struct cc_slice kept = {room, from.size};

    if (from.size)
        memcpy(room, from.data, from.size);
    return kept;
}

static struct cc_slice text(const char *bytes)
{
    struct cc_slice slice = {bytes, strlen(bytes)};

    return slice;
}

static struct object *find(const struct cc_id *id)
{
    for (size_t i = 0; i < fake.count; i++)
        if (fake.objects[i].is_there && memcmp(&fake.objects[i].id, id, sizeof *id) == 0)
            return &fake.objects[i];
    return NULL;
}

static void fake_upload(void *self, struct cc_media_upload *op)
{
    static const struct cc_header header = {{"content-type", 12}, {"a/b", 3}};
    struct object *object = &fake.objects[fake.count];

    (void)self;
    if (fake.count == OBJECTS_MAX) {
        cc_op_done(&op->op, CC_ENOSPACE);
        return;
    }
    fake.count++;
    object->id = op->id;
    object->info = op->info;
    object->info.owner = keep(op->info.owner, object->owner);
    object->info.name = keep(op->info.name, object->name);
    object->info.type = keep(op->info.type, object->type);
    op->ret_method = text("PUT");
    op->ret_url = text("put-here");
    op->ret_headers = &header;
    op->ret_header_count = 1;
    cc_op_done(&op->op, 0);
}

static void fake_download(void *self, struct cc_media_download *op)
{
    (void)self;
    op->ret_url = text(op->id.bytes[6] >> 4 == 8 ? "get-thumbnail" : "get-here");
    cc_op_done(&op->op, 0);
}

static void fake_head(void *self, struct cc_media_head *op)
{
    const struct object *object = find(&op->id);

    (void)self;
    if (object)
        op->ret_info = object->info;
    cc_op_done(&op->op, object ? 0 : CC_ENOTFOUND);
}

static void fake_remove(void *self, struct cc_media_remove *op)
{
    struct object *object = find(&op->id);

    (void)self;
    if (object)
        object->is_there = false;
    cc_op_done(&op->op, 0);
}

static void fake_list(void *self, struct cc_media_list *op)
{
    (void)self;
    fake.lists++;
    op->ret_count = 0;
    op->ret_more = false;
    op->ret_ids = fake.listed;
    for (size_t i = 0; i < fake.count; i++) {
        const struct object *object = &fake.objects[i];

        if (!object->is_there || memcmp(&object->id, &op->after, sizeof op->after) <= 0)
            continue;
        op->ret_more = op->ret_count == op->limit;
        if (op->ret_more)
            break;
        fake.listed[op->ret_count++] = object->id;
    }
    cc_op_done(&op->op, 0);
}

static void fake_free(void *self)
{
    (void)self;
}

struct cc_media media_fake(void)
{
    static const struct cc_media_vtable vtable = {
        .size = sizeof vtable,
        .upload = fake_upload,
        .download = fake_download,
        .head = fake_head,
        .remove = fake_remove,
        .list = fake_list,
        .free = fake_free,
    };
    struct cc_media port = {&vtable, NULL};

    return port;
}

void media_fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
}

void media_fake_arrive(void)
{
    struct object *object = fake.objects;

    if (!fake.count)
        return;
    object += fake.count - 1;
    object->info.width = fake.width;
    object->info.height = fake.height;
    object->info.has_thumbnail = fake.width > 0;
    object->is_there = true;
}

void media_fake_size(uint32_t width, uint32_t height)
{
    fake.width = width;
    fake.height = height;
}

size_t media_fake_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < fake.count; i++)
        count += fake.objects[i].is_there;
    return count;
}

unsigned media_fake_lists(void)
{
    return fake.lists;
}
