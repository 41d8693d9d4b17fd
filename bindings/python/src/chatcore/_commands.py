"""Commands from keyword arguments: the protocol's fields, by the names that Python uses for them."""
from __future__ import annotations

import uuid
from typing import Any, Iterable

import msgpack  # type: ignore[import]

from ._chatcore import ffi, lib

_KINDS = {"direct": 1, "group": 2, "channel": 3}
_ROLES = {"member": 1, "admin": 2, "owner": 3}

_SLICES = {"token", "device", "cursor", "conversation", "user", "client_id", "text", "emoji",
           "avatar", "name", "media_type", "media_id", "sha256", "provider", "after_name"}
_PRIVACY = {"presence": {"everyone": 0, "contacts": 1, "nobody": 2},
            "read_marks": {"public": 0, "private": 1}}
_IDS = {"message", "reply_to"}
_NUMBERS = {"seq", "before", "limit", "bytes", "until", "on", "expires_s", "max_uses", "issued_before"}
_HAS = {"name": "has_name", "avatar": "has_avatar", "meta": "has_meta"}


# The protocol's names, where C has others: by command.
_NAMED = {("upload", "type"): "media_type", ("media", "media"): "media_id"}


class CommandError(TypeError):
    """A field that no command has."""


class Builder:
    """A cc_command and what its slices point to."""

    def __init__(self, key: str, fields: dict[str, Any]):
        self._keep: list[Any] = []
        self.command = ffi.new("struct cc_command *")
        self.command.type = getattr(lib, "CC_COMMAND_" + key.upper())
        for name, value in fields.items():
            if value is not None:
                self._set(key, name, value)

    def _slice(self, value: "str | bytes") -> "dict[str, Any]":
        found = value.encode("utf8") if isinstance(value, str) else bytes(value)
        buffer = ffi.from_buffer(found)
        self._keep.append(buffer)
        return {"data": ffi.cast("const char *", buffer), "size": len(found)}

    def _slices(self, values: "Iterable[str | bytes]") -> "tuple[Any, int]":
        found = [self._slice(value) for value in values]
        array = ffi.new("struct cc_slice[]", found)
        self._keep.append(array)
        return array, len(found)

    def _set(self, key: str, name: str, value: Any) -> None:
        command = self.command
        name = _NAMED.get((key, name), name)
        if name == "after" and isinstance(value, str):
            name = "after_name"
        if name == "push":  # of `device`
            for part in ("provider", "token"):
                setattr(command, part, self._slice(value[part]))
        elif name in _SLICES:
            setattr(command, name, self._slice(value))
        elif name in _IDS:
            getattr(command, name).bytes = uuid.UUID(str(value)).bytes
        elif name in _NUMBERS:
            setattr(command, name, value)
        elif name == "after":
            command.after, command.has_after = value, True
        elif name == "retention_s":
            command.retention_s, command.has_retention = value, True
        elif name == "meta":
            command.meta = self._slice(msgpack.packb(value, use_bin_type=True))
        elif name in ("users", "members", "mentions"):
            command.users, command.user_count = self._slices(value)
        elif name == "media":
            command.media, command.media_count = self._slices(value)
        elif name in _PRIVACY:
            setattr(command.privacy, name, _PRIVACY[name][value])
            setattr(command, "has_" + name, True)
        elif name == "kind":
            command.kind = _KINDS[value]
        elif name == "role":
            command.role = _ROLES[value]
        else:
            raise CommandError(f"{key} has no field {name}")
        if key in ("profile", "update") and name in _HAS:
            setattr(command, _HAS[name], True)
