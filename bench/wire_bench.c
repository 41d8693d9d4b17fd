/*
 * What the codecs cost: nanoseconds for one message, one way, one thread. The parts of a message's
 * way through a node that this measures: its command decoded, its record encoded and decoded, its
 * reply and its push encoded.
 *
 *   wire_bench [--json]
 *
 * Each is run in rounds of ROUND_CALLS calls; the best round counts, as the others had company.
 */
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUND_CALLS 20000
#define ROUNDS      25

#define SENTENCE "The quick brown fox jumps over the lazy dog, again. "
#define TEXT_200 SENTENCE SENTENCE SENTENCE "And then it is off to bed, said the moon, good."
#define TEXT_CYRILLIC                                                                                          \
    "Съешь же ещё этих мягких французских булок, да выпей чаю. " \
    "Съешь же ещё этих мягких французских"
#define CONVERSATION "018f0011-2233-8455-8677-8899aabbccdd"

#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

struct bench {
    struct wire_decoder decoder;
    struct arena arena;
    struct buffer out;
    struct buffer record;
};

static const struct cc_id some_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

/* --- what is measured ---------------------------------------------------------------------------
 */

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "wire_bench: %s failed\n", what);
    exit(1);
}

static void decode(struct bench *bench, struct cc_slice frame, enum wire_format format)
{
    struct wire_item item;

    wire_decode_start(&bench->decoder, frame, format);
    must(wire_decode_next(&bench->decoder, &item) && !item.error, "decoding");
}

static void decode_json_send(struct bench *bench)
{
    static const struct cc_slice frame =
        S("{\"id\":12345,\"send\":{\"conversation\":\"" CONVERSATION
          "\",\"client_id\":\"c-000123\",\"text\":\"" TEXT_200 "\"}}");

    decode(bench, frame, WIRE_JSON);
}

static void decode_json_send_cyrillic(struct bench *bench)
{
    static const struct cc_slice frame =
        S("{\"id\":12345,\"send\":{\"conversation\":\"" CONVERSATION
          "\",\"client_id\":\"c-000123\",\"text\":\"" TEXT_CYRILLIC "\"}}");

    decode(bench, frame, WIRE_JSON);
}

static void decode_json_delivered(struct bench *bench)
{
    static const struct cc_slice frame =
        S("{\"id\":12346,\"delivered\":{\"conversation\":\"" CONVERSATION "\",\"seq\":123456}}");

    decode(bench, frame, WIRE_JSON);
}

static void decode_msgpack_send(struct bench *bench)
{
    static const struct cc_slice frame = S("\x82\xa2id\xcd\x30\x39\xa4send\x83\xac"
                                           "conversation\xd9\x24" CONVERSATION "\xa9"
                                           "client_id\xa8"
                                           "c-000123\xa4text\xd9\xcb" TEXT_200);

    decode(bench, frame, WIRE_MSGPACK);
}

static const struct record text_record = {
    .message = {.conversation = S(CONVERSATION),
                .seq = 123456,
                .id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
                .from = S("alice"),
                .ts = 1700000000000,
                .kind = CC_MESSAGE_TEXT,
                .client_id = S("c-000123"),
                .text = S(TEXT_200)},
    .origin = S("node-1"),
    .token = 123456789,
};

static void encode_record(struct bench *bench)
{
    buffer_clear(&bench->record);
    must(record_encode(&bench->record, &text_record) == 0, "encoding a record");
}

static void decode_record(struct bench *bench)
{
    struct record record;

    must(record_decode(buffer_slice(&bench->record), &bench->arena, &record) == 0,
         "decoding a record");
}

static void encode_push(struct bench *bench, enum wire_format format)
{
    struct cc_event event = {.type = CC_EVENT_MESSAGE, .u.message = &text_record.message};

    buffer_clear(&bench->out);
    must(wire_encode_event(&bench->out, &event, format) == 0, "encoding a push");
}

static void encode_json_push(struct bench *bench)
{
    encode_push(bench, WIRE_JSON);
}

static void encode_msgpack_push(struct bench *bench)
{
    encode_push(bench, WIRE_MSGPACK);
}

static void encode_reply(struct bench *bench, enum wire_format format)
{
    struct cc_reply reply = {.id = 12345,
                             .command = CC_COMMAND_SEND,
                             .conversation = S(CONVERSATION),
                             .message = some_id,
                             .ts = 1700000000000};

    buffer_clear(&bench->out);
    must(wire_encode_reply(&bench->out, &reply, format) == 0, "encoding a reply");
}

static void encode_json_reply(struct bench *bench)
{
    encode_reply(bench, WIRE_JSON);
}

static void encode_msgpack_reply(struct bench *bench)
{
    encode_reply(bench, WIRE_MSGPACK);
}

static const struct {
    const char *name;
    void (*run)(struct bench *bench);
} measured[] = {
    {"json_decode_send", decode_json_send},
    {"json_decode_send_cyrillic", decode_json_send_cyrillic},
    {"json_decode_delivered", decode_json_delivered},
    {"json_encode_reply", encode_json_reply},
    {"json_encode_push", encode_json_push},
    {"msgpack_decode_send", decode_msgpack_send},
    {"msgpack_encode_reply", encode_msgpack_reply},
    {"msgpack_encode_push", encode_msgpack_push},
    {"record_encode", encode_record},
    {"record_decode", decode_record},
};

#define MEASURED_COUNT (sizeof measured / sizeof measured[0])

/* --- measuring ----------------------------------------------------------------------------------
 */

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double measure(struct bench *bench, void (*run)(struct bench *bench))
{
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        double each;

        for (int i = 0; i < ROUND_CALLS; i++)
            run(bench);
        each = (now_ns() - start) / ROUND_CALLS;
        if (round == 0 || each < best)
            best = each;
    }
    return best;
}

static void report(struct bench *bench, bool json)
{
    if (json)
        printf("{\"unit\":\"ns\"");
    for (size_t i = 0; i < MEASURED_COUNT; i++) {
        double each = measure(bench, measured[i].run);

        if (json)
            printf(",\"%s\":%.1f", measured[i].name, each);
        else
            printf("%-28s %8.1f ns\n", measured[i].name, each);
    }
    if (json)
        printf("}\n");
}

int main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct bench bench;

    if (argc > 1 && !json) {
        fprintf(stderr, "usage: wire_bench [--json]\n");
        return 2;
    }
    wire_decoder_init(&bench.decoder, cc_allocator_default());
    arena_init(&bench.arena, cc_allocator_default());
    buffer_init(&bench.out, cc_allocator_default());
    buffer_init(&bench.record, cc_allocator_default());
    report(&bench, json);
    wire_decoder_deinit(&bench.decoder);
    arena_deinit(&bench.arena);
    buffer_deinit(&bench.out);
    buffer_deinit(&bench.record);
    return 0;
}
