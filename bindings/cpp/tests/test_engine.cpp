/*
 * The C++ interface on engines in memory and in a folder: what a program relies on beyond what C
 * promises, which is that things go in any order without pointing to what is gone.
 */
#include "check.hpp"

#include <chatcore/chatcore.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <poll.h>
#include <thread>
#include <unistd.h>

using chatcore::Command;
using chatcore::Engine;
using chatcore::EngineOptions;
using chatcore::Event;
using chatcore::overloaded;
using chatcore::Session;
using chatcore::Verdict;

namespace
{

/* A user, and what his one session has been told. */
struct User {
    std::string name;
    Session session;
    std::string text;         /* of the newest message */
    std::string client_id;    /* likewise */
    std::string said;         /* of the newest error reply */
    std::error_code error;    /* likewise */
    std::string conversation; /* of the newest reply that has one */
    std::size_t history = 0;  /* of the newest such reply */
    std::size_t members = 0;  /* likewise */
    std::uint64_t last_reply = 0;
    bool is_synced = false;
    int closes = 0;

    User(Engine &engine, std::string given)
        : name(std::move(given)), session(engine.queue().open({name, this}))
    {
        session.submit(Command::connect("laptop"));
    }

    void told(const Event &event)
    {
        event.visit(overloaded{
            [&](const chatcore::Message &message) {
                text = message.text();
                client_id = message.client_id();
            },
            [&](const chatcore::Reply &reply) {
                last_reply = reply.id();
                if ((error = reply.error()))
                    said = reply.error_text();
                if (!reply.conversation().empty())
                    conversation = reply.conversation();
                history = reply.messages().size();
                members = reply.members().size();
            },
            [&](const chatcore::Synced &) { is_synced = true; },
            [&](const chatcore::Closed &) { closes++; },
            [](const auto &) {},
        });
    }
};

void tell(const Event &event)
{
    event.each<User>([&](User &user) { user.told(event); });
}

/* Drives the engine until it is so, for 10 s at most. */
template <class Condition> bool until(Engine &engine, Condition &&is_so)
{
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);

    while (!is_so()) {
        pollfd fd = {engine.fd(), POLLIN, 0};

        if (std::chrono::steady_clock::now() > end || !engine.take(tell))
            return is_so();
        if (is_so())
            return true;
        int wait = engine.timeout_ms();

        poll(&fd, 1, wait < 0 || wait > 100 ? 100 : wait);
    }
    return true;
}

std::string temporary_folder()
{
    char name[] = "/tmp/chatcore-cpp-XXXXXX";

    CHECK(mkdtemp(name));
    return name;
}

void errors_are_error_codes()
{
    std::error_code code = CC_EBUSY;

    CHECK(code == CC_EBUSY && code != CC_EINVAL);
    CHECK(code == std::errc::resource_unavailable_try_again);
    CHECK(std::error_code(CC_ETIMEOUT) == std::errc::timed_out);
    CHECK(code.message() == cc_strerror(CC_EBUSY));
    CHECK(code.category().name() == std::string("chatcore"));
    CHECK(chatcore::is_retriable(code) && !chatcore::is_retriable(CC_EINVAL));
    CHECK(!chatcore::is_retriable(std::make_error_code(std::errc::timed_out)));
    CHECK(!chatcore::to_error_code(0));
}

void a_message_arrives()
{
    Engine engine(nullptr);
    User alice(engine, "alice"), bob(engine, "bob");
    std::uint64_t id = alice.session.submit(Command::send_to("bob", "one", "hi"));

    CHECK(until(engine, [&] { return bob.text == "hi" && alice.last_reply == id; }));
    CHECK(bob.client_id.empty() && alice.client_id == "one");
    CHECK(!alice.error && !alice.conversation.empty());
}

void groups_and_lists()
{
    Engine engine(nullptr);
    User alice(engine, "alice"), bob(engine, "bob");

    alice.session.submit(Command::create(CC_KIND_GROUP, "den", "The den")
                             .users({chatcore::slice("bob"), chatcore::slice("carol")}));
    alice.session.submit(Command::send("den", "1", "first"));
    alice.session.submit(Command::send("den", "2", "second"));
    CHECK(until(engine, [&] { return bob.text == "second"; }));
    bob.session.submit(Command::members("den"));
    CHECK(until(engine, [&] { return bob.members == 3; }));
    bob.session.submit(Command::history("den", 2));
    CHECK(until(engine, [&] { return bob.history == 2; }));
}

void a_folder_has_one_engine()
{
    std::string folder = temporary_folder();
    std::error_code code;
    bool has_thrown = false;

    {
        Engine engine(folder.c_str());
        Engine second = Engine::open(folder.c_str(), {}, code);

        CHECK(!second && code == CC_ELOCKED);
        try {
            Engine third(folder.c_str());
        } catch (const std::system_error &error) {
            has_thrown = error.code() == CC_ELOCKED;
        }
        CHECK(has_thrown);
    }
    Engine engine = Engine::open(folder.c_str(), {}, code);
    CHECK(engine && !code);
    engine = Engine();
    std::filesystem::remove_all(folder);
}

void a_handle_may_outlive_its_session()
{
    Engine engine(nullptr);
    User alice(engine, "alice");
    std::error_code code;

    alice.session.close();
    alice.session.close();
    CHECK(until(engine, [&] { return alice.closes == 1; }));
    CHECK(!alice.session);
    CHECK(alice.session.submit(Command::conversations(), code) == 0 && code == CC_ECANCELED);
    alice.session.close();
    alice.session = engine.queue().open({"alice", &alice});
    alice.session.submit(Command::connect("laptop"));
    alice.is_synced = false;
    CHECK(until(engine, [&] { return alice.is_synced; }));
    engine = Engine();
    CHECK(!alice.session);
    CHECK(alice.session.submit(Command::conversations(), code) == 0 && code == CC_ECANCELED);
}

void a_session_may_outlive_its_handle()
{
    Engine engine(nullptr);
    User alice(engine, "alice");

    {
        User gone(engine, "bob");

        CHECK(until(engine, [&] { return gone.is_synced; }));
        alice.session.submit(Command::send_to("bob", "1", "too late"));
        engine.queue().flush();
    }
    CHECK(until(engine, [&] { return alice.text == "too late"; }));
    engine.stop();
    CHECK(until(engine, [&] { return engine.has_stopped(); }));
    CHECK(alice.closes == 1);
}

/* Closed by its own event: the handle goes while the event is being looked at. */
void a_handle_may_go_in_its_last_event()
{
    Engine engine(nullptr);
    auto session = std::make_unique<Session>(engine.queue().open({"alice", &engine}));

    session->close();
    engine.queue().flush();
    while (session)
        engine.take([&](const Event &event) {
            if (event.type() == CC_EVENT_CLOSED) {
                session.reset();
                CHECK(!event.data<Engine>());
            }
        });
    CHECK(engine.take([](const Event &) {}));
}

void what_a_handler_throws_comes_out()
{
    Engine engine(nullptr);
    User alice(engine, "alice");
    bool has_caught = false;

    try {
        engine.run([&](const Event &event) {
            tell(event);
            if (alice.is_synced)
                throw std::logic_error("the handler's");
        });
    } catch (const std::logic_error &) {
        has_caught = true;
    }
    engine.stop();
    engine.run(tell);
    CHECK(has_caught && engine.has_stopped() && alice.closes == 1);
}

/* What a filter says is done; one that throws refuses for now. */
Verdict opinion(chatcore::FilterCheck check)
{
    if (check.text() == "throw")
        throw std::runtime_error("the filter's");
    if (check.text() == "reject")
        return Verdict::reject("not by " + std::string(check.user()));
    if (check.text() == "change")
        return Verdict::change("changed");
    return Verdict::pass();
}

void filters_are_callables()
{
    EngineOptions options;

    options.own_filters.push_back(chatcore::make_filter(opinion));
    Engine engine(nullptr, std::move(options));
    User alice(engine, "alice"), bob(engine, "bob");

    alice.session.submit(Command::send_to("bob", "1", "change"));
    CHECK(until(engine, [&] { return bob.text == "changed"; }));
    alice.session.submit(Command::send_to("bob", "2", "reject"));
    CHECK(until(engine, [&] { return alice.error == CC_EREJECTED; }));
    CHECK(alice.said == "not by alice");
    alice.session.submit(Command::send_to("bob", "3", "throw"));
    CHECK(until(engine, [&] { return alice.error == CC_EUNAVAILABLE; }));
    alice.session.submit(Command::send_to("bob", "4", "fine"));
    CHECK(until(engine, [&] { return bob.text == "fine"; }));
}

void a_filter_may_answer_later()
{
    EngineOptions options;
    std::vector<std::thread> threads;

    options.own_filters.push_back(
        chatcore::make_filter([&](chatcore::FilterCheck check, chatcore::PendingVerdict pending) {
            if (check.text() == "forgotten")
                return;
            threads.emplace_back([pending = std::move(pending)]() mutable {
                pending.answer(Verdict::change("from a thread"));
            });
        }));
    Engine engine(nullptr, std::move(options));
    User alice(engine, "alice"), bob(engine, "bob");

    alice.session.submit(Command::send_to("bob", "1", "later"));
    CHECK(until(engine, [&] { return bob.text == "from a thread"; }));
    alice.session.submit(Command::send_to("bob", "2", "forgotten"));
    CHECK(until(engine, [&] { return alice.error == CC_ECANCELED; }));
    for (std::thread &thread : threads)
        thread.join();
}

void connect_with(Engine &engine, User &user, std::string_view token)
{
    Command connect = Command::connect("phone");

    user.session = engine.queue().open({{}, &user});
    connect.raw().token = chatcore::slice(token);
    user.session.submit(connect);
    user.is_synced = false;
    user.error.clear();
}

void tokens_are_verified()
{
    EngineOptions options, with_keys;
    std::string secret = "a secret of 32 bytes, for example";

    options.authenticator =
        chatcore::make_auth([](std::string_view token) -> std::optional<chatcore::Identity> {
            if (token.substr(0, 5) != "I am ")
                return std::nullopt;
            return chatcore::Identity{std::string(token.substr(5))};
        });
    Engine engine(nullptr, std::move(options));
    User alice(engine, "alice");

    connect_with(engine, alice, "I am alice");
    CHECK(until(engine, [&] { return alice.is_synced; }));
    connect_with(engine, alice, "alice, believe me");
    CHECK(until(engine, [&] { return alice.error == CC_EUNAUTHORIZED; }));

    with_keys.authenticator = std::move(chatcore::Tokens().add_secret(secret));
    Engine keyed(nullptr, std::move(with_keys));
    User bob(keyed, "bob");

    connect_with(keyed, bob, chatcore::sign_token(secret, "bob", time(nullptr) + 60));
    CHECK(until(keyed, [&] { return bob.is_synced; }));
    connect_with(keyed, bob, chatcore::sign_token("another secret, also long", "bob", 1));
    CHECK(until(keyed, [&] { return bob.error == CC_EUNAUTHORIZED; }));
}

/* A thread's bell: its queue has events. */
struct Bell {
    std::mutex lock;
    std::condition_variable rang;
    bool is_rung = false;

    void ring()
    {
        std::lock_guard<std::mutex> guard(lock);
        is_rung = true;
        rang.notify_one();
    }
    bool wait()
    {
        std::unique_lock<std::mutex> guard(lock);
        bool came = rang.wait_for(guard, std::chrono::seconds(10), [&] { return is_rung; });

        is_rung = false;
        return came;
    }
};

void threads_have_queues_of_their_own()
{
    Engine engine(nullptr);
    Bell bell;
    chatcore::Queue &queue = engine.add_queue([&] { bell.ring(); });
    std::string text;
    Session alice = queue.open({"alice", &text}), bob = queue.open({"bob"});

    engine.start_thread();
    alice.submit(Command::connect("a"));
    bob.submit(Command::connect("b"));
    bob.submit(Command::send_to("alice", "1", "across"));
    queue.flush();
    while (text.empty()) {
        CHECK(bell.wait());
        queue.drain([&](const Event &event) {
            if (event.type() == CC_EVENT_MESSAGE)
                event.each<std::string>(
                    [&](std::string &own) { own = chatcore::view(event.raw().u.message->text); });
        });
    }
    CHECK(text == "across");
    engine.stop_thread();
    CHECK(engine.has_stopped() && engine.stats().sends == 1);
}

void consumers_read_the_log()
{
    std::string folder = temporary_folder();

    for (std::string expected : {"one", "two"}) {
        Engine engine(folder.c_str());
        User alice(engine, "alice");
        std::string read;
        chatcore::Consumer consumer = engine.queue().consume({"index", &read});

        alice.session.submit(Command::send_to("bob", expected, expected));
        auto take = [&](const Event &event) {
            event.visit(overloaded{
                [&](const chatcore::Consumed &consumed) {
                    for (chatcore::Message message : consumed.messages())
                        if (message.kind() == CC_MESSAGE_TEXT)
                            *event.data<std::string>() += message.text();
                    CHECK(!consumed.commit());
                    if (!read.empty())
                        consumer.close();
                },
                [&](const chatcore::ConsumerClosed &closed) {
                    CHECK(!closed.error());
                    engine.stop();
                },
                [](const auto &) {},
            });
        };

        engine.run(take);
        CHECK(read == expected);
    }
    std::filesystem::remove_all(folder);
}

void bad_names_are_refused()
{
    Engine engine(nullptr);
    std::error_code code;
    Session session = engine.queue().open({"a b"}, code);
    chatcore::Consumer consumer = engine.queue().consume({}, code);

    CHECK(!session && !consumer && code == CC_EINVAL);
    try {
        engine.queue().open({"a b"});
        CHECK(false && "it has thrown");
    } catch (const std::system_error &error) {
        CHECK(error.code() == std::errc::invalid_argument);
    }
}

void ids_are_text()
{
    cc_id raw = {{0x01, 0x93, 0x5c, 0x22, 0xab, 0xcd, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff}};
    chatcore::Id id(raw), none;

    CHECK(id.to_string() == "01935c22-abcd-7000-8000-0000000000ff");
    CHECK(id && !none && none < id && id != none && id == chatcore::Id(raw));
}

} // namespace

int main()
{
    return run_cases({
        {"errors_are_error_codes", errors_are_error_codes},
        {"a_message_arrives", a_message_arrives},
        {"groups_and_lists", groups_and_lists},
        {"a_folder_has_one_engine", a_folder_has_one_engine},
        {"a_handle_may_outlive_its_session", a_handle_may_outlive_its_session},
        {"a_session_may_outlive_its_handle", a_session_may_outlive_its_handle},
        {"a_handle_may_go_in_its_last_event", a_handle_may_go_in_its_last_event},
        {"what_a_handler_throws_comes_out", what_a_handler_throws_comes_out},
        {"filters_are_callables", filters_are_callables},
        {"a_filter_may_answer_later", a_filter_may_answer_later},
        {"tokens_are_verified", tokens_are_verified},
        {"threads_have_queues_of_their_own", threads_have_queues_of_their_own},
        {"consumers_read_the_log", consumers_read_the_log},
        {"bad_names_are_refused", bad_names_are_refused},
        {"ids_are_text", ids_are_text},
    });
}
