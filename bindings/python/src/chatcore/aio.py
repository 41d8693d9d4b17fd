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
from typing import Any, AsyncIterator, Generator, Optional

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
        self._events: "asyncio.Queue[tuple[Event, int]]" = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._is_flushing = False
        super().__init__(queue, user)

    def take_reply(self, reply: Any) -> None:
        future = self._replies.pop(reply.id, None)
        if future is None or future.done():
            return
        found = self.outcome(reply)
        if isinstance(found, ChatError):
            future.set_exception(found)
        else:
            future.set_result(found)

    def take_event(self, event: Event, weight: int) -> None:
        self._events.put_nowait((event, weight))
        if event.closed:
            for future in self._replies.values():
                if not future.done():
                    future.set_exception(ChatError(lib.CC_ECANCELED, "the session was closed"))

    def _flush(self) -> None:
        self._is_flushing = False
        if not self.queue.is_closed:
            self.queue.flush()

    def call_soon(self, command: str, **fields: Any) -> "asyncio.Future[Reply]":
        """Submits without waiting: commands of one turn of the loop go to the engine together."""
        number = self.submit(command, fields)
        future = self._replies[number] = self._loop.create_future()
        self._flush_soon()
        return future

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    async def _next(self) -> Event:
        event, weight = await self._events.get()
        self.consumed(weight)
        self._flush_soon()
        return event

    async def call(self, command: str, **fields: Any) -> Reply:
        """Any command of docs/protocol.md; raises ChatError."""
        return await self.call_soon(command, **fields)

    async def send(self, *, text: str = "", **fields: Any) -> Reply:
        """A message; when it returns, it is durable."""
        return await self.call("send", text=text, **fields)

    async def next_event(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next push, or None when none has come in `timeout` seconds."""
        if timeout is None or not self._events.empty():
            return await self._next()
        next_one = asyncio.ensure_future(self._next())
        try:
            done, _ = await asyncio.wait([next_one], timeout=timeout)
        except asyncio.CancelledError:
            next_one.cancel()
            raise
        if done:
            return next_one.result()
        next_one.cancel()
        return None

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            event = await self._next()
            yield event
            if event.closed:
                return

    async def close(self) -> None:
        self.end()
        while not self.closed:
            await self._next()

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

    def __await__(self) -> Generator[Any, None, Session]:
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
        self._batch: Optional[Batch] = None
        self._loop = asyncio.get_running_loop()
        super().__init__(engine, name, start, offsets)

    def take_batch(self, batch: Batch) -> None:
        self._batch = batch

    async def _step(self) -> None:
        """Takes one event of its queue."""
        self.queue.guard()
        while not self.queue.step():
            came: "asyncio.Future[None]" = self._loop.create_future()
            self._loop.add_reader(self.queue.fd, _tell, came)
            try:
                await came
            finally:
                _forget_reader(self._loop, self.queue.fd)

    async def __aiter__(self) -> AsyncIterator[Batch]:
        while not self.is_closed:
            await self._step()
            batch, self._batch = self._batch, None
            if batch and (batch.messages or batch.is_cut):
                yield batch
        check(self.status)

    async def close(self, forget: bool = False) -> None:
        self.end(forget)
        while not self.is_closed:
            await self._step()


def _tell(came: "asyncio.Future[None]") -> None:
    if not came.done():
        came.set_result(None)
