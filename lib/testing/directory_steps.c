/*
 * Steps on a directory.
 */
#include "testing/directory_steps.h"

#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>

/* A payload that tells which entry it belongs to. */
#define PAYLOAD_BYTES (CC_NAME_MAX + 32)

/* --- members as text --- */

static const char *role_mark(enum cc_role role)
{
    return role == CC_ROLE_OWNER ? "*" : role == CC_ROLE_ADMIN ? "+" : "";
}

size_t dir_parse_members(const char *text, struct cc_member *ret_members)
{
    size_t count = 0;

    while (*text && count < DIR_MEMBERS_MAX) {
        struct cc_member *member = &ret_members[count++];

        member->role = CC_ROLE_MEMBER;
        member->since_version = 0;
        if (*text == '*' || *text == '+')
            member->role = *text++ == '*' ? CC_ROLE_OWNER : CC_ROLE_ADMIN;
        member->user = slice_of(text, strcspn(text, " "));
        text += member->user.size;
        text += *text == ' ';
    }
    return count;
}

static void add_member(struct text *text, const struct cc_member *member)
{
    text_add(text, "%s%.*s@%llu", role_mark(member->role), SLICE_ARGUMENTS(member->user),
             (unsigned long long)member->since_version);
}

static void add_separator(struct text *text)
{
    if (text->size)
        text_add(text, " ");
}

/* --- changes --- */

static struct cc_slice make_payload(char buffer[PAYLOAD_BYTES], const char *conversation,
                                    uint64_t version)
{
    int size =
        snprintf(buffer, PAYLOAD_BYTES, "%s/%llu", conversation, (unsigned long long)version);

    return slice_of(buffer, (size_t)size);
}

int dir_create(struct dir *dir, const char *conversation, enum cc_conversation_kind kind,
               const char *members)
{
    struct cc_member list[DIR_MEMBERS_MAX];
    char payload[PAYLOAD_BYTES];
    struct cc_directory_create op = {
        .conversation = slice_str(conversation),
        .kind = kind,
        .name = slice_str("Name"),
        .created = 1700000000000,
        .partition = dir->partition,
        .members = list,
        .count = dir_parse_members(members, list),
        .payload = make_payload(payload, conversation, 1),
    };

    return DIR_RUN(dir, create, &op);
}

static int change(struct dir *dir, struct cc_directory_change *op, const char *conversation)
{
    char payload[PAYLOAD_BYTES];
    int r;

    op->conversation = slice_str(conversation);
    op->partition = dir->partition;
    op->payload = make_payload(payload, conversation, op->expected_version + 1);
    r = DIR_RUN(dir, change, op);
    if (!r)
        suite_check_number(dir->suite, __func__, __LINE__, op->ret_version,
                           op->expected_version + 1);
    return r;
}

int dir_rename(struct dir *dir, const char *conversation, uint64_t expected, const char *name)
{
    struct cc_directory_change op = {
        .expected_version = expected,
        .kind = CC_CHANGE_UPDATE,
        .name = slice_str(name),
    };

    return change(dir, &op, conversation);
}

int dir_retain(struct dir *dir, const char *conversation, uint64_t expected, const char *name,
               uint64_t retention_s)
{
    struct cc_directory_change op = {
        .expected_version = expected,
        .kind = CC_CHANGE_UPDATE,
        .name = name ? slice_str(name) : slice_of(NULL, 0),
        .sets_retention = true,
        .retention_s = retention_s,
    };

    return change(dir, &op, conversation);
}

int dir_change(struct dir *dir, const char *conversation, uint64_t expected,
               enum cc_change_kind kind, const char *members)
{
    struct cc_member list[DIR_MEMBERS_MAX];

    return dir_change_many(dir, conversation, expected, kind, list,
                           dir_parse_members(members, list));
}

int dir_change_many(struct dir *dir, const char *conversation, uint64_t expected,
                    enum cc_change_kind kind, const struct cc_member *members, size_t count)
{
    struct cc_directory_change op = {
        .expected_version = expected,
        .kind = kind,
        .members = members,
        .count = count,
    };

    return change(dir, &op, conversation);
}

int dir_outbox_done(struct dir *dir, const char *conversation, uint64_t version)
{
    struct cc_directory_outbox_done op = {
        .partition = dir->partition,
        .conversation = slice_str(conversation),
        .version = version,
    };

    return DIR_RUN(dir, outbox_done, &op);
}

int dir_mute(struct dir *dir, const char *user, const char *conversation, int64_t until)
{
    struct cc_directory_mute op = {
        .user = slice_str(user),
        .conversation = slice_str(conversation),
        .until = until,
    };

    return DIR_RUN(dir, mute, &op);
}

int dir_relate(struct dir *dir, const char *user, const char *other, enum cc_relation relation,
               bool on)
{
    struct cc_directory_relate op = {
        .user = slice_str(user),
        .other = slice_str(other),
        .relation = relation,
        .on = on,
    };

    return DIR_RUN(dir, relate, &op);
}

int dir_set_privacy(struct dir *dir, const char *user, enum cc_audience presence,
                    enum cc_read_marks read_marks)
{
    struct cc_directory_profile op = {
        .user = slice_str(user),
        .sets_presence = true,
        .sets_read_marks = true,
        .privacy = {presence, read_marks},
    };

    return DIR_RUN(dir, profile_put, &op);
}

int dir_device_put(struct dir *dir, const char *user, const char *device, const char *provider,
                   const char *token)
{
    struct cc_directory_device op = {
        .user = slice_str(user),
        .device = {slice_str(device), slice_str(provider), slice_str(token)},
    };

    return DIR_RUN(dir, device_put, &op);
}

int dir_revoke(struct dir *dir, enum cc_revoked kind, const char *name, int64_t before)
{
    struct cc_directory_revoke op = {
        .revocation = {.kind = kind, .name = slice_str(name), .before = before}};

    return DIR_RUN(dir, revoke, &op);
}

int dir_invite(struct dir *dir, const char *conversation, const char *token, int64_t expires,
               uint32_t max_uses, int64_t now)
{
    struct cc_directory_invite op = {
        .invitation =
            {
                .token = slice_str(token),
                .conversation = slice_str(conversation),
                .creator = slice_str("alice"),
                .created = now,
                .expires = expires,
                .max_uses = max_uses,
                .uses = 7, /* not read */
            },
        .now = now,
    };

    return DIR_RUN(dir, invite, &op);
}

int dir_uninvite(struct dir *dir, const char *conversation, const char *token)
{
    struct cc_directory_uninvite op = {
        .conversation = slice_str(conversation),
        .token = slice_str(token),
    };

    return DIR_RUN(dir, uninvite, &op);
}

int dir_join(struct dir *dir, const char *conversation, uint64_t expected, const char *token,
             const char *members)
{
    struct cc_member list[DIR_MEMBERS_MAX];
    struct cc_directory_change op = {
        .expected_version = expected,
        .kind = CC_CHANGE_ADD,
        .members = list,
        .count = dir_parse_members(members, list),
        .invitation = slice_str(token),
    };

    return change(dir, &op, conversation);
}

int dir_bar(struct dir *dir, const char *conversation, uint64_t expected, const char *members)
{
    struct cc_member list[DIR_MEMBERS_MAX];
    struct cc_directory_change op = {
        .expected_version = expected,
        .kind = CC_CHANGE_REMOVE,
        .members = list,
        .count = dir_parse_members(members, list),
        .bars = true,
    };

    return change(dir, &op, conversation);
}

/* --- reading --- */

/* Notes a status that is not 0; answers whether there is something to read. */
static bool add_status(struct text *text, int status)
{
    if (status) {
        add_separator(text);
        text_add(text, "%s", cc_error_name(status));
    }
    return !status;
}

void dir_read_profile(struct dir *dir, const char *user, struct text *text)
{
    struct cc_directory_profile op = {.user = slice_str(user)};

    if (add_status(text, DIR_RUN(dir, profile_get, &op)))
        text_add(text, "%.*s|%.*s|%.*s", SLICE_ARGUMENTS(op.ret_name),
                 SLICE_ARGUMENTS(op.ret_avatar), SLICE_ARGUMENTS(op.ret_meta));
    if (op.ret_privacy.presence || op.ret_privacy.read_marks)
        text_add(text, "|%d/%d", (int)op.ret_privacy.presence, (int)op.ret_privacy.read_marks);
    cc_op_release(&op.op);
}

void dir_read_conversation(struct dir *dir, const char *conversation, struct text *text)
{
    static const char *const kinds[] = {"?", "direct", "group", "channel"};
    struct cc_directory_conversation op = {.conversation = slice_str(conversation)};
    const struct cc_conversation *found = &op.ret_conversation;

    if (add_status(text, DIR_RUN(dir, conversation, &op))) {
        if (!slice_equal(found->id, op.conversation) || found->created != 1700000000000)
            text_add(text, "! ");
        text_add(text, "%s v%llu members %u %s \"%.*s\"", kinds[found->kind & 3],
                 (unsigned long long)found->version, found->member_count,
                 found->was_large ? "large" : "small", SLICE_ARGUMENTS(found->name));
        if (found->retention_s)
            text_add(text, " %llus", (unsigned long long)found->retention_s);
    }
    cc_op_release(&op.op);
}

void dir_read_member(struct dir *dir, const char *conversation, const char *user, struct text *text)
{
    struct cc_directory_member op = {
        .conversation = slice_str(conversation),
        .user = slice_str(user),
    };

    if (add_status(text, DIR_RUN(dir, member, &op))) {
        if (!slice_equal(op.ret_conversation.id, op.conversation))
            text_add(text, "! ");
        if (op.ret_is_member)
            add_member(text, &op.ret_member);
        if (op.ret_is_member && op.ret_muted_until)
            text_add(text, " ~%lld", (long long)op.ret_muted_until);
        if (!op.ret_is_member)
            text_add(text, "no member");
    }
    cc_op_release(&op.op);
}

/* The end of a page, kept beyond the release of its answer. */
struct place {
    char bytes[CC_NAME_MAX];
    size_t size;
};

/* Moves the place forward; false, and a mark in the text, when a page did not ascend. */
static bool place_move(struct place *place, struct cc_slice to, struct text *text)
{
    if (to.size > sizeof place->bytes ||
        slice_compare(slice_of(place->bytes, place->size), to) >= 0) {
        text_add(text, " !order");
        return false;
    }
    memcpy(place->bytes, to.data, to.size);
    place->size = to.size;
    return true;
}

/* False at the end, or, with a mark in the text, where a page is not as it should be. */
static bool page_goes_on(const struct dir *dir, size_t count, bool more, struct text *text)
{
    if (count > dir->page || (more && count != dir->page)) {
        text_add(text, " !page");
        return false;
    }
    return more;
}

void dir_read_members(struct dir *dir, const char *conversation, uint64_t version,
                      struct text *text)
{
    struct place place = {0};
    bool goes_on = true;

    while (goes_on) {
        struct cc_directory_members op = {
            .conversation = slice_str(conversation),
            .at_version = version,
            .after = slice_of(place.bytes, place.size),
            .limit = dir->page,
        };

        goes_on = add_status(text, DIR_RUN(dir, members, &op));
        for (size_t i = 0; goes_on && i < op.ret_count; i++) {
            add_separator(text);
            add_member(text, &op.ret_members[i]);
            goes_on = place_move(&place, op.ret_members[i].user, text);
        }
        goes_on = goes_on && page_goes_on(dir, op.ret_count, op.ret_more, text);
        cc_op_release(&op.op);
    }
}

static void add_membership(struct text *text, const struct cc_membership *membership)
{
    add_separator(text);
    text_add(text, "%.*s(v%llu):", SLICE_ARGUMENTS(membership->conversation.id),
             (unsigned long long)membership->conversation.version);
    add_member(text, &membership->member);
    if (membership->muted_until)
        text_add(text, " ~%lld", (long long)membership->muted_until);
}

void dir_read_memberships(struct dir *dir, const char *user, struct text *text)
{
    struct place place = {0};
    bool goes_on = true;

    while (goes_on) {
        struct cc_directory_memberships op = {
            .user = slice_str(user),
            .after = slice_of(place.bytes, place.size),
            .limit = dir->page,
        };

        goes_on = add_status(text, DIR_RUN(dir, memberships, &op));
        for (size_t i = 0; goes_on && i < op.ret_count; i++) {
            add_membership(text, &op.ret_memberships[i]);
            goes_on = place_move(&place, op.ret_memberships[i].conversation.id, text);
        }
        goes_on = goes_on && page_goes_on(dir, op.ret_count, op.ret_more, text);
        cc_op_release(&op.op);
    }
}

void dir_read_retained(struct dir *dir, struct text *text)
{
    struct place place = {0};
    bool goes_on = true;

    while (goes_on) {
        struct cc_directory_retained op = {
            .after = slice_of(place.bytes, place.size),
            .limit = dir->page,
        };

        goes_on = add_status(text, DIR_RUN(dir, retained, &op));
        for (size_t i = 0; goes_on && i < op.ret_count; i++) {
            const struct cc_conversation *found = &op.ret_conversations[i];

            add_separator(text);
            text_add(text, "%.*s=%llu", SLICE_ARGUMENTS(found->id),
                     (unsigned long long)found->retention_s);
            goes_on = place_move(&place, found->id, text);
        }
        goes_on = goes_on && page_goes_on(dir, op.ret_count, op.ret_more, text);
        cc_op_release(&op.op);
    }
}

void dir_read_related(struct dir *dir, const char *user, enum cc_relation relation, bool reverse,
                      struct text *text)
{
    struct place place = {0};
    bool goes_on = true;

    while (goes_on) {
        struct cc_directory_related op = {
            .user = slice_str(user),
            .relation = relation,
            .reverse = reverse,
            .after = slice_of(place.bytes, place.size),
            .limit = dir->page,
        };

        goes_on = add_status(text, DIR_RUN(dir, related, &op));
        for (size_t i = 0; goes_on && i < op.ret_count; i++) {
            add_separator(text);
            text_add(text, "%.*s", SLICE_ARGUMENTS(op.ret_users[i]));
            goes_on = place_move(&place, op.ret_users[i], text);
        }
        goes_on = goes_on && page_goes_on(dir, op.ret_count, op.ret_more, text);
        cc_op_release(&op.op);
    }
}

void dir_read_relation(struct dir *dir, const char *user, const char *other, struct text *text)
{
    struct cc_directory_relation op = {.user = slice_str(user), .other = slice_str(other)};

    if (add_status(text, DIR_RUN(dir, relation, &op)))
        text_add(text, "%u:%u", op.ret_user_to_other, op.ret_other_to_user);
    cc_op_release(&op.op);
}

static int compare_entries(const void *a, const void *b)
{
    const struct cc_outbox_entry *left = a;
    const struct cc_outbox_entry *right = b;
    int order = slice_compare(left->conversation, right->conversation);

    return order ? order : (left->version > right->version) - (left->version < right->version);
}

/* Entries of one conversation must ascend; others may come in any order, so sorting all of them
 * changes nothing for one conversation. */
static bool entries_ascend(const struct cc_outbox_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (slice_equal(entries[i].conversation, entries[j].conversation) &&
                entries[i].version <= entries[j].version)
                return false;
    return true;
}

static void add_entry(struct text *text, const struct cc_outbox_entry *entry)
{
    char wanted[PAYLOAD_BYTES];
    int size = snprintf(wanted, sizeof wanted, "%.*s/%llu", SLICE_ARGUMENTS(entry->conversation),
                        (unsigned long long)entry->version);

    add_separator(text);
    text_add(text, "%s%s", wanted,
             slice_equal(entry->payload, slice_of(wanted, (size_t)size)) ? "" : "!");
}

/* The outbox has no pages to turn: what is done makes room for what follows. Here all is read. */
void dir_read_outbox(struct dir *dir, uint32_t partition, struct text *text)
{
    struct cc_directory_outbox op = {.partition = partition, .limit = 1000};
    struct cc_outbox_entry *sorted;

    if (add_status(text, DIR_RUN(dir, outbox, &op))) {
        sorted = calloc(op.ret_count + 1, sizeof *sorted);
        if (!sorted || !entries_ascend(op.ret_entries, op.ret_count))
            text_add(text, "!order ");
        if (sorted && op.ret_count) {
            memcpy(sorted, op.ret_entries, op.ret_count * sizeof *sorted);
            qsort(sorted, op.ret_count, sizeof *sorted, compare_entries);
        }
        for (size_t i = 0; sorted && i < op.ret_count; i++)
            add_entry(text, &sorted[i]);
        free(sorted);
    }
    cc_op_release(&op.op);
}

static int compare_devices(const void *a, const void *b)
{
    return slice_compare(((const struct cc_device *)a)->device,
                         ((const struct cc_device *)b)->device);
}

void dir_read_devices(struct dir *dir, const char *user, struct text *text)
{
    struct cc_directory_devices op = {.user = slice_str(user)};
    struct cc_device *sorted;

    if (add_status(text, DIR_RUN(dir, devices, &op))) {
        sorted = calloc(op.ret_count + 1, sizeof *sorted);
        if (sorted && op.ret_count) {
            memcpy(sorted, op.ret_devices, op.ret_count * sizeof *sorted);
            qsort(sorted, op.ret_count, sizeof *sorted, compare_devices);
        }
        for (size_t i = 0; sorted && i < op.ret_count; i++) {
            add_separator(text);
            text_add(text, "%.*s=%.*s:%.*s", SLICE_ARGUMENTS(sorted[i].device),
                     SLICE_ARGUMENTS(sorted[i].provider), SLICE_ARGUMENTS(sorted[i].token));
        }
        free(sorted);
    }
    cc_op_release(&op.op);
}

void dir_read_revoked(struct dir *dir, const char *user, const char *token_id, int64_t issued,
                      struct text *text)
{
    struct cc_directory_revoked op = {
        .user = slice_str(user), .token_id = slice_str(token_id), .issued = issued};

    if (add_status(text, DIR_RUN(dir, revoked, &op)))
        text_add(text, op.ret_is_revoked ? "revoked" : "good");
    cc_op_release(&op.op);
}

void dir_read_revocations(struct dir *dir, uint64_t after, struct text *text)
{
    struct cc_directory_revocations op = {.after = after, .limit = dir->page};
    bool goes_on = true;

    while (goes_on && add_status(text, DIR_RUN(dir, revocations, &op))) {
        for (size_t i = 0; i < op.ret_count; i++) {
            const struct cc_revocation *found = &op.ret_revocations[i];

            add_separator(text);
            text_add(text, "%llu:%s:%.*s<%lld", (unsigned long long)found->number,
                     found->kind == CC_REVOKED_USER ? "user" : "token",
                     SLICE_ARGUMENTS(found->name), (long long)found->before);
            op.after = found->number;
        }
        goes_on = op.ret_more && op.ret_count;
        if (!op.ret_more)
            text_add(text, " newest %llu", (unsigned long long)op.ret_newest);
        cc_op_release(&op.op);
        memset(&op.op, 0, sizeof op.op);
    }
}

void dir_read_invitation(struct dir *dir, const char *token, const char *user, struct text *text)
{
    struct cc_directory_invitation op = {.token = slice_str(token), .user = slice_str(user)};
    const struct cc_invitation *found = &op.ret_invitation;

    if (add_status(text, DIR_RUN(dir, invitation, &op))) {
        if (!slice_equal(found->token, op.token) ||
            !slice_equal(found->conversation, op.ret_conversation.id))
            text_add(text, "! ");
        text_add(text, "%.*s(v%llu) %u/%u <%lld %.*s%s%s", SLICE_ARGUMENTS(found->conversation),
                 (unsigned long long)op.ret_conversation.version, found->uses, found->max_uses,
                 (long long)found->expires, SLICE_ARGUMENTS(found->creator),
                 op.ret_is_member ? " member" : "", op.ret_is_barred ? " x" : "");
    }
    cc_op_release(&op.op);
}

void dir_read_invitations(struct dir *dir, const char *conversation, const char *creator,
                          struct text *text)
{
    struct place place = {0};
    bool goes_on = true;

    while (goes_on) {
        struct cc_directory_invitations op = {
            .conversation = conversation ? slice_str(conversation) : slice_of(NULL, 0),
            .creator = conversation ? slice_of(NULL, 0) : slice_str(creator),
            .after = slice_of(place.bytes, place.size),
            .limit = dir->page,
        };

        goes_on = add_status(text, DIR_RUN(dir, invitations, &op));
        for (size_t i = 0; goes_on && i < op.ret_count; i++) {
            add_separator(text);
            text_add(text, "%.*s:%.*s", SLICE_ARGUMENTS(op.ret_invitations[i].token),
                     SLICE_ARGUMENTS(op.ret_invitations[i].conversation));
            goes_on = place_move(&place, op.ret_invitations[i].token, text);
        }
        goes_on = goes_on && page_goes_on(dir, op.ret_count, op.ret_more, text);
        cc_op_release(&op.op);
    }
}
