"""A client of a chatcore server that stays connected: it opens one connection after the other,
resumes where it was, and hands out messages in order, each once. Between connections requests fail
with "offline"; what goes through send() waits in the outbox instead.

Events come from `async for event in client`, which is also what records progress: a message counts as
had when the loop asks for the next event. So a program that crashes in the middle of one gets it again,
and while it runs none comes twice. A loop that falls behind by EVENTS_MOST cuts the connection; it is
opened again when the loop has caught up."""
from __future__ import annotations

import asyncio
import base64
import binascii
import inspect
import json
import random as random_module
import time
import urllib.parse
from collections import deque
from dataclasses import dataclass
from typing import Any, AsyncIterator, Awaitable, Callable, NamedTuple, Optional, Union

from .backoff import Backoff
from .codec import CODECS
from .connection import Closed, Connection
from .errors import ChatError, offline
from .order import Order
from .outbox import Entry, Outbox
from .storage import Storage
from .upload import Attachment, put_file, upload_fields

# Events that wait for the program.
EVENTS_MOST = 10_000
# How far it has come is written so long after a message, together.
RECORD_S = 1.0
# A token is asked for anew so long before its end, or after four fifths of a shorter life.
EARLY_S = 60.0
# A wait that a loop can hold, and no longer than anybody trusts a clock.
REFRESH_MOST_S = 7 * 86_400.0

Token = Union[str, Callable[[str], Union[Optional[str], Awaitable[Optional[str]]]]]


@dataclass(frozen=True)
class State:
    status: str
    """"stopped", "connecting", "catching up", "online", "waiting", "refused"."""
    retry_in_s: float = 0.0
    """While waiting: until the next try."""
    code: int = 0
    reason: str = ""
    """Why the last connection ended, or was not made."""


class Event(NamedTuple):
    name: str
    body: Any


def _socket_url(text: str) -> str:
    url = urllib.parse.urlsplit(text)
    scheme = {"http": "ws", "https": "wss"}.get(url.scheme, url.scheme)
    path = url.path if url.path not in ("", "/") else "/v1/ws"
    return urllib.parse.urlunsplit((scheme, url.netloc, path, url.query, ""))


def _life_s(token: str, now_s: float) -> Optional[float]:
    """How long a JWT lives; None: it does not say."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return float(claims["exp"]) - now_s
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


class Client:
    """`url`: "wss://host/v1/ws"; "https://host" will do. `token`: a token, or a function that is
    asked for one (it may be async), with why: "connect", "refresh" (it ends soon) or "refused" (the
    server did not take the last one); None ends the client's tries, an exception delays them.
    `device`: a name of this device that stays the same. `path`: the SQLite file for the outbox and
    the position; without it they are gone with the client. One event loop's; no thread safety."""

    def __init__(self, url: str, token: Token, device: str, *, path: Optional[str] = None,
                 encoding: str = "json",
                 random: Callable[[], float] = random_module.random) -> None:
        self._url = _socket_url(url)
        self._token_source = token
        self._device = device
        self._codec = CODECS[encoding]
        self._storage = Storage(path)
        self._backoff = Backoff(random)
        self._outbox = Outbox(self._storage, lambda fields: self.request("send", **fields),
                              self.upload, self._outbox_changed, random)
        self._order = Order(self.request, lambda message: self._put("message", message),
                            self._settled, lambda: self._cut("too many messages behind a gap"))
        self._state = State("stopped")
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._connection: Optional[Connection] = None
        self._task: Optional[asyncio.Task[None]] = None
        self._record_task: Optional[asyncio.Task[None]] = None
        self._loading = asyncio.Lock()
        self._is_loaded = False
        self._is_closed = False
        self._is_stopping = False
        self._token: Optional[str] = None
        self._cursor: Optional[str] = None
        self._had_cursor: Optional[str] = None
        self._next_cursor: Optional[str] = None  # told while a gap was being repaired
        self._had: dict[str, int] = {}  # not recorded yet
        self._is_token_refused = False

    async def __aenter__(self) -> "Client":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def state(self) -> State:
        return self._state

    @property
    def outbox(self) -> list[Entry]:
        """What waits to be sent, and what was refused."""
        return self._outbox.entries

    @property
    def http_url(self) -> str:
        """Where the server's HTTP side is: "https://host"."""
        url = urllib.parse.urlsplit(self._url)
        return f"{'https' if url.scheme == 'wss' else 'http'}://{url.netloc}"

    async def start(self) -> None:
        """Begins to connect, and comes back by itself until stop() or "refused"."""
        if self._task and not self._task.done():
            return
        await self._load()
        self._set(State("connecting"))
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Ends the connection. What the program has had is recorded when it returns."""
        if self._task:
            self._is_stopping = True
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._is_stopping = False
            self._task = None
        if self._state.status != "stopped":
            self._set(State("stopped"))
        await self._record()

    async def close(self) -> None:
        """stop(), and lets the file go; the client is not used any more."""
        await self.stop()
        self._is_closed = True
        self._wake.set()
        if self._record_task:
            self._record_task.cancel()
        if self._is_loaded:
            self._is_loaded = False
            await self._storage.close()

    async def request(self, key: str, **fields: Any) -> Any:
        """One command; its reply's fields. Raises ChatError: the server's, or "offline"."""
        if not self._connection or self._state.status not in ("catching up", "online"):
            raise offline()
        return await self._connection.request(key, fields)

    async def send(self, *, files: Optional[list[Attachment]] = None, **draft: Any) -> Entry:
        """conversation or user; text, media, reply_to, mentions, meta, client_id. When it returns
        the message is kept here; the events "sent" and "failed" tell what becomes of it."""
        await self._load()
        return await self._outbox.add(draft, files or [])

    async def retry(self, client_id: str) -> None:
        await self._outbox.retry(client_id)

    async def discard(self, client_id: str) -> None:
        await self._outbox.discard(client_id)

    async def upload(self, file: Attachment) -> str:
        """Answers the id that a message's `media` takes."""
        reply = await self.request("upload", **upload_fields(file))
        await put_file(reply, file, self.http_url)
        return str(reply["media"])

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Event]:
        """Ends when the client is closed."""
        while True:
            while not self._events:
                if self._is_closed:
                    return
                self._wake.clear()
                await self._wake.wait()
            event = self._events.popleft()
            if len(self._events) < EVENTS_MOST // 2:
                self._room.set()
            yield event
            self._done_with(event)

    # --- events ---------------------------------------------------------------------------------

    def _put(self, name: str, body: Any) -> None:
        self._events.append(Event(name, body))
        self._wake.set()
        if len(self._events) > EVENTS_MOST and self._room.is_set():
            self._room.clear()
            self._cut("the program is too slow")

    def _done_with(self, event: Event) -> None:
        if event.name == "message":
            self._had[event.body["conversation"]] = event.body["seq"]
        elif event.name == "synced":
            self._had_cursor = event.body["cursor"]
        else:
            return
        if self._is_loaded and (not self._record_task or self._record_task.done()):
            self._record_task = asyncio.create_task(self._record_later())

    async def _record_later(self) -> None:
        await asyncio.sleep(RECORD_S)
        await self._record()

    async def _record(self) -> None:
        if self._is_loaded and (self._had or self._had_cursor):
            had, self._had = self._had, {}
            await self._storage.put_position(had, self._had_cursor)

    async def _load(self) -> None:
        async with self._loading:
            if self._is_loaded:
                return
            await self._storage.open()
            entries, positions, self._cursor = await self._storage.load()
            self._had_cursor = self._cursor
            self._order.positions.update(positions)
            self._outbox.load(entries)
            self._is_loaded = True

    def _outbox_changed(self, name: str, entry: Entry, detail: Any) -> None:
        self._put(name, {"entry": entry, "reply" if name == "sent" else "error": detail})

    def _set(self, state: State) -> None:
        self._state = state
        self._put("state", state)

    # --- connecting -----------------------------------------------------------------------------

    async def _live(self) -> None:
        """From start() to stop(), or until coming back makes no sense."""
        while True:
            await self._room.wait()
            self._set(State("connecting"))
            ending = await self._once("refused" if self._is_token_refused else "connect")
            if ending.code == 4501 and not self._is_token_refused:
                self._is_token_refused = True
                continue
            if ending.code >= 4500:
                self._is_token_refused = False
                self._set(State("refused", 0.0, ending.code, ending.reason))
                await self._record()
                return
            wait = self._wait_after(ending)
            self._set(State("waiting", wait, ending.code, ending.reason))
            await asyncio.sleep(wait)

    def _wait_after(self, ending: Closed) -> float:
        if ending.code == 4001:
            return self._backoff.spread(int(ending.reason) if ending.reason.isdigit() else 1000)
        return self._backoff.next(ending.retry_after_ms)

    async def _once(self, reason: str) -> Closed:
        """One connection, from asking for a token to its end."""
        try:
            token = await self._ask_token(reason)
        except Exception as error:  # the program's own: it is asked again later
            return Closed(0, f"no token: {error!r}")
        if token is None or (reason == "refused" and token == self._token):
            self._is_token_refused = True
            return Closed(4501, "there is no valid token")
        self._token = token
        connection = Connection(self._url, self._codec, self._pushed)
        try:
            await connection.open()
        except Closed as ending:
            return ending
        if self._is_stopping:  # asyncio.wait_for() loses a cancellation that comes with its end
            await connection.close()
            raise asyncio.CancelledError
        self._connection = connection
        greeting = asyncio.create_task(self._greet(connection))
        try:
            return await connection.run()
        finally:
            greeting.cancel()
            await asyncio.gather(greeting, return_exceptions=True)
            self._connection = None
            self._order.drop()
            self._next_cursor = None
            await self._outbox.close()
            await connection.close()

    async def _ask_token(self, reason: str) -> Optional[str]:
        if isinstance(self._token_source, str):
            return self._token_source
        token = self._token_source(reason)
        return await token if inspect.isawaitable(token) else token

    async def _greet(self, connection: Connection) -> None:
        """Connects, then keeps the session alive until it is cancelled."""
        fields = {"token": self._token, "device": self._device}
        if self._cursor is not None:
            fields["cursor"] = self._cursor
        try:
            hello = await connection.request("connect", fields, self._greeted)
        except ChatError as error:
            self._greeting_failed(connection, error)
            return
        await asyncio.gather(connection.keep_alive(hello["ping_interval_ms"]),
                             self._refresh(connection, hello["server_time"] / 1000))

    def _greeted(self, hello: dict[str, Any]) -> None:
        self._is_token_refused = False
        self._set(State("catching up"))
        self._put("hello", hello)
        self._outbox.open()

    @staticmethod
    def _greeting_failed(connection: Connection, error: ChatError) -> None:
        if error.name == "offline":
            return
        if error.code == 401:
            connection.cut(error.message, 4501)
        elif error.temporary or error.retry_after_ms or error.code >= 500:
            connection.cut(error.message, error.code, error.retry_after_ms)
        else:
            connection.cut(error.message, 4500)

    async def _refresh(self, connection: Connection, now_s: float) -> None:
        """If it fails the session ends at the old token's time, and the next asks again."""
        while self._token and (life := _life_s(self._token, now_s)) is not None:
            await asyncio.sleep(min(max(life - EARLY_S, life * 0.8, 1.0), REFRESH_MOST_S))
            try:
                token = await self._ask_token("refresh")
                if token is None or token == self._token:
                    return
                await connection.request("refresh", {"token": token})
            except Exception:  # the program's own, or the server's
                return
            self._token = token
            now_s = time.time()

    def _cut(self, reason: str) -> None:
        if self._connection:
            self._connection.cut(reason)

    # --- what comes -----------------------------------------------------------------------------

    def _pushed(self, key: str, body: Any) -> None:
        if key == "message":
            self._order.take(body)
        elif key == "synced":
            self._next_cursor = body["cursor"]
            if not self._order.is_repairing:
                self._settled()
        elif key in ("receipt", "typing", "presence", "conversation"):
            self._put(key, body)

    def _settled(self) -> None:
        """Everything below the cursor has been handed out."""
        if self._next_cursor is None:
            return
        self._cursor, self._next_cursor = self._next_cursor, None
        self._backoff.reset()
        if self._state.status == "catching up":
            self._set(State("online"))
        self._put("synced", {"cursor": self._cursor})
