"""Filters and verifiers of tokens written in Python: called on the engine's thread.

They hold the engine up while they run: decide quickly, from what is in memory.
"""
from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

from ._chatcore import ffi, lib
from ._events import text

PASS = ("pass", "")


def CHANGE(to: str) -> tuple[str, str]:  # noqa: N802 - a verdict, named as in C
    """The text goes on as `to`."""
    return ("change", to)


def FLAG(reason: str = "") -> tuple[str, str]:  # noqa: N802
    """The message passes, with its `flagged` set."""
    return ("flag", reason)


def REJECT(reason: str = "") -> tuple[str, str]:  # noqa: N802
    """The sender gets `rejected`, with the reason."""
    return ("reject", reason)


@dataclass(frozen=True)
class Check:
    """A text on its way in."""
    user: str
    conversation: str
    text: str
    first_contact: bool


Filter = Callable[[Check], Optional[tuple[str, str]]]
Verify = Callable[[str], Optional[tuple[str, float]]]

_VERDICTS = {"pass": "CC_FILTER_PASS", "change": "CC_FILTER_CHANGE", "flag": "CC_FILTER_FLAG",
             "reject": "CC_FILTER_REJECT"}

# Alive as long as an engine may call them, or release what they answered.
_handles: dict[int, Any] = {}
_answers: dict[int, Any] = {}


def _register(what: Any):
    handle = ffi.new_handle(what)
    _handles[int(ffi.cast("intptr_t", handle))] = handle
    return handle


def _keep(op, value: str):
    buffer = ffi.from_buffer(value.encode("utf8"))
    _answers.setdefault(int(ffi.cast("intptr_t", ffi.addressof(op.op))), []).append(buffer)
    return {"data": ffi.cast("const char *", buffer), "size": len(buffer)}


def _drop(op) -> None:
    _answers.pop(int(ffi.cast("intptr_t", op)), None)


def _report() -> None:
    traceback.print_exc(file=sys.stderr)


@ffi.def_extern()
def filter_check(self, op):
    status = 0
    try:
        verdict, said = ffi.from_handle(self)(
            Check(text(op.user), text(op.conversation), text(op.text), op.first_contact)) or PASS
        op.ret_verdict = getattr(lib, _VERDICTS[verdict])
        if said:
            setattr(op, "ret_text" if verdict == "change" else "ret_reason", _keep(op, said))
            op.op.release = lib.filter_release
    except Exception:  # a filter that fails refuses: the message can be sent again
        _report()
        status = lib.CC_EUNAVAILABLE
    lib.cc_op_done(ffi.addressof(op.op), status)


@ffi.def_extern()
def filter_release(op):
    _drop(op)


@ffi.def_extern()
def filter_free(self):
    _handles.pop(int(ffi.cast("intptr_t", self)), None)


@ffi.def_extern()
def auth_verify(self, op):
    status = lib.CC_EUNAUTHORIZED
    try:
        found = ffi.from_handle(self)(text(op.token))
        if found:
            user, expires = found
            op.ret_user = _keep(op, user)
            op.ret_expires = int(expires * 1000)
            op.op.release = lib.auth_release
            status = 0 if op.ret_expires > op.now.wall_ms else lib.CC_EEXPIRED
    except Exception:
        _report()
        status = lib.CC_EUNAVAILABLE
    lib.cc_op_done(ffi.addressof(op.op), status)


@ffi.def_extern()
def auth_release(op):
    _drop(op)


@ffi.def_extern()
def auth_free(self):
    _handles.pop(int(ffi.cast("intptr_t", self)), None)


_filter_vtable = ffi.new("struct cc_filter_vtable *", {
    "size": ffi.sizeof("struct cc_filter_vtable"), "check": lib.filter_check,
    "free": lib.filter_free})
_auth_vtable = ffi.new("struct cc_auth_vtable *", {
    "size": ffi.sizeof("struct cc_auth_vtable"), "verify": lib.auth_verify, "free": lib.auth_free})


def filters(functions: Sequence[Filter]):
    """An array of cc_filter, and its length."""
    array = ffi.new("struct cc_filter[]", len(functions) or 1)
    for at, function in enumerate(functions):
        array[at].vtable = _filter_vtable
        array[at].self = _register(function)
    return array, len(functions)


def verifier(function: Verify):
    return {"vtable": _auth_vtable, "self": _register(function)}
