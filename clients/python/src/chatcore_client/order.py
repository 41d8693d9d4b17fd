"""Puts the messages of each conversation in order, each once. `positions` holds the seq of the last
one that was delivered. A message that is not the next one waits until history has given what is
missing; what history does not have (said while the user was no member, removed since) is taken for
not there. While a repair is under way nobody may record a cursor: what waits would be lost."""
from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable

from .errors import ChatError

# Messages that wait behind one gap; at it the connection is cut, and they come by the cursor.
HELD_MOST = 2000
PAGE = 200
RETRY_S = 1.0

Message = dict[str, Any]


class Order:
    def __init__(self, request: Callable[..., Awaitable[Any]], deliver: Callable[[Message], None],
                 settled: Callable[[], None], overflow: Callable[[], None]) -> None:
        self.positions: dict[str, int] = {}
        self._request = request
        self._deliver = deliver
        self._settled = settled
        self._overflow = overflow
        self._held: dict[str, list[Message]] = {}
        self._repairs: set[asyncio.Task[None]] = set()

    @property
    def is_repairing(self) -> bool:
        return bool(self._held)

    def take(self, message: Message) -> None:
        held = self._held.get(message["conversation"])
        if held is not None:
            held.append(message)
            if len(held) > HELD_MOST:
                self._overflow()
        elif self._is_next(message):
            self._hand_out(message)
        elif not self._is_old(message):
            self._held[message["conversation"]] = [message]
            task = asyncio.create_task(self._repair(message["conversation"]))
            self._repairs.add(task)
            task.add_done_callback(self._repairs.discard)

    def drop(self) -> None:
        """The connection is gone: what waits comes again on the next one."""
        self._held.clear()
        for task in self._repairs:
            task.cancel()

    def _position(self, conversation: str) -> int:
        return self.positions.get(conversation, 0)

    def _is_old(self, message: Message) -> bool:
        return message["seq"] <= self._position(message["conversation"])

    def _is_next(self, message: Message) -> bool:
        """The first one of a conversation is where it begins."""
        position = self.positions.get(message["conversation"])
        return position is None or message["seq"] == position + 1

    def _hand_out(self, message: Message) -> None:
        self.positions[message["conversation"]] = message["seq"]
        self._deliver(message)

    async def _repair(self, conversation: str) -> None:
        held = self._held[conversation]
        while held:
            asks_again = await self._fill(conversation, held[0]["seq"])
            if self._held.get(conversation) is not held:
                return
            if not asks_again:
                self._hand_out_held(held)
        del self._held[conversation]
        if not self._held:
            self._settled()

    async def _fill(self, conversation: str, wanted: int) -> bool:
        """True: ask again before anything that waits is delivered."""
        position = self._position(conversation)
        try:
            page = await self._request("history", conversation=conversation, after=position,
                                       limit=PAGE)
            if not self._held:
                return False
        except ChatError as error:
            if error.temporary:
                await asyncio.sleep(max(error.retry_after_ms / 1000, RETRY_S))
            return error.temporary
        for message in page["messages"]:
            if not self._is_old(message):
                self._hand_out(message)
        reached = self._position(conversation)
        return bool(page["more"]) and position < reached < wanted - 1

    def _hand_out_held(self, held: list[Message]) -> None:
        """The first, over whatever gap is left, and all that follow it without one."""
        is_first = True
        while held and (is_first or self._is_next(held[0]) or self._is_old(held[0])):
            message = held.pop(0)
            if not self._is_old(message):
                self._hand_out(message)
            is_first = False
