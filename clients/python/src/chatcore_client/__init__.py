"""An asyncio client of a chatcore server. See README.md; `Client` is where to begin."""
from .client import Client, State
from .errors import ChatError
from .outbox import Entry
from .upload import Attachment

__all__ = ["Attachment", "ChatError", "Client", "Entry", "State"]
