/*
 * Keys and rows of the LMDB directory: keys sort as what they stand for, everything comes back as
 * it was written, and what was cut or lengthened is damage.
 */
#include "backends/lmdb/directory_rows.h"
#include "chatcore/error.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* --- keys --- */

/* Names with zeros, ones and prefixes: what an escape could get wrong. */
static struct cc_slice make_name(unsigned number, char buffer[CC_NAME_MAX])
{
    static const char letters[] = {0, 1, 2, 'a', '\xff'};
    size_t size = 0;

    for (; number && size < CC_NAME_MAX; number /= 6)
        if (number % 6 < 5)
            buffer[size++] = letters[number % 6];
    return slice_of(buffer, size);
}

static struct directory_key make_key(struct cc_slice first, struct cc_slice second, uint64_t number)
{
    struct directory_key key;

    directory_key_begin(&key, TABLE_MEMBERS);
    directory_key_name(&key, first);
    directory_key_name(&key, second);
    directory_key_number(&key, number);
    assert_false(key.failed);
    return key;
}

static struct cc_slice key_slice(const struct directory_key *key)
{
    return slice_of(key->bytes, key->size);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void test_keys_sort_as_their_parts(void **state)
{
    char buffers[4][CC_NAME_MAX];

    (void)state;
    srandom(1);
    for (int i = 0; i < 100000; i++) {
        struct cc_slice names[4];
        uint64_t numbers[2] = {(uint64_t)random() % 3, (uint64_t)random() % 3 << 32};
        struct directory_key keys[2];
        int wanted;

        for (int j = 0; j < 4; j++)
            names[j] = make_name((unsigned)random() % 8000, buffers[j]);
        keys[0] = make_key(names[0], names[1], numbers[0]);
        keys[1] = make_key(names[2], names[3], numbers[1]);
        wanted = sign(slice_compare(names[0], names[2]));
        if (!wanted)
            wanted = sign(slice_compare(names[1], names[3]));
        if (!wanted)
            wanted = (numbers[0] > numbers[1]) - (numbers[0] < numbers[1]);
        assert_int_equal(sign(slice_compare(key_slice(&keys[0]), key_slice(&keys[1]))), wanted);
    }
}

static void test_keys_come_back(void **state)
{
    char made[2][CC_NAME_MAX];
    char read[2][CC_NAME_MAX];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct cc_slice names[2] = {make_name(i, made[0]), make_name(i * 7919 % 20000, made[1])};
        struct directory_key key = make_key(names[0], names[1], i * 0x100000001);
        struct directory_key_reader reader;

        directory_key_read(&reader, TABLE_MEMBERS, key.bytes, key.size);
        assert_true(slice_equal(directory_key_read_name(&reader, read[0]), names[0]));
        assert_true(slice_equal(directory_key_read_name(&reader, read[1]), names[1]));
        assert_int_equal(directory_key_read_number(&reader), i * 0x100000001);
        assert_true(directory_key_read_end(&reader));
        directory_key_read(&reader, TABLE_MEMBERS, key.bytes, key.size - 1);
        directory_key_read_name(&reader, read[0]);
        directory_key_read_name(&reader, read[1]);
        directory_key_read_number(&reader);
        assert_false(directory_key_read_end(&reader));
    }
}

static void test_the_longest_key_fits(void **state)
{
    char zeros[CC_NAME_MAX + 1] = {0};
    struct cc_slice longest = slice_of(zeros, CC_NAME_MAX);
    struct directory_key key;

    (void)state;
    directory_key_begin(&key, TABLE_ENDED);
    directory_key_name(&key, longest);
    directory_key_number(&key, UINT64_MAX);
    directory_key_name(&key, longest);
    directory_key_number(&key, UINT64_MAX);
    assert_false(key.failed);
    assert_int_equal(key.size, DIRECTORY_KEY_MAX);
    assert_true(key.size < 511);
    directory_key_begin(&key, TABLE_USERS);
    directory_key_name(&key, slice_of(zeros, CC_NAME_MAX + 1));
    assert_true(key.failed);
}

static void check_after(struct cc_slice after, struct cc_slice name)
{
    struct directory_key prefix;
    struct directory_key from;
    struct directory_key key;

    directory_key_begin(&prefix, TABLE_MEMBERSHIPS);
    directory_key_name(&prefix, slice_str("user"));
    directory_key_after(&prefix, after, &from);
    key = prefix;
    directory_key_name(&key, name);
    assert_int_equal(slice_compare(key_slice(&key), key_slice(&from)) >= 0,
                     !after.size || slice_compare(name, after) > 0);
    directory_key_number(&key, UINT64_MAX); /* and so with parts behind the name */
    assert_int_equal(slice_compare(key_slice(&key), key_slice(&from)) >= 0,
                     !after.size || slice_compare(name, after) > 0);
}

static void test_a_page_begins_behind_its_name(void **state)
{
    char buffers[2][CC_NAME_MAX];

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        for (unsigned j = 1; j < 300; j++)
            check_after(make_name(i, buffers[0]), make_name(j, buffers[1]));
}

/* --- rows --- */

/* Each value but the whole one is damage, as long as the row does not end with a run of any
 * length: then shorter ones are other rows, and only those shorter than `fixed` are damage. */
#define CHECK_DAMAGE(buffer, fixed, read, row)                                                     \
    do {                                                                                           \
        for (size_t size = 0; size < (fixed); size++) {                                            \
            char *cut = malloc(size + 1);                                                          \
            memcpy(cut, (buffer)->data, size);                                                     \
            assert_int_equal(read(slice_of(cut, size), row), CC_ECORRUPT);                         \
            free(cut);                                                                             \
        }                                                                                          \
    } while (0)

static struct buffer new_buffer(void)
{
    struct buffer buffer;

    buffer_init(&buffer, cc_allocator_default());
    return buffer;
}

static void test_profiles(void **state)
{
    struct buffer buffer = new_buffer();
    struct profile_row row = {{slice_str("Alice"), slice_str(""), slice_of("\0\1", 2)}};
    struct profile_row read;

    (void)state;
    profile_row_write(&buffer, &row);
    assert_int_equal(profile_row_read(buffer_slice(&buffer), &read), 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(slice_equal(read.values[i], row.values[i]));
    CHECK_DAMAGE(&buffer, buffer.size, profile_row_read, &read);
    buffer_append_byte(&buffer, 0);
    assert_int_equal(profile_row_read(buffer_slice(&buffer), &read), CC_ECORRUPT);
    buffer_deinit(&buffer);
}

static void test_relations(void **state)
{
    struct buffer buffer = new_buffer();
    unsigned bits;

    (void)state;
    relation_row_write(&buffer, 3);
    assert_int_equal(relation_row_read(buffer_slice(&buffer), &bits), 0);
    assert_int_equal(bits, 3);
    assert_int_equal(relation_row_read(slice_of("\0", 1), &bits), CC_ECORRUPT);
    assert_int_equal(relation_row_read(slice_of("\4", 1), &bits), CC_ECORRUPT);
    CHECK_DAMAGE(&buffer, buffer.size, relation_row_read, &bits);
    buffer_deinit(&buffer);
}

static void test_devices(void **state)
{
    struct buffer buffer = new_buffer();
    struct device_row row = {slice_str("apns"), slice_str("token")};
    struct device_row read;

    (void)state;
    device_row_write(&buffer, &row);
    assert_int_equal(device_row_read(buffer_slice(&buffer), &read), 0);
    assert_true(slice_equal(read.provider, row.provider));
    assert_true(slice_equal(read.token, row.token));
    CHECK_DAMAGE(&buffer, 8, device_row_read, &read);
    buffer_deinit(&buffer);
}

static void test_conversations(void **state)
{
    struct buffer buffer = new_buffer();
    struct cc_conversation read;
    struct cc_conversation row = {
        .kind = CC_KIND_CHANNEL,
        .name = slice_str("Name"),
        .version = UINT64_MAX,
        .member_count = UINT32_MAX,
        .created = -1,
        .was_large = true,
    };

    (void)state;
    conversation_row_write(&buffer, &row);
    assert_int_equal(conversation_row_read(buffer_slice(&buffer), &read), 0);
    assert_int_equal(read.kind, row.kind);
    assert_true(slice_equal(read.name, row.name));
    assert_true(read.version == row.version);
    assert_int_equal(read.member_count, row.member_count);
    assert_true(read.created == row.created);
    assert_true(read.was_large);
    assert_true(read.retention_s == 0);
    CHECK_DAMAGE(&buffer, 22, conversation_row_read, &read);
    row.was_large = false;
    row.retention_s = 86400;
    conversation_row_write(&buffer, &row);
    assert_int_equal(conversation_row_read(buffer_slice(&buffer), &read), 0);
    assert_true(!read.was_large && read.retention_s == 86400 && slice_equal(read.name, row.name));
    CHECK_DAMAGE(&buffer, 30, conversation_row_read, &read);
    buffer.data[1] = 4; /* a flag that there is not */
    assert_int_equal(conversation_row_read(buffer_slice(&buffer), &read), CC_ECORRUPT);
    buffer.data[1] = 0;
    buffer.data[0] = 0;
    assert_int_equal(conversation_row_read(buffer_slice(&buffer), &read), CC_ECORRUPT);
    buffer.data[0] = 4;
    assert_int_equal(conversation_row_read(buffer_slice(&buffer), &read), CC_ECORRUPT);
    buffer_deinit(&buffer);
}

static void test_tenures(void **state)
{
    struct buffer buffer = new_buffer();
    struct tenure_row row = {7, 5, CC_ROLE_ADMIN};
    struct tenure_row read;

    (void)state;
    tenure_row_write(&buffer, &row);
    assert_int_equal(tenure_row_read(buffer_slice(&buffer), &read), 0);
    assert_true(read.to == 7 && read.since == 5 && read.role == CC_ROLE_ADMIN);
    CHECK_DAMAGE(&buffer, buffer.size, tenure_row_read, &read);
    buffer.data[16] = 0;
    assert_int_equal(tenure_row_read(buffer_slice(&buffer), &read), CC_ECORRUPT);
    buffer.data[16] = 4;
    assert_int_equal(tenure_row_read(buffer_slice(&buffer), &read), CC_ECORRUPT);
    buffer_deinit(&buffer);
}

static void test_mutes(void **state)
{
    struct buffer buffer = new_buffer();
    int64_t until;

    (void)state;
    mute_row_write(&buffer, INT64_MIN);
    assert_int_equal(mute_row_read(buffer_slice(&buffer), &until), 0);
    assert_true(until == INT64_MIN);
    CHECK_DAMAGE(&buffer, buffer.size, mute_row_read, &until);
    buffer_deinit(&buffer);
}

static void test_outbox_entries(void **state)
{
    struct buffer buffer = new_buffer();
    struct outbox_row row = {3, slice_str("room"), slice_of("a\0b", 3)};
    struct version_row place = {4, 5};
    struct outbox_row read;
    struct version_row read_place;

    (void)state;
    outbox_row_write(&buffer, &row);
    assert_int_equal(outbox_row_read(buffer_slice(&buffer), &read), 0);
    assert_true(read.version == 3 && slice_equal(read.conversation, row.conversation) &&
                slice_equal(read.payload, row.payload));
    CHECK_DAMAGE(&buffer, 16, outbox_row_read, &read);
    version_row_write(&buffer, &place);
    assert_int_equal(version_row_read(buffer_slice(&buffer), &read_place), 0);
    assert_true(read_place.partition == 4 && read_place.number == 5);
    CHECK_DAMAGE(&buffer, buffer.size, version_row_read, &read_place);
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_sort_as_their_parts),
        cmocka_unit_test(test_keys_come_back),
        cmocka_unit_test(test_the_longest_key_fits),
        cmocka_unit_test(test_a_page_begins_behind_its_name),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_relations),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_tenures),
        cmocka_unit_test(test_mutes),
        cmocka_unit_test(test_outbox_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
