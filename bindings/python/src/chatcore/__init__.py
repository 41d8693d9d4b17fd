"""A chat engine inside the process: libchatcore for Python.

    import chatcore

    with chatcore.Engine("chat.data") as engine:
        bob = engine.connect("bob", device="laptop")
        alice = engine.connect("alice", device="laptop")
        alice.send(user="bob", text="hello")
        print(bob.next_event().message.text)

`chatcore.aio` has the same for asyncio. The engine runs on a thread of the library, which holds no
interpreter lock; each Python thread (or event loop) has a queue to it of its own.
"""
from . import backends
from ._engine import Engine, Gateway
from ._errors import ChatError, Code
from ._events import (Batch, Closed, Conversation, Event, Invitation, Member, Message, Presence,
                      Profile, Reply, Synced)
from ._hooks import CHANGE, FLAG, PASS, REJECT
from ._session import Consumer, Session
from .backends import Check

__all__ = [
    "Batch", "CHANGE", "ChatError", "Check", "Closed", "Code", "Consumer", "Conversation", "Engine", "Event",
    "FLAG", "Gateway", "Invitation", "Member", "Message", "PASS", "Presence", "Profile", "REJECT", "Reply",
    "Session", "Synced", "backends", "version",
]


def version() -> str:
    """libchatcore's version."""
    from ._chatcore import ffi, lib
    found: str = ffi.string(lib.cc_version()).decode()
    return found
