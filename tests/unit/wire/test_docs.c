/*
 * docs/protocol.md against the codecs: each command in it decodes, each command and each of its
 * fields is named in it.
 */
#include "chatcore/error.h"
#include "commands.h"
#include "wire/fields.h"

#include <stdio.h>
#include <stdlib.h>

static char text[1 << 18];

static int setup(void **state)
{
    const char *path = getenv("PROTOCOL_MD");
    FILE *file = path ? fopen(path, "r") : NULL;
    size_t size;

    (void)state;
    if (!file)
        return -1;
    size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    return size > 0 && size < sizeof text - 1 ? 0 : -1;
}

/* The next line that begins with an arrow to the server; NULL behind the last. */
static const char *next_command(const char *from, struct cc_slice *ret_line)
{
    static const char arrow[] = "\n    → ";
    const char *found = strstr(from, arrow);
    const char *end;

    if (!found)
        return NULL;
    found += sizeof arrow - 1;
    end = strchr(found, '\n');
    *ret_line = slice_of(found, end ? (size_t)(end - found) : strlen(found));
    return found;
}

static void test_its_commands_decode(void **state)
{
    struct wire_decoder decoder;
    struct cc_slice line;
    const char *at = text;
    int count = 0;

    (void)state;
    wire_decoder_init(&decoder, cc_allocator_default());
    while ((at = next_command(at, &line)) != NULL) {
        struct wire_item item;

        if (memmem(line.data, line.size, "COMMAND", 7))
            continue; /* the general form */
        wire_decode_start(&decoder, line, WIRE_JSON);
        assert_true(wire_decode_next(&decoder, &item));
        if (item.error)
            fail_msg("%.*s\n%.*s", (int)line.size, line.data, (int)item.error_text.size,
                     item.error_text.data);
        count++;
    }
    wire_decoder_deinit(&decoder);
    assert_true(count >= 8);
}

static void must_name(struct cc_slice word, const char *of)
{
    char quoted[80];

    snprintf(quoted, sizeof quoted, "`%.*s`", (int)word.size, word.data);
    if (!strstr(text, quoted))
        fail_msg("%s of %s is not in docs/protocol.md", quoted, of);
}

static void test_all_is_named(void **state)
{
    (void)state;
    for (int i = CC_COMMAND_HEARTBEAT + 1; i < CC_COMMAND_COUNT; i++) {
        const char *key = cc_command_key((enum cc_command_type)i);
        struct fields fields = fields_of((enum cc_command_type)i);

        must_name(slice_str(key), "the commands");
        for (size_t k = 0; k < fields.count; k++)
            must_name(fields.fields[k].key, key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_commands_decode),
        cmocka_unit_test(test_all_is_named),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
