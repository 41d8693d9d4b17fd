"""Queues, sessions and consumers, as one Python thread (or event loop) uses them.

A queue belongs to one thread: what it drains is handed to the sessions and consumers that were
opened on it. A descriptor becomes readable when there is something to drain.
"""
from __future__ import annotations

import math
import os
import select
import time
import uuid
from collections import deque
from typing import Any, Callable, Iterator, Optional

from . import _events
from ._chatcore import ffi, lib
from ._commands import Builder
from ._errors import ChatError, check
from ._events import Batch, Event, Reply

_os: Any = os  # typeshed's os has no eventfd before Python 3.10


class Queue:
    def __init__(self, engine: Any):
        self.engine = engine
        self.pid = os.getpid()
        self.is_closed = False  # with its engine
        self.fd: int = _os.eventfd(0, _os.EFD_NONBLOCK | _os.EFD_CLOEXEC)
        place = ffi.new("struct cc_queue **")
        check(lib.queue_on_descriptor(engine.pointer, self.fd, place))
        self.pointer = place[0]
        self.on_close: Optional[Callable[[], None]] = None
        self._targets: dict[int, Any] = {}
        self._next = 0

    def register(self, target: Any) -> int:
        self._next += 1
        self._targets[self._next] = target
        return self._next

    def forget(self, number: int) -> None:
        self._targets.pop(number, None)

    def has_targets(self) -> bool:
        return bool(self._targets)

    def guard(self) -> None:
        if os.getpid() != self.pid:
            raise RuntimeError("an engine stays in the process that made it: fork() takes the "
                               "memory along, and not the engine's thread")
        if self.is_closed:
            raise ChatError(lib.CC_ECANCELED, "the engine is closed")

    def flush(self) -> None:
        self.guard()
        lib.cc_queue_flush(self.pointer)

    def step(self) -> bool:
        """Hands over one event; False when there was none, and the descriptor tells of the next."""
        try:
            _os.eventfd_read(self.fd)
        except BlockingIOError:
            pass
        event = lib.cc_queue_next(self.pointer)
        if event == ffi.NULL:
            return False
        self._dispatch(event)
        return True

    def drain(self) -> int:
        """Hands over what has come; how many events that was."""
        count = 0
        while self.step():
            count += 1
        return count

    def _dispatch(self, event: Any) -> None:
        if event.type == lib.CC_EVENT_CONSUMED:
            self._hand(event.u.consumed.data, event)
        elif event.type == lib.CC_EVENT_CONSUMER_CLOSED:
            self._hand(event.u.consumer_closed.data, event)
        else:
            for at in range(event.session_count):
                self._hand(event.sessions[at], event)

    def _hand(self, data: Any, event: Any) -> None:
        target = self._targets.get(int(ffi.cast("intptr_t", data)))
        if target is not None:
            target.take(event)

    def wait(self, until: Optional[float]) -> bool:
        """Drains, waiting for something at most until then (time.monotonic)."""
        self.guard()
        while not self.drain():
            if not self._await_event(until):
                return False
        return True

    def wait_one(self, until: Optional[float]) -> bool:
        """Hands over one event, leaving the next ones with the engine."""
        self.guard()
        while not self.step():
            if not self._await_event(until):
                return False
        return True

    def _await_event(self, until: Optional[float]) -> bool:
        left = None if until is None else max(0.0, until - time.monotonic())
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(None if left is None else math.ceil(left * 1000)))

    def close(self) -> None:
        self.is_closed = True
        if self.on_close:
            self.on_close()
        os.close(self.fd)


class SessionBase:
    """A device of a user. What is common to threads and asyncio."""

    def __init__(self, queue: Queue, user: str, requests_only: bool = False):
        queue.guard()
        self.queue = queue
        self.user = user
        self.closed: Optional[_events.Closed] = None
        self._next_id = 0
        self._number = queue.register(self)
        name = user.encode("utf8")
        buffer = ffi.from_buffer(name)
        options = ffi.new("struct cc_session_options *", {
            "size": ffi.sizeof("struct cc_session_options"),
            "data": ffi.cast("void *", self._number), "counts_consumed": True,
            "requests_only": requests_only,
            "user": {"data": ffi.cast("const char *", buffer), "size": len(name)}})
        place = ffi.new("struct cc_session **")
        error = lib.cc_session_open(queue.pointer, options, place)
        if error:
            queue.forget(self._number)
            raise ChatError(error)
        self._pointer = place[0]

    def submit(self, key: str, fields: dict[str, Any]) -> int:
        self.queue.guard()
        if self.closed:
            raise ChatError(lib.CC_ECANCELED, f"the session is closed: {self.closed.reason}")
        if key == "send" and not fields.get("client_id"):
            fields = {**fields, "client_id": uuid.uuid4().hex}
        self._next_id += 1
        builder = Builder(key, fields)
        builder.command.id = self._next_id
        check(lib.cc_session_submit(self._pointer, builder.command))
        return self._next_id

    def take(self, event: Any) -> None:
        if event.type == lib.CC_EVENT_REPLY:
            self.take_reply(event.u.reply)
            return
        found = _events.push(event)
        if found and found.closed:
            self.closed = found.closed
            self.queue.forget(self._number)
        if found:
            self.take_event(found, lib.cc_event_weight(event))

    @staticmethod
    def outcome(reply: Any) -> "Reply | ChatError":
        if not reply.error:
            return _events.reply(reply)
        wait = reply.retry_after_ms / 1000 if reply.retry_after_ms else None
        return ChatError(reply.error, _events.text(reply.error_text), wait)

    def take_reply(self, reply: Any) -> None:
        raise NotImplementedError

    def take_event(self, event: Event, weight: int) -> None:
        raise NotImplementedError

    def consumed(self, weight: int) -> None:
        """The program has taken pushes of that weight. The engine hands a session no more than
        limits["max_outstanding"] at a time: what a slow one has not been given waits in the store."""
        if not self.closed and not self.queue.is_closed:
            lib.cc_session_consumed(self._pointer, weight)

    def end(self) -> None:
        """Closes it; does nothing where its engine has been closed, and it with that."""
        if self.queue.is_closed and not self.closed:
            self.closed = _events.Closed(0, "the engine is closed")
        if not self.closed:
            lib.cc_session_close(self._pointer)


class Session(SessionBase):
    """A session for a thread: calls block, with the interpreter free for others."""

    def __init__(self, queue: Queue, user: str, requests_only: bool = False):
        super().__init__(queue, user, requests_only)
        self._replies: dict[int, "Reply | ChatError"] = {}
        self._events: "deque[tuple[Event, int]]" = deque()

    def take_reply(self, reply: Any) -> None:
        self._replies[reply.id] = self.outcome(reply)

    def take_event(self, event: Event, weight: int) -> None:
        self._events.append((event, weight))

    def call(self, command: str, **fields: Any) -> Reply:
        """Any command of docs/protocol.md; raises ChatError."""
        number = self.submit(command, fields)
        self.queue.flush()
        while number not in self._replies:
            if self.closed:
                raise ChatError(lib.CC_ECANCELED, f"the session was closed: {self.closed.reason}")
            self.queue.wait(None)
        found = self._replies.pop(number)
        if isinstance(found, ChatError):
            raise found
        return found

    def send(self, *, text: str = "", **fields: Any) -> Reply:
        """A message: `user` or `conversation`, `text`, `client_id` (made here if not given) …
        When it returns, the message is durable."""
        return self.call("send", text=text, **fields)

    def next_event(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next push, or None when none has come in `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            if self.closed or not self.queue.wait(until):
                return None
        event, weight = self._events.popleft()
        self.consumed(weight)
        return event

    def events(self, timeout: Optional[float] = None) -> Iterator[Event]:
        """Pushes, until none has come for `timeout` seconds."""
        while True:
            event = self.next_event(timeout)
            if event is None:
                return
            yield event

    def close(self) -> None:
        self.end()
        while not self.closed:
            self.queue.wait(None)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


START = {"committed": "CC_CONSUMER_COMMITTED", "newest": "CC_CONSUMER_NEWEST",
         "oldest": "CC_CONSUMER_OLDEST"}


class ConsumerBase:
    """A reader of the log with a durable position: see include/chatcore/consumer.h.

    It has a queue of its own, and takes one batch at a time from it: the engine reads on when that
    has been taken, so a slow reader holds a few batches and not the whole log."""

    def __init__(self, engine: Any, name: str, start: str, offsets: "list[int] | None"):
        self.queue: Queue = engine.take_queue()
        queue = self.queue
        self._engine = engine
        self.is_closed = False
        self.status = 0
        self._number = queue.register(self)
        buffer = ffi.from_buffer(name.encode("utf8"))
        positions = ffi.new("uint64_t[]", offsets or [0])
        options = ffi.new("struct cc_consumer_options *", {
            "size": ffi.sizeof("struct cc_consumer_options"),
            "name": {"data": ffi.cast("const char *", buffer), "size": len(buffer)},
            "data": ffi.cast("void *", self._number),
            "start": lib.CC_CONSUMER_OFFSETS if offsets else getattr(lib, START[start]),
            "offsets": positions, "offset_count": len(offsets or [])})
        place = ffi.new("struct cc_consumer **")
        error = lib.cc_consumer_open(queue.pointer, options, place)
        if error:
            queue.forget(self._number)
            engine.give_queue(queue)
            raise ChatError(error)
        self._pointer = place[0]
        queue.flush()

    def take(self, event: Any) -> None:
        if event.type == lib.CC_EVENT_CONSUMED:
            self.take_batch(_events.batch(event.u.consumed))
            return
        self.is_closed = True
        self.status = event.u.consumer_closed.status
        self.queue.forget(self._number)
        self._engine.give_queue(self.queue)
        self.take_end()

    def take_batch(self, batch: Batch) -> None:
        raise NotImplementedError

    def take_end(self) -> None:
        pass

    def commit(self, batch: Batch) -> None:
        """The position behind the batch becomes durable, soon."""
        self.queue.guard()
        if self.is_closed:
            raise ChatError(lib.CC_ECANCELED, "the consumer is closed")
        check(lib.cc_consumer_commit(self._pointer, batch.partition, batch.next))
        self.queue.flush()

    def end(self, forget: bool) -> None:
        self.is_closed = self.is_closed or self.queue.is_closed
        if not self.is_closed:
            lib.cc_consumer_close(self._pointer, forget)
            self.queue.flush()


class Consumer(ConsumerBase):
    """For a thread."""

    def __init__(self, engine: Any, name: str, start: str, offsets: "list[int] | None"):
        self._batches: deque[Batch] = deque()
        super().__init__(engine, name, start, offsets)

    def take_batch(self, batch: Batch) -> None:
        self._batches.append(batch)

    def next_batch(self, timeout: Optional[float] = None) -> Optional[Batch]:
        """The next batch with messages, or None when none has come in `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            while self._batches:
                batch = self._batches.popleft()
                if batch.messages or batch.is_cut:
                    return batch
            if self.is_closed:
                check(self.status)
                return None
            if not self.queue.wait_one(until):
                return None

    def __iter__(self) -> Iterator[Batch]:
        while True:
            batch = self.next_batch()
            if batch is None:
                return
            yield batch

    def close(self, forget: bool = False) -> None:
        self.end(forget)
        while not self.is_closed:
            self.queue.wait_one(None)
