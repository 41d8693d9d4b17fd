/*
 * The notifier that appends to a file: one write a line, so lines of several processes don't mix.
 */
#include "backends/notify/json.h"
#include "chatcore/error.h"

#include <fcntl.h>
#include <unistd.h>

struct file_notifier {
    struct cc_allocator allocator;
    struct buffer line;
    int fd;
    char provider[CC_PROVIDER_MAX];
};

static bool write_line(struct file_notifier *file, const struct cc_notification *notification)
{
    struct writer writer;

    buffer_clear(&file->line);
    writer_init(&writer, &file->line, WIRE_JSON);
    json_notification(&writer, notification, true);
    buffer_append_byte(&file->line, '\n');
    return !file->line.failed &&
           write(file->fd, file->line.data, file->line.size) == (ssize_t)file->line.size;
}

static void file_push(void *self, struct cc_notifier_push *op)
{
    op->ret_result = write_line(self, &op->notification) ? CC_NOTIFIER_SENT : CC_NOTIFIER_LATER;
    op->ret_retry_after_ms = 0;
    cc_op_done(&op->op, 0);
}

/* Nothing is ever under way. */
static void file_cancel(void *self, struct cc_op *op)
{
    (void)self;
    (void)op;
}

static void file_free(void *self)
{
    struct file_notifier *file = self;
    struct cc_allocator allocator = file->allocator;

    close(file->fd);
    buffer_deinit(&file->line);
    mem_free(&allocator, file);
}

int cc_notifier_file_new(const struct cc_allocator *allocator, const char *path,
                         const char *provider, struct cc_notifier *ret_notifier)
{
    static const struct cc_notifier_vtable vtable = {sizeof vtable, file_push, file_cancel,
                                                     file_free};
    size_t size = provider ? strlen(provider) : 0;
    struct file_notifier *file;

    if (!path || !size || size > CC_PROVIDER_MAX)
        return CC_EINVAL;
    file = mem_zalloc(allocator, 1, sizeof *file);
    if (!file)
        return CC_ENOMEM;
    file->allocator = *allocator;
    buffer_init(&file->line, &file->allocator);
    memcpy(file->provider, provider, size);
    file->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file->fd < 0) {
        mem_free(allocator, file);
        return CC_EIO;
    }
    *ret_notifier = (struct cc_notifier){.vtable = &vtable,
                                         .self = file,
                                         .provider = slice_of(file->provider, size),
                                         .cancels = true};
    return 0;
}
