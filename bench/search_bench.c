/*
 * What the search index costs: CPU of the whole process and time for each message, and the longest
 * batch, for which a query may have to wait.
 *
 *   search_bench FOLDER [--messages N] [--batch N] [--conversations N] [--edits PERCENT]
 *
 * FOLDER decides which disk is measured; it must not exist, and is left for looking at.
 *
 * The messages are of 12 words from a vocabulary of 40,000, the common ones often, in conversations
 * of which some are busier than others, 50 of them a millisecond, as a server at its limit brings
 * them. Some PERCENT are edits of one of before. Then queries: a common word, a rare one, two
 * letters, each in 10 conversations and in all.
 */
#include "base/memory.h"
#include "chatcore/backend/search.h"
#include "chatcore/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define WORDS         12
#define VOCABULARY    40000
#define CONVERSATIONS 2000
#define PER_MS        50
#define TEXT_BYTES    256
#define NAME_BYTES    16
#define BATCH_MAX     8192
#define QUERIES       20
#define QUERY_SCOPES  10
#define REPORTS       10
#define FIRST_TS      1750000000000

struct settings {
    const char *folder;
    size_t messages;
    size_t batch;
    size_t conversations;
    unsigned edits;
};

struct clocks {
    double cpu;
    double wall;
};

struct bench {
    struct settings settings;
    struct cc_search search;
    struct cc_mailbox mailbox;
    uint64_t random;
    uint64_t *seqs; /* of each conversation */
    struct cc_search_entry entries[BATCH_MAX];
    char texts[BATCH_MAX][TEXT_BYTES];
    char names[BATCH_MAX][NAME_BYTES];
};

static void must(int status, const char *what)
{
    if (!status)
        return;
    fprintf(stderr, "search_bench: %s: %s\n", what, cc_strerror(status));
    exit(1);
}

static struct clocks now(void)
{
    struct rusage usage;
    struct timespec wall;

    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &wall);
    return (struct clocks){
        .cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
        .wall = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
    };
}

/* --- messages -----------------------------------------------------------------------------------
 */

static uint64_t draw(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return bench->random;
}

/* Below `limit`; small ones are likely, about as words and busy conversations are distributed. */
static size_t draw_skewed(struct bench *bench, size_t limit)
{
    double x = (double)(draw(bench) >> 11) / 9007199254740992.0;

    return (size_t)(x * x * x * x * (double)limit);
}

/* The n-th word: pronounceable, so that beginnings are shared as in a language. */
static size_t write_word(char *to, size_t number)
{
    static const char *const syllables[] = {"ta",  "ne", "lor", "mi", "sen", "ka", "ru",  "de",
                                            "pol", "is", "gra", "vu", "hem", "on", "bit", "ya"};
    size_t size = 0;

    do {
        const char *syllable = syllables[number % 16];

        for (size_t i = 0; syllable[i]; i++)
            to[size++] = syllable[i];
        number /= 16;
    } while (number);
    return size;
}

static struct cc_slice write_text(struct bench *bench, char *to)
{
    size_t size = 0;

    for (int i = 0; i < WORDS; i++) {
        size += write_word(to + size, draw_skewed(bench, VOCABULARY));
        to[size++] = ' ';
    }
    return slice_of(to, size - 1);
}

static struct cc_slice conversation_name(char name[NAME_BYTES], size_t number)
{
    return slice_of(name, (size_t)snprintf(name, NAME_BYTES, "room%zu", number));
}

/* The id of the n-th message: as the server makes them, ascending in time. */
static struct cc_id message_id(size_t number)
{
    uint64_t ms = FIRST_TS + number / PER_MS;
    struct cc_id id = {.bytes = {0}};

    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    id.bytes[6] = 0x70;
    id.bytes[8] = (uint8_t)(0x80 | (number % PER_MS));
    for (int i = 0; i < 7; i++)
        id.bytes[9 + i] = (uint8_t)((number * 0x9E3779B97F4A7C15u) >> 8 * i);
    return id;
}

static void make_entry(struct bench *bench, size_t at, size_t number)
{
    struct cc_search_entry *entry = &bench->entries[at];
    size_t conversation = draw_skewed(bench, bench->settings.conversations);

    memset(entry, 0, sizeof *entry);
    entry->action = CC_SEARCH_PUT;
    entry->conversation = conversation_name(bench->names[at], conversation);
    entry->offset = number;
    entry->message = message_id(number);
    entry->seq = ++bench->seqs[conversation];
    entry->ts = FIRST_TS + (int64_t)(number / PER_MS);
    entry->from = slice_str("somebody");
    entry->text = write_text(bench, bench->texts[at]);
}

/* Makes the entry an edit of the one before it: people mend what they have just said. */
static void make_edit(struct bench *bench, size_t at)
{
    struct cc_search_entry *entry = &bench->entries[at];
    const struct cc_search_entry *other = &bench->entries[at / 2];

    if (other->action != CC_SEARCH_PUT)
        return;
    entry->action = CC_SEARCH_EDIT;
    entry->conversation = other->conversation;
    entry->message = other->message;
}

/* --- the measurement ----------------------------------------------------------------------------
 */

static void index_done(struct cc_op *op)
{
    must(op->status, "indexing");
    cc_op_release(op);
}

static void bring_batch(struct bench *bench, size_t first, size_t count)
{
    struct cc_search_index op = {.op = {.mailbox = &bench->mailbox, .complete = index_done},
                                 .position = first + count,
                                 .entries = bench->entries,
                                 .count = count};

    bench->search.vtable->index(bench->search.self, &op);
    cc_mailbox_drain(&bench->mailbox);
}

static void make_batch(struct bench *bench, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        make_entry(bench, i, first + i);
        if (i && draw(bench) % 100 < bench->settings.edits)
            make_edit(bench, i);
    }
}

static void report(size_t messages, size_t count, struct clocks spent, double longest)
{
    printf("%9zu messages  %6.2f us CPU  %6.2f us  longest batch %6.1f ms\n", messages,
           spent.cpu / (double)count * 1e6, spent.wall / (double)count * 1e6, longest * 1e3);
}

static void add_since(struct clocks *spent, struct clocks since, double *longest)
{
    struct clocks end = now();

    spent->cpu += end.cpu - since.cpu;
    spent->wall += end.wall - since.wall;
    if (end.wall - since.wall > *longest)
        *longest = end.wall - since.wall;
}

/* Making the messages is not counted. */
static void measure_index(struct bench *bench)
{
    const struct settings *settings = &bench->settings;
    struct clocks spent = {0}, all = {0};
    double longest = 0;
    size_t reported = 0;

    for (size_t at = 0; at < settings->messages;) {
        size_t left = settings->messages - at;
        size_t count = left < settings->batch ? left : settings->batch;
        struct clocks since;

        make_batch(bench, at, count);
        since = now();
        bring_batch(bench, at, count);
        add_since(&spent, since, &longest);
        at += count;
        if (at < settings->messages && at - reported < settings->messages / REPORTS)
            continue;
        report(at, at - reported, spent, longest);
        all.cpu += spent.cpu;
        all.wall += spent.wall;
        spent = (struct clocks){0};
        longest = 0;
        reported = at;
    }
    printf("all: %.2f us CPU, %.2f us\n", all.cpu / (double)settings->messages * 1e6,
           all.wall / (double)settings->messages * 1e6);
}

struct asking {
    struct cc_search_query query;
    size_t found;
};

static void query_done(struct cc_op *op)
{
    struct asking *asking = (struct asking *)(void *)op;

    must(op->status, "asking");
    asking->found = asking->query.ret_count;
    cc_op_release(op);
}

static void measure_query(struct bench *bench, const char *what, struct cc_slice text, size_t count)
{
    struct cc_search_scope *scopes = calloc(count, sizeof *scopes);
    char(*names)[NAME_BYTES] = calloc(count, NAME_BYTES);
    struct asking asking;
    struct clocks spent = {0};
    double longest = 0;

    must(scopes && names ? 0 : CC_ENOMEM, "memory");
    for (size_t i = 0; i < count; i++)
        scopes[i].conversation =
            conversation_name(names[i], i * bench->settings.conversations / count);
    for (int i = 0; i < QUERIES; i++) {
        struct clocks since = now();

        memset(&asking, 0, sizeof asking);
        asking.query.op.mailbox = &bench->mailbox;
        asking.query.op.complete = query_done;
        asking.query.text = text;
        asking.query.scopes = scopes;
        asking.query.scope_count = count;
        asking.query.limit = 20;
        bench->search.vtable->query(bench->search.self, &asking.query);
        cc_mailbox_drain(&bench->mailbox);
        add_since(&spent, since, &longest);
    }
    printf("%-28s in %5zu: %3zu found, %7.2f ms, longest %7.2f ms%s\n", what, count, asking.found,
           spent.wall / QUERIES * 1e3, longest * 1e3, asking.query.ret_is_cut ? ", cut" : "");
    free(names);
    free(scopes);
}

static void measure_queries(struct bench *bench)
{
    size_t all = bench->settings.conversations;
    char rare[32];
    struct cc_slice texts[] = {slice_str("ne "), slice_of(rare, write_word(rare, VOCABULARY / 2)),
                               slice_str("ka"), slice_str("sen"), slice_str("mine ta")};
    static const char *const names[] = {"a common word", "a rare word", "two letters",
                                        "three letters", "a word and two letters"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        measure_query(bench, names[i], texts[i], QUERY_SCOPES);
        measure_query(bench, names[i], texts[i], all);
    }
}

static void report_size(const char *path, size_t messages)
{
    struct stat status;

    if (stat(path, &status) == 0)
        printf("file: %.0f bytes a message\n", (double)status.st_size / (double)messages);
}

static size_t number_of(const char *text, size_t most)
{
    unsigned long number = strtoul(text ? text : "", NULL, 10);

    if (!number || number > most) {
        fprintf(stderr, "search_bench: a number from 1 to %zu\n", most);
        exit(2);
    }
    return number;
}

static void read_arguments(int count, char **arguments, struct settings *ret_settings)
{
    *ret_settings = (struct settings){
        .messages = 200000, .batch = 1024, .conversations = CONVERSATIONS, .edits = 0};
    for (int i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--messages"))
            ret_settings->messages = number_of(arguments[++i], SIZE_MAX);
        else if (!strcmp(arguments[i], "--batch"))
            ret_settings->batch = number_of(arguments[++i], BATCH_MAX);
        else if (!strcmp(arguments[i], "--conversations"))
            ret_settings->conversations = number_of(arguments[++i], 10000);
        else if (!strcmp(arguments[i], "--edits"))
            ret_settings->edits = (unsigned)number_of(arguments[++i], 100);
        else
            ret_settings->folder = arguments[i];
    }
}

int main(int count, char **arguments)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct cc_search_sqlite_options options = CC_SEARCH_SQLITE_OPTIONS_INIT;
    char path[4096];

    must(bench ? 0 : CC_ENOMEM, "memory");
    read_arguments(count, arguments, &bench->settings);
    if (!bench->settings.folder || mkdir(bench->settings.folder, 0700) != 0) {
        fprintf(stderr, "search_bench: names a folder that does not exist yet\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/search.db", bench->settings.folder);
    options.path = path;
    options.no_thread = true;
    bench->random = 88172645463325252u;
    bench->seqs = calloc(bench->settings.conversations, sizeof *bench->seqs);
    must(bench->seqs ? 0 : CC_ENOMEM, "memory");
    must(cc_search_sqlite_open(NULL, &options, &bench->search), path);
    measure_index(bench);
    measure_queries(bench);
    bench->search.vtable->free(bench->search.self);
    report_size(path, bench->settings.messages);
    free(bench->seqs);
    free(bench);
    return 0;
}
