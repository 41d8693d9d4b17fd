/*
 * A program that already has its own Asio loop and a line protocol on TCP, and gets chat: the loop
 * drives the engine by its file descriptor and a timer, each TCP connection is a session in this
 * process, and a gateway takes WebSocket clients on a second port.
 *
 *   asio_app DIR LINE_PORT CHAT_PORT      (0: any free port)
 *
 * The line protocol: the first line is the user's name; each further one is a user and a text for
 * him. What comes back is who wrote, and the text. GET /token?user=U on the chat port gives a
 * token.
 */
#include <chatcore/chatcore.hpp>
#include <chatcore/gateway.hpp>

#include <asio.hpp>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>
#include <istream>
#include <memory>
#include <unistd.h>

using asio::ip::tcp;
using chatcore::Command;
using chatcore::Engine;
using chatcore::Event;

static const char secret[] = "a secret of 32 bytes, for example";

/* --- the engine on the loop --------------------------------------------------------------------
 */

/* Lets an Asio loop drive an engine: all that it takes. */
class Driver
{
  public:
    Driver(asio::io_context &loop, Engine &engine, Engine::OnEvent on_event)
        : engine_(engine), on_event_(std::move(on_event)), wake_(loop, dup(engine.fd())),
          timer_(loop)
    {
        wait_for_wake();
        drive();
    }

  private:
    void drive()
    {
        if (!engine_.take(on_event_)) {
            wake_.cancel();
            timer_.cancel();
            return;
        }
        int wait = engine_.timeout_ms();

        if (wait < 0)
            timer_.expires_at(std::chrono::steady_clock::time_point::max());
        else
            timer_.expires_after(std::chrono::milliseconds(wait));
        timer_.async_wait([this](asio::error_code error) {
            if (!error)
                drive();
        });
    }

    void wait_for_wake()
    {
        wake_.async_wait(asio::posix::stream_descriptor::wait_read, [this](asio::error_code error) {
            if (error)
                return;
            wait_for_wake();
            drive();
        });
    }

    Engine &engine_;
    Engine::OnEvent on_event_;
    asio::posix::stream_descriptor wake_; /* a duplicate: it closes what it is given */
    asio::steady_timer timer_;
};

/* --- the line protocol -------------------------------------------------------------------------
 */

/* The lines that wait for a client before nothing more is read from it: its replies are bounded by
 * that, and what is pushed to it by the engine, which is told what has left (consumed()). */
static const std::size_t output_max = 64;

/* One TCP connection; it lives while it reads. Its session ends with it. */
class Connection : public std::enable_shared_from_this<Connection>
{
  public:
    Connection(tcp::socket socket, Engine &engine) : socket_(std::move(socket)), engine_(engine)
    {
    }

    void read()
    {
        auto self = shared_from_this();

        is_paused_ = output_.size() >= output_max;
        if (is_paused_)
            return;
        asio::async_read_until(socket_, input_, '\n', [self](asio::error_code error, std::size_t) {
            if (error)
                return;
            self->line();
            self->read();
        });
    }

    /* What happens in the chat. */
    void told(const Event &event)
    {
        std::uint32_t weight = cc_event_weight(&event.raw());

        event.visit(chatcore::overloaded{
            [&](const chatcore::Message &message) {
                if (message.from() == name_)
                    return session_.consumed(weight);
                write(std::string(message.from()) + " " + std::string(message.text()), weight);
            },
            [&](const chatcore::Reply &reply) {
                if (reply.error())
                    write("! " + std::string(reply.error_text()));
            },
            [&](const chatcore::Closed &) { socket_.close(); },
            [&](const auto &) { session_.consumed(weight); },
        });
    }

  private:
    void line()
    {
        std::istream input(&input_);
        std::string word, text;

        if (name_.empty()) {
            std::getline(input, name_);
            enter();
        } else {
            input >> word;
            std::getline(input >> std::ws, text);
            say(word, text);
        }
        engine_.queue().flush();
    }

    void enter()
    {
        chatcore::SessionOptions options{name_, this};
        std::error_code error;

        options.counts_consumed = true;
        session_ = engine_.queue().open(options, error);
        if (!error)
            session_.submit(Command::connect("line"), error);
        if (error)
            write("! " + error.message());
    }

    /* The id of a message is the program's to choose: it must not come again. */
    void say(const std::string &user, const std::string &text)
    {
        static unsigned count;
        std::string id = std::to_string(::time(nullptr)) + "-" + std::to_string(count++);
        std::error_code error;

        session_.submit(Command::send_to(user, id, text), error);
        if (error)
            write("! " + error.message());
    }

    void write(std::string line, std::uint32_t weight = 0)
    {
        output_.push_back({std::move(line) + "\n", weight});
        if (output_.size() == 1)
            write_next();
    }

    void write_next()
    {
        auto self = shared_from_this();

        asio::async_write(socket_, asio::buffer(output_.front().text),
                          [self](asio::error_code error, std::size_t) {
                              if (!error)
                                  self->written();
                          });
    }

    void written()
    {
        session_.consumed(output_.front().weight);
        engine_.queue().flush();
        output_.pop_front();
        if (!output_.empty())
            write_next();
        if (is_paused_)
            read();
    }

    struct Line {
        std::string text;
        std::uint32_t weight;
    };

    tcp::socket socket_;
    Engine &engine_;
    asio::streambuf input_{4096}; /* a longer line ends the connection */
    std::deque<Line> output_;
    bool is_paused_ = false;
    std::string name_;
    chatcore::Session session_;
};

static void accept(tcp::acceptor &acceptor, Engine &engine)
{
    acceptor.async_accept([&](asio::error_code error, tcp::socket socket) {
        if (error)
            return;
        std::make_shared<Connection>(std::move(socket), engine)->read();
        accept(acceptor, engine);
    });
}

/* --- WebSocket clients -------------------------------------------------------------------------
 */

static chatcore::GatewayOptions gateway_options(Engine &engine, int port)
{
    chatcore::GatewayOptions options;

    options.port = port;
    options.stopped = [&engine] { engine.stop(CC_CLOSE_DRAINING); };
    options.own_routes.push_back(
        {"GET", "/token", [](const cc_http_request &request, chatcore::HttpResponse response) {
             std::string_view user = chatcore::view(request.query).substr(sizeof "user=" - 1);

             response.write(chatcore::sign_token(secret, user, ::time(nullptr) + 3600));
         }});
    return options;
}

static int run(const char *folder, unsigned short line_port, int chat_port)
{
    asio::io_context loop;
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), line_port});
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    chatcore::EngineOptions options;

    options.authenticator = std::move(chatcore::Tokens().add_secret(secret));
    Engine engine(folder, std::move(options));
    chatcore::Gateway gateway(engine, gateway_options(engine, chat_port));
    Driver driver(loop, engine, [&](const Event &event) {
        event.each<Connection>([&](Connection &connection) { connection.told(event); });
        if (event.type() == CC_EVENT_STOPPED)
            loop.stop();
    });

    signals.async_wait([&](asio::error_code, int) { gateway.stop(); });
    accept(acceptor, engine);
    std::cout << "ready lines 127.0.0.1:" << acceptor.local_endpoint().port()
              << " chat 127.0.0.1:" << gateway.port() << std::endl;
    loop.run();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::cerr << "usage: " << argv[0] << " DIR LINE_PORT CHAT_PORT\n";
        return 2;
    }
    try {
        return run(argv[1], static_cast<unsigned short>(std::stoi(argv[2])), std::stoi(argv[3]));
    } catch (const std::exception &error) {
        std::cerr << "asio_app: " << error.what() << "\n";
        return 1;
    }
}
