/*
 * One random program on two logs: every status, offset and record must be the same. What may have
 * been trimmed is not read.
 */
#include "chatcore/error.h"
#include "testing/log_steps.h"

enum { PARTITIONS = 4, CONSUMERS = 3 };

static const char *const consumers[CONSUMERS] = {"engine", "search", "s"};

struct program {
    struct suite *suite;
    struct logs logs[2];
    uint64_t random;
    size_t step;
    uint64_t next[PARTITIONS];
    uint64_t trimmed[PARTITIONS]; /* what is below may be gone */
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

/* --- steps --- */

static void step_append_words(struct program *program)
{
    uint32_t partition = (uint32_t)draw(program, PARTITIONS);
    size_t count = 1 + draw(program, 5);
    struct text words = {0};
    uint64_t offsets[2] = {0, 0};

    for (size_t i = 0; i < count; i++)
        text_add(&words, "%s%llx", i ? " " : "", (unsigned long long)draw(program, 100000));
    for (size_t i = 0; i < 2; i++)
        CHECK_STATUS(program->suite,
                     log_append_words(&program->logs[i], partition, words.bytes, &offsets[i]), 0);
    CHECK_NUMBER(program->suite, offsets[0], program->next[partition]);
    CHECK_NUMBER(program->suite, offsets[1], program->next[partition]);
    program->next[partition] += count;
}

static void step_append_filled(struct program *program)
{
    static const size_t sizes[] = {0, 10, 200, 700, 1990, 2100, 9000};
    uint32_t partition = (uint32_t)draw(program, PARTITIONS);
    size_t count = 1 + draw(program, 40);
    size_t size = sizes[draw(program, sizeof sizes / sizeof sizes[0])];

    for (size_t i = 0; i < 2; i++)
        CHECK_STATUS(
            program->suite,
            log_append_filled(&program->logs[i], partition, program->next[partition], count, size),
            0);
    program->next[partition] += count;
}

/* An offset from what is surely kept up to a little after the end. */
static uint64_t draw_offset(struct program *program, uint32_t partition)
{
    uint64_t first = program->trimmed[partition];

    return first + draw(program, program->next[partition] - first + 2);
}

/* A record is told by its size and what its first bytes are. */
static void add_records(const struct cc_log_read *op, struct text *text)
{
    for (size_t i = 0; i < op->ret_count; i++) {
        struct cc_slice data = op->ret_records[i].data;
        uint64_t sum = 0;

        for (size_t k = 0; k < data.size; k++)
            sum = sum * 31 + (unsigned char)data.data[k];
        text_add(text, "%llu:%zu:%llx ", (unsigned long long)op->ret_records[i].offset, data.size,
                 (unsigned long long)sum);
    }
}

static void step_read(struct program *program)
{
    uint32_t partition = (uint32_t)draw(program, PARTITIONS);
    struct cc_log_read read = {.partition = partition,
                               .offset = draw_offset(program, partition),
                               .max_records = draw(program, 20),
                               .max_bytes = draw(program, 5000)};
    struct text texts[2] = {{0}};

    for (size_t i = 0; i < 2; i++) {
        struct cc_log_read op = read;
        int r = LOG_RUN(&program->logs[i], read, &op);

        if (r)
            text_add(&texts[i], "%s", cc_error_name(r));
        else
            add_records(&op, &texts[i]);
        cc_op_release(&op.op);
    }
    check_same(program, "read", texts[0].bytes, texts[1].bytes);
}

static void step_trim(struct program *program)
{
    uint32_t partition = (uint32_t)draw(program, PARTITIONS);
    uint64_t before = draw_offset(program, partition);

    for (size_t i = 0; i < 2; i++)
        CHECK_STATUS(program->suite, log_trim(&program->logs[i], partition, before), 0);
    if (before > program->next[partition])
        before = program->next[partition];
    if (before > program->trimmed[partition])
        program->trimmed[partition] = before;
}

static void step_commit(struct program *program)
{
    const char *consumer = consumers[draw(program, CONSUMERS)];
    uint32_t partition = (uint32_t)draw(program, PARTITIONS);
    uint64_t offset = draw_offset(program, partition);

    for (size_t i = 0; i < 2; i++)
        CHECK_STATUS(program->suite, log_commit(&program->logs[i], consumer, partition, offset), 0);
}

static void step_committed(struct program *program)
{
    const char *consumer = consumers[draw(program, CONSUMERS)];
    uint32_t partition = (uint32_t)draw(program, PARTITIONS);
    uint64_t offsets[2];

    for (size_t i = 0; i < 2; i++)
        CHECK_STATUS(program->suite,
                     log_committed(&program->logs[i], consumer, partition, &offsets[i]), 0);
    CHECK_NUMBER(program->suite, offsets[1], offsets[0]);
}

static void step_bounds(struct program *program)
{
    uint32_t partition = (uint32_t)draw(program, PARTITIONS);

    for (size_t i = 0; i < 2; i++) {
        struct cc_log_bounds op = {.partition = partition};

        CHECK_STATUS(program->suite, LOG_RUN(&program->logs[i], bounds, &op), 0);
        CHECK_NUMBER(program->suite, op.ret_next, program->next[partition]);
        CHECK(program->suite, op.ret_first <= program->trimmed[partition]);
    }
}

/* --- running --- */

static void step(struct program *program)
{
    static void (*const steps[])(struct program * program) = {
        step_append_words, step_append_words, step_append_filled, step_read,      step_read,
        step_read,         step_trim,         step_commit,        step_committed, step_bounds};

    steps[draw(program, sizeof steps / sizeof steps[0])](program);
}

static int open_both(struct program *program, const struct cc_log_factory *const factories[2])
{
    int r = 0;

    for (size_t i = 0; !r && i < 2; i++) {
        program->logs[i].suite = program->suite;
        r = factories[i]->make(factories[i]->context);
        if (!r)
            r = factories[i]->open(factories[i]->context, &program->logs[i].port);
    }
    return r;
}

struct comparison {
    const struct cc_log_factory *factories[2];
    size_t steps;
};

static void run(struct suite *suite, uint64_t seed, const void *context)
{
    const struct comparison *comparison = context;
    const struct cc_log_factory *const *factories = comparison->factories;
    struct program program = {.suite = suite, .random = seed};
    int r = open_both(&program, factories);

    suite_check_status(suite, __func__, __LINE__, r, 0);
    for (; !suite_has_failed(suite) && program.step < comparison->steps; program.step++)
        step(&program);
    for (size_t i = 0; i < 2; i++) {
        if (program.logs[i].port.vtable)
            program.logs[i].port.vtable->free(program.logs[i].port.self);
        if (factories[i]->destroy)
            factories[i]->destroy(factories[i]->context);
    }
}

static bool is_usable(const struct cc_log_factory *factory)
{
    return factory && factory->size >= sizeof *factory && factory->make && factory->open;
}

int cc_conformance_compare_logs(const struct cc_log_factory *a, const struct cc_log_factory *b,
                                uint64_t seed, size_t steps,
                                const struct cc_conformance_options *options)
{
    struct comparison comparison = {.factories = {a, b}, .steps = steps};

    if (!is_usable(a) || !is_usable(b))
        return CC_EINVAL;
    return suite_run_seed("logs compared", options, seed, run, &comparison);
}
