/*
 * Errors of libchatcore as std::error_code.
 *
 * The enumeration of C is the enumeration here: `code == CC_EBUSY` compares, and so does
 * `code == std::errc::timed_out` where the standard has the same. Functions that can fail throw
 * std::system_error; those that a program calls while it runs have an overload that ends in a
 * `std::error_code &` and throws nothing, as std::filesystem has them. Without exceptions
 * (-fno-exceptions) that is the overload to use: the other one calls std::abort().
 */
#ifndef CHATCORE_ERROR_HPP
#define CHATCORE_ERROR_HPP

#include "chatcore/error.h"

#include <cstdlib>
#include <string>
#include <system_error>

namespace chatcore
{

namespace detail
{

class Category final : public std::error_category
{
  public:
    const char *name() const noexcept override
    {
        return "chatcore";
    }

    std::string message(int error) const override
    {
        return cc_strerror(error);
    }

    std::error_condition default_error_condition(int error) const noexcept override
    {
        switch (error) {
        case CC_EINVAL:
            return std::errc::invalid_argument;
        case CC_EFORBIDDEN:
            return std::errc::operation_not_permitted;
        case CC_ENOMEM:
            return std::errc::not_enough_memory;
        case CC_EBUSY:
            return std::errc::resource_unavailable_try_again;
        case CC_ETIMEOUT:
            return std::errc::timed_out;
        case CC_ECANCELED:
            return std::errc::operation_canceled;
        case CC_ENOSPACE:
            return std::errc::no_space_on_device;
        case CC_EREADONLY:
            return std::errc::read_only_file_system;
        case CC_EIO:
            return std::errc::io_error;
        case CC_ENOTSUP:
            return std::errc::not_supported;
        default:
            return {error, *this};
        }
    }
};

} // namespace detail

/* The category of all errors of libchatcore. Any thread. */
inline const std::error_category &error_category() noexcept
{
    static const detail::Category category;

    return category;
}

/* What a function of C has answered: 0 becomes an error_code that is none. */
inline std::error_code to_error_code(int result) noexcept
{
    return {result, error_category()};
}

/* True where trying the same again later can succeed; false for codes of other categories. */
inline bool is_retriable(const std::error_code &code) noexcept
{
    return code.category() == error_category() && cc_error_is_retriable(code.value());
}

namespace detail
{

[[noreturn]] inline void raise(const std::error_code &code, const char *what)
{
#if defined(__cpp_exceptions)
    throw std::system_error(code, what);
#else
    (void)code;
    (void)what;
    std::abort();
#endif
}

inline void raise_if(const std::error_code &code, const char *what)
{
    if (code)
        raise(code, what);
}

} // namespace detail
} // namespace chatcore

/* In the namespace of cc_error, where std::error_code looks for it. */
inline std::error_code make_error_code(cc_error error) noexcept
{
    return chatcore::to_error_code(error);
}

template <> struct std::is_error_code_enum<cc_error> : std::true_type {
};

#endif
