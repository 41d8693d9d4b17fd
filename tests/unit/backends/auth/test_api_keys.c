/*
 * API keys: made, found, rotated, revoked; what stands in the file, and who else changes it.
 */
#include "chatcore/backend/api_keys.h"

#include "base/memory.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"
#include "support/folder.h"
#include "support/test.h"

#include <stdio.h>
#include <sys/stat.h>

#define NOW_MS INT64_C(1700000000000)

struct fixture {
    struct folder folder;
    struct cc_api_keys *keys;
    struct cc_time now;
};

static int setup(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    folder_make(&fixture.folder);
    fixture.now = (struct cc_time){.mono_ms = 5, .wall_ms = NOW_MS};
    *state = &fixture;
    return cc_api_keys_open(NULL, folder_path(&fixture.folder, "api_keys"), &fixture.keys);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    cc_api_keys_free(fixture->keys);
    folder_remove(&fixture->folder);
    return 0;
}

static int verify(struct fixture *fixture, const char *text, struct cc_api_key *ret_key)
{
    return cc_api_keys_verify(fixture->keys, slice_str(text), fixture->now, ret_key);
}

static void create(struct fixture *fixture, unsigned scopes, char *text)
{
    assert_int_equal(cc_api_keys_create(fixture->keys, "a bot of ours", scopes, fixture->now, text),
                     0);
}

static void id_of(const char *text, char *id)
{
    memcpy(id, text + 4, CC_API_KEY_ID_SIZE - 1);
    id[CC_API_KEY_ID_SIZE - 1] = '\0';
}

static void a_key_is_found(void **state)
{
    struct fixture *fixture = *state;
    char text[CC_API_KEY_TEXT_SIZE];
    char other[CC_API_KEY_TEXT_SIZE];
    struct cc_api_key key;

    create(fixture, CC_SCOPE_USERS_READ | CC_SCOPE_MESSAGES_WRITE, text);
    create(fixture, CC_SCOPE_ADMIN, other);
    assert_string_not_equal(text, other);
    assert_memory_equal(text, "cck_", 4);
    assert_int_equal(verify(fixture, text, &key), 0);
    assert_int_equal(key.scopes, CC_SCOPE_USERS_READ | CC_SCOPE_MESSAGES_WRITE);
    assert_string_equal(key.name, "a bot of ours");
    assert_int_equal(key.created_ms, NOW_MS);
    assert_true(key.expires_ms == INT64_MAX);
    assert_int_equal(verify(fixture, other, &key), 0);
    assert_int_equal(key.scopes, CC_SCOPE_ADMIN);
}

/* A changed character, a part, another key's secret, a token of another kind. */
static void nothing_else_is_found(void **state)
{
    struct fixture *fixture = *state;
    char text[CC_API_KEY_TEXT_SIZE];
    char other[CC_API_KEY_TEXT_SIZE];
    struct cc_api_key key;

    create(fixture, CC_SCOPE_ADMIN, text);
    create(fixture, CC_SCOPE_ADMIN, other);
    for (size_t i = 0; text[i]; i++) {
        char before = text[i];

        text[i] = before == 'A' ? 'B' : 'A';
        assert_int_equal(verify(fixture, text, &key), CC_EUNAUTHORIZED);
        text[i] = before;
    }
    memcpy(other, text, 4 + CC_API_KEY_ID_SIZE);
    assert_int_equal(verify(fixture, other, &key), CC_EUNAUTHORIZED);
    text[strlen(text) - 1] = '\0';
    assert_int_equal(verify(fixture, text, &key), CC_EUNAUTHORIZED);
    assert_int_equal(verify(fixture, "", &key), CC_EUNAUTHORIZED);
    assert_int_equal(verify(fixture, "cck_", &key), CC_EUNAUTHORIZED);
}

static void the_file_has_no_secret(void **state)
{
    struct fixture *fixture = *state;
    const char *path = folder_path(&fixture->folder, "api_keys");
    char text[CC_API_KEY_TEXT_SIZE];
    char content[1024] = "";
    struct stat info;
    FILE *file;

    create(fixture, CC_SCOPE_ADMIN, text);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(content, 1, sizeof content - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(content, "admin"));
    assert_null(strstr(content, text + 4 + CC_API_KEY_ID_SIZE));
}

static void a_rotated_key_has_a_grace_time(void **state)
{
    struct fixture *fixture = *state;
    char old[CC_API_KEY_TEXT_SIZE];
    char new[CC_API_KEY_TEXT_SIZE];
    char id[CC_API_KEY_ID_SIZE];
    struct cc_api_key key;

    create(fixture, CC_SCOPE_USERS_READ, old);
    id_of(old, id);
    assert_int_equal(cc_api_keys_rotate(fixture->keys, id, 60000, fixture->now, new), 0);
    assert_int_equal(verify(fixture, new, &key), 0);
    assert_int_equal(key.scopes, CC_SCOPE_USERS_READ);
    fixture->now.wall_ms += 59999;
    assert_int_equal(verify(fixture, old, &key), 0);
    assert_int_equal(key.expires_ms, NOW_MS + 60000);
    fixture->now.wall_ms += 1;
    assert_int_equal(verify(fixture, old, &key), CC_EEXPIRED);
    assert_int_equal(verify(fixture, new, &key), 0);
    assert_int_equal(cc_api_keys_rotate(fixture->keys, "nothing", 0, fixture->now, new),
                     CC_ENOTFOUND);
    assert_int_equal(cc_api_keys_rotate(fixture->keys, id, -1, fixture->now, new), CC_EINVAL);
}

static void a_revoked_key_is_gone_with_all_its_secrets(void **state)
{
    struct fixture *fixture = *state;
    char old[CC_API_KEY_TEXT_SIZE];
    char new[CC_API_KEY_TEXT_SIZE];
    char other[CC_API_KEY_TEXT_SIZE];
    char id[CC_API_KEY_ID_SIZE];
    struct cc_api_key key;

    create(fixture, CC_SCOPE_ADMIN, old);
    create(fixture, CC_SCOPE_ADMIN, other);
    id_of(old, id);
    assert_int_equal(cc_api_keys_rotate(fixture->keys, id, 60000, fixture->now, new), 0);
    assert_int_equal(cc_api_keys_revoke(fixture->keys, id), 0);
    assert_int_equal(verify(fixture, old, &key), CC_EUNAUTHORIZED);
    assert_int_equal(verify(fixture, new, &key), CC_EUNAUTHORIZED);
    assert_int_equal(verify(fixture, other, &key), 0);
    assert_int_equal(cc_api_keys_revoke(fixture->keys, id), CC_ENOTFOUND);
}

/* As a tool's, while a server has the file open. */
static void a_change_by_others_is_seen_in_a_second(void **state)
{
    struct fixture *fixture = *state;
    struct cc_api_keys *tool;
    char text[CC_API_KEY_TEXT_SIZE];
    char own[CC_API_KEY_TEXT_SIZE];
    char id[CC_API_KEY_ID_SIZE];
    struct cc_api_key key;

    assert_int_equal(cc_api_keys_open(NULL, folder_path(&fixture->folder, "api_keys"), &tool), 0);
    assert_int_equal(cc_api_keys_create(tool, "x", CC_SCOPE_ADMIN, fixture->now, text), 0);
    assert_int_equal(verify(fixture, text, &key), 0);
    create(fixture, CC_SCOPE_ADMIN, own); /* loses nothing of the tool's */
    assert_int_equal(verify(fixture, text, &key), 0);
    id_of(text, id);
    assert_int_equal(cc_api_keys_revoke(tool, id), 0);
    fixture->now.mono_ms += 1000;
    assert_int_equal(verify(fixture, text, &key), CC_EUNAUTHORIZED);
    assert_int_equal(verify(fixture, own, &key), 0);
    cc_api_keys_free(tool);
}

static void count(void *context, const struct cc_api_key *key)
{
    assert_string_equal(key->name, "a bot of ours");
    ++*(int *)context;
}

static void all_are_listed(void **state)
{
    struct fixture *fixture = *state;
    char text[CC_API_KEY_TEXT_SIZE];
    int listed = 0;

    assert_int_equal(cc_api_keys_list(fixture->keys, count, &listed), 0);
    assert_int_equal(listed, 0);
    create(fixture, CC_SCOPE_ADMIN, text);
    create(fixture, CC_SCOPE_ALL, text);
    assert_int_equal(cc_api_keys_list(fixture->keys, count, &listed), 0);
    assert_int_equal(listed, 2);
}

static void write_file(struct fixture *fixture, const char *content)
{
    FILE *file = fopen(folder_path(&fixture->folder, "api_keys"), "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void a_damaged_file_is_refused_and_left_alone(void **state)
{
    static const char digest[] = "00112233445566778899aabbccddeeff";
    struct fixture *fixture = *state;
    char line[512];
    char text[CC_API_KEY_TEXT_SIZE];
    struct cc_api_keys *keys;
    struct cc_api_key key;
    const char *bad[] = {"x\n",
                         "\n",
                         "id %s admin 1 never",
                         "id 00 admin 1 never name\n",
                         "id %s root 1 never name\n",
                         "id %s admin x never name\n",
                         "toolongforanid %s admin 1 never name\n",
                         "id %s admin 1 never \n"};

    create(fixture, CC_SCOPE_ADMIN, text);
    assert_int_equal(verify(fixture, text, &key), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *mark = strstr(bad[i], "%s");

        snprintf(line, sizeof line, "%.*s%s%s", mark ? (int)(mark - bad[i]) : 0, bad[i],
                 mark ? digest : "", mark ? mark + 2 : bad[i]);
        write_file(fixture, line);
        assert_int_equal(cc_api_keys_open(NULL, folder_path(&fixture->folder, "api_keys"), &keys),
                         CC_ECORRUPT);
        assert_int_equal(cc_api_keys_create(fixture->keys, "x", CC_SCOPE_ADMIN, fixture->now, line),
                         CC_ECORRUPT);
    }
    fixture->now.mono_ms += 1000;
    assert_int_equal(verify(fixture, text, &key), 0); /* what was read before holds */
}

static void arguments_are_checked(void **state)
{
    struct fixture *fixture = *state;
    char text[CC_API_KEY_TEXT_SIZE];
    char name[80];
    unsigned scopes;

    memset(name, 'n', 65);
    name[65] = '\0';
    assert_int_equal(cc_api_keys_create(fixture->keys, "", 1, fixture->now, text), CC_EINVAL);
    assert_int_equal(cc_api_keys_create(fixture->keys, "a\nb", 1, fixture->now, text), CC_EINVAL);
    assert_int_equal(cc_api_keys_create(fixture->keys, name, 1, fixture->now, text), CC_EINVAL);
    assert_int_equal(cc_api_keys_create(fixture->keys, "a", 0, fixture->now, text), CC_EINVAL);
    assert_int_equal(cc_api_keys_create(fixture->keys, "a", 128, fixture->now, text), CC_EINVAL);
    assert_int_equal(cc_scopes_parse("messages:read,users:write", &scopes), 0);
    assert_int_equal(scopes, CC_SCOPE_MESSAGES_READ | CC_SCOPE_USERS_WRITE);
    assert_int_equal(cc_scopes_parse("", &scopes), CC_EINVAL);
    assert_int_equal(cc_scopes_parse("admin,", &scopes), CC_EINVAL);
    assert_int_equal(cc_scopes_parse("root", &scopes), CC_EINVAL);
    assert_string_equal(cc_scope_name(CC_SCOPE_ADMIN), "admin");
    assert_null(cc_scope_name(3));
}

/* Whatever allocation fails: an error, no leak, and the file as before or changed whole. */
static void memory_may_fail(void **state)
{
    struct fixture *fixture = *state;
    struct failing_allocator failing = {0};
    struct cc_allocator allocator = failing_allocator_of(&failing);
    const char *path = folder_path(&fixture->folder, "other_keys");
    char text[CC_API_KEY_TEXT_SIZE];
    bool has_failed = true;

    for (long left = 0; has_failed; left++) {
        struct cc_api_keys *keys = NULL;
        int r;

        failing_allocator_arm(&failing, left, true);
        r = cc_api_keys_open(&allocator, path, &keys);
        if (!r)
            r = cc_api_keys_create(keys, "x", CC_SCOPE_ADMIN, fixture->now, text);
        has_failed = failing_allocator_disarm(&failing);
        assert_true(r == 0 || (r == CC_ENOMEM && has_failed) || (r == CC_EIO && has_failed));
        cc_api_keys_free(keys);
        assert_int_equal(failing.out, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_else_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(the_file_has_no_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rotated_key_has_a_grace_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_key_is_gone_with_all_its_secrets, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_change_by_others_is_seen_in_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(all_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_refused_and_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_fail, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
