/*
 * Keys and rows of the LMDB directory, from a file that may be damaged in any way. The first byte
 * says what the rest is read as; what can be read is written again, and must be the same bytes.
 */
#include "backends/lmdb/directory_rows.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_same(const void *written, size_t written_size, struct cc_slice value)
{
    if (!slice_equal(slice_of(written, written_size), value))
        abort();
}

/* A key of a table with two names and a number, which are all that keys hold. */
static void try_key(struct cc_slice value)
{
    struct directory_key_reader reader;
    struct directory_key key;
    char first[CC_NAME_MAX];
    char second[CC_NAME_MAX];

    directory_key_read(&reader, TABLE_MEMBERS, value.data, value.size);
    directory_key_begin(&key, TABLE_MEMBERS);
    directory_key_name(&key, directory_key_read_name(&reader, first));
    directory_key_name(&key, directory_key_read_name(&reader, second));
    directory_key_number(&key, directory_key_read_number(&reader));
    if (directory_key_read_end(&reader))
        require_same(key.bytes, key.size, value);
}

/* Reads one sort of row and writes it again; false when it cannot be read. */
#define TRY_ROW(name, type, written)                                                               \
    static bool try_##name(struct cc_slice value, struct buffer *buffer)                           \
    {                                                                                              \
        type row;                                                                                  \
                                                                                                   \
        if (name##_row_read(value, &row))                                                          \
            return false;                                                                          \
        name##_row_write(buffer, written);                                                         \
        return true;                                                                               \
    }

TRY_ROW(profile, struct profile_row, &row)
TRY_ROW(relation, unsigned, row)
TRY_ROW(device, struct device_row, &row)
TRY_ROW(conversation, struct cc_conversation, &row)
TRY_ROW(tenure, struct tenure_row, &row)
TRY_ROW(mute, int64_t, row)
TRY_ROW(outbox, struct outbox_row, &row)
TRY_ROW(version, struct version_row, &row)
TRY_ROW(revocation, struct revocation_row, &row)
TRY_ROW(invitation, struct cc_invitation, &row)

static const struct {
    enum directory_table table;
    bool (*try_row)(struct cc_slice value, struct buffer *buffer);
} rows[] = {
    {TABLE_USERS, try_profile},          {TABLE_RELATIONS, try_relation},
    {TABLE_DEVICES, try_device},         {TABLE_CONVERSATIONS, try_conversation},
    {TABLE_MEMBERS, try_tenure},         {TABLE_MEMBERSHIPS, try_mute},
    {TABLE_OUTBOX, try_outbox},          {TABLE_VERSIONS, try_version},
    {TABLE_REVOCATIONS, try_revocation}, {TABLE_INVITATIONS, try_invitation},
};

static void try_row(uint8_t table, struct cc_slice value)
{
    struct buffer buffer;

    buffer_init(&buffer, cc_allocator_default());
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].table == table && rows[i].try_row(value, &buffer))
            require_same(buffer.data, buffer.size, value);
    buffer_deinit(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    if (data[0] == 'k')
        try_key(slice_of(data + 1, size - 1));
    else
        try_row(data[0], slice_of(data + 1, size - 1));
    return 0;
}
