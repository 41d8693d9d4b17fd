/*
 * Ids: UUIDv7 for messages and sessions (RFC 9562, 5.7), UUIDv8 for direct conversations.
 *
 * Ids of one generator rise strictly: within a millisecond, and while the wall clock stands behind
 * the newest id, a 26-bit counter in front of the random part rises (RFC 9562, 6.2, method 1), and
 * the time stays; when the counter is used up, the time goes one millisecond ahead of the clock.
 * Ids of different generators differ by 48 random bits, and the counter's start, in a millisecond.
 */
#ifndef CC_ENGINE_ID_H
#define CC_ENGINE_ID_H

#include "chatcore/types.h"
#include "wire/uuid.h"

#define ID_TEXT_SIZE UUID_TEXT_BYTES

struct id_generator {
    const struct cc_random *random;
    int64_t last_ms;
    uint32_t counter;
    uint8_t pool[512]; /* random bytes, so that one call serves many ids */
    size_t left;
};

void id_generator_init(struct id_generator *generator, const struct cc_random *random);

/* The next id at this wall time. */
void id_new(struct id_generator *generator, int64_t wall_ms, struct cc_id *ret_id);

/* The milliseconds in a UUIDv7. */
int64_t id_timestamp(const struct cc_id *id);

/*
 * The id of the direct conversation of two users, whichever comes first: a UUIDv8 of their names'
 * digest, as text. Of the digest 122 bits remain: taking over the id of two others' conversation
 * takes 2^122 attempts. In 2^61 an attacker can make two pairs share an id if he chooses a name of
 * each, and then he is a member of both anyway.
 */
void id_direct(struct cc_slice a, struct cc_slice b, char text[ID_TEXT_SIZE]);

/* True for text that looks like what id_direct() makes: hosts may not choose such ids. */
bool id_is_direct(struct cc_slice text);

/* The id of a group that a user makes with a client id: the same again for a retry. */
void id_group(struct cc_slice user, struct cc_slice client_id, char text[ID_TEXT_SIZE]);

#endif
