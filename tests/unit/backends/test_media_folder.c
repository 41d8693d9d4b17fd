/*
 * The media folder, beyond what the port's suite asks: tickets, what is on the disk, ranges, and
 * what happens without memory or without the program that looks at images.
 */
#include "backends/media_folder/image.h"
#include "backends/media_folder/ticket.h"
#include "base/crypto.h"
#include "chatcore/backend/media_folder.h"
#include "chatcore/error.h"
#include "support/failing_allocator.h"
#include "support/folder.h"
#include "support/object_client.h"
#include "support/test.h"
#include "wire/uuid.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct cc_id id = {
    {0x01, 0x8f, 0x00, 0x11, 0x22, 0x33, 0x74, 0x55, 0x86, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 1}};

/* --- tickets ---------------------------------------------------------------------------------- */

static const uint8_t key[CRYPTO_KEY_BYTES] = {1, 2, 3};
static const uint8_t other_key[CRYPTO_KEY_BYTES] = {1, 2, 4};

static struct ticket upload_ticket(void)
{
    struct ticket ticket = {.is_upload = true, .id = id, .expires = 1000};

    ticket.info.bytes = 5;
    strcpy(ticket.info.type, "text/plain");
    strcpy(ticket.info.owner, "alice");
    strcpy(ticket.info.name, "a b.txt");
    return ticket;
}

static bool reads(struct cc_slice text, const uint8_t *with, bool is_upload, int64_t now)
{
    struct ticket ticket = {.is_upload = is_upload, .id = id};

    return ticket_read(text, with, &ticket, cc_allocator_default(), now);
}

static void test_a_ticket_says_what_was_signed(void **state)
{
    struct ticket ticket = upload_ticket();
    struct ticket back = {.is_upload = true, .id = id};
    struct buffer text;

    (void)state;
    buffer_init(&text, cc_allocator_default());
    ticket_write(&text, key, &ticket);
    assert_true(ticket_read(buffer_slice(&text), key, &back, cc_allocator_default(), 999));
    assert_int_equal(back.info.bytes, 5);
    assert_string_equal(back.info.owner, "alice");
    assert_string_equal(back.info.name, "a b.txt");
    assert_string_equal(back.info.type, "text/plain");
    assert_string_equal(back.info.sha256, "");
    assert_false(reads(buffer_slice(&text), key, true, 1000));
    assert_false(reads(buffer_slice(&text), key, false, 0));
    assert_false(reads(buffer_slice(&text), other_key, true, 0));
    buffer_deinit(&text);
}

/* Every bit of every byte counts. */
static void test_a_ticket_that_is_changed_is_none(void **state)
{
    struct ticket ticket = upload_ticket();
    struct buffer text;

    (void)state;
    buffer_init(&text, cc_allocator_default());
    ticket_write(&text, key, &ticket);
    for (size_t i = 0; i < text.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text.data[i] = (char)(text.data[i] ^ (1 << bit));
            assert_false(reads(buffer_slice(&text), key, true, 0));
            text.data[i] = (char)(text.data[i] ^ (1 << bit));
        }
        assert_false(reads(slice_of(text.data, i), key, true, 0));
    }
    assert_true(reads(buffer_slice(&text), key, true, 0));
    buffer_deinit(&text);
}

static void test_a_line_is_a_line(void **state)
{
    struct cc_media_info from = {.owner = slice_str("a"), .type = slice_str("b/c"), .bytes = 1};
    struct object_info info;
    char long_name[CC_MEDIA_FILE_NAME_MAX + 2];

    (void)state;
    assert_true(info_take(&from, &info));
    from.name = slice_str("x\ny");
    assert_false(info_take(&from, &info));
    memset(long_name, 'n', sizeof long_name);
    from.name = slice_of(long_name, CC_MEDIA_FILE_NAME_MAX);
    assert_true(info_take(&from, &info));
    from.name = slice_of(long_name, CC_MEDIA_FILE_NAME_MAX + 1);
    assert_false(info_take(&from, &info));
}

/* --- the folder ------------------------------------------------------------------------------- */

struct fixture {
    struct folder folder;
    struct cc_media media;
    struct object_client client;
    struct cc_mailbox mailbox;
};

static void complete(struct cc_op *op)
{
    op->mailbox = NULL;
}

static void begin(struct fixture *fixture, struct cc_op *op)
{
    op->mailbox = &fixture->mailbox;
    op->complete = complete;
}

static int open_folder(struct fixture *fixture, const struct cc_media_folder_options *given)
{
    struct cc_media_folder_options options = CC_MEDIA_FOLDER_OPTIONS_INIT;

    if (given)
        options = *given;
    options.path = fixture->folder.path;
    options.no_sync = true;
    return cc_media_folder_open(&options, &fixture->media, &fixture->client.server);
}

static void close_folder(struct fixture *fixture)
{
    object_client_end(&fixture->client);
    fixture->media.vtable->free(fixture->media.self);
}

static int setup(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    folder_make(&fixture.folder);
    assert_int_equal(open_folder(&fixture, NULL), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    close_folder(fixture);
    folder_remove(&fixture->folder);
    return 0;
}

static int64_t later_ms(void)
{
    return ((int64_t)time(NULL) + 60) * 1000;
}

/* The status of a PUT of the data, of this type; its URL is kept in `url`. */
static int put(struct fixture *fixture, const char *type, struct cc_slice data, char *url)
{
    struct cc_media_upload op = {.id = id, .expires = later_ms()};
    struct cc_media_client_request request = {.method = slice_str("PUT"), .body = data};

    op.info = (struct cc_media_info){.owner = slice_str("alice"),
                                     .name = slice_str("a.b"),
                                     .type = slice_str(type),
                                     .bytes = data.size};
    begin(fixture, &op.op);
    fixture->media.vtable->upload(fixture->media.self, &op);
    cc_mailbox_drain(&fixture->mailbox);
    assert_int_equal(op.op.status, 0);
    memcpy(url, op.ret_url.data, op.ret_url.size);
    url[op.ret_url.size] = 0;
    request.url = op.ret_url;
    request.headers = op.ret_headers;
    request.header_count = op.ret_header_count;
    assert_int_equal(object_client_do(&fixture->client, &request), 0);
    cc_op_release(&op.op);
    return request.ret_status;
}

static void sign_download(struct fixture *fixture, char *url)
{
    struct cc_media_download op = {.id = id, .expires = later_ms()};

    begin(fixture, &op.op);
    fixture->media.vtable->download(fixture->media.self, &op);
    cc_mailbox_drain(&fixture->mailbox);
    assert_int_equal(op.op.status, 0);
    memcpy(url, op.ret_url.data, op.ret_url.size);
    url[op.ret_url.size] = 0;
    cc_op_release(&op.op);
}

/* Fails unless a GET with this range gives this status and body. */
static void expect_range(struct fixture *fixture, const char *url, const char *range, int status,
                         const char *body)
{
    struct cc_media_client_request request = {.method = slice_str("GET"), .url = slice_str(url)};

    fixture->client.range = slice_str(range);
    assert_int_equal(object_client_do(&fixture->client, &request), 0);
    assert_int_equal(request.ret_status, status);
    assert_int_equal(request.ret_body.size, strlen(body));
    if (request.ret_body.size)
        assert_memory_equal(request.ret_body.data, body, request.ret_body.size);
    fixture->client.range = slice_of(NULL, 0);
}

static void test_ranges(void **state)
{
    struct fixture *fixture = *state;
    char url[2048];

    assert_int_equal(put(fixture, "video/mp4", slice_str("0123456789"), url), 201);
    sign_download(fixture, url);
    expect_range(fixture, url, "", 200, "0123456789");
    expect_range(fixture, url, "bytes=0-", 206, "0123456789");
    expect_range(fixture, url, "bytes=3-5", 206, "345");
    expect_range(fixture, url, "bytes=9-9", 206, "9");
    expect_range(fixture, url, "bytes=8-999999999999999999", 206, "89");
    expect_range(fixture, url, "bytes=-3", 206, "789");
    expect_range(fixture, url, "bytes=-30", 206, "0123456789");
    expect_range(fixture, url, "bytes=10-", 416, "");
    expect_range(fixture, url, "bytes=10-12", 416, "");
    expect_range(fixture, url, "bytes=-0", 416, "");
    expect_range(fixture, url, "bytes=5-3", 200, "0123456789");
    expect_range(fixture, url, "bytes=1-2,4-5", 200, "0123456789");
    expect_range(fixture, url, "bytes=", 200, "0123456789");
    expect_range(fixture, url, "bytes=-", 200, "0123456789");
    expect_range(fixture, url, "bytes=a-b", 200, "0123456789");
    expect_range(fixture, url, "bytes=99999999999999999999-", 200, "0123456789");
    expect_range(fixture, url, "lines=1-2", 200, "0123456789");
}

/* The key outlives the port, and nobody else may read it. */
static void test_the_key_is_kept(void **state)
{
    struct fixture *fixture = *state;
    char before[2048], after[2048];
    struct stat file;

    assert_int_equal(stat(folder_path(&fixture->folder, "key"), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(file.st_size, 2 * CRYPTO_KEY_BYTES);
    assert_int_equal(put(fixture, "a/b", slice_str("x"), before), 201);
    close_folder(fixture);
    assert_int_equal(open_folder(fixture, NULL), 0);
    assert_int_equal(put(fixture, "a/b", slice_str("x"), after), 409);
}

static void write_file(const struct fixture *fixture, const char *name, const char *text)
{
    FILE *file = fopen(folder_path(&fixture->folder, name), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_a_damaged_key_is_told(void **state)
{
    struct fixture *fixture = *state;

    close_folder(fixture);
    write_file(fixture, "key", "zz00000000000000000000000000000000000000000000000000000000000000");
    assert_int_equal(open_folder(fixture, NULL), CC_ECORRUPT);
    write_file(fixture, "key", "00ff"); /* cut off when it was first written */
    assert_int_equal(open_folder(fixture, NULL), 0);
}

static void test_one_process_has_it(void **state)
{
    struct fixture *fixture = *state;
    struct fixture second = {.folder = fixture->folder};

    assert_int_equal(open_folder(&second, NULL), CC_ELOCKED);
}

static void test_what_was_cut_off_goes(void **state)
{
    struct fixture *fixture = *state;
    struct stat file;

    close_folder(fixture);
    assert_int_equal(mkdir(folder_path(&fixture->folder, "tmp/7"), 0700), 0);
    write_file(fixture, "tmp/7/data", "half");
    assert_int_equal(open_folder(fixture, NULL), 0);
    assert_int_equal(stat(folder_path(&fixture->folder, "tmp/7"), &file), -1);
    assert_int_equal(stat(folder_path(&fixture->folder, "tmp"), &file), 0);
}

static int head(struct fixture *fixture)
{
    struct cc_media_head op = {.id = id};

    begin(fixture, &op.op);
    fixture->media.vtable->head(fixture->media.self, &op);
    while (!cc_mailbox_drain(&fixture->mailbox))
        usleep(100);
    cc_op_release(&op.op);
    return op.op.status;
}

static void test_a_damaged_object_is_told(void **state)
{
    struct fixture *fixture = *state;
    char url[2048];

    assert_int_equal(put(fixture, "a/b", slice_str("x"), url), 201);
    assert_int_equal(head(fixture), 0);
    write_file(fixture, "018f00/018f0011-2233-7455-8677-8899aabbcc01/info", "chatcore-media-1\nx");
    assert_int_equal(head(fixture), CC_ECORRUPT);
}

static void test_urls_begin_as_set(void **state)
{
    struct fixture *fixture = *state;
    struct cc_media_folder_options options = CC_MEDIA_FOLDER_OPTIONS_INIT;
    struct cc_media_upload op = {.id = id, .expires = later_ms()};
    char url[2048];

    options.url = "https://chat.example.org/";
    options.cdn = "https://cdn.example.org";
    close_folder(fixture);
    assert_int_equal(open_folder(fixture, &options), 0);
    sign_download(fixture, url);
    assert_memory_equal(url, "https://cdn.example.org/v1/objects/018f0011-", 44);
    op.info = (struct cc_media_info){
        .owner = slice_str("a"), .name = slice_str(""), .type = slice_str("a/b"), .bytes = 1};
    begin(fixture, &op.op);
    fixture->media.vtable->upload(fixture->media.self, &op);
    cc_mailbox_drain(&fixture->mailbox);
    assert_int_equal(op.op.status, 0);
    assert_memory_equal(op.ret_url.data, "https://chat.example.org/v1/objects/018f0011-", 45);
    cc_op_release(&op.op);
}

/* --- images ----------------------------------------------------------------------------------- */

/* Every way in which the program can go wrong leaves an image without a thumbnail, and no more. */
static void test_without_the_program_images_are_files(void **state)
{
    static const char *const programs[] = {"/nowhere/chatcore-image", "/bin/false", "/bin/true",
                                           "/bin/echo", "/etc/passwd"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        struct image image;
        int data = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int thumbnail =
            open(folder_path(&fixture->folder, "thumbnail"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_true(data >= 0 && thumbnail >= 0);
        image = image_look(programs[i], data, thumbnail, 1000);
        assert_int_equal(image.width, 0);
        assert_false(image.has_thumbnail);
        close(data);
        close(thumbnail);
    }
}

/* --- without memory --------------------------------------------------------------------------- */

static bool try_without_memory(struct fixture *fixture, struct failing_allocator *failing, long at)
{
    struct cc_media_folder_options options = CC_MEDIA_FOLDER_OPTIONS_INIT;
    struct cc_media_download op = {.id = id, .expires = later_ms()};
    bool has_failed;
    int r;

    options.allocator = failing_allocator_of(failing);
    failing_allocator_arm(failing, at, true);
    r = open_folder(fixture, &options);
    if (!r) {
        begin(fixture, &op.op);
        fixture->media.vtable->download(fixture->media.self, &op);
        cc_mailbox_drain(&fixture->mailbox);
        r = op.op.status;
        cc_op_release(&op.op);
        close_folder(fixture);
    }
    has_failed = failing_allocator_disarm(failing);
    assert_int_equal(r, has_failed ? CC_ENOMEM : 0);
    assert_int_equal(failing->out, 0);
    return has_failed;
}

static void test_without_memory_nothing_is_signed(void **state)
{
    struct fixture *fixture = *state;
    struct failing_allocator failing = {0};
    long at = 0;

    close_folder(fixture);
    while (try_without_memory(fixture, &failing, at))
        at++;
    assert_true(at > 5);
    assert_int_equal(open_folder(fixture, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ticket_says_what_was_signed),
        cmocka_unit_test(test_a_ticket_that_is_changed_is_none),
        cmocka_unit_test(test_a_line_is_a_line),
        TEST(test_ranges),
        TEST(test_the_key_is_kept),
        TEST(test_a_damaged_key_is_told),
        TEST(test_one_process_has_it),
        TEST(test_what_was_cut_off_goes),
        TEST(test_a_damaged_object_is_told),
        TEST(test_urls_begin_as_set),
        TEST(test_without_the_program_images_are_files),
        TEST(test_without_memory_nothing_is_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
