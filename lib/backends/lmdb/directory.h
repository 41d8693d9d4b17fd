/*
 * The LMDB directory: one table of rows (directory_rows.h), read on the engine's thread, written in
 * jobs on the writer's.
 *
 * Functions here that take `rows` work inside a transaction and answer raw codes, as environment.h
 * says. What writes is an `apply_…` of writer.h: it first checks, and may then refuse with a CC_E…;
 * once it has begun to write, every failure is one of the transaction.
 */
#ifndef CC_BACKENDS_LMDB_DIRECTORY_H
#define CC_BACKENDS_LMDB_DIRECTORY_H

#include "backends/answer.h"
#include "backends/lmdb/directory_rows.h"
#include "backends/lmdb/writer.h"

/* Raised when rows or keys change so that older versions cannot read them. */
#define DIRECTORY_FORMAT 1

struct lmdb_directory {
    struct environment environment;
    struct writer writer;
    MDB_dbi table;
    struct buffer value; /* the writer's thread: the row being written */
};

/* The table in one transaction. */
struct rows {
    MDB_txn *txn;
    MDB_dbi table;
    struct lmdb_directory *directory;
};

/* --- rows: directory_table.c --- */

/* MDB_NOTFOUND when there is none. The value lives until the next write of the transaction. */
int rows_get(const struct rows *rows, const struct directory_key *key, struct cc_slice *ret_value);

/* Writes what stands in the directory's `value`. */
int rows_put(const struct rows *rows, const struct directory_key *key);

/* MDB_NOTFOUND when there is none. */
int rows_delete(const struct rows *rows, const struct directory_key *key);

/* Past the checks, damage found by a reader is a failure of the transaction, not a refusal. */
static inline int rows_failure(int code)
{
    return code && !environment_is_failure(code) ? MDB_CORRUPTED : code;
}

/* Where one row leads to another that must be there, its absence is damage. */
static inline int rows_missing(int code)
{
    return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
}

static inline struct rows rows_of(struct lmdb_directory *directory, MDB_txn *txn)
{
    struct rows rows = {txn, directory->table, directory};

    return rows;
}

/* The rows whose keys begin with a prefix, ascending. */
struct scan {
    MDB_cursor *cursor; /* NULL when it could not be opened */
    struct directory_key prefix;
    MDB_val key;
    MDB_val value;
};

/*
 * Begins at the first row that is `from` or greater; `from` NULL: at the first of all. 0, or
 * MDB_NOTFOUND when there is none, or a failure; close it in each case.
 */
int scan_open(struct scan *scan, const struct rows *rows, const struct directory_key *prefix,
              const struct directory_key *from);
int scan_next(struct scan *scan);
void scan_close(struct scan *scan);

/* Begins to read the key of the row that the scan stands on, behind the prefix. */
struct directory_key_reader scan_key(const struct scan *scan);
struct cc_slice scan_value(const struct scan *scan);

/* The first row of a prefix: its key and value are copied out, so that it can be deleted. */
int rows_first(const struct rows *rows, const struct directory_key *prefix,
               struct directory_key *ret_key);

/* The greatest row of a prefix. */
int rows_last(const struct rows *rows, const struct directory_key *prefix,
              struct directory_key *ret_key);

/* --- one operation's reading: directory_table.c --- */

struct reading {
    struct rows rows;
    struct answer *answer;
};

/* Makes the answer and begins to read. Answers 0 or a CC_E…; reading_end() follows in each case,
 * and completes the operation with the status given to it (a raw code). */
int reading_begin(struct reading *reading, struct lmdb_directory *directory);
void reading_end(struct reading *reading, struct cc_op *op, int status);

/* --- conversations: directory_read.c --- */

/* CC_ENOTFOUND when there is none; `id` and `name` are not copied. */
int rows_conversation(const struct rows *rows, struct cc_slice id,
                      struct cc_conversation *ret_conversation);

/* The tenure that lasts, and the version that it is from. MDB_NOTFOUND when the user is no member.
 */
int rows_tenure(const struct rows *rows, struct cc_slice conversation, struct cc_slice user,
                struct tenure_row *ret_row, uint64_t *ret_from);

/* The key of a tenure: of one user's, the newest stands first. */
void tenure_key(struct directory_key *key, struct cc_slice conversation, struct cc_slice user,
                uint64_t from);

/* The key of a present membership, which holds the mute. */
void membership_key(struct directory_key *key, struct cc_slice user, struct cc_slice conversation);

/* As above, with copies for an answer. */
int reading_conversation(const struct reading *reading, struct cc_slice id,
                         struct cc_conversation *ret_conversation);

void lmdb_directory_conversation(void *self, struct cc_directory_conversation *op);
void lmdb_directory_member(void *self, struct cc_directory_member *op);
void lmdb_directory_members(void *self, struct cc_directory_members *op);
void lmdb_directory_memberships(void *self, struct cc_directory_memberships *op);
void lmdb_directory_retained(void *self, struct cc_directory_retained *op);
void lmdb_directory_outbox(void *self, struct cc_directory_outbox *op);

/* --- users: directory_users.c --- */

void lmdb_directory_profile_get(void *self, struct cc_directory_profile *op);
void lmdb_directory_privacy(void *self, struct cc_directory_privacy *op);
void lmdb_directory_relation(void *self, struct cc_directory_relation *op);
void lmdb_directory_related(void *self, struct cc_directory_related *op);
void lmdb_directory_devices(void *self, struct cc_directory_devices *op);

int apply_profile(void *port, MDB_txn *txn, struct cc_op *op);
int apply_relate(void *port, MDB_txn *txn, struct cc_op *op);
int apply_device(void *port, MDB_txn *txn, struct cc_op *op);

/* --- changes: directory_change.c --- */

int apply_mute(void *port, MDB_txn *txn, struct cc_op *op);
int apply_create(void *port, MDB_txn *txn, struct cc_op *op);
int apply_change(void *port, MDB_txn *txn, struct cc_op *op);
int apply_outbox_done(void *port, MDB_txn *txn, struct cc_op *op);

/* --- revocations: directory_revoke.c --- */

void lmdb_directory_revoked(void *self, struct cc_directory_revoked *op);
void lmdb_directory_revocations(void *self, struct cc_directory_revocations *op);

int apply_revoke(void *port, MDB_txn *txn, struct cc_op *op);

/* --- invitations: directory_invite.c --- */

void lmdb_directory_invitation(void *self, struct cc_directory_invitation *op);
void lmdb_directory_invitations(void *self, struct cc_directory_invitations *op);

int apply_invite(void *port, MDB_txn *txn, struct cc_op *op);
int apply_uninvite(void *port, MDB_txn *txn, struct cc_op *op);

/* CC_ENOTFOUND where a change comes by an invitation that lets nobody in. */
int rows_invitation_check(const struct rows *rows, const struct cc_directory_change *op);

/* Counts one more use. */
int rows_invitation_use(const struct rows *rows, struct cc_slice token);

/* The key that says that a user may not come back by an invitation. */
void barred_key(struct directory_key *key, struct cc_slice conversation, struct cc_slice user);

/* The keys of an invitation: its row, and where the conversation and the creator list it. */
struct invitation_keys {
    struct directory_key row;
    struct directory_key of_conversation;
    struct directory_key of_creator;
};
void invitation_keys(struct invitation_keys *keys, const struct cc_invitation *invitation);

#endif
