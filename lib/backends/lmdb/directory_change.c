/*
 * Changing the LMDB directory's conversations. One member costs a few rows, whatever the size of
 * the conversation.
 */
#include "backends/directory_check.h"
#include "backends/lmdb/directory.h"
#include "chatcore/error.h"

/* --- members --- */

static int tenure_put(const struct rows *rows, const struct directory_key *key,
                      const struct tenure_row *row)
{
    tenure_row_write(&rows->directory->value, row);
    return rows_put(rows, key);
}

/* Begins a tenure with the change's version. */
static int tenure_begin(const struct rows *rows, const struct cc_conversation *conversation,
                        const struct cc_member *member, uint64_t since)
{
    struct tenure_row row = {0, since, member->role};
    struct directory_key key;

    tenure_key(&key, conversation->id, member->user, conversation->version);
    return tenure_put(rows, &key, &row);
}

/* Ends the tenure that lasts, and notes it where it is found again to be forgotten. */
static int tenure_end(const struct rows *rows, const struct cc_conversation *conversation,
                      struct cc_slice user, uint64_t *ret_since)
{
    struct tenure_row row;
    struct directory_key key;
    uint64_t from;
    int r = rows_tenure(rows, conversation->id, user, &row, &from);

    if (r)
        return r;
    row.to = conversation->version;
    tenure_key(&key, conversation->id, user, from);
    r = tenure_put(rows, &key, &row);
    if (r)
        return r;
    directory_key_begin(&key, TABLE_ENDED);
    directory_key_name(&key, conversation->id);
    directory_key_number(&key, row.to);
    directory_key_name(&key, user);
    directory_key_number(&key, from);
    buffer_clear(&rows->directory->value);
    *ret_since = row.since;
    return rows_put(rows, &key);
}

static int mute_put(const struct rows *rows, struct cc_slice user, struct cc_slice conversation,
                    int64_t until)
{
    struct directory_key key;

    membership_key(&key, user, conversation);
    mute_row_write(&rows->directory->value, until);
    return rows_put(rows, &key);
}

static int member_add(const struct rows *rows, const struct cc_conversation *conversation,
                      const struct cc_member *member)
{
    int r = tenure_begin(rows, conversation, member, conversation->version);

    return r ? r : mute_put(rows, member->user, conversation->id, 0);
}

static int member_remove(const struct rows *rows, const struct cc_conversation *conversation,
                         const struct cc_member *member)
{
    struct directory_key key;
    uint64_t since;
    int r = tenure_end(rows, conversation, member->user, &since);

    membership_key(&key, member->user, conversation->id);
    return r ? r : rows_delete(rows, &key);
}

static int member_role(const struct rows *rows, const struct cc_conversation *conversation,
                       const struct cc_member *member)
{
    uint64_t since;
    int r = tenure_end(rows, conversation, member->user, &since);

    return r ? r : tenure_begin(rows, conversation, member, since);
}

/* --- conversations and outbox --- */

static int conversation_put(const struct rows *rows, struct cc_conversation *conversation)
{
    struct directory_key key;

    if (conversation->member_count > CC_FANOUT_WRITE_MAX)
        conversation->was_large = true;
    directory_key_begin(&key, TABLE_CONVERSATIONS);
    directory_key_name(&key, conversation->id);
    conversation_row_write(&rows->directory->value, conversation);
    return rows_put(rows, &key);
}

/* Lists it among those with a retention, or takes it off. */
static int retained_put(const struct rows *rows, const struct cc_conversation *conversation)
{
    struct directory_key key;
    int r;

    directory_key_begin(&key, TABLE_RETAINED);
    directory_key_name(&key, conversation->id);
    if (conversation->retention_s) {
        buffer_clear(&rows->directory->value);
        return rows_put(rows, &key);
    }
    r = rows_delete(rows, &key);
    return r == MDB_NOTFOUND ? 0 : r;
}

/* The number for a partition's next entry: only the order among those there counts. */
static int outbox_next(const struct rows *rows, uint32_t partition, uint64_t *ret_number)
{
    struct directory_key prefix;
    struct directory_key key;
    struct directory_key_reader reader;
    int r;

    directory_key_begin(&prefix, TABLE_OUTBOX);
    directory_key_number(&prefix, partition);
    r = rows_last(rows, &prefix, &key);
    if (r == MDB_NOTFOUND) {
        *ret_number = 0;
        return 0;
    }
    if (r)
        return r;
    directory_key_read(&reader, TABLE_OUTBOX, key.bytes, key.size);
    directory_key_read_number(&reader);
    *ret_number = directory_key_read_number(&reader) + 1;
    return directory_key_read_end(&reader) ? 0 : CC_ECORRUPT;
}

static int outbox_put(const struct rows *rows, uint32_t partition,
                      const struct cc_conversation *conversation, struct cc_slice payload)
{
    struct outbox_row row = {conversation->version, conversation->id, payload};
    struct version_row place = {partition, 0};
    struct directory_key key;
    int r = outbox_next(rows, partition, &place.number);

    if (r)
        return r;
    directory_key_begin(&key, TABLE_OUTBOX);
    directory_key_number(&key, partition);
    directory_key_number(&key, place.number);
    outbox_row_write(&rows->directory->value, &row);
    r = rows_put(rows, &key);
    if (r)
        return r;
    directory_key_begin(&key, TABLE_VERSIONS);
    directory_key_name(&key, conversation->id);
    directory_key_number(&key, conversation->version);
    version_row_write(&rows->directory->value, &place);
    return rows_put(rows, &key);
}

/* --- creating --- */

static int create_write(const struct rows *rows, const struct cc_directory_create *op)
{
    struct cc_conversation conversation = {
        .id = op->conversation,
        .kind = op->kind,
        .name = op->name,
        .version = 1,
        .member_count = (uint32_t)op->count,
        .created = op->created,
    };
    int r = conversation_put(rows, &conversation);

    for (size_t i = 0; !r && i < op->count; i++)
        r = member_add(rows, &conversation, &op->members[i]);
    return r ? r : outbox_put(rows, op->partition, &conversation, op->payload);
}

int apply_create(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_create *create = (const struct cc_directory_create *)op;
    struct rows rows = rows_of(port, txn);
    struct cc_conversation found;
    int r = directory_check_create(&rows.directory->environment.allocator, create);

    if (r)
        return r;
    r = rows_conversation(&rows, create->conversation, &found);
    if (r != CC_ENOTFOUND)
        return r ? r : CC_EEXISTS;
    return rows_failure(create_write(&rows, create));
}

/* --- changing --- */

/* CC_EINVAL when a user is a member who should not be, or the other way. */
static int change_check_members(const struct rows *rows, const struct cc_directory_change *op)
{
    struct tenure_row row;
    uint64_t from;

    for (size_t i = 0; op->kind != CC_CHANGE_UPDATE && i < op->count; i++) {
        int r = rows_tenure(rows, op->conversation, op->members[i].user, &row, &from);

        if (r && r != MDB_NOTFOUND)
            return r;
        if ((r == 0) == (op->kind == CC_CHANGE_ADD))
            return CC_EINVAL;
    }
    return 0;
}

static int change_check(const struct rows *rows, const struct cc_directory_change *op,
                        struct cc_conversation *ret_conversation)
{
    int r = directory_check_change(&rows->directory->environment.allocator, op);

    if (!r)
        r = rows_conversation(rows, op->conversation, ret_conversation);
    if (!r && ret_conversation->version != op->expected_version)
        r = CC_ECONFLICT;
    if (!r && op->invitation.size)
        r = rows_invitation_check(rows, op);
    return r ? r : change_check_members(rows, op);
}

/* Who is removed for good may not come back by an invitation, until he is added without one. */
static int bar_member(const struct rows *rows, const struct cc_directory_change *op,
                      struct cc_slice user)
{
    struct directory_key key;
    int r;

    barred_key(&key, op->conversation, user);
    if (op->kind == CC_CHANGE_REMOVE) {
        buffer_clear(&rows->directory->value);
        return op->bars ? rows_put(rows, &key) : 0;
    }
    r = op->invitation.size ? 0 : rows_delete(rows, &key);
    return r == MDB_NOTFOUND ? 0 : r;
}

static int change_members(const struct rows *rows, const struct cc_conversation *conversation,
                          const struct cc_directory_change *op)
{
    int r = 0;

    if (op->kind == CC_CHANGE_UPDATE)
        return 0;
    for (size_t i = 0; !r && i < op->count; i++) {
        if (op->kind == CC_CHANGE_ADD)
            r = member_add(rows, conversation, &op->members[i]);
        else if (op->kind == CC_CHANGE_REMOVE)
            r = member_remove(rows, conversation, &op->members[i]);
        else
            r = member_role(rows, conversation, &op->members[i]);
        if (!r && op->kind != CC_CHANGE_ROLE)
            r = bar_member(rows, op, op->members[i].user);
    }
    return r;
}

/* The conversation's row comes first: its name may stand in the page that it was read from, and
 * lives until the first write. */
static int change_write(const struct rows *rows, struct cc_conversation *conversation,
                        const struct cc_directory_change *op)
{
    int r;

    conversation->version++;
    if (op->kind == CC_CHANGE_UPDATE && op->name.data)
        conversation->name = op->name;
    if (op->kind == CC_CHANGE_UPDATE && op->sets_retention)
        conversation->retention_s = op->retention_s;
    if (op->kind == CC_CHANGE_ADD)
        conversation->member_count += (uint32_t)op->count;
    else if (op->kind == CC_CHANGE_REMOVE)
        conversation->member_count -= (uint32_t)op->count;
    r = conversation_put(rows, conversation);
    if (!r && op->kind == CC_CHANGE_UPDATE && op->sets_retention)
        r = retained_put(rows, conversation);
    if (!r)
        r = change_members(rows, conversation, op);
    if (!r && op->invitation.size)
        r = rows_invitation_use(rows, op->invitation);
    return r ? r : outbox_put(rows, op->partition, conversation, op->payload);
}

int apply_change(void *port, MDB_txn *txn, struct cc_op *op)
{
    struct cc_directory_change *change = (struct cc_directory_change *)op;
    struct rows rows = rows_of(port, txn);
    struct cc_conversation conversation;
    int r = change_check(&rows, change, &conversation);

    if (r)
        return r;
    r = rows_failure(change_write(&rows, &conversation, change));
    if (r)
        return r;
    change->ret_version = conversation.version;
    change->ret_member_count = conversation.member_count;
    return 0;
}

/* --- muting --- */

int apply_mute(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_mute *mute = (const struct cc_directory_mute *)op;
    struct rows rows = rows_of(port, txn);
    struct tenure_row row;
    uint64_t from;
    int r = rows_tenure(&rows, mute->conversation, mute->user, &row, &from);

    if (r)
        return r == MDB_NOTFOUND ? CC_ENOTFOUND : r;
    return mute_put(&rows, mute->user, mute->conversation, mute->until);
}

/* --- forgetting --- */

/* Takes out the oldest outbox entry of a conversation, if it is of a version up to `version`. */
static int entry_forget(const struct rows *rows, const struct directory_key *prefix,
                        uint64_t version)
{
    struct directory_key key;
    struct directory_key entry;
    struct directory_key_reader reader;
    struct version_row place;
    struct cc_slice value;
    char buffer[CC_NAME_MAX];
    int r = rows_first(rows, prefix, &key);

    if (r)
        return r;
    directory_key_read(&reader, TABLE_VERSIONS, key.bytes, key.size);
    directory_key_read_name(&reader, buffer);
    if (directory_key_read_number(&reader) > version)
        return MDB_NOTFOUND;
    r = directory_key_read_end(&reader) ? rows_get(rows, &key, &value) : CC_ECORRUPT;
    if (!r)
        r = version_row_read(value, &place);
    if (r)
        return r;
    directory_key_begin(&entry, TABLE_OUTBOX);
    directory_key_number(&entry, place.partition);
    directory_key_number(&entry, place.number);
    r = rows_delete(rows, &entry);
    return r ? rows_missing(r) : rows_delete(rows, &key);
}

/* Takes out the tenure that ended first, if it ended at a version up to `version`. */
static int tenure_forget(const struct rows *rows, const struct directory_key *prefix,
                         uint64_t version)
{
    struct directory_key key;
    struct directory_key tenure;
    struct directory_key_reader reader;
    char conversation_buffer[CC_NAME_MAX];
    char user_buffer[CC_NAME_MAX];
    struct cc_slice conversation;
    struct cc_slice user;
    int r = rows_first(rows, prefix, &key);

    if (r)
        return r;
    directory_key_read(&reader, TABLE_ENDED, key.bytes, key.size);
    conversation = directory_key_read_name(&reader, conversation_buffer);
    if (directory_key_read_number(&reader) > version)
        return MDB_NOTFOUND;
    user = directory_key_read_name(&reader, user_buffer);
    tenure_key(&tenure, conversation, user, directory_key_read_number(&reader));
    if (!directory_key_read_end(&reader))
        return CC_ECORRUPT;
    r = rows_delete(rows, &tenure);
    return r ? rows_missing(r) : rows_delete(rows, &key);
}

/* Calls one of the two until it finds nothing more. */
static int forget_all(const struct rows *rows, enum directory_table table,
                      const struct cc_directory_outbox_done *op,
                      int (*forget)(const struct rows *rows, const struct directory_key *prefix,
                                    uint64_t version))
{
    struct directory_key prefix;
    int r;

    directory_key_begin(&prefix, (uint8_t)table);
    directory_key_name(&prefix, op->conversation);
    do
        r = forget(rows, &prefix, op->version);
    while (!r);
    return r == MDB_NOTFOUND ? 0 : r;
}

int apply_outbox_done(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_outbox_done *done = (const struct cc_directory_outbox_done *)op;
    struct rows rows = rows_of(port, txn);
    int r;

    if (done->conversation.size > CC_NAME_MAX)
        return CC_EINVAL;
    r = forget_all(&rows, TABLE_VERSIONS, done, entry_forget);
    if (!r)
        r = forget_all(&rows, TABLE_ENDED, done, tenure_forget);
    return rows_failure(r);
}
