"""What the engine tells, as plain values: copied out of the library, so they may be kept."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Optional

import msgpack  # type: ignore[import]

from ._chatcore import ffi, lib

_KINDS = {1: "text", 2: "media", 3: "edit", 4: "delete", 5: "reaction", 6: "system"}
_ACTIONS = {0: None, 1: "created", 2: "renamed", 3: "added", 4: "removed", 5: "left", 6: "role",
            7: "retention"}
_CONVERSATIONS = {1: "direct", 2: "group", 3: "channel"}
_ROLES = {0: None, 1: "member", 2: "admin", 3: "owner"}


@dataclass(frozen=True)
class Message:
    conversation: str
    seq: int
    id: Optional[uuid.UUID]
    sender: str
    ts: int  # ms since the epoch
    kind: str
    text: str
    client_id: Optional[str]  # to the sender's own sessions only
    media: tuple[str, ...] = ()
    files: tuple[dict[str, Any], ...] = ()  # what the media are: type, bytes, name, width …
    reply_to: Optional[uuid.UUID] = None
    mentions: tuple[str, ...] = ()
    meta: Optional[dict[str, Any]] = None
    target: Optional[uuid.UUID] = None  # edit, delete, reaction: the message meant
    emoji: str = ""
    on: bool = False
    flagged: bool = False
    action: Optional[str] = None  # system
    users: tuple[str, ...] = ()
    name: str = ""
    role: Optional[str] = None


@dataclass(frozen=True)
class Conversation:
    id: str
    kind: str
    name: str
    members: int
    peer: Optional[str]
    role: Optional[str]
    head: int
    ts: int
    read: int
    delivered: int
    unread: int
    muted_until: int
    gone: bool


@dataclass(frozen=True)
class Presence:
    user: str
    online: bool
    last_seen: int


@dataclass(frozen=True)
class Receipt:
    conversation: str
    user: str
    delivered: int
    read: int
    ts: int


@dataclass(frozen=True)
class Typing:
    conversation: str
    user: str
    on: bool


@dataclass(frozen=True)
class Member:
    user: str
    role: Optional[str]


@dataclass(frozen=True)
class Profile:
    user: str
    name: str
    avatar: str
    meta: Optional[dict[str, Any]]


@dataclass(frozen=True)
class Invitation:
    token: str
    conversation: str
    creator: str
    created: int
    expires: int  # 0: never
    max_uses: int  # 0: any number
    uses: int


@dataclass(frozen=True)
class Synced:
    cursor: str


@dataclass(frozen=True)
class Closed:
    code: int
    reason: str


@dataclass(frozen=True)
class Reply:
    """The answer to a command; the members that the command has are set."""
    user: str = ""
    device: str = ""
    server_time: int = 0
    expires: int = 0
    conversation: str = ""
    message: Optional[uuid.UUID] = None
    ts: int = 0
    duplicate: bool = False
    seq: int = 0
    messages: tuple[Message, ...] = ()
    conversations: tuple[Conversation, ...] = ()
    members: tuple[Member, ...] = ()
    presence: tuple[Presence, ...] = ()
    users: tuple[str, ...] = ()
    profile: Optional[Profile] = None
    more: bool = False
    media: str = ""
    method: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cursor: str = ""  # search, export: of the next page
    invitations: tuple[Invitation, ...] = ()


@dataclass(frozen=True)
class Event:
    """A push to a session: exactly one member is not None."""
    message: Optional[Message] = None
    receipt: Optional[Receipt] = None
    typing: Optional[Typing] = None
    presence: Optional[Presence] = None
    conversation: Optional[Conversation] = None
    synced: Optional[Synced] = None
    closed: Optional[Closed] = None


@dataclass(frozen=True)
class Batch:
    """What a consumer is given at once, of one partition of the log."""
    partition: int
    messages: tuple[Message, ...]
    offsets: tuple[int, ...]
    next: int  # the position behind them
    is_cut: bool


def raw(part: Any) -> bytes:
    return bytes(ffi.buffer(part.data, part.size)) if part.size else b""


def text(part: Any) -> str:
    return raw(part).decode("utf8", "replace")


def texts(parts: Any, count: int) -> tuple[str, ...]:
    return tuple(text(parts[i]) for i in range(count))


def identifier(value: Any) -> Optional[uuid.UUID]:
    found = bytes(ffi.buffer(value.bytes))
    return uuid.UUID(bytes=found) if any(found) else None


def meta(part: Any) -> Optional[dict[str, Any]]:
    return msgpack.unpackb(raw(part), strict_map_key=False) if part.size else None


def files(part: Any) -> tuple[dict[str, Any], ...]:
    return tuple(msgpack.unpackb(raw(part))) if part.size else ()


def message(m: Any) -> Message:
    return Message(
        conversation=text(m.conversation), seq=m.seq, id=identifier(m.id), sender=text(getattr(m, "from")),
        ts=m.ts, kind=_KINDS.get(m.kind, "unknown"), text=text(m.text),
        client_id=text(m.client_id) or None, media=texts(m.media, m.media_count), files=files(m.files),
        reply_to=identifier(m.reply_to), mentions=texts(m.mentions, m.mention_count),
        meta=meta(m.meta), target=identifier(m.target), emoji=text(m.emoji), on=m.on,
        flagged=m.flagged, action=_ACTIONS.get(m.action), users=texts(m.users, m.user_count),
        name=text(m.name), role=_ROLES.get(m.role))


def conversation(c: Any) -> Conversation:
    return Conversation(
        id=text(c.conversation.id), kind=_CONVERSATIONS.get(c.conversation.kind, "unknown"),
        name=text(c.conversation.name), members=c.conversation.member_count,
        peer=text(c.peer) or None, role=_ROLES.get(c.role), head=c.head, ts=c.ts, read=c.read,
        delivered=c.delivered, unread=c.unread, muted_until=c.muted_until, gone=c.gone)


def presence(p: Any) -> Presence:
    return Presence(text(p.user), p.status == lib.CC_PRESENCE_ONLINE, p.last_seen)


def profile(p: Any) -> Profile:
    return Profile(text(p.user), text(p.name), text(p.avatar), meta(p.meta))


def reply(r: Any) -> Reply:
    return Reply(
        user=text(r.user), device=text(r.device), server_time=r.server_time, expires=r.expires,
        conversation=text(r.conversation), message=identifier(r.message), ts=r.ts,
        duplicate=r.duplicate, seq=r.seq,
        messages=tuple(message(r.messages[i]) for i in range(r.message_count)),
        conversations=tuple(conversation(r.conversations[i])
                            for i in range(r.conversation_count)),
        members=tuple(Member(text(r.members[i].user), _ROLES.get(r.members[i].role))
                      for i in range(r.member_count)),
        presence=tuple(presence(r.presence[i]) for i in range(r.presence_count)),
        users=texts(r.users, r.user_count), profile=profile(r.profile) if r.profile else None,
        more=r.more, media=text(r.media), method=text(r.method), url=text(r.url),
        headers=tuple((text(r.headers[i].name), text(r.headers[i].value))
                      for i in range(r.header_count)),
        cursor=text(r.cursor),
        invitations=tuple(invitation(r.invitations[i]) for i in range(r.invitation_count)))


def invitation(i: Any) -> Invitation:
    return Invitation(text(i.token), text(i.conversation), text(i.creator), i.created, i.expires,
                      i.max_uses, i.uses)


def push(event: Any) -> Optional[Event]:
    """A session's event but for replies; None for a kind that this version does not know."""
    kind, u = event.type, event.u
    if kind == lib.CC_EVENT_MESSAGE:
        return Event(message=message(u.message))
    if kind == lib.CC_EVENT_RECEIPT:
        r = u.receipt
        return Event(receipt=Receipt(text(r.conversation), text(r.user), r.delivered, r.read, r.ts))
    if kind == lib.CC_EVENT_TYPING:
        t = u.typing
        return Event(typing=Typing(text(t.conversation), text(t.user), t.on))
    if kind == lib.CC_EVENT_PRESENCE:
        return Event(presence=presence(u.presence))
    if kind == lib.CC_EVENT_CONVERSATION:
        return Event(conversation=conversation(u.conversation))
    if kind == lib.CC_EVENT_SYNCED:
        return Event(synced=Synced(text(u.synced.cursor)))
    if kind == lib.CC_EVENT_CLOSED:
        return Event(closed=Closed(int(u.closed.code), text(u.closed.reason)))
    return None


def batch(consumed: Any) -> Batch:
    return Batch(consumed.partition,
                 tuple(message(consumed.messages[i]) for i in range(consumed.count)),
                 tuple(consumed.offsets[i] for i in range(consumed.count)),
                 consumed.next, consumed.is_cut)
