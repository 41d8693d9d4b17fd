"""The conformance suites: what a port promises, as cases that a backend in Python is run through.

    def fresh():
        folder = tempfile.mkdtemp()
        return lambda: MyLog(folder)

    for case in chatcore.testing.conformance("log", fresh):
        assert case.failure is None, case

`fresh` makes a new, empty place and answers a function that opens a backend on it: the suite opens
one, closes it, and opens one on the same contents again. What each port wants beyond that stands at
`Provider`, `Storage` and `Nodes`. An operation that takes longer than `timeout` ends the process: its
memory may still be written to.
"""
from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol, Sequence, Tuple

from ._bridge import Port, notifier_as_c
from ._chatcore import ffi as base
from ._convert import raw, text
from ._testing import ffi, lib
from .backends import Backend

Open = Callable[..., Backend]  # cluster: is given the node's name


@dataclass(frozen=True)
class Case:
    suite: str
    name: str
    failure: Optional[str]  # None: passed


class Provider(Protocol):
    """notifier: what a push arrives at."""

    def token(self, kind: str, number: int) -> str:
        """kind: "good", "gone", "later", "hangs", "none"; "" when there is none of that kind."""

    def received(self, token: str, text: str) -> int:
        """How many notifications have come for it that hold the text."""


class Storage(Protocol):
    """media: what a client's signed request arrives at."""

    def request(self, method: str, url: str, headers: Sequence[Tuple[str, str]],
                body: bytes) -> Tuple[int, bytes]:
        """HTTP's status, and the body."""


class Nodes(Protocol):
    """cluster: a clock that can be moved."""

    def pass_time(self, milliseconds: int) -> int:
        """Makes so much time pass; the wall clock afterwards, in milliseconds."""


class _Run:
    def __init__(self, port: str, fresh: Callable[[], Open], beside: Any):
        self.port = port
        self.fresh = fresh
        self.beside = beside
        self.opener: Optional[Open] = None
        self.cases: "list[Case]" = []
        self.keep: "dict[Any, Any]" = {}

    def open(self, place: Any, *arguments: str) -> int:
        assert self.opener
        port = Port(self.port, self.opener(*arguments))
        place[0] = notifier_as_c(port) if self.port == "notifier" else port.as_c()
        return 0

    def slice(self, key: Any, value: bytes) -> Any:
        self.keep[key] = buffer = base.new("char[]", value)
        return {"data": buffer, "size": len(value)}


def _guarded(function: Callable[..., Any], failed: Any) -> Callable[..., Any]:
    """What is raised fails the case, and is printed."""
    def call(context: Any, *arguments: Any) -> Any:
        try:
            return function(ffi.from_handle(context), *arguments)
        except BaseException:
            traceback.print_exc()
            return failed
    return call


def _define(name: str, function: Callable[..., Any], failed: Any = -13) -> None:
    ffi.def_extern(name=name)(_guarded(function, failed))


def _make(run: _Run) -> int:
    run.opener = run.fresh()
    return 0


def _report(run: _Run, suite: Any, name: Any, failure: Any) -> None:
    run.cases.append(Case(ffi.string(suite).decode(), ffi.string(name).decode(),
                          ffi.string(failure).decode() if failure != ffi.NULL else None))


_KINDS = {1: "good", 2: "gone", 3: "later", 4: "hangs", 5: "none"}


def _token(run: _Run, kind: int, number: int) -> Any:
    return run.slice((kind, number), run.beside.token(_KINDS[kind], number).encode())


def _request(run: _Run, request: Any) -> int:
    headers = [(text(request.headers[at].name), text(request.headers[at].value))
               for at in range(request.header_count)]
    request.ret_status, body = run.beside.request(text(request.method), text(request.url), headers,
                                                  raw(request.body))
    request.ret_body = run.slice("body", body)
    return 0


_define("suite_make", _make)
_define("suite_open_node", lambda run, node, place: run.open(place, text(node)))
_define("suite_report", _report, None)
_define("suite_token", _token, {"data": ffi.NULL, "size": 0})
_define("suite_received", lambda run, token, wanted:
        run.beside.received(text(token), ffi.string(wanted).decode()), 0)
_define("suite_request", _request)
_define("suite_pass_time", lambda run, ms: run.beside.pass_time(ms))
_OPENED = ("directory", "log", "media", "notifier", "search", "store")
for _port in _OPENED:
    _define("suite_open_" + _port, lambda run, place: run.open(place))


def conformance(port: str, fresh: Callable[[], Open], *,
                beside: "Provider | Storage | Nodes | None" = None, only: Optional[str] = None,
                timeout: float = 10.0) -> "list[Case]":
    """Runs the suite of a port ("log", "store", "directory", "cluster", "media", "search",
    "notifier"), or its case of the name `only`."""
    run = _Run(port, fresh, beside)
    handle = ffi.new_handle(run)
    struct = f"struct cc_{port}_factory"
    factory = ffi.new(struct + " *", {
        "size": ffi.sizeof(struct), "context": handle, "make": lib.suite_make,
        "open": lib.suite_open_node if port == "cluster" else getattr(lib, "suite_open_" + port)})
    for member in ("token", "received", "request", "pass_time"):
        if member in dict(ffi.typeof(struct).fields):
            setattr(factory, member, getattr(lib, "suite_" + member))
    name = ffi.new("char[]", only.encode()) if only else ffi.NULL
    options = ffi.new("struct cc_conformance_options *", {
        "size": ffi.sizeof("struct cc_conformance_options"), "context": handle,
        "report": lib.suite_report, "only": name, "timeout_ms": int(timeout * 1000)})
    failed = getattr(lib, "cc_conformance_" + port)(factory, options)
    if failed < 0:
        raise ValueError(f"the suite of {port} cannot run: {failed}")
    return run.cases
