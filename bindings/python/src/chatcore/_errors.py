"""The errors of libchatcore as one exception."""
from __future__ import annotations

from ._chatcore import ffi, lib


class ChatError(Exception):
    """What the engine refused, or could not do.

    `code` is the protocol's (400 … 503), `name` its name, `constant` the library's (CC_E…).
    `is_temporary`: trying again can help, after `retry_after` seconds if that is not None.
    """

    def __init__(self, error: int, text: str = "", retry_after: float | None = None):
        self.error = error
        self.code = int(lib.cc_error_code(error))
        self.name = ffi.string(lib.cc_error_protocol_name(error)).decode()
        self.constant = ffi.string(lib.cc_error_name(error)).decode()
        self.is_temporary = bool(lib.cc_error_is_retriable(error))
        self.retry_after = retry_after
        super().__init__(text or ffi.string(lib.cc_strerror(error)).decode())


def check(error: int) -> None:
    if error:
        raise ChatError(error)
