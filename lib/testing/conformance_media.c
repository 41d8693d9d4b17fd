/*
 * The conformance suite of the media port.
 */
#include "chatcore/error.h"
#include "testing/media_steps.h"

#include <stdlib.h>

#define HELLO_SHA256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

#define URL_BYTES 4096

static const struct cc_id no_id;

static bool is_good(int status)
{
    return status >= 200 && status < 300;
}

static bool is_refused(int status)
{
    return status >= 400 && status < 500;
}

#define CHECK_GOOD(suite, status) CHECK(suite, is_good(status))

/* --- arriving --- */

static void a_new_store_is_empty(struct medias *media)
{
    CHECK_TEXT(media->suite, med_list(media, no_id, 10), "");
    CHECK_TEXT(media->suite, med_head(media, med_id(1)), "CC_ENOTFOUND");
    CHECK_TEXT(media->suite, med_get(media, med_id(1)), "404");
    CHECK_STATUS(media->suite, med_remove(media, med_id(1)), 0);
}

static void an_object_arrives(struct medias *media)
{
    struct med_object object = med_object(1, "hello");
    struct med_ticket ticket;

    CHECK_STATUS(media->suite, med_sign(media, &object, &ticket), 0);
    CHECK_TEXT(media->suite, med_head(media, object.id), "CC_ENOTFOUND");
    CHECK_GOOD(media->suite, med_put(media, &ticket, "hello", NULL));
    CHECK_TEXT(media->suite, med_head(media, object.id), "alice cat.txt text/plain 5");
    CHECK_TEXT(media->suite, med_get(media, object.id), "hello");
    CHECK_TEXT(media->suite, med_list(media, no_id, 10), "1 ");
}

static void a_hash_that_is_right_is_taken(struct medias *media)
{
    struct med_object object = med_object(1, "hello");

    object.sha256 = HELLO_SHA256;
    CHECK_GOOD(media->suite, med_upload(media, &object));
    CHECK_TEXT(media->suite, med_get(media, object.id), "hello");
}

static void texts_come_back_as_they_were(struct medias *media)
{
    struct med_object object = med_object(1, "x");
    char long_name[CC_MEDIA_FILE_NAME_MAX + 1];

    object.name = "a \"b\"; c=%41\\ \xc3\xa9\xf0\x9f\x90\x88.txt";
    object.type = "text/plain; charset=\"utf-8\"";
    object.owner = "al'ice@\xc3\xa9=/?&#+%20";
    CHECK_GOOD(media->suite, med_upload(media, &object));
    CHECK_TEXT(media->suite, med_head(media, object.id),
               "al'ice@\xc3\xa9=/?&#+%20 a \"b\"; c=%41\\ \xc3\xa9\xf0\x9f\x90\x88.txt "
               "text/plain; charset=\"utf-8\" 1");
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    object = med_object(2, "x");
    object.name = long_name;
    CHECK_GOOD(media->suite, med_upload(media, &object));
    object = med_object(3, "x");
    object.name = "";
    CHECK_GOOD(media->suite, med_upload(media, &object));
    CHECK_TEXT(media->suite, med_head(media, object.id), "alice  text/plain 1");
}

/* --- what was not signed --- */

static void check_refused(struct medias *media, const struct med_object *object, const char *data,
                          const char *type)
{
    struct med_ticket ticket;

    CHECK_STATUS(media->suite, med_sign(media, object, &ticket), 0);
    CHECK(media->suite, is_refused(med_put(media, &ticket, data, type)));
    CHECK_TEXT(media->suite, med_head(media, object->id), "CC_ENOTFOUND");
    CHECK_TEXT(media->suite, med_get(media, object->id), "404");
    CHECK_TEXT(media->suite, med_list(media, no_id, 10), "");
}

static void other_bytes_are_refused(struct medias *media)
{
    struct med_object object = med_object(1, "hello");

    check_refused(media, &object, "hello!", NULL);
    check_refused(media, &object, "hell", NULL);
    check_refused(media, &object, "", NULL);
    check_refused(media, &object, "hello", "text/html");
    object.sha256 = HELLO_SHA256;
    check_refused(media, &object, "hullo", NULL);
    CHECK_GOOD(media->suite, med_upload(media, &object));
}

static void what_has_expired_is_refused(struct medias *media)
{
    struct med_object object = med_object(1, "hello");
    char url[URL_BYTES];

    object.lifetime_ms = -2000;
    check_refused(media, &object, "hello", NULL);
    object = med_object(2, "hello");
    CHECK_GOOD(media->suite, med_upload(media, &object));
    CHECK_STATUS(media->suite, med_url(media, object.id, -2000, url, sizeof url), 0);
    CHECK_TEXT(media->suite, med_get_url(media, "GET", url), "403");
}

/* Each place of the signed part is changed, one at a time. */
static void a_changed_url_is_refused(struct medias *media)
{
    struct med_object object = med_object(1, "hello");
    struct med_ticket ticket;
    char *query;

    CHECK_STATUS(media->suite, med_sign(media, &object, &ticket), 0);
    query = strchr(ticket.url, '?');
    CHECK(media->suite, query != NULL);
    for (char *at = query + 1; *at; at++) {
        char before = *at;

        *at = before == 'Q' ? 'g' : 'Q';
        CHECK(media->suite, is_refused(med_put(media, &ticket, "hello", NULL)));
        *at = before;
    }
    CHECK_TEXT(media->suite, med_head(media, object.id), "CC_ENOTFOUND");
    CHECK_GOOD(media->suite, med_put(media, &ticket, "hello", NULL));
}

/* Puts another id in the place of the first in a URL. */
static void exchange_id(char *url, const char *from, const char *to)
{
    char *at = strstr(url, from);

    if (at)
        memcpy(at, to, strlen(to));
}

static void a_url_is_for_one_method_and_object(struct medias *media)
{
    struct med_object one = med_object(1, "hello");
    struct med_object two = med_object(2, "other");
    struct med_ticket ticket;
    char url[URL_BYTES];

    CHECK_GOOD(media->suite, med_upload(media, &one));
    CHECK_GOOD(media->suite, med_upload(media, &two));
    CHECK_STATUS(media->suite, med_url(media, one.id, 0, url, sizeof url), 0);
    CHECK(media->suite, strstr(url, "000000000001") != NULL);
    exchange_id(url, "000000000001", "000000000002");
    CHECK_TEXT(media->suite, med_get_url(media, "GET", url), "403");
    CHECK_STATUS(media->suite, med_url(media, med_id(3), 0, url, sizeof url), 0);
    CHECK(media->suite, is_refused((int)strtol(med_get_url(media, "PUT", url), NULL, 10)));
    one = med_object(3, "hello");
    CHECK_STATUS(media->suite, med_sign(media, &one, &ticket), 0);
    CHECK_TEXT(media->suite, med_get_url(media, "GET", ticket.url), "403");
    CHECK_TEXT(media->suite, med_head(media, one.id), "CC_ENOTFOUND");
}

static void an_object_never_changes(struct medias *media)
{
    struct med_object object = med_object(1, "hello");
    struct med_ticket ticket;

    CHECK_STATUS(media->suite, med_sign(media, &object, &ticket), 0);
    CHECK_GOOD(media->suite, med_put(media, &ticket, "hello", NULL));
    CHECK(media->suite, is_refused(med_put(media, &ticket, "hullo", NULL)));
    CHECK_TEXT(media->suite, med_get(media, object.id), "hello");
}

static void one_url_for_one_time(struct medias *media)
{
    char one[URL_BYTES], other[URL_BYTES];

    CHECK_STATUS(media->suite, med_url(media, med_id(1), 200000, one, sizeof one), 0);
    CHECK_STATUS(media->suite, med_url(media, med_id(1), 200000, other, sizeof other), 0);
    CHECK_TEXT(media->suite, one, other);
}

/* --- going, and being listed --- */

static void what_is_removed_is_gone(struct medias *media)
{
    struct med_object object = med_object(1, "hello");

    CHECK_GOOD(media->suite, med_upload(media, &object));
    CHECK_STATUS(media->suite, med_remove(media, object.id), 0);
    CHECK_TEXT(media->suite, med_head(media, object.id), "CC_ENOTFOUND");
    CHECK_TEXT(media->suite, med_get(media, object.id), "404");
    CHECK_TEXT(media->suite, med_list(media, no_id, 10), "");
    CHECK_STATUS(media->suite, med_remove(media, object.id), 0);
    CHECK_GOOD(media->suite, med_upload(media, &object));
    CHECK_TEXT(media->suite, med_get(media, object.id), "hello");
}

static void lists_ascend_in_pages(struct medias *media)
{
    static const unsigned numbers[] = {300, 2, 700, 1, 301, 299};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct med_object object = med_object(numbers[i], "x");

        CHECK_GOOD(media->suite, med_upload(media, &object));
    }
    CHECK_TEXT(media->suite, med_list(media, no_id, 10), "1 2 299 300 301 700 ");
    CHECK_TEXT(media->suite, med_list(media, no_id, 6), "1 2 299 300 301 700 ");
    CHECK_TEXT(media->suite, med_list(media, no_id, 4), "1 2 299 300 more");
    CHECK_TEXT(media->suite, med_list(media, med_id(300), 10), "301 700 ");
    CHECK_TEXT(media->suite, med_list(media, med_id(298), 1), "299 more");
    CHECK_TEXT(media->suite, med_list(media, med_id(700), 10), "");
    CHECK_STATUS(media->suite, med_remove(media, med_id(300)), 0);
    CHECK_TEXT(media->suite, med_list(media, med_id(2), 10), "299 301 700 ");
}

/* Operations under way at the same time each get their own answer. */
static void many_operations_at_once(struct medias *media)
{
    struct cc_media_head heads[20];
    struct med_object object = med_object(7, "hello");

    CHECK_GOOD(media->suite, med_upload(media, &object));
    for (unsigned i = 0; i < 20; i++) {
        memset(&heads[i], 0, sizeof heads[i]);
        heads[i].id = med_id(i);
        suite_submit(media->suite, &heads[i].op);
        media->port.vtable->head(media->port.self, &heads[i]);
    }
    for (unsigned i = 0; i < 20; i++) {
        int r = suite_wait(media->suite, &heads[i].op);

        suite_check_status(media->suite, __func__, __LINE__, r, i == 7 ? 0 : CC_ENOTFOUND);
        cc_op_release(&heads[i].op);
    }
}

/* --- running --- */

struct med_case {
    const char *name;
    void (*run)(struct medias *media);
};

static const struct med_case cases[] = {
    {"a new store is empty", a_new_store_is_empty},
    {"an object arrives", an_object_arrives},
    {"a hash that is right is taken", a_hash_that_is_right_is_taken},
    {"texts come back as they were", texts_come_back_as_they_were},
    {"other bytes are refused", other_bytes_are_refused},
    {"what has expired is refused", what_has_expired_is_refused},
    {"a changed URL is refused", a_changed_url_is_refused},
    {"a URL is for one method and object", a_url_is_for_one_method_and_object},
    {"an object never changes", an_object_never_changes},
    {"one URL for one time", one_url_for_one_time},
    {"what is removed is gone", what_is_removed_is_gone},
    {"lists ascend in pages", lists_ascend_in_pages},
    {"many operations at once", many_operations_at_once},
};

static int open_new(const struct cc_media_factory *factory, struct cc_media *ret_media)
{
    int r = factory->make(factory->context);

    return r ? r : factory->open(factory->context, ret_media);
}

static void run_case(struct suite *suite, const struct cc_media_factory *factory,
                     const struct med_case *one)
{
    struct medias media = {.suite = suite, .factory = factory};

    CHECK_STATUS(suite, open_new(factory, &media.port), 0);
    one->run(&media);
    media.port.vtable->free(media.port.self);
}

/* Objects, and the URLs that are out, outlive the port. */
static void check_kept(struct medias *media, const struct med_ticket *ticket, const char *url)
{
    CHECK_TEXT(media->suite, med_list(media, no_id, 10), "1 ");
    CHECK_TEXT(media->suite, med_get_url(media, "GET", url), "hello");
    CHECK_GOOD(media->suite, med_put(media, ticket, "later", NULL));
    CHECK_TEXT(media->suite, med_get(media, med_id(2)), "later");
}

static void run_reopening(struct suite *suite, const struct cc_media_factory *factory)
{
    struct medias media = {.suite = suite, .factory = factory};
    struct med_object object = med_object(1, "hello");
    struct med_object later = med_object(2, "later");
    struct med_ticket ticket;
    char url[URL_BYTES] = "";

    CHECK_STATUS(suite, open_new(factory, &media.port), 0);
    suite_check_number(suite, __func__, __LINE__, is_good(med_upload(&media, &object)), 1);
    suite_check_status(suite, __func__, __LINE__, med_url(&media, object.id, 0, url, sizeof url),
                       0);
    suite_check_status(suite, __func__, __LINE__, med_sign(&media, &later, &ticket), 0);
    media.port.vtable->free(media.port.self);
    CHECK_STATUS(suite, factory->open(factory->context, &media.port), 0);
    check_kept(&media, &ticket, url);
    media.port.vtable->free(media.port.self);
}

static void run_all(struct suite *suite, const void *context)
{
    const struct cc_media_factory *factory = context;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        SUITE_CASE(suite, cases[i].name, run_case(suite, factory, &cases[i]));
    SUITE_CASE(suite, "it is there when opened again", run_reopening(suite, factory));
    if (factory->destroy)
        factory->destroy(factory->context);
}

int cc_conformance_media(const struct cc_media_factory *factory,
                         const struct cc_conformance_options *options)
{
    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open ||
        !factory->request)
        return CC_EINVAL;
    return suite_run("media", options, run_all, factory);
}
