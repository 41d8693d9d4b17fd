/*
 * The failing media port.
 */
#include "backends/failing/failing.h"
#include "chatcore/error.h"

struct failing_media {
    struct failing failing;
    struct cc_media port;
};

/* X(slot, operation's type) */
#define MEDIA_SLOTS(X)                                                                             \
    X(upload, cc_media_upload)                                                                     \
    X(download, cc_media_download)                                                                 \
    X(head, cc_media_head)                                                                         \
    X(remove, cc_media_remove)                                                                     \
    X(list, cc_media_list)

#define MEDIA_FUNCTIONS(slot, type)                                                                \
    static void forward_##slot(void *self, struct cc_op *op)                                       \
    {                                                                                              \
        struct failing_media *media = self;                                                        \
                                                                                                   \
        media->port.vtable->slot(media->port.self, (struct type *)(void *)op);                     \
    }                                                                                              \
                                                                                                   \
    static void port_##slot(void *self, struct type *op)                                           \
    {                                                                                              \
        failing_submit(self, "media." #slot, &op->op, sizeof *op, forward_##slot);                 \
    }

MEDIA_SLOTS(MEDIA_FUNCTIONS)

static void port_free(void *self)
{
    struct failing_media *media = self;

    media->port.vtable->free(media->port.self);
    failing_free(&media->failing);
}

int cc_failing_media_open(const struct cc_allocator *allocator,
                          const struct cc_failing_options *options, struct cc_media port,
                          struct cc_media *ret_port)
{
#define MEDIA_MEMBER(slot, type) .slot = port_##slot,
    static const struct cc_media_vtable vtable = {.size = sizeof vtable,
                                                  MEDIA_SLOTS(MEDIA_MEMBER).free = port_free};
#undef MEDIA_MEMBER
    struct failing_media *media;
    int r = failing_new(allocator, options, sizeof *media, &media);

    if (r)
        return r;
    media->port = port;
    ret_port->vtable = &vtable;
    ret_port->self = media;
    return 0;
}

size_t cc_failing_media_resume(struct cc_media port)
{
    struct failing_media *media = port.self;
    size_t count = 0;

    while (failing_resume_one(&media->failing, NULL))
        count++;
    return count;
}
