/*
 * Random commands and events: what a client writes, by two other libraries and in several styles,
 * is what the decoder gives; what the encoder writes is the same tree in both encodings.
 */
#include "chatcore/error.h"
#include "commands.h"
#include "convert.h"
#include "random.h"
#include "wire/encode.h"
#include "wire/meta.h"
#include "wire/uuid.h"

/* --- commands -----------------------------------------------------------------------------------
 */

struct generator {
    uint64_t seed;
    struct arena *arena;
    struct cc_command command;
    json_t *fields;
};

static struct cc_slice add_text(struct generator *generator, const char *key, struct cc_slice text)
{
    json_object_set_new(generator->fields, key,
                        text.size ? json_stringn(text.data, text.size) : json_string(""));
    return text;
}

static struct cc_slice any_text(struct generator *generator, const char *key, size_t max)
{
    return add_text(generator, key, random_text(&generator->seed, generator->arena, max));
}

static struct cc_slice any_name(struct generator *generator, const char *key)
{
    return add_text(generator, key, random_name(&generator->seed, generator->arena));
}

static uint64_t any_number(struct generator *generator, const char *key, unsigned bits)
{
    uint64_t number = random_number(&generator->seed, bits);

    json_object_set_new(generator->fields, key, json_integer((json_int_t)number));
    return number;
}

static struct cc_id any_id(struct generator *generator, const char *key)
{
    struct cc_id id = random_id(&generator->seed);
    char text[UUID_TEXT_BYTES];

    uuid_format(&id, text);
    json_object_set_new(generator->fields, key, json_stringn(text, sizeof text));
    return id;
}

static bool any_bool(struct generator *generator, const char *key)
{
    bool value = random_coin(&generator->seed);

    json_object_set_new(generator->fields, key, json_boolean(value));
    return value;
}

static const struct cc_slice *any_names(struct generator *generator, const char *key, size_t max,
                                        size_t *ret_count)
{
    size_t count = random_below(&generator->seed, max + 1);
    struct cc_slice *names = random_names(&generator->seed, generator->arena, count);
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_stringn(names[i].data, names[i].size));
    json_object_set_new(generator->fields, key, array);
    *ret_count = count;
    return names;
}

static const char *any_word(struct generator *generator, const char *key, const char *const *words,
                            size_t count)
{
    const char *word = words[random_below(&generator->seed, count)];

    json_object_set_new(generator->fields, key, json_string(word));
    return word;
}

static json_t *any_json(struct generator *generator, unsigned depth)
{
    static const double reals[] = {0.5, -1e-7, 1e300, 3.0};
    struct cc_slice text;
    json_t *json;

    switch (random_below(&generator->seed, depth ? 7 : 5)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(random_coin(&generator->seed));
    case 2:
        return json_integer((json_int_t)random_next(&generator->seed));
    case 3:
        return json_real(reals[random_below(&generator->seed, 4)]);
    case 4:
        text = random_text(&generator->seed, generator->arena, 40);
        return text.size ? json_stringn(text.data, text.size) : json_string("");
    case 5:
        json = json_array();
        for (uint64_t i = random_below(&generator->seed, 20); i; i--)
            json_array_append_new(json, any_json(generator, depth - 1));
        return json;
    default:
        json = json_object();
        for (uint64_t i = random_below(&generator->seed, 20); i; i--) {
            char key[] = {(char)('a' + random_below(&generator->seed, 26)), 0};

            json_object_set_new(json, key, any_json(generator, depth - 1));
        }
        return json;
    }
}

/* A meta object within the bounds, and its MessagePack by msgpack-c. */
static struct cc_slice any_meta(struct generator *generator)
{
    struct cc_slice meta;
    struct buffer packed;
    json_t *json = json_object();

    for (uint64_t i = random_below(&generator->seed, 3); i; i--) {
        char key[] = {(char)('a' + random_below(&generator->seed, 26)), 0};

        json_object_set_new(json, key, any_json(generator, 2));
    }
    buffer_init(&packed, cc_allocator_default());
    msgpack_of_json(json, false, &packed);
    if (packed.size > META_BYTES_MAX) {
        json_object_clear(json);
        buffer_clear(&packed);
        msgpack_of_json(json, false, &packed);
    }
    assert_int_equal(arena_copy(generator->arena, buffer_slice(&packed), &meta), 0);
    buffer_deinit(&packed);
    json_object_set_new(generator->fields, "meta", json);
    return meta;
}

typedef void (*fill)(struct generator *generator, struct cc_command *command);

static void fill_connect(struct generator *g, struct cc_command *command)
{
    command->device = any_name(g, "device");
    command->token = any_text(g, "token", 300);
    command->cursor = any_text(g, "cursor", 300);
}

static void fill_send(struct generator *g, struct cc_command *command)
{
    if (random_coin(&g->seed))
        command->conversation = any_name(g, "conversation");
    else
        command->user = any_name(g, "user");
    command->client_id = any_name(g, "client_id");
    command->text = any_text(g, "text", 2000);
    if (random_coin(&g->seed))
        command->media = any_names(g, "media", CC_COMMAND_MEDIA_MAX, &command->media_count);
    if (random_coin(&g->seed))
        command->reply_to = any_id(g, "reply_to");
    if (random_coin(&g->seed))
        command->users = any_names(g, "mentions", CC_COMMAND_MENTIONS_MAX, &command->user_count);
    command->has_meta = random_coin(&g->seed);
    if (command->has_meta)
        command->meta = any_meta(g);
}

static void fill_edit(struct generator *g, struct cc_command *command)
{
    command->conversation = any_name(g, "conversation");
    command->message = any_id(g, "message");
    command->text = any_text(g, "text", 500);
}

static void fill_react(struct generator *g, struct cc_command *command)
{
    command->conversation = any_name(g, "conversation");
    command->message = any_id(g, "message");
    command->emoji = any_text(g, "emoji", WIRE_EMOJI_MAX);
    command->on = any_bool(g, "on");
}

static void fill_read(struct generator *g, struct cc_command *command)
{
    command->conversation = any_name(g, "conversation");
    command->seq = any_number(g, "seq", 53);
}

static void fill_history(struct generator *g, struct cc_command *command)
{
    command->conversation = any_name(g, "conversation");
    command->limit = (uint32_t)any_number(g, "limit", 32);
    command->has_after = random_coin(&g->seed);
    if (command->has_after)
        command->after = any_number(g, "after", 53);
    else
        command->before = any_number(g, "before", 53);
}

static void fill_create(struct generator *g, struct cc_command *command)
{
    static const char *const kinds[] = {"group", "channel"};

    command->kind = *any_word(g, "kind", kinds, 2) == 'g' ? CC_KIND_GROUP : CC_KIND_CHANNEL;
    command->conversation = any_name(g, "conversation");
    command->name = any_text(g, "name", WIRE_DISPLAY_MAX);
    command->users = any_names(g, "members", CC_COMMAND_USERS_MAX, &command->user_count);
}

static void fill_role(struct generator *g, struct cc_command *command)
{
    static const char *const roles[] = {"member", "admin", "owner"};
    const char *role = any_word(g, "role", roles, 3);

    command->conversation = any_name(g, "conversation");
    command->user = any_name(g, "user");
    command->role = *role == 'm' ? CC_ROLE_MEMBER : *role == 'a' ? CC_ROLE_ADMIN : CC_ROLE_OWNER;
}

static void fill_profile(struct generator *g, struct cc_command *command)
{
    command->has_name = random_coin(&g->seed);
    if (command->has_name)
        command->name = any_text(g, "name", WIRE_DISPLAY_MAX);
    command->has_avatar = random_coin(&g->seed);
    if (command->has_avatar)
        command->avatar = any_text(g, "avatar", 300);
    command->has_meta = random_coin(&g->seed);
    if (command->has_meta)
        command->meta = any_meta(g);
}

static void fill_mute(struct generator *g, struct cc_command *command)
{
    command->conversation = any_name(g, "conversation");
    command->until = (int64_t)any_number(g, "until", 53);
}

static const struct {
    enum cc_command_type type;
    fill fill;
} kinds[] = {
    {CC_COMMAND_CONNECT, fill_connect}, {CC_COMMAND_SEND, fill_send},
    {CC_COMMAND_EDIT, fill_edit},       {CC_COMMAND_REACT, fill_react},
    {CC_COMMAND_READ, fill_read},       {CC_COMMAND_HISTORY, fill_history},
    {CC_COMMAND_CREATE, fill_create},   {CC_COMMAND_ROLE, fill_role},
    {CC_COMMAND_PROFILE, fill_profile}, {CC_COMMAND_MUTE, fill_mute},
};

/* The command's JSON; the command itself is in the generator. */
static json_t *generate(struct generator *generator)
{
    size_t kind = random_below(&generator->seed, sizeof kinds / sizeof kinds[0]);
    json_t *object = json_object();

    memset(&generator->command, 0, sizeof generator->command);
    generator->fields = json_object();
    generator->command.type = kinds[kind].type;
    generator->command.id = 1 + random_number(&generator->seed, 52);
    kinds[kind].fill(generator, &generator->command);
    json_object_set_new(object, cc_command_key(kinds[kind].type), generator->fields);
    json_object_set_new(object, "id", json_integer((json_int_t)generator->command.id));
    return object;
}

static void check_frame(struct wire_decoder *decoder, struct cc_slice frame,
                        enum wire_format format, const struct cc_command *expected)
{
    struct wire_item item;

    wire_decode_start(decoder, frame, format);
    assert_true(wire_decode_next(decoder, &item));
    if (item.error)
        fail_msg("%.*s", (int)item.error_text.size, item.error_text.data);
    assert_same_command(&item.command, expected, cc_command_key(expected->type));
    assert_false(wire_decode_next(decoder, &item));
}

static void test_commands(void **state)
{
    static const size_t styles[] = {JSON_COMPACT, JSON_ENSURE_ASCII, JSON_INDENT(2),
                                    JSON_COMPACT | JSON_ESCAPE_SLASH | JSON_ENSURE_ASCII};
    struct wire_decoder decoder;
    struct arena arena;
    struct buffer packed;

    (void)state;
    wire_decoder_init(&decoder, cc_allocator_default());
    arena_init(&arena, cc_allocator_default());
    buffer_init(&packed, cc_allocator_default());
    for (uint64_t i = 0; i < 1000; i++) {
        struct generator generator = {.seed = i, .arena = &arena};
        json_t *json = generate(&generator);
        char *text = json_dumps(json, styles[i % 4] | JSON_REAL_PRECISION(17));

        check_frame(&decoder, slice_str(text), WIRE_JSON, &generator.command);
        free(text);
        buffer_clear(&packed);
        msgpack_of_json(json, false, &packed);
        check_frame(&decoder, buffer_slice(&packed), WIRE_MSGPACK, &generator.command);
        json_decref(json);
        arena_clear(&arena);
    }
    wire_decoder_deinit(&decoder);
    arena_deinit(&arena);
    buffer_deinit(&packed);
}

/* Any byte changed: an item or an error, both encodings, and never a word about the memory behind.
 */
static void test_damaged_commands(void **state)
{
    struct wire_decoder decoder;
    struct arena arena;
    struct buffer packed;

    (void)state;
    wire_decoder_init(&decoder, cc_allocator_default());
    arena_init(&arena, cc_allocator_default());
    buffer_init(&packed, cc_allocator_default());
    for (uint64_t i = 0; i < 4000; i++) {
        struct generator generator = {.seed = i, .arena = &arena};
        json_t *json = generate(&generator);
        char *text = json_dumps(json, JSON_COMPACT);
        struct wire_item item;

        text[random_below(&generator.seed, strlen(text))] = (char)random_next(&generator.seed);
        wire_decode_start(&decoder, slice_str(text), WIRE_JSON);
        while (wire_decode_next(&decoder, &item))
            assert_int_equal(item.error_text.size > 0, item.error != 0);
        free(text);
        buffer_clear(&packed);
        msgpack_of_json(json, true, &packed);
        packed.data[random_below(&generator.seed, packed.size)] =
            (char)random_next(&generator.seed);
        wire_decode_start(&decoder, buffer_slice(&packed), WIRE_MSGPACK);
        while (wire_decode_next(&decoder, &item))
            assert_int_equal(item.error_text.size > 0, item.error != 0);
        json_decref(json);
        arena_clear(&arena);
    }
    wire_decoder_deinit(&decoder);
    arena_deinit(&arena);
    buffer_deinit(&packed);
}

/* --- events -------------------------------------------------------------------------------------
 */

static struct cc_message random_message(uint64_t *seed, struct arena *arena)
{
    struct generator generator = {
        .seed = random_next(seed), .arena = arena, .fields = json_object()};
    struct cc_message message = {
        .conversation = random_name(seed, arena),
        .seq = random_number(seed, 53),
        .id = random_id(seed),
        .from = random_name(seed, arena),
        .ts = (int64_t)random_number(seed, 53),
        .kind = (enum cc_message_kind)(1 + random_below(seed, CC_MESSAGE_SYSTEM)),
        .client_id = random_text(seed, arena, random_below(seed, 64)),
        .text = random_text(seed, arena, random_number(seed, 10)),
        .media_count = random_below(seed, 40),
        .mention_count = random_below(seed, 40),
        .user_count = random_below(seed, 300),
        .meta = any_meta(&generator),
        .emoji = random_text(seed, arena, 20),
        .on = random_coin(seed),
        .flagged = random_coin(seed),
        .action = (enum cc_system_action)random_below(seed, CC_SYSTEM_ROLE + 1),
        .name = random_text(seed, arena, 20),
        .role = (enum cc_role)random_below(seed, CC_ROLE_OWNER + 1),
    };

    json_decref(generator.fields);
    message.media = random_names(seed, arena, message.media_count);
    message.mentions = random_names(seed, arena, message.mention_count);
    message.users = random_names(seed, arena, message.user_count);
    if (random_coin(seed))
        message.reply_to = random_id(seed);
    if (random_coin(seed))
        message.target = random_id(seed);
    return message;
}

static void test_messages(void **state)
{
    struct arena arena;
    struct buffer text;
    struct buffer packed;

    (void)state;
    arena_init(&arena, cc_allocator_default());
    buffer_init(&text, cc_allocator_default());
    buffer_init(&packed, cc_allocator_default());
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t seed = i;
        struct cc_message message = random_message(&seed, &arena);
        struct cc_event event = {.type = CC_EVENT_MESSAGE, .u.message = &message};
        json_t *a;
        json_t *b;

        buffer_clear(&text);
        buffer_clear(&packed);
        assert_int_equal(wire_encode_event(&text, &event, WIRE_JSON), 0);
        assert_int_equal(wire_encode_event(&packed, &event, WIRE_MSGPACK), 0);
        a = json_of_text(buffer_slice(&text));
        b = json_of_msgpack(buffer_slice(&packed));
        if (!a || !b || !json_equal(a, b))
            fail_msg("%.*s", (int)text.size, text.data);
        json_decref(a);
        json_decref(b);
        arena_clear(&arena);
    }
    arena_deinit(&arena);
    buffer_deinit(&text);
    buffer_deinit(&packed);
}

/* --- meta ---------------------------------------------------------------------------------------
 */

static void test_meta_check(void **state)
{
    static const struct {
        struct cc_slice meta;
        int expected;
    } cases[] = {
        {{"\x80", 1}, 0},
        {{"\x81\xa1k\x93\x01\xc3\xa1v", 8}, 0},
        {{"\x81\xa1k\x91\x91\x91\x91\x91\x91\x90", 10}, 0},
        {{"\x81\xa1k\x91\x91\x91\x91\x91\x91\x91\x90", 11}, CC_ETOOLARGE},
        {{"", 0}, CC_EINVAL},
        {{"\x90", 1}, CC_EINVAL},
        {{"\xa1k", 2}, CC_EINVAL},
        {{"\x81\xa1k", 3}, CC_EINVAL},
        {{"\x80\x80", 2}, CC_EINVAL},
        {{"\x81\x01\x01", 3}, CC_EINVAL},
        {{"\x81\xa1\xff\x01", 4}, CC_EINVAL},
        {{"\x81\xa1k\xc4\x01x", 6}, CC_EINVAL},
        {{"\x81\xa1k\xd4\x01x", 6}, CC_EINVAL},
        {{"\x81\xa1k\xa1\0", 5}, CC_EINVAL},
        {{"\x81\xa1k\xcb\x7f\xf0\0\0\0\0\0\0", 12}, CC_EINVAL},
    };
    static char large[META_BYTES_MAX + 1] = "\x81\xa1k\xda\x0f\xfb";

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (meta_check(cases[i].meta) != cases[i].expected)
            fail_msg("case %zu: %d", i, meta_check(cases[i].meta));
    memset(large + 6, 'x', sizeof large - 6);
    assert_int_equal(meta_check(slice_of(large, sizeof large)), CC_ETOOLARGE);
    large[5] = (char)0xfa;
    assert_int_equal(meta_check(slice_of(large, META_BYTES_MAX)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_damaged_commands),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_meta_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
