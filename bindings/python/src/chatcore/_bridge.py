"""What stands between a port of the library and a backend in Python.

The engine's thread submits an operation: its members are copied into a Call, and the call is posted
to the backend's worker. Whoever takes the call out of the port's table completes the operation, so
that happens once, whatever comes first: the answer, a cancelling, or that the port is given up. After
that nobody touches the operation's memory; a late answer finds the call gone, and is dropped.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import inspect
import logging
import queue
import threading
from collections import deque
from typing import Any, Callable, Optional

from . import backends
from ._chatcore import ffi, lib
from ._convert import Answer, raw, text
from ._errors import ChatError, Code
from ._slots import PORTS, Slot

trace = logging.getLogger("chatcore")

# Bus messages that came and were not asked for yet; the oldest go: nothing relies on any.
BUS_MAX = 65536
# So many are handed over at once.
BUS_BATCH = 1024
# How long freeing a port waits for the backend's close().
CLOSE_WAIT_S = 10.0

_FAULTS = {"auth": Code.EUNAVAILABLE, "filter": Code.EUNAVAILABLE, "notifier": Code.EUNAVAILABLE}
_ERRNO = {errno.ENOSPC: Code.ENOSPACE, errno.EDQUOT: Code.ENOSPACE, errno.EROFS: Code.EREADONLY}


class Call:
    """One operation, as the backend sees it."""
    __slots__ = ("op", "slot", "arguments", "task", "waits", "key", "generation")

    def __init__(self, op: Any, slot: Slot, arguments: "tuple[Any, ...]"):
        self.op = op
        self.slot = slot
        self.arguments = arguments
        self.task: "Optional[asyncio.Task[Any]]" = None
        self.waits = False  # an empty answer is none
        self.key: Optional[int] = None  # what it waits for: a partition; None: the owned ones
        self.generation = 0


class Worker:
    """The thread of a backend, its loop, and more threads for plain methods if it has them."""

    def __init__(self, name: str, threads: int):
        self._loop = asyncio.new_event_loop()
        self._inbox: "deque[Callable[[], None]]" = deque()
        self._is_scheduled = False
        self._jobs: "queue.SimpleQueue[Callable[[], None]]" = queue.SimpleQueue()
        self._tasks: "set[asyncio.Task[Any]]" = set()
        self.has_pool = threads > 1
        # Daemons: one that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"chatcore-{name}", daemon=True)
        self._thread.start()
        for number in range(threads if self.has_pool else 0):
            threading.Thread(target=self._work, name=f"chatcore-{name}-{number}",
                             daemon=True).start()
        self._threads = threads

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks:  # of a backend that was given up
            task.cancel()
        if self._tasks:
            self._loop.run_until_complete(asyncio.wait(self._tasks, timeout=1))
        self._loop.close()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is _END:
                return
            job()

    def _drain(self) -> None:
        self._is_scheduled = False
        while self._inbox:
            self._inbox.popleft()()

    def is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def post(self, job: Callable[[], None]) -> None:
        """Runs it on the loop's thread, after what was posted before."""
        self._inbox.append(job)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon_threadsafe(self._drain)

    def post_aside(self, job: Callable[[], None]) -> None:
        """Runs it on one of the other threads."""
        self._jobs.put(job)

    def spawn(self, coroutine: Any) -> "asyncio.Task[Any]":
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self, task: "asyncio.Task[Any]") -> None:
        self._loop.call_soon_threadsafe(task.cancel)

    def run(self, method: Callable[[], Any], timeout: Optional[float]) -> None:
        """Runs a method on the loop's thread and waits for it; raises what it raises."""
        done: "concurrent.futures.Future[None]" = concurrent.futures.Future()

        async def finish(found: Any) -> None:
            try:
                await found
                done.set_result(None)
            except BaseException as error:
                done.set_exception(error)

        def begin() -> None:
            try:
                found = method()
            except BaseException as error:
                done.set_exception(error)
                return
            if inspect.isawaitable(found):
                self.spawn(finish(found))
            else:
                done.set_result(None)
        self.post(begin)
        done.result(timeout)

    def stop(self, wait: float) -> None:
        for _ in range(self._threads if self.has_pool else 0):
            self._jobs.put(_END)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(wait)


def _END() -> None:
    pass


def code_of(error: BaseException, fault: Code) -> int:
    """The library's error for what a backend raised; a fault of the backend's is logged."""
    if isinstance(error, ChatError):
        return error.error
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return Code.ETIMEOUT
    if isinstance(error, asyncio.CancelledError):
        return Code.ECANCELED
    if isinstance(error, MemoryError):
        return Code.ENOMEM
    if isinstance(error, OSError) and error.errno in _ERRNO:
        return _ERRNO[error.errno]
    trace.error("a backend failed", exc_info=error)
    return fault


class Port:
    """A backend behind a vtable. Slots are called on the engine's thread; the rest on any."""

    def __init__(self, kind: str, backend: backends.Backend):
        if backend._port:
            raise ValueError("the backend is in use")
        self.kind = kind
        self.backend = backend
        self.is_given_up = False
        self._slots = PORTS[kind]
        self._fault = _FAULTS.get(kind, Code.EIO)
        self._calls: "dict[Call, bool]" = {}
        self._by_address: "dict[int, Call]" = {}
        self._lock = threading.Lock()
        self._generations: "dict[Optional[int], int]" = {}
        self._held: "dict[Optional[int], list[Call]]" = {}
        self._told = -1
        self._bus: "deque[backends.BusMessage]" = deque(maxlen=BUS_MAX)
        self._receive: Optional[Call] = None
        self._partitions = getattr(backend, "partitions", 0)
        self.name = ffi.new("char[]", getattr(backend, "node", "").encode())
        self._worker = Worker(kind, backend.threads) if backend.threads else None
        try:
            if self._worker:
                self._worker.run(backend.open, None)
            else:
                backend.open()
        except BaseException:
            if self._worker:
                self._worker.stop(0)
            raise
        backend._port = self
        self._handle = ffi.new_handle(self)
        _alive[int(ffi.cast("intptr_t", self._handle))] = self

    def as_c(self) -> "dict[str, Any]":
        """The port's struct, for the library to own."""
        return {"vtable": VTABLES[self.kind], "self": self._handle}

    # --- slots

    def submit(self, name: str, op: Any) -> None:
        slot = self._slots.get(name)
        if slot is None or self.is_given_up:
            _done(op, Code.ENOTSUP if slot is None else Code.EUNAVAILABLE)
            return
        if self.kind == "log" and name != "watch" and not self._has_place_for(op, name):
            _done(op, Code.EINVAL)
            return
        try:
            call = Call(op, slot, tuple([read(op) for read in slot.arguments]))
        except BaseException as error:
            _done(op, code_of(error, Code.EINVAL))
            return
        self._calls[call] = True
        self._by_address[_address(op)] = call
        try:
            if self.is_given_up:
                self.fail(call, Code.EUNAVAILABLE)
            elif name == "receive":
                self._begin_receive(call)
            else:
                self._begin(name, call)
        except BaseException as error:  # an operation is completed, whatever happens here
            self.fail(call, code_of(error, self._fault))

    def _has_place_for(self, op: Any, name: str) -> bool:
        return op.partition < self._partitions and (name != "append" or op.count > 0)

    def _begin(self, name: str, call: Call) -> None:
        if self.kind == "log" and name in ("read", "watch"):
            call.key = call.op.partition if name == "read" else None
            call.waits = name == "read" and bool(call.op.wait)
            with self._lock:
                call.generation = self._generations.get(call.key, 0)
                if name == "watch" and call.generation == self._told:
                    self._held.setdefault(None, []).append(call)
                    return
                if name == "watch":
                    self._told = call.generation
        self._post(call)

    def _post(self, call: Call) -> None:
        if self._worker is None:
            self._run(call)
        elif self._worker.has_pool and not inspect.iscoroutinefunction(
                getattr(self.backend, call.slot.method)):
            self._worker.post_aside(lambda: self._run(call))
        else:
            self._worker.post(lambda: self._run(call))

    def _run(self, call: Call) -> None:
        if call not in self._calls:
            return
        try:
            result = getattr(self.backend, call.slot.method)(*call.arguments)
            if inspect.isawaitable(result):
                self._start(call, result)
                return
        except BaseException as error:
            self._failed(call, error)
            return
        self.finish(call, result)

    def _start(self, call: Call, coroutine: Any) -> None:
        worker = self._worker
        if worker is None:
            coroutine.close()
            raise TypeError("with threads = 0, methods can't be coroutines")

        spawn = worker.spawn

        def start() -> None:
            call.task = spawn(self._await(call, coroutine))
        if worker.is_here():
            start()
        else:
            worker.post(start)

    async def _await(self, call: Call, result: Any) -> None:
        try:
            found = await result
        except BaseException as error:
            self._failed(call, error)
            return
        self.finish(call, found)

    def _failed(self, call: Call, error: BaseException) -> None:
        if isinstance(error, backends.Later):
            self.finish(call, error)
        elif call in self._calls:
            self.fail(call, code_of(error, self._fault))

    # --- completing

    def _take(self, call: Call) -> bool:
        if not self._calls.pop(call, False):
            return False
        address = _address(call.op)
        if self._by_address.get(address) is call:
            del self._by_address[address]
        return True

    def fail(self, call: Call, status: int) -> None:
        if self._take(call):
            _done(call.op, status)

    def finish(self, call: Call, result: Any) -> None:
        if call.waits and not result:
            self._hold(call)
            return
        answer = Answer()
        try:
            members = call.slot.gives(answer, result)
        except BaseException as error:
            answer.drop()
            self._failed(call, error)
            return
        if not self._take(call):
            answer.drop()
            return
        _complete(call.op, members, answer, self._fault)
        if call.slot.method == "append":
            self.wake(call.arguments[0])

    def cancel(self, op: Any) -> None:
        call = self._by_address.get(int(ffi.cast("intptr_t", op)))
        if call is None:
            return
        with self._lock:
            if call in self._held.get(call.key, ()):
                self._held[call.key].remove(call)
            if self._receive is call:
                self._receive = None
        if call.task and self._worker:
            self._worker.cancel(call.task)
        self.fail(call, Code.ECANCELED)

    def give_up(self) -> None:
        """The backend does not answer: what is under way, and what comes, fails. Any thread."""
        self.is_given_up = True
        for call in list(self._calls):
            self.fail(call, Code.ETIMEOUT)

    # --- waiting for the log's end

    def _hold(self, call: Call) -> None:
        with self._lock:
            now = self._generations.get(call.key, 0)
            if now == call.generation:
                self._held.setdefault(call.key, []).append(call)
                return
            call.generation = now
        self._post(call)

    def wake(self, key: Optional[int]) -> None:
        with self._lock:
            self._generations[key] = now = self._generations.get(key, 0) + 1
            held = self._held.pop(key, [])
            for call in held:
                call.generation = now
            if held and key is None:
                self._told = now
        for call in held:
            self._post(call)

    # --- the bus

    def _begin_receive(self, call: Call) -> None:
        with self._lock:
            if self._receive and self._receive in self._calls:
                is_second = True
            else:
                is_second = False
                self._receive = call
        if is_second:
            self.fail(call, Code.EBUSY)
        else:
            self._hand_over()

    def deliver(self, message: backends.BusMessage) -> None:
        self._bus.append(message)
        self._hand_over()

    def _hand_over(self) -> None:
        with self._lock:
            call = self._receive
            if call is None or not self._bus:
                return
            self._receive = None
            batch = [self._bus.popleft() for _ in range(min(len(self._bus), BUS_BATCH))]
        self.finish(call, batch)

    def send(self, node: str, data: bytes) -> int:
        if self.is_given_up or self._worker is None:
            return Code.EUNAVAILABLE

        async def finish(found: Any) -> None:
            try:
                await found
            except BaseException as error:
                code_of(error, Code.EIO)

        def begin() -> None:
            try:
                found = self.backend.send(node, data)  # type: ignore[attr-defined]
                if inspect.isawaitable(found):
                    self._worker.spawn(finish(found))  # type: ignore[union-attr]
            except BaseException as error:
                code_of(error, Code.EIO)
        self._worker.post(begin)
        return 0

    # --- the end

    def free(self) -> None:
        _alive.pop(int(ffi.cast("intptr_t", self._handle)), None)
        self.backend._port = None
        try:
            if self._worker is None:
                self.backend.close()
            elif not self.is_given_up:
                self._worker.run(self.backend.close, CLOSE_WAIT_S)
        except BaseException:
            trace.exception("a backend's close() failed")
        if self._worker:
            self._worker.stop(0 if self.is_given_up else CLOSE_WAIT_S)


_release = ffi.addressof(lib, "answer_release")


def _address(op: Any) -> int:
    return int(ffi.cast("intptr_t", op))


def _done(op: Any, status: int) -> None:
    lib.cc_op_done(ffi.addressof(op.op), int(status))


def _complete(op: Any, members: "dict[str, Any]", answer: Answer, fault: Code) -> None:
    """Sets the answer and completes; the call has been taken."""
    status = 0
    try:
        for member, value in members.items():
            setattr(op, member, value)
    except Exception:
        trace.exception("a backend's answer has a wrong type or is out of range")
        answer.drop()
        status = fault
    if answer.chain != ffi.NULL:
        op.op.backend = answer.chain
        op.op.release = _release
    _done(op, status)


# --- vtables ----------------------------------------------------------------------------------------

# By their handles: alive as long as the library may call them.
_alive: "dict[int, Port]" = {}


def _slot(port: str, name: str) -> None:
    def submit(self: Any, op: Any) -> None:
        ffi.from_handle(self).submit(name, op)
    ffi.def_extern(name=f"{port}_{name}")(submit)


def _special(port: str, name: str) -> None:
    found = {"free": lambda self: ffi.from_handle(self).free(),
             "cancel": lambda self, op: ffi.from_handle(self).cancel(op),
             "partitions": lambda self: ffi.from_handle(self)._partitions,
             "node": _node,
             "send": lambda self, node, data: ffi.from_handle(self).send(text(node), raw(data))}
    ffi.def_extern(name=f"{port}_{name}")(found[name])


def _node(self: Any) -> Any:
    name = ffi.from_handle(self).name
    return {"data": name, "size": len(name) - 1}


_SPECIAL = ("free", "cancel", "partitions", "node", "send")


def _vtable(port: str) -> Any:
    struct = f"struct cc_{port}_vtable"
    made = ffi.new(struct + " *")
    made.size = ffi.sizeof(struct)
    for name, _ in ffi.typeof(struct).fields:
        if name != "size":
            (_special if name in _SPECIAL else _slot)(port, name)
            setattr(made, name, getattr(lib, f"{port}_{name}"))
    return made


VTABLES = {port: _vtable(port) for port in PORTS}


def notifier_as_c(port: Port) -> "dict[str, Any]":
    """With what a notifier says of itself; the engine copies the name."""
    found: Any = port.backend
    port.name = ffi.new("char[]", found.provider.encode())
    return {**port.as_c(), "provider": {"data": port.name, "size": len(port.name) - 1},
            "cancels": found.cancels, "gather_ms": found.gather_ms}
