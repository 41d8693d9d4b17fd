/*
 * The LMDB directory's invitations: a row for each, by its token, and two lists that name it, the
 * conversation's and its creator's. A conversation has CC_INVITATIONS_MAX at most, since a new one
 * takes with it those that have ended.
 */
#include "backends/directory_check.h"
#include "backends/lmdb/directory.h"
#include "chatcore/error.h"

static void row_key(struct directory_key *key, struct cc_slice token)
{
    directory_key_begin(key, TABLE_INVITATIONS);
    directory_key_name(key, token);
}

static void list_prefix(struct directory_key *key, enum directory_table table, struct cc_slice name)
{
    directory_key_begin(key, (uint8_t)table);
    directory_key_name(key, name);
}

void invitation_keys(struct invitation_keys *keys, const struct cc_invitation *invitation)
{
    row_key(&keys->row, invitation->token);
    list_prefix(&keys->of_conversation, TABLE_INVITED, invitation->conversation);
    directory_key_name(&keys->of_conversation, invitation->token);
    list_prefix(&keys->of_creator, TABLE_INVITERS, invitation->creator);
    directory_key_name(&keys->of_creator, invitation->token);
}

void barred_key(struct directory_key *key, struct cc_slice conversation, struct cc_slice user)
{
    directory_key_begin(key, TABLE_BARRED);
    directory_key_name(key, conversation);
    directory_key_name(key, user);
}

/* MDB_NOTFOUND when there is none; slices other than the token live until the next write. */
static int invitation_get(const struct rows *rows, struct cc_slice token,
                          struct cc_invitation *ret_invitation)
{
    struct directory_key key;
    struct cc_slice value;
    int r;

    row_key(&key, token);
    r = rows_get(rows, &key, &value);
    if (!r)
        r = invitation_row_read(value, ret_invitation);
    if (!r)
        ret_invitation->token = token;
    return r;
}

/* The one that a list's scan stands on: its absence is damage, one transaction writes both. */
static int scanned(const struct rows *rows, const struct scan *scan, char buffer[CC_NAME_MAX],
                   struct cc_invitation *ret_invitation)
{
    struct directory_key_reader reader = scan_key(scan);
    struct cc_slice token = directory_key_read_name(&reader, buffer);

    if (!directory_key_read_end(&reader))
        return CC_ECORRUPT;
    return rows_missing(invitation_get(rows, token, ret_invitation));
}

/* --- writing --- */

/* The row comes last: the creator's name and the conversation's may stand in it. */
static int invitation_delete(const struct rows *rows, const struct cc_invitation *invitation)
{
    struct invitation_keys keys;
    int r;

    invitation_keys(&keys, invitation);
    r = rows_delete(rows, &keys.of_conversation);
    if (!r)
        r = rows_delete(rows, &keys.of_creator);
    if (!r)
        r = rows_delete(rows, &keys.row);
    return rows_missing(r);
}

static int invitation_put(const struct rows *rows, const struct cc_invitation *invitation)
{
    struct buffer *value = &rows->directory->value;
    struct invitation_keys keys;
    int r;

    invitation_keys(&keys, invitation);
    invitation_row_write(value, invitation);
    r = rows_put(rows, &keys.row);
    if (r)
        return r;
    buffer_clear(value);
    r = rows_put(rows, &keys.of_conversation);
    return r ? r : rows_put(rows, &keys.of_creator);
}

/* Counts a conversation's invitations that hold, and finds one that has ended. */
struct survey {
    size_t held;
    bool has_ended;
    struct cc_invitation ended; /* lives until the next write */
    char token[CC_NAME_MAX];
};

static int survey_take(const struct rows *rows, const struct scan *scan, int64_t now,
                       struct survey *survey)
{
    struct cc_invitation one;
    char token[CC_NAME_MAX];
    int r = scanned(rows, scan, token, &one);

    if (r)
        return r;
    if (!directory_has_ended(&one, now)) {
        survey->held++;
    } else if (!survey->has_ended) {
        survey->has_ended = true;
        survey->ended = one;
        memcpy(survey->token, token, sizeof token);
        survey->ended.token = slice_of(survey->token, one.token.size);
    }
    return 0;
}

static int survey_make(const struct rows *rows, struct cc_slice conversation, int64_t now,
                       struct survey *ret_survey)
{
    struct directory_key prefix;
    struct scan scan;
    int r;

    ret_survey->held = 0;
    ret_survey->has_ended = false;
    list_prefix(&prefix, TABLE_INVITED, conversation);
    r = scan_open(&scan, rows, &prefix, NULL);
    while (!r) {
        r = survey_take(rows, &scan, now, ret_survey);
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    return r == MDB_NOTFOUND ? 0 : r;
}

static int invite_check(const struct rows *rows, const struct cc_directory_invite *op,
                        struct survey *ret_survey)
{
    struct cc_conversation conversation;
    struct cc_invitation taken;
    int r = directory_check_invitation(&op->invitation);

    if (!r)
        r = rows_conversation(rows, op->invitation.conversation, &conversation);
    if (r)
        return r;
    r = invitation_get(rows, op->invitation.token, &taken);
    if (r != MDB_NOTFOUND)
        return r ? r : CC_EEXISTS;
    r = survey_make(rows, op->invitation.conversation, op->now, ret_survey);
    return !r && ret_survey->held >= CC_INVITATIONS_MAX ? CC_ETOOLARGE : r;
}

int apply_invite(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_invite *invite = (const struct cc_directory_invite *)op;
    struct cc_invitation invitation = invite->invitation;
    struct rows rows = rows_of(port, txn);
    struct survey survey;
    int r = invite_check(&rows, invite, &survey);

    if (r)
        return r;
    while (!r && survey.has_ended) {
        r = invitation_delete(&rows, &survey.ended);
        if (!r)
            r = survey_make(&rows, invitation.conversation, invite->now, &survey);
    }
    invitation.uses = 0;
    return rows_failure(r ? r : invitation_put(&rows, &invitation));
}

int apply_uninvite(void *port, MDB_txn *txn, struct cc_op *op)
{
    const struct cc_directory_uninvite *uninvite = (const struct cc_directory_uninvite *)op;
    struct rows rows = rows_of(port, txn);
    struct cc_invitation found;
    int r = invitation_get(&rows, uninvite->token, &found);

    if (r)
        return r == MDB_NOTFOUND ? 0 : r;
    if (!slice_equal(found.conversation, uninvite->conversation))
        return 0;
    return rows_failure(invitation_delete(&rows, &found));
}

int rows_invitation_check(const struct rows *rows, const struct cc_directory_change *op)
{
    struct cc_invitation found;
    int r = invitation_get(rows, op->invitation, &found);

    if (r)
        return r == MDB_NOTFOUND ? CC_ENOTFOUND : r;
    return slice_equal(found.conversation, op->conversation) && !directory_is_used_up(&found)
               ? 0
               : CC_ENOTFOUND;
}

int rows_invitation_use(const struct rows *rows, struct cc_slice token)
{
    struct cc_invitation found;
    struct directory_key key;
    int r = rows_missing(invitation_get(rows, token, &found));

    if (r)
        return r;
    found.uses++;
    row_key(&key, token);
    invitation_row_write(&rows->directory->value, &found);
    return rows_put(rows, &key);
}

/* --- reading --- */

static int invitation_copy(const struct reading *reading, const struct cc_invitation *from,
                           struct cc_invitation *ret_copy)
{
    int r;

    *ret_copy = *from;
    r = answer_copy(reading->answer, from->token, &ret_copy->token);
    if (!r)
        r = answer_copy(reading->answer, from->conversation, &ret_copy->conversation);
    return r ? r : answer_copy(reading->answer, from->creator, &ret_copy->creator);
}

/* What the user is in the conversation. */
static int standing_read(const struct rows *rows, struct cc_directory_invitation *op,
                         struct cc_slice conversation)
{
    struct directory_key key;
    struct tenure_row tenure;
    struct cc_slice value;
    uint64_t from;
    int r = rows_tenure(rows, conversation, op->user, &tenure, &from);

    op->ret_is_member = !r;
    if (r && r != MDB_NOTFOUND)
        return r;
    barred_key(&key, conversation, op->user);
    r = rows_get(rows, &key, &value);
    op->ret_is_barred = !r;
    return r == MDB_NOTFOUND ? 0 : r;
}

static int invitation_read(const struct reading *reading, struct cc_directory_invitation *op)
{
    struct cc_invitation found;
    int r = invitation_get(&reading->rows, op->token, &found);

    if (r)
        return r == MDB_NOTFOUND ? CC_ENOTFOUND : r;
    r = reading_conversation(reading, found.conversation, &op->ret_conversation);
    if (r)
        return r == CC_ENOTFOUND ? CC_ECORRUPT : r;
    r = standing_read(&reading->rows, op, found.conversation);
    return r ? r : invitation_copy(reading, &found, &op->ret_invitation);
}

void lmdb_directory_invitation(void *self, struct cc_directory_invitation *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = invitation_read(&reading, op);
    reading_end(&reading, &op->op, r);
}

static int list_add(const struct reading *reading, const struct scan *scan,
                    struct answer_list *list)
{
    struct cc_invitation *to = answer_list_add(reading->answer, list, sizeof *to);
    struct cc_invitation found;
    char token[CC_NAME_MAX];
    int r = to ? scanned(&reading->rows, scan, token, &found) : CC_ENOMEM;

    return r ? r : invitation_copy(reading, &found, to);
}

static int invitations_read(const struct reading *reading, struct cc_directory_invitations *op)
{
    struct answer_list list = {0};
    struct directory_key prefix;
    struct directory_key from;
    struct scan scan;
    int r;

    if (op->conversation.size)
        list_prefix(&prefix, TABLE_INVITED, op->conversation);
    else
        list_prefix(&prefix, TABLE_INVITERS, op->creator);
    directory_key_after(&prefix, op->after, &from);
    r = scan_open(&scan, &reading->rows, &prefix, &from);
    while (!r && list.count < op->limit) {
        r = list_add(reading, &scan, &list);
        if (!r)
            r = scan_next(&scan);
    }
    scan_close(&scan);
    if (r && r != MDB_NOTFOUND)
        return r;
    op->ret_invitations = list.items;
    op->ret_count = list.count;
    op->ret_more = !r;
    return 0;
}

void lmdb_directory_invitations(void *self, struct cc_directory_invitations *op)
{
    struct reading reading;
    int r = reading_begin(&reading, self);

    if (!r)
        r = invitations_read(&reading, op);
    reading_end(&reading, &op->op, r);
}
