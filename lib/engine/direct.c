/*
 * Direct conversations: one for each pair of users, made by the first message.
 *
 * Its creation takes no seq. The record may stand in the log several times (both sides at once, a
 * node that sees the conversation in the directory but not yet in the log): the sequencer applies
 * the first and skips the others, which all say the same.
 */
#include "chatcore/error.h"
#include "engine/groups.h"
#include "engine/partition.h"
#include "engine/propose.h"
#include "engine/relations.h"
#include "engine/user.h"

/*
 * A conversation that was created less than this ago may not have reached the log: its creator may
 * have crashed, or be slow. Whoever writes into it meanwhile appends the creation, too.
 */
#define DIRECT_SETTLE_MS 3600000

struct cc_slice direct_name(struct cc_slice user, struct cc_slice other,
                            char bytes[DIRECT_NAME_MAX])
{
    bool is_swapped = slice_compare(user, other) > 0;
    struct cc_slice low = is_swapped ? other : user;
    struct cc_slice high = is_swapped ? user : other;

    memcpy(bytes, low.data, low.size);
    bytes[low.size] = ' ';
    memcpy(bytes + low.size + 1, high.data, high.size);
    return slice_of(bytes, low.size + 1 + high.size);
}

struct cc_slice direct_peer(struct cc_slice name, struct cc_slice user)
{
    const char *space = name.size ? memchr(name.data, ' ', name.size) : NULL;
    struct cc_slice low;
    struct cc_slice high;

    if (!space)
        return slice_of(NULL, 0);
    low = slice_of(name.data, (size_t)(space - name.data));
    high = slice_of(space + 1, name.size - low.size - 1);
    if (slice_equal(low, user))
        return high;
    return slice_equal(high, user) ? low : slice_of(NULL, 0);
}

/* --- creating ----------------------------------------------------------------------------------
 */

static void end(struct request *request, int status)
{
    if (!status)
        relations_found_direct(request_engine(request), request->user->name,
                               request->command->user);
    request->direct_done(request, status);
}

/* The creation's record. Nobody waits for it: it has no token. 0 or CC_ENOMEM. */
static int encode_creation(struct request *request, struct cc_slice *ret_payload)
{
    struct cc_engine *engine = request_engine(request);
    struct record record = {.conversation_kind = CC_KIND_DIRECT, .member_version = 1};
    struct cc_message *message = &record.message;
    char name[DIRECT_NAME_MAX];
    struct buffer bytes;
    int r = CC_ENOMEM;

    message->kind = CC_MESSAGE_SYSTEM;
    message->action = CC_SYSTEM_CREATED;
    message->conversation = request->conversation;
    message->from = request->user->name;
    message->users = &request->command->user;
    message->user_count = 1;
    message->name = direct_name(request->user->name, request->command->user, name);
    id_new(&engine->ids, engine->now.wall_ms, &message->id);
    message->ts = id_timestamp(&message->id);
    buffer_init(&bytes, &engine->allocator);
    record_encode(&bytes, &record);
    if (!bytes.failed)
        r = arena_copy(&request->arena, buffer_slice(&bytes), ret_payload);
    buffer_deinit(&bytes);
    return r;
}

static int append_creation(struct request *request)
{
    struct partition *partition = partition_of(request_engine(request), request->conversation);
    struct cc_slice payload;
    int r = encode_creation(request, &payload);

    return r ? r : propose_payload(partition, payload);
}

/* Created by us or, at the same time, by the other side: the log gets it in front of the message.
 */
static void created(struct request *request, int status)
{
    struct cc_slice payload = request->op.create.payload;

    cc_op_release(&request->op.op);
    if (!status || status == CC_EEXISTS)
        status =
            propose_payload(partition_of(request_engine(request), request->conversation), payload);
    end(request, status);
}

static void create(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_create *create = &request->op.create;
    struct cc_member *members = arena_alloc(&request->arena, 2 * sizeof *members);
    char *name = arena_alloc(&request->arena, DIRECT_NAME_MAX);
    int r = members && name ? 0 : CC_ENOMEM;

    memset(&request->op, 0, sizeof request->op);
    if (!r)
        r = encode_creation(request, &create->payload);
    if (r) {
        end(request, r);
        return;
    }
    memset(members, 0, 2 * sizeof *members);
    members[0].user = request->user->name;
    members[0].role = CC_ROLE_MEMBER;
    members[1].user = request->command->user;
    members[1].role = CC_ROLE_MEMBER;
    create->conversation = request->conversation;
    create->kind = CC_KIND_DIRECT;
    create->name = direct_name(members[0].user, members[1].user, name);
    create->created = engine->now.wall_ms;
    create->partition = engine_partition_of(engine, request->conversation);
    create->members = members;
    create->count = 2;
    request_op_begin(request, created);
    engine->directory.vtable->create(engine->directory.self, create);
}

static void looked_up(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    const struct cc_conversation *found = &request->op.conversation.ret_conversation;

    request->direct_state = DIRECT_UNSETTLED;
    if (status == CC_ENOTFOUND) {
        request->direct_state = DIRECT_MISSING;
        status = 0;
    } else if (!status && found->kind != CC_KIND_DIRECT) {
        status = CC_ECONFLICT; /* a host put something else there */
    } else if (!status && engine->now.wall_ms - found->created > DIRECT_SETTLE_MS) {
        request->direct_state = DIRECT_KNOWN;
        relations_found_direct(engine, request->user->name, request->command->user);
    }
    cc_op_release(&request->op.op);
    request->direct_done(request, status);
}

static void look_up(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.conversation.conversation = request->conversation;
    request_op_begin(request, looked_up);
    engine->directory.vtable->conversation(engine->directory.self, &request->op.conversation);
}

/* --- checking ----------------------------------------------------------------------------------
 */

static bool is_blocked(const struct request *request)
{
    return (request->relation.from_other & CC_RELATION_BLOCKED) != 0;
}

static bool is_known(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct conversation *conversation = conversation_find(engine, request->conversation);

    return (conversation && conversation->is_known && conversation->kind == CC_KIND_DIRECT) ||
           relations_have_direct(engine, request->user->name, request->command->user);
}

static void related(struct request *request, int status)
{
    if (!status && is_blocked(request))
        status = CC_EBLOCKED;
    if (status)
        request->direct_done(request, status);
    else if (is_known(request))
        request->direct_done(request, 0);
    else
        look_up(request);
}

void groups_find_direct(struct request *request, void (*done)(struct request *request, int status))
{
    struct cc_slice peer = request->command->user;

    if (!name_is_valid(peer) || slice_equal(peer, request->user->name)) {
        done(request, CC_EINVAL);
        return;
    }
    id_direct(request->user->name, peer, request->direct_id);
    request->conversation = slice_of(request->direct_id, ID_TEXT_SIZE);
    request->direct_done = done;
    request->direct_state = DIRECT_KNOWN;
    relations_check(request, peer, related);
}

void groups_make_direct(struct request *request, void (*done)(struct request *request, int status))
{
    request->direct_done = done;
    if (request->direct_state == DIRECT_MISSING)
        create(request);
    else if (request->direct_state == DIRECT_UNSETTLED)
        end(request, append_creation(request));
    else
        done(request, 0);
}

/* --- a direct conversation by its id -----------------------------------------------------------
 */

static void peer_related(struct request *request, int status)
{
    if (!status && is_blocked(request))
        status = CC_EBLOCKED;
    request->direct_done(request, status);
}

static void check_peer(struct request *request, struct cc_slice peer)
{
    if (peer.size)
        relations_check(request, peer, peer_related);
    else
        request->direct_done(request, CC_EFORBIDDEN);
}

static void name_read(struct request *request, int status)
{
    struct cc_slice peer;
    char bytes[CC_NAME_MAX];

    if (status) {
        request->direct_done(request, status);
        return;
    }
    peer = direct_peer(request->op.conversation.ret_conversation.name, request->user->name);
    memcpy(bytes, peer.data ? peer.data : "", peer.size);
    peer.data = bytes;
    cc_op_release(&request->op.op);
    check_peer(request, peer);
}

void groups_check_direct(struct request *request, void (*done)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    const struct conversation *conversation = conversation_find(engine, request->conversation);

    request->direct_done = done;
    if (conversation && conversation->is_known) {
        check_peer(request, direct_peer(conversation->name, request->user->name));
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    request->op.conversation.conversation = request->conversation;
    request_op_begin(request, name_read);
    engine->directory.vtable->conversation(engine->directory.self, &request->op.conversation);
}
