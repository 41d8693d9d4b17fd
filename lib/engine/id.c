/*
 * Ids.
 */
#include "engine/id.h"

#include "base/crypto.h"
#include "base/memory.h"
#include "wire/uuid.h"

/* What one id takes from the pool: 2 for where the counter starts, 6 for the id's own end. */
#define ID_RANDOM_BYTES 8

/* 12 bits of rand_a and the first 14 of rand_b. */
#define ID_COUNTER_BITS 26

void id_generator_init(struct id_generator *generator, const struct cc_random *random)
{
    memset(generator, 0, sizeof *generator);
    generator->random = random;
}

static const uint8_t *take_random(struct id_generator *generator)
{
    if (generator->left < ID_RANDOM_BYTES) {
        generator->random->fill(generator->random->context, generator->pool,
                                sizeof generator->pool);
        generator->left = sizeof generator->pool;
    }
    generator->left -= ID_RANDOM_BYTES;
    return generator->pool + generator->left;
}

static void set_version(struct cc_id *id, uint8_t version)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | version << 4);
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
}

void id_new(struct id_generator *generator, int64_t wall_ms, struct cc_id *ret_id)
{
    const uint8_t *random = take_random(generator);
    uint32_t counter;
    int64_t ms;

    if (wall_ms > generator->last_ms) {
        /* A new millisecond: the counter starts in its lower half, at a place nobody can guess, so
         * that 33 million ids follow before the time has to run ahead. */
        generator->last_ms = wall_ms;
        generator->counter = (uint32_t)(random[0] << 17 | random[1] << 9);
    } else if (++generator->counter >> ID_COUNTER_BITS) {
        generator->last_ms++;
        generator->counter = 0;
    }
    ms = generator->last_ms;
    counter = generator->counter;
    for (int i = 0; i < 6; i++)
        ret_id->bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    ret_id->bytes[6] = (uint8_t)(counter >> 22);
    ret_id->bytes[7] = (uint8_t)(counter >> 14);
    ret_id->bytes[8] = (uint8_t)(counter >> 8 & 0x3f);
    ret_id->bytes[9] = (uint8_t)counter;
    memcpy(ret_id->bytes + 10, random + 2, 6);
    set_version(ret_id, 7);
}

int64_t id_timestamp(const struct cc_id *id)
{
    int64_t ms = 0;

    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->bytes[i];
    return ms;
}

void id_direct(struct cc_slice a, struct cc_slice b, char text[ID_TEXT_SIZE])
{
    bool in_order = slice_compare(a, b) <= 0;
    struct cc_slice pair[2] = {in_order ? a : b, in_order ? b : a};
    struct cc_id id;

    crypto_digest16(pair, 2, id.bytes);
    set_version(&id, 8);
    uuid_format(&id, text);
}

void id_group(struct cc_slice user, struct cc_slice client_id, char text[ID_TEXT_SIZE])
{
    const struct cc_slice parts[3] = {user, client_id, slice_str("group")};
    struct cc_id id;

    crypto_digest16(parts, 3, id.bytes);
    set_version(&id, 4); /* as good as random; direct conversations have 8 */
    uuid_format(&id, text);
}

bool id_is_direct(struct cc_slice text)
{
    if (text.size != ID_TEXT_SIZE || text.data[14] != '8')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text.data[i];

        if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}
