"""One WebSocket from opening to closing: frames, requests and their replies, signs of life. It is
never opened again; the client makes a new one. When it is closed, every request that has no reply
fails with "offline": whether the server took it is unknown."""
from __future__ import annotations

import asyncio
from typing import Any, Callable, NamedTuple, Optional

import websockets

from .errors import ChatError, offline

# The server takes 64 unanswered commands of a session; some room is left for our own.
IN_FLIGHT_MOST = 48
# Requests that wait for room: more means that the program asks in a loop.
QUEUED_MOST = 1000
# Above the 10 s after which a server gives up on a command itself.
REPLY_S = 20.0
# For the handshake of the WebSocket.
OPEN_S = 15.0
# The protocol's pushes are small; what is larger is no chatcore server.
FRAME_MOST = 16 << 20

Push = Callable[[str, Any], None]


class Closed(Exception):
    """How the connection ended. `code` 1006: it was lost, or never made."""

    def __init__(self, code: int, reason: str, retry_after_ms: int = 0) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.retry_after_ms = retry_after_ms


def _retry_after_ms(error: Exception) -> int:
    """What a refused handshake says about coming back; 0: nothing."""
    headers = getattr(error, "headers", None) or getattr(
        getattr(error, "response", None), "headers", {})
    value = headers.get("Retry-After", "")
    return int(value) * 1000 if value.isdigit() else 0


class _Waiting(NamedTuple):
    key: str
    reply: "asyncio.Future[Any]"
    on_reply: Optional[Callable[[Any], None]]


class Connection:
    """`on_push` is called for each push in the order in which they came; it must not block."""

    def __init__(self, url: str, codec: Any, on_push: Push) -> None:
        self._url = url
        self._codec = codec
        self._on_push = on_push
        self._socket: Any = None
        self._waiting: dict[int, _Waiting] = {}
        self._next_id = 1
        self._room = asyncio.Semaphore(IN_FLIGHT_MOST)
        self._queued = 0
        self._ending: Optional[Closed] = None

    async def open(self) -> None:
        """Raises Closed."""
        try:
            # The server pings; what is silent for two of its intervals is found by keep_alive().
            self._socket = await websockets.connect(
                self._url, subprotocols=[self._codec.protocol], ping_interval=None,
                open_timeout=OPEN_S, close_timeout=1, max_size=FRAME_MOST, compression=None)
        except (OSError, asyncio.TimeoutError, websockets.exceptions.WebSocketException) as error:
            raise Closed(1006, str(error) or type(error).__name__,
                         _retry_after_ms(error)) from None

    async def run(self) -> Closed:
        """Takes what comes until the connection ends, and tells how."""
        try:
            async for frame in self._socket:
                for each in self._codec.decode(frame):
                    if not self._ending:
                        self._take(each)
        except websockets.exceptions.ConnectionClosed:
            pass
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.cut(f"a frame that can't be read: {error!r}")
        finally:
            ending = self._end()
        return ending

    def _end(self) -> Closed:
        ending = self._ending or Closed(self._socket.close_code or 1006,
                                        self._socket.close_reason or "")
        self._ending = ending
        for waiting in self._waiting.values():
            if not waiting.reply.done():
                waiting.reply.set_exception(offline("the connection was lost before the reply"))
        return ending

    async def request(self, key: str, fields: dict[str, Any],
                      on_reply: Optional[Callable[[Any], None]] = None) -> Any:
        """`on_reply` is called before anything that stands behind the reply is handed out. Raises
        ChatError."""
        if self._queued >= QUEUED_MOST:
            raise ChatError(0, "timeout", "too many requests are waiting", temporary=True)
        self._queued += 1
        try:
            await self._room.acquire()
        finally:
            self._queued -= 1
        try:
            return await self._ask(key, fields, on_reply)
        finally:
            self._room.release()

    async def _ask(self, key: str, fields: dict[str, Any],
                   on_reply: Optional[Callable[[Any], None]]) -> Any:
        if self._ending:
            raise offline()
        command, self._next_id = self._next_id, self._next_id + 1
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[command] = _Waiting(key, reply, on_reply)
        try:
            await self._socket.send(self._codec.encode([{"id": command, key: fields}]))
            return await asyncio.wait_for(reply, REPLY_S)
        except asyncio.TimeoutError:
            self.cut("no reply")
            raise offline("the server does not answer") from None
        except websockets.exceptions.ConnectionClosed:
            raise offline("the connection was lost before the reply") from None
        finally:
            del self._waiting[command]
            if not reply.cancel() and not reply.cancelled():
                reply.exception()  # has been looked at

    async def keep_alive(self, interval_ms: int) -> None:
        """Asks for something small once an interval: any answer shows that the other is there."""
        while not self._ending:
            await asyncio.sleep(interval_ms / 1000)
            try:
                await self.request("presence", {"users": []})
            except ChatError:
                continue

    def cut(self, reason: str, code: int = 1006, retry_after_ms: int = 0) -> None:
        """Ends it from this side; run() returns soon."""
        if not self._ending:
            self._ending = Closed(code, reason, retry_after_ms)
            self._socket.transport.abort()

    async def close(self) -> None:
        """Ends it from this side with a closing handshake, if it has not ended."""
        await self._socket.close()

    def _take(self, received: dict[str, Any]) -> None:
        command = received.get("id")
        if command is None:
            for key, body in received.items():
                self._on_push(key, body)
            return
        waiting = self._waiting.get(command)
        if not waiting or waiting.reply.done():
            return
        if "error" in received:
            waiting.reply.set_exception(ChatError.of_wire(received["error"]))
            return
        if waiting.on_reply:
            waiting.on_reply(received[waiting.key])
        waiting.reply.set_result(received[waiting.key])
