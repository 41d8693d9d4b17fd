/*
 * Steps on a log.
 */
#include "testing/log_steps.h"

#include "chatcore/error.h"

#include <stdlib.h>

/* Appends that make their records themselves take at most this much memory. */
#define FILLED_BYTES_MAX ((size_t)64 << 20)

int log_append_words(struct logs *log, uint32_t partition, const char *words, uint64_t *ret_offset)
{
    struct cc_slice records[LOG_WORDS_MAX];
    struct cc_log_append op = {.partition = partition, .records = records};
    int r;

    for (const char *at = words; *at && op.count < LOG_WORDS_MAX;) {
        size_t size = strcspn(at, " ");

        records[op.count++] = slice_of(at, size);
        at += size + strspn(at + size, " ");
    }
    r = LOG_RUN(log, append, &op);
    if (!r && ret_offset)
        *ret_offset = op.ret_offset;
    cc_op_release(&op.op);
    return r;
}

static char filling(uint64_t offset, size_t at)
{
    return (char)(offset * 31 + at * 7 + at / 251);
}

static void fill(char *bytes, uint64_t offset, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = filling(offset, i);
}

int log_append_filled(struct logs *log, uint32_t partition, uint64_t offset, size_t count,
                      size_t size)
{
    struct cc_log_append op = {.partition = partition, .count = count};
    struct cc_slice *records;
    char *bytes;
    int r = CC_ENOMEM;

    if (size && count > FILLED_BYTES_MAX / size)
        return CC_ETOOLARGE;
    records = calloc(count, sizeof *records);
    bytes = malloc(count * size + 1);
    if (records && bytes) {
        for (size_t i = 0; i < count; i++) {
            fill(bytes + i * size, offset + i, size);
            records[i] = slice_of(bytes + i * size, size);
        }
        op.records = records;
        r = LOG_RUN(log, append, &op);
        cc_op_release(&op.op);
    }
    free(records);
    free(bytes);
    return !r && op.ret_offset != offset ? CC_EINTERNAL : r;
}

bool log_is_filled(const struct cc_log_record *record, size_t size)
{
    bool is_same = record->data.size == size;

    for (size_t i = 0; is_same && i < size; i++)
        is_same = record->data.data[i] == filling(record->offset, i);
    return is_same;
}

void log_add_records(const struct cc_log_read *op, struct text *text)
{
    for (size_t i = 0; i < op->ret_count; i++)
        text_add(text, "%s%llu:%.*s", i ? " " : "", (unsigned long long)op->ret_records[i].offset,
                 SLICE_ARGUMENTS(op->ret_records[i].data));
}

void log_read_words(struct logs *log, uint32_t partition, uint64_t offset, size_t max_records,
                    size_t max_bytes, struct text *text)
{
    struct cc_log_read op = {.partition = partition,
                             .offset = offset,
                             .max_records = max_records,
                             .max_bytes = max_bytes};
    int r = LOG_RUN(log, read, &op);

    if (r)
        text_add(text, "%s", cc_error_name(r));
    else
        log_add_records(&op, text);
    cc_op_release(&op.op);
}

void log_read_bounds(struct logs *log, uint32_t partition, struct text *text)
{
    struct cc_log_bounds op = {.partition = partition};
    int r = LOG_RUN(log, bounds, &op);

    if (r)
        text_add(text, "%s", cc_error_name(r));
    else
        text_add(text, "%llu..%llu", (unsigned long long)op.ret_first,
                 (unsigned long long)op.ret_next);
    cc_op_release(&op.op);
}

int log_commit(struct logs *log, const char *consumer, uint32_t partition, uint64_t offset)
{
    struct cc_log_position op = {
        .consumer = slice_str(consumer), .partition = partition, .offset = offset};
    int r = LOG_RUN(log, commit, &op);

    cc_op_release(&op.op);
    return r;
}

int log_committed(struct logs *log, const char *consumer, uint32_t partition, uint64_t *ret_offset)
{
    struct cc_log_position op = {.consumer = slice_str(consumer), .partition = partition};
    int r = LOG_RUN(log, committed, &op);

    if (!r)
        *ret_offset = op.ret_offset;
    if (!r && op.ret_offset && !op.ret_known)
        r = CC_ECORRUPT; /* a position that nobody knows */
    cc_op_release(&op.op);
    return r;
}

bool log_knows(struct logs *log, const char *consumer, uint32_t partition)
{
    struct cc_log_position op = {.consumer = slice_str(consumer), .partition = partition};
    int r = LOG_RUN(log, committed, &op);

    cc_op_release(&op.op);
    return !r && op.ret_known;
}

int log_forget(struct logs *log, const char *consumer, uint32_t partition)
{
    struct cc_log_position op = {.consumer = slice_str(consumer), .partition = partition};
    int r = LOG_RUN(log, forget, &op);

    cc_op_release(&op.op);
    return r;
}

int log_trim(struct logs *log, uint32_t partition, uint64_t before)
{
    struct cc_log_trim op = {.partition = partition, .before = before};
    int r = LOG_RUN(log, trim, &op);

    cc_op_release(&op.op);
    return r;
}
