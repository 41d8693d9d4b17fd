"""Queues, sessions and consumers, as one Python thread (or event loop) uses them.

A queue belongs to one thread: what it drains is handed to the sessions and consumers that were
opened on it. A descriptor becomes readable when there is something to drain.
"""
from __future__ import annotations

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


class Queue:
    def __init__(self, engine):
        self.engine = engine
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        place = ffi.new("struct cc_queue **")
        check(lib.queue_on_descriptor(engine.pointer, self.fd, place))
        self.pointer = place[0]
        self.on_close: Optional[Callable[[], None]] = None
        self._targets: dict[int, Any] = {}
        self._next = 0

    def register(self, target) -> int:
        self._next += 1
        self._targets[self._next] = target
        return self._next

    def forget(self, number: int) -> None:
        self._targets.pop(number, None)

    def flush(self) -> None:
        lib.cc_queue_flush(self.pointer)

    def drain(self) -> int:
        """Hands over what has come; how many events that was."""
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            pass
        count = 0
        while True:
            event = lib.cc_queue_next(self.pointer)
            if event == ffi.NULL:
                return count
            count += 1
            self._dispatch(event)

    def _dispatch(self, event) -> None:
        if event.type == lib.CC_EVENT_CONSUMED:
            self._hand(event.u.consumed.data, event)
        elif event.type == lib.CC_EVENT_CONSUMER_CLOSED:
            self._hand(event.u.consumer_closed.data, event)
        else:
            for at in range(event.session_count):
                self._hand(event.sessions[at], event)

    def _hand(self, data, event) -> None:
        target = self._targets.get(int(ffi.cast("intptr_t", data)))
        if target is not None:
            target.take(event)

    def wait(self, until: Optional[float]) -> bool:
        """Drains, waiting for something at most until then (time.monotonic)."""
        while not self.drain():
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self.fd], [], [], left)[0]:
                return False
        return True

    def close(self) -> None:
        if self.on_close:
            self.on_close()
        os.close(self.fd)


class SessionBase:
    """A device of a user. What is common to threads and asyncio."""

    def __init__(self, queue: Queue, user: str):
        self.queue = queue
        self.user = user
        self.closed: Optional[_events.Closed] = None
        self._next_id = 0
        self._number = queue.register(self)
        name = user.encode("utf8")
        buffer = ffi.from_buffer(name)
        options = ffi.new("struct cc_session_options *", {
            "size": ffi.sizeof("struct cc_session_options"),
            "data": ffi.cast("void *", self._number),
            "user": {"data": ffi.cast("const char *", buffer), "size": len(name)}})
        place = ffi.new("struct cc_session **")
        error = lib.cc_session_open(queue.pointer, options, place)
        if error:
            queue.forget(self._number)
            raise ChatError(error)
        self._pointer = place[0]

    def submit(self, key: str, fields: dict[str, Any]) -> int:
        if self.closed:
            raise ChatError(lib.CC_ECANCELED, f"the session is closed: {self.closed.reason}")
        if key == "send" and not fields.get("client_id"):
            fields = {**fields, "client_id": uuid.uuid4().hex}
        self._next_id += 1
        builder = Builder(key, fields)
        builder.command.id = self._next_id
        check(lib.cc_session_submit(self._pointer, builder.command))
        return self._next_id

    def take(self, event) -> None:
        if event.type == lib.CC_EVENT_REPLY:
            self.take_reply(event.u.reply)
            return
        found = _events.push(event)
        if event.type == lib.CC_EVENT_CLOSED:
            self.closed = found.closed
            self.queue.forget(self._number)
        if found:
            self.take_event(found)

    @staticmethod
    def outcome(reply) -> "Reply | ChatError":
        if not reply.error:
            return _events.reply(reply)
        wait = reply.retry_after_ms / 1000 if reply.retry_after_ms else None
        return ChatError(reply.error, _events.text(reply.error_text), wait)

    def take_reply(self, reply) -> None:
        raise NotImplementedError

    def take_event(self, event: Event) -> None:
        raise NotImplementedError

    def end(self) -> None:
        if not self.closed:
            lib.cc_session_close(self._pointer)


class Session(SessionBase):
    """A session for a thread: calls block, with the interpreter free for others."""

    def __init__(self, queue: Queue, user: str):
        super().__init__(queue, user)
        self._replies: dict[int, Any] = {}
        self._events: deque[Event] = deque()

    def take_reply(self, reply) -> None:
        self._replies[reply.id] = self.outcome(reply)

    def take_event(self, event: Event) -> None:
        self._events.append(event)

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
        return self._events.popleft()

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
    """A reader of the log with a durable position: see include/chatcore/consumer.h."""

    def __init__(self, queue: Queue, name: str, start: str, offsets: "list[int] | None"):
        self.queue = queue
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
            raise ChatError(error)
        self._pointer = place[0]
        queue.flush()

    def take(self, event) -> None:
        if event.type == lib.CC_EVENT_CONSUMED:
            self.take_batch(_events.batch(event.u.consumed))
            return
        self.is_closed = True
        self.status = event.u.consumer_closed.status
        self.queue.forget(self._number)
        self.take_end()

    def take_batch(self, batch: Batch) -> None:
        raise NotImplementedError

    def take_end(self) -> None:
        pass

    def commit(self, batch: Batch) -> None:
        """The position behind the batch becomes durable, soon."""
        check(lib.cc_consumer_commit(self._pointer, batch.partition, batch.next))
        self.queue.flush()

    def end(self, forget: bool) -> None:
        if not self.is_closed:
            lib.cc_consumer_close(self._pointer, forget)


class Consumer(ConsumerBase):
    """For a thread."""

    def __init__(self, queue: Queue, name: str, start: str, offsets: "list[int] | None"):
        self._batches: deque[Batch] = deque()
        super().__init__(queue, name, start, offsets)

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
            if not self.queue.wait(until):
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
            self.queue.wait(None)
