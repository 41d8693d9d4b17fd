/*
 * The small types: text, ids, and lists that the library lends.
 *
 * Nothing here owns memory. What is borrowed from an event lives as long as the event: until the
 * next one is taken from the same queue.
 */
#ifndef CHATCORE_TYPES_HPP
#define CHATCORE_TYPES_HPP

#include "chatcore/types.h"

#include <cstddef>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>

namespace chatcore
{

/* Text as the library lends it. */
inline std::string_view view(const cc_slice &slice) noexcept
{
    return {slice.data, slice.size};
}

/* Text as the library takes it. */
inline cc_slice slice(std::string_view text) noexcept
{
    return {text.data(), text.size()};
}

/* The id of a message. */
class Id
{
  public:
    Id() noexcept = default;
    Id(const cc_id &id) noexcept : id_(id)
    {
    }

    /* False: none. */
    explicit operator bool() const noexcept
    {
        return *this != Id();
    }

    const cc_id &raw() const noexcept
    {
        return id_;
    }

    /* The 36 characters of its UUID. */
    std::string to_string() const
    {
        static const char digits[] = "0123456789abcdef";
        std::string text;

        for (std::size_t i = 0; i < sizeof id_.bytes; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10)
                text += '-';
            text += digits[id_.bytes[i] >> 4];
            text += digits[id_.bytes[i] & 15];
        }
        return text;
    }

    /* By their age: the older first. */
    friend bool operator<(const Id &a, const Id &b) noexcept
    {
        return std::memcmp(a.id_.bytes, b.id_.bytes, sizeof a.id_.bytes) < 0;
    }
    friend bool operator==(const Id &a, const Id &b) noexcept
    {
        return std::memcmp(a.id_.bytes, b.id_.bytes, sizeof a.id_.bytes) == 0;
    }
    friend bool operator!=(const Id &a, const Id &b) noexcept
    {
        return !(a == b);
    }

  private:
    cc_id id_{};
};

namespace detail
{

/* How an element of an array of C becomes what a program sees. */
template <class View, class Raw> struct Viewing {
    static View of(const Raw &raw) noexcept
    {
        return View(raw);
    }
};
template <> struct Viewing<std::string_view, cc_slice> {
    static std::string_view of(const cc_slice &raw) noexcept
    {
        return view(raw);
    }
};

} // namespace detail

/* An array of C, seen as a range of views: `for (Message message : reply.messages())`. */
template <class View, class Raw> class List
{
  public:
    class iterator
    {
      public:
        using iterator_category = std::input_iterator_tag; /* its elements are made on the way */
        using value_type = View;
        using difference_type = std::ptrdiff_t;
        using pointer = const View *;
        using reference = View;

        explicit iterator(const Raw *at) noexcept : at_(at)
        {
        }
        View operator*() const noexcept
        {
            return detail::Viewing<View, Raw>::of(*at_);
        }
        iterator &operator++() noexcept
        {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            return iterator(at_++);
        }
        bool operator==(const iterator &other) const noexcept
        {
            return at_ == other.at_;
        }
        bool operator!=(const iterator &other) const noexcept
        {
            return at_ != other.at_;
        }

      private:
        const Raw *at_;
    };

    List(const Raw *first, std::size_t count) noexcept : first_(first), count_(count)
    {
    }
    iterator begin() const noexcept
    {
        return iterator(first_);
    }
    iterator end() const noexcept
    {
        return iterator(first_ + count_);
    }
    std::size_t size() const noexcept
    {
        return count_;
    }
    bool empty() const noexcept
    {
        return count_ == 0;
    }
    View operator[](std::size_t i) const noexcept
    {
        return detail::Viewing<View, Raw>::of(first_[i]);
    }
    const Raw *data() const noexcept
    {
        return first_;
    }

  private:
    const Raw *first_;
    std::size_t count_;
};

using Texts = List<std::string_view, cc_slice>;

/* Calls the one of several callables that takes what is given: `event.visit(overloaded{…})`. */
template <class... Callables> struct overloaded : Callables... {
    using Callables::operator()...;
};
template <class... Callables> overloaded(Callables...) -> overloaded<Callables...>;

} // namespace chatcore

#endif
