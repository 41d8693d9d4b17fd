"""The engine and its gateway."""
from __future__ import annotations

import os
import threading
from typing import Any, Iterable, Optional, Sequence

from . import _hooks
from ._chatcore import ffi, lib
from ._errors import check
from ._session import Consumer, Queue, Session


class Gateway:
    """WebSocket and HTTP in front of an engine, on threads of the library."""

    def __init__(self, engine: "Engine", options):
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


class Engine:
    """A chat engine in the folder `path` (None: in memory), on a thread of the library.

    `jwt_secret` (HS256) or `verify` (a function: token -> (user, expiry in seconds since the epoch),
    or None) let clients of a gateway connect; sessions of this process need neither. `filters` are
    functions: Check -> PASS, CHANGE(text), FLAG(reason) or REJECT(reason). `limits` are members of
    struct cc_limits, rates as (burst, per second). Threads may share it: each has a queue of its own.
    """

    def __init__(self, path: "str | os.PathLike[str] | None" = None, *,
                 jwt_secret: "str | bytes | None" = None,
                 verify: Optional[_hooks.Verify] = None,
                 filters: Sequence[_hooks.Filter] = (),
                 limits: Optional[dict[str, Any]] = None,
                 spam_filter: bool = True, presence: bool = True,
                 history_for_joiners: bool = False, sync_to_disk: bool = True):
        self.pointer = ffi.NULL
        self._gateways: list[Gateway] = []
        self._queues: list[Queue] = []
        self.loop_queues: dict[Any, Queue] = {}  # by event loop: see aio.py
        self._own = threading.local()
        self._lock = threading.Lock()
        host = ffi.new("struct cc_host **")
        check(lib.cc_host_new(ffi.NULL, host))
        self._host = host[0]
        options = ffi.new("struct cc_embedded_options *",
                          {"size": ffi.sizeof("struct cc_embedded_options")})
        for name, value in (limits or {}).items():
            if isinstance(value, tuple):
                value = {"burst": value[0], "per_second_milli": int(value[1] * 1000)}
            setattr(options.limits, name, value)
        options.spam_off = not spam_filter
        options.presence_off = not presence
        options.history_for_joiners = history_for_joiners
        options.no_sync = not sync_to_disk
        functions, options.filter_count = _hooks.filters(filters)
        options.filters = functions
        self._open(path, options, jwt_secret, verify)

    def _open(self, path, options, jwt_secret, verify) -> None:
        place = ffi.new("struct cc_engine **")
        try:
            if jwt_secret is not None:
                self._use_secret(options, jwt_secret)
            elif verify is not None:
                options.auth = _hooks.verifier(verify)
            name = ffi.NULL if path is None else os.fsencode(path)
            check(lib.cc_open_embedded(name, options, self._host, place))
        except BaseException:
            lib.cc_host_free(self._host)
            raise
        self.pointer = place[0]
        check(lib.cc_host_thread_start(self._host, self.pointer))

    @staticmethod
    def _use_secret(options, secret) -> None:
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

    def new_queue(self) -> Queue:
        with self._lock:
            queue = Queue(self)
            self._queues.append(queue)
        return queue

    def _queue(self) -> Queue:
        if not hasattr(self._own, "queue"):
            self._own.queue = self.new_queue()
        return self._own.queue

    def session(self, user: str) -> Session:
        """A session of this process, not connected yet: its first command is `connect`."""
        return Session(self._queue(), user)

    def connect(self, user: str, device: str, cursor: Optional[str] = None) -> Session:
        """A connected session; it belongs to the calling thread."""
        session = self.session(user)
        session.call("connect", device=device, cursor=cursor)
        return session

    def consumer(self, name: str, start: str = "committed",
                 offsets: Optional[Iterable[int]] = None) -> Consumer:
        """A reader of the log; it belongs to the calling thread. `start`: "committed", "newest" (a
        new name: what comes from now on) or "oldest"; or `offsets`, one for each partition."""
        return Consumer(self._queue(), name, start, list(offsets) if offsets else None)

    def serve(self, address: str = "127.0.0.1", port: int = 0, *, threads: int = 1,
              tls_cert: Optional[str] = None, tls_key: Optional[str] = None,
              origins: Sequence[str] = ()) -> Gateway:
        """Listens for clients: docs/protocol.md."""
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
        found = ffi.new("struct cc_engine_stats *", {"size": ffi.sizeof("struct cc_engine_stats")})
        lib.cc_engine_get_stats(self.pointer, found)
        return {name: getattr(found, name) for name, _ in ffi.typeof("struct cc_engine_stats").fields
                if name != "size"}

    def close(self) -> None:
        """Ends sessions and gateways, stores what was acknowledged, and frees the engine. What was
        made of it must not be used any more, on whatever thread."""
        if not self.pointer:
            return
        for gateway in self._gateways:
            gateway.close()
        lib.cc_host_thread_stop(self._host, lib.CC_CLOSE_NORMAL)
        lib.cc_engine_free(self.pointer)
        lib.cc_host_free(self._host)
        self.pointer = ffi.NULL
        for queue in self._queues:
            queue.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
