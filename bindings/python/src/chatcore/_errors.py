"""The errors of libchatcore as one exception."""
from __future__ import annotations

import enum

from ._chatcore import ffi, lib


class Code(enum.IntEnum):
    """The library's errors, as include/chatcore/error.h has them: what a backend raises."""
    EINVAL = -1
    EPROTOCOL = -2
    EUNAUTHORIZED = -3
    EEXPIRED = -4
    EFORBIDDEN = -5
    EBLOCKED = -6
    ENOTFOUND = -7
    EEXISTS = -8
    ECONFLICT = -9
    ETOOLARGE = -10
    EREJECTED = -11
    ERATELIMITED = -12
    EINTERNAL = -13
    ENOMEM = -14
    EUNAVAILABLE = -15
    EBUSY = -16
    ETIMEOUT = -17
    ECANCELED = -18
    ENOSPACE = -19
    EREADONLY = -20
    ELOCKED = -21
    ECORRUPT = -22
    EVERSION = -23
    EIO = -24
    ETRIMMED = -25
    ENOTSUP = -26


class ChatError(Exception):
    """What the engine refused, or could not do; and what a backend in Python raises to say so.

    `code` is the protocol's (400 … 503), `name` its name, `constant` the library's (CC_E…).
    `is_temporary`: trying again can help, after `retry_after` seconds if that is not None.
    """

    def __init__(self, error: int, text: str = "", retry_after: float | None = None):
        self.error = int(error)
        self.code = int(lib.cc_error_code(self.error))
        self.name: str = ffi.string(lib.cc_error_protocol_name(self.error)).decode()
        self.constant: str = ffi.string(lib.cc_error_name(self.error)).decode()
        self.is_temporary = bool(lib.cc_error_is_retriable(self.error))
        self.retry_after = retry_after
        super().__init__(text or ffi.string(lib.cc_strerror(self.error)).decode())


def check(error: int) -> None:
    if error:
        raise ChatError(error)
