"""What was written and is not confirmed yet. An entry is on disk before anything is sent of it, and
is sent again with the same client_id until the server has answered: the server makes one message of
it. Entries for one target are sent one after the other, in the order in which they were written;
different targets don't wait for each other. What the server refuses for good stays as "failed" until
retry() or discard()."""
from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Awaitable, Callable, Optional

from .backoff import Backoff
from .errors import ChatError
from .storage import Storage
from .upload import Attachment

# More means that nobody looks at what is refused.
ENTRIES_MOST = 10_000

_SENT_FIELDS = ("conversation", "user", "client_id", "text", "media", "reply_to", "mentions", "meta")


@dataclass
class Entry:
    """A message to be. Exactly one of `conversation` and `user`."""
    client_id: str
    conversation: Optional[str] = None
    user: Optional[str] = None
    text: Optional[str] = None
    media: Optional[list[str]] = None
    reply_to: Optional[str] = None
    mentions: Optional[list[str]] = None
    meta: Optional[dict[str, Any]] = None
    ts: int = 0
    """When it was written, by this device's clock; milliseconds."""
    state: str = "waiting"
    """Or "sending", or "failed"."""
    error: Optional[dict[str, Any]] = None
    """Of a failed one: code, name, message."""

    @property
    def target(self) -> str:
        return f"#{self.conversation}" if self.conversation is not None else f"@{self.user}"

    def fields(self) -> dict[str, Any]:
        values = asdict(self)
        return {name: values[name] for name in _SENT_FIELDS if values[name]}


def _check(entry: Entry, files: list[Attachment]) -> None:
    if (entry.conversation is None) == (entry.user is None):
        raise ChatError(400, "bad_request", "a message goes to a conversation or to a user")
    if not (entry.text or entry.meta or entry.media or files):
        raise ChatError(400, "bad_request", "there is nothing in the message")
    try:
        json.dumps(entry.fields(), ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise ChatError(400, "bad_request", f"this can't be sent: {error}") from None


class Outbox:
    """`send` sends an entry's fields, `upload` a file; both raise ChatError. `changed` is told of
    "sent" (with the reply) and "failed"."""

    def __init__(self, storage: Storage, send: Callable[[dict[str, Any]], Awaitable[Any]],
                 upload: Callable[[Attachment], Awaitable[str]],
                 changed: Callable[[str, Entry, Any], None],
                 random: Callable[[], float]) -> None:
        self._storage = storage
        self._send = send
        self._upload = upload
        self._changed = changed
        self._random = random
        self._entries: dict[str, Entry] = {}
        self._places: dict[str, int] = {}
        self._last_place = 0
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._is_open = False

    @property
    def entries(self) -> list[Entry]:
        """In the order in which they were written."""
        return sorted(self._entries.values(), key=lambda entry: self._places[entry.client_id])

    def load(self, kept: list[dict[str, Any]]) -> None:
        for fields in kept:
            place = fields.pop("place")
            entry = Entry(**fields)
            if entry.state == "sending":
                entry.state = "waiting"
            self._entries[entry.client_id] = entry
            self._places[entry.client_id] = place
            self._last_place = max(self._last_place, place)

    async def add(self, draft: dict[str, Any], files: list[Attachment]) -> Entry:
        """The entry is kept when this returns."""
        entry = Entry(**{"client_id": str(uuid.uuid4()), "ts": int(time.time() * 1000), **draft})
        _check(entry, files)
        if len(self._entries) >= ENTRIES_MOST:
            raise ChatError(413, "too_large", "the outbox is full")
        if entry.client_id in self._places:
            raise ChatError(409, "conflict", "this client_id is waiting already")
        self._places[entry.client_id] = self._next_place()
        try:
            await self._keep(entry, [(file.name, file.type, file.bytes) for file in files])
        except BaseException:
            del self._places[entry.client_id]
            raise
        self._entries[entry.client_id] = entry
        self._start(entry.target)
        return entry

    async def retry(self, client_id: str) -> None:
        """Tries a failed one again, behind what waits."""
        entry = self._entries.get(client_id)
        if not entry or entry.state != "failed":
            return
        entry.state, entry.error = "waiting", None
        self._places[client_id] = self._next_place()
        await self._keep(entry)
        self._start(entry.target)

    async def discard(self, client_id: str) -> None:
        """Gives one up. It may have been sent all the same if it was tried and had no reply."""
        if self._entries.pop(client_id, None):
            del self._places[client_id]
            await self._storage.delete_entry(client_id)

    def open(self) -> None:
        self._is_open = True
        for target in {entry.target for entry in self._entries.values()}:
            self._start(target)

    async def close(self) -> None:
        self._is_open = False
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    def _next_place(self) -> int:
        self._last_place += 1
        return self._last_place

    async def _keep(self, entry: Entry,
                    files: Optional[list[tuple[str, str, bytes]]] = None) -> None:
        await self._storage.put_entry(asdict(entry), self._places[entry.client_id], files)

    def _start(self, target: str) -> None:
        if self._is_open and target not in self._lanes:
            self._lanes[target] = asyncio.create_task(self._run(target))

    async def _run(self, target: str) -> None:
        """One target's entries, one after the other, until none waits. Closing is looked for, too:
        asyncio.wait_for() loses a cancellation that comes with the reply."""
        backoff = Backoff(self._random)
        try:
            while self._is_open and (entry := self._first(target)):
                delay = await self._attempt(entry, backoff)
                if delay:
                    await asyncio.sleep(delay)
        finally:
            del self._lanes[target]

    def _first(self, target: str) -> Optional[Entry]:
        waiting = (entry for entry in self.entries
                   if entry.target == target and entry.state != "failed")
        return next(waiting, None)

    async def _attempt(self, entry: Entry, backoff: Backoff) -> float:
        """How long to wait before the next."""
        entry.state = "sending"
        try:
            if not await self._upload_files(entry):
                return 0.0
            reply = await self._send(entry.fields())
        except ChatError as error:
            return await self._failed(entry, backoff, error)
        except asyncio.CancelledError:
            entry.state = "waiting"
            raise
        backoff.reset()
        if self._entries.pop(entry.client_id, None):
            self._changed("sent", entry, reply)
            await self._storage.delete_entry(entry.client_id)
            self._places.pop(entry.client_id, None)
        return 0.0

    async def _upload_files(self, entry: Entry) -> bool:
        """An uploaded file's bytes are not kept: what was reached survives a restart. False: the
        entry was discarded meanwhile."""
        for number, name, kind, content in await self._storage.files(entry.client_id):
            media = await self._upload(Attachment(name, kind, content))
            if entry.client_id not in self._entries:
                return False
            entry.media = [*(entry.media or []), media]
            await self._storage.uploaded(asdict(entry), self._places[entry.client_id], number)
        return entry.client_id in self._entries

    async def _failed(self, entry: Entry, backoff: Backoff, error: ChatError) -> float:
        if error.temporary or error.code == 401:
            entry.state = "waiting"
            return backoff.next(error.retry_after_ms)
        entry.state = "failed"
        entry.error = {"code": error.code, "name": error.name, "message": error.message}
        if entry.client_id in self._entries:
            self._changed("failed", entry, entry.error)
            await self._keep(entry)
        return 0.0
