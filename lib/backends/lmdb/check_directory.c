/*
 * Checking the directory: its tables say some things twice, in two orders, and must agree.
 */
#include "backends/lmdb/check.h"

#include <inttypes.h>

/* True for a row that is there; an answer other than 0 is a raw code. */
static int row_is_there(const struct check *check, const struct directory_key *key, bool *ret_there)
{
    struct cc_slice value;
    int r = rows_get(&check->directory, key, &value);

    *ret_there = !r;
    return r == MDB_NOTFOUND ? 0 : r;
}

/* --- conversations and members --- */

static int members_count(const struct check *check, struct cc_slice conversation,
                         uint32_t *ret_count)
{
    struct directory_key prefix;
    struct tenure_row row;
    struct scan scan;
    uint32_t count = 0;
    int r;

    directory_key_begin(&prefix, TABLE_MEMBERS);
    directory_key_name(&prefix, conversation);
    for (r = scan_open(&scan, &check->directory, &prefix, NULL); !r; r = scan_next(&scan))
        count += !tenure_row_read(scan_value(&scan), &row) && !row.to;
    scan_close(&scan);
    *ret_count = count;
    return r == MDB_NOTFOUND ? 0 : r;
}

/* Those with a retention of their own are listed, and no others. */
static int retained_check(struct check *check, const struct cc_conversation *conversation)
{
    struct directory_key key;
    bool is_listed;
    int r;

    directory_key_begin(&key, TABLE_RETAINED);
    directory_key_name(&key, conversation->id);
    r = row_is_there(check, &key, &is_listed);
    if (!r && is_listed != (conversation->retention_s != 0))
        check_found(check, "directory", "conversation %.*s is %s among those with a retention",
                    CHECK_NAME(conversation->id), is_listed ? "listed" : "not listed");
    return r;
}

static int conversation_check(void *context, const struct cc_conversation *conversation)
{
    struct check *check = context;
    uint32_t count;
    int r = members_count(check, conversation->id, &count);

    check->findings.groups++;
    if (!r)
        r = retained_check(check, conversation);
    if (!r && count != conversation->member_count)
        check_found(check, "directory",
                    "conversation %.*s counts %" PRIu32 " members, and has %" PRIu32,
                    CHECK_NAME(conversation->id), conversation->member_count, count);
    return r;
}

static int member_check(void *context, struct cc_slice conversation, const struct cc_member *member)
{
    struct check *check = context;
    struct directory_key key;
    bool is_listed, is_conversation;
    int r;

    check->findings.members++;
    membership_key(&key, member->user, conversation);
    r = row_is_there(check, &key, &is_listed);
    if (r)
        return r;
    directory_key_begin(&key, TABLE_CONVERSATIONS);
    directory_key_name(&key, conversation);
    r = row_is_there(check, &key, &is_conversation);
    if (!r && !is_listed)
        check_found(check, "directory", "member %.*s of %.*s does not list the conversation",
                    CHECK_NAME(member->user), CHECK_NAME(conversation));
    if (!r && !is_conversation)
        check_found(check, "directory", "%.*s is a member of %.*s, which is not there",
                    CHECK_NAME(member->user), CHECK_NAME(conversation));
    return r;
}

static int membership_check(void *context, struct cc_slice user, struct cc_slice conversation,
                            int64_t muted_until)
{
    struct check *check = context;
    struct tenure_row row;
    uint64_t from;
    int r = rows_tenure(&check->directory, conversation, user, &row, &from);

    (void)muted_until;
    if (r == MDB_NOTFOUND)
        check_found(check, "directory", "%.*s lists the conversation %.*s and is no member",
                    CHECK_NAME(user), CHECK_NAME(conversation));
    return r == MDB_NOTFOUND || r == CC_ECORRUPT ? 0 : r;
}

/* --- relations --- */

static int relation_check(void *context, struct cc_slice user, struct cc_slice other,
                          unsigned relation)
{
    struct check *check = context;
    struct directory_key key;
    struct cc_slice value;
    unsigned reverse = 0;
    int r;

    directory_key_begin(&key, TABLE_RELATED_BY);
    directory_key_name(&key, other);
    directory_key_name(&key, user);
    r = rows_get(&check->directory, &key, &value);
    if (r && r != MDB_NOTFOUND)
        return r;
    if (r || relation_row_read(value, &reverse) || reverse != relation)
        check_found(check, "directory", "the relation of %.*s to %.*s differs from its reverse",
                    CHECK_NAME(user), CHECK_NAME(other));
    return 0;
}

/* --- invitations --- */

static int invitation_check(void *context, const struct cc_invitation *invitation)
{
    struct check *check = context;
    struct directory_key conversation;
    struct invitation_keys keys;
    bool is_conversation, is_listed, is_known;
    int r;

    invitation_keys(&keys, invitation);
    directory_key_begin(&conversation, TABLE_CONVERSATIONS);
    directory_key_name(&conversation, invitation->conversation);
    r = row_is_there(check, &conversation, &is_conversation);
    if (!r)
        r = row_is_there(check, &keys.of_conversation, &is_listed);
    if (!r)
        r = row_is_there(check, &keys.of_creator, &is_known);
    if (!r && !is_conversation)
        check_found(check, "directory", "an invitation leads to %.*s, which is not there",
                    CHECK_NAME(invitation->conversation));
    if (!r && !(is_listed && is_known))
        check_found(check, "directory", "an invitation of %.*s to %.*s is not listed",
                    CHECK_NAME(invitation->creator), CHECK_NAME(invitation->conversation));
    return r;
}

static int barred_check(void *context, struct cc_slice conversation, struct cc_slice user)
{
    struct check *check = context;
    struct directory_key key;
    bool is_there;
    int r;

    directory_key_begin(&key, TABLE_CONVERSATIONS);
    directory_key_name(&key, conversation);
    r = row_is_there(check, &key, &is_there);
    if (!r && !is_there)
        check_found(check, "directory", "%.*s is barred from %.*s, which is not there",
                    CHECK_NAME(user), CHECK_NAME(conversation));
    return r;
}

/* --- the outbox --- */

static int outbox_check(void *context, uint32_t partition, const struct cc_outbox_entry *entry)
{
    struct check *check = context;
    struct directory_key key;
    bool is_there;
    int r;

    directory_key_begin(&key, TABLE_VERSIONS);
    directory_key_name(&key, entry->conversation);
    directory_key_number(&key, entry->version);
    r = row_is_there(check, &key, &is_there);
    if (!r && (!is_there || partition >= check->moment.partitions))
        check_found(check, "directory", "the change %" PRIu64 " of %.*s can't be found again",
                    entry->version, CHECK_NAME(entry->conversation));
    return r;
}

void check_directory_visit(struct cc_lmdb_visitor *visitor)
{
    visitor->conversation = conversation_check;
    visitor->member = member_check;
    visitor->membership = membership_check;
    visitor->relation = relation_check;
    visitor->outbox = outbox_check;
    visitor->invitation = invitation_check;
    visitor->barred = barred_check;
}

/* --- tables as a whole --- */

static int table_count(const struct check *check, enum directory_table table, uint64_t *ret_count)
{
    struct directory_key prefix;
    struct scan scan;
    int r;

    *ret_count = 0;
    directory_key_begin(&prefix, (uint8_t)table);
    for (r = scan_open(&scan, &check->directory, &prefix, NULL); !r; r = scan_next(&scan))
        ++*ret_count;
    scan_close(&scan);
    return r == MDB_NOTFOUND ? 0 : r;
}

/* Each entry of the first table leads to one of the second: so equal numbers say that the second
 * has no others. */
static int pair_check(struct check *check, enum directory_table table, enum directory_table index,
                      const char *what)
{
    uint64_t entries, indexed;
    int r = table_count(check, table, &entries);

    if (!r)
        r = table_count(check, index, &indexed);
    if (!r && entries != indexed)
        check_found(check, "directory", "%s: %" PRIu64 " entries, %" PRIu64 " in the index", what,
                    entries, indexed);
    return r;
}

int check_directory_end(struct check *check)
{
    int r = pair_check(check, TABLE_RELATIONS, TABLE_RELATED_BY, "relations");

    if (!r)
        r = pair_check(check, TABLE_OUTBOX, TABLE_VERSIONS, "outbox");
    if (!r)
        r = pair_check(check, TABLE_INVITATIONS, TABLE_INVITED, "invitations");
    if (!r)
        r = pair_check(check, TABLE_INVITATIONS, TABLE_INVITERS, "invitations by creator");
    return r ? r : pair_check(check, TABLE_REVOKED, TABLE_REVOCATIONS, "revocations");
}
