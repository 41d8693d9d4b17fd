/*
 * A gateway without a port: the host hands over sockets that it accepted itself.
 */
#include "chat.h"

#include "chatcore/error.h"
#include "chatcore/gateway.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct cc_host *host;
    struct cc_engine *engine;
    struct cc_gateway *gateway;
    _Atomic int drained;
    _Atomic int stopped;
};

static void on_drained(void *context)
{
    ((struct fixture *)context)->drained++;
}

static void on_stopped(void *context)
{
    ((struct fixture *)context)->stopped++;
}

/* A gateway that has nothing to say is a gateway that works. */
static void complain(void *context, enum cc_trace_level level, const char *area, const char *text)
{
    (void)context;
    (void)level;
    fail_msg("%s: %s", area, text);
}

static int setup(void **state)
{
    struct cc_gateway_options options = CC_GATEWAY_OPTIONS_INIT;
    struct fixture *fixture = calloc(1, sizeof *fixture);

    options.port = -1;
    options.threads = 3;
    options.on_drained = on_drained;
    options.on_stopped = on_stopped;
    options.context = fixture;
    options.trace.write = complain;
    options.trace.level = CC_TRACE_WARNING;
    *state = fixture;
    return cc_host_new(NULL, &fixture->host) ||
           cc_open_embedded(NULL, NULL, fixture->host, &fixture->engine) ||
           cc_host_thread_start(fixture->host, fixture->engine) ||
           cc_gateway_new(fixture->engine, &options, &fixture->gateway);
}

/* The engine is driven until the gateway has stopped. */
static int teardown(void **state)
{
    struct fixture *fixture = *state;

    cc_gateway_stop(fixture->gateway);
    for (int i = 0; i < 500 && !cc_gateway_has_stopped(fixture->gateway); i++)
        usleep(10000);
    cc_host_thread_stop(fixture->host, CC_CLOSE_NORMAL);
    cc_gateway_free(fixture->gateway);
    assert_int_equal(fixture->stopped, 1);
    cc_engine_free(fixture->engine);
    cc_host_free(fixture->host);
    free(fixture);
    return 0;
}

/* Hands over one end of a pair, and answers the other. */
static int hand_over(struct fixture *fixture)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(cc_gateway_adopt(fixture->gateway, pair[1]), 0);
    return pair[0];
}

static void expect(int fd, const char *request, const char *beginning)
{
    char answer[4096] = "";
    size_t size = 0;

    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    while (size < strlen(beginning)) {
        ssize_t more = read(fd, answer + size, sizeof answer - 1 - size);

        assert_true(more > 0);
        size += (size_t)more;
    }
    assert_memory_equal(answer, beginning, strlen(beginning));
}

static void sockets_are_served(void **state)
{
    struct fixture *fixture = *state;
    int fds[9];

    assert_int_equal(cc_gateway_port(fixture->gateway), 0);
    for (size_t i = 0; i < 9; i++)
        fds[i] = hand_over(fixture);
    for (size_t i = 0; i < 9; i++)
        expect(fds[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    for (size_t i = 0; i < 9; i += 2)
        expect(fds[i],
               "GET /v1/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
               "HTTP/1.1 101 Switching Protocols\r\n");
    for (size_t i = 0; i < 9; i++)
        close(fds[i]);
}

static void draining_takes_none(void **state)
{
    struct fixture *fixture = *state;
    int pair[2];

    cc_gateway_drain(fixture->gateway, 0);
    cc_gateway_drain(fixture->gateway, 1000);
    for (int i = 0; i < 500 && !fixture->drained; i++)
        usleep(10000);
    assert_int_equal(fixture->drained, 1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(cc_gateway_adopt(fixture->gateway, pair[1]), CC_EBUSY);
    close(pair[0]);
    close(pair[1]);
}

/* Sockets handed over and never looked at by a thread are closed all the same. */
static void stopping_closes_what_was_handed_over(void **state)
{
    struct fixture *fixture = *state;
    int fds[50];
    char byte;

    for (size_t i = 0; i < 50; i++)
        fds[i] = hand_over(fixture);
    cc_gateway_stop(fixture->gateway);
    for (size_t i = 0; i < 50; i++) {
        assert_true(read(fds[i], &byte, 1) <= 0);
        close(fds[i]);
    }
    for (int i = 0; i < 500 && !cc_gateway_has_stopped(fixture->gateway); i++)
        usleep(10000);
    assert_true(cc_gateway_has_stopped(fixture->gateway));
}

static void options_are_checked(void **state)
{
    static const char *const proxies[] = {"nonsense"};
    struct fixture *fixture = *state;
    struct cc_gateway_options good = CC_GATEWAY_OPTIONS_INIT;
    struct cc_gateway_options bad[5];
    struct cc_gateway *gateway;

    for (size_t i = 0; i < 5; i++)
        bad[i] = good;
    bad[0].address = "localhost";
    bad[1].port = 65536;
    bad[2].tls_cert_file = "cert";
    bad[3].trusted_proxies = proxies;
    bad[3].trusted_proxy_count = 1;
    bad[4].proxy_protocol = true;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(cc_gateway_new(fixture->engine, &bad[i], &gateway), CC_EINVAL);
    assert_int_equal(cc_gateway_new(NULL, &good, &gateway), CC_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sockets_are_served, setup, teardown),
        cmocka_unit_test_setup_teardown(draining_takes_none, setup, teardown),
        cmocka_unit_test_setup_teardown(stopping_closes_what_was_handed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(options_are_checked, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
