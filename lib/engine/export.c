/*
 * `export`: page by page, what a user has left here. Each page is of one part; the parts come in
 * the order of `enum cc_export_part`. The cursor says where the next page begins:
 *
 *   PART:SEQ:NAME    behind NAME in the part's list; of messages: in the conversation NAME, from
 * SEQ
 *
 * Messages are found by going through all conversations, so that those of groups left long ago are
 * among them; a page looks at a bounded number of rows and may have no message.
 */
#include "chatcore/error.h"
#include "engine/privacy.h"
#include "engine/summary.h"
#include "engine/user.h"
#include "wire/decimal.h"
#include "wire/record.h"

/* Entries of a list, or rows read at once. */
#define EXPORT_PAGE 200

/* Reads of rows for one page of messages: bounds how long it takes. */
#define EXPORT_READS 50

/* The longest cursor: part, 20 digits, a name. */
#define EXPORT_CURSOR_MAX (1 + 1 + 20 + 1 + CC_NAME_MAX)

struct exporting {
    enum cc_export_part part;
    uint64_t seq;
    char name[CC_NAME_MAX]; /* of the list, or the conversation */
    size_t name_size;
    struct cc_reply reply;
    struct cc_conversation_summary *summaries;
    struct cc_slice *ids; /* of the summaries */
    struct cc_message *messages;
    unsigned reads;
};

static void read_messages(struct request *request);

static struct cc_slice name_of(const struct exporting *exporting)
{
    return slice_of(exporting->name, exporting->name_size);
}

static void set_name(struct exporting *exporting, struct cc_slice name)
{
    if (name.size)
        memcpy(exporting->name, name.data, name.size);
    exporting->name_size = name.size;
}

/* --- the cursor ---------------------------------------------------------------------------------
 */

/* A number, and the colon behind it. */
static bool take_number(struct cc_slice *text, uint64_t *ret_number)
{
    if (!decimal_take(text, ret_number) || !text->size || *text->data != ':')
        return false;
    *text = slice_of(text->data + 1, text->size - 1);
    return true;
}

/* False for what export has not written. */
static bool read_cursor(struct exporting *exporting, struct cc_slice text)
{
    uint64_t part = CC_EXPORT_PROFILE;

    exporting->part = CC_EXPORT_PROFILE;
    if (!text.size)
        return true;
    if (!take_number(&text, &part) || part < CC_EXPORT_PROFILE || part > CC_EXPORT_INVITATIONS ||
        !take_number(&text, &exporting->seq) || (text.size && !name_is_valid(text)))
        return false;
    exporting->part = (enum cc_export_part)part;
    set_name(exporting, text);
    return true;
}

static size_t put_number(char *to, uint64_t number)
{
    size_t count = decimal_put(to, number);

    to[count] = ':';
    return count + 1;
}

/* Ends the request with a page; `part` is that of the next one, 0: there is none. */
static void reply_page(struct request *request, unsigned part)
{
    struct exporting *exporting = request->state;
    struct cc_reply *reply = &exporting->reply;
    char cursor[EXPORT_CURSOR_MAX];
    size_t size = 0;

    reply->export_part = exporting->part;
    reply->more = part != 0;
    if (part) {
        size = put_number(cursor, part);
        size += put_number(cursor + size, exporting->seq);
        if (exporting->name_size)
            memcpy(cursor + size, exporting->name, exporting->name_size);
        size += exporting->name_size;
    }
    reply->cursor = slice_of(cursor, size);
    request_reply(request, reply);
}

/* The next page is of the same part if there is more of it, behind `last`. */
static void reply_list(struct request *request, bool more, struct cc_slice last)
{
    struct exporting *exporting = request->state;

    set_name(exporting, more ? last : slice_of(NULL, 0));
    reply_page(request, (unsigned)exporting->part + !more);
}

/* --- the profile, devices, relations ------------------------------------------------------------
 */

static void profile_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_directory_profile *op = &request->op.profile;
    struct cc_profile profile = {.user = request->command->user};

    if (status && status != CC_ENOTFOUND) {
        request_fail(request, status);
        return;
    }
    if (!status) {
        profile.name = op->ret_name;
        profile.avatar = op->ret_avatar;
        profile.meta = op->ret_meta;
        profile.privacy = op->ret_privacy;
    }
    exporting->reply.profile = &profile;
    reply_list(request, false, slice_of(NULL, 0));
}

static void read_profile(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.profile.user = request->command->user;
    request_op_begin(request, profile_read);
    engine->directory.vtable->profile_get(engine->directory.self, &request->op.profile);
}

static void devices_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_directory_devices *op = &request->op.devices;
    struct cc_push_device *devices =
        arena_alloc(&request->arena, (status ? 1 : op->ret_count + 1) * sizeof *devices);

    if (status || !devices) {
        request_fail(request, status ? status : CC_ENOMEM);
        return;
    }
    for (size_t i = 0; i < op->ret_count; i++)
        devices[i] = (struct cc_push_device){op->ret_devices[i].device, op->ret_devices[i].provider,
                                             op->ret_devices[i].token};
    exporting->reply.devices = devices;
    exporting->reply.device_count = op->ret_count;
    reply_list(request, false, slice_of(NULL, 0));
}

static void read_devices(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.devices.user = request->command->user;
    request_op_begin(request, devices_read);
    engine->directory.vtable->devices(engine->directory.self, &request->op.devices);
}

static void related_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_directory_related *op = &request->op.related;

    if (status) {
        request_fail(request, status);
        return;
    }
    exporting->reply.users = op->ret_users;
    exporting->reply.user_count = op->ret_count;
    reply_list(request, op->ret_more,
               op->ret_count ? op->ret_users[op->ret_count - 1] : slice_of(NULL, 0));
}

static void read_related(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct exporting *exporting = request->state;
    struct cc_directory_related *op = &request->op.related;

    memset(&request->op, 0, sizeof request->op);
    op->user = request->command->user;
    op->relation =
        exporting->part == CC_EXPORT_CONTACTS ? CC_RELATION_CONTACT : CC_RELATION_BLOCKED;
    op->after = name_of(exporting);
    op->limit = EXPORT_PAGE;
    request_op_begin(request, related_read);
    engine->directory.vtable->related(engine->directory.self, op);
}

/* --- conversations, with what was read of them --------------------------------------------------
 */

static void cursors_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_store_read_cursors *op = &request->op.cursors;
    size_t count = exporting->reply.conversation_count;

    for (size_t i = 0; !status && i < op->ret_count; i++) {
        size_t at = slice_find(exporting->ids, count, op->ret_cursors[i].conversation);

        if (at == count)
            continue;
        exporting->summaries[at].read = op->ret_cursors[i].read;
        exporting->summaries[at].delivered = op->ret_cursors[i].delivered;
    }
    if (status)
        request_fail(request, status);
    else
        reply_list(request, exporting->reply.more,
                   count ? exporting->ids[count - 1] : slice_of(NULL, 0));
}

static void read_cursors(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct exporting *exporting = request->state;
    struct cc_store_read_cursors *op = &request->op.cursors;

    memset(&request->op, 0, sizeof request->op);
    op->user = request->command->user;
    op->conversations = exporting->ids;
    op->count = exporting->reply.conversation_count;
    op->limit = op->count;
    request_op_begin(request, cursors_read);
    engine->store.vtable->read_cursors(engine->store.self, op);
}

static int take_membership(struct request *request, const struct cc_membership *membership)
{
    struct exporting *exporting = request->state;
    size_t at = exporting->reply.conversation_count++;
    int r = summary_of_membership(&request->arena, membership, request->command->user,
                                  &exporting->summaries[at]);

    exporting->ids[at] = exporting->summaries[at].conversation.id;
    return r;
}

static void memberships_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_directory_memberships *op = &request->op.memberships;
    size_t count = status ? 0 : op->ret_count;

    exporting->summaries = arena_alloc(&request->arena, (count + 1) * sizeof *exporting->summaries);
    exporting->ids = arena_alloc(&request->arena, (count + 1) * sizeof *exporting->ids);
    if (!status && (!exporting->summaries || !exporting->ids))
        status = CC_ENOMEM;
    for (size_t i = 0; !status && i < count; i++)
        status = take_membership(request, &op->ret_memberships[i]);
    exporting->reply.more = !status && op->ret_more;
    exporting->reply.conversations = exporting->summaries;
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        read_cursors(request);
}

static void read_conversations(struct request *request)
{
    request_read_memberships(request, request->command->user, name_of(request->state), EXPORT_PAGE,
                             memberships_read);
}

/* --- messages -----------------------------------------------------------------------------------
 */

/* Notes a row that the user wrote. A record that can't be read is left out. */
static int take_row(struct request *request, const struct cc_store_row *row)
{
    struct exporting *exporting = request->state;
    struct record record;
    struct cc_slice body;
    int r = arena_copy(&request->arena, row->body, &body);

    if (r)
        return r;
    r = record_decode(body, &request->arena, &record);
    if (r || !slice_equal(record.message.from, request->command->user))
        return r == CC_ENOMEM ? r : 0;
    record.message.seq = row->seq;
    record.message.ts = id_timestamp(&record.message.id);
    r = arena_copy(&request->arena, row->conversation, &record.message.conversation);
    exporting->messages[exporting->reply.message_count++] = record.message;
    return r;
}

/* Another page of rows fits, and the request has not taken long. */
static bool has_room(const struct exporting *exporting)
{
    return exporting->reply.message_count + EXPORT_PAGE <= 2 * EXPORT_PAGE &&
           exporting->reads < EXPORT_READS;
}

static void head_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_store_list_heads *op = &request->op.list_heads;
    bool is_end = !status && !op->ret_count;

    if (!status && !is_end)
        set_name(exporting, op->ret_heads[0].conversation);
    cc_op_release(&request->op.op);
    exporting->seq = 1;
    if (is_end)
        set_name(exporting, slice_of(NULL, 0));
    if (status)
        request_fail(request, status);
    else if (is_end)
        reply_page(request, CC_EXPORT_INVITATIONS);
    else if (has_room(exporting))
        read_messages(request);
    else
        reply_page(request, CC_EXPORT_MESSAGES);
}

static void read_next_head(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct exporting *exporting = request->state;
    struct cc_store_list_heads *op = &request->op.list_heads;

    memset(&request->op, 0, sizeof request->op);
    op->after = name_of(exporting);
    op->limit = 1;
    request_op_begin(request, head_read);
    engine->store.vtable->list_heads(engine->store.self, op);
}

static void rows_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_store_read_rows *op = &request->op.rows;
    size_t count = status ? 0 : op->ret_count;

    for (size_t i = 0; !status && i < count; i++)
        status = take_row(request, &op->ret_rows[i]);
    if (count)
        exporting->seq = op->ret_rows[count - 1].seq + 1;
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else if (count < EXPORT_PAGE)
        read_next_head(request);
    else if (has_room(exporting))
        read_messages(request);
    else
        reply_page(request, CC_EXPORT_MESSAGES);
}

static void read_messages(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct exporting *exporting = request->state;
    struct cc_store_read_rows *op = &request->op.rows;

    exporting->reads++;
    memset(&request->op, 0, sizeof request->op);
    op->conversation = name_of(exporting);
    op->from = exporting->seq;
    op->to = UINT64_MAX;
    op->limit = EXPORT_PAGE;
    request_op_begin(request, rows_read);
    engine->store.vtable->read_rows(engine->store.self, op);
}

static void begin_messages(struct request *request)
{
    struct exporting *exporting = request->state;

    exporting->messages =
        arena_alloc(&request->arena, 2 * EXPORT_PAGE * sizeof *exporting->messages);
    exporting->reply.messages = exporting->messages;
    if (!exporting->messages)
        request_fail(request, CC_ENOMEM);
    else if (exporting->name_size)
        read_messages(request);
    else
        read_next_head(request);
}

/* --- invitations --------------------------------------------------------------------------------
 */

static void invitations_read(struct request *request, int status)
{
    struct exporting *exporting = request->state;
    const struct cc_directory_invitations *op = &request->op.invitations;

    if (status) {
        request_fail(request, status);
        return;
    }
    exporting->reply.invitations = op->ret_invitations;
    exporting->reply.invitation_count = op->ret_count;
    if (op->ret_more && op->ret_count)
        set_name(exporting, op->ret_invitations[op->ret_count - 1].token);
    reply_page(request, op->ret_more && op->ret_count ? CC_EXPORT_INVITATIONS : 0);
}

static void read_invitations(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_invitations *op = &request->op.invitations;

    memset(&request->op, 0, sizeof request->op);
    op->creator = request->command->user;
    op->after = name_of(request->state);
    op->limit = EXPORT_PAGE;
    request_op_begin(request, invitations_read);
    engine->directory.vtable->invitations(engine->directory.self, op);
}

void privacy_export(struct request *request)
{
    static void (*const parts[])(struct request * request) = {
        [CC_EXPORT_PROFILE] = read_profile,
        [CC_EXPORT_DEVICES] = read_devices,
        [CC_EXPORT_CONTACTS] = read_related,
        [CC_EXPORT_BLOCKED] = read_related,
        [CC_EXPORT_CONVERSATIONS] = read_conversations,
        [CC_EXPORT_MESSAGES] = begin_messages,
        [CC_EXPORT_INVITATIONS] = read_invitations,
    };
    struct exporting *exporting = arena_alloc(&request->arena, sizeof *exporting);

    if (!exporting) {
        request_fail(request, CC_ENOMEM);
        return;
    }
    memset(exporting, 0, sizeof *exporting);
    request->state = exporting;
    if (!name_is_valid(request->command->user) || !read_cursor(exporting, request->command->cursor))
        request_fail(request, CC_EINVAL);
    else if (!privacy_is_allowed(request))
        request_fail(request, CC_EFORBIDDEN);
    else
        parts[exporting->part](request);
}
