/*
 * The presence command: contacts → who has blocked the asker → a common conversation → what they
 * have set, and whom they have as contacts → where they are. Whom the asker may not see is left
 * out, as if there were no such user.
 */
#include "chatcore/error.h"
#include "engine/group.h"
#include "engine/presence.h"
#include "engine/relations.h"

struct query {
    struct cc_slice *users; /* asked for, ascending */
    size_t count;
    struct relations_match contacts;
    struct relations_match blockers;
    bool *allowed;
    bool *for_contacts;      /* of `visible`: shows himself to contacts only */
    struct cc_slice *shared; /* the asker's conversations, ascending */
    size_t shared_count;
    size_t at; /* the stranger being looked at */
    size_t strangers;
    struct relations_match familiars; /* who has the asker as a contact */
    struct cc_slice *visible;         /* those allowed */
    size_t visible_count;
};

/* --- the reply ---------------------------------------------------------------------------------
 */

static void set_presence(struct cc_presence *presence, const struct cc_cluster_location *location)
{
    presence->status = location->node_count ? CC_PRESENCE_ONLINE : CC_PRESENCE_OFFLINE;
    presence->last_seen = location->node_count ? 0 : location->last_seen;
}

static void located(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    const struct query *query = request->state;
    struct cc_presence *presence =
        arena_alloc(&request->arena, (query->visible_count + 1) * sizeof *presence);
    struct cc_reply reply = {.presence = presence, .presence_count = query->visible_count};

    if (presence)
        memset(presence, 0, (query->visible_count + 1) * sizeof *presence);
    for (size_t i = 0; presence && i < query->visible_count; i++) {
        presence[i].user = query->visible[i];
        if (!status)
            set_presence(&presence[i], &request->op.locate.ret_locations[i]);
        else if (user_is_here(engine, query->visible[i])) /* the map is lost: what is known here */
            presence[i].status = CC_PRESENCE_ONLINE;
    }
    cc_op_release(&request->op.op);
    if (presence)
        request_reply(request, &reply);
    else
        request_fail(request, CC_ENOMEM);
}

static void locate(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    const struct query *query = request->state;

    memset(&request->op, 0, sizeof request->op);
    request->op.locate.users = query->visible;
    request->op.locate.count = query->visible_count;
    request_op_begin(request, located);
    engine->cluster.vtable->locate(engine->cluster.self, &request->op.locate);
}

/* --- what they have set -------------------------------------------------------------------------
 */

static bool is_familiar(const struct query *query, struct cc_slice user)
{
    for (size_t i = 0; i < query->count; i++)
        if (slice_equal(query->users[i], user))
            return query->familiars.matches[i];
    return false;
}

/* Leaves out who shows himself to contacts only and has the asker not among them. */
static void familiars_matched(struct request *request, int status)
{
    struct query *query = request->state;
    size_t count = 0;

    if (status) {
        request_fail(request, status);
        return;
    }
    for (size_t i = 0; i < query->visible_count; i++)
        if (!query->for_contacts[i] || is_familiar(query, query->visible[i]))
            query->visible[count++] = query->visible[i];
    query->visible_count = count;
    locate(request);
}

/* Leaves out who shows himself to nobody. */
static bool take_privacy(const struct request *request)
{
    struct query *query = request->state;
    const struct cc_privacy *privacy = request->op.privacy.ret_privacy;
    bool any_for_contacts = false;
    size_t count = 0;

    for (size_t i = 0; i < query->visible_count; i++) {
        bool is_self = slice_equal(query->visible[i], request->user->name);

        if (privacy[i].presence == CC_AUDIENCE_NOBODY && !is_self)
            continue;
        query->for_contacts[count] = privacy[i].presence == CC_AUDIENCE_CONTACTS && !is_self;
        any_for_contacts = any_for_contacts || query->for_contacts[count];
        query->visible[count++] = query->visible[i];
    }
    query->visible_count = count;
    return any_for_contacts;
}

static void privacy_read(struct request *request, int status)
{
    struct query *query = request->state;
    bool any_for_contacts = !status && take_privacy(request);

    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else if (any_for_contacts)
        relations_match(request, &query->familiars);
    else
        locate(request);
}

static void check_privacy(struct request *request)
{
    struct cc_engine *engine = request_engine(request);
    struct query *query = request->state;

    for (size_t i = 0; i < query->count; i++)
        if (query->allowed[i])
            query->visible[query->visible_count++] = query->users[i];
    memset(&request->op, 0, sizeof request->op);
    request->op.privacy.users = query->visible;
    request->op.privacy.count = query->visible_count;
    request_op_begin(request, privacy_read);
    engine->directory.vtable->privacy(engine->directory.self, &request->op.privacy);
}

/* --- strangers ---------------------------------------------------------------------------------
 */

static bool is_stranger(const struct query *query, size_t index)
{
    return !query->allowed[index] && !query->blockers.matches[index];
}

static void read_memberships(struct request *request, struct cc_slice user,
                             void (*read)(struct request *request, int status))
{
    request_read_memberships(request, user, slice_of(NULL, 0), PRESENCE_SHARED_MAX, read);
}

/* Both lists ascend. */
static bool is_shared(const struct query *query, const struct cc_directory_memberships *theirs)
{
    size_t i = 0;
    size_t j = 0;

    while (i < query->shared_count && j < theirs->ret_count) {
        int order = slice_compare(query->shared[i], theirs->ret_memberships[j].conversation.id);

        if (order == 0)
            return true;
        i += order < 0;
        j += order > 0;
    }
    return false;
}

static void look_at_strangers(struct request *request);

static void stranger_read(struct request *request, int status)
{
    struct query *query = request->state;

    if (!status)
        query->allowed[query->at] = is_shared(query, &request->op.memberships);
    cc_op_release(&request->op.op);
    if (status) {
        request_fail(request, status);
        return;
    }
    query->at++;
    look_at_strangers(request);
}

static void look_at_strangers(struct request *request)
{
    struct query *query = request->state;

    while (query->at < query->count && !is_stranger(query, query->at))
        query->at++;
    if (query->at < query->count && query->strangers++ < PRESENCE_STRANGERS_MAX)
        read_memberships(request, query->users[query->at], stranger_read);
    else
        check_privacy(request);
}

static void own_read(struct request *request, int status)
{
    struct query *query = request->state;
    const struct cc_directory_memberships *own = &request->op.memberships;

    if (!status) {
        query->shared = arena_alloc(&request->arena, (own->ret_count + 1) * sizeof *query->shared);
        status = query->shared ? 0 : CC_ENOMEM;
    }
    for (size_t i = 0; !status && i < own->ret_count; i++)
        status = arena_copy(&request->arena, own->ret_memberships[i].conversation.id,
                            &query->shared[query->shared_count++]);
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else
        look_at_strangers(request);
}

/* --- contacts ----------------------------------------------------------------------------------
 */

static void blockers_matched(struct request *request, int status)
{
    struct query *query = request->state;
    bool has_strangers = false;

    if (status) {
        request_fail(request, status);
        return;
    }
    for (size_t i = 0; i < query->count; i++) {
        bool is_self = slice_equal(query->users[i], request->user->name);

        query->allowed[i] = is_self || (query->allowed[i] && !query->blockers.matches[i]);
        has_strangers = has_strangers || is_stranger(query, i);
    }
    if (has_strangers)
        read_memberships(request, request->user->name, own_read);
    else
        check_privacy(request);
}

static void contacts_matched(struct request *request, int status)
{
    struct query *query = request->state;

    if (status)
        request_fail(request, status);
    else
        relations_match(request, &query->blockers);
}

static void match_init(struct query *query, struct relations_match *match, bool *matches)
{
    match->users = query->users;
    match->count = query->count;
    match->matches = matches;
}

static int prepare(struct request *request)
{
    struct query *query = arena_alloc(&request->arena, sizeof *query);
    bool *matches;
    int r;

    if (!query)
        return CC_ENOMEM;
    memset(query, 0, sizeof *query);
    request->state = query;
    r = group_users(request, slice_of(NULL, 0), &query->users, &query->count);
    if (!r && !query->count)
        r = CC_EINVAL;
    if (r)
        return r;
    matches = arena_alloc(&request->arena, 4 * query->count);
    query->visible = arena_alloc(&request->arena, query->count * sizeof *query->visible);
    if (!matches || !query->visible)
        return CC_ENOMEM;
    memset(matches, 0, 4 * query->count);
    query->allowed = matches;
    match_init(query, &query->contacts, matches);
    query->contacts.relation = CC_RELATION_CONTACT;
    query->contacts.matched = contacts_matched;
    match_init(query, &query->blockers, matches + query->count);
    query->blockers.relation = CC_RELATION_BLOCKED;
    query->blockers.reverse = true;
    query->blockers.matched = blockers_matched;
    query->for_contacts = matches + 2 * query->count;
    match_init(query, &query->familiars, matches + 3 * query->count);
    query->familiars.relation = CC_RELATION_CONTACT;
    query->familiars.reverse = true;
    query->familiars.matched = familiars_matched;
    return 0;
}

void presence_query(struct request *request)
{
    int r;

    if (request_engine(request)->presence_off) {
        request_fail_text(request, CC_ENOTSUP, slice_str("presence is switched off"), 0);
        return;
    }
    r = prepare(request);
    if (r)
        request_fail(request, r);
    else
        relations_match(request, &((struct query *)request->state)->contacts);
}
