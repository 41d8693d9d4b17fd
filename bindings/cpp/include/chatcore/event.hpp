/*
 * Events, seen through typed views: pointers into what the queue lends, with no copy. A view lives
 * as long as its event: until the next one is taken from the same queue. What is to be kept longer
 * is copied (`std::string(message.text())`).
 *
 * Members that a view does not name are those of the struct of C: raw().
 */
#ifndef CHATCORE_EVENT_HPP
#define CHATCORE_EVENT_HPP

#include "chatcore/consumer.h"
#include "chatcore/error.hpp"
#include "chatcore/event.h"
#include "chatcore/types.hpp"

#include <cstdint>
#include <system_error>

namespace chatcore
{

namespace detail
{

/* What every view is: a pointer that it does not own. */
template <class Raw> class Viewed
{
  public:
    explicit Viewed(const Raw &raw) noexcept : raw_(&raw)
    {
    }
    const Raw &raw() const noexcept
    {
        return *raw_;
    }

  private:
    const Raw *raw_;
};

} // namespace detail

class Message : public detail::Viewed<cc_message>
{
  public:
    using Viewed::Viewed;

    std::string_view conversation() const noexcept
    {
        return view(raw().conversation);
    }
    std::uint64_t seq() const noexcept
    {
        return raw().seq;
    }
    Id id() const noexcept
    {
        return raw().id;
    }
    std::string_view from() const noexcept
    {
        return view(raw().from);
    }
    std::int64_t ts() const noexcept
    {
        return raw().ts;
    }
    cc_message_kind kind() const noexcept
    {
        return raw().kind;
    }
    /* Not empty: the session's own user sent it. */
    std::string_view client_id() const noexcept
    {
        return view(raw().client_id);
    }
    std::string_view text() const noexcept
    {
        return view(raw().text);
    }
    Id reply_to() const noexcept
    {
        return raw().reply_to;
    }
    Id target() const noexcept
    {
        return raw().target;
    }
    std::string_view emoji() const noexcept
    {
        return view(raw().emoji);
    }
    std::string_view meta() const noexcept
    {
        return view(raw().meta);
    }
    Texts mentions() const noexcept
    {
        return {raw().mentions, raw().mention_count};
    }
    Texts media() const noexcept
    {
        return {raw().media, raw().media_count};
    }
    Texts users() const noexcept
    {
        return {raw().users, raw().user_count};
    }
};

class Receipt : public detail::Viewed<cc_receipt>
{
  public:
    using Viewed::Viewed;

    std::string_view conversation() const noexcept
    {
        return view(raw().conversation);
    }
    std::string_view user() const noexcept
    {
        return view(raw().user);
    }
    std::uint64_t delivered() const noexcept
    {
        return raw().delivered;
    }
    std::uint64_t read() const noexcept
    {
        return raw().read;
    }
};

class Typing : public detail::Viewed<cc_typing>
{
  public:
    using Viewed::Viewed;

    std::string_view conversation() const noexcept
    {
        return view(raw().conversation);
    }
    std::string_view user() const noexcept
    {
        return view(raw().user);
    }
    bool on() const noexcept
    {
        return raw().on;
    }
};

class Presence : public detail::Viewed<cc_presence>
{
  public:
    using Viewed::Viewed;

    std::string_view user() const noexcept
    {
        return view(raw().user);
    }
    bool is_online() const noexcept
    {
        return raw().status == CC_PRESENCE_ONLINE;
    }
    std::int64_t last_seen() const noexcept
    {
        return raw().last_seen;
    }
};

/* A conversation, as one user's list has it. */
class Conversation : public detail::Viewed<cc_conversation_summary>
{
  public:
    using Viewed::Viewed;

    std::string_view id() const noexcept
    {
        return view(raw().conversation.id);
    }
    cc_conversation_kind kind() const noexcept
    {
        return raw().conversation.kind;
    }
    std::string_view name() const noexcept
    {
        return view(raw().conversation.name);
    }
    std::string_view peer() const noexcept
    {
        return view(raw().peer);
    }
    std::uint64_t head() const noexcept
    {
        return raw().head;
    }
    std::uint64_t unread() const noexcept
    {
        return raw().unread;
    }
    bool is_gone() const noexcept
    {
        return raw().gone;
    }
};

class Member : public detail::Viewed<cc_member>
{
  public:
    using Viewed::Viewed;

    std::string_view user() const noexcept
    {
        return view(raw().user);
    }
    cc_role role() const noexcept
    {
        return raw().role;
    }
};

/* The one answer to a command. */
class Reply : public detail::Viewed<cc_reply>
{
  public:
    using Viewed::Viewed;

    /* What Session::submit() answered. */
    std::uint64_t id() const noexcept
    {
        return raw().id;
    }
    cc_command_type command() const noexcept
    {
        return raw().command;
    }
    /* Not set: the command was done. */
    std::error_code error() const noexcept
    {
        return to_error_code(raw().error);
    }
    std::string_view error_text() const noexcept
    {
        return raw().error_text.size ? view(raw().error_text) : cc_strerror(raw().error);
    }
    std::uint32_t retry_after_ms() const noexcept
    {
        return raw().retry_after_ms;
    }
    std::string_view conversation() const noexcept
    {
        return view(raw().conversation);
    }
    Id message() const noexcept
    {
        return raw().message;
    }
    std::int64_t ts() const noexcept
    {
        return raw().ts;
    }
    bool is_duplicate() const noexcept
    {
        return raw().duplicate;
    }
    std::uint64_t seq() const noexcept
    {
        return raw().seq;
    }
    List<Message, cc_message> messages() const noexcept
    {
        return {raw().messages, raw().message_count};
    }
    List<Conversation, cc_conversation_summary> conversations() const noexcept
    {
        return {raw().conversations, raw().conversation_count};
    }
    List<Member, cc_member> members() const noexcept
    {
        return {raw().members, raw().member_count};
    }
    List<Presence, cc_presence> presence() const noexcept
    {
        return {raw().presence, raw().presence_count};
    }
    Texts users() const noexcept
    {
        return {raw().users, raw().user_count};
    }
    bool more() const noexcept
    {
        return raw().more;
    }
};

/* The session has caught up: keep the cursor, and connect with it next time. */
class Synced : public detail::Viewed<cc_event>
{
  public:
    using Viewed::Viewed;

    std::string_view cursor() const noexcept
    {
        return view(raw().u.synced.cursor);
    }
};

/* The last event of its session. */
class Closed : public detail::Viewed<cc_event>
{
  public:
    using Viewed::Viewed;

    cc_close_code code() const noexcept
    {
        return raw().u.closed.code;
    }
    std::string_view reason() const noexcept
    {
        return view(raw().u.closed.reason);
    }
};

/* The engine has stopped: the last event of the default queue. */
class Stopped : public detail::Viewed<cc_event>
{
  public:
    using Viewed::Viewed;
};

/* Messages for a consumer, in the order of the log. */
class Consumed : public detail::Viewed<cc_event>
{
  public:
    using Viewed::Viewed;

    std::uint32_t partition() const noexcept
    {
        return raw().u.consumed.partition;
    }
    List<Message, cc_message> messages() const noexcept
    {
        return {raw().u.consumed.messages, raw().u.consumed.count};
    }
    const std::uint64_t *offsets() const noexcept
    {
        return raw().u.consumed.offsets;
    }
    std::uint64_t next() const noexcept
    {
        return raw().u.consumed.next;
    }
    /* Records before these were wanted, and the log has them no more. */
    bool is_cut() const noexcept
    {
        return raw().u.consumed.is_cut;
    }
    /* Makes the position behind these messages durable, soon. */
    std::error_code commit() const noexcept
    {
        return to_error_code(cc_consumer_commit(raw().u.consumed.consumer, partition(), next()));
    }
};

/* The last event of its consumer. */
class ConsumerClosed : public detail::Viewed<cc_event>
{
  public:
    using Viewed::Viewed;

    std::error_code error() const noexcept
    {
        return to_error_code(raw().u.consumer_closed.status);
    }
};

namespace detail
{

/*
 * What stands between a handle of the program's and the session or consumer of C: it lives until
 * neither the handle nor the queue has it any more, so that neither a handle that outlives its
 * session nor a session that outlives its handle points to nothing. The queue's thread's own.
 */
struct Link {
    void *raw = nullptr;  /* the session or consumer; none once its last event was taken */
    void *data = nullptr; /* the program's; none once the handle is gone */
    bool has_handle = true;
    bool has_queue = false; /* stands in the queue's list */
    std::uint64_t next_id = 1;
    Link *next = nullptr; /* of the queue's */
    Link **back = nullptr;
};

} // namespace detail

class Event
{
  public:
    explicit Event(const cc_event &raw) noexcept : raw_(&raw)
    {
    }

    cc_event_type type() const noexcept
    {
        return raw_->type;
    }
    const cc_event &raw() const noexcept
    {
        return *raw_;
    }

    /*
     * Calls `visitor` with the view that the event is of. overloaded{} makes one of several
     * lambdas; `[](const auto &) {}` takes those that the program has no use for.
     */
    template <class Visitor> decltype(auto) visit(Visitor &&visitor) const
    {
        switch (raw_->type) {
        case CC_EVENT_REPLY:
            return visitor(Reply(*raw_->u.reply));
        case CC_EVENT_MESSAGE:
            return visitor(Message(*raw_->u.message));
        case CC_EVENT_RECEIPT:
            return visitor(Receipt(*raw_->u.receipt));
        case CC_EVENT_TYPING:
            return visitor(Typing(*raw_->u.typing));
        case CC_EVENT_PRESENCE:
            return visitor(Presence(*raw_->u.presence));
        case CC_EVENT_CONVERSATION:
            return visitor(Conversation(*raw_->u.conversation));
        case CC_EVENT_SYNCED:
            return visitor(Synced(*raw_));
        case CC_EVENT_CLOSED:
            return visitor(Closed(*raw_));
        case CC_EVENT_CONSUMED:
            return visitor(Consumed(*raw_));
        case CC_EVENT_CONSUMER_CLOSED:
            return visitor(ConsumerClosed(*raw_));
        case CC_EVENT_STOPPED:
        default: /* one that a later library has is of no session that this program knows */
            return visitor(Stopped(*raw_));
        }
    }

    /*
     * Calls `visitor` with the data of each session (or of the consumer) that the event is for:
     * what was given when it was opened, as a T *. Those whose handle is gone are left out.
     */
    template <class T, class Visitor> void each(Visitor &&visitor) const
    {
        for (std::size_t i = 0; i < raw_->session_count; i++)
            if (void *data = static_cast<detail::Link *>(raw_->sessions[i])->data)
                visitor(*static_cast<T *>(data));
        if (detail::Link *link = consumer_link(*raw_))
            if (link->data)
                visitor(*static_cast<T *>(link->data));
    }

    /* The data of the first of them, or NULL: for the events that are for one only, such as Reply
     * and Closed. */
    template <class T> T *data() const noexcept
    {
        detail::Link *link = raw_->session_count ? static_cast<detail::Link *>(raw_->sessions[0])
                                                 : consumer_link(*raw_);

        return link ? static_cast<T *>(link->data) : nullptr;
    }

    static detail::Link *consumer_link(const cc_event &event) noexcept
    {
        if (event.type == CC_EVENT_CONSUMED)
            return static_cast<detail::Link *>(event.u.consumed.data);
        if (event.type == CC_EVENT_CONSUMER_CLOSED)
            return static_cast<detail::Link *>(event.u.consumer_closed.data);
        return nullptr;
    }

  private:
    const cc_event *raw_;
};

} // namespace chatcore

#endif
