/*
 * Records from the log or the store, which may be damaged in any way: what decodes must encode, and
 * what was encoded must come back as the same bytes.
 */
#include "wire/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_round_trip(const struct record *record, struct arena *arena)
{
    struct record again;
    struct buffer first, second;

    buffer_init(&first, cc_allocator_default());
    buffer_init(&second, cc_allocator_default());
    require(record_encode(&first, record) == 0);
    require(record_decode(buffer_slice(&first), arena, &again) == 0);
    require(record_encode(&second, &again) == 0);
    require(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    buffer_deinit(&first);
    buffer_deinit(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record record;
    struct arena arena;

    arena_init(&arena, cc_allocator_default());
    if (record_decode(slice_of(data, size), &arena, &record) == 0)
        check_round_trip(&record, &arena);
    arena_deinit(&arena);
    return 0;
}
