/*
 * libchatcore for C++17: the interface of C, with owners that clean up behind themselves, text as
 * std::string_view, events as typed views, errors as std::error_code, callables for callbacks.
 *
 * Header-only: what it compiles to is calls of C. A program links libchatcore and nothing else.
 * bindings/cpp/README.md shows its use; threads and lifetimes are those of C, which the headers
 * that are wrapped (chatcore/engine.h, chatcore/host.h …) tell in full.
 *
 * The gateway stands apart, in chatcore/gateway.hpp: a library may be built without it.
 */
#ifndef CHATCORE_CHATCORE_HPP
#define CHATCORE_CHATCORE_HPP

#include "chatcore/command.hpp"
#include "chatcore/engine.hpp"
#include "chatcore/error.hpp"
#include "chatcore/event.hpp"
#include "chatcore/port.hpp"
#include "chatcore/queue.hpp"
#include "chatcore/types.hpp"

#endif
