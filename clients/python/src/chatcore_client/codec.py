"""The two encodings. A frame holds one or more objects. Inside the client message ids are text:
MessagePack's 16 bytes are translated here and nowhere else."""
from __future__ import annotations

import json
import re
import uuid
from typing import Any, Iterable, Union

import msgpack

Frame = Union[str, bytes]
Object = dict[str, Any]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The fields that are message ids. The server takes the text as well.
_ID_FIELDS = ("message", "reply_to")


class Json:
    protocol = "chatcore.v1.json"

    @staticmethod
    def encode(objects: Iterable[Object]) -> Frame:
        return "\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":"))
                         for each in objects)

    @staticmethod
    def decode(frame: Frame) -> list[Object]:
        return [json.loads(line) for line in frame.split("\n") if line.strip()]  # type: ignore


def _with_texts(value: Any) -> Any:
    """Nothing but ids is a bin on the wire: a host's own `meta` can hold none."""
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value)) if len(value) == 16 else value
    if isinstance(value, list):
        return [_with_texts(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_texts(item) for key, item in value.items()}
    return value


def _with_bytes(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    packed = dict(body)
    for name in _ID_FIELDS:
        value = packed.get(name)
        if isinstance(value, str) and _UUID.fullmatch(value):
            packed[name] = uuid.UUID(value).bytes
    return packed


class MessagePack:
    protocol = "chatcore.v1.msgpack"

    @staticmethod
    def encode(objects: Iterable[Object]) -> Frame:
        return b"".join(msgpack.packb({key: _with_bytes(body) for key, body in each.items()})
                        for each in objects)

    @staticmethod
    def decode(frame: Frame) -> list[Object]:
        unpacker = msgpack.Unpacker(strict_map_key=True)
        unpacker.feed(frame)
        return [_with_texts(each) for each in unpacker]


CODECS: dict[str, Any] = {"json": Json, "msgpack": MessagePack}
