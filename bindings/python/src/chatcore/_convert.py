"""C values to Python's and back, by the annotations of dataclasses.

What is read is copied. What is written for an operation goes into chunks of C's memory that hang on
the operation, and that the library releases without the interpreter: see `answer_room` in
build_chatcore.py.
"""
from __future__ import annotations

import dataclasses
import enum
import functools
import typing
import uuid
from typing import Any, Callable, Optional, Sequence

from ._chatcore import ffi, lib
from ._errors import ChatError, Code

NAME_MAX = 64


def raw(part: Any) -> bytes:
    return bytes(ffi.buffer(part.data, part.size)) if part.size else b""


def text(part: Any) -> str:
    """Lossless: what is no UTF-8 is escaped, and comes back as it was."""
    return raw(part).decode("utf8", "surrogateescape")


def name(part: Any) -> str:
    if not 0 < part.size <= NAME_MAX:
        raise ChatError(Code.EINVAL)
    return text(part)


def identifier(value: Any) -> Optional[uuid.UUID]:
    found = bytes(ffi.buffer(value.bytes))
    return uuid.UUID(bytes=found) if any(found) else None


def _is(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


@functools.lru_cache(maxsize=None)
def reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of that type from one of C's."""
    if kind is str:
        return text
    if kind is bytes:
        return raw
    if kind in (uuid.UUID, Optional[uuid.UUID]):
        return identifier
    if dataclasses.is_dataclass(kind):
        return _struct_reader(kind)
    if _is(kind, enum.Enum):
        return lambda value: kind(int(value))
    return lambda value: value


def _members(kind: Any) -> list[tuple[str, str, Any, bool]]:
    hints = typing.get_type_hints(kind)
    return [(f.name, f.metadata.get("c", f.name), hints[f.name], "is_name" in f.metadata)
            for f in dataclasses.fields(kind)]


def _struct_reader(kind: Any) -> Callable[[Any], Any]:
    members = [(c, name if is_name else reader(hint))
               for _, c, hint, is_name in _members(kind)]
    return lambda value: kind(*(read(getattr(value, c)) for c, read in members))


class Answer:
    """What an operation's answer points to, until it hangs on the operation."""

    def __init__(self) -> None:
        self.chain = ffi.NULL

    def room(self, size: int) -> Any:
        chunk = lib.answer_room(self.chain, size)
        if chunk == ffi.NULL:
            raise MemoryError
        self.chain = chunk
        return lib.answer_bytes(chunk)

    def slice(self, value: "str | bytes | None") -> dict[str, Any]:
        found = value.encode("utf8", "surrogateescape") if isinstance(value, str) else value
        if not found:
            return {"data": ffi.NULL, "size": 0}
        data = self.room(len(found))
        ffi.memmove(data, found, len(found))
        return {"data": data, "size": len(found)}

    def array(self, kind: Any, struct: str, items: Sequence[Any]) -> Any:
        if not items:
            return ffi.NULL
        array = ffi.cast(struct + " *", self.room(len(items) * ffi.sizeof(struct)))
        write = writer(kind)
        for at, item in enumerate(items):
            array[at] = write(self, item)
        return array

    def drop(self) -> None:
        lib.answer_drop(self.chain)
        self.chain = ffi.NULL


@functools.lru_cache(maxsize=None)
def writer(kind: Any) -> Callable[[Answer, Any], Any]:
    """What makes a value of C's from one of that type."""
    if kind in (str, bytes):
        return lambda answer, value: answer.slice(value)
    if kind in (uuid.UUID, Optional[uuid.UUID]):
        return lambda answer, value: {"bytes": list(value.bytes if value else bytes(16))}
    if dataclasses.is_dataclass(kind):
        return _struct_writer(kind)
    if _is(kind, enum.Enum):
        return lambda answer, value: int(value)
    return lambda answer, value: value


def _struct_writer(kind: Any) -> Callable[[Answer, Any], Any]:
    members = [(own, c, writer(hint)) for own, c, hint, _ in _members(kind)]

    def write(answer: Answer, value: Any) -> dict[str, Any]:
        return {c: put(answer, getattr(value, own)) for own, c, put in members}
    return write
