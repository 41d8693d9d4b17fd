/*
 * A log port on one plain file.
 *
 * The file is a row of frames: an append, a consumer's position, or how far a partition is trimmed.
 * A frame is written with one call and synced before its operation is answered; it carries a
 * checksum, and opening stops at the first that is not whole. So an append is there altogether or
 * not at all, whatever was killed when.
 *
 * Everything is answered inside its slot, but a read at the end and the watch: these are held until
 * something comes or the engine cancels them. In memory is where each record stands.
 *
 * It is an example: the file never shrinks, and syncing happens on the engine's thread.
 */
#include "file_log.h"

#include <chatcore/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum frame_type { FRAME_APPEND = 1, FRAME_POSITION, FRAME_FORGET, FRAME_TRIM };

struct frame {
    uint32_t check; /* of all that follows */
    uint32_t type;
    uint32_t partition;
    uint32_t size;  /* of what stands behind the frame */
    uint64_t value; /* APPEND: how many records; else the offset */
};

struct place {
    off_t at;
    uint32_t size;
};

struct partition {
    struct place *records; /* of every record ever; its index is its offset */
    uint64_t next;
    uint64_t capacity;
    uint64_t first; /* those below are trimmed */
};

struct position {
    struct position *next;
    uint32_t partition;
    uint64_t offset;
    size_t size;
    char consumer[64];
};

struct file_log {
    int file;
    off_t end;
    struct position *positions;
    struct cc_op *held_reads; /* by op->next */
    struct cc_log_watch *held_watch;
    bool has_told_partitions;
    uint32_t *owned; /* all of them */
    uint32_t partition_count;
    struct partition partitions[];
};

/* --- what the frames mean --------------------------------------------------------------------- */

static uint32_t checksum(uint32_t sum, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const unsigned char *)data)[i]) * 16777619u;
    return sum;
}

/* A frame with what stands behind it. */
static uint32_t frame_check(const struct frame *frame)
{
    return checksum(2166136261u, &frame->type,
                    sizeof *frame - offsetof(struct frame, type) + frame->size);
}

/* Room for the records of an append: taken before it is written, for what is durable must not fail
 * any more. */
static int reserve(struct partition *partition, uint64_t count)
{
    uint64_t capacity = partition->capacity ? partition->capacity : 1024;
    struct place *records;

    while (capacity < partition->next + count)
        capacity *= 2;
    records = realloc(partition->records, capacity * sizeof *records);
    if (!records)
        return CC_ENOMEM;
    partition->records = records;
    partition->capacity = capacity;
    return 0;
}

/* The records of an append: each its size and its bytes. */
static void note_records(struct partition *partition, const struct frame *frame, off_t at)
{
    const char *bytes = (const char *)(frame + 1);
    size_t done = 0;

    for (uint64_t i = 0; i < frame->value; i++) {
        struct place *place = &partition->records[partition->next++];

        memcpy(&place->size, bytes + done, sizeof place->size);
        done += sizeof place->size;
        place->at = at + (off_t)(sizeof *frame + done);
        done += place->size;
    }
}

static struct position **position_find(struct file_log *log, uint32_t partition,
                                       struct cc_slice consumer)
{
    struct position **at = &log->positions;

    while (*at && ((*at)->partition != partition || (*at)->size != consumer.size ||
                   memcmp((*at)->consumer, consumer.data, consumer.size) != 0))
        at = &(*at)->next;
    return at;
}

static int note_position(struct file_log *log, const struct frame *frame)
{
    struct cc_slice consumer = {(const char *)(frame + 1), frame->size};
    struct position **at = position_find(log, frame->partition, consumer);
    struct position *position = *at;

    if (frame->type == FRAME_FORGET) {
        if (position)
            *at = position->next;
        free(position);
        return 0;
    }
    if (!position) {
        position = calloc(1, sizeof *position);
        if (!position)
            return CC_ENOMEM;
        position->partition = frame->partition;
        position->size = consumer.size;
        memcpy(position->consumer, consumer.data, consumer.size);
        *at = position;
    }
    position->offset = frame->value;
    return 0;
}

/* A frame that stands in the file, at `at`. 0 or CC_ENOMEM. */
static int note(struct file_log *log, const struct frame *frame, off_t at)
{
    struct partition *partition = &log->partitions[frame->partition];
    int r = 0;

    if (frame->type == FRAME_APPEND) {
        r = reserve(partition, frame->value);
        if (!r)
            note_records(partition, frame, at);
    } else if (frame->type == FRAME_TRIM) {
        partition->first = frame->value;
    } else {
        r = note_position(log, frame);
    }
    return r;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int error_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? CC_ENOSPACE : CC_EIO;
}

/* What failed is written over by the next one: the end has not moved. */
static int write_frame(struct file_log *log, struct frame *frame)
{
    size_t size = sizeof *frame + frame->size;
    ssize_t written;
    int r;

    frame->check = frame_check(frame);
    errno = EIO; /* a short write says nothing */
    written = pwrite(log->file, frame, size, log->end);
    if (written < 0 || (size_t)written != size || fdatasync(log->file))
        return error_of_errno();
    r = note(log, frame, log->end);
    if (!r)
        log->end += (off_t)size;
    return r;
}

static struct frame *append_frame(const struct cc_log_append *op)
{
    size_t size = 0;
    struct frame *frame;
    char *at;

    for (size_t i = 0; i < op->count; i++)
        size += sizeof(uint32_t) + op->records[i].size;
    frame = size <= UINT32_MAX ? calloc(1, sizeof *frame + size) : NULL;
    if (!frame)
        return NULL;
    *frame = (struct frame){0, FRAME_APPEND, op->partition, (uint32_t)size, op->count};
    at = (char *)(frame + 1);
    for (size_t i = 0; i < op->count; i++) {
        uint32_t bytes = (uint32_t)op->records[i].size;

        memcpy(at, &bytes, sizeof bytes);
        if (bytes)
            memcpy(at + sizeof bytes, op->records[i].data, bytes);
        at += sizeof bytes + bytes;
    }
    return frame;
}

static void wake_readers(struct file_log *log);

static void log_append(void *self, struct cc_log_append *op)
{
    struct file_log *log = self;
    struct frame *frame;
    int r = CC_EINVAL;

    if (op->partition < log->partition_count && op->count) {
        op->ret_offset = log->partitions[op->partition].next;
        frame = append_frame(op);
        r = frame ? reserve(&log->partitions[op->partition], op->count) : CC_ENOMEM;
        if (!r)
            r = write_frame(log, frame);
        free(frame);
    }
    cc_op_done(&op->op, r); /* the operation is the engine's again */
    if (!r)
        wake_readers(log);
}

/* --- reading ---------------------------------------------------------------------------------- */

static size_t count_records(const struct partition *partition, const struct cc_log_read *op,
                            size_t *ret_bytes)
{
    size_t count = 0, bytes = 0;

    for (uint64_t i = op->offset; i < partition->next; i++, count++) {
        size_t size = partition->records[i].size;

        if (count && (count >= op->max_records || bytes + size > op->max_bytes))
            break;
        bytes += size;
    }
    *ret_bytes = bytes;
    return count;
}

/* The engine is done with what a read has brought. */
static void read_released(struct cc_op *op)
{
    free(op->backend);
    op->backend = NULL;
}

/* One block: the records, and their bytes behind them. */
static int fill(struct file_log *log, struct cc_log_read *op)
{
    const struct partition *partition = &log->partitions[op->partition];
    size_t bytes;
    size_t count = count_records(partition, op, &bytes);
    struct cc_log_record *records = malloc(count * sizeof *records + bytes + 1);
    char *at = records ? (char *)(records + count) : NULL;

    if (!records)
        return CC_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &partition->records[op->offset + i];

        if (pread(log->file, at, place->size, place->at) != (ssize_t)place->size) {
            free(records);
            return CC_EIO;
        }
        records[i] = (struct cc_log_record){op->offset + i, {at, place->size}};
        at += place->size;
    }
    op->op.backend = records;
    op->op.release = read_released;
    op->ret_records = records;
    op->ret_count = count;
    return 0;
}

static void answer_read(struct file_log *log, struct cc_log_read *op)
{
    cc_op_done(&op->op, fill(log, op));
}

static void log_read(void *self, struct cc_log_read *op)
{
    struct file_log *log = self;

    if (op->partition >= log->partition_count) {
        cc_op_done(&op->op, CC_EINVAL);
    } else if (op->offset < log->partitions[op->partition].first) {
        cc_op_done(&op->op, CC_ETRIMMED);
    } else if (op->wait && op->offset >= log->partitions[op->partition].next) {
        op->op.next = log->held_reads; /* `next` is whose the operation is */
        log->held_reads = &op->op;
    } else {
        answer_read(log, op);
    }
}

/* Completes the held reads for which there is something now. */
static void wake_readers(struct file_log *log)
{
    struct cc_op **at = &log->held_reads;

    while (*at) {
        struct cc_log_read *read = (struct cc_log_read *)(void *)*at;

        if (read->offset < log->partitions[read->partition].next) {
            *at = read->op.next;
            answer_read(log, read);
        } else {
            at = &(*at)->next;
        }
    }
}

static void log_bounds(void *self, struct cc_log_bounds *op)
{
    const struct file_log *log = self;
    bool is_ours = op->partition < log->partition_count;

    if (is_ours) {
        op->ret_first = log->partitions[op->partition].first;
        op->ret_next = log->partitions[op->partition].next;
    }
    cc_op_done(&op->op, is_ours ? 0 : CC_EINVAL);
}

/* --- positions and trimming ------------------------------------------------------------------- */

/* A frame with the consumer's name behind it. */
static int write_position(struct file_log *log, const struct cc_log_position *op,
                          enum frame_type type)
{
    struct {
        struct frame frame;
        char name[sizeof((struct position *)0)->consumer];
    } both = {.frame = {0, type, op->partition, (uint32_t)op->consumer.size, op->offset}};

    if (op->partition >= log->partition_count || !op->consumer.size ||
        op->consumer.size > sizeof both.name)
        return CC_EINVAL;
    memcpy(both.name, op->consumer.data, op->consumer.size);
    return write_frame(log, &both.frame);
}

static void log_commit(void *self, struct cc_log_position *op)
{
    cc_op_done(&op->op, write_position(self, op, FRAME_POSITION));
}

static void log_forget(void *self, struct cc_log_position *op)
{
    cc_op_done(&op->op, write_position(self, op, FRAME_FORGET));
}

static void log_committed(void *self, struct cc_log_position *op)
{
    struct file_log *log = self;
    const struct position *position = *position_find(log, op->partition, op->consumer);
    bool is_valid = op->partition < log->partition_count && op->consumer.size &&
                    op->consumer.size <= sizeof position->consumer;

    op->ret_known = is_valid && position;
    op->ret_offset = op->ret_known ? position->offset : 0;
    cc_op_done(&op->op, is_valid ? 0 : CC_EINVAL);
}

/* What a consumer still wants is kept. */
static uint64_t wanted_from(const struct file_log *log, const struct cc_log_trim *op)
{
    uint64_t before = op->before;

    if (before > log->partitions[op->partition].next)
        before = log->partitions[op->partition].next;
    for (const struct position *at = log->positions; at; at = at->next)
        if (at->partition == op->partition && at->offset < before)
            before = at->offset;
    return before;
}

static void log_trim(void *self, struct cc_log_trim *op)
{
    struct file_log *log = self;
    struct frame frame = {.type = FRAME_TRIM, .partition = op->partition};
    int r = CC_EINVAL;

    if (op->partition < log->partition_count) {
        frame.value = wanted_from(log, op);
        r = frame.value > log->partitions[op->partition].first ? write_frame(log, &frame) : 0;
    }
    cc_op_done(&op->op, r);
}

/* --- who owns what ---------------------------------------------------------------------------- */

/* This node owns every partition, always: it is told once. */
static void log_watch(void *self, struct cc_log_watch *op)
{
    struct file_log *log = self;

    if (log->has_told_partitions) {
        log->held_watch = op;
        return;
    }
    log->has_told_partitions = true;
    op->ret_owned = log->owned;
    op->ret_count = log->partition_count;
    cc_op_done(&op->op, 0);
}

static void log_cancel(void *self, struct cc_op *op)
{
    struct file_log *log = self;
    struct cc_op **at = &log->held_reads;

    while (*at && *at != op)
        at = &(*at)->next;
    if (*at)
        *at = op->next;
    else if (log->held_watch && op == &log->held_watch->op)
        log->held_watch = NULL;
    else
        return; /* it was answered meanwhile */
    cc_op_done(op, CC_ECANCELED);
}

static uint32_t log_partitions(void *self)
{
    return ((struct file_log *)self)->partition_count;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void log_free(void *self)
{
    struct file_log *log = self;

    while (log->positions) {
        struct position *position = log->positions;

        log->positions = position->next;
        free(position);
    }
    for (uint32_t i = 0; i < log->partition_count; i++)
        free(log->partitions[i].records);
    close(log->file);
    free(log->owned);
    free(log);
}

/* The frame at the end of what was read so far; NULL with `*ret_error` 0 when there is none that is
 * whole. */
static struct frame *read_frame(const struct file_log *log, int *ret_error)
{
    struct frame head, *frame;

    *ret_error = 0;
    if (pread(log->file, &head, sizeof head, log->end) != sizeof head ||
        head.partition >= log->partition_count ||
        lseek(log->file, 0, SEEK_END) - log->end < (off_t)(sizeof head + head.size))
        return NULL;
    frame = malloc(sizeof head + head.size);
    if (!frame) {
        *ret_error = CC_ENOMEM;
        return NULL;
    }
    if (pread(log->file, frame, sizeof head + head.size, log->end) ==
            (ssize_t)(sizeof head + head.size) &&
        frame_check(frame) == frame->check)
        return frame;
    free(frame);
    return NULL;
}

static int read_frames(struct file_log *log)
{
    struct frame *frame;
    int r = 0;

    while (!r && (frame = read_frame(log, &r))) {
        r = note(log, frame, log->end);
        log->end += (off_t)(sizeof *frame + frame->size);
        free(frame);
    }
    return r;
}

static const struct cc_log_vtable vtable = {
    .size = sizeof vtable,
    .partitions = log_partitions,
    .append = log_append,
    .read = log_read,
    .bounds = log_bounds,
    .watch = log_watch,
    .commit = log_commit,
    .committed = log_committed,
    .forget = log_forget,
    .trim = log_trim,
    .cancel = log_cancel,
    .free = log_free,
};

int file_log_open(const char *path, uint32_t partitions, struct cc_log *ret_log)
{
    struct file_log *log = calloc(1, sizeof *log + partitions * sizeof *log->partitions);
    int r;

    if (!log)
        return CC_ENOMEM;
    log->partition_count = partitions;
    log->owned = calloc(partitions, sizeof *log->owned);
    log->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (uint32_t i = 0; log->owned && i < partitions; i++)
        log->owned[i] = i;
    r = !log->owned ? CC_ENOMEM : log->file < 0 ? CC_EIO : read_frames(log);
    if (r) {
        log_free(log);
        return r;
    }
    ret_log->vtable = &vtable;
    ret_log->self = log;
    return 0;
}
