/*
 * One random program on two directories: every status and everything that is read must be the
 * same. The program knows of each conversation the version, and from which one on its history is
 * kept; so most of its changes hit, and no read asks for what need not be kept.
 */
#include "chatcore/error.h"
#include "testing/directory_steps.h"

#include <stdio.h>

/* Few names, so that programs of some thousand steps meet the same ones again and again. */
enum { USERS = 10, CONVERSATIONS = 6, LIST_MAX = 6 };

static const char *const users[USERS] = {"a",   "ab",       "abc",       "b",      "zoe",
                                         "yan", "\xc3\xa9", "e\xcc\x81", "user-8", "user-80"};
static const char *const conversations[CONVERSATIONS] = {"a",     "ab",       "room",
                                                         "room2", "\xc3\xa9", "~"};

struct program {
    struct suite *suite;
    struct dir dirs[2];
    uint64_t random;
    size_t step;
    uint64_t versions[CONVERSATIONS]; /* 0: not created */
    uint64_t done[CONVERSATIONS];     /* its outbox is empty up to here */
};

static uint64_t draw(struct program *program, uint64_t below)
{
    return suite_draw(&program->random, below);
}

static const char *draw_user(struct program *program)
{
    return users[draw(program, USERS)];
}

/* A list such as "*a b +zoe"; now and then with somebody twice. */
static void draw_members(struct program *program, size_t count, struct text *text)
{
    static const char *const marks[] = {"", "", "+", "*"};
    size_t at = draw(program, USERS);
    bool is_careless = draw(program, 8) == 0;

    for (size_t i = 0; i < count; i++) {
        text_add(text, "%s%s%s", i ? " " : "", marks[draw(program, 4)], users[at]);
        at = is_careless ? draw(program, USERS) : (at + 1) % USERS;
    }
}

static void check_same(struct program *program, const char *what, const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        suite_fail(program->suite, __func__, __LINE__, "step %zu, %s: \"%s\" and \"%s\"",
                   program->step, what, a, b);
}

static void check_same_status(struct program *program, const char *what, const int statuses[2])
{
    check_same(program, what, cc_error_name(statuses[0]), cc_error_name(statuses[1]));
}

/* Runs an expression on both directories; `dir` stands for each. */
#define ON_BOTH(program, what, ret_status, expression)                                             \
    do {                                                                                           \
        int both_statuses[2];                                                                      \
        for (size_t both = 0; both < 2; both++) {                                                  \
            struct dir *dir = &(program)->dirs[both];                                              \
            both_statuses[both] = (expression);                                                    \
        }                                                                                          \
        check_same_status(program, what, both_statuses);                                           \
        (ret_status) = both_statuses[0];                                                           \
    } while (0)

#define READ_BOTH(program, read, ...)                                                              \
    do {                                                                                           \
        struct text both_texts[2] = {{0}};                                                         \
        for (size_t both = 0; both < 2; both++)                                                    \
            read(&(program)->dirs[both], __VA_ARGS__, &both_texts[both]);                          \
        check_same(program, #read, both_texts[0].bytes, both_texts[1].bytes);                      \
    } while (0)

/* --- steps --- */

static void step_create(struct program *program)
{
    size_t which = draw(program, CONVERSATIONS);
    enum cc_conversation_kind kind = (enum cc_conversation_kind)(1 + draw(program, 3));
    struct text members = {0};
    int status;

    draw_members(program, 1 + draw(program, LIST_MAX), &members);
    ON_BOTH(program, "create", status, dir_create(dir, conversations[which], kind, members.bytes));
    if (!status)
        program->versions[which] = 1;
}

/* The version that the conversation has, or, one time in ten, another. */
static uint64_t draw_expected(struct program *program, size_t which)
{
    return program->versions[which] + (draw(program, 10) ? 0 : draw(program, 3) - 1);
}

static void step_change(struct program *program)
{
    static const enum cc_change_kind kinds[] = {CC_CHANGE_ADD, CC_CHANGE_ADD, CC_CHANGE_REMOVE,
                                                CC_CHANGE_REMOVE, CC_CHANGE_ROLE};
    size_t which = draw(program, CONVERSATIONS);
    uint64_t expected = draw_expected(program, which);
    enum cc_change_kind kind = kinds[draw(program, 5)];
    struct text members = {0};
    int status;

    draw_members(program, draw(program, 3) ? 1 : draw(program, LIST_MAX), &members);
    ON_BOTH(program, "change", status,
            dir_change(dir, conversations[which], expected, kind, members.bytes));
    if (!status)
        program->versions[which]++;
}

/* The same for both directories: the step decides. */
static uint64_t draw_retention(const struct program *program)
{
    return program->step % 3 * 60;
}

static void step_rename(struct program *program)
{
    size_t which = draw(program, CONVERSATIONS);
    uint64_t expected = draw_expected(program, which);
    char name[24] = "";
    int status;

    if (draw(program, 4))
        snprintf(name, sizeof name, "name %zu", program->step);
    if (draw(program, 3))
        ON_BOTH(program, "rename", status, dir_rename(dir, conversations[which], expected, name));
    else
        ON_BOTH(program, "retain", status,
                dir_retain(dir, conversations[which], expected, *name ? name : NULL,
                           draw_retention(program)));
    if (!status)
        program->versions[which]++;
}

/* Three tokens, which are taken, used up and taken away again. */
static void step_invite(struct program *program)
{
    static const char *const tokens[] = {"t", "t1", "u"};
    const char *token = tokens[draw(program, 3)];
    size_t which = draw(program, CONVERSATIONS);
    uint64_t expected = draw_expected(program, which);
    int64_t now = (int64_t)(program->step / 50);
    const char *user = draw_user(program);
    bool is_change = false;
    int status;

    switch (draw(program, 4)) {
    case 0:
        ON_BOTH(program, "invite", status,
                dir_invite(dir, conversations[which], token, which % 2 ? now + 1 : 0,
                           (uint32_t)which % 3, now));
        break;
    case 1:
        ON_BOTH(program, "uninvite", status, dir_uninvite(dir, conversations[which], token));
        break;
    case 2:
        is_change = true;
        ON_BOTH(program, "join", status,
                dir_join(dir, conversations[which], expected, token, user));
        break;
    default:
        is_change = true;
        ON_BOTH(program, "bar", status, dir_bar(dir, conversations[which], expected, user));
        break;
    }
    if (is_change && !status)
        program->versions[which]++;
    READ_BOTH(program, dir_read_invitation, token, user);
    READ_BOTH(program, dir_read_invitations, conversations[which], "");
    READ_BOTH(program, dir_read_invitations, NULL, "alice");
}

static void step_done(struct program *program)
{
    size_t which = draw(program, CONVERSATIONS);
    uint64_t version = draw(program, program->versions[which] + 1);
    int status;

    ON_BOTH(program, "outbox_done", status, dir_outbox_done(dir, conversations[which], version));
    if (!status && version > program->done[which])
        program->done[which] = version;
}

static void step_user(struct program *program)
{
    const char *user = draw_user(program);
    const char *other = draw_user(program);
    enum cc_relation relation = (enum cc_relation)(1 + draw(program, 2));
    bool on = draw(program, 2);
    const char *room = conversations[draw(program, CONVERSATIONS)];
    int64_t until = (int64_t)draw(program, 3);
    int status;

    switch (draw(program, 5)) {
    case 0:
        ON_BOTH(program, "privacy", status,
                dir_set_privacy(dir, user, (enum cc_audience)until, CC_READ_MARKS_PRIVATE));
        break;
    case 1:
        ON_BOTH(program, "relate", status, dir_relate(dir, user, other, relation, on));
        break;
    case 2:
        ON_BOTH(program, "mute", status, dir_mute(dir, user, room, until));
        break;
    case 3:
        ON_BOTH(program, "revoke", status,
                dir_revoke(dir, on ? CC_REVOKED_USER : CC_REVOKED_TOKEN, user, until));
        break;
    default:
        ON_BOTH(program, "device_put", status,
                dir_device_put(dir, user, other, "fcm", on ? room : ""));
        break;
    }
    (void)status;
}

static void read_retained(struct program *program)
{
    struct text texts[2] = {{0}};

    for (size_t i = 0; i < 2; i++)
        dir_read_retained(&program->dirs[i], &texts[i]);
    check_same(program, "retained", texts[0].bytes, texts[1].bytes);
}

static void step_read_conversation(struct program *program)
{
    size_t which = draw(program, CONVERSATIONS);
    const char *room = conversations[which];
    uint64_t kept = program->done[which] ? program->done[which] : 1;
    uint64_t span = program->versions[which] > kept ? program->versions[which] - kept : 0;
    uint64_t version = kept + draw(program, span + 1);
    const char *user = draw_user(program);

    for (size_t i = 0; i < 2; i++)
        program->dirs[i].page = 1 + program->step % 7;
    READ_BOTH(program, dir_read_conversation, room);
    READ_BOTH(program, dir_read_member, room, user);
    READ_BOTH(program, dir_read_members, room, 0);
    READ_BOTH(program, dir_read_members, room, version);
    READ_BOTH(program, dir_read_outbox, 0);
    read_retained(program);
}

static void step_read_user(struct program *program)
{
    const char *user = draw_user(program);
    const char *other = draw_user(program);

    READ_BOTH(program, dir_read_profile, user);
    READ_BOTH(program, dir_read_memberships, user);
    READ_BOTH(program, dir_read_relation, user, other);
    READ_BOTH(program, dir_read_related, user, CC_RELATION_CONTACT, false);
    READ_BOTH(program, dir_read_related, user, CC_RELATION_BLOCKED, true);
    READ_BOTH(program, dir_read_devices, user);
    READ_BOTH(program, dir_read_revoked, user, other, 1);
    READ_BOTH(program, dir_read_revocations, program->step % 5);
}

/* --- the program --- */

static void run(struct program *program, size_t steps)
{
    static void (*const choices[])(struct program *) = {
        step_create,
        step_change,
        step_change,
        step_change,
        step_rename,
        step_done,
        step_user,
        step_invite,
        step_invite,
        step_read_conversation,
        step_read_conversation,
        step_read_user,
    };
    enum { CHOICES = sizeof choices / sizeof choices[0] };

    for (; program->step < steps && !suite_has_failed(program->suite); program->step++)
        choices[draw(program, CHOICES)](program);
}

static int open_one(struct program *program, size_t which,
                    const struct cc_directory_factory *factory)
{
    struct dir *dir = &program->dirs[which];
    int r = factory->make(factory->context);

    dir->suite = program->suite;
    dir->page = 10;
    return r ? r : factory->open(factory->context, &dir->port);
}

struct comparison {
    const struct cc_directory_factory *factories[2];
    size_t steps;
};

static void run_on_both(struct suite *suite, uint64_t seed, const void *context)
{
    const struct comparison *comparison = context;
    struct program program = {.suite = suite, .random = seed};
    int r = open_one(&program, 0, comparison->factories[0]);

    if (!r)
        r = open_one(&program, 1, comparison->factories[1]);
    suite_check_status(suite, __func__, __LINE__, r, 0);
    if (!r)
        run(&program, comparison->steps);
    for (size_t i = 0; i < 2; i++) {
        if (program.dirs[i].port.vtable)
            program.dirs[i].port.vtable->free(program.dirs[i].port.self);
        if (comparison->factories[i]->destroy)
            comparison->factories[i]->destroy(comparison->factories[i]->context);
    }
}

static bool is_usable(const struct cc_directory_factory *factory)
{
    return factory && factory->size >= sizeof *factory && factory->make && factory->open;
}

int cc_conformance_compare_directories(const struct cc_directory_factory *a,
                                       const struct cc_directory_factory *b, uint64_t seed,
                                       size_t steps, const struct cc_conformance_options *options)
{
    struct comparison comparison = {.factories = {a, b}, .steps = steps};

    if (!is_usable(a) || !is_usable(b))
        return CC_EINVAL;
    return suite_run_seed("directories compared", options, seed, run_on_both, &comparison);
}
