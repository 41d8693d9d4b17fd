"""What a request can fail with."""
from __future__ import annotations

from typing import Any


class ChatError(Exception):
    """The server's error, or one of this side's own, told by `name`: "offline" (there is no
    connection, or it was lost before the reply), "timeout" (too many requests wait)."""

    def __init__(self, code: int, name: str, message: str, *, temporary: bool = False,
                 retry_after_ms: int = 0) -> None:
        super().__init__(f"{name}: {message}" if message else name)
        self.code = code
        self.name = name
        self.message = message
        self.temporary = temporary
        """Trying the same again can help."""
        self.retry_after_ms = retry_after_ms
        """How long to wait at least before trying again; 0: not told."""

    @classmethod
    def of_wire(cls, error: dict[str, Any]) -> "ChatError":
        return cls(error["code"], error["name"], error.get("message", ""),
                   temporary=error.get("temporary", False),
                   retry_after_ms=error.get("retry_after_ms", 0))


def offline(message: str = "there is no connection") -> ChatError:
    return ChatError(0, "offline", message, temporary=True)
