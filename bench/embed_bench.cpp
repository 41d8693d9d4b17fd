/*
 * embed_bench WAY [MESSAGES]: what a program pays for chat in its own process, by the way in which
 * it embeds the engine: the same direct messages of 200 bytes, each answered and delivered to both
 * sides, with everything in memory, so that what differs is the way alone.
 *
 *   c        one thread, cc_host_next_event()       cpp      the same through the C++ interface
 *   poll     a foreign loop: poll on cc_host_fd()   base     a libevent base
 *   thread   the engine on the library's thread, the sessions on another, through a queue
 *
 * Prints one line of JSON: CPU of the process for each message, and the heap that an engine takes;
 * with `c` also that of an idle session.
 */
#include <chatcore/chatcore.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <event2/event.h>
#include <malloc.h>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vector>

using chatcore::Command;

namespace
{

constexpr std::size_t pairs = 16;
constexpr unsigned under_way = 16; /* of each sender */

struct User {
    std::string name, peer;
    cc_session *raw = nullptr; /* of C … */
    chatcore::Session session; /* … or of C++ */
    unsigned long sent = 0;
};

std::vector<User> users(2 * pairs);
unsigned long wanted = 200000, sent, answered, delivered;
std::string text(200, 'x');

bool is_done()
{
    return answered >= wanted && delivered >= 2 * wanted;
}

std::size_t heap()
{
    return mallinfo2().uordblks;
}

double cpu_s()
{
    timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void must(int result)
{
    if (result) {
        std::fprintf(stderr, "embed_bench: %s\n", cc_strerror(result));
        std::exit(1);
    }
}

/* --- in C --------------------------------------------------------------------------------------
 */

void send_in_c(User &user)
{
    cc_command command{};
    char id[24];

    if (sent++ >= wanted)
        return;
    std::snprintf(id, sizeof id, "%lu", user.sent++);
    command.id = user.sent + 1;
    command.type = CC_COMMAND_SEND;
    command.user = {user.peer.data(), user.peer.size()};
    command.client_id = {id, std::strlen(id)};
    command.text = {text.data(), text.size()};
    must(cc_session_submit(user.raw, &command));
}

void open_in_c(cc_queue *queue, User &user)
{
    cc_session_options options = CC_SESSION_OPTIONS_INIT;
    cc_command connect{};

    options.user = {user.name.data(), user.name.size()};
    options.data = &user;
    connect.id = 1;
    connect.type = CC_COMMAND_CONNECT;
    connect.device = {"d", 1};
    must(cc_session_open(queue, &options, &user.raw));
    must(cc_session_submit(user.raw, &connect));
}

void told_in_c(void *, const cc_event *event)
{
    if (event->type == CC_EVENT_MESSAGE)
        delivered += event->session_count;
    if (event->type != CC_EVENT_REPLY || event->u.reply->command != CC_COMMAND_SEND)
        return;
    must(event->u.reply->error);
    answered++;
    send_in_c(*static_cast<User *>(event->sessions[0]));
}

/* --- in C++ ------------------------------------------------------------------------------------
 */

void send_in_cpp(User &user)
{
    char id[24];

    if (sent++ >= wanted)
        return;
    std::snprintf(id, sizeof id, "%lu", user.sent++);
    user.session.submit(Command::send_to(user.peer, id, text));
}

void open_in_cpp(chatcore::Queue &queue, User &user)
{
    user.session = queue.open({user.name, &user});
    user.session.submit(Command::connect("d"));
}

void told_in_cpp(const chatcore::Event &event)
{
    event.visit(chatcore::overloaded{
        [&](const chatcore::Message &) { event.each<User>([](User &) { delivered++; }); },
        [&](const chatcore::Reply &reply) {
            if (reply.command() != CC_COMMAND_SEND)
                return;
            must(reply.error().value());
            answered++;
            send_in_cpp(*event.data<User>());
        },
        [](const auto &) {},
    });
}

/* --- the ways ----------------------------------------------------------------------------------
 */

struct Embedded {
    cc_host *host = nullptr;
    cc_engine *engine = nullptr;

    Embedded()
    {
        cc_host_options host_options = CC_HOST_OPTIONS_INIT;
        cc_embedded_options options = CC_EMBEDDED_OPTIONS_INIT;

        host_options.on_event = told_in_c;
        options.limits.send = {1000000, 1000000000};
        options.spam_off = options.search_off = true;
        must(cc_host_new(&host_options, &host));
        must(cc_open_embedded(nullptr, &options, host, &engine));
    }
};

const cc_event *next(Embedded &embedded)
{
    return cc_host_next_event(embedded.host, embedded.engine, -1);
}

void in_c(Embedded &embedded)
{
    while (!is_done())
        told_in_c(nullptr, next(embedded));
}

void by_poll(Embedded &embedded)
{
    pollfd fd = {cc_host_fd(embedded.host), POLLIN, 0};

    while (!is_done()) {
        while (const cc_event *event = cc_host_next_event(embedded.host, embedded.engine, 0))
            told_in_c(nullptr, event);
        if (!is_done())
            poll(&fd, 1, cc_host_timeout_ms(embedded.host));
    }
}

void by_base(Embedded &embedded)
{
    event_base *base = event_base_new();

    must(cc_host_attach(embedded.host, embedded.engine, base));
    while (!is_done())
        event_base_loop(base, EVLOOP_ONCE);
}

void ring(void *bell)
{
    eventfd_write(*static_cast<int *>(bell), 1);
}

void by_thread(Embedded &embedded, cc_queue *queue, int bell)
{
    must(cc_host_thread_start(embedded.host, embedded.engine));
    cc_queue_flush(queue);
    while (!is_done()) {
        eventfd_t count;

        eventfd_read(bell, &count);
        while (const cc_event *event = cc_queue_next(queue))
            told_in_c(nullptr, event);
    }
}

/* What a session costs that does nothing, once it has connected. */
std::size_t idle_bytes(Embedded &embedded)
{
    constexpr std::size_t count = 10000;
    std::vector<User> idle(count);
    std::size_t before, synced = 0;

    for (std::size_t i = 0; i < count; i++)
        idle[i].name = "idle" + std::to_string(i);
    before = heap();
    for (User &user : idle)
        open_in_c(cc_engine_queue(embedded.engine), user);
    while (synced < count)
        synced += next(embedded)->type == CC_EVENT_SYNCED;
    cc_host_next_event(embedded.host, embedded.engine, 0);
    return (heap() - before) / count;
}

void measure(const std::string &way)
{
    std::size_t before = heap();
    Embedded embedded;
    std::size_t engine_bytes = heap() - before;
    cc_queue *queue = cc_engine_queue(embedded.engine);
    int bell = eventfd(0, EFD_CLOEXEC);

    if (way == "c")
        std::printf("{\"idle_session_bytes\": %zu}\n", idle_bytes(embedded));
    if (way == "thread")
        must(cc_queue_new(embedded.engine, ring, &bell, &queue));
    chatcore::Queue of_cpp(queue);

    for (std::size_t i = 0; i < users.size(); i++) {
        users[i].name = "u" + std::to_string(i);
        users[i].peer = "u" + std::to_string(i ^ 1);
        way == "cpp" ? open_in_cpp(of_cpp, users[i]) : open_in_c(queue, users[i]);
    }
    double start = cpu_s();

    for (unsigned n = 0; n < under_way; n++)
        for (std::size_t i = 0; i < users.size(); i += 2)
            way == "cpp" ? send_in_cpp(users[i]) : send_in_c(users[i]);
    if (way == "c")
        in_c(embedded);
    else if (way == "cpp")
        while (!is_done())
            of_cpp.give(*next(embedded), told_in_cpp);
    else if (way == "poll")
        by_poll(embedded);
    else if (way == "base")
        by_base(embedded);
    else
        by_thread(embedded, queue, bell);
    std::printf("{\"way\": \"%s\", \"messages\": %lu, \"cpu_us_per_message\": %.2f, "
                "\"engine_bytes\": %zu}\n",
                way.c_str(), wanted, (cpu_s() - start) * 1e6 / static_cast<double>(wanted),
                engine_bytes);
    std::fflush(stdout);
    std::_Exit(0); /* what the engine holds is of no interest any more */
}

} // namespace

int main(int argc, char **argv)
{
    std::string way = argc > 1 ? argv[1] : "";

    if (way != "c" && way != "cpp" && way != "poll" && way != "base" && way != "thread") {
        std::fprintf(stderr, "usage: %s c|cpp|poll|base|thread [MESSAGES]\n", argv[0]);
        return 2;
    }
    if (argc > 2)
        wanted = std::strtoul(argv[2], nullptr, 10);
    measure(way);
}
