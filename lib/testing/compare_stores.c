/*
 * One random program on two stores: every status and everything that is read must be the same.
 *
 * The program has a story for each of three partitions, which it writes in batches as owners of the
 * partition would: on from where it stands, and now and then again from before, cut otherwise. In
 * the fourth it writes entries in any order, which no log would bring, but which a store has to
 * bear. Between them it writes cursors and reads.
 */
#include "chatcore/error.h"
#include "testing/store_steps.h"

enum { STORIES = 3, USERS = 5, ROOMS = 6, DEVICES = 3, AHEAD_MAX = 60, BACK_MAX = 100 };

/* The partition of batches that belong to no story: their entries come in any order. */
#define LOOSE_PARTITION 3
#define LOOSE_MAX       150

/* Few names, so that programs of some hundred steps meet the same ones again and again. */
static const char *const users[USERS] = {"user0", "user1", "user6", "eve", "ev"};
static const char *const rooms[ROOMS] = {"room0-0", "room0-2", "room1-17",
                                         "room1-1", "room2-0", "hall"};
static const char *const devices[DEVICES] = {"", "phone", "phones"};

static const struct story stories[STORIES] = {{0, 3, 3, 100}, {1, 40, 7, 700}, {2, 1, 2, 2500}};

struct program {
    struct suite *suite;
    struct stores stores[2];
    uint64_t random;
    size_t step;
    uint64_t written[STORIES];
};

static uint64_t draw(struct program *program, uint64_t below)
{
    return suite_draw(&program->random, below);
}

static void check_same(struct program *program, const char *what, const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        suite_fail(program->suite, __func__, __LINE__, "step %zu, %s: \"%s\" and \"%s\"",
                   program->step, what, a, b);
}

#define READ_BOTH(program, read, ...)                                                              \
    do {                                                                                           \
        struct text both_texts[2] = {{0}};                                                         \
        for (size_t both = 0; both < 2; both++)                                                    \
            read(&(program)->stores[both], __VA_ARGS__, &both_texts[both]);                        \
        check_same(program, #read, both_texts[0].bytes, both_texts[1].bytes);                      \
    } while (0)

/* --- writing --- */

static void step_write_story(struct program *program)
{
    size_t which = draw(program, STORIES);
    uint64_t written = program->written[which];
    uint64_t from = written;
    uint64_t to;

    if (draw(program, 4) == 0)
        from -= draw(program, (written < BACK_MAX ? written : BACK_MAX) + 1);
    to = from + draw(program, AHEAD_MAX);
    for (size_t i = 0; i < 2; i++)
        CHECK_STATUS(program->suite, story_write(&program->stores[i], &stories[which], from, to),
                     0);
    if (to > written)
        program->written[which] = to;
}

/* What an entry holds follows from its number, so that writing it again is a replay. */
static void add_loose(struct sto_batch *batch, const char *user, uint64_t number)
{
    static const char *const bodies[] = {"", "short", "a body of more than a few bytes"};

    sto_add_row(batch, "hall", number, 10 * number, bodies[number % 3]);
    sto_add_inbox(batch, user, 10 * number, number % 5 ? "hall" : "attic", number);
    sto_add_dedup(batch, user, 10 * number, (int64_t)(number * 977 % 1000), bodies[number % 2]);
}

static void step_write_loose(struct program *program)
{
    const char *user = users[draw(program, USERS)];
    struct sto_batch batch = {.partition = LOOSE_PARTITION};
    size_t count = 1 + draw(program, STO_BATCH_MAX);
    uint64_t number = 1 + draw(program, LOOSE_MAX);
    uint64_t step = draw(program, 7);

    for (size_t i = 0; i < count; i++)
        add_loose(&batch, user, 1 + (number + i * step) % LOOSE_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct sto_batch copy = batch;

        CHECK_STATUS(program->suite, sto_write(&program->stores[i], &copy), 0);
    }
}

static void step_write_cursors(struct program *program)
{
    struct sto_batch batch = {0};
    size_t count = 1 + draw(program, 4);

    for (size_t i = 0; i < count; i++)
        sto_add_cursor(&batch, users[draw(program, USERS)], devices[draw(program, DEVICES)],
                       rooms[draw(program, ROOMS)], draw(program, 100), draw(program, 100));
    for (size_t i = 0; i < 2; i++) {
        struct sto_batch copy = batch;

        CHECK_STATUS(program->suite, sto_write_cursors(&program->stores[i], &copy), 0);
    }
}

/* --- reading --- */

static void step_read_rows(struct program *program)
{
    const char *room = rooms[draw(program, ROOMS)];
    struct sto_range range = {draw(program, 80), draw(program, 160), draw(program, 12),
                              draw(program, 2)};

    READ_BOTH(program, sto_read_rows, room, range);
}

static void step_read_inbox(struct program *program)
{
    const char *user = users[draw(program, USERS)];
    uint32_t partition = (uint32_t)draw(program, 4);
    struct sto_range range = {draw(program, 900), draw(program, 1800), draw(program, 30), false};

    READ_BOTH(program, sto_read_inbox, user, partition, range);
}

static void step_read_others(struct program *program)
{
    const char *user = users[draw(program, USERS)];
    const char *device = devices[draw(program, DEVICES)];
    const char *room = rooms[draw(program, ROOMS)];
    uint32_t partition = (uint32_t)draw(program, 4);

    READ_BOTH(program, sto_read_head, room);
    READ_BOTH(program, sto_read_offset, partition);
    READ_BOTH(program, sto_list_heads, room, 5);
    READ_BOTH(program, sto_read_cursors, user, device, NULL);
    READ_BOTH(program, sto_read_cursors, user, device, "hall room0-0 attic");
    READ_BOTH(program, sto_read_dedup, user, partition);
}

/* --- running --- */

static void step(struct program *program)
{
    static void (*const steps[])(struct program * program) = {
        step_write_story, step_write_story,  step_write_loose, step_write_cursors,
        step_read_rows,   step_read_rows,    step_read_inbox,  step_read_inbox,
        step_read_others, step_write_cursors};

    steps[draw(program, sizeof steps / sizeof steps[0])](program);
}

/* At the end everything has to be as the stories tell. */
static void check_stories(struct program *program)
{
    for (size_t i = 0; i < 2; i++)
        for (size_t which = 0; which < STORIES; which++)
            story_check(&program->stores[i], &stories[which], program->written[which]);
}

static int open_both(struct program *program, const struct cc_store_factory *const factories[2])
{
    int r = 0;

    for (size_t i = 0; !r && i < 2; i++) {
        program->stores[i].suite = program->suite;
        r = factories[i]->make(factories[i]->context);
        if (!r)
            r = factories[i]->open(factories[i]->context, &program->stores[i].port);
    }
    return r;
}

struct comparison {
    const struct cc_store_factory *factories[2];
    size_t steps;
};

static void run(struct suite *suite, uint64_t seed, const void *context)
{
    const struct comparison *comparison = context;
    const struct cc_store_factory *const *factories = comparison->factories;
    struct program program = {.suite = suite, .random = seed};
    int r = open_both(&program, factories);

    suite_check_status(suite, __func__, __LINE__, r, 0);
    for (; !suite_has_failed(suite) && program.step < comparison->steps; program.step++)
        step(&program);
    if (!suite_has_failed(suite))
        check_stories(&program);
    for (size_t i = 0; i < 2; i++) {
        if (program.stores[i].port.vtable)
            program.stores[i].port.vtable->free(program.stores[i].port.self);
        if (factories[i]->destroy)
            factories[i]->destroy(factories[i]->context);
    }
}

static bool is_usable(const struct cc_store_factory *factory)
{
    return factory && factory->size >= sizeof *factory && factory->make && factory->open;
}

int cc_conformance_compare_stores(const struct cc_store_factory *a,
                                  const struct cc_store_factory *b, uint64_t seed, size_t steps,
                                  const struct cc_conformance_options *options)
{
    struct comparison comparison = {.factories = {a, b}, .steps = steps};

    if (!is_usable(a) || !is_usable(b))
        return CC_EINVAL;
    return suite_run_seed("stores compared", options, seed, run, &comparison);
}
