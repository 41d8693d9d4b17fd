/*
 * What the tests of the C++ interface share: cases that print TAP, and a check that throws, so that
 * a case which fails cleans up like any other.
 */
#ifndef CHATCORE_TESTS_CHECK_HPP
#define CHATCORE_TESTS_CHECK_HPP

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : throw std::runtime_error(std::string(__FILE__) + ":" +                          \
                                            std::to_string(__LINE__) + ": " #condition))

struct Case {
    const char *name;
    void (*run)();
};

template <std::size_t count> int run_cases(const Case (&cases)[count])
{
    int failures = 0;

    for (const Case &one : cases) {
        try {
            one.run();
            std::printf("ok %s\n", one.name);
        } catch (const std::exception &error) {
            std::printf("not ok %s\n# %s\n", one.name, error.what());
            failures++;
        }
        std::fflush(stdout);
    }
    return failures ? 1 : 0;
}

#endif
