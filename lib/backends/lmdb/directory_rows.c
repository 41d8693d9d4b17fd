/*
 * What the LMDB directory's rows hold: each row's writer and reader side by side.
 */
#include "backends/lmdb/directory_rows.h"

#include "chatcore/error.h"

static void write_number(struct buffer *buffer, uint64_t number, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        buffer_append_byte(buffer, (char)(number >> shift));
}

static void write_run(struct buffer *buffer, struct cc_slice run)
{
    if (run.size > UINT32_MAX)
        buffer->failed = true;
    write_number(buffer, run.size, 4);
    buffer_append_slice(buffer, run);
}

/* A value being read: after the first thing that does not fit it gives zeros. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static struct reader reader_of(struct cc_slice value)
{
    const uint8_t *start = (const uint8_t *)value.data;
    struct reader reader = {start, start + value.size, false};

    return reader;
}

static uint64_t read_number(struct reader *reader, int bytes)
{
    uint64_t number = 0;

    if (reader->failed || reader->end - reader->at < bytes) {
        reader->failed = true;
        return 0;
    }
    for (int i = 0; i < bytes; i++)
        number = number << 8 | *reader->at++;
    return number;
}

static struct cc_slice read_run(struct reader *reader)
{
    size_t size = read_number(reader, 4);
    struct cc_slice run = {0};

    if (reader->failed || (size_t)(reader->end - reader->at) < size) {
        reader->failed = true;
        return run;
    }
    run = slice_of(reader->at, size);
    reader->at += size;
    return run;
}

static struct cc_slice read_rest(struct reader *reader)
{
    struct cc_slice rest = slice_of(reader->at, (size_t)(reader->end - reader->at));

    reader->at = reader->end;
    return rest;
}

static int reader_end(const struct reader *reader)
{
    return reader->failed || reader->at != reader->end ? CC_ECORRUPT : 0;
}

/* --- users --- */

void profile_row_write(struct buffer *buffer, const struct profile_row *row)
{
    buffer_clear(buffer);
    for (size_t i = 0; i < 3; i++)
        write_run(buffer, row->values[i]);
    if (row->privacy.presence || row->privacy.read_marks) {
        write_number(buffer, row->privacy.presence, 1);
        write_number(buffer, row->privacy.read_marks, 1);
    }
}

int profile_row_read(struct cc_slice value, struct profile_row *ret_row)
{
    struct reader reader = reader_of(value);
    struct profile_row row = {0};
    bool has_privacy;

    for (size_t i = 0; i < 3; i++)
        row.values[i] = read_run(&reader);
    has_privacy = !reader.failed && reader.at != reader.end;
    if (has_privacy) {
        row.privacy.presence = (enum cc_audience)read_number(&reader, 1);
        row.privacy.read_marks = (enum cc_read_marks)read_number(&reader, 1);
    }
    if (reader_end(&reader) || row.privacy.presence > CC_AUDIENCE_NOBODY ||
        row.privacy.read_marks > CC_READ_MARKS_PRIVATE ||
        has_privacy != (row.privacy.presence || row.privacy.read_marks))
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

void relation_row_write(struct buffer *buffer, unsigned bits)
{
    buffer_clear(buffer);
    write_number(buffer, bits, 1);
}

int relation_row_read(struct cc_slice value, unsigned *ret_bits)
{
    struct reader reader = reader_of(value);
    unsigned bits = (unsigned)read_number(&reader, 1);

    if (reader_end(&reader) || !bits || bits > (CC_RELATION_CONTACT | CC_RELATION_BLOCKED))
        return CC_ECORRUPT;
    *ret_bits = bits;
    return 0;
}

void device_row_write(struct buffer *buffer, const struct device_row *row)
{
    buffer_clear(buffer);
    write_run(buffer, row->provider);
    buffer_append_slice(buffer, row->token);
}

int device_row_read(struct cc_slice value, struct device_row *ret_row)
{
    struct reader reader = reader_of(value);
    struct device_row row;

    row.provider = read_run(&reader);
    row.token = read_rest(&reader);
    if (reader_end(&reader))
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

/* --- conversations --- */

enum conversation_flag { FLAG_WAS_LARGE = 1, FLAG_RETENTION = 2 };

void conversation_row_write(struct buffer *buffer, const struct cc_conversation *row)
{
    buffer_clear(buffer);
    write_number(buffer, row->kind, 1);
    write_number(
        buffer, (row->was_large ? FLAG_WAS_LARGE : 0) | (row->retention_s ? FLAG_RETENTION : 0), 1);
    write_number(buffer, row->version, 8);
    write_number(buffer, row->member_count, 4);
    write_number(buffer, (uint64_t)row->created, 8);
    if (row->retention_s)
        write_number(buffer, row->retention_s, 8);
    buffer_append_slice(buffer, row->name);
}

int conversation_row_read(struct cc_slice value, struct cc_conversation *ret_row)
{
    struct reader reader = reader_of(value);
    struct cc_conversation row = {{0}};
    uint64_t flags;

    row.kind = (enum cc_conversation_kind)read_number(&reader, 1);
    flags = read_number(&reader, 1);
    row.was_large = (flags & FLAG_WAS_LARGE) != 0;
    row.version = read_number(&reader, 8);
    row.member_count = (uint32_t)read_number(&reader, 4);
    row.created = (int64_t)read_number(&reader, 8);
    if (flags & FLAG_RETENTION)
        row.retention_s = read_number(&reader, 8);
    row.name = read_rest(&reader);
    if (reader_end(&reader) || row.kind < CC_KIND_DIRECT || row.kind > CC_KIND_CHANNEL ||
        !row.version || flags > (FLAG_WAS_LARGE | FLAG_RETENTION) ||
        !(flags & FLAG_RETENTION) != !row.retention_s)
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

void tenure_row_write(struct buffer *buffer, const struct tenure_row *row)
{
    buffer_clear(buffer);
    write_number(buffer, row->to, 8);
    write_number(buffer, row->since, 8);
    write_number(buffer, row->role, 1);
}

int tenure_row_read(struct cc_slice value, struct tenure_row *ret_row)
{
    struct reader reader = reader_of(value);
    struct tenure_row row;

    row.to = read_number(&reader, 8);
    row.since = read_number(&reader, 8);
    row.role = (enum cc_role)read_number(&reader, 1);
    if (reader_end(&reader) || row.role < CC_ROLE_MEMBER || row.role > CC_ROLE_OWNER)
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

void mute_row_write(struct buffer *buffer, int64_t until)
{
    buffer_clear(buffer);
    write_number(buffer, (uint64_t)until, 8);
}

int mute_row_read(struct cc_slice value, int64_t *ret_until)
{
    struct reader reader = reader_of(value);
    uint64_t until = read_number(&reader, 8);

    if (reader_end(&reader))
        return CC_ECORRUPT;
    *ret_until = (int64_t)until;
    return 0;
}

/* --- outbox --- */

void outbox_row_write(struct buffer *buffer, const struct outbox_row *row)
{
    buffer_clear(buffer);
    write_number(buffer, row->version, 8);
    write_run(buffer, row->conversation);
    buffer_append_slice(buffer, row->payload);
}

int outbox_row_read(struct cc_slice value, struct outbox_row *ret_row)
{
    struct reader reader = reader_of(value);
    struct outbox_row row;

    row.version = read_number(&reader, 8);
    row.conversation = read_run(&reader);
    row.payload = read_rest(&reader);
    if (reader_end(&reader) || row.conversation.size > CC_NAME_MAX)
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

void version_row_write(struct buffer *buffer, const struct version_row *row)
{
    buffer_clear(buffer);
    write_number(buffer, row->partition, 8);
    write_number(buffer, row->number, 8);
}

int version_row_read(struct cc_slice value, struct version_row *ret_row)
{
    struct reader reader = reader_of(value);
    struct version_row row;

    row.partition = read_number(&reader, 8);
    row.number = read_number(&reader, 8);
    if (reader_end(&reader))
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

/* --- revocations --- */

void revoked_row_write(struct buffer *buffer, const struct revoked_row *row)
{
    buffer_clear(buffer);
    write_number(buffer, row->number, 8);
    write_number(buffer, (uint64_t)row->before, 8);
}

int revoked_row_read(struct cc_slice value, struct revoked_row *ret_row)
{
    struct reader reader = reader_of(value);
    struct revoked_row row;

    row.number = read_number(&reader, 8);
    row.before = (int64_t)read_number(&reader, 8);
    if (reader_end(&reader))
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

void revocation_row_write(struct buffer *buffer, const struct revocation_row *row)
{
    buffer_clear(buffer);
    write_number(buffer, row->kind, 1);
    buffer_append_slice(buffer, row->name);
}

int revocation_row_read(struct cc_slice value, struct revocation_row *ret_row)
{
    struct reader reader = reader_of(value);
    struct revocation_row row;

    row.kind = (enum cc_revoked)read_number(&reader, 1);
    row.name = read_rest(&reader);
    if (reader_end(&reader) || row.kind < CC_REVOKED_USER || row.kind > CC_REVOKED_TOKEN ||
        row.name.size > CC_NAME_MAX)
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}

/* --- invitations --- */

void invitation_row_write(struct buffer *buffer, const struct cc_invitation *row)
{
    buffer_clear(buffer);
    write_run(buffer, row->conversation);
    write_run(buffer, row->creator);
    write_number(buffer, (uint64_t)row->created, 8);
    write_number(buffer, (uint64_t)row->expires, 8);
    write_number(buffer, row->max_uses, 4);
    write_number(buffer, row->uses, 4);
}

int invitation_row_read(struct cc_slice value, struct cc_invitation *ret_row)
{
    struct reader reader = reader_of(value);
    struct cc_invitation row = {{0}};

    row.conversation = read_run(&reader);
    row.creator = read_run(&reader);
    row.created = (int64_t)read_number(&reader, 8);
    row.expires = (int64_t)read_number(&reader, 8);
    row.max_uses = (uint32_t)read_number(&reader, 4);
    row.uses = (uint32_t)read_number(&reader, 4);
    if (reader_end(&reader) || !row.conversation.size || row.conversation.size > CC_NAME_MAX ||
        !row.creator.size || row.creator.size > CC_NAME_MAX ||
        (row.max_uses && row.uses > row.max_uses))
        return CC_ECORRUPT;
    *ret_row = row;
    return 0;
}
