"""Backends written in Python: a class for each port of include/chatcore/backend/.

    class Files(backends.Media):
        def upload(self, id, info, sha256, expires): ...
        async def head(self, id): ...            # any method may be a coroutine

    chatcore.Engine("chat.data", media=Files())

What a port promises stands in its header; here stands how it is said in Python.

A backend has a thread of its own, with an event loop. Methods run there one after the other, in the
order in which the engine asked, so they may use what belongs to one thread (a sqlite3 connection made
in `open`). Coroutines are started in that order and run side by side. With `threads` above 1, plain
methods run side by side too, on so many threads; with `threads` = 0 they run on the engine's own
thread, hold it up, and can't be coroutines (nor can `open` and `close`, which then run wherever the
engine is opened and closed).

An answer is what a method returns. An error is what it raises: ChatError(Code.ENOTFOUND) is that
error; TimeoutError, MemoryError and OSErrors with a meaning are theirs; everything else is a fault of
the backend's, which is logged (`logging.getLogger("chatcore")`) and told to the engine as an error
that can be tried again. Arguments are copies, and may be kept. Methods may use sessions of the engine
only from another thread, and must not wait for the engine: it waits for them.

`from` of C is `sender` here, since Python has that word.
"""
from __future__ import annotations

import abc
import enum
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Awaitable, Optional, Sequence, Tuple, TypeVar, Union

if TYPE_CHECKING:
    from ._bridge import Port

T = TypeVar("T")
Maybe = Union[T, Awaitable[T]]  # from a plain method, or from a coroutine
Page = Tuple[Sequence[T], bool]  # some, and whether there are more

# A name (of a user, a conversation, a consumer): 1 to 64 bytes. Others never reach a backend.
NAME = {"is_name": True}


def name_field() -> Any:
    return field(metadata=NAME)


class Backend(abc.ABC):
    """What all have in common."""
    threads: int = 1
    _port: "Optional[Port]" = None

    def open(self) -> Maybe[None]:
        """Called first, on the backend's thread. What it raises, Engine() raises."""

    def close(self) -> Maybe[None]:
        """Called last, on the same thread, when nothing is under way."""


# --- log --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LogRecord:
    offset: int
    data: bytes


class Log(Backend):
    """A durable, partitioned, ordered log: include/chatcore/backend/log.h."""
    partitions: int = 1  # read once, when the engine opens

    @abc.abstractmethod
    def append(self, partition: int, records: Sequence[bytes]) -> Maybe[int]:
        """Returns the offset of the first once all are durable."""

    @abc.abstractmethod
    def read(self, partition: int, offset: int, max_records: int,
             max_bytes: int) -> Maybe[Sequence[LogRecord]]:
        """From `offset` on; nothing at the end. At least one record, whatever the bounds say.
        Code.ETRIMMED for an offset that is no longer kept.

        Waiting for what comes is done for you: a read that finds nothing is asked again after the
        next append, and when wake() is called."""

    @abc.abstractmethod
    def bounds(self, partition: int) -> Maybe[Tuple[int, int]]:
        """The oldest kept offset, and the next one."""

    @abc.abstractmethod
    def commit(self, consumer: str, partition: int, offset: int) -> Maybe[None]: ...

    @abc.abstractmethod
    def committed(self, consumer: str, partition: int) -> Maybe[Optional[int]]:
        """None: nothing has been committed, or it was forgotten."""

    @abc.abstractmethod
    def forget(self, consumer: str, partition: int) -> Maybe[None]: ...

    @abc.abstractmethod
    def trim(self, partition: int, before: int) -> Maybe[None]: ...

    def owned(self) -> Maybe[Sequence[int]]:
        """The partitions that are this node's now, ascending; asked again after moved()."""
        return range(self.partitions)

    def wake(self, partition: int) -> None:
        """Somebody else has appended to the partition. Any thread."""
        if self._port:
            self._port.wake(partition)

    def moved(self) -> None:
        """The node owns other partitions now. Any thread."""
        if self._port:
            self._port.wake(None)


# --- store ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    conversation: str = name_field()
    seq: int = 0
    offset: int = 0
    body: bytes = b""


@dataclass(frozen=True)
class Head:
    conversation: str = name_field()
    seq: int = 0
    offset: int = 0
    member_version: int = 0
    ts: int = 0
    said: int = 0


@dataclass(frozen=True)
class InboxEntry:
    user: str = name_field()
    offset: int = 0
    conversation: str = field(default="", metadata=NAME)
    seq: int = 0


@dataclass(frozen=True)
class DedupRun:
    sender: str = name_field()
    offset: int = 0
    ts: int = 0
    entries: bytes = b""


@dataclass(frozen=True)
class Cursor:
    user: str = name_field()
    device: str = ""
    conversation: str = field(default="", metadata=NAME)
    delivered: int = 0
    read: int = 0


class Store(Backend):
    """What the engine computed from the log: include/chatcore/backend/store.h."""

    @abc.abstractmethod
    def write(self, partition: int, offset: int, dedup_before: int, rows: Sequence[Row],
              heads: Sequence[Head], inbox: Sequence[InboxEntry],
              dedup: Sequence[DedupRun]) -> Maybe[None]: ...

    @abc.abstractmethod
    def write_cursors(self, cursors: Sequence[Cursor]) -> Maybe[None]: ...

    @abc.abstractmethod
    def read_offset(self, partition: int) -> Maybe[int]: ...

    @abc.abstractmethod
    def read_rows(self, conversation: str, first: int, last: int, limit: int,
                  descending: bool) -> Maybe[Sequence[Row]]:
        """Ascending by seq in either case; `descending` says from which end the limit counts."""

    @abc.abstractmethod
    def read_heads(self, conversations: Sequence[str]) -> Maybe[Sequence[Optional[Head]]]:
        """One for each, in the order asked; None where there is none."""

    @abc.abstractmethod
    def read_inbox(self, user: str, partition: int, first: int, before: int,
                   limit: int) -> Maybe[Page[InboxEntry]]: ...

    @abc.abstractmethod
    def read_dedup(self, partition: int, sender: str) -> Maybe[Sequence[DedupRun]]: ...

    @abc.abstractmethod
    def read_cursors(self, user: str, device: str, conversations: Optional[Sequence[str]],
                     limit: int) -> Maybe[Sequence[Cursor]]:
        """Those of the conversations; None: all of the device's, up to `limit`."""

    @abc.abstractmethod
    def list_heads(self, after: str, limit: int) -> Maybe[Page[Head]]: ...

    @abc.abstractmethod
    def amend(self, conversation: str, before: int, rows: Sequence[Row]) -> Maybe[None]: ...

    @abc.abstractmethod
    def forget_cursors(self, user: str) -> Maybe[None]: ...


# --- directory --------------------------------------------------------------------------------------


class Role(enum.IntEnum):
    MEMBER = 1
    ADMIN = 2
    OWNER = 3


class Kind(enum.IntEnum):
    DIRECT = 1
    GROUP = 2
    CHANNEL = 3


class Relation(enum.IntFlag):
    CONTACT = 1
    BLOCKED = 2


class Change(enum.IntEnum):
    UPDATE = 0
    ADD = 1
    REMOVE = 2
    ROLE = 3


class Revoked(enum.IntEnum):
    USER = 1
    TOKEN = 2


class Audience(enum.IntEnum):
    EVERYONE = 0
    CONTACTS = 1
    NOBODY = 2


class ReadMarks(enum.IntEnum):
    PUBLIC = 0
    PRIVATE = 1


INVITATIONS_MAX = 100  # of a conversation, that hold: Code.ETOOLARGE
FANOUT_WRITE_MAX = 50  # a conversation that ever had more members `was_large`


@dataclass(frozen=True)
class Privacy:
    presence: Audience = Audience.EVERYONE
    read_marks: ReadMarks = ReadMarks.PUBLIC


@dataclass(frozen=True)
class Profile:
    name: str = ""
    avatar: str = ""
    meta: bytes = b""
    privacy: Privacy = Privacy()


@dataclass(frozen=True)
class Device:
    device: str
    provider: str
    token: str


@dataclass(frozen=True)
class Revocation:
    kind: Revoked
    name: str = name_field()
    before: int = 0
    number: int = 0


@dataclass(frozen=True)
class Conversation:
    id: str
    kind: Kind
    name: str
    version: int
    member_count: int
    created: int
    was_large: bool = False
    retention_s: int = 0


@dataclass(frozen=True)
class Member:
    user: str = name_field()
    role: Role = Role.MEMBER
    since_version: int = 0


@dataclass(frozen=True)
class Membership:
    """A conversation and one of its members; `member` is None for who is none."""
    conversation: Conversation
    member: Optional[Member] = None
    muted_until: int = 0


@dataclass(frozen=True)
class Invitation:
    token: str = name_field()
    conversation: str = field(default="", metadata=NAME)
    creator: str = field(default="", metadata=NAME)
    created: int = 0
    expires: int = 0
    max_uses: int = 0
    uses: int = 0


@dataclass(frozen=True)
class Invited:
    """An invitation, where it leads to, and what the user who looks at it is there."""
    invitation: Invitation
    conversation: Conversation
    is_member: bool = False
    is_barred: bool = False


@dataclass(frozen=True)
class OutboxEntry:
    conversation: str
    version: int
    payload: bytes


class Directory(Backend):
    """Users, conversations, members, devices: include/chatcore/backend/directory.h."""

    @abc.abstractmethod
    def profile_get(self, user: str) -> Maybe[Profile]: ...

    @abc.abstractmethod
    def profile_put(self, user: str, name: Optional[str], avatar: Optional[str],
                    meta: Optional[bytes], presence: Optional[Audience],
                    read_marks: Optional[ReadMarks]) -> Maybe[None]:
        """What is None stays as it is."""

    @abc.abstractmethod
    def privacy(self, users: Sequence[str]) -> Maybe[Sequence[Privacy]]: ...

    @abc.abstractmethod
    def relate(self, user: str, other: str, relation: Relation, on: bool) -> Maybe[None]: ...

    @abc.abstractmethod
    def relation(self, user: str, other: str) -> Maybe[Tuple[Relation, Relation]]:
        """What the user has the other as, and what the other has the user as."""

    @abc.abstractmethod
    def related(self, user: str, relation: Relation, reverse: bool, after: str,
                limit: int) -> Maybe[Page[str]]: ...

    @abc.abstractmethod
    def device_put(self, user: str, device: Device) -> Maybe[None]: ...

    @abc.abstractmethod
    def devices(self, user: str) -> Maybe[Sequence[Device]]: ...

    @abc.abstractmethod
    def revoke(self, revocation: Revocation) -> Maybe[None]: ...

    @abc.abstractmethod
    def revoked(self, user: str, token_id: str, issued: int) -> Maybe[bool]: ...

    @abc.abstractmethod
    def revocations(self, after: int,
                    limit: int) -> Maybe[Tuple[Sequence[Revocation], bool, int]]:
        """Some, whether there are more, and the newest number of all."""

    @abc.abstractmethod
    def conversation(self, conversation: str) -> Maybe[Conversation]: ...

    @abc.abstractmethod
    def member(self, conversation: str, user: str) -> Maybe[Membership]: ...

    @abc.abstractmethod
    def members(self, conversation: str, at_version: int, after: str,
                limit: int) -> Maybe[Page[Member]]: ...

    @abc.abstractmethod
    def memberships(self, user: str, after: str, limit: int) -> Maybe[Page[Membership]]: ...

    @abc.abstractmethod
    def retained(self, after: str, limit: int) -> Maybe[Page[Conversation]]: ...

    @abc.abstractmethod
    def mute(self, user: str, conversation: str, until: int) -> Maybe[None]: ...

    @abc.abstractmethod
    def create(self, conversation: str, kind: Kind, name: str, created: int, partition: int,
               members: Sequence[Member], payload: bytes) -> Maybe[None]: ...

    @abc.abstractmethod
    def change(self, conversation: str, expected_version: int, kind: Change, name: Optional[str],
               members: Sequence[Member], retention_s: Optional[int], partition: int,
               payload: bytes, invitation: Optional[str],
               bars: bool) -> Maybe[Tuple[int, int]]:
        """Returns the new version and the number of members. `invitation`: an ADD by this token."""

    @abc.abstractmethod
    def invite(self, invitation: Invitation, now: int) -> Maybe[None]: ...

    @abc.abstractmethod
    def uninvite(self, conversation: str, token: str) -> Maybe[None]: ...

    @abc.abstractmethod
    def invitation(self, token: str, user: str) -> Maybe[Invited]: ...

    @abc.abstractmethod
    def invitations(self, conversation: Optional[str], creator: Optional[str], after: str,
                    limit: int) -> Maybe[Page[Invitation]]:
        """Those of the conversation; None: those that the creator made."""

    @abc.abstractmethod
    def outbox(self, partition: int, limit: int) -> Maybe[Page[OutboxEntry]]: ...

    @abc.abstractmethod
    def outbox_done(self, partition: int, conversation: str, version: int) -> Maybe[None]: ...


# --- cluster ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Location:
    nodes: Sequence[str] = ()
    last_seen: int = 0


@dataclass(frozen=True)
class BusMessage:
    sender: str = field(metadata={"c": "from"})
    data: bytes = b""


class Cluster(Backend):
    """Who is where, and messages between nodes: include/chatcore/backend/cluster.h."""
    node: str = ""  # this node's name, unique over restarts; read once, when the engine opens

    @abc.abstractmethod
    def announce(self, users: Sequence[str], on: bool, last_seen: int,
                 ttl_ms: int) -> Maybe[None]: ...

    @abc.abstractmethod
    def locate(self, users: Sequence[str]) -> Maybe[Sequence[Location]]: ...

    @abc.abstractmethod
    def owner_put(self, partition: int, ttl_ms: int) -> Maybe[None]: ...

    @abc.abstractmethod
    def owner_get(self, partition: int) -> Maybe[Optional[str]]: ...

    @abc.abstractmethod
    def send(self, node: str, data: bytes) -> Maybe[None]:
        """At best effort: what it raises is logged, and nobody is told."""

    def deliver(self, sender: str, data: bytes) -> None:
        """A message of another node to this one. Any thread."""
        if self._port:
            self._port.deliver(BusMessage(sender, data))


# --- media ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MediaInfo:
    owner: str
    name: str
    type: str
    bytes: int
    width: int = 0
    height: int = 0
    has_thumbnail: bool = False


@dataclass(frozen=True)
class Header:
    name: str
    value: str


@dataclass(frozen=True)
class SignedUpload:
    """The one request that the client makes."""
    url: str
    method: str = "PUT"
    headers: Sequence[Header] = ()


class Media(Backend):
    """Objects behind signed URLs: include/chatcore/backend/media.h."""

    @abc.abstractmethod
    def upload(self, id: uuid.UUID, info: MediaInfo, sha256: Optional[bytes],
               expires: int) -> Maybe[SignedUpload]: ...

    @abc.abstractmethod
    def download(self, id: uuid.UUID, expires: int) -> Maybe[str]: ...

    @abc.abstractmethod
    def head(self, id: uuid.UUID) -> Maybe[MediaInfo]: ...

    @abc.abstractmethod
    def remove(self, id: uuid.UUID) -> Maybe[None]: ...

    @abc.abstractmethod
    def list(self, after: Optional[uuid.UUID], limit: int) -> Maybe[Page[uuid.UUID]]: ...


# --- notifier ---------------------------------------------------------------------------------------


class Action(enum.IntEnum):
    SHOW = 1
    CANCEL = 2


class Priority(enum.IntEnum):
    NORMAL = 1
    HIGH = 2


@dataclass(frozen=True)
class Notification:
    action: Action
    priority: Priority
    id: Optional[uuid.UUID]
    user: str
    device: str
    token: str
    collapse_key: str
    conversation: str
    kind: int
    conversation_name: str
    sender: str = field(metadata={"c": "from"})
    sender_name: str = field(metadata={"c": "from_name"})
    title: str = ""
    body: str = ""
    count: int = 0
    badge: int = 0
    seq: int = 0
    ts: int = 0
    trace_parent: str = ""


class Push(enum.IntEnum):
    """What has become of a push; `raise Later(seconds)` says when to try again."""
    SENT = 1
    LATER = 2
    GONE = 3
    REFUSED = 4


class Later(Exception):
    """The provider can't take it just now: not before so many seconds (0: the engine decides)."""

    def __init__(self, seconds: float = 0):
        self.seconds = seconds
        super().__init__(seconds)


class Notifier(Backend):
    """One notification to one device: include/chatcore/backend/notifier.h. When the engine stops, a
    coroutine is cancelled, and a plain method's answer is not waited for."""
    provider: str = ""
    cancels: bool = False
    gather_ms: int = 0
    threads = 8  # pushes to different devices must not wait for each other

    @abc.abstractmethod
    def push(self, notification: Notification,
             others: Sequence[Notification]) -> Maybe[Push]: ...


# --- search -----------------------------------------------------------------------------------------


class SearchAction(enum.IntEnum):
    PUT = 1
    EDIT = 2
    REMOVE = 3


@dataclass(frozen=True)
class SearchEntry:
    action: SearchAction
    conversation: str
    message: uuid.UUID
    offset: int
    seq: int
    ts: int
    sender: str = field(metadata={"c": "from"})
    text: str = ""


@dataclass(frozen=True)
class Scope:
    conversation: str
    from_seq: int


@dataclass(frozen=True)
class Hit:
    conversation: str
    seq: int
    message: uuid.UUID
    text: str
    place: int  # in the order of time: from 1, of this hit alone, and for good


class Search(Backend):
    """An index of what is said: include/chatcore/backend/search.h."""

    @abc.abstractmethod
    def index(self, partition: int, position: int, entries: Sequence[SearchEntry],
              begins_anew: bool) -> Maybe[None]: ...

    @abc.abstractmethod
    def position(self, partition: int) -> Maybe[int]: ...

    @abc.abstractmethod
    def query(self, text: str, scopes: Sequence[Scope], limit: int,
              before: int) -> Maybe[Page[Hit]]:
        """The newest hits (of places below `before`, if that is not 0), and whether it took too long, so that there may be older ones."""

    @abc.abstractmethod
    def forget(self, conversation: str, sender: str, before_seq: int,
               is_thorough: bool) -> Maybe[None]: ...


# --- auth, filter -----------------------------------------------------------------------------------

NEVER = 2 ** 63 - 1


@dataclass(frozen=True)
class Identity:
    """Whom a token is of. Times in milliseconds since the epoch."""
    user: str
    expires: int = NEVER
    admin: bool = False
    token_id: str = ""
    issued: int = 0


class Auth(Backend):
    """A token becomes a user: include/chatcore/backend/auth.h."""
    threads = 8

    @abc.abstractmethod
    def verify(self, token: str) -> Maybe[Optional[Identity]]:
        """None: it is not valid."""


@dataclass(frozen=True)
class Check:
    """A text on its way in."""
    user: str
    conversation: str
    text: str
    first_contact: bool


Verdict = Tuple[str, str]


class Filter(Backend):
    """What is said passes, is changed, flagged or rejected: include/chatcore/backend/filter.h."""

    @abc.abstractmethod
    def check(self, check: Check) -> Maybe[Optional[Verdict]]:
        """PASS (or None), CHANGE(text), FLAG(reason) or REJECT(reason)."""
