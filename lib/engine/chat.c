/*
 * From a command to a proposal: resolve → access → filters → record → log → reply. What would be
 * refused on that way is told so only when it is no retry of what stands in the log (retry.h).
 */
#include "engine/chat.h"

#include "base/trace_parent.h"
#include "chatcore/error.h"
#include "engine/access.h"
#include "engine/dedup.h"
#include "engine/groups.h"
#include "engine/media.h"
#include "engine/message_read.h"
#include "engine/propose.h"
#include "engine/redact.h"
#include "engine/retry.h"
#include "engine/user.h"
#include "wire/meta.h"
#include "wire/uuid.h"

/* An emoji is a short run of code points: with modifiers and joiners a family takes about 50 bytes.
 */
#define EMOJI_BYTES_MAX 64

/* --- the way into the log -----------------------------------------------------------------------
 */

static void record_init(struct request *request, enum cc_message_kind kind, struct record *record)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_message *message = &record->message;

    memset(record, 0, sizeof *record);
    message->kind = kind;
    message->conversation = request->conversation;
    message->from = request->user->name;
    id_new(&engine->ids, engine->now.wall_ms, &message->id);
    message->ts = id_timestamp(&message->id);
    message->flagged = request->flagged;
    record->full_dedup = engine->now.mono_ms - request->session->connected_ms < DEDUP_FULL_MS;
}

static void propose_record(struct request *request, struct record *record,
                           proposal_answered answered)
{
    int r = propose(request, record, answered);

    if (r)
        request_fail(request, r);
    else
        request_leave_place(request);
}

static void answered_with_seq(struct request *request, const struct verdict *verdict)
{
    struct cc_reply reply = {.seq = verdict->seq};

    if (verdict->status)
        request_fail(request, verdict->status);
    else
        request_reply(request, &reply);
}

/* --- refusing -----------------------------------------------------------------------------------
 */

struct refusal {
    int status;
    struct cc_slice reason;
};

static void retry_answer(struct request *request, const struct cc_id *first)
{
    struct cc_reply reply = {.conversation = request->conversation,
                             .message = *first,
                             .ts = id_timestamp(first),
                             .duplicate = true};

    request_engine(request)->stats.duplicates++;
    request_reply(request, &reply);
}

static void retry_looked_for(struct request *request, const struct cc_id *first, int status)
{
    const struct refusal *refusal = request->state;

    if (first)
        retry_answer(request, first);
    else if (status)
        request_fail(request, status);
    else
        request_fail_text(request, refusal->status, refusal->reason, 0);
}

/* Refused for what it says or who says it: a client takes that for the end, and would not send
 * again. */
static bool is_final(int status)
{
    return status == CC_EREJECTED || status == CC_EFORBIDDEN || status == CC_EBLOCKED ||
           status == CC_ENOTFOUND;
}

/* `reason` is in the request's arena, or empty. */
static void refuse(struct request *request, int status, struct cc_slice reason)
{
    struct refusal *refusal;

    if (request->command->type != CC_COMMAND_SEND || !is_final(status)) {
        request_fail_text(request, status, reason, 0);
        return;
    }
    refusal = arena_alloc(&request->arena, sizeof *refusal);
    if (!refusal) {
        request_fail(request, CC_ENOMEM);
        return;
    }
    refusal->status = status;
    refusal->reason = reason;
    request->state = refusal;
    retry_find(request, retry_looked_for);
}

/* --- filters ------------------------------------------------------------------------------------
 */

static void ask_filter(struct request *request);

static void fail_rejected(struct request *request)
{
    struct cc_filter_check *check = &request->op.filter;
    struct cc_slice reason;

    if (arena_copy(&request->arena, check->ret_reason, &reason) != 0)
        reason = slice_of(NULL, 0);
    cc_op_release(&check->op);
    refuse(request, CC_EREJECTED, reason);
}

static void filter_answered(struct request *request, int status)
{
    struct cc_filter_check *check = &request->op.filter;

    if (!status && check->ret_verdict == CC_FILTER_REJECT) {
        fail_rejected(request);
        return;
    }
    if (!status && check->ret_verdict == CC_FILTER_CHANGE)
        status = arena_copy(&request->arena, check->ret_text, &request->filtered_text);
    if (!status && check->ret_verdict == CC_FILTER_FLAG)
        request->flagged = true;
    cc_op_release(&check->op);
    if (status) {
        request_fail(request, status);
        return;
    }
    request->filter_index++;
    ask_filter(request);
}

static bool is_first_contact(const struct request *request)
{
    return request->direct_state == DIRECT_MISSING &&
           !(request->relation.from_other & CC_RELATION_CONTACT);
}

/* Asks the next filter, or goes on when all have passed. */
static void ask_filter(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_filter_check *check = &request->op.filter;
    const struct cc_filter *filter = &engine->filters[request->filter_index];

    if (request->filter_index == engine->filter_count) {
        request->filtered(request);
        return;
    }
    memset(check, 0, sizeof *check);
    check->now = engine->now;
    check->user = request->user->name;
    check->conversation = request->conversation;
    check->kind = request->conversation_kind;
    check->first_contact = is_first_contact(request);
    check->text = request->filtered_text;
    check->ret_verdict = CC_FILTER_PASS;
    request_op_begin(request, filter_answered);
    filter->vtable->check(filter->self, check);
}

static void filter_text(struct request *request, void (*filtered)(struct request *request))
{
    request->filtered_text = request->command->text;
    request->filtered = filtered;
    request->filter_index = 0;
    ask_filter(request);
}

/* --- send ---------------------------------------------------------------------------------------
 */

static void send_answered(struct request *request, const struct verdict *verdict)
{
    struct cc_reply reply = {.conversation = request->conversation,
                             .message = verdict->id,
                             .ts = verdict->ts,
                             .duplicate = verdict->is_duplicate};

    if (verdict->status)
        request_fail(request, verdict->status);
    else
        request_reply(request, &reply);
}

static void send_filtered(struct request *request)
{
    const struct cc_command *command = request->command;
    struct record record;
    struct cc_message *message = &record.message;

    record_init(request, command->media_count ? CC_MESSAGE_MEDIA : CC_MESSAGE_TEXT, &record);
    message->client_id = command->client_id;
    message->text = request->filtered_text;
    message->media = command->media;
    message->media_count = command->media_count;
    message->files = request->files;
    message->reply_to = command->reply_to;
    message->mentions = command->users;
    message->mention_count = command->user_count;
    message->meta = command->meta;
    message->trace_parent = trace_parent_of(command->trace_parent);
    propose_record(request, &record, send_answered);
}

static int may_post(const struct access *access)
{
    if (access->kind == CC_KIND_CHANNEL && access->role < CC_ROLE_ADMIN)
        return CC_EFORBIDDEN;
    return 0;
}

/* Only what has passed the filters makes a conversation. */
static void direct_made(struct request *request, int status)
{
    if (status)
        request_fail(request, status);
    else
        send_filtered(request);
}

static void send_passed(struct request *request)
{
    groups_make_direct(request, direct_made);
}

static void media_attached(struct request *request)
{
    filter_text(request, send_passed);
}

/* What memory knows for a retry is answered before a filter counts it once more, or its media are
 * looked for. */
static void send_allowed(struct request *request)
{
    bool is_watched = request_engine(request)->filter_count || request->command->media_count;
    struct cc_id first;

    if (is_watched && retry_in_memory(request, &first))
        retry_answer(request, &first);
    else
        media_attach(request, media_attached);
}

static void direct_found(struct request *request, int status)
{
    request->conversation_kind = CC_KIND_DIRECT;
    if (status)
        refuse(request, status, slice_of(NULL, 0));
    else
        send_allowed(request);
}

static void send_checked(struct request *request, const struct access *access, int status)
{
    if (!status)
        status = may_post(access);
    if (status) {
        refuse(request, status, slice_of(NULL, 0));
        return;
    }
    request->conversation_kind = access->kind;
    if (access->kind == CC_KIND_DIRECT)
        groups_check_direct(request, direct_found);
    else
        send_allowed(request);
}

/* 0, or what is wrong with the command whatever the conversation. */
static int check_send(struct request *request)
{
    const struct cc_command *command = request->command;
    size_t bytes = command->text.size + command->meta.size;

    if (!command->client_id.size || command->client_id.size > CC_NAME_MAX)
        return CC_EINVAL;
    if ((command->conversation.size > 0) == (command->user.size > 0))
        return CC_EINVAL;
    if (!bytes && !command->media_count)
        return CC_EINVAL;
    if (bytes > request_engine(request)->limits.max_message_bytes)
        return CC_ETOOLARGE;
    if (command->user_count > CC_COMMAND_MENTIONS_MAX ||
        command->media_count > CC_COMMAND_MEDIA_MAX)
        return CC_ETOOLARGE;
    if (!utf8_is_valid(command->text))
        return CC_EINVAL;
    return command->meta.size ? meta_check(command->meta) : 0;
}

void chat_send(struct request *request)
{
    int r = check_send(request);

    if (r)
        request_fail(request, r);
    else if (request->command->user.size)
        groups_find_direct(request, direct_found);
    else
        access_check(request, send_checked);
}

/* --- edit, delete, react -------------------------------------------------------------------------
 */

/* The message meant is found by its id among those of the conversation: see message_read.h. */

static void edit_filtered(struct request *request)
{
    struct record record;

    record_init(request, CC_MESSAGE_EDIT, &record);
    record.message.target = request->command->message;
    record.message.text = request->filtered_text;
    record.target_seq = request->target_seq;
    propose_record(request, &record, answered_with_seq);
}

/* The media of what is deleted stand in the record: applying it takes them out of the conversation.
 */
static void propose_on_target(struct request *request, const struct cc_message *target,
                              enum cc_message_kind kind)
{
    struct record record;

    record_init(request, kind, &record);
    record.message.target = request->command->message;
    record.message.emoji = request->command->emoji;
    record.message.on = request->command->on;
    if (kind == CC_MESSAGE_DELETE) {
        record.target_seq = target->seq;
        record.message.media = target->media;
        record.message.media_count = target->media_count;
    }
    propose_record(request, &record, answered_with_seq);
}

static bool is_author(const struct request *request, const struct cc_message *target)
{
    return slice_equal(target->from, request->user->name);
}

static bool can_change(const struct cc_message *target)
{
    return target->kind == CC_MESSAGE_TEXT || target->kind == CC_MESSAGE_MEDIA;
}

static void edit_found(struct request *request, const struct cc_message *target, int status)
{
    if (!status && !can_change(target))
        status = CC_EINVAL;
    if (!status && !is_author(request, target))
        status = CC_EFORBIDDEN;
    if (!status && redact_is_blank(target))
        status = CC_ENOTFOUND;
    if (status) {
        request_fail(request, status);
        return;
    }
    request->target_seq = target->seq;
    filter_text(request, edit_filtered);
}

static void delete_found(struct request *request, const struct cc_message *target, int status)
{
    if (!status && !can_change(target))
        status = CC_EINVAL;
    if (!status && !is_author(request, target) && request->role < CC_ROLE_ADMIN)
        status = CC_EFORBIDDEN;
    if (status)
        request_fail(request, status);
    else
        propose_on_target(request, target, CC_MESSAGE_DELETE);
}

static void react_found(struct request *request, const struct cc_message *target, int status)
{
    if (!status && !can_change(target))
        status = CC_EINVAL;
    if (!status && redact_is_blank(target))
        status = CC_ENOTFOUND;
    if (status)
        request_fail(request, status);
    else
        propose_on_target(request, target, CC_MESSAGE_REACTION);
}

static void target_allowed(struct request *request, int status)
{
    static void (*const found[CC_COMMAND_COUNT])(struct request *, const struct cc_message *,
                                                 int) = {
        [CC_COMMAND_EDIT] = edit_found,
        [CC_COMMAND_DELETE] = delete_found,
        [CC_COMMAND_REACT] = react_found,
    };

    if (status)
        request_fail(request, status);
    else
        message_read_by_id(request,
                           conversation_find(request_engine(request), request->conversation),
                           &request->command->message, found[request->command->type]);
}

/* Who is blocked can take back what he said, and no more. */
static void target_checked(struct request *request, const struct access *access, int status)
{
    if (status) {
        request_fail(request, status);
        return;
    }
    request->role = access->role;
    request->conversation_kind = access->kind;
    if (access->kind == CC_KIND_DIRECT && request->command->type != CC_COMMAND_DELETE)
        groups_check_direct(request, target_allowed);
    else
        target_allowed(request, 0);
}

static void check_target(struct request *request)
{
    if (uuid_is_none(&request->command->message))
        request_fail(request, CC_EINVAL);
    else
        access_check(request, target_checked);
}

void chat_edit(struct request *request)
{
    struct cc_slice text = request->command->text;

    if (!text.size || !utf8_is_valid(text))
        request_fail(request, CC_EINVAL);
    else if (text.size > request_engine(request)->limits.max_message_bytes)
        request_fail(request, CC_ETOOLARGE);
    else
        check_target(request);
}

void chat_delete(struct request *request)
{
    check_target(request);
}

void chat_react(struct request *request)
{
    struct cc_slice emoji = request->command->emoji;

    if (!emoji.size || emoji.size > EMOJI_BYTES_MAX || !utf8_is_valid(emoji))
        request_fail(request, CC_EINVAL);
    else
        check_target(request);
}
