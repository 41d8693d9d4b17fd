/*
 * Reading the LMDB directory's conversations.
 */
#include "backends/lmdb/directory.h"
#include "chatcore/error.h"

#include <errno.h>

/* --- single rows --- */

int rows_conversation(const struct rows *rows, struct cc_slice id,
                      struct cc_conversation *ret_conversation)
{
    struct directory_key key;
    struct cc_slice value;
    int r;

    directory_key_begin(&key, TABLE_CONVERSATIONS);
    directory_key_name(&key, id);
    r = rows_get(rows, &key, &value);
    if (r)
        return r == MDB_NOTFOUND ? CC_ENOTFOUND : r;
    r = conversation_row_read(value, ret_conversation);
    if (!r)
        ret_conversation->id = id;
    return r;
}

void tenure_key(struct directory_key *key, struct cc_slice conversation, struct cc_slice user,
                uint64_t from)
{
    directory_key_begin(key, TABLE_MEMBERS);
    directory_key_name(key, conversation);
    directory_key_name(key, user);
    directory_key_number(key, ~from);
}

void membership_key(struct directory_key *key, struct cc_slice user, struct cc_slice conversation)
{
    directory_key_begin(key, TABLE_MEMBERSHIPS);
    directory_key_name(key, user);
    directory_key_name(key, conversation);
}

int rows_tenure(const struct rows *rows, struct cc_slice conversation, struct cc_slice user,
                struct tenure_row *ret_row, uint64_t *ret_from)
{
    struct directory_key prefix;
    struct directory_key_reader reader;
    struct tenure_row row;
    struct scan scan;
    int r;

    directory_key_begin(&prefix, TABLE_MEMBERS);
    directory_key_name(&prefix, conversation);
    directory_key_name(&prefix, user);
    r = scan_open(&scan, rows, &prefix, NULL);
    if (!r)
        r = tenure_row_read(scan_value(&scan), &row);
    if (!r && row.to)
        r = MDB_NOTFOUND;
    if (!r) {
        reader = scan_key(&scan);
        *ret_from = ~directory_key_read_number(&reader);
        *ret_row = row;
        r = directory_key_read_end(&reader) ? 0 : CC_ECORRUPT;
    }
    scan_close(&scan);
    return r;
}

/* --- copies for answers --- */

int reading_conversation(const struct reading *reading, struct cc_slice id,
                         struct cc_conversation *ret_conversation)
{
    struct cc_conversation found;
    int r = rows_conversation(&reading->rows, id, &found);

    if (!r)
        r = answer_copy(reading->answer, found.id, &found.id);
    if (!r)
        r = answer_copy(reading->answer, found.name, &found.name);
    if (!r)
        *ret_conversation = found;
    return r;
}

static int member_copy(const struct reading *reading, struct cc_slice user,
                       const struct tenure_row *row, struct cc_member *ret_member)
{
    ret_member->role = row->role;
    ret_member->since_version = row->since;
    return answer_copy(reading->answer, user, &ret_member->user);
}

/* --- slots --- */

void lmdb_directory_conversation(void *self, struct cc_directory_conversation *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = reading_conversation(&reading, op->conversation, &op->ret_conversation);
    reading_end(&reading, &op->op, r);
}

/* A tenure that lasts has a membership: one transaction writes both. */
static int mute_read(const struct reading *reading, struct cc_slice user,
                     struct cc_slice conversation, int64_t *ret_until)
{
    struct directory_key key;
    struct cc_slice value;
    int r;

    membership_key(&key, user, conversation);
    r = rows_get(&reading->rows, &key, &value);
    if (!r)
        r = mute_row_read(value, ret_until);
    return r == MDB_NOTFOUND ? CC_ECORRUPT : r;
}

static int member_read(const struct reading *reading, struct cc_directory_member *op)
{
    struct cc_conversation conversation;
    struct cc_member member = {{0}, CC_ROLE_MEMBER, 0};
    struct tenure_row tenure;
    uint64_t from;
    int64_t muted_until = 0;
    bool is_member = false;
    int r = reading_conversation(reading, op->conversation, &conversation);

    if (!r) {
        r = rows_tenure(&reading->rows, op->conversation, op->user, &tenure, &from);
        is_member = !r;
    }
    if (is_member)
        r = member_copy(reading, op->user, &tenure, &member);
    if (is_member && !r)
        r = mute_read(reading, op->user, op->conversation, &muted_until);
    if (r && r != MDB_NOTFOUND)
        return r;
    op->ret_conversation = conversation;
    op->ret_is_member = is_member;
    op->ret_member = member;
    op->ret_muted_until = muted_until;
    return 0;
}

void lmdb_directory_member(void *self, struct cc_directory_member *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = member_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

/* True when a tenure held as of a version (0: now). */
static bool tenure_is_at(const struct tenure_row *row, uint64_t from, uint64_t version)
{
    if (!version)
        return !row->to;
    return from <= version && (!row->to || row->to > version);
}

/* Adds the row that the scan stands on, if it counts; MDB_NOTFOUND when the page is full. */
static int members_add(const struct reading *reading, const struct scan *scan,
                       const struct cc_directory_members *op, struct answer_list *list,
                       bool *ret_more)
{
    struct directory_key_reader reader = scan_key(scan);
    char buffer[CC_NAME_MAX];
    struct cc_slice user = directory_key_read_name(&reader, buffer);
    uint64_t from = ~directory_key_read_number(&reader);
    struct cc_member *member;
    struct tenure_row row;
    int r = directory_key_read_end(&reader) ? tenure_row_read(scan_value(scan), &row) : CC_ECORRUPT;

    if (r || !tenure_is_at(&row, from, op->at_version))
        return r;
    if (list->count == op->limit) {
        *ret_more = true;
        return MDB_NOTFOUND;
    }
    member = answer_list_add(reading->answer, list, sizeof *member);
    return member ? member_copy(reading, user, &row, member) : CC_ENOMEM;
}

static int members_read(const struct reading *reading, struct cc_directory_members *op)
{
    struct answer_list list = {0};
    struct cc_conversation conversation;
    struct directory_key prefix;
    struct directory_key from;
    struct scan scan;
    bool more = false;
    int r = rows_conversation(&reading->rows, op->conversation, &conversation);

    if (r)
        return r;
    directory_key_begin(&prefix, TABLE_MEMBERS);
    directory_key_name(&prefix, op->conversation);
    directory_key_after(&prefix, op->after, &from);
    r = scan_open(&scan, &reading->rows, &prefix, &from);
    while (!r) {
        r = members_add(reading, &scan, op, &list, &more);
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    if (r != MDB_NOTFOUND)
        return r;
    op->ret_members = list.items;
    op->ret_count = list.count;
    op->ret_more = more;
    return 0;
}

void lmdb_directory_members(void *self, struct cc_directory_members *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = members_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

/* A membership without its conversation or its tenure is damage: one transaction writes all three.
 */
static int membership_copy(const struct reading *reading, const struct scan *scan,
                           struct cc_slice user, struct cc_membership *ret_membership)
{
    struct directory_key_reader reader = scan_key(scan);
    char buffer[CC_NAME_MAX];
    struct cc_slice id = directory_key_read_name(&reader, buffer);
    struct tenure_row row;
    uint64_t from;
    int r = directory_key_read_end(&reader) ? 0 : CC_ECORRUPT;

    if (!r)
        r = mute_row_read(scan_value(scan), &ret_membership->muted_until);
    if (!r)
        r = reading_conversation(reading, id, &ret_membership->conversation);
    if (!r)
        r = rows_tenure(&reading->rows, id, user, &row, &from);
    if (!r)
        r = member_copy(reading, user, &row, &ret_membership->member);
    return r == MDB_NOTFOUND || r == CC_ENOTFOUND ? CC_ECORRUPT : r;
}

static int memberships_read(const struct reading *reading, struct cc_directory_memberships *op)
{
    struct answer_list list = {0};
    struct cc_membership *membership;
    struct directory_key prefix;
    struct directory_key from;
    struct scan scan;
    int r;

    directory_key_begin(&prefix, TABLE_MEMBERSHIPS);
    directory_key_name(&prefix, op->user);
    directory_key_after(&prefix, op->after, &from);
    r = scan_open(&scan, &reading->rows, &prefix, &from);
    while (!r && list.count < op->limit) {
        membership = answer_list_add(reading->answer, &list, sizeof *membership);
        r = membership ? membership_copy(reading, &scan, op->user, membership) : CC_ENOMEM;
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    if (r && r != MDB_NOTFOUND)
        return r;
    op->ret_memberships = list.items;
    op->ret_count = list.count;
    op->ret_more = !r;
    return 0;
}

void lmdb_directory_memberships(void *self, struct cc_directory_memberships *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = memberships_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

static int retained_copy(const struct reading *reading, const struct scan *scan,
                         struct cc_conversation *ret_conversation)
{
    struct directory_key_reader reader = scan_key(scan);
    char buffer[CC_NAME_MAX];
    struct cc_slice id = directory_key_read_name(&reader, buffer);
    int r = directory_key_read_end(&reader) ? 0 : CC_ECORRUPT;

    if (!r)
        r = reading_conversation(reading, id, ret_conversation);
    return r == CC_ENOTFOUND ? CC_ECORRUPT : r;
}

static int retained_read(const struct reading *reading, struct cc_directory_retained *op)
{
    struct answer_list list = {0};
    struct cc_conversation *conversation;
    struct directory_key prefix;
    struct directory_key from;
    struct scan scan;
    int r;

    directory_key_begin(&prefix, TABLE_RETAINED);
    directory_key_after(&prefix, op->after, &from);
    r = scan_open(&scan, &reading->rows, &prefix, &from);
    while (!r && list.count < op->limit) {
        conversation = answer_list_add(reading->answer, &list, sizeof *conversation);
        r = conversation ? retained_copy(reading, &scan, conversation) : CC_ENOMEM;
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    if (r && r != MDB_NOTFOUND)
        return r;
    op->ret_conversations = list.items;
    op->ret_count = list.count;
    op->ret_more = !r;
    return 0;
}

void lmdb_directory_retained(void *self, struct cc_directory_retained *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = retained_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

static int entry_copy(const struct reading *reading, const struct scan *scan,
                      struct cc_outbox_entry *ret_entry)
{
    struct outbox_row row;
    int r = outbox_row_read(scan_value(scan), &row);

    if (!r)
        r = answer_copy(reading->answer, row.conversation, &ret_entry->conversation);
    if (!r)
        r = answer_copy(reading->answer, row.payload, &ret_entry->payload);
    if (!r)
        ret_entry->version = row.version;
    return r;
}

static int outbox_read(const struct reading *reading, struct cc_directory_outbox *op)
{
    struct answer_list list = {0};
    struct cc_outbox_entry *entry;
    struct directory_key prefix;
    struct scan scan;
    int r;

    directory_key_begin(&prefix, TABLE_OUTBOX);
    directory_key_number(&prefix, op->partition);
    r = scan_open(&scan, &reading->rows, &prefix, NULL);
    while (!r && list.count < op->limit) {
        entry = answer_list_add(reading->answer, &list, sizeof *entry);
        r = entry ? entry_copy(reading, &scan, entry) : CC_ENOMEM;
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    if (r && r != MDB_NOTFOUND)
        return r;
    op->ret_entries = list.items;
    op->ret_count = list.count;
    op->ret_more = !r;
    return 0;
}

void lmdb_directory_outbox(void *self, struct cc_directory_outbox *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = outbox_read(&reading, op);
    reading_end(&reading, &op->op, r);
}
