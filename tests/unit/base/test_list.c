/*
 * Lists: adding, removing at both ends and in the middle, while walking and twice.
 */
#include "base/list.h"

#include "support/test.h"

#include <string.h>

#define ITEMS 5

struct fixture {
    struct list list;
    struct list_link links[ITEMS];
};

static void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    list_init(&fixture->list);
    for (int i = 0; i < ITEMS; i++)
        list_add(&fixture->list, &fixture->links[i]);
}

/* `expected` is the numbers of the links that are left, in their order. */
static void assert_list(struct fixture *fixture, const char *expected)
{
    const struct list_link *last = &fixture->list.head;
    size_t at = 0;

    for (struct list_link *link = list_first(&fixture->list); link;
         link = list_next(&fixture->list, link)) {
        assert_ptr_equal(link, &fixture->links[expected[at++] - '0']);
        assert_ptr_equal(link->previous, last);
        last = link;
    }
    assert_int_equal(at, strlen(expected));
    assert_int_equal(list_is_empty(&fixture->list), at == 0);
}

static void keeps_the_order_of_adding(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    assert_list(&fixture, "01234");
    list_init(&fixture.list);
    assert_null(list_first(&fixture.list));
    assert_list(&fixture, "");
}

static void removes_anywhere_and_twice(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    list_remove(&fixture.links[2]);
    assert_list(&fixture, "0134");
    assert_false(list_is_linked(&fixture.links[2]));
    list_remove(&fixture.links[2]);
    assert_list(&fixture, "0134");
    list_remove(&fixture.links[0]);
    list_remove(&fixture.links[4]);
    assert_list(&fixture, "13");
    list_add(&fixture.list, &fixture.links[0]);
    assert_list(&fixture, "130");
    list_remove(&fixture.links[1]);
    list_remove(&fixture.links[0]);
    list_remove(&fixture.links[3]);
    assert_list(&fixture, "");
}

static void the_next_is_known_before_one_is_removed(void **state)
{
    struct fixture fixture;
    struct list_link *next;

    (void)state;
    fixture_init(&fixture);
    for (struct list_link *link = list_first(&fixture.list); link; link = next) {
        next = list_next(&fixture.list, link);
        list_remove(link);
    }
    assert_list(&fixture, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order_of_adding),
        cmocka_unit_test(removes_anywhere_and_twice),
        cmocka_unit_test(the_next_is_known_before_one_is_removed),
    };

    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
