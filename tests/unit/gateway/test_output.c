/*
 * A connection's output: what comes out is what was put in, in order, in valid frames, however
 * chunks are joined and shared; memory is given back; running out of it loses nothing.
 */
#include "gateway/output.h"

#include "chatcore/error.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* An allocator that counts what is out, and fails when told to. */
struct heap {
    struct cc_allocator allocator;
    long live;
    bool fails;
};

static void *heap_alloc(void *context, size_t size)
{
    struct heap *heap = context;

    if (heap->fails)
        return NULL;
    heap->live++;
    return malloc(size);
}

static void *heap_realloc(void *context, void *pointer, size_t size)
{
    struct heap *heap = context;

    if (heap->fails)
        return NULL;
    heap->live += !pointer;
    return realloc(pointer, size);
}

static void heap_release(void *context, void *pointer)
{
    ((struct heap *)context)->live--;
    free(pointer);
}

struct fixture {
    struct heap heap;
    struct buffer scratch;
    struct output output;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct cc_allocator allocator = {heap_alloc, heap_realloc, heap_release, &fixture->heap};

    fixture->heap.allocator = allocator;
    buffer_init(&fixture->scratch, &fixture->heap.allocator);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    output_clear(&fixture->output, &fixture->heap.allocator);
    buffer_deinit(&fixture->scratch);
    assert_int_equal(fixture->heap.live, 0);
    free(fixture);
    return 0;
}

static void add(struct fixture *fixture, const char *text, uint32_t weight)
{
    struct chunk *chunk = chunk_new(&fixture->heap.allocator, WIRE_JSON, slice_str(text), weight);

    assert_non_null(chunk);
    assert_int_equal(output_add(&fixture->output, &fixture->heap.allocator, chunk), 0);
    chunk_unref(&fixture->heap.allocator, chunk);
}

static struct output_frame next(struct fixture *fixture, enum wire_format format)
{
    struct output_frame frame;

    assert_int_equal(output_next_frame(&fixture->output, format, &fixture->scratch, &frame), 0);
    return frame;
}

static void drop(struct fixture *fixture, const struct output_frame *frame)
{
    output_drop_frame(&fixture->output, &fixture->heap.allocator, frame);
}

static void one_chunk_is_its_own_frame(void **state)
{
    struct fixture *fixture = *state;
    struct output_frame frame;

    add(fixture, "{\"a\":1}", 1);
    frame = next(fixture, WIRE_JSON);
    assert_int_equal(frame.size, 9);
    assert_memory_equal(frame.data, "\x81\x07{\"a\":1}", 9);
    assert_int_equal(frame.chunks, 1);
    assert_int_equal(frame.weight, 1);
    assert_int_equal(frame.payload, 7);
    drop(fixture, &frame);
    assert_true(output_is_empty(&fixture->output));
    assert_int_equal(fixture->output.bytes, 0);
}

static void several_are_joined(void **state)
{
    struct fixture *fixture = *state;
    struct output_frame frame;

    add(fixture, "{}", 1);
    add(fixture, "[]", 0);
    add(fixture, "12", 5);
    frame = next(fixture, WIRE_JSON);
    assert_int_equal(frame.size, 10);
    assert_memory_equal(frame.data, "\x81\x08{}\n[]\n12", 10);
    assert_int_equal(frame.weight, 6);
    frame = next(fixture, WIRE_MSGPACK);
    assert_int_equal(frame.size, 8);
    assert_memory_equal(frame.data, "\x82\x06{}[]12", 8);
    drop(fixture, &frame);
    assert_true(output_is_empty(&fixture->output));
}

static void a_chunk_is_shared(void **state)
{
    struct fixture *fixture = *state;
    struct output other = {0};
    struct chunk *chunk = chunk_new(&fixture->heap.allocator, WIRE_MSGPACK, slice_str("abc"), 1);
    struct output_frame frame;

    assert_int_equal(output_add(&fixture->output, &fixture->heap.allocator, chunk), 0);
    assert_int_equal(output_add(&other, &fixture->heap.allocator, chunk), 0);
    chunk_unref(&fixture->heap.allocator, chunk);
    frame = next(fixture, WIRE_MSGPACK);
    drop(fixture, &frame);
    assert_int_equal(output_next_frame(&other, WIRE_MSGPACK, &fixture->scratch, &frame), 0);
    assert_memory_equal(frame.data,
                        "\x82\x03"
                        "abc",
                        5);
    output_clear(&other, &fixture->heap.allocator);
}

/* Frames are cut at OUTPUT_FRAME_MAX, unless one chunk is larger; nothing is lost or moved. */
static void large_output_is_split(void **state)
{
    struct fixture *fixture = *state;
    char *text = malloc(OUTPUT_FRAME_MAX + 100);
    size_t sizes[] = {30000, 30000, 30000, OUTPUT_FRAME_MAX + 99, 1, 1};
    uint32_t expected[] = {2, 1, 1, 2};

    for (size_t i = 0; i < 6; i++) {
        memset(text, (int)('a' + i), sizes[i]);
        text[sizes[i]] = 0;
        add(fixture, text, 1);
    }
    for (size_t i = 0, chunk = 0; i < 4; i++) {
        struct output_frame frame = next(fixture, WIRE_JSON);

        assert_int_equal(frame.chunks, expected[i]);
        assert_int_equal(frame.data[frame.size - 1], 'a' + chunk + expected[i] - 1);
        chunk += expected[i];
        drop(fixture, &frame);
    }
    assert_true(output_is_empty(&fixture->output));
    free(text);
}

static void out_of_memory_keeps_the_queue(void **state)
{
    struct fixture *fixture = *state;
    struct output_frame frame;
    struct chunk *chunk;

    add(fixture, "one", 0);
    add(fixture, "two", 0);
    chunk = chunk_new(&fixture->heap.allocator, WIRE_JSON, slice_str("three"), 0);
    fixture->heap.fails = true;
    assert_null(chunk_new(&fixture->heap.allocator, WIRE_JSON, slice_str("x"), 0));
    assert_int_equal(output_add(&fixture->output, &fixture->heap.allocator, chunk), CC_ENOMEM);
    assert_int_equal(output_next_frame(&fixture->output, WIRE_JSON, &fixture->scratch, &frame),
                     CC_ENOMEM);
    fixture->heap.fails = false;
    chunk_unref(&fixture->heap.allocator, chunk);
    frame = next(fixture, WIRE_JSON);
    assert_memory_equal(frame.data + 2, "one\ntwo", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_chunk_is_its_own_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(several_are_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chunk_is_shared, setup, teardown),
        cmocka_unit_test_setup_teardown(large_output_is_split, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_keeps_the_queue, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
