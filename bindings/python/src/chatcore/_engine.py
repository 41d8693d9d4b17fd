"""The engine and its gateway."""
from __future__ import annotations

import atexit
import contextlib
import os
import threading
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence

from . import _hooks, backends
from ._bridge import Port, notifier_as_c
from ._chatcore import ffi, lib
from ._errors import ChatError, check
from ._hooks import as_auth, as_filter
from ._session import Consumer, Queue, Session


# At the interpreter's end nobody waits long for a backend.
EXIT_TIMEOUT_S = 5.0


class Gateway:
    """WebSocket and HTTP in front of an engine, on threads of the library."""

    def __init__(self, engine: "Engine", options: Any):
        place = ffi.new("struct cc_gateway **")
        check(lib.cc_gateway_new(engine.pointer, options, place))
        self._pointer = place[0]
        self.port: int = lib.cc_gateway_port(self._pointer)

    def drain(self, seconds: float) -> None:
        """Sends the clients elsewhere, spread over so long."""
        lib.cc_gateway_drain(self._pointer, int(seconds * 1000))

    def close(self) -> None:
        if self._pointer:
            lib.cc_gateway_free(self._pointer)
        self._pointer = ffi.NULL


class _Own:
    """A thread's queue to an engine, which goes to another when the thread ends and has left no
    session on it."""

    def __init__(self, engine: "Engine", queue: Queue):
        self._engine = engine
        self.queue = queue

    def __del__(self) -> None:
        if not self.queue.has_targets() and not self.queue.is_closed:
            self._engine.give_queue(self.queue)


# Open ones, so that the interpreter's end finds them: the engine's thread may call into Python.
_open_engines: "set[Engine]" = set()


@atexit.register
def _close_all() -> None:
    for engine in list(_open_engines):
        engine.close(EXIT_TIMEOUT_S)


class Engine:
    """A chat engine in the folder `path` (None: in memory), on a thread of the library.

    `jwt_secret` (HS256) or `verify` (a function: token -> (user, expiry in seconds since the epoch),
    or None) let clients of a gateway connect; sessions of this process need neither. `filters` are
    functions: Check -> PASS, CHANGE(text), FLAG(reason) or REJECT(reason). `limits` are members of
    struct cc_limits, rates as (burst, per second). Threads may share it: each has a queue of its own.

    `log`, `store`, `directory`, `cluster`, `search`, `media`, `notifiers`, `auth` and filters may be
    backends written in Python: see chatcore.backends. What is not given is the folder's. They are
    the engine's until it is closed.
    """

    def __init__(self, path: "str | os.PathLike[str] | None" = None, *,
                 jwt_secret: "str | bytes | None" = None,
                 verify: "Optional[_hooks.Verify]" = None,
                 filters: "Sequence[backends.Filter | _hooks.FilterFunction]" = (),
                 limits: Optional[dict[str, Any]] = None,
                 spam_filter: bool = True, presence: bool = True,
                 history_for_joiners: bool = False, sync_to_disk: bool = True,
                 log: Optional[backends.Log] = None, store: Optional[backends.Store] = None,
                 directory: Optional[backends.Directory] = None,
                 cluster: Optional[backends.Cluster] = None,
                 search: Optional[backends.Search] = None, media: Optional[backends.Media] = None,
                 notifiers: Sequence[backends.Notifier] = (),
                 notify: Optional[dict[str, Any]] = None,
                 auth: Optional[backends.Auth] = None):
        self.pointer: Any = ffi.NULL
        self._gateways: list[Gateway] = []
        self._queues: list[Queue] = []
        self._spare: list[Queue] = []
        self.loop_queues: dict[Any, Queue] = {}  # by event loop: see aio.py
        self._own = threading.local()
        self._lock = threading.Lock()
        self._ports: list[Port] = []
        self._pid = os.getpid()
        self._is_closing = False
        options = ffi.new("struct cc_embedded_options *",
                          {"size": ffi.sizeof("struct cc_embedded_options")})
        for name, value in (limits or {}).items():
            if isinstance(value, tuple):
                value = {"burst": value[0], "per_second_milli": int(value[1] * 1000)}
            setattr(options.limits, name, value)
        if notify:
            options.notify = {"size": ffi.sizeof("struct cc_notify_options"), **notify}
        options.spam_off = not spam_filter
        options.presence_off = not presence
        options.history_for_joiners = history_for_joiners
        options.no_sync = not sync_to_disk
        given = {"log": log, "store": store, "directory": directory, "cluster": cluster,
                 "search": search, "media": media, "auth": auth or (verify and as_auth(verify))}
        host = ffi.new("struct cc_host **")
        check(lib.cc_host_new(ffi.NULL, host))
        self._host = host[0]
        try:
            self._open(path, options, jwt_secret, given, [as_filter(f) for f in filters], notifiers)
        except BaseException:
            for port in self._ports:
                port.free()
            lib.cc_host_free(self._host)
            raise
        check(lib.cc_host_thread_start(self._host, self.pointer))
        _open_engines.add(self)

    def _port(self, kind: str, backend: backends.Backend) -> Port:
        self._ports.append(Port(kind, backend))
        return self._ports[-1]

    def _open(self, path: Any, options: Any, jwt_secret: "str | bytes | None",
              given: "Mapping[str, Optional[backends.Backend]]", filters: Sequence[backends.Filter],
              notifiers: Sequence[backends.Notifier]) -> None:
        for kind, backend in given.items():
            if backend:
                setattr(options, kind, self._port(kind, backend).as_c())
        filter_ports = [self._port("filter", f).as_c() for f in filters]
        notifier_ports = [notifier_as_c(self._port("notifier", n)) for n in notifiers]
        array = ffi.new("struct cc_filter[]", filter_ports or 1)
        options.filters, options.filter_count = array, len(filter_ports)
        pushers = ffi.new("struct cc_notifier[]", notifier_ports or 1)
        options.notifiers, options.notifier_count = pushers, len(notifier_ports)
        name = ffi.NULL if path is None else ffi.new("char[]", os.fsencode(path))
        place = ffi.new("struct cc_engine **")
        if jwt_secret is not None:
            self._use_secret(options, jwt_secret)
        error = lib.cc_open_embedded(name, options, self._host, place)
        if error and jwt_secret is not None:
            options.auth.vtable.free(options.auth.self)
        check(error)
        self.pointer = place[0]

    @staticmethod
    def _use_secret(options: Any, secret: "str | bytes") -> None:
        found = secret.encode("utf8") if isinstance(secret, str) else bytes(secret)
        tokens = ffi.new("struct cc_auth_tokens_options *",
                         {"size": ffi.sizeof("struct cc_auth_tokens_options")})
        auth = ffi.new("struct cc_auth *")
        check(lib.cc_auth_tokens_new(lib.cc_allocator_default(), tokens, auth))
        buffer = ffi.from_buffer(found)
        error = lib.cc_auth_tokens_add_secret(
            auth, ffi.NULL, {"data": ffi.cast("const char *", buffer), "size": len(found)})
        if error:
            auth.vtable.free(auth.self)
            check(error)
        options.auth = auth[0]

    def _check_open(self) -> None:
        if not self.pointer or self._is_closing:
            raise ChatError(lib.CC_ECANCELED, "the engine is closed")

    def new_queue(self) -> Queue:
        with self._lock:
            self._check_open()
            queue = Queue(self)
            self._queues.append(queue)
        return queue

    def take_queue(self) -> Queue:
        """One that another has done with, or a new one: they last as long as the engine."""
        with self._lock:
            self._check_open()
            if self._spare:
                return self._spare.pop()
        return self.new_queue()

    def give_queue(self, queue: Queue) -> None:
        with self._lock:
            self._spare.append(queue)

    def _queue(self) -> Queue:
        found: Optional[_Own] = getattr(self._own, "found", None)
        if found is None:
            found = self._own.found = _Own(self, self.take_queue())
        return found.queue

    def session(self, user: str) -> Session:
        """A session of this process, not connected yet: its first command is `connect`."""
        return Session(self._queue(), user)

    def connect(self, user: str, device: str, cursor: Optional[str] = None) -> Session:
        """A connected session; it belongs to the calling thread."""
        session = self.session(user)
        session.call("connect", device=device, cursor=cursor)
        return session

    @contextlib.contextmanager
    def requests(self, user: str) -> Iterator[Session]:
        """A session for a few commands, as a web page's view makes them: the user is not online by
        it, and nothing is pushed to it. Any thread, however short it lives."""
        queue = self.take_queue()
        try:
            with Session(queue, user, requests_only=True) as session:
                session.call("connect")
                yield session
        finally:
            self.give_queue(queue)

    def consumer(self, name: str, start: str = "committed",
                 offsets: Optional[Iterable[int]] = None) -> Consumer:
        """A reader of the log; it belongs to the calling thread. `start`: "committed", "newest" (a
        new name: what comes from now on) or "oldest"; or `offsets`, one for each partition."""
        return Consumer(self, name, start, list(offsets) if offsets else None)

    def serve(self, address: str = "127.0.0.1", port: int = 0, *, threads: int = 1,
              tls_cert: Optional[str] = None, tls_key: Optional[str] = None,
              origins: Sequence[str] = ()) -> Gateway:
        """Listens for clients: docs/protocol.md."""
        self._check_open()
        keep = [ffi.new("char[]", value.encode()) for value in (address, *origins)]
        names = ffi.new("char *[]", keep[1:] or [ffi.NULL])
        options = ffi.new("struct cc_gateway_options *",
                          {"size": ffi.sizeof("struct cc_gateway_options"), "address": keep[0],
                           "port": port, "threads": threads, "origins": names,
                           "origin_count": len(origins)})
        for member, value in (("tls_cert_file", tls_cert), ("tls_key_file", tls_key)):
            if value:
                keep.append(ffi.new("char[]", os.fsencode(value)))
                setattr(options, member, keep[-1])
        gateway = Gateway(self, options)
        self._gateways.append(gateway)
        return gateway

    def stats(self) -> dict[str, int]:
        """Counters and gauges: struct cc_engine_stats."""
        self._check_open()
        found = ffi.new("struct cc_engine_stats *", {"size": ffi.sizeof("struct cc_engine_stats")})
        lib.cc_engine_get_stats(self.pointer, found)
        return {name: getattr(found, name) for name, _ in ffi.typeof("struct cc_engine_stats").fields
                if name != "size"}

    def close(self, timeout: float = 30.0) -> None:
        """Ends sessions and gateways, stores what was acknowledged, and frees the engine. What was
        made of it must not be used any more, on whatever thread.

        Backends in Python that have not answered after `timeout` seconds are given up: what they
        have not stored is read from the log at the next start."""
        if self._pid != os.getpid():
            return
        with self._lock:
            if not self.pointer or self._is_closing:
                return
            self._is_closing = True
        _open_engines.discard(self)
        for gateway in self._gateways:
            gateway.close()
        watch = threading.Timer(timeout, self._give_up)
        watch.daemon = True
        watch.start()
        lib.cc_host_thread_stop(self._host, lib.CC_CLOSE_NORMAL)
        watch.cancel()
        watch.join()
        lib.cc_engine_free(self.pointer)
        lib.cc_host_free(self._host)
        self.pointer = ffi.NULL
        for queue in self._queues:
            queue.close()

    def _give_up(self) -> None:
        for port in self._ports:
            port.give_up()
        if self._ports:
            lib.cc_engine_give_up(self.pointer)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
