/*
 * The test clients tested: framing, both encodings, tokens, timers, and above all that the ledger
 * notices each kind of fault that it exists to notice.
 */
#include "client.h"
#include "jwt.h"
#include "ledger.h"
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- frames ---- */

static void unmask(struct wsc_bytes *frame, size_t header)
{
    frame->data[1] &= 0x7f;
    for (size_t i = header + 4; i < frame->size; i++)
        frame->data[i] ^= frame->data[header + (i - header - 4) % 4];
    memmove(frame->data + header, frame->data + header + 4, frame->size - header - 4);
    frame->size -= 4;
}

static void frames_of_every_size(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 125, 126, 65535, 65536, 200000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct wsc_bytes frame = {0};
        struct wsc_frame read;
        uint8_t *payload = wsc_alloc(sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            payload[k] = (uint8_t)(k * 7);
        wsc_frame_write(&frame, WSC_OP_BINARY, 0x12345678, payload, sizes[i]);
        assert_int_equal(wsc_frame_read(frame.data, frame.size, &read), -1); /* masked */
        unmask(&frame, sizes[i] < 126 ? 2 : sizes[i] < 65536 ? 4 : 10);
        for (size_t k = 0; k < frame.size; k += 1 + k / 8)
            assert_int_equal(wsc_frame_read(frame.data, k, &read), 0);
        assert_int_equal(wsc_frame_read(frame.data, frame.size, &read), frame.size);
        assert_int_equal(read.size, sizes[i]);
        assert_memory_equal(read.payload, payload, sizes[i]);
        wsc_bytes_free(&frame);
        free(payload);
    }
}

static void frames_that_break_the_protocol(void **state)
{
    static const uint8_t frames[][2] = {
        {0xc1, 0},   /* reserved bit */
        {0x83, 0},   /* unknown opcode */
        {0x09, 0},   /* fragmented ping */
        {0x89, 126}, /* long ping */
    };
    struct wsc_frame read;
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        assert_int_equal(wsc_frame_read(frames[i], 2, &read), -1);
}

/* ---- encodings ---- */

static const uint8_t some_id[16] = {1,    0x93, 4,  5,  6,  7,  0x78, 9,
                                    0x8a, 11,   12, 13, 14, 15, 16,   0xff};

/* A command has the shape of a push, so the decoders can read what the writers wrote. */
static void write_sample(struct wsc_bytes *out, enum wsc_encoding encoding)
{
    struct wsc_slice list[] = {wsc_text("a"), wsc_text("b")};
    struct wsc_command command = wsc_command_begin(out, encoding, 300, "message");
    wsc_command_text(&command, "conversation", wsc_text("room \"1\" \\ \x01\xc3\xa9"));
    wsc_command_texts(&command, "mentions", list, 2);
    wsc_command_number(&command, "seq", 70000);
    wsc_command_number(&command, "ts", 1700000000123u);
    wsc_command_uuid(&command, "id", some_id);
    wsc_command_flag(&command, "duplicate", 1);
    wsc_command_text(&command, "text", wsc_text("a text of more than thirty-one bytes, so str 8"));
    wsc_command_end(&command);
}

static long decode(struct wsc_decoder *decoder, enum wsc_encoding encoding, const uint8_t *data,
                   size_t size, struct wsc_object *ret_object)
{
    return encoding == WSC_JSON ? wsc_decode_json(decoder, data, size, ret_object)
                                : wsc_decode_msgpack(decoder, data, size, ret_object);
}

static void both_encodings_say_the_same(void **state)
{
    (void)state;
    for (int encoding = WSC_JSON; encoding <= WSC_MSGPACK; encoding++) {
        struct wsc_bytes out = {0};
        struct wsc_decoder decoder = {0};
        struct wsc_object object;
        write_sample(&out, (enum wsc_encoding)encoding);
        long size = decode(&decoder, (enum wsc_encoding)encoding, out.data, out.size, &object);
        assert_int_equal(size, out.size);
        assert_int_equal(object.id, 300);
        assert_int_equal(object.key, WSC_MESSAGE);
        assert_true(wsc_slice_is(object.f.conversation, "room \"1\" \\ \x01\xc3\xa9"));
        assert_int_equal(object.f.seq, 70000);
        assert_int_equal(object.f.ts, 1700000000123u);
        assert_int_equal(object.f.duplicate, 1);
        assert_true(object.f.id.is_uuid);
        assert_memory_equal(object.f.id.bytes, some_id, 16);
        wsc_decoder_free(&decoder);
        wsc_bytes_free(&out);
    }
}

static void a_cut_object_is_refused(void **state)
{
    (void)state;
    for (int encoding = WSC_JSON; encoding <= WSC_MSGPACK; encoding++) {
        struct wsc_bytes out = {0};
        struct wsc_decoder decoder = {0};
        struct wsc_object object;
        write_sample(&out, (enum wsc_encoding)encoding);
        for (size_t i = 0; i < out.size; i++) {
            uint8_t *cut = wsc_alloc(i); /* of that size, so a checker sees a read behind it */
            memcpy(cut, out.data, i);
            assert_int_equal(decode(&decoder, (enum wsc_encoding)encoding, cut, i, &object), -1);
            free(cut);
        }
        wsc_decoder_free(&decoder);
        wsc_bytes_free(&out);
    }
}

static void history_is_a_list(void **state)
{
    static const char json[] = "{\"id\":4,\"history\":{\"messages\":[{\"seq\":1,\"text\":\"x\"},{"
                               "\"seq\":2}],\"more\":true}}\n{}";
    static const uint8_t packed[] = "\x82\xa2id\x04\xa7history\x82\xa8messages\x92\x82\xa3seq\x01"
                                    "\xa4text\xa1x\x81\xa3seq\x02\xa4more\xc3";
    struct wsc_decoder decoder = {0};
    (void)state;
    for (int encoding = WSC_JSON; encoding <= WSC_MSGPACK; encoding++) {
        struct wsc_object object;
        long size = encoding == WSC_JSON
                        ? wsc_decode_json(&decoder, (const uint8_t *)json, sizeof json - 1, &object)
                        : wsc_decode_msgpack(&decoder, packed, sizeof packed - 1, &object);
        assert_int_equal(size, encoding == WSC_JSON ? sizeof json - 3 : sizeof packed - 1);
        assert_int_equal(object.key, WSC_HISTORY);
        assert_int_equal(object.list_count, 2);
        assert_int_equal(object.list[1].seq, 2);
        assert_true(wsc_slice_is(object.list[0].text, "x"));
        assert_int_equal(object.f.more, 1);
    }
    wsc_decoder_free(&decoder);
}

static void a_token_has_its_three_parts(void **state)
{
    struct wsc_secret secret = {.data = "secret", .size = 6};
    (void)state;
    char *token = wsc_jwt_mint(&secret, "al\"ice", 2000000000);
    /* {"alg":"HS256","typ":"JWT"}.{"sub":"al\"ice","exp":2000000000}, HMAC made by openssl(1) */
    assert_string_equal(token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                               "eyJzdWIiOiJhbFwiaWNlIiwiZXhwIjoyMDAwMDAwMDAwfQ."
                               "pK-Yt6Je8llTGvlPeigzZqODw-EuePHebRcYp16CInE");
    free(token);
}

/* ---- tables, histograms, timers ---- */

static void a_table_keeps_what_it_is_given(void **state)
{
    struct wsc_table table = {0};
    (void)state;
    for (uint32_t i = 0; i < 10000; i++)
        wsc_table_put(&table, wsc_pair(i % 100, i), i);
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(wsc_table_get(&table, wsc_pair(i % 100, i)), i);
    assert_int_equal(wsc_table_get(&table, wsc_pair(1, 2)), WSC_TABLE_NONE);
    wsc_table_free(&table);
}

static void quantiles_are_near(void **state)
{
    struct wsc_histogram histogram = {0};
    (void)state;
    for (uint64_t i = 1; i <= 100000; i++)
        wsc_histogram_add(&histogram, i * 1000);
    uint64_t median = wsc_histogram_at(&histogram, 0.5);
    uint64_t high = wsc_histogram_at(&histogram, 0.999);
    assert_in_range(median, 49000000, 51000000);
    assert_in_range(high, 98000000, 100000000);
    assert_int_equal(wsc_histogram_at(&histogram, 1), 100000000);
}

static uint64_t fired[64];
static size_t fired_count;

static void note_fire(void *data)
{
    fired[fired_count++] = *(uint64_t *)data;
}

static void timers_fire_in_order(void **state)
{
    struct wsc_loop *loop = wsc_loop_new();
    struct wsc_timer timers[64] = {{0}};
    uint64_t delays[64];
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        delays[i] = (i * 37 % 64) * 100000u;
        wsc_timer_set(loop, &timers[i], delays[i], note_fire, &delays[i]);
    }
    for (size_t i = 0; i < 64; i += 2)
        wsc_timer_clear(loop, &timers[i]);
    for (int i = 0; i < 100 && fired_count < 32; i++)
        wsc_loop_turn(loop, 10);
    assert_int_equal(fired_count, 32);
    for (size_t i = 1; i < 32; i++)
        assert_true(fired[i - 1] <= fired[i]);
    wsc_loop_free(loop);
}

/* ---- the ledger ---- */

struct scene {
    struct ledger *ledger;
    uint32_t topic;
    uint32_t lines[3];
    uint32_t readers[2];
};

static struct wsc_fields text_message(uint64_t seq, const char *text)
{
    struct wsc_fields message = {.conversation = wsc_text("room"),
                                 .seq = seq,
                                 .from = wsc_text("alice"),
                                 .kind = wsc_text("text"),
                                 .text = wsc_text(text)};
    message.id.is_uuid = 1;
    message.id.bytes[15] = (uint8_t)seq;
    return message;
}

static void push(struct scene *scene, size_t reader, uint64_t seq, const char *text)
{
    struct wsc_fields message = text_message(seq, text);
    ledger_push(scene->ledger, scene->readers[reader], &message, 10);
}

static void ack(struct scene *scene, size_t line, uint8_t id)
{
    struct wsc_fields reply = {.conversation = wsc_text("room")};
    reply.message.is_uuid = 1;
    reply.message.bytes[15] = id;
    ledger_acked(scene->ledger, scene->lines[line], &reply, 10);
}

/* alice writes one, two, three into the room; alice and bob read it. */
static int set_up(void **state)
{
    static const char *const texts[] = {"one", "two", "three"};
    struct scene *scene = wsc_alloc_zeroed(1, sizeof *scene);
    scene->ledger = ledger_new("t");
    uint32_t alice = ledger_user(scene->ledger, wsc_text("alice"));
    uint32_t bob = ledger_user(scene->ledger, wsc_text("bob"));
    scene->topic = ledger_room(scene->ledger, wsc_text("room"));
    scene->readers[0] = ledger_reader(scene->ledger, alice);
    scene->readers[1] = ledger_reader(scene->ledger, bob);
    for (size_t i = 0; i < 2; i++)
        ledger_join(scene->ledger, scene->readers[i], scene->topic, 1);
    for (size_t i = 0; i < 3; i++)
        scene->lines[i] = ledger_line(scene->ledger, alice, scene->topic, wsc_text(texts[i]));
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    ledger_free(scene->ledger);
    free(scene);
    return 0;
}

static uint64_t faults(const struct scene *scene, enum ledger_fault fault)
{
    return ledger_figures(scene->ledger)->faults[fault];
}

static void push_all(struct scene *scene, size_t reader)
{
    push(scene, reader, 1, "one");
    push(scene, reader, 2, "two");
    push(scene, reader, 3, "three");
}

static void ack_all(struct scene *scene)
{
    for (uint8_t i = 0; i < 3; i++)
        ack(scene, i, (uint8_t)(i + 1));
}

static void a_right_run_has_no_fault(void **state)
{
    struct scene *scene = *state;
    push(scene, 1, 1, "one");
    ledger_session(scene->ledger, scene->readers[1]);
    push_all(scene, 1); /* again from the start, after a reconnect */
    push_all(scene, 0);
    assert_int_equal(ledger_outstanding(scene->ledger), 3);
    ack_all(scene);
    assert_int_equal(ledger_outstanding(scene->ledger), 0);
    assert_int_equal(ledger_figures(scene->ledger)->deliveries, 3);
    assert_int_equal(ledger_figures(scene->ledger)->redelivered, 1);
    assert_int_equal(ledger_finish(scene->ledger), 0);
}

static void a_gap_is_noticed(void **state)
{
    struct scene *scene = *state;
    push_all(scene, 0);
    push(scene, 1, 1, "one");
    push(scene, 1, 3, "three");
    assert_int_equal(faults(scene, LEDGER_LOST), 1);
}

static void a_gap_behind_a_reconnect_is_noticed(void **state)
{
    struct scene *scene = *state;
    push_all(scene, 0);
    push(scene, 1, 1, "one");
    ledger_session(scene->ledger, scene->readers[1]);
    push(scene, 1, 3, "three");
    assert_int_equal(faults(scene, LEDGER_LOST), 1);
}

static void a_double_push_is_noticed(void **state)
{
    struct scene *scene = *state;
    push(scene, 0, 1, "one");
    push(scene, 0, 1, "one");
    assert_int_equal(faults(scene, LEDGER_DOUBLED), 1);
}

static void two_histories_are_noticed(void **state)
{
    struct scene *scene = *state;
    push(scene, 0, 1, "one");
    push(scene, 1, 1, "two");
    assert_int_equal(faults(scene, LEDGER_DIFFERENT), 1);
    struct wsc_fields message = text_message(1, "changed");
    assert_int_equal(ledger_check_history(scene->ledger, 0, 1, &message), -1);
    assert_int_equal(faults(scene, LEDGER_DIFFERENT), 2);
}

static void a_message_stored_twice_is_noticed(void **state)
{
    struct scene *scene = *state;
    push(scene, 0, 1, "one");
    push(scene, 0, 2, "one");
    assert_int_equal(faults(scene, LEDGER_UNSENT), 1);
}

static void another_order_is_noticed(void **state)
{
    struct scene *scene = *state;
    push(scene, 0, 1, "two");
    assert_int_equal(faults(scene, LEDGER_UNSENT), 1);
}

static void a_wrong_acknowledgement_is_noticed(void **state)
{
    struct scene *scene = *state;
    ack(scene, 0, 9);
    push(scene, 0, 1, "one");
    push(scene, 0, 2, "two");
    ack(scene, 1, 9);
    ack(scene, 1, 2);
    assert_int_equal(faults(scene, LEDGER_WRONG_ACK), 3);
}

static void the_end_shows_what_is_missing(void **state)
{
    struct scene *scene = *state;
    push(scene, 0, 1, "one");
    ack(scene, 0, 1);
    ack(scene, 1, 2);
    assert_int_equal(ledger_finish(scene->ledger), 3);
    assert_int_equal(faults(scene, LEDGER_ACKED_LOST), 1);
    assert_int_equal(faults(scene, LEDGER_UNANSWERED), 1);
    assert_int_equal(faults(scene, LEDGER_INCOMPLETE), 1);
}

static void a_refused_line_may_not_appear(void **state)
{
    struct scene *scene = *state;
    ledger_refused(scene->ledger, scene->lines[0]);
    push(scene, 0, 1, "two");
    assert_int_equal(ledger_fault_total(scene->ledger), 0);
    push(scene, 0, 2, "one");
    assert_int_equal(faults(scene, LEDGER_UNSENT), 1);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_every_size),
        cmocka_unit_test(frames_that_break_the_protocol),
        cmocka_unit_test(both_encodings_say_the_same),
        cmocka_unit_test(a_cut_object_is_refused),
        cmocka_unit_test(history_is_a_list),
        cmocka_unit_test(a_token_has_its_three_parts),
        cmocka_unit_test(a_table_keeps_what_it_is_given),
        cmocka_unit_test(quantiles_are_near),
        cmocka_unit_test(timers_fire_in_order),
        LEDGER_TEST(a_right_run_has_no_fault),
        LEDGER_TEST(a_gap_is_noticed),
        LEDGER_TEST(a_gap_behind_a_reconnect_is_noticed),
        LEDGER_TEST(a_double_push_is_noticed),
        LEDGER_TEST(two_histories_are_noticed),
        LEDGER_TEST(a_message_stored_twice_is_noticed),
        LEDGER_TEST(another_order_is_noticed),
        LEDGER_TEST(a_wrong_acknowledgement_is_noticed),
        LEDGER_TEST(the_end_shows_what_is_missing),
        LEDGER_TEST(a_refused_line_may_not_appear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
