/*
 * The LMDB directory's users: profiles, relations, devices.
 */
#include "backends/directory_check.h"
#include "backends/lmdb/directory.h"
#include "chatcore/error.h"

#include <errno.h>

/* --- profiles --- */

static int profile_find(const struct rows *rows, struct cc_slice user, struct directory_key *key,
                        struct profile_row *ret_row)
{
    struct cc_slice value;
    int r;

    directory_key_begin(key, TABLE_USERS);
    directory_key_name(key, user);
    r = rows_get(rows, key, &value);
    return r ? r : profile_row_read(value, ret_row);
}

static int profile_read(const struct reading *reading, struct cc_directory_profile *op)
{
    struct directory_key key;
    struct profile_row row;
    int r = profile_find(&reading->rows, op->user, &key, &row);

    for (size_t i = 0; !r && i < 3; i++)
        r = answer_copy(reading->answer, row.values[i], &row.values[i]);
    if (r)
        return r == MDB_NOTFOUND ? CC_ENOTFOUND : r;
    op->ret_name = row.values[0];
    op->ret_avatar = row.values[1];
    op->ret_meta = row.values[2];
    op->ret_privacy = row.privacy;
    return 0;
}

void lmdb_directory_profile_get(void *self, struct cc_directory_profile *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = profile_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

static int privacy_read(const struct reading *reading, struct cc_directory_privacy *op)
{
    struct cc_privacy *found = answer_array(reading->answer, op->count, sizeof *found);
    struct directory_key key;
    struct profile_row row;
    int r = found ? 0 : CC_ENOMEM;

    for (size_t i = 0; !r && i < op->count; i++) {
        r = profile_find(&reading->rows, op->users[i], &key, &row);
        if (!r)
            found[i] = row.privacy;
        else if (r == MDB_NOTFOUND)
            r = 0; /* nothing is set */
    }
    op->ret_privacy = found;
    return r;
}

void lmdb_directory_privacy(void *self, struct cc_directory_privacy *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = privacy_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

int apply_profile(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_profile *put = (const struct cc_directory_profile *)op;
    const struct cc_slice given[3] = {put->name, put->avatar, put->meta};
    struct rows rows = rows_of(port, txn);
    struct directory_key key;
    struct profile_row row = {0};
    int r = directory_check_privacy(&put->privacy) ? 0 : CC_EINVAL;

    if (!r)
        r = profile_find(&rows, put->user, &key, &row);

    if (r && r != MDB_NOTFOUND)
        return r;
    for (size_t i = 0; i < 3; i++)
        if (given[i].data)
            row.values[i] = given[i];
    directory_set_privacy(put, &row.privacy);
    profile_row_write(&rows.directory->value, &row);
    return rows_put(&rows, &key);
}

/* --- relations --- */

static int relation_find(const struct rows *rows, struct cc_slice user, struct cc_slice other,
                         unsigned *ret_bits)
{
    struct directory_key key;
    struct cc_slice value;
    int r;

    directory_key_begin(&key, TABLE_RELATIONS);
    directory_key_name(&key, user);
    directory_key_name(&key, other);
    r = rows_get(rows, &key, &value);
    if (r == MDB_NOTFOUND) {
        *ret_bits = 0;
        return 0;
    }
    return r ? r : relation_row_read(value, ret_bits);
}

void lmdb_directory_relation(void *self, struct cc_directory_relation *op)
{
    struct reading reading;
    unsigned to;
    unsigned from;
    int r = reading_begin(&reading, self);

    if (!r)
        r = relation_find(&reading.rows, op->user, op->other, &to);
    if (!r)
        r = relation_find(&reading.rows, op->other, op->user, &from);
    if (!r) {
        op->ret_user_to_other = to;
        op->ret_other_to_user = from;
    }
    reading_end(&reading, &op->op, r);
}

/* Writes or deletes one of the two rows of a relation. */
static int relation_put(const struct rows *rows, enum directory_table table,
                        const struct cc_slice names[2], unsigned bits)
{
    struct directory_key key;

    directory_key_begin(&key, (uint8_t)table);
    directory_key_name(&key, names[0]);
    directory_key_name(&key, names[1]);
    if (!bits)
        return rows_delete(rows, &key);
    relation_row_write(&rows->directory->value, bits);
    return rows_put(rows, &key);
}

int apply_relate(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_relate *relate = (const struct cc_directory_relate *)op;
    const struct cc_slice forward[2] = {relate->user, relate->other};
    const struct cc_slice reverse[2] = {relate->other, relate->user};
    struct rows rows = rows_of(port, txn);
    unsigned before;
    unsigned after;
    int r;

    if (!directory_check_relation(relate->relation))
        return CC_EINVAL;
    r = relation_find(&rows, relate->user, relate->other, &before);
    if (r)
        return r;
    after = relate->on ? before | (unsigned)relate->relation : before & ~(unsigned)relate->relation;
    if (after == before)
        return 0;
    r = relation_put(&rows, TABLE_RELATIONS, forward, after);
    if (!r)
        r = relation_put(&rows, TABLE_RELATED_BY, reverse, after);
    return rows_failure(r);
}

/* Adds the row that the scan stands on, if it counts; MDB_NOTFOUND when the page is full. */
static int related_add(const struct reading *reading, const struct scan *scan,
                       const struct cc_directory_related *op, struct answer_list *list,
                       bool *ret_more)
{
    struct directory_key_reader reader = scan_key(scan);
    char buffer[CC_NAME_MAX];
    struct cc_slice name = directory_key_read_name(&reader, buffer);
    struct cc_slice *user;
    unsigned bits;
    int r =
        directory_key_read_end(&reader) ? relation_row_read(scan_value(scan), &bits) : CC_ECORRUPT;

    if (r || !(bits & (unsigned)op->relation))
        return r;
    if (list->count == op->limit) {
        *ret_more = true;
        return MDB_NOTFOUND;
    }
    user = answer_list_add(reading->answer, list, sizeof *user);
    return user ? answer_copy(reading->answer, name, user) : CC_ENOMEM;
}

static int related_read(const struct reading *reading, struct cc_directory_related *op)
{
    struct answer_list list = {0};
    struct directory_key prefix;
    struct directory_key from;
    struct scan scan;
    bool more = false;
    int r;

    directory_key_begin(&prefix, op->reverse ? TABLE_RELATED_BY : TABLE_RELATIONS);
    directory_key_name(&prefix, op->user);
    directory_key_after(&prefix, op->after, &from);
    r = scan_open(&scan, &reading->rows, &prefix, &from);
    while (!r) {
        r = related_add(reading, &scan, op, &list, &more);
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    if (r != MDB_NOTFOUND)
        return r;
    op->ret_users = list.items;
    op->ret_count = list.count;
    op->ret_more = more;
    return 0;
}

void lmdb_directory_related(void *self, struct cc_directory_related *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = related_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

/* --- devices --- */

int apply_device(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_device *put = (const struct cc_directory_device *)op;
    struct device_row row = {put->device.provider, put->device.token};
    struct rows rows = rows_of(port, txn);
    struct directory_key key;
    int r;

    directory_key_begin(&key, TABLE_DEVICES);
    directory_key_name(&key, put->user);
    directory_key_name(&key, put->device.device);
    if (!row.token.size) {
        r = rows_delete(&rows, &key);
        return r == MDB_NOTFOUND ? 0 : r;
    }
    device_row_write(&rows.directory->value, &row);
    return rows_put(&rows, &key);
}

static int device_copy(const struct reading *reading, const struct scan *scan,
                       struct cc_device *ret_device)
{
    struct directory_key_reader reader = scan_key(scan);
    char buffer[CC_NAME_MAX];
    struct cc_slice name = directory_key_read_name(&reader, buffer);
    struct device_row row;
    int r = directory_key_read_end(&reader) ? device_row_read(scan_value(scan), &row) : CC_ECORRUPT;

    if (!r)
        r = answer_copy(reading->answer, name, &ret_device->device);
    if (!r)
        r = answer_copy(reading->answer, row.provider, &ret_device->provider);
    if (!r)
        r = answer_copy(reading->answer, row.token, &ret_device->token);
    return r;
}

static int devices_read(const struct reading *reading, struct cc_directory_devices *op)
{
    struct answer_list list = {0};
    struct cc_device *device;
    struct directory_key prefix;
    struct scan scan;
    int r;

    directory_key_begin(&prefix, TABLE_DEVICES);
    directory_key_name(&prefix, op->user);
    r = scan_open(&scan, &reading->rows, &prefix, NULL);
    while (!r) {
        device = answer_list_add(reading->answer, &list, sizeof *device);
        r = device ? device_copy(reading, &scan, device) : CC_ENOMEM;
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    if (r != MDB_NOTFOUND)
        return r;
    op->ret_devices = list.items;
    op->ret_count = list.count;
    return 0;
}

void lmdb_directory_devices(void *self, struct cc_directory_devices *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = devices_read(&reading, op);
    reading_end(&reading, &op->op, r);
}
