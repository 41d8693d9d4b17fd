/*
 * Ports from callables: who may connect, and what may be said.
 *
 * A callable of one of these answers at once (it returns its verdict), or later, from any thread
 * (it takes a Pending, which it keeps). All run on the engine's thread and must not block. One that
 * throws refuses what it was asked with a temporary error.
 *
 * The other ports (log, store, directory …) have nothing to gain from a wrapper: a class fills in
 * their tables of functions as C does.
 */
#ifndef CHATCORE_PORT_HPP
#define CHATCORE_PORT_HPP

#include "chatcore/backend/auth.h"
#include "chatcore/backend/filter.h"
#include "chatcore/error.hpp"
#include "chatcore/types.hpp"

#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace chatcore
{

/* What a filter says of a text. */
struct Verdict {
    cc_filter_verdict kind = CC_FILTER_PASS;
    std::string text; /* CHANGE: the text instead; FLAG, REJECT: the reason */

    static Verdict pass()
    {
        return {};
    }
    static Verdict change(std::string text)
    {
        return {CC_FILTER_CHANGE, std::move(text)};
    }
    static Verdict flag(std::string reason)
    {
        return {CC_FILTER_FLAG, std::move(reason)};
    }
    /* The sender is told the reason. */
    static Verdict reject(std::string reason)
    {
        return {CC_FILTER_REJECT, std::move(reason)};
    }
};

/* One text on its way in; lives until it has been answered. */
class FilterCheck
{
  public:
    explicit FilterCheck(const cc_filter_check &raw) noexcept : raw_(&raw)
    {
    }
    std::string_view user() const noexcept
    {
        return view(raw_->user);
    }
    std::string_view conversation() const noexcept
    {
        return view(raw_->conversation);
    }
    cc_conversation_kind kind() const noexcept
    {
        return raw_->kind;
    }
    bool is_first_contact() const noexcept
    {
        return raw_->first_contact;
    }
    std::string_view text() const noexcept
    {
        return view(raw_->text);
    }
    const cc_filter_check &raw() const noexcept
    {
        return *raw_;
    }

  private:
    const cc_filter_check *raw_;
};

/* Whom a token names. */
struct Identity {
    std::string user;
    std::int64_t expires_ms = INT64_MAX; /* wall ms; INT64_MAX: never */
    bool is_admin = false;
};

namespace detail
{

inline void release_text(cc_op *op) noexcept
{
    delete static_cast<std::string *>(op->backend);
    op->backend = nullptr;
}

/* Lets the text live until the operation's release; a view of it, or none for want of memory. */
inline std::optional<cc_slice> keep(cc_op &op, std::string &&text) noexcept
{
    auto *kept = new (std::nothrow) std::string(std::move(text));

    if (!kept)
        return std::nullopt;
    op.backend = kept;
    op.release = release_text;
    return slice(*kept);
}

inline void finish(cc_filter_check *op, Verdict &&verdict) noexcept
{
    if (verdict.kind == CC_FILTER_PASS)
        return cc_op_done(&op->op, 0);
    std::optional<cc_slice> text = keep(op->op, std::move(verdict.text));

    if (!text)
        return cc_op_done(&op->op, CC_ENOMEM);
    op->ret_verdict = verdict.kind;
    (verdict.kind == CC_FILTER_CHANGE ? op->ret_text : op->ret_reason) = *text;
    cc_op_done(&op->op, 0);
}

inline void finish(cc_auth_verify *op, std::optional<Identity> &&identity) noexcept
{
    if (!identity)
        return cc_op_done(&op->op, CC_EUNAUTHORIZED);
    std::optional<cc_slice> user = keep(op->op, std::move(identity->user));

    if (!user)
        return cc_op_done(&op->op, CC_ENOMEM);
    op->ret_user = *user;
    op->ret_expires = identity->expires_ms;
    op->ret_admin = identity->is_admin;
    cc_op_done(&op->op, 0);
}

} // namespace detail

/* An answer that is owed: given once, from any thread. One that goes unanswered refuses. */
template <class Op, class Answer> class Pending
{
  public:
    explicit Pending(Op *op) noexcept : op_(op)
    {
    }
    Pending(Pending &&other) noexcept : op_(std::exchange(other.op_, nullptr))
    {
    }
    Pending &operator=(Pending &&other) noexcept
    {
        std::swap(op_, other.op_);
        return *this;
    }
    ~Pending()
    {
        refuse(CC_ECANCELED);
    }
    void answer(Answer answer) noexcept
    {
        if (Op *op = std::exchange(op_, nullptr))
            detail::finish(op, std::move(answer));
    }
    /* CC_EUNAVAILABLE, say: what was to be asked does not answer. */
    void refuse(cc_error error) noexcept
    {
        if (Op *op = std::exchange(op_, nullptr))
            cc_op_done(&op->op, error);
    }

  private:
    Op *op_;
};

using PendingVerdict = Pending<cc_filter_check, Verdict>;
using PendingIdentity = Pending<cc_auth_verify, std::optional<Identity>>;

/* A port that a program owns, until an engine takes it. */
template <class Raw> class Port
{
  public:
    Port() noexcept = default;
    explicit Port(const Raw &raw) noexcept : raw_(raw)
    {
    }
    Port(Port &&other) noexcept : raw_(other.release())
    {
    }
    Port &operator=(Port &&other) noexcept
    {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Port()
    {
        if (raw_.vtable)
            raw_.vtable->free(raw_.self);
    }
    const Raw &raw() const noexcept
    {
        return raw_;
    }
    /* Another one owns it from now on. */
    Raw release() noexcept
    {
        return std::exchange(raw_, Raw{});
    }

  protected:
    Raw raw_{};
};

using Filter = Port<cc_filter>;
using Auth = Port<cc_auth>;

namespace detail
{

/* Runs what a program wrote, under C: nothing may be thrown through it. The error that stands for
 * what was thrown; 0: nothing was. */
template <class Ask> int guarded(Ask &&ask) noexcept
{
#if defined(__cpp_exceptions)
    try {
        ask();
    } catch (const std::bad_alloc &) {
        return CC_ENOMEM;
    } catch (...) {
        return CC_EUNAVAILABLE;
    }
#else
    ask();
#endif
    return 0;
}

/* One that answers at once owes the answer itself; of one that takes a Pending, that owes it. */
template <class Op, class Callable, class... Arguments>
void answer_now(Op *op, Callable &callable, Arguments &&...arguments) noexcept
{
    int error = guarded([&] { finish(op, callable(std::forward<Arguments>(arguments)...)); });

    if (error)
        cc_op_done(&op->op, error);
}

template <class Callable> struct FilterOf {
    static void check(void *self, cc_filter_check *op) noexcept
    {
        auto &callable = *static_cast<Callable *>(self);

        if constexpr (std::is_invocable_v<Callable &, FilterCheck, PendingVerdict>)
            guarded([&] { callable(FilterCheck(*op), PendingVerdict(op)); });
        else
            answer_now(op, callable, FilterCheck(*op));
    }
    static void free(void *self) noexcept
    {
        delete static_cast<Callable *>(self);
    }
    static constexpr cc_filter_vtable vtable = {sizeof(cc_filter_vtable), check, free};
};

template <class Callable> struct AuthOf {
    static void verify(void *self, cc_auth_verify *op) noexcept
    {
        auto &callable = *static_cast<Callable *>(self);

        if constexpr (std::is_invocable_v<Callable &, std::string_view, PendingIdentity>)
            guarded([&] { callable(view(op->token), PendingIdentity(op)); });
        else
            answer_now(op, callable, view(op->token));
    }
    static void free(void *self) noexcept
    {
        delete static_cast<Callable *>(self);
    }
    static constexpr cc_auth_vtable vtable = {sizeof(cc_auth_vtable), verify, free};
};

} // namespace detail

/* A filter: `Verdict (FilterCheck)`, or `void (FilterCheck, PendingVerdict)`; the FilterCheck lives
 * until the verdict is given. */
template <class Callable> Filter make_filter(Callable &&callable)
{
    using Held = std::decay_t<Callable>;

    return Filter({&detail::FilterOf<Held>::vtable, new Held(std::forward<Callable>(callable))});
}

/* A verifier of tokens: `std::optional<Identity> (std::string_view token)`, or
 * `void (std::string_view token, PendingIdentity)`; the token lives until the answer is given. */
template <class Callable> Auth make_auth(Callable &&callable)
{
    using Held = std::decay_t<Callable>;

    return Auth({&detail::AuthOf<Held>::vtable, new Held(std::forward<Callable>(callable))});
}

/* The verifier of signed tokens that the library has: chatcore/backend/auth.h. */
class Tokens : public Auth
{
  public:
    explicit Tokens(const char *audience = nullptr, const char *issuer = nullptr)
    {
        cc_auth_tokens_options options{};

        options.size = sizeof options;
        options.audience = audience;
        options.issuer = issuer;
        check(cc_auth_tokens_new(cc_allocator_default(), &options, &raw_));
    }
    /* HS256. */
    Tokens &add_secret(std::string_view secret, const char *kid = nullptr)
    {
        check(cc_auth_tokens_add_secret(&raw_, kid, slice(secret)));
        return *this;
    }
    Tokens &add_pem(std::string_view pem, const char *kid = nullptr)
    {
        check(cc_auth_tokens_add_pem(&raw_, kid, slice(pem)));
        return *this;
    }
    Tokens &add_jwks(std::string_view json)
    {
        check(cc_auth_tokens_add_jwks(&raw_, slice(json)));
        return *this;
    }

  private:
    static void check(int result)
    {
        detail::raise_if(to_error_code(result), "chatcore: tokens");
    }
};

/* Signs an HS256 token, for tests and tools. */
inline std::string sign_token(std::string_view secret, std::string_view user,
                              std::int64_t expires_s)
{
    const cc_allocator *allocator = cc_allocator_default();
    char *signed_token = nullptr;

    detail::raise_if(to_error_code(cc_auth_tokens_sign(allocator, slice(secret), slice(user),
                                                       expires_s, &signed_token)),
                     "chatcore: sign a token");
    std::string token(signed_token);

    allocator->release(allocator->context, signed_token);
    return token;
}

} // namespace chatcore

#endif
