/*
 * Commands: what a session asks of the engine, as docs/protocol.md has them.
 *
 *     session.submit(Command::send("general", "client-id-1", "hello").reply_to(id));
 *
 * A command borrows its texts; submitting copies them. So it may be made of temporaries, if it is
 * submitted in the same expression. What has no member here is set through raw().
 */
#ifndef CHATCORE_COMMAND_HPP
#define CHATCORE_COMMAND_HPP

#include "chatcore/command.h"
#include "chatcore/types.hpp"

#include <cstdint>
#include <initializer_list>
#include <type_traits>

namespace chatcore
{

class Command
{
  public:
    /* Of any type, with nothing set. */
    explicit Command(cc_command_type type) noexcept
    {
        raw_.type = type;
    }

    /* A session's first command. `cursor`: of the last Synced that the device has kept. */
    static Command connect(std::string_view device, std::string_view cursor = {}) noexcept
    {
        Command command(CC_COMMAND_CONNECT);

        command.raw_.device = slice(device);
        command.raw_.cursor = slice(cursor);
        return command;
    }
    /* Sent again with the same `client_id`, it is still one message. */
    static Command send(std::string_view conversation, std::string_view client_id,
                        std::string_view text) noexcept
    {
        Command command(CC_COMMAND_SEND);

        command.in(conversation).said(client_id, text);
        return command;
    }
    /* To a user: makes the direct conversation if there is none. */
    static Command send_to(std::string_view user, std::string_view client_id,
                           std::string_view text) noexcept
    {
        Command command(CC_COMMAND_SEND);

        command.of(user).said(client_id, text);
        return command;
    }
    static Command edit(std::string_view conversation, const Id &message,
                        std::string_view text) noexcept
    {
        return Command(CC_COMMAND_EDIT).in(conversation).about(message).text(text);
    }
    static Command remove_message(std::string_view conversation, const Id &message) noexcept
    {
        return Command(CC_COMMAND_DELETE).in(conversation).about(message);
    }
    static Command react(std::string_view conversation, const Id &message, std::string_view emoji,
                         bool on = true) noexcept
    {
        Command command = Command(CC_COMMAND_REACT).in(conversation).about(message).on(on);

        command.raw_.emoji = slice(emoji);
        return command;
    }
    static Command delivered(std::string_view conversation, std::uint64_t seq) noexcept
    {
        return Command(CC_COMMAND_DELIVERED).in(conversation).seq(seq);
    }
    static Command read(std::string_view conversation, std::uint64_t seq) noexcept
    {
        return Command(CC_COMMAND_READ).in(conversation).seq(seq);
    }
    static Command typing(std::string_view conversation, bool on) noexcept
    {
        return Command(CC_COMMAND_TYPING).in(conversation).on(on);
    }
    /* The newest messages, or those before() or after() a seq. */
    static Command history(std::string_view conversation, std::uint32_t limit = 0) noexcept
    {
        return Command(CC_COMMAND_HISTORY).in(conversation).limit(limit);
    }
    static Command conversations(std::uint32_t limit = 0) noexcept
    {
        return Command(CC_COMMAND_CONVERSATIONS).limit(limit);
    }
    /* `members` are a program's own array: see users(). */
    static Command create(cc_conversation_kind kind, std::string_view conversation,
                          std::string_view name) noexcept
    {
        Command command = Command(CC_COMMAND_CREATE).in(conversation).named(name);

        command.raw_.kind = kind;
        return command;
    }
    static Command add(std::string_view conversation) noexcept
    {
        return Command(CC_COMMAND_ADD).in(conversation);
    }
    static Command remove(std::string_view conversation) noexcept
    {
        return Command(CC_COMMAND_REMOVE).in(conversation);
    }
    static Command leave(std::string_view conversation) noexcept
    {
        return Command(CC_COMMAND_LEAVE).in(conversation);
    }
    static Command members(std::string_view conversation, std::uint32_t limit = 0) noexcept
    {
        return Command(CC_COMMAND_MEMBERS).in(conversation).limit(limit);
    }

    /* Given in the reply; left out, Session::submit() gives one. */
    Command &id(std::uint64_t id) noexcept
    {
        raw_.id = id;
        return *this;
    }
    Command &in(std::string_view conversation) noexcept
    {
        raw_.conversation = slice(conversation);
        return *this;
    }
    Command &of(std::string_view user) noexcept
    {
        raw_.user = slice(user);
        return *this;
    }
    Command &about(const Id &message) noexcept
    {
        raw_.message = message.raw();
        return *this;
    }
    Command &text(std::string_view text) noexcept
    {
        raw_.text = slice(text);
        return *this;
    }
    Command &said(std::string_view client_id, std::string_view text) noexcept
    {
        raw_.client_id = slice(client_id);
        raw_.text = slice(text);
        return *this;
    }
    Command &reply_to(const Id &message) noexcept
    {
        raw_.reply_to = message.raw();
        return *this;
    }
    Command &named(std::string_view name) noexcept
    {
        raw_.name = slice(name);
        return *this;
    }
    /* Members, or whom a message mentions. The array is the caller's until the command has been
     * submitted: a braced list, if that is in the same expression. */
    Command &users(const cc_slice *users, std::size_t count) noexcept
    {
        raw_.users = users;
        raw_.user_count = count;
        return *this;
    }
    Command &users(std::initializer_list<cc_slice> users) noexcept
    {
        return this->users(users.begin(), users.size());
    }
    Command &role(cc_role role) noexcept
    {
        raw_.role = role;
        return *this;
    }
    Command &seq(std::uint64_t seq) noexcept
    {
        raw_.seq = seq;
        return *this;
    }
    Command &before(std::uint64_t seq) noexcept
    {
        raw_.before = seq;
        return *this;
    }
    Command &after(std::uint64_t seq) noexcept
    {
        raw_.after = seq;
        raw_.has_after = true;
        return *this;
    }
    Command &after(std::string_view name) noexcept
    {
        raw_.after_name = slice(name);
        return *this;
    }
    Command &limit(std::uint32_t limit) noexcept
    {
        raw_.limit = limit;
        return *this;
    }
    Command &on(bool on) noexcept
    {
        raw_.on = on;
        return *this;
    }

    cc_command &raw() noexcept
    {
        return raw_;
    }
    const cc_command &raw() const noexcept
    {
        return raw_;
    }

  private:
    cc_command raw_{};
};

static_assert(std::is_trivially_copyable<Command>::value, "a command is the struct of C");

} // namespace chatcore

#endif
