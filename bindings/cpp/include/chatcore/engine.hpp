/*
 * A whole engine on embedded backends, and what drives it.
 *
 *     chatcore::Engine engine("chat.data");
 *     chatcore::Session alice = engine.queue().open({"alice"});
 *     alice.submit(chatcore::Command::connect("laptop"));
 *     engine.run([&](const chatcore::Event &event) { … });
 *
 * It is driven in one of four ways: run() on the calling thread; take() from a loop of any kind,
 * which waits on fd() and for timeout_ms(); attach() on a libevent base; start_thread() on a thread
 * of the library's. An engine can be moved; what belongs to it (its queues) stays where it is.
 */
#ifndef CHATCORE_ENGINE_HPP
#define CHATCORE_ENGINE_HPP

#include "chatcore/host.h"
#include "chatcore/port.hpp"
#include "chatcore/queue.hpp"

#include <cassert>
#include <exception>
#include <forward_list>
#include <memory>
#include <mutex>
#include <vector>

namespace chatcore
{

/* Members that it inherits are those of C, with their defaults; the rest is what C++ says better.
 * `auth`, `filters` and `trace` of C stay empty. */
struct EngineOptions : cc_embedded_options {
    EngineOptions() noexcept : cc_embedded_options()
    {
        size = sizeof(cc_embedded_options);
    }

    Auth authenticator;              /* none: only trusted sessions can connect */
    std::vector<Filter> own_filters; /* asked in this order, before the spam filter */
    /* Diagnostics, of `trace.level` and more urgent; called from any thread, and must not throw. */
    std::function<void(cc_trace_level, std::string_view area, std::string_view text)> on_trace;
};

class Engine
{
  public:
    using OnEvent = std::function<void(const Event &)>;

    /* None: can only be assigned to. */
    Engine() noexcept = default;

    /* Opens the folder, which is made if it is not there; NULL: in memory. Blocks while it reads.
     * Errors: those of cc_open_embedded(). On failure what the options own is freed. */
    explicit Engine(const char *folder, EngineOptions options = {})
    {
        std::error_code code;

        *this = open(folder, std::move(options), code);
        detail::raise_if(code, "chatcore: open an engine");
    }
    static Engine open(const char *folder, EngineOptions options, std::error_code &code)
    {
        Engine engine;

        engine.own_ = std::make_unique<Own>();
        code = to_error_code(engine.own_->open(folder, std::move(options)));
        if (code)
            engine.own_.reset();
        return engine;
    }

    Engine(Engine &&) noexcept = default;
    Engine &operator=(Engine &&) noexcept = default;

    /*
     * Stops it, if that has not been done, and waits until what was acknowledged is stored; what
     * happens meanwhile is told nobody. On the engine's thread. One on a libevent base must have
     * stopped before, as a std::thread must have been joined.
     */
    ~Engine() = default;

    explicit operator bool() const noexcept
    {
        return own_ != nullptr;
    }

    /* The default queue: its events come to whoever drives the engine. */
    Queue &queue() noexcept
    {
        return *own_->queue;
    }

    /* One more queue, for another thread, which drains it. `wake` is called from the engine's
     * thread when there are events; it only signals. It lives as long as the engine. Any thread. */
    Queue &add_queue(std::function<void()> wake)
    {
        return own_->add_queue(std::move(wake));
    }

    /* Asks it to stop: sessions are closed with `close`; Stopped is the last event. Any thread. */
    void stop(cc_close_code close = CC_CLOSE_NORMAL) noexcept
    {
        cc_engine_stop(own_->engine, close);
    }
    bool has_stopped() const noexcept
    {
        return cc_host_has_stopped(own_->host);
    }
    /* True when sends can work. Any thread. */
    bool is_ready() const noexcept
    {
        return cc_engine_is_ready(own_->engine);
    }
    /* Any thread. */
    cc_engine_stats stats() const noexcept
    {
        cc_engine_stats stats{};

        stats.size = sizeof stats;
        cc_engine_get_stats(own_->engine, &stats);
        return stats;
    }

    /* --- driving it ------------------------------------------------------------------------- */

    /* Drives it on this thread, and gives each event to `on_event`, until it has stopped. What
     * `on_event` throws comes out here; run() may be called again. */
    template <class Visitor> void run(Visitor &&on_event)
    {
        while (const cc_event *event = cc_host_next_event(own_->host, own_->engine, -1))
            queue().give(*event, on_event);
    }

    /* Does what there is to do, without waiting. False when it has stopped. */
    template <class Visitor> bool take(Visitor &&on_event)
    {
        while (const cc_event *event = cc_host_next_event(own_->host, own_->engine, 0))
            queue().give(*event, on_event);
        return !has_stopped();
    }
    /* Readable when take() is wanted. It is the engine's: to be waited on, and not closed. */
    int fd() const noexcept
    {
        return cc_host_fd(own_->host);
    }
    /* When take() is wanted though fd() is not readable; -1: not at all. To be asked again after
     * each take(). */
    int timeout_ms() const noexcept
    {
        return cc_host_timeout_ms(own_->host);
    }

    /* Drives it on a thread of the library's, where `on_event` is called; it must not throw. */
    void start_thread(OnEvent on_event = {})
    {
        own_->on_event = std::move(on_event);
        detail::raise_if(to_error_code(cc_host_thread_start(own_->host, own_->engine)),
                         "chatcore: start a thread");
    }
    /* Stops it, and waits for the thread's end. Not from that thread. */
    void stop_thread(cc_close_code close = CC_CLOSE_NORMAL) noexcept
    {
        cc_host_thread_stop(own_->host, close);
    }

    /* Drives it on a libevent base, of the calling thread; `on_event` must not throw. */
    void attach(event_base *base, OnEvent on_event)
    {
        own_->on_event = std::move(on_event);
        detail::raise_if(to_error_code(cc_host_attach(own_->host, own_->engine, base)),
                         "chatcore: attach to a base");
    }

    cc_engine *raw() const noexcept
    {
        return own_->engine;
    }

  private:
    /* An added queue, with what its wake function calls. */
    struct Added {
        std::function<void()> wake;
        std::optional<Queue> queue;
    };

    /* What functions of C point to, so it does not move. */
    struct Own {
        cc_host *host = nullptr;
        cc_engine *engine = nullptr;
        std::function<void(cc_trace_level, std::string_view, std::string_view)> on_trace;
        OnEvent on_event;
        std::optional<Queue> queue;
        std::mutex lock; /* of `added` */
        std::forward_list<Added> added;

        Own() = default;
        Own(const Own &) = delete;
        Own &operator=(const Own &) = delete;
        ~Own()
        {
            if (engine)
                end();
            cc_host_free(host);
        }

        int open(const char *folder, EngineOptions &&options)
        {
            cc_host_options given{};
            int r;

            given.size = sizeof given;
            given.on_event = receive;
            given.context = this;
            if (options.on_trace) {
                on_trace = std::move(options.on_trace);
                options.trace.write = write_trace;
                options.trace.context = this;
            }
            given.trace = options.trace;
            r = cc_host_new(&given, &host);
            return r ? r : open_engine(folder, options);
        }

        int open_engine(const char *folder, EngineOptions &options)
        {
            std::vector<cc_filter> raw;
            int r;

            for (Filter &filter : options.own_filters)
                raw.push_back(filter.raw());
            options.filters = raw.data();
            options.filter_count = raw.size();
            options.auth = options.authenticator.raw();
            r = cc_open_embedded(folder, &options, host, &engine);
            if (r)
                return r;
            queue.emplace(cc_engine_queue(engine));
            options.authenticator.release();
            for (Filter &filter : options.own_filters)
                filter.release();
            return 0;
        }

        Queue &add_queue(std::function<void()> wake)
        {
            std::lock_guard<std::mutex> guard(lock);
            cc_queue *raw = nullptr;
            Added &one = added.emplace_front();

            one.wake = std::move(wake);
            if (int r = cc_queue_new(engine, call_wake, &one, &raw)) {
                added.pop_front();
                detail::raise(to_error_code(r), "chatcore: add a queue");
            }
            return one.queue.emplace(raw);
        }

        void end() noexcept
        {
            on_event = nullptr;
            cc_host_thread_stop(host, CC_CLOSE_NORMAL);
            if (!cc_host_has_stopped(host))
                cc_engine_stop(engine, CC_CLOSE_NORMAL);
            while (cc_host_next_event(host, engine, -1))
                ;
            assert(cc_host_has_stopped(host)); /* it is on a libevent base, and has not stopped */
            if (!cc_host_has_stopped(host))
                std::terminate();
            queue.reset();
            added.clear();
            cc_engine_free(engine);
        }

        static void receive(void *context, const cc_event *event) noexcept
        {
            auto *own = static_cast<Own *>(context);

            own->queue->give(*event, [own](const Event &given) {
                if (own->on_event)
                    own->on_event(given);
            });
        }
        static void call_wake(void *context) noexcept
        {
            if (auto &wake = static_cast<Added *>(context)->wake)
                wake();
        }
        static void write_trace(void *context, cc_trace_level level, const char *area,
                                const char *text) noexcept
        {
            static_cast<Own *>(context)->on_trace(level, area, text);
        }
    };

    std::unique_ptr<Own> own_;
};

} // namespace chatcore

#endif
