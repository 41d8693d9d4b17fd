"""Uploading: the command tells where to, and the bytes go there, straight to the object store."""
from __future__ import annotations

import asyncio
import hashlib
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from .errors import ChatError

TIMEOUT_S = 60


@dataclass
class Attachment:
    name: str
    type: str
    bytes: bytes


def upload_fields(file: Attachment) -> dict[str, Any]:
    return {"name": file.name, "type": file.type, "bytes": len(file.bytes),
            "sha256": hashlib.sha256(file.bytes).hexdigest()}


def _put(request: urllib.request.Request) -> None:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        is_temporary = error.code in (408, 429) or error.code >= 500
        raise ChatError(error.code, "upload_failed", f"the object store refused the file: "
                        f"{error.code}", temporary=is_temporary) from None
    except OSError as error:
        raise ChatError(0, "upload_failed", str(error), temporary=True) from None


async def put_file(reply: dict[str, Any], file: Attachment, base: str) -> None:
    """`base`: what a URL without a host is relative to. Raises ChatError."""
    url = urllib.parse.urljoin(base, reply["url"])
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ChatError(400, "upload_failed", "the server named no web address")
    request = urllib.request.Request(url, data=file.bytes, method=reply["method"],
                                     headers=reply.get("headers", {}))
    await asyncio.to_thread(_put, request)
