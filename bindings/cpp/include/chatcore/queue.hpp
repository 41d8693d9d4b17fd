/*
 * A queue, and what is opened on it: sessions and consumers. All of it belongs to the queue's
 * thread.
 *
 * Session and Consumer are handles that can be moved and close what they name when they go. A
 * handle may outlive its session: submitting then fails with CC_ECANCELED. A session may outlive
 * its handle: its last events are then for nobody, and left out.
 */
#ifndef CHATCORE_QUEUE_HPP
#define CHATCORE_QUEUE_HPP

#include "chatcore/command.hpp"
#include "chatcore/engine.h"
#include "chatcore/event.hpp"

#include <functional>
#include <new>
#include <utility>

namespace chatcore
{

class Queue;

namespace detail
{

inline void close_raw(cc_session *session) noexcept
{
    cc_session_close(session);
}
inline void close_raw(cc_consumer *consumer) noexcept
{
    cc_consumer_close(consumer, false);
}

/* The handle of a Link, whose other side is a Raw. */
template <class Raw> class Handle
{
  public:
    Handle() noexcept = default;
    Handle(Handle &&other) noexcept : link_(std::exchange(other.link_, nullptr))
    {
    }
    Handle &operator=(Handle &&other) noexcept
    {
        std::swap(link_, other.link_);
        return *this;
    }
    ~Handle()
    {
        if (!link_)
            return;
        close();
        link_->has_handle = false;
        link_->data = nullptr;
        if (!link_->has_queue)
            delete link_;
    }

    /* True until its last event has been taken from the queue. */
    bool is_open() const noexcept
    {
        return raw() != nullptr;
    }
    explicit operator bool() const noexcept
    {
        return is_open();
    }
    /* Asks for its end; its last event follows. May be called at any time. */
    void close() noexcept
    {
        if (Raw *raw = this->raw())
            close_raw(raw);
    }
    /* What events name it by, from now on. */
    void set_data(void *data) noexcept
    {
        if (link_)
            link_->data = data;
    }
    Raw *raw() const noexcept
    {
        return link_ ? static_cast<Raw *>(link_->raw) : nullptr;
    }

  protected:
    friend class chatcore::Queue;
    explicit Handle(Link *link) noexcept : link_(link)
    {
    }
    Link *link_ = nullptr;
};

} // namespace detail

/* One device of a user, connected. */
class Session : public detail::Handle<cc_session>
{
  public:
    Session() noexcept = default;

    /*
     * Submits a command and answers its id, which its Reply carries. All that it points to is
     * copied. It crosses to the engine when the queue has been drained to its end, or flushed.
     * Errors: CC_EBUSY (too much input waits; nothing was taken), CC_ENOMEM, CC_ECANCELED (the
     * session is closed).
     */
    std::uint64_t submit(const Command &command, std::error_code &code) noexcept
    {
        if (!is_open()) {
            code = CC_ECANCELED;
            return 0;
        }
        if (command.raw().id)
            return pass_on(command, code);
        Command numbered = command;

        return pass_on(numbered.id(link_->next_id++), code);
    }
    std::uint64_t submit(const Command &command)
    {
        std::error_code code;
        std::uint64_t id = submit(command, code);

        detail::raise_if(code, "chatcore: submit");
        return id;
    }

    /* The program is done with pushes of this weight: for sessions with `counts_consumed`. */
    void consumed(std::uint32_t weight) noexcept
    {
        if (is_open())
            cc_session_consumed(raw(), weight);
    }

  private:
    friend class Queue;
    using Handle::Handle;

    std::uint64_t pass_on(const Command &command, std::error_code &code) noexcept
    {
        code = to_error_code(cc_session_submit(raw(), &command.raw()));
        return code ? 0 : command.raw().id;
    }
};

/* A reader of the log: chatcore/consumer.h tells what it gets. */
class Consumer : public detail::Handle<cc_consumer>
{
  public:
    Consumer() noexcept = default;

    /* Closes it, and gives up the position of its name, and with it its hold on the log. */
    void forget() noexcept
    {
        if (is_open())
            cc_consumer_close(raw(), true);
    }

  private:
    friend class Queue;
    using Handle::Handle;
};

struct SessionOptions {
    std::string_view user{};    /* a trusted session: the program vouches for it */
    void *data = nullptr;       /* names the session in events: Event::data(), Event::each() */
    std::string_view address{}; /* of the client, for limits */
    bool counts_consumed = false;
    bool requests_only = false;
    bool is_admin = false;
};

struct ConsumerOptions {
    std::string_view name{};
    void *data = nullptr;
    cc_consumer_start start = CC_CONSUMER_COMMITTED;
    const std::uint64_t *offsets = nullptr;
    std::size_t offset_count = 0;
};

class Queue
{
  public:
    /* The queue of an engine of C. It must have no sessions but those opened through this. */
    explicit Queue(cc_queue *raw) noexcept : raw_(raw)
    {
    }
    Queue(const Queue &) = delete;
    Queue &operator=(const Queue &) = delete;
    /* When its engine has been freed, or is about to be. */
    ~Queue()
    {
        settle();
        while (detail::Link *link = links_) {
            links_ = link->next;
            let_go(link);
        }
    }

    /* Opens a session; its first command must be a connect, within 10 s. Errors: CC_EINVAL,
     * CC_EBUSY, CC_ENOMEM. */
    Session open(const SessionOptions &given, std::error_code &code) noexcept
    {
        cc_session_options options{};
        cc_session *session = nullptr;
        Session handle(new (std::nothrow) detail::Link);

        options.size = sizeof options;
        options.data = handle.link_;
        options.user = slice(given.user);
        options.address = slice(given.address);
        options.counts_consumed = given.counts_consumed;
        options.requests_only = given.requests_only;
        options.is_admin = given.is_admin;
        code = handle.link_ ? to_error_code(cc_session_open(raw_, &options, &session))
                            : make_error_code(CC_ENOMEM);
        if (!code)
            attach(handle.link_, session, given.data);
        return handle;
    }
    Session open(const SessionOptions &options)
    {
        std::error_code code;
        Session session = open(options, code);

        detail::raise_if(code, "chatcore: open a session");
        return session;
    }

    /* Opens a consumer. Errors: CC_EINVAL, CC_ENOMEM; a name that is open already is told by
     * ConsumerClosed. */
    Consumer consume(const ConsumerOptions &given, std::error_code &code) noexcept
    {
        cc_consumer_options options{};
        cc_consumer *consumer = nullptr;
        Consumer handle(new (std::nothrow) detail::Link);

        options.size = sizeof options;
        options.name = slice(given.name);
        options.data = handle.link_;
        options.start = given.start;
        options.offsets = given.offsets;
        options.offset_count = given.offset_count;
        code = handle.link_ ? to_error_code(cc_consumer_open(raw_, &options, &consumer))
                            : make_error_code(CC_ENOMEM);
        if (!code)
            attach(handle.link_, consumer, given.data);
        return handle;
    }
    Consumer consume(const ConsumerOptions &options)
    {
        std::error_code code;
        Consumer consumer = consume(options, code);

        detail::raise_if(code, "chatcore: open a consumer");
        return consumer;
    }

    /* Hands over what has been submitted. Draining to the end does it, too. */
    void flush() noexcept
    {
        cc_queue_flush(raw_);
    }

    /* Calls `on_event` with each event that waits; an exception of it passes through, and the next
     * call goes on behind that event. */
    template <class OnEvent> void drain(OnEvent &&on_event)
    {
        while (const cc_event *event = cc_queue_next(raw_))
            give(*event, on_event);
        settle();
    }

    /* An event that was taken from the queue with a function of C, by whatever drives the engine:
     * given to `on_event`, unless its only receiver's handle is gone. */
    template <class OnEvent> void give(const cc_event &event, OnEvent &&on_event)
    {
        settle();
        if (note_end(event))
            on_event(Event(event));
    }

    cc_queue *raw() const noexcept
    {
        return raw_;
    }

  private:
    void attach(detail::Link *link, void *raw, void *data) noexcept
    {
        link->raw = raw;
        link->data = data;
        link->has_queue = true;
        link->next = links_;
        link->back = &links_;
        if (links_)
            links_->back = &link->next;
        links_ = link;
    }

    static void detach(detail::Link *link) noexcept
    {
        *link->back = link->next;
        if (link->next)
            link->next->back = link->back;
        let_go(link);
    }

    static void let_go(detail::Link *link) noexcept
    {
        link->raw = nullptr;
        link->has_queue = false;
        if (!link->has_handle)
            delete link;
    }

    /* The link of the event before, if that was its last one. */
    void settle() noexcept
    {
        if (ended_)
            detach(std::exchange(ended_, nullptr));
    }

    /* False for an event that is for nobody any more. */
    bool note_end(const cc_event &event) noexcept
    {
        detail::Link *link = event.session_count == 1
                                 ? static_cast<detail::Link *>(event.sessions[0])
                                 : Event::consumer_link(event);

        if (event.type == CC_EVENT_CLOSED || event.type == CC_EVENT_CONSUMER_CLOSED) {
            link->raw = nullptr;
            ended_ = link;
        }
        return !link || link->has_handle;
    }

    cc_queue *raw_;
    detail::Link *links_ = nullptr;
    detail::Link *ended_ = nullptr;
};

} // namespace chatcore

#endif
