/*
 * Steps on a directory in the language of its conformance cases: members are written as
 * "*alice +bob carol" (owner, admin, member), and what is read comes back as text, so that a
 * failure shows both lists. A name is 1 to 64 bytes without spaces.
 */
#ifndef CC_TESTING_DIRECTORY_STEPS_H
#define CC_TESTING_DIRECTORY_STEPS_H

#include "testing/suite.h"

struct dir {
    struct suite *suite;
    struct cc_directory port;
    uint32_t partition; /* that the next changes' outbox entries go to */
    size_t page;        /* lists are read in pages of this many */
};

/* The most members that a text can name. */
#define DIR_MEMBERS_MAX 64

/* Submits an operation to a slot and waits for it; the operation is a local variable. */
#define DIR_RUN(dir, slot, operation)                                                              \
    (suite_submit((dir)->suite, &(operation)->op),                                                 \
     (dir)->port.vtable->slot((dir)->port.self, operation),                                        \
     suite_wait((dir)->suite, &(operation)->op))

/* Reads "*alice +bob carol" into an array of DIR_MEMBERS_MAX; answers how many. */
size_t dir_parse_members(const char *text, struct cc_member *ret_members);

/* All of these answer the operation's status. */
int dir_create(struct dir *dir, const char *conversation, enum cc_conversation_kind kind,
               const char *members);
int dir_rename(struct dir *dir, const char *conversation, uint64_t expected, const char *name);

/* `name` NULL: as it is. */
int dir_retain(struct dir *dir, const char *conversation, uint64_t expected, const char *name,
               uint64_t retention_s);
int dir_change(struct dir *dir, const char *conversation, uint64_t expected,
               enum cc_change_kind kind, const char *members);
int dir_outbox_done(struct dir *dir, const char *conversation, uint64_t version);
int dir_mute(struct dir *dir, const char *user, const char *conversation, int64_t until);
int dir_relate(struct dir *dir, const char *user, const char *other, enum cc_relation relation,
               bool on);
int dir_set_privacy(struct dir *dir, const char *user, enum cc_audience presence,
                    enum cc_read_marks read_marks);
int dir_device_put(struct dir *dir, const char *user, const char *device, const char *provider,
                   const char *token);
int dir_revoke(struct dir *dir, enum cc_revoked kind, const char *name, int64_t before);

/* By alice, at the time `now`. */
int dir_invite(struct dir *dir, const char *conversation, const char *token, int64_t expires,
               uint32_t max_uses, int64_t now);
int dir_uninvite(struct dir *dir, const char *conversation, const char *token);

/* Members come by an invitation; or they go, and may not come back by one. */
int dir_join(struct dir *dir, const char *conversation, uint64_t expected, const char *token,
             const char *members);
int dir_bar(struct dir *dir, const char *conversation, uint64_t expected, const char *members);

/* A change made by a program: many members, named by numbers. */
int dir_change_many(struct dir *dir, const char *conversation, uint64_t expected,
                    enum cc_change_kind kind, const struct cc_member *members, size_t count);

/*
 * What these read is added to the text; a status other than 0 as "CC_ENOTFOUND" and the like.
 *   profile        name|avatar|meta        and |presence/read marks, as numbers, if one is set
 *   conversation   group v3 members 2 small "Name" 60s     (60s: its retention, if it has one)
 *   member         *alice@1, or "no member"
 *   members        *alice@1 bob@2          (role, name, the version that made it a member)
 *   memberships    room(v3):*alice@1 ~5    (~5: muted until 5)
 *   retained       room=60 room2=5
 *   outbox         room/1 room/2           (a payload that is not the one written: !)
 *   related        bob carol
 *   relation       1:2                     (bits there, bits back)
 *   devices        phone=apns:token        ascending
 *   invitation     room(v3) 1/2 <5 alice member    (uses, of 2; expires at 5; barred: x)
 *   invitations    t1:room t2:room
 */
void dir_read_profile(struct dir *dir, const char *user, struct text *text);
void dir_read_conversation(struct dir *dir, const char *conversation, struct text *text);
void dir_read_member(struct dir *dir, const char *conversation, const char *user,
                     struct text *text);
void dir_read_members(struct dir *dir, const char *conversation, uint64_t version,
                      struct text *text);
void dir_read_memberships(struct dir *dir, const char *user, struct text *text);
void dir_read_retained(struct dir *dir, struct text *text);
void dir_read_outbox(struct dir *dir, uint32_t partition, struct text *text);
void dir_read_related(struct dir *dir, const char *user, enum cc_relation relation, bool reverse,
                      struct text *text);
void dir_read_relation(struct dir *dir, const char *user, const char *other, struct text *text);
void dir_read_devices(struct dir *dir, const char *user, struct text *text);
void dir_read_revoked(struct dir *dir, const char *user, const char *token_id, int64_t issued,
                      struct text *text);
void dir_read_revocations(struct dir *dir, uint64_t after, struct text *text);
void dir_read_invitation(struct dir *dir, const char *token, const char *user, struct text *text);

/* `conversation` NULL: those that `creator` made. */
void dir_read_invitations(struct dir *dir, const char *conversation, const char *creator,
                          struct text *text);

/* Reads with one of the above and compares, for the case's functions without a result. */
#define CHECK_READ(dir, wanted, read, ...)                                                         \
    do {                                                                                           \
        struct text got_text = {0};                                                                \
        read(dir, __VA_ARGS__, &got_text);                                                         \
        CHECK_TEXT((dir)->suite, got_text.bytes, wanted);                                          \
    } while (0)

#endif
