"""Filters and verifiers of tokens that are plain functions: called on the engine's thread.

They hold the engine up while they run: decide quickly, from what is in memory. A coroutine function
gets a thread of its own instead, as a class of chatcore.backends does.
"""
from __future__ import annotations

import inspect
from typing import Any, Awaitable, Callable, Optional, Tuple, Union

from .backends import Auth, Check, Filter, Identity, Maybe, Verdict

PASS: Verdict = ("pass", "")


def CHANGE(to: str) -> Verdict:  # noqa: N802 - a verdict, named as in C
    """The text goes on as `to`."""
    return ("change", to)


def FLAG(reason: str = "") -> Verdict:  # noqa: N802
    """The message passes, with its `flagged` set."""
    return ("flag", reason)


def REJECT(reason: str = "") -> Verdict:  # noqa: N802
    """The sender gets `rejected`, with the reason."""
    return ("reject", reason)


FilterFunction = Callable[[Check], Union[Optional[Verdict], Awaitable[Optional[Verdict]]]]
Known = Union[None, Identity, Tuple[str, float]]  # (user, expiry in seconds since the epoch)
Verify = Callable[[str], Union[Known, Awaitable[Known]]]


def _identity(found: Known) -> Optional[Identity]:
    if found is None or isinstance(found, Identity):
        return found
    user, expires = found
    return Identity(user, int(expires * 1000))


class FunctionFilter(Filter):
    def __init__(self, function: FilterFunction):
        self.check = function  # type: ignore[assignment]
        self.threads = 1 if inspect.iscoroutinefunction(function) else 0

    def check(self, check: Check) -> Maybe[Optional[Verdict]]:  # replaced by the function
        raise NotImplementedError


class FunctionAuth(Auth):
    def __init__(self, function: Verify):
        self._function = function
        self.threads = 1 if inspect.iscoroutinefunction(function) else 0

    def verify(self, token: str) -> Maybe[Optional[Identity]]:
        found: Any = self._function(token)
        return self._wait(found) if inspect.isawaitable(found) else _identity(found)

    @staticmethod
    async def _wait(found: Awaitable[Known]) -> Optional[Identity]:
        return _identity(await found)


def as_filter(given: "Filter | FilterFunction") -> Filter:
    return given if isinstance(given, Filter) else FunctionFilter(given)


def as_auth(given: "Auth | Verify") -> Auth:
    return given if isinstance(given, Auth) else FunctionAuth(given)
