/*
 * The walk through the directory: one database, whose entries' first byte says what they are.
 */
#include "backends/lmdb/directory_rows.h"
#include "backends/lmdb/walk.h"
#include "chatcore/error.h"

/* An entry, its key not yet read. */
struct entry {
    const struct cc_lmdb_visitor *visitor;
    struct directory_key_reader key;
    struct cc_slice value;
};

static int user_walk(struct entry *entry)
{
    char user[CC_NAME_MAX];
    struct cc_lmdb_profile profile;
    struct profile_row row;

    profile.user = directory_key_read_name(&entry->key, user);
    if (!directory_key_read_end(&entry->key) || profile_row_read(entry->value, &row))
        return MDB_CORRUPTED;
    profile.name = row.values[0];
    profile.avatar = row.values[1];
    profile.meta = row.values[2];
    return entry->visitor->profile ? entry->visitor->profile(entry->visitor->context, &profile) : 0;
}

static int relation_walk(struct entry *entry)
{
    char names[2][CC_NAME_MAX];
    struct cc_slice user = directory_key_read_name(&entry->key, names[0]);
    struct cc_slice other = directory_key_read_name(&entry->key, names[1]);
    unsigned bits;

    if (!directory_key_read_end(&entry->key) || relation_row_read(entry->value, &bits))
        return MDB_CORRUPTED;
    return entry->visitor->relation
               ? entry->visitor->relation(entry->visitor->context, user, other, bits)
               : 0;
}

static int device_walk(struct entry *entry)
{
    char names[2][CC_NAME_MAX];
    struct cc_slice user = directory_key_read_name(&entry->key, names[0]);
    struct cc_device device;
    struct device_row row;

    device.device = directory_key_read_name(&entry->key, names[1]);
    if (!directory_key_read_end(&entry->key) || device_row_read(entry->value, &row))
        return MDB_CORRUPTED;
    device.provider = row.provider;
    device.token = row.token;
    return entry->visitor->device ? entry->visitor->device(entry->visitor->context, user, &device)
                                  : 0;
}

static int conversation_walk(struct entry *entry)
{
    char name[CC_NAME_MAX];
    struct cc_slice id = directory_key_read_name(&entry->key, name);
    struct cc_conversation row;

    if (!directory_key_read_end(&entry->key) || conversation_row_read(entry->value, &row))
        return MDB_CORRUPTED;
    row.id = id;
    return entry->visitor->conversation
               ? entry->visitor->conversation(entry->visitor->context, &row)
               : 0;
}

static int member_walk(struct entry *entry)
{
    char names[2][CC_NAME_MAX];
    struct cc_slice conversation = directory_key_read_name(&entry->key, names[0]);
    struct cc_member member;
    struct tenure_row row;

    member.user = directory_key_read_name(&entry->key, names[1]);
    directory_key_read_number(&entry->key);
    if (!directory_key_read_end(&entry->key) || tenure_row_read(entry->value, &row))
        return MDB_CORRUPTED;
    member.role = row.role;
    member.since_version = row.since;
    return entry->visitor->member && !row.to
               ? entry->visitor->member(entry->visitor->context, conversation, &member)
               : 0;
}

static int membership_walk(struct entry *entry)
{
    char names[2][CC_NAME_MAX];
    struct cc_slice user = directory_key_read_name(&entry->key, names[0]);
    struct cc_slice conversation = directory_key_read_name(&entry->key, names[1]);
    int64_t muted_until;

    if (!directory_key_read_end(&entry->key) || mute_row_read(entry->value, &muted_until))
        return MDB_CORRUPTED;
    return entry->visitor->membership ? entry->visitor->membership(entry->visitor->context, user,
                                                                   conversation, muted_until)
                                      : 0;
}

static int outbox_walk(struct entry *entry)
{
    uint32_t partition = (uint32_t)directory_key_read_number(&entry->key);
    struct cc_outbox_entry change;
    struct outbox_row row;

    directory_key_read_number(&entry->key);
    if (!directory_key_read_end(&entry->key) || outbox_row_read(entry->value, &row))
        return MDB_CORRUPTED;
    change.conversation = row.conversation;
    change.version = row.version;
    change.payload = row.payload;
    return entry->visitor->outbox
               ? entry->visitor->outbox(entry->visitor->context, partition, &change)
               : 0;
}

static int revoked_walk(struct entry *entry)
{
    char name[CC_NAME_MAX];
    struct cc_revocation revocation = {0};
    struct revoked_row row;

    revocation.kind = (enum cc_revoked)directory_key_read_number(&entry->key);
    revocation.name = directory_key_read_name(&entry->key, name);
    if (!directory_key_read_end(&entry->key) || revoked_row_read(entry->value, &row))
        return MDB_CORRUPTED;
    revocation.number = row.number;
    revocation.before = row.before;
    return entry->visitor->revocation
               ? entry->visitor->revocation(entry->visitor->context, &revocation)
               : 0;
}

static int invitation_walk(struct entry *entry)
{
    char name[CC_NAME_MAX];
    struct cc_slice token = directory_key_read_name(&entry->key, name);
    struct cc_invitation row;

    if (!directory_key_read_end(&entry->key) || invitation_row_read(entry->value, &row))
        return MDB_CORRUPTED;
    row.token = token;
    return entry->visitor->invitation ? entry->visitor->invitation(entry->visitor->context, &row)
                                      : 0;
}

static int barred_walk(struct entry *entry)
{
    char names[2][CC_NAME_MAX];
    struct cc_slice conversation = directory_key_read_name(&entry->key, names[0]);
    struct cc_slice user = directory_key_read_name(&entry->key, names[1]);

    if (!directory_key_read_end(&entry->key))
        return MDB_CORRUPTED;
    return entry->visitor->barred
               ? entry->visitor->barred(entry->visitor->context, conversation, user)
               : 0;
}

/* Tables that say what others say, in another order: nobody visits them. */
static int index_walk(struct entry *entry)
{
    (void)entry;
    return 0;
}

static const struct {
    enum directory_table table;
    int (*walk)(struct entry *entry);
} tables[] = {
    {TABLE_USERS, user_walk},
    {TABLE_RELATIONS, relation_walk},
    {TABLE_RELATED_BY, index_walk},
    {TABLE_DEVICES, device_walk},
    {TABLE_CONVERSATIONS, conversation_walk},
    {TABLE_MEMBERS, member_walk},
    {TABLE_ENDED, index_walk},
    {TABLE_MEMBERSHIPS, membership_walk},
    {TABLE_OUTBOX, outbox_walk},
    {TABLE_VERSIONS, index_walk},
    {TABLE_RETAINED, index_walk},
    {TABLE_REVOKED, revoked_walk},
    {TABLE_REVOCATIONS, index_walk},
    {TABLE_INVITATIONS, invitation_walk},
    {TABLE_INVITED, index_walk},
    {TABLE_INVITERS, index_walk},
    {TABLE_BARRED, barred_walk},
};

int walk_directory_entry(struct walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct entry entry = {.visitor = walk->visitor,
                          .value = slice_of(value->mv_data, value->mv_size)};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        directory_key_read(&entry.key, (uint8_t)tables[i].table, key->mv_data, key->mv_size);
        if (!entry.key.failed)
            return tables[i].walk(&entry);
    }
    return MDB_CORRUPTED;
}

bool walk_wants_directory(const struct cc_lmdb_visitor *visitor)
{
    return visitor->profile || visitor->relation || visitor->device || visitor->conversation ||
           visitor->member || visitor->membership || visitor->outbox || visitor->revocation ||
           visitor->invitation || visitor->barred;
}
