/*
 * The gateway of the C++ interface, over sockets: routes of the program's own, and the end.
 */
#include "check.hpp"

#include <chatcore/chatcore.hpp>
#include <chatcore/gateway.hpp>

#include <atomic>
#include <sys/socket.h>
#include <unistd.h>

namespace
{

chatcore::GatewayOptions with_routes()
{
    chatcore::GatewayOptions options;

    options.port = -1;
    options.own_routes.push_back(
        {"GET", "/hello", [](const cc_http_request &request, chatcore::HttpResponse response) {
             response.status(202).write("hello ").write(chatcore::view(request.query));
         }});
    options.own_routes.push_back(
        {"GET", "/throws", [](const cc_http_request &, chatcore::HttpResponse) {
             throw std::runtime_error("the handler's");
         }});
    return options;
}

/* What the gateway answers on a connection that the program accepted. */
std::string answer(chatcore::Gateway &gateway, const std::string &path, const std::string &end)
{
    std::string request = "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n", answer;
    int pair[2];
    char bytes[1024];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(!gateway.adopt(pair[1]));
    CHECK(write(pair[0], request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    while (answer.find(end) == std::string::npos) {
        ssize_t size = read(pair[0], bytes, sizeof bytes);

        CHECK(size > 0);
        answer.append(bytes, static_cast<std::size_t>(size));
    }
    close(pair[0]);
    return answer;
}

void routes_are_callables()
{
    chatcore::Engine engine(nullptr);
    chatcore::Gateway gateway(engine, with_routes());

    engine.start_thread();
    CHECK(gateway.port() == 0);
    CHECK(answer(gateway, "/hello?you", "hello you").find("HTTP/1.1 202") == 0);
    CHECK(answer(gateway, "/throws", "\r\n").find("HTTP/1.1 500") == 0);
}

void figures_of_the_program_stand_with_the_others()
{
    chatcore::GatewayOptions options = with_routes();
    chatcore::Engine engine(nullptr);

    options.metrics = [](chatcore::HttpResponse response) { response.write("own_figure 1\n"); };
    chatcore::Gateway gateway(engine, std::move(options));

    engine.start_thread();
    CHECK(answer(gateway, "/metrics", "own_figure 1\n").find("HTTP/1.1 200") == 0);
}

void it_tells_that_it_has_stopped()
{
    chatcore::GatewayOptions options = with_routes();
    chatcore::Engine engine(nullptr);

    options.stopped = [&] { engine.stop(CC_CLOSE_DRAINING); };
    chatcore::Gateway gateway(engine, std::move(options));

    gateway.stop();
    engine.run([](const chatcore::Event &) {});
    CHECK(engine.has_stopped());
}

void what_cannot_be_opened_throws()
{
    chatcore::Engine engine(nullptr);
    chatcore::GatewayOptions options;

    options.address = "localhost";
    try {
        chatcore::Gateway gateway(engine, std::move(options));
        CHECK(false && "it has thrown");
    } catch (const std::system_error &error) {
        CHECK(error.code() == CC_EINVAL);
    }
}

} // namespace

int main()
{
    return run_cases({
        {"routes_are_callables", routes_are_callables},
        {"figures_of_the_program_stand_with_the_others",
         figures_of_the_program_stand_with_the_others},
        {"it_tells_that_it_has_stopped", it_tells_that_it_has_stopped},
        {"what_cannot_be_opened_throws", what_cannot_be_opened_throws},
    });
}
