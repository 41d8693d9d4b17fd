/*
 * What the LMDB directory's rows hold. All tables live in one database, told apart by the first
 * byte of the key:
 *
 *   'u'  user                            profile: name, avatar, meta; privacy if some is set
 *   'r'  user, other                     bits of cc_relation
 *   'R'  other, user                     the same bits, for reading in reverse
 *   'd'  user, device                    provider, token
 *   'c'  conversation                    kind, flags, version, members, created, retention if it
 *                                        has one, name
 *   't'  conversation                    it has a retention; no value
 *   'm'  conversation, user, from        one tenure: to, since, role
 *   'x'  conversation, to, user, from    a tenure that ended at `to`, for forgetting; no value
 *   's'  user, conversation              present memberships: muted until
 *   'o'  partition, number               outbox: version, conversation, payload
 *   'v'  conversation, version           where that version's outbox entry is: partition, number
 *   'k'  kind, name                      a revocation: number, before
 *   'n'  number                          what it revokes: kind, name
 *   'i'  token                           an invitation: conversation, creator, created, expires,
 *                                        uses allowed and had
 *   'g'  conversation, token             it is one of the conversation's; no value
 *   'j'  creator, token                  it is one of his; no value
 *   'b'  conversation, user              he may not come back by an invitation; no value
 *
 * Values are big-endian numbers and byte runs with their length. Decoding trusts nothing: what does
 * not fit is CC_ECORRUPT.
 */
#ifndef CC_BACKENDS_LMDB_DIRECTORY_ROWS_H
#define CC_BACKENDS_LMDB_DIRECTORY_ROWS_H

#include "backends/lmdb/directory_key.h"
#include "base/buffer.h"
#include "chatcore/backend/directory.h"

enum directory_table {
    TABLE_USERS = 'u',
    TABLE_RELATIONS = 'r',
    TABLE_RELATED_BY = 'R',
    TABLE_DEVICES = 'd',
    TABLE_CONVERSATIONS = 'c',
    TABLE_RETAINED = 't',
    TABLE_MEMBERS = 'm',
    TABLE_ENDED = 'x',
    TABLE_MEMBERSHIPS = 's',
    TABLE_OUTBOX = 'o',
    TABLE_VERSIONS = 'v',
    TABLE_REVOKED = 'k',
    TABLE_REVOCATIONS = 'n',
    TABLE_INVITATIONS = 'i',
    TABLE_INVITED = 'g',
    TABLE_INVITERS = 'j',
    TABLE_BARRED = 'b'
};

struct profile_row {
    struct cc_slice values[3]; /* name, avatar, meta */
    struct cc_privacy privacy;
};

struct device_row {
    struct cc_slice provider;
    struct cc_slice token;
};

struct tenure_row {
    uint64_t to; /* 0: it lasts */
    uint64_t since;
    enum cc_role role;
};

struct outbox_row {
    uint64_t version;
    struct cc_slice conversation;
    struct cc_slice payload;
};

struct version_row {
    uint64_t partition;
    uint64_t number;
};

struct revoked_row {
    uint64_t number;
    int64_t before;
};

struct revocation_row {
    enum cc_revoked kind;
    struct cc_slice name;
};

/* Writers clear the buffer first; it is `failed` when out of memory. */
void profile_row_write(struct buffer *buffer, const struct profile_row *row);
void relation_row_write(struct buffer *buffer, unsigned bits);
void device_row_write(struct buffer *buffer, const struct device_row *row);
void conversation_row_write(struct buffer *buffer, const struct cc_conversation *row);
void tenure_row_write(struct buffer *buffer, const struct tenure_row *row);
void mute_row_write(struct buffer *buffer, int64_t until);
void outbox_row_write(struct buffer *buffer, const struct outbox_row *row);
void version_row_write(struct buffer *buffer, const struct version_row *row);
void revoked_row_write(struct buffer *buffer, const struct revoked_row *row);
void revocation_row_write(struct buffer *buffer, const struct revocation_row *row);
void invitation_row_write(struct buffer *buffer, const struct cc_invitation *row);

/* Readers answer 0 or CC_ECORRUPT, and then set nothing; slices point into the value. The
 * conversation's id is not in its row, nor the invitation's token. */
int profile_row_read(struct cc_slice value, struct profile_row *ret_row);
int relation_row_read(struct cc_slice value, unsigned *ret_bits);
int device_row_read(struct cc_slice value, struct device_row *ret_row);
int conversation_row_read(struct cc_slice value, struct cc_conversation *ret_row);
int tenure_row_read(struct cc_slice value, struct tenure_row *ret_row);
int mute_row_read(struct cc_slice value, int64_t *ret_until);
int outbox_row_read(struct cc_slice value, struct outbox_row *ret_row);
int version_row_read(struct cc_slice value, struct version_row *ret_row);
int revoked_row_read(struct cc_slice value, struct revoked_row *ret_row);
int revocation_row_read(struct cc_slice value, struct revocation_row *ret_row);
int invitation_row_read(struct cc_slice value, struct cc_invitation *ret_row);

#endif
