/*
 * The LMDB directory: opening and freeing it, and the port.
 */
#include "backends/lmdb/directory.h"

#include "chatcore/error.h"

static void submit(void *self, struct cc_op *op, const struct writer_kind *kind)
{
    struct lmdb_directory *directory = self;

    op->release = NULL;
    writer_submit(&directory->writer, op, kind);
}

static void port_profile_put(void *self, struct cc_directory_profile *op)
{
    static const struct writer_kind kind = {apply_profile, false};

    submit(self, &op->op, &kind);
}

static void port_relate(void *self, struct cc_directory_relate *op)
{
    static const struct writer_kind kind = {apply_relate, false};

    submit(self, &op->op, &kind);
}

static void port_device_put(void *self, struct cc_directory_device *op)
{
    static const struct writer_kind kind = {apply_device, false};

    submit(self, &op->op, &kind);
}

static void port_revoke(void *self, struct cc_directory_revoke *op)
{
    static const struct writer_kind kind = {apply_revoke, false};

    submit(self, &op->op, &kind);
}

static void port_mute(void *self, struct cc_directory_mute *op)
{
    static const struct writer_kind kind = {apply_mute, false};

    submit(self, &op->op, &kind);
}

static void port_create(void *self, struct cc_directory_create *op)
{
    static const struct writer_kind kind = {apply_create, false};

    submit(self, &op->op, &kind);
}

static void port_change(void *self, struct cc_directory_change *op)
{
    static const struct writer_kind kind = {apply_change, false};

    submit(self, &op->op, &kind);
}

static void port_invite(void *self, struct cc_directory_invite *op)
{
    static const struct writer_kind kind = {apply_invite, false};

    submit(self, &op->op, &kind);
}

static void port_uninvite(void *self, struct cc_directory_uninvite *op)
{
    static const struct writer_kind kind = {apply_uninvite, false};

    submit(self, &op->op, &kind);
}

static void port_outbox_done(void *self, struct cc_directory_outbox_done *op)
{
    static const struct writer_kind kind = {apply_outbox_done, true};

    submit(self, &op->op, &kind);
}

static void port_free(void *self)
{
    struct lmdb_directory *directory = self;
    struct cc_allocator allocator = directory->environment.allocator;

    writer_stop(&directory->writer);
    environment_close(&directory->environment);
    buffer_deinit(&directory->value);
    mem_free(&allocator, directory);
}

static int start(struct lmdb_directory *directory)
{
    static const struct writer_hooks hooks = {NULL, NULL, NULL};
    int r;

    buffer_init(&directory->value, &directory->environment.allocator);
    r = environment_table(&directory->environment, "directory", 0, &directory->table);
    return r ? r : writer_start(&directory->writer, &directory->environment, directory, &hooks);
}

int cc_lmdb_directory_open(const struct cc_allocator *allocator,
                           const struct cc_lmdb_options *options,
                           struct cc_directory *ret_directory)
{
    static const struct environment_spec spec = {
        .name = "directory", .version = DIRECTORY_FORMAT, .tables = 1, .oldest = 1};
    static const struct cc_directory_vtable vtable = {
        .size = sizeof vtable,
        .profile_get = lmdb_directory_profile_get,
        .profile_put = port_profile_put,
        .privacy = lmdb_directory_privacy,
        .relate = port_relate,
        .relation = lmdb_directory_relation,
        .related = lmdb_directory_related,
        .device_put = port_device_put,
        .devices = lmdb_directory_devices,
        .revoke = port_revoke,
        .revoked = lmdb_directory_revoked,
        .revocations = lmdb_directory_revocations,
        .conversation = lmdb_directory_conversation,
        .member = lmdb_directory_member,
        .members = lmdb_directory_members,
        .memberships = lmdb_directory_memberships,
        .retained = lmdb_directory_retained,
        .mute = port_mute,
        .create = port_create,
        .change = port_change,
        .invite = port_invite,
        .uninvite = port_uninvite,
        .invitation = lmdb_directory_invitation,
        .invitations = lmdb_directory_invitations,
        .outbox = lmdb_directory_outbox,
        .outbox_done = port_outbox_done,
        .free = port_free,
    };
    struct lmdb_directory *directory;
    int r;

    if (!allocator)
        allocator = cc_allocator_default();
    directory = mem_zalloc(allocator, 1, sizeof *directory);
    if (!directory)
        return CC_ENOMEM;
    r = environment_open(&directory->environment, allocator, options, &spec);
    if (r) {
        mem_free(allocator, directory);
        return r;
    }
    r = start(directory);
    if (r) {
        port_free(directory);
        return r;
    }
    ret_directory->vtable = &vtable;
    ret_directory->self = directory;
    return 0;
}
