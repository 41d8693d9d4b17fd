/*
 * What stands in a data folder, one JSON object a line: a visitor that prints. Each function
 * answers 0, or what ends the walk.
 */
#include "command.h"
#include "files.h"
#include "print.h"
#include "progress.h"

#include <chatcore/backend/lmdb.h>
#include <chatcore/error.h>
#include <chatcore/host.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line that could not be printed has been told of; the walk ends with this. */
static int printed(json_t *object)
{
    return print_object(object) == EXIT_DONE ? 0 : CC_EIO;
}

/* A line whose end is a message: `line` has what stands before it. What can't be decoded is told in
 * its place. */
static int print_message(const char *line, struct cc_slice record, uint64_t seq)
{
    struct cc_slice text;
    int r = cc_record_to_json(NULL, record, seq, &text);

    if (r == CC_ENOMEM)
        return r;
    if (r)
        return printf("%s,\"damaged\":\"%s\"}\n", line, cc_strerror(r)) < 0 ? CC_EIO : 0;
    r = printf("%s,%.*s\n", line, (int)text.size - 1, text.data + 1) < 0 ? CC_EIO : 0;
    free((char *)text.data);
    return r;
}

/* --- the log --- */

static int on_record(void *context, uint32_t partition, const struct cc_log_record *record)
{
    char line[128];

    (void)context;
    snprintf(line, sizeof line,
             "{\"table\":\"record\",\"partition\":%" PRIu32 ",\"offset\":%" PRIu64, partition,
             record->offset);
    return print_message(line, record->data, 0);
}

static int on_position(void *context, struct cc_slice consumer, uint32_t partition, uint64_t offset)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:I, s:I}", "table", "position", "consumer",
                             print_text(consumer), "partition", (json_int_t)partition, "offset",
                             (json_int_t)offset));
}

/* --- the store --- */

static int on_offset(void *context, uint32_t partition, uint64_t offset)
{
    (void)context;
    return printed(json_pack("{s:s, s:I, s:I}", "table", "offset", "partition",
                             (json_int_t)partition, "offset", (json_int_t)offset));
}

static int on_head(void *context, const struct cc_store_head *head)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "table", "head", "conversation",
                             print_text(head->conversation), "seq", (json_int_t)head->seq, "offset",
                             (json_int_t)head->offset, "member_version",
                             (json_int_t)head->member_version, "ts", (json_int_t)head->ts, "said",
                             (json_int_t)head->said));
}

static int on_row(void *context, const struct cc_store_row *row)
{
    char line[64];

    (void)context;
    snprintf(line, sizeof line, "{\"table\":\"row\",\"offset\":%" PRIu64, row->offset);
    return print_message(line, row->body, row->seq);
}

static int on_inbox(void *context, uint32_t partition, const struct cc_store_inbox *entry)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:I, s:I, s:o, s:I}", "table", "inbox", "user",
                             print_text(entry->user), "partition", (json_int_t)partition, "offset",
                             (json_int_t)entry->offset, "conversation",
                             print_text(entry->conversation), "seq", (json_int_t)entry->seq));
}

static int on_cursor(void *context, const struct cc_store_cursor *cursor)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:o, s:o, s:I, s:I}", "table", "cursor", "user",
                             print_text(cursor->user), "device", print_text(cursor->device),
                             "conversation", print_text(cursor->conversation), "delivered",
                             (json_int_t)cursor->delivered, "read", (json_int_t)cursor->read));
}

/* --- the directory --- */

static int on_profile(void *context, const struct cc_lmdb_profile *profile)
{
    json_t *meta = json_null();

    (void)context;
    if (profile->meta.size) {
        struct cc_slice text;
        int r = cc_meta_to_json(NULL, profile->meta, &text);

        if (r)
            return r;
        meta = json_loadb(text.data, text.size, JSON_DECODE_ANY, NULL);
        free((char *)text.data);
    }
    return printed(json_pack("{s:s, s:o, s:o, s:o, s:o}", "table", "profile", "user",
                             print_text(profile->user), "name", print_text(profile->name), "avatar",
                             print_text(profile->avatar), "meta", meta));
}

static int on_relation(void *context, struct cc_slice user, struct cc_slice other,
                       unsigned relation)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:o, s:b, s:b}", "table", "relation", "user",
                             print_text(user), "other", print_text(other), "contact",
                             (relation & CC_RELATION_CONTACT) != 0, "blocked",
                             (relation & CC_RELATION_BLOCKED) != 0));
}

static int on_device(void *context, struct cc_slice user, const struct cc_device *device)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:o, s:o, s:o}", "table", "device", "user",
                             print_text(user), "device", print_text(device->device), "provider",
                             print_text(device->provider), "token", print_text(device->token)));
}

static int on_conversation(void *context, const struct cc_conversation *conversation)
{
    (void)context;
    return printed(json_pack(
        "{s:s, s:o, s:s, s:o, s:I, s:I, s:I, s:I}", "table", "conversation", "id",
        print_text(conversation->id), "kind", print_kind(conversation->kind), "name",
        print_text(conversation->name), "members", (json_int_t)conversation->member_count,
        "version", (json_int_t)conversation->version, "created", (json_int_t)conversation->created,
        "retention_s", (json_int_t)conversation->retention_s));
}

static int on_member(void *context, struct cc_slice conversation, const struct cc_member *member)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:o, s:s, s:I}", "table", "member", "conversation",
                             print_text(conversation), "user", print_text(member->user), "role",
                             print_role(member->role), "since_version",
                             (json_int_t)member->since_version));
}

static int on_membership(void *context, struct cc_slice user, struct cc_slice conversation,
                         int64_t muted_until)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:o, s:I}", "table", "membership", "user",
                             print_text(user), "conversation", print_text(conversation),
                             "muted_until", (json_int_t)muted_until));
}

static int on_outbox(void *context, uint32_t partition, const struct cc_outbox_entry *entry)
{
    (void)context;
    return printed(json_pack("{s:s, s:I, s:o, s:I}", "table", "change", "partition",
                             (json_int_t)partition, "conversation", print_text(entry->conversation),
                             "version", (json_int_t)entry->version));
}

static int on_revocation(void *context, const struct cc_revocation *revocation)
{
    (void)context;
    return printed(json_pack("{s:s, s:s, s:o, s:I, s:I}", "table", "revocation", "kind",
                             revocation->kind == CC_REVOKED_USER ? "user" : "token", "name",
                             print_text(revocation->name), "number", (json_int_t)revocation->number,
                             "before", (json_int_t)revocation->before));
}

static int on_invitation(void *context, const struct cc_invitation *invitation)
{
    (void)context;
    return printed(json_pack(
        "{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "table", "invitation", "token",
        print_text(invitation->token), "conversation", print_text(invitation->conversation),
        "creator", print_text(invitation->creator), "created", (json_int_t)invitation->created,
        "expires", (json_int_t)invitation->expires, "max_uses", (json_int_t)invitation->max_uses,
        "uses", (json_int_t)invitation->uses));
}

static int on_barred(void *context, struct cc_slice conversation, struct cc_slice user)
{
    (void)context;
    return printed(json_pack("{s:s, s:o, s:o}", "table", "barred", "conversation",
                             print_text(conversation), "user", print_text(user)));
}

/* --- choosing --- */

static void visit_log(struct cc_lmdb_visitor *visitor)
{
    visitor->record = on_record;
    visitor->position = on_position;
}

static void visit_store(struct cc_lmdb_visitor *visitor)
{
    visitor->offset = on_offset;
    visitor->head = on_head;
    visitor->row = on_row;
    visitor->inbox = on_inbox;
    visitor->cursor = on_cursor;
}

static void visit_directory(struct cc_lmdb_visitor *visitor)
{
    visitor->profile = on_profile;
    visitor->relation = on_relation;
    visitor->device = on_device;
    visitor->conversation = on_conversation;
    visitor->member = on_member;
    visitor->membership = on_membership;
    visitor->outbox = on_outbox;
    visitor->revocation = on_revocation;
    visitor->invitation = on_invitation;
    visitor->barred = on_barred;
}

int command_dump(const struct invocation *invocation)
{
    static const struct {
        const char *name;
        void (*visit)(struct cc_lmdb_visitor *visitor);
    } parts[] = {{"log", visit_log}, {"store", visit_store}, {"directory", visit_directory}};
    struct cc_lmdb_walk_options options = CC_LMDB_WALK_OPTIONS_INIT;
    struct cc_lmdb_visitor visitor = CC_LMDB_VISITOR_INIT;
    const char *wanted = invocation->count > 1 ? invocation->arguments[1] : NULL;
    bool is_known = !wanted;
    int r;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!wanted || !strcmp(wanted, parts[i].name)) {
            parts[i].visit(&visitor);
            is_known = true;
        }
    if (!is_known)
        return command_misused("dump");
    options.path = invocation->arguments[0];
    options.progress = progress_of(invocation);
    if (!files_are_data(options.path))
        return EXIT_FAILED;
    r = cc_lmdb_walk(&options, &visitor);
    if (fflush(stdout))
        return EXIT_FAILED;
    return r ? command_failed(options.path, cc_strerror(r)) : EXIT_DONE;
}
