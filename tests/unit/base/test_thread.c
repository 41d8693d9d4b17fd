/* Threads that are started here leave the host's signals to the host. */
#include "support/test.h"

#include "base/thread.h"

#include <errno.h>
#include <unistd.h>

static void *look_at_mask(void *context)
{
    pthread_sigmask(SIG_SETMASK, NULL, context);
    return NULL;
}

static void test_a_thread_takes_no_signal(void **state)
{
    sigset_t before, after, of_thread;
    pthread_t thread;

    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(thread_start(&thread, look_at_mask, &of_thread), 0);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_true(sigismember(&of_thread, SIGTERM));
    assert_true(sigismember(&of_thread, SIGPIPE));
    assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
    assert_false(sigismember(&after, SIGPIPE));
}

static void *write_to_nobody(void *context)
{
    *(int *)context = write(*(int *)context, "x", 1) < 0 ? errno : 0;
    return NULL;
}

static void test_a_write_to_nobody_is_an_error_and_no_end(void **state)
{
    int ends[2];
    pthread_t thread;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(thread_start(&thread, write_to_nobody, &ends[1]), 0);
    pthread_join(thread, NULL);
    assert_int_equal(ends[1], EPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_takes_no_signal),
        cmocka_unit_test(test_a_write_to_nobody_is_an_error_and_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
