/*
 * The record codec. Order of the elements; it may grow at its end only:
 *
 *    0 version            8 flags               16 meta (bin)
 *    1 kind               9 conversation        17 target
 *    2 id (bin 16)       10 from                18 emoji
 *    3 ts                11 client_id           19 action
 *    4 origin            12 text                20 users
 *    5 token             13 media               21 name
 *    6 member_version    14 reply_to            22 role
 *    7 conversation_kind 15 mentions            23 files (bin)
 *                                             24 retention_s + 1
 *   25 target_seq         26 changed_seq        27 changed_id
 *   28 trace_parent
 *
 * The room is reserved once, from an upper bound, and then written without checks. What stands in
 * most records comes first, so a text message ends at element 12.
 */
#include "wire/record.h"

#include "chatcore/error.h"
#include "wire/pack.h"

enum record_flag { FLAG_ON = 1, FLAG_FLAGGED = 2, FLAG_FULL_DEDUP = 4 };

#define ELEMENT_COUNT 29

/* The array's head is always in the 16-bit form, as the count is known only at the end. */
#define HEAD_BYTES 3

/* Numbers of enums stay below this, so that they are one byte. */
#define ENUM_MAX 127

/* --- encoding ----------------------------------------------------------------------------------
 */

struct record_writer {
    char *at;
    char *used_end; /* behind the last element that is set */
    unsigned count;
    unsigned used_count; /* elements up to it */
};

static inline void put_end(struct record_writer *writer, char *at)
{
    writer->at = at;
    writer->used_end = at;
    writer->used_count = ++writer->count;
}

static inline void put_nil(struct record_writer *writer)
{
    writer->at = pack_put_nil(writer->at);
    writer->count++;
}

static inline void put_uint(struct record_writer *writer, uint64_t value)
{
    if (value)
        put_end(writer, pack_put_uint(writer->at, value));
    else
        put_nil(writer);
}

static inline void put_int(struct record_writer *writer, int64_t value)
{
    if (value)
        put_end(writer, pack_put_int(writer->at, value));
    else
        put_nil(writer);
}

static inline void put_str(struct record_writer *writer, struct cc_slice text)
{
    if (text.size)
        put_end(writer, pack_put_str(writer->at, text));
    else
        put_nil(writer);
}

static inline void put_bin(struct record_writer *writer, struct cc_slice bytes)
{
    if (bytes.size)
        put_end(writer, pack_put_bin(writer->at, bytes));
    else
        put_nil(writer);
}

static inline void put_id(struct record_writer *writer, const struct cc_id *id)
{
    static const struct cc_id none;

    if (memcmp(id, &none, sizeof none) != 0)
        put_bin(writer, slice_of(id->bytes, sizeof id->bytes));
    else
        put_nil(writer);
}

static void put_array(struct record_writer *writer, const struct cc_slice *texts, size_t count)
{
    char *at;

    if (!count) {
        put_nil(writer);
        return;
    }
    at = pack_put_array_head(writer->at, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        at = pack_put_str(at, texts[i]);
    put_end(writer, at);
}

static uint64_t flags_of(const struct record *record)
{
    return (record->message.on ? FLAG_ON : 0u) | (record->message.flagged ? FLAG_FLAGGED : 0u) |
           (record->full_dedup ? FLAG_FULL_DEDUP : 0u);
}

static void put_elements(struct record_writer *writer, const struct record *record)
{
    const struct cc_message *message = &record->message;

    put_uint(writer, RECORD_VERSION);
    put_uint(writer, message->kind);
    put_id(writer, &message->id);
    put_int(writer, message->ts);
    put_str(writer, record->origin);
    put_uint(writer, record->token);
    put_uint(writer, record->member_version);
    put_uint(writer, record->conversation_kind);
    put_uint(writer, flags_of(record));
    put_str(writer, message->conversation);
    put_str(writer, message->from);
    put_str(writer, message->client_id);
    put_str(writer, message->text);
    put_array(writer, message->media, message->media_count);
    put_id(writer, &message->reply_to);
    put_array(writer, message->mentions, message->mention_count);
    put_bin(writer, message->meta);
    put_id(writer, &message->target);
    put_str(writer, message->emoji);
    put_uint(writer, message->action);
    put_array(writer, message->users, message->user_count);
    put_str(writer, message->name);
    put_uint(writer, message->role);
    put_bin(writer, message->files);
    put_uint(writer, message->has_retention ? message->retention_s + 1 : 0);
    put_uint(writer, record->target_seq);
    put_uint(writer, record->changed_seq);
    put_id(writer, &record->changed_id);
    put_str(writer, message->trace_parent);
}

/* Adds what an array needs at most; stops at the bound, so sums can't overflow. */
static void add_array(size_t *sum, const struct cc_slice *texts, size_t count)
{
    for (size_t i = 0; i < count && *sum <= RECORD_BYTES_MAX; i++)
        *sum += texts[i].size <= RECORD_BYTES_MAX ? PACK_HEAD_MAX + texts[i].size
                                                  : RECORD_BYTES_MAX + 1;
}

/* An upper bound of the record's bytes, or more than RECORD_BYTES_MAX. */
static size_t bound_of(const struct record *record)
{
    const struct cc_message *message = &record->message;
    const struct cc_slice texts[] = {record->origin,       message->conversation, message->from,
                                     message->client_id,   message->text,         message->meta,
                                     message->emoji,       message->name,         message->files,
                                     message->trace_parent};
    size_t sum = HEAD_BYTES + ELEMENT_COUNT * PACK_HEAD_MAX + 4 * sizeof message->id;

    add_array(&sum, texts, sizeof texts / sizeof texts[0]);
    add_array(&sum, message->media, message->media_count);
    add_array(&sum, message->mentions, message->mention_count);
    add_array(&sum, message->users, message->user_count);
    return sum;
}

int record_encode(struct buffer *out, const struct record *record)
{
    size_t bound = bound_of(record);
    struct record_writer writer = {0};
    char *start;

    if (bound > RECORD_BYTES_MAX)
        return CC_ETOOLARGE;
    start = buffer_reserve(out, bound);
    if (!start)
        return CC_ENOMEM;
    writer.at = start + HEAD_BYTES;
    put_elements(&writer, record);
    pack_put_big16(pack_put_byte(start, 0xdc), (uint16_t)writer.used_count);
    out->size += (size_t)(writer.used_end - start);
    return 0;
}

/* --- decoding ----------------------------------------------------------------------------------
 */

struct record_reader {
    struct unpack unpack;
    uint32_t left; /* elements */
    struct arena *arena;
    bool no_memory;
};

/* False for an element that is nil or not there. */
static inline bool next(struct record_reader *reader)
{
    if (!reader->left)
        return false;
    reader->left--;
    return !unpack_nil(&reader->unpack);
}

static inline uint64_t get_uint(struct record_reader *reader)
{
    return next(reader) ? unpack_uint(&reader->unpack) : 0;
}

static inline int64_t get_int(struct record_reader *reader)
{
    return next(reader) ? unpack_int(&reader->unpack) : 0;
}

static inline unsigned get_enum(struct record_reader *reader)
{
    uint64_t value = get_uint(reader);

    if (value > ENUM_MAX) {
        unpack_fail(&reader->unpack);
        return 0;
    }
    return (unsigned)value;
}

static inline struct cc_slice get_bytes(struct record_reader *reader)
{
    return next(reader) ? unpack_bytes(&reader->unpack) : slice_of(NULL, 0);
}

static inline void get_id(struct record_reader *reader, struct cc_id *ret_id)
{
    struct cc_slice bytes = get_bytes(reader);

    if (bytes.size == sizeof ret_id->bytes)
        memcpy(ret_id->bytes, bytes.data, sizeof ret_id->bytes);
    else if (bytes.size)
        unpack_fail(&reader->unpack);
}

static void get_array(struct record_reader *reader, const struct cc_slice **ret_texts,
                      size_t *ret_count)
{
    struct cc_slice *texts;
    uint32_t count;

    if (!next(reader))
        return;
    count = unpack_array(&reader->unpack); /* no more than bytes are left */
    if (!count)
        return;
    texts = arena_alloc(reader->arena, count * sizeof *texts);
    if (!texts) {
        reader->no_memory = true;
        unpack_fail(&reader->unpack);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        texts[i] = unpack_bytes(&reader->unpack);
    *ret_texts = texts;
    *ret_count = count;
}

static void get_flags(struct record_reader *reader, struct record *record)
{
    uint64_t flags = get_uint(reader);

    record->message.on = (flags & FLAG_ON) != 0;
    record->message.flagged = (flags & FLAG_FLAGGED) != 0;
    record->full_dedup = (flags & FLAG_FULL_DEDUP) != 0;
}

static void get_retention(struct record_reader *reader, struct cc_message *message)
{
    uint64_t above = get_uint(reader);

    message->has_retention = above > 0;
    message->retention_s = above ? above - 1 : 0;
}

/* All but the version, in the order of put_elements(). */
static void get_elements(struct record_reader *reader, struct record *record)
{
    struct cc_message *message = &record->message;

    message->kind = (enum cc_message_kind)get_enum(reader);
    get_id(reader, &message->id);
    message->ts = get_int(reader);
    record->origin = get_bytes(reader);
    record->token = get_uint(reader);
    record->member_version = get_uint(reader);
    record->conversation_kind = (enum cc_conversation_kind)get_enum(reader);
    get_flags(reader, record);
    message->conversation = get_bytes(reader);
    message->from = get_bytes(reader);
    message->client_id = get_bytes(reader);
    message->text = get_bytes(reader);
    get_array(reader, &message->media, &message->media_count);
    get_id(reader, &message->reply_to);
    get_array(reader, &message->mentions, &message->mention_count);
    message->meta = get_bytes(reader);
    get_id(reader, &message->target);
    message->emoji = get_bytes(reader);
    message->action = (enum cc_system_action)get_enum(reader);
    get_array(reader, &message->users, &message->user_count);
    message->name = get_bytes(reader);
    message->role = (enum cc_role)get_enum(reader);
    message->files = get_bytes(reader);
    get_retention(reader, message);
    record->target_seq = get_uint(reader);
    record->changed_seq = get_uint(reader);
    get_id(reader, &record->changed_id);
    message->trace_parent = get_bytes(reader);
}

int record_decode(struct cc_slice bytes, struct arena *arena, struct record *ret_record)
{
    struct record_reader reader = {.unpack = unpack_of(bytes), .arena = arena};
    struct record record = {0};
    uint64_t version;

    reader.left = unpack_array(&reader.unpack);
    version = get_uint(&reader);
    if (version > RECORD_VERSION && !reader.unpack.failed)
        return CC_EVERSION;
    get_elements(&reader, &record);
    while (reader.left--)
        unpack_skip(&reader.unpack);
    if (reader.no_memory)
        return CC_ENOMEM;
    if (reader.unpack.failed || !version || !record.message.kind || unpack_left(&reader.unpack))
        return CC_ECORRUPT;
    *ret_record = record;
    return 0;
}
