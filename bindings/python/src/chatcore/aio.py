"""Sessions and consumers for asyncio.

    async with aio.connect(engine, "alice", device="web") as alice:
        await alice.send(user="bob", text="hello")
        async for event in alice:
            ...

They belong to the event loop that made them.
"""
from __future__ import annotations

import asyncio
import functools
from typing import Any, AsyncIterator, Optional

from ._chatcore import lib
from ._engine import Engine
from ._errors import ChatError, check
from ._events import Batch, Event, Reply
from ._session import ConsumerBase, Queue, SessionBase

def _forget_reader(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    if not loop.is_closed():
        loop.remove_reader(fd)


def _queue(engine: Engine) -> Queue:
    loop = asyncio.get_running_loop()
    queue = engine.loop_queues.get(loop)
    if queue is None:
        queue = engine.loop_queues[loop] = engine.new_queue()
        loop.add_reader(queue.fd, queue.drain)
        queue.on_close = functools.partial(_forget_reader, loop, queue.fd)
    return queue


class Session(SessionBase):
    def __init__(self, queue: Queue, user: str):
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._events: "asyncio.Queue[Event]" = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._is_flushing = False
        super().__init__(queue, user)

    def take_reply(self, reply) -> None:
        future = self._replies.pop(reply.id, None)
        if future is None or future.done():
            return
        found = self.outcome(reply)
        if isinstance(found, ChatError):
            future.set_exception(found)
        else:
            future.set_result(found)

    def take_event(self, event: Event) -> None:
        self._events.put_nowait(event)
        if event.closed:
            for future in self._replies.values():
                if not future.done():
                    future.set_exception(ChatError(lib.CC_ECANCELED, "the session was closed"))

    def _flush(self) -> None:
        self._is_flushing = False
        self.queue.flush()

    def call_soon(self, command: str, **fields: Any) -> "asyncio.Future[Reply]":
        """Submits without waiting: commands of one turn of the loop go to the engine together."""
        number = self.submit(command, fields)
        future = self._replies[number] = self._loop.create_future()
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)
        return future

    async def call(self, command: str, **fields: Any) -> Reply:
        """Any command of docs/protocol.md; raises ChatError."""
        return await self.call_soon(command, **fields)

    async def send(self, *, text: str = "", **fields: Any) -> Reply:
        """A message; when it returns, it is durable."""
        return await self.call("send", text=text, **fields)

    async def next_event(self, timeout: Optional[float] = None) -> Optional[Event]:
        try:
            return await asyncio.wait_for(self._events.get(), timeout)
        except asyncio.TimeoutError:
            return None

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            event = await self._events.get()
            yield event
            if event.closed:
                return

    async def close(self) -> None:
        self.end()
        while not self.closed:
            await self._events.get()

    async def __aenter__(self) -> "Session":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Connecting:
    """Both `await connect(…)` and `async with connect(…)`."""

    def __init__(self, engine: Engine, user: str, device: str, cursor: Optional[str]):
        self._arguments = engine, user, device, cursor
        self._session: Optional[Session] = None

    async def _connect(self) -> Session:
        engine, user, device, cursor = self._arguments
        session = Session(_queue(engine), user)
        await session.call("connect", device=device, cursor=cursor)
        return session

    def __await__(self):
        return self._connect().__await__()

    async def __aenter__(self) -> Session:
        self._session = await self._connect()
        return self._session

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()


def connect(engine: Engine, user: str, device: str, cursor: Optional[str] = None) -> _Connecting:
    return _Connecting(engine, user, device, cursor)


class Consumer(ConsumerBase):
    """A reader of the log: `async for batch in consumer`, `consumer.commit(batch)`."""

    def __init__(self, engine: Engine, name: str, start: str = "committed",
                 offsets: "list[int] | None" = None):
        self._batches: "asyncio.Queue[Optional[Batch]]" = asyncio.Queue()
        super().__init__(_queue(engine), name, start, offsets)

    def take_batch(self, batch: Batch) -> None:
        if batch.messages or batch.is_cut:
            self._batches.put_nowait(batch)

    def take_end(self) -> None:
        self._batches.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Batch]:
        while True:
            batch = await self._batches.get()
            if batch is None:
                check(self.status)
                return
            yield batch

    async def close(self, forget: bool = False) -> None:
        self.end(forget)
        while not self.is_closed:
            await asyncio.sleep(0.01)
