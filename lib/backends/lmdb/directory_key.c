/*
 * Keys of the LMDB directory.
 */
#include "backends/lmdb/directory_key.h"

static void key_byte(struct directory_key *key, uint8_t byte)
{
    if (key->size < sizeof key->bytes)
        key->bytes[key->size++] = byte;
    else
        key->failed = true;
}

void directory_key_begin(struct directory_key *key, uint8_t table)
{
    key->bytes[0] = table;
    key->size = 1;
    key->failed = false;
}

void directory_key_name(struct directory_key *key, struct cc_slice name)
{
    if (name.size > CC_NAME_MAX) {
        key->failed = true;
        return;
    }
    for (size_t i = 0; i < name.size; i++) {
        key_byte(key, (uint8_t)name.data[i]);
        if (!name.data[i])
            key_byte(key, 1);
    }
    key_byte(key, 0);
    key_byte(key, 0);
}

void directory_key_number(struct directory_key *key, uint64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        key_byte(key, (uint8_t)(number >> shift));
}

void directory_key_after(const struct directory_key *prefix, struct cc_slice after,
                         struct directory_key *ret_key)
{
    *ret_key = *prefix;
    if (!after.size)
        return;
    directory_key_name(ret_key, after);
    ret_key->bytes[ret_key->size - 1] = 1; /* the name's end, 0 0, as if a 0 byte followed */
}

void directory_key_read(struct directory_key_reader *reader, uint8_t table, const void *key,
                        size_t size)
{
    reader->at = key;
    reader->end = reader->at + size;
    reader->failed = !size || *reader->at != table;
    if (!reader->failed)
        reader->at++;
}

struct cc_slice directory_key_read_name(struct directory_key_reader *reader,
                                        char buffer[CC_NAME_MAX])
{
    size_t size = 0;

    while (!reader->failed) {
        uint8_t byte = reader->at < reader->end ? *reader->at++ : 0;

        if (!byte) {
            uint8_t mark = reader->at < reader->end ? *reader->at++ : 2;

            if (!mark)
                return slice_of(buffer, size);
            reader->failed = mark != 1;
        }
        if (size == CC_NAME_MAX)
            reader->failed = true;
        if (!reader->failed)
            buffer[size++] = (char)byte;
    }
    return slice_of(buffer, 0);
}

uint64_t directory_key_read_number(struct directory_key_reader *reader)
{
    uint64_t number = 0;

    if (reader->failed || reader->end - reader->at < 8) {
        reader->failed = true;
        return 0;
    }
    for (int i = 0; i < 8; i++)
        number = number << 8 | *reader->at++;
    return number;
}

bool directory_key_read_end(const struct directory_key_reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}
