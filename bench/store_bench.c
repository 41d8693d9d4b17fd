/*
 * What the embedded log and store cost: CPU of the whole process (user and system) and time for
 * each message, commits synced.
 *
 *   store_bench FOLDER [--json] [--batches N] [--rows N] [--no-sync]
 *
 * FOLDER decides which disk is measured; it must not exist, and is left for looking at.
 *
 *   log append   200-byte records, 5,000 an operation, 4 operations under way
 *   log read     the same records, 1,000 a read
 *   store write  as the engine writes behind: 200-byte rows of 10,000 conversations, heads, two
 * inbox entries and one dedup run of 32 bytes a row, in batches that follow one another store read
 * the last 50 rows of a conversation; a head; an inbox
 */
#include "base/memory.h"
#include "chatcore/backend/lmdb.h"
#include "chatcore/error.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define RECORD_BYTES  200
#define APPEND_COUNT  5000
#define APPENDS       4
#define CONVERSATIONS 10000
#define USERS         20000
#define RUN_BYTES     32
#define READS         20000
#define READ_LIMIT    50

struct settings {
    const char *folder;
    bool json;
    bool sync;
    size_t batches;
    size_t rows;
};

struct clocks {
    double cpu;
    double wall;
};

struct result {
    const char *name;
    size_t count;
    struct clocks spent;
};

static struct result results[8];
static size_t result_count;

static void must(int status, const char *what)
{
    if (!status)
        return;
    fprintf(stderr, "store_bench: %s: %s\n", what, cc_strerror(status));
    exit(1);
}

static void *must_have(void *memory)
{
    must(memory ? 0 : CC_ENOMEM, "memory");
    return memory;
}

/* --- measuring --- */

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static struct clocks clocks_now(void)
{
    struct rusage usage;
    struct timespec wall;
    struct clocks now;

    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &wall);
    now.cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    now.wall = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
    return now;
}

static void measured(const char *name, size_t count, struct clocks start)
{
    struct clocks now = clocks_now();
    struct result result = {name, count, {now.cpu - start.cpu, now.wall - start.wall}};

    results[result_count++] = result;
}

/* --- operations --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static bool has_mail;

static void wake(void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    has_mail = true;
    pthread_cond_signal(&came);
    pthread_mutex_unlock(&lock);
}

static struct cc_mailbox mailbox = {.wake = wake};

static void completed(struct cc_op *op)
{
    op->mailbox = NULL;
}

static void begin(struct cc_op *op)
{
    memset(op, 0, sizeof *op);
    op->mailbox = &mailbox;
    op->complete = completed;
}

static void finish(struct cc_op *op)
{
    for (cc_mailbox_drain(&mailbox); op->mailbox; cc_mailbox_drain(&mailbox)) {
        pthread_mutex_lock(&lock);
        while (!has_mail)
            pthread_cond_wait(&came, &lock);
        has_mail = false;
        pthread_mutex_unlock(&lock);
    }
    must(op->status, "an operation");
}

/* --- the log --- */

static char record_bytes[RECORD_BYTES + 64];

static void append_all(struct cc_log log, size_t operations)
{
    static struct cc_slice records[APPEND_COUNT];
    static struct cc_log_append appends[APPENDS];
    struct clocks start;

    for (size_t i = 0; i < APPEND_COUNT; i++)
        records[i] = slice_of(record_bytes + i % 64, RECORD_BYTES);
    start = clocks_now();
    for (size_t i = 0; i < operations + APPENDS; i++) {
        struct cc_log_append *append = &appends[i % APPENDS];

        if (i >= APPENDS)
            finish(&append->op);
        if (i >= operations)
            continue;
        begin(&append->op);
        append->records = records;
        append->count = APPEND_COUNT;
        log.vtable->append(log.self, append);
    }
    measured("log append", operations * APPEND_COUNT, start);
}

static void read_all(struct cc_log log, size_t count)
{
    struct clocks start = clocks_now();
    struct cc_log_read read = {.max_records = 1000, .max_bytes = SIZE_MAX};
    size_t done = 0;

    while (done < count) {
        begin(&read.op);
        read.offset = done;
        log.vtable->read(log.self, &read);
        finish(&read.op);
        done += read.ret_count;
        cc_op_release(&read.op);
    }
    measured("log read", done, start);
}

static void bench_log(const struct cc_lmdb_options *options, const struct settings *settings)
{
    size_t operations = settings->batches * settings->rows / APPEND_COUNT;
    struct cc_log log;

    must(cc_lmdb_log_open(NULL, options, &log), "opening the log");
    append_all(log, operations);
    read_all(log, operations * APPEND_COUNT);
    log.vtable->free(log.self);
}

/* --- the store --- */

struct names {
    char (*conversations)[40];
    char (*users)[16];
};

struct batch {
    struct cc_store_write write;
    struct cc_store_row *rows;
    struct cc_store_head *heads;
    struct cc_store_inbox *inbox;
    struct cc_store_dedup *dedup;
    uint64_t *seqs; /* of each conversation, as the batches go on */
};

static struct names names_make(void)
{
    struct names names = {must_have(calloc(CONVERSATIONS, sizeof *names.conversations)),
                          must_have(calloc(USERS, sizeof *names.users))};

    for (unsigned i = 0; i < CONVERSATIONS; i++)
        snprintf(names.conversations[i], sizeof names.conversations[i],
                 "%08x-2233-8455-8677-8899aabb%04x", i * 2654435761u, i);
    for (unsigned i = 0; i < USERS; i++)
        snprintf(names.users[i], sizeof names.users[i], "user-%u", i);
    return names;
}

static void batch_init(struct batch *batch, size_t rows)
{
    batch->rows = must_have(calloc(rows, sizeof *batch->rows));
    batch->heads = must_have(calloc(CONVERSATIONS, sizeof *batch->heads));
    batch->inbox = must_have(calloc(2 * rows, sizeof *batch->inbox));
    batch->dedup = must_have(calloc(rows, sizeof *batch->dedup));
    batch->seqs = must_have(calloc(CONVERSATIONS, sizeof *batch->seqs));
}

static void batch_add(struct batch *batch, const struct names *names, size_t place, uint64_t offset)
{
    size_t number = (size_t)(offset * 2654435761u >> 7) % CONVERSATIONS;
    struct cc_slice conversation = slice_str(names->conversations[number]);
    struct cc_slice sender = slice_str(names->users[2 * number + offset % 2]);
    struct cc_slice other = slice_str(names->users[2 * number + 1 - offset % 2]);
    uint64_t seq = ++batch->seqs[number];
    struct cc_slice body = slice_of(record_bytes + offset % 64, RECORD_BYTES);

    batch->rows[place] = (struct cc_store_row){conversation, seq, offset, body};
    batch->heads[number] =
        (struct cc_store_head){conversation, seq, offset, 1, 1700000000000 + (int64_t)offset};
    batch->inbox[2 * place] = (struct cc_store_inbox){sender, offset, conversation, seq};
    batch->inbox[2 * place + 1] = (struct cc_store_inbox){other, offset, conversation, seq};
    batch->dedup[place] = (struct cc_store_dedup){sender, offset, 1700000000000 + (int64_t)offset,
                                                  slice_of(record_bytes, RUN_BYTES)};
}

/* Heads of conversations that had a row, brought together at the array's start. */
static size_t heads_gather(struct batch *batch, uint64_t from)
{
    size_t count = 0;

    for (size_t i = 0; i < CONVERSATIONS; i++)
        if (batch->heads[i].offset >= from && batch->heads[i].seq)
            batch->heads[count++] = batch->heads[i];
    return count;
}

static void batch_fill(struct batch *batch, const struct names *names, uint64_t from, size_t rows)
{
    memset(batch->heads, 0, CONVERSATIONS * sizeof *batch->heads);
    for (size_t i = 0; i < rows; i++)
        batch_add(batch, names, i, from + i);
    begin(&batch->write.op);
    batch->write.offset = from + rows;
    batch->write.rows = batch->rows;
    batch->write.row_count = rows;
    batch->write.heads = batch->heads;
    batch->write.head_count = heads_gather(batch, from);
    batch->write.inbox = batch->inbox;
    batch->write.inbox_count = 2 * rows;
    batch->write.dedup = batch->dedup;
    batch->write.dedup_count = rows;
}

/* Filling the batches is the bench's own: it is not counted. */
static void write_all(struct cc_store store, const struct names *names,
                      const struct settings *settings)
{
    struct result sum = {"store write", 0, {0, 0}};
    struct batch batch = {.seqs = NULL};

    batch_init(&batch, settings->rows);
    for (size_t i = 0; i < settings->batches; i++) {
        struct clocks start;
        struct clocks end;

        batch_fill(&batch, names, i * settings->rows, settings->rows);
        start = clocks_now();
        store.vtable->write(store.self, &batch.write);
        finish(&batch.write.op);
        end = clocks_now();
        sum.count += settings->rows;
        sum.spent.cpu += end.cpu - start.cpu;
        sum.spent.wall += end.wall - start.wall;
    }
    results[result_count++] = sum;
}

static void read_rows(struct cc_store store, const struct names *names)
{
    struct clocks start = clocks_now();
    struct cc_store_read_rows read = {.to = UINT64_MAX, .limit = READ_LIMIT, .descending = true};

    for (size_t i = 0; i < READS; i++) {
        begin(&read.op);
        read.conversation = slice_str(names->conversations[i * 7919 % CONVERSATIONS]);
        store.vtable->read_rows(store.self, &read);
        finish(&read.op);
        cc_op_release(&read.op);
    }
    measured("store read rows", READS, start);
}

static void read_heads(struct cc_store store, const struct names *names)
{
    struct clocks start = clocks_now();
    struct cc_slice conversation;
    struct cc_store_read_heads read = {.conversations = &conversation, .count = 1};

    for (size_t i = 0; i < READS; i++) {
        begin(&read.op);
        conversation = slice_str(names->conversations[i * 7919 % CONVERSATIONS]);
        store.vtable->read_heads(store.self, &read);
        finish(&read.op);
        cc_op_release(&read.op);
    }
    measured("store read head", READS, start);
}

static void read_inboxes(struct cc_store store, const struct names *names)
{
    struct clocks start = clocks_now();
    struct cc_store_read_inbox read = {.before = UINT64_MAX, .limit = READ_LIMIT};

    for (size_t i = 0; i < READS; i++) {
        begin(&read.op);
        read.user = slice_str(names->users[i * 7919 % USERS]);
        store.vtable->read_inbox(store.self, &read);
        finish(&read.op);
        cc_op_release(&read.op);
    }
    measured("store read inbox", READS, start);
}

static void bench_store(const struct cc_lmdb_options *options, const struct settings *settings)
{
    struct names names = names_make();
    struct cc_store store;

    must(cc_lmdb_store_open(NULL, options, &store), "opening the store");
    write_all(store, &names, settings);
    read_rows(store, &names);
    read_heads(store, &names);
    read_inboxes(store, &names);
    store.vtable->free(store.self);
}

/* --- reporting --- */

static void print_table(void)
{
    printf("%-20s %12s %12s %12s\n", "", "count", "us CPU each", "a second");
    for (size_t i = 0; i < result_count; i++)
        printf("%-20s %12zu %12.3f %12.0f\n", results[i].name, results[i].count,
               results[i].spent.cpu * 1e6 / (double)results[i].count,
               (double)results[i].count / results[i].spent.wall);
}

static void print_json(void)
{
    printf("{");
    for (size_t i = 0; i < result_count; i++)
        printf("%s\"%s\":{\"count\":%zu,\"cpu_us\":%.3f,\"per_second\":%.0f}", i ? "," : "",
               results[i].name, results[i].count,
               results[i].spent.cpu * 1e6 / (double)results[i].count,
               (double)results[i].count / results[i].spent.wall);
    printf("}\n");
}

static bool settings_read(int argc, char **argv, struct settings *settings)
{
    settings->sync = true;
    settings->batches = 20;
    settings->rows = 50000;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;

        if (strcmp(argv[i], "--json") == 0)
            settings->json = true;
        else if (strcmp(argv[i], "--no-sync") == 0)
            settings->sync = false;
        else if (strcmp(argv[i], "--batches") == 0 && has_value)
            settings->batches = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--rows") == 0 && has_value)
            settings->rows = strtoul(argv[++i], NULL, 10);
        else
            settings->folder = argv[i];
    }
    return settings->folder && settings->batches && settings->rows >= APPEND_COUNT;
}

int main(int argc, char **argv)
{
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;
    struct settings settings = {0};

    if (!settings_read(argc, argv, &settings)) {
        fprintf(stderr,
                "usage: store_bench FOLDER [--json] [--batches N] [--rows N] [--no-sync]\n");
        return 2;
    }
    options.path = settings.folder;
    options.sync = settings.sync;
    bench_log(&options, &settings);
    bench_store(&options, &settings);
    if (settings.json)
        print_json();
    else
        print_table();
    return 0;
}
