/*
 * Dead tokens: what a provider says is of no device any more is removed from the directory.
 */
#include "engine/notify_state.h"

/* The device is read before it is removed: it may have a new token since. */
struct removal {
    struct notify *notify;
    struct cc_slice user;
    struct cc_slice device;
    struct cc_slice token;
    union {
        struct cc_directory_devices devices;
        struct cc_directory_device put;
    } op;
    char bytes[];
};

static void removal_end(struct removal *removal)
{
    mem_free(&removal->notify->engine->allocator, removal);
}

static void removed(struct cc_op *op)
{
    struct removal *removal = container_of(op, struct removal, op.put.op);

    notify_op_done(removal->notify, op);
    cc_op_release(op);
    removal_end(removal);
}

static bool is_registered(const struct removal *removal)
{
    const struct cc_directory_devices *op = &removal->op.devices;

    for (size_t i = 0; i < op->ret_count; i++)
        if (slice_equal(op->ret_devices[i].device, removal->device) &&
            slice_equal(op->ret_devices[i].token, removal->token))
            return true;
    return false;
}

static void remove_device(struct removal *removal)
{
    struct cc_engine *engine = removal->notify->engine;

    memset(&removal->op, 0, sizeof removal->op);
    removal->op.put.user = removal->user;
    removal->op.put.device.device = removal->device;
    notify_op_begin(removal->notify, &removal->op.put.op, removed);
    engine->directory.vtable->device_put(engine->directory.self, &removal->op.put);
}

static void removal_read(struct cc_op *op)
{
    struct removal *removal = container_of(op, struct removal, op.devices.op);
    bool is_wanted;

    notify_op_done(removal->notify, op);
    is_wanted = !op->status && is_registered(removal);
    cc_op_release(op);
    if (is_wanted)
        remove_device(removal);
    else
        removal_end(removal);
}

/* Without memory, the next push to the token finds it gone again. */
void token_remove(struct notify *notify, const struct cc_notification *gone)
{
    size_t size = gone->user.size + gone->device.size + gone->token.size;
    struct removal *removal = mem_zalloc(&notify->engine->allocator, 1, sizeof *removal + size);
    char *at;

    if (!removal)
        return;
    at = removal->bytes;
    removal->notify = notify;
    removal->user = slice_of(memcpy(at, gone->user.data, gone->user.size), gone->user.size);
    at += gone->user.size;
    removal->device = slice_of(memcpy(at, gone->device.data, gone->device.size), gone->device.size);
    at += gone->device.size;
    removal->token = slice_of(memcpy(at, gone->token.data, gone->token.size), gone->token.size);
    removal->op.devices.user = removal->user;
    notify_op_begin(notify, &removal->op.devices.op, removal_read);
    notify->engine->directory.vtable->devices(notify->engine->directory.self, &removal->op.devices);
}
