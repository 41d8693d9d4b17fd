/*
 * The pairs of users that the directory was asked about lately, the least used first.
 */
#include "engine/relations.h"

#include "base/list.h"
#include "chatcore/error.h"
#include "engine/user.h"

/* Names hold no control characters, so a zero byte parts them. */
#define PAIR_KEY_MAX (2 * CC_NAME_MAX + 1)

struct pair {
    UT_hash_handle hh;
    struct list_link link; /* in relations.pairs */
    int64_t checked_ms;
    bool is_checked;
    bool has_direct;
    unsigned generation; /* rises when it is forgotten: an answer asked for before is not kept */
    unsigned low_to_high;
    unsigned high_to_low;
    char key[];
};

struct relations {
    struct pair *table;
    struct list pairs; /* the least used first */
};

struct pair_key {
    char bytes[PAIR_KEY_MAX];
    size_t size;
    bool is_swapped; /* the first user asked for is the higher one */
};

int relations_init(struct cc_engine *engine)
{
    struct relations *relations = mem_zalloc(&engine->allocator, 1, sizeof *relations);

    if (!relations)
        return CC_ENOMEM;
    list_init(&relations->pairs);
    engine->relations = relations;
    return 0;
}

static void pair_free(struct cc_engine *engine, struct pair *pair)
{
    HASH_DELETE(hh, engine->relations->table, pair); /* NOLINT(clang-analyzer-core.*): in uthash */
    list_remove(&pair->link);
    mem_free(&engine->allocator, pair);
}

static struct pair *oldest_pair(const struct relations *relations)
{
    struct list_link *link = list_first(&relations->pairs);

    return link ? container_of(link, struct pair, link) : NULL;
}

void relations_deinit(struct cc_engine *engine)
{
    struct pair *pair;
    struct pair *next;

    if (!engine->relations)
        return;
    HASH_ITER(hh, engine->relations->table, pair, next)
    pair_free(engine, pair);
    mem_free(&engine->allocator, engine->relations);
    engine->relations = NULL;
}

static struct pair_key key_of(struct cc_slice user, struct cc_slice other)
{
    struct pair_key key;
    struct cc_slice low = user;
    struct cc_slice high = other;

    key.is_swapped = slice_compare(user, other) > 0;
    if (key.is_swapped) {
        low = other;
        high = user;
    }
    memcpy(key.bytes, low.data, low.size);
    key.bytes[low.size] = '\0';
    memcpy(key.bytes + low.size + 1, high.data, high.size);
    key.size = low.size + 1 + high.size;
    return key;
}

static struct pair *pair_find(struct cc_engine *engine, const struct pair_key *key)
{
    struct relations *relations = engine->relations;
    struct pair *pair = NULL;

    HASH_FIND(hh, relations->table, key->bytes, key->size, pair);
    if (pair) {
        list_remove(&pair->link);
        list_add(&relations->pairs, &pair->link);
    }
    return pair;
}

/* Finds or makes it; NULL without memory: then nothing is kept of it. */
static struct pair *pair_get(struct cc_engine *engine, const struct pair_key *key)
{
    const struct cc_allocator *hash_allocator = &engine->allocator;
    struct relations *relations = engine->relations;
    struct pair *pair = pair_find(engine, key);
    struct pair *oldest = oldest_pair(relations);

    if (pair)
        return pair;
    if (oldest && HASH_COUNT(relations->table) >= RELATIONS_PAIRS_MAX)
        pair_free(engine, oldest);
    pair = mem_zalloc(hash_allocator, 1, sizeof *pair + key->size);
    if (!pair)
        return NULL;
    memcpy(pair->key, key->bytes, key->size);
    HASH_ADD_KEYPTR(hh, relations->table, pair->key, key->size, pair);
    if (!pair->hh.tbl) {
        mem_free(hash_allocator, pair);
        return NULL;
    }
    list_add(&relations->pairs, &pair->link);
    return pair;
}

void relations_forget(struct cc_engine *engine, struct cc_slice user, struct cc_slice other)
{
    struct pair_key key = key_of(user, other);
    struct pair *pair = pair_find(engine, &key);

    if (!pair)
        return;
    pair->is_checked = false;
    pair->generation++;
}

bool relations_have_direct(struct cc_engine *engine, struct cc_slice user, struct cc_slice other)
{
    struct pair_key key = key_of(user, other);
    struct pair *pair = pair_find(engine, &key);

    return pair && pair->has_direct;
}

void relations_found_direct(struct cc_engine *engine, struct cc_slice user, struct cc_slice other)
{
    struct pair_key key = key_of(user, other);
    struct pair *pair = pair_get(engine, &key);

    if (pair)
        pair->has_direct = true;
}

/* --- one pair ----------------------------------------------------------------------------------
 */

static bool is_fresh(const struct cc_engine *engine, const struct pair *pair)
{
    return pair && pair->is_checked && engine->now.mono_ms - pair->checked_ms < RELATIONS_TTL_MS;
}

static void relation_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_relation *relation = &request->op.relation;
    struct cc_slice other = slice_of(request->relation.other, request->relation.other_size);
    struct pair_key key = key_of(request->user->name, other);
    struct pair *pair;

    if (!status) {
        request->relation.to_other = relation->ret_user_to_other;
        request->relation.from_other = relation->ret_other_to_user;
        pair = pair_find(engine, &key);
        if (pair && pair->generation == request->relation.generation) {
            pair->is_checked = true;
            pair->checked_ms = engine->now.mono_ms;
            pair->low_to_high =
                key.is_swapped ? relation->ret_other_to_user : relation->ret_user_to_other;
            pair->high_to_low =
                key.is_swapped ? relation->ret_user_to_other : relation->ret_other_to_user;
        }
    }
    cc_op_release(&relation->op);
    request->step_done(request, status);
}

void relations_check(struct request *request, struct cc_slice other,
                     void (*checked)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct pair_key key = key_of(request->user->name, other);
    struct pair *pair = pair_get(engine, &key);

    if (is_fresh(engine, pair)) {
        request->relation.to_other = key.is_swapped ? pair->high_to_low : pair->low_to_high;
        request->relation.from_other = key.is_swapped ? pair->low_to_high : pair->high_to_low;
        checked(request, 0);
        return;
    }
    request->step_done = checked;
    request->relation.generation = pair ? pair->generation : 0;
    memcpy(request->relation.other, other.data, other.size);
    request->relation.other_size = other.size;
    memset(&request->op, 0, sizeof request->op);
    request->op.relation.user = request->user->name;
    request->op.relation.other = slice_of(request->relation.other, other.size);
    request_op_begin(request, relation_read);
    engine->directory.vtable->relation(engine->directory.self, &request->op.relation);
}

/* --- many users --------------------------------------------------------------------------------
 */

/* Both lists ascend. */
static void mark(struct relations_match *match, const struct cc_slice *found, size_t found_count)
{
    size_t i = 0;
    size_t j = 0;

    while (i < match->count && j < found_count) {
        int order = slice_compare(match->users[i], found[j]);

        if (order == 0)
            match->matches[i] = true;
        i += order <= 0;
        j += order >= 0;
    }
}

static void read_related(struct request *request, struct cc_slice after);

static void related_read(struct request *request, int status)
{
    struct relations_match *match = request->step;
    struct cc_directory_related *related = &request->op.related;
    struct cc_slice last = slice_of(NULL, 0);
    bool more = false;

    if (!status && related->ret_count) {
        mark(match, related->ret_users, related->ret_count);
        last = related->ret_users[related->ret_count - 1];
        more = related->ret_more && slice_compare(last, match->users[match->count - 1]) < 0;
        memcpy(match->after, last.data, last.size);
        last.data = match->after;
    }
    cc_op_release(&related->op);
    if (more)
        read_related(request, last);
    else
        match->matched(request, status);
}

static void read_related(struct request *request, struct cc_slice after)
{
    struct cc_engine *engine = request_engine(request);
    struct relations_match *match = request->step;
    struct cc_directory_related *related = &request->op.related;

    memset(&request->op, 0, sizeof request->op);
    related->user = request->user->name;
    related->relation = match->relation;
    related->reverse = match->reverse;
    related->after = after;
    related->limit = RELATIONS_PAGE;
    request_op_begin(request, related_read);
    engine->directory.vtable->related(engine->directory.self, related);
}

void relations_match(struct request *request, struct relations_match *match)
{
    if (!match->count) {
        match->matched(request, 0);
        return;
    }
    request->step = match;
    read_related(request, slice_of(NULL, 0));
}
