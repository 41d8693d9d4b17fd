/*
 * Telling watchers what they see from now on of a user who has changed who may see him. Where he is
 * offline there is nothing to tell: nobody can be made to forget when he was there last.
 *
 *   all   is he online? → the audience → `online` to those who see him, `offline` to the others
 *   one   how the two stand → what is set → is he online? → the same, to that one
 */
#include "chatcore/error.h"
#include "engine/audience.h"
#include "engine/presence.h"
#include "engine/push.h"

struct retelling {
    struct request *request;
    struct audience audience;
    struct cc_slice other; /* one */
    unsigned to_other;     /* bits of cc_relation */
    bool sees;
};

static void end(struct request *request, int status)
{
    request->step_done(request, status);
}

static void tell(struct request *request, const struct cc_slice *watchers, size_t count, bool on)
{
    struct push push = {.type = CC_EVENT_PRESENCE, .u.presence = {.user = request->user->name}};

    push.u.presence.status = on ? CC_PRESENCE_ONLINE : CC_PRESENCE_OFFLINE;
    if (count)
        push_to_users(request_engine(request), watchers, count, &push);
}

/* The session map may be lost: then what is known here has to do. */
static bool take_online(struct request *request, int status)
{
    bool is_online = status ? user_is_here(request_engine(request), request->user->name)
                            : request->op.locate.ret_locations[0].node_count > 0;

    cc_op_release(&request->op.op);
    return is_online;
}

static void locate(struct request *request, void (*located)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.locate.users = &request->user->name;
    request->op.locate.count = 1;
    request_op_begin(request, located);
    engine->cluster.vtable->locate(engine->cluster.self, &request->op.locate);
}

/* NULL: there is nothing to tell, or no memory, and the step has ended. */
static struct retelling *start(struct request *request,
                               void (*done)(struct request *request, int status))
{
    struct retelling *retelling = NULL;

    request->step_done = done;
    if (!request_engine(request)->presence_off)
        retelling = arena_alloc(&request->arena, sizeof *retelling);
    if (!retelling) {
        end(request, request_engine(request)->presence_off ? 0 : CC_ENOMEM);
        return NULL;
    }
    memset(retelling, 0, sizeof *retelling);
    retelling->request = request;
    request->step = retelling;
    return retelling;
}

/* --- all ----------------------------------------------------------------------------------------
 */

static int tell_all(struct request *request, const struct audience *audience)
{
    size_t count = audience->watchers.ret_count;
    struct cc_slice *seeing = arena_alloc(&request->arena, 2 * count * sizeof *seeing);
    size_t others;
    size_t sees;

    if (!seeing)
        return CC_ENOMEM;
    sees = audience_split(audience, seeing, seeing + count, &others);
    tell(request, seeing, sees, true);
    tell(request, seeing + count, others, false);
    return 0;
}

/* Who has too many watchers is told to none of them, whatever is set. */
static void read(struct audience *audience, int status)
{
    struct request *request = container_of(audience, struct retelling, audience)->request;

    if (!status)
        status = tell_all(request, audience);
    else if (status == CC_ENOTFOUND || status == CC_ETOOLARGE)
        status = 0;
    audience_deinit(audience);
    end(request, status);
}

static void all_located(struct request *request, int status)
{
    struct retelling *retelling = request->step;

    if (!take_online(request, status)) {
        end(request, 0);
        return;
    }
    retelling->audience.engine = request_engine(request);
    retelling->audience.user = request->user->name;
    retelling->audience.read = read;
    audience_read(&retelling->audience);
}

void presence_retell(struct request *request, void (*done)(struct request *request, int status))
{
    if (start(request, done))
        locate(request, all_located);
}

/* --- one ----------------------------------------------------------------------------------------
 */

static void one_located(struct request *request, int status)
{
    const struct retelling *retelling = request->step;

    if (take_online(request, status))
        tell(request, &retelling->other, 1, retelling->sees);
    end(request, 0);
}

/* Where everybody sees him, or nobody, it does not matter whom he has as a contact. */
static bool is_changed(const struct request *request, enum cc_audience set)
{
    enum cc_command_type type = request->command->type;

    return set == CC_AUDIENCE_CONTACTS ||
           (type != CC_COMMAND_ADD_CONTACT && type != CC_COMMAND_REMOVE_CONTACT);
}

static void privacy_read(struct request *request, int status)
{
    struct retelling *retelling = request->step;
    enum cc_audience set = status ? CC_AUDIENCE_NOBODY : request->op.privacy.ret_privacy->presence;

    cc_op_release(&request->op.op);
    if (status || !is_changed(request, set)) {
        end(request, status);
        return;
    }
    retelling->sees =
        !(retelling->to_other & CC_RELATION_BLOCKED) &&
        (set == CC_AUDIENCE_EVERYONE ||
         (set == CC_AUDIENCE_CONTACTS && (retelling->to_other & CC_RELATION_CONTACT)));
    locate(request, one_located);
}

static void relation_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct retelling *retelling = request->step;
    unsigned from_other = status ? 0 : request->op.relation.ret_other_to_user;

    retelling->to_other = status ? 0 : request->op.relation.ret_user_to_other;
    cc_op_release(&request->op.op);
    if (status || !(from_other & CC_RELATION_CONTACT)) {
        end(request, status);
        return;
    }
    memset(&request->op, 0, sizeof request->op);
    request->op.privacy.users = &request->user->name;
    request->op.privacy.count = 1;
    request_op_begin(request, privacy_read);
    engine->directory.vtable->privacy(engine->directory.self, &request->op.privacy);
}

void presence_retell_one(struct request *request, struct cc_slice other,
                         void (*done)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct retelling *retelling = start(request, done);

    if (!retelling)
        return;
    if (!push_reaches(engine, other)) {
        end(request, 0);
        return;
    }
    retelling->other = other;
    memset(&request->op, 0, sizeof request->op);
    request->op.relation.user = request->user->name;
    request->op.relation.other = other;
    request_op_begin(request, relation_read);
    engine->directory.vtable->relation(engine->directory.self, &request->op.relation);
}
