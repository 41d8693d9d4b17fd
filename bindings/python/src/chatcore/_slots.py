"""The slots of every port: how an operation's members become a method's arguments, and its answer
the `ret_` members. One table for each port; the vtables are made from them.
"""
from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

from . import backends as b
from ._chatcore import ffi, lib
from ._convert import Answer, identifier, name, raw, reader, text, writer
from ._errors import ChatError, Code

Read = Callable[[Any], Any]  # an operation → an argument
Write = Callable[[Answer, Any], "dict[str, Any]"]  # an answer → the members to set


@dataclass(frozen=True)
class Slot:
    method: str
    arguments: Sequence[Read]
    gives: Write


# --- arguments --------------------------------------------------------------------------------------


def value(member: str, kind: Any = int) -> Read:
    read = reader(kind)
    return lambda op: read(getattr(op, member))


def named(member: str) -> Read:
    return lambda op: name(getattr(op, member))


def maybe(member: str, kind: Any) -> Read:
    """None where the data is NULL."""
    read = reader(kind)
    return lambda op: None if getattr(op, member).data == ffi.NULL else read(getattr(op, member))


def given(flag: str, read: Read) -> Read:
    return lambda op: read(op) if getattr(op, flag) else None


def many(member: str, kind: Any, count: str = "count") -> Read:
    read = name if kind is name else reader(kind)

    def all_of(op: Any) -> "list[Any]":
        array = getattr(op, member)
        return [read(array[at]) for at in range(getattr(op, count))]
    return all_of


# --- answers ----------------------------------------------------------------------------------------


def nothing(answer: Answer, result: None) -> "dict[str, Any]":
    return {}


def gives(member: str, kind: Any = int) -> Write:
    write = writer(kind)
    return lambda answer, result: {member: write(answer, result)}


def gives_all(kind: Any, *members: str) -> Write:
    """A dataclass whose members are the operation's own."""
    write = writer(kind)
    return lambda answer, result: {"ret_" + key: found for key, found
                                   in write(answer, result).items()}


def gives_pair(first: str, second: str) -> Write:
    return lambda answer, result: {first: int(result[0]), second: int(result[1])}


def gives_many(member: str, kind: Any, struct: str, count: Optional[str] = "ret_count") -> Write:
    def write(answer: Answer, result: Sequence[Any]) -> "dict[str, Any]":
        items = list(result)
        found = {member: answer.array(kind, struct, items)}
        if count:
            found[count] = len(items)
        return found
    return write


def gives_page(member: str, kind: Any, struct: str, more: str = "ret_more") -> Write:
    write = gives_many(member, kind, struct)

    def page(answer: Answer, result: "tuple[Sequence[Any], bool]") -> "dict[str, Any]":
        return {**write(answer, result[0]), more: bool(result[1])}
    return page


# --- log, store -------------------------------------------------------------------------------------


def _committed(answer: Answer, result: Optional[int]) -> "dict[str, Any]":
    return {"ret_offset": result or 0, "ret_known": result is not None}


_position = (named("consumer"), value("partition"))

LOG = {
    "append": Slot("append", (value("partition"), many("records", bytes)), gives("ret_offset")),
    "read": Slot("read", (value("partition"), value("offset"), value("max_records"),
                          value("max_bytes")),
                 gives_many("ret_records", b.LogRecord, "struct cc_log_record")),
    "bounds": Slot("bounds", (value("partition"),), gives_pair("ret_first", "ret_next")),
    "watch": Slot("owned", (), gives_many("ret_owned", int, "uint32_t")),
    "commit": Slot("commit", (*_position, value("offset")), nothing),
    "committed": Slot("committed", _position, _committed),
    "forget": Slot("forget", _position, nothing),
    "trim": Slot("trim", (value("partition"), value("before")), nothing),
}


def _heads(answer: Answer, result: "Sequence[Optional[b.Head]]") -> "dict[str, Any]":
    none = b.Head("")
    return {"ret_heads": answer.array(b.Head, "struct cc_store_head",
                                      [head or none for head in result])}


_names = many("conversations", name)

STORE = {
    "write": Slot("write", (value("partition"), value("offset"), value("dedup_before"),
                            many("rows", b.Row, "row_count"), many("heads", b.Head, "head_count"),
                            many("inbox", b.InboxEntry, "inbox_count"),
                            many("dedup", b.DedupRun, "dedup_count")), nothing),
    "write_cursors": Slot("write_cursors", (many("cursors", b.Cursor),), nothing),
    "read_offset": Slot("read_offset", (value("partition"),), gives("ret_offset")),
    "read_rows": Slot("read_rows", (named("conversation"), value("from"), value("to"),
                                    value("limit"), value("descending")),
                      gives_many("ret_rows", b.Row, "struct cc_store_row")),
    "read_heads": Slot("read_heads", (_names,), _heads),
    "read_inbox": Slot("read_inbox", (named("user"), value("partition"), value("from"),
                                      value("before"), value("limit")),
                       gives_page("ret_entries", b.InboxEntry, "struct cc_store_inbox")),
    "read_dedup": Slot("read_dedup", (value("partition"), named("sender")),
                       gives_many("ret_runs", b.DedupRun, "struct cc_store_dedup")),
    "read_cursors": Slot("read_cursors", (
        named("user"), value("device", str),
        lambda op: None if op.conversations == ffi.NULL else _names(op), value("limit")),
        gives_many("ret_cursors", b.Cursor, "struct cc_store_cursor")),
    "list_heads": Slot("list_heads", (value("after", str), value("limit")),
                       gives_page("ret_heads", b.Head, "struct cc_store_head")),
    "amend": Slot("amend", (named("conversation"), value("before"),
                            many("rows", b.Row, "row_count")), nothing),
    "forget_cursors": Slot("forget_cursors", (named("user"),), nothing),
}

# --- directory --------------------------------------------------------------------------------------


def _relation(op: Any) -> b.Relation:
    if op.relation not in (1, 2):
        raise ChatError(Code.EINVAL)
    return b.Relation(op.relation)


def _enum(member: str, kind: Any) -> Read:
    """What is beyond the table is refused, as a value that no row can hold."""
    def read(op: Any) -> Any:
        try:
            return kind(int(getattr(op, member)))
        except ValueError:
            raise ChatError(Code.EINVAL) from None
    return read


def _privacy_of(member: str, kind: Any) -> Read:
    read = _enum(member, kind)
    return lambda op: read(op.privacy)


def _members(op: Any) -> "list[b.Member]":
    """User and role; a removal says no role."""
    found = []
    for at in range(op.count):
        role = op.members[at].role
        found.append(b.Member(name(op.members[at].user),
                              b.Role(role) if 1 <= role <= 3 else b.Role.MEMBER))
    if len({member.user for member in found}) != len(found):
        raise ChatError(Code.EINVAL)
    return found


_conversation = writer(b.Conversation)
_member = writer(b.Member)


def _membership(answer: Answer, found: b.Membership) -> "dict[str, Any]":
    return {"conversation": _conversation(answer, found.conversation),
            "member": _member(answer, found.member or b.Member("")),
            "muted_until": found.muted_until}


def _one_member(answer: Answer, found: b.Membership) -> "dict[str, Any]":
    made = {"ret_" + key: part for key, part in _membership(answer, found).items()}
    return {**made, "ret_is_member": found.member is not None}


def _memberships(answer: Answer,
                 result: "tuple[Sequence[b.Membership], bool]") -> "dict[str, Any]":
    items = list(result[0])
    size = ffi.sizeof("struct cc_membership")
    array = ffi.cast("struct cc_membership *", answer.room(max(1, len(items)) * size))
    for at, item in enumerate(items):
        array[at] = _membership(answer, item)
    return {"ret_memberships": array, "ret_count": len(items), "ret_more": bool(result[1])}


def _unless_empty(member: str) -> Read:
    return lambda op: text(getattr(op, member)) or None


def _revocations(answer: Answer,
                 result: "tuple[Sequence[b.Revocation], bool, int]") -> "dict[str, Any]":
    write = gives_page("ret_revocations", b.Revocation, "struct cc_revocation")
    return {**write(answer, (result[0], result[1])), "ret_newest": result[2]}


DIRECTORY = {
    "profile_get": Slot("profile_get", (named("user"),), gives_all(b.Profile)),
    "profile_put": Slot("profile_put", (
        named("user"), maybe("name", str), maybe("avatar", str), maybe("meta", bytes),
        given("sets_presence", _privacy_of("presence", b.Audience)),
        given("sets_read_marks", _privacy_of("read_marks", b.ReadMarks))), nothing),
    "privacy": Slot("privacy", (many("users", name),),
                    gives_many("ret_privacy", b.Privacy, "struct cc_privacy", None)),
    "relate": Slot("relate", (named("user"), named("other"), _relation, value("on")), nothing),
    "relation": Slot("relation", (named("user"), named("other")),
                     gives_pair("ret_user_to_other", "ret_other_to_user")),
    "related": Slot("related", (named("user"), _relation, value("reverse"), value("after", str),
                                value("limit")),
                    gives_page("ret_users", str, "struct cc_slice")),
    "device_put": Slot("device_put", (named("user"), value("device", b.Device)), nothing),
    "devices": Slot("devices", (named("user"),),
                    gives_many("ret_devices", b.Device, "struct cc_device")),
    "revoke": Slot("revoke", (value("revocation", b.Revocation),), nothing),
    "revoked": Slot("revoked", (named("user"), value("token_id", str), value("issued")),
                    gives("ret_is_revoked")),
    "revocations": Slot("revocations", (value("after"), value("limit")), _revocations),
    "conversation": Slot("conversation", (named("conversation"),),
                         gives("ret_conversation", b.Conversation)),
    "member": Slot("member", (named("conversation"), named("user")), _one_member),
    "members": Slot("members", (named("conversation"), value("at_version"), value("after", str),
                                value("limit")),
                    gives_page("ret_members", b.Member, "struct cc_member")),
    "memberships": Slot("memberships", (named("user"), value("after", str), value("limit")),
                        _memberships),
    "retained": Slot("retained", (value("after", str), value("limit")),
                     gives_page("ret_conversations", b.Conversation, "struct cc_conversation")),
    "mute": Slot("mute", (named("user"), named("conversation"), value("until")), nothing),
    "create": Slot("create", (
        named("conversation"), _enum("kind", b.Kind), value("name", str), value("created"),
        value("partition"), _members, value("payload", bytes)), nothing),
    "change": Slot("change", (
        named("conversation"), value("expected_version"), _enum("kind", b.Change),
        maybe("name", str), _members, given("sets_retention", value("retention_s")),
        value("partition"), value("payload", bytes), _unless_empty("invitation"),
        value("bars")), gives_pair("ret_version", "ret_member_count")),
    "invite": Slot("invite", (value("invitation", b.Invitation), value("now")), nothing),
    "uninvite": Slot("uninvite", (named("conversation"), named("token")), nothing),
    "invitation": Slot("invitation", (value("token", str), value("user", str)),
                       gives_all(b.Invited)),
    "invitations": Slot("invitations", (
        _unless_empty("conversation"), _unless_empty("creator"), value("after", str),
        value("limit")), gives_page("ret_invitations", b.Invitation, "struct cc_invitation")),
    "outbox": Slot("outbox", (value("partition"), value("limit")),
                   gives_page("ret_entries", b.OutboxEntry, "struct cc_outbox_entry")),
    "outbox_done": Slot("outbox_done", (value("partition"), named("conversation"),
                                        value("version")), nothing),
}

# --- cluster, media ---------------------------------------------------------------------------------


def _locations(answer: Answer, result: "Sequence[b.Location]") -> "dict[str, Any]":
    items = list(result)
    size = ffi.sizeof("struct cc_cluster_location")
    array = ffi.cast("struct cc_cluster_location *", answer.room(max(1, len(items)) * size))
    for at, item in enumerate(items):
        array[at] = {"nodes": answer.array(str, "struct cc_slice", list(item.nodes)),
                     "node_count": len(item.nodes), "last_seen": item.last_seen}
    return {"ret_locations": array}


CLUSTER = {
    "announce": Slot("announce", (many("users", str), value("on"), value("last_seen"),
                                  value("ttl_ms")), nothing),
    "locate": Slot("locate", (many("users", str),), _locations),
    "owner_put": Slot("owner_put", (value("partition"), value("ttl_ms")), nothing),
    "owner_get": Slot("owner_get", (value("partition"),), gives("ret_node", str)),
    "receive": Slot("", (), gives_many("ret_messages", b.BusMessage,
                                       "struct cc_cluster_message")),
}


def _upload(answer: Answer, signed: b.SignedUpload) -> "dict[str, Any]":
    return {"ret_url": answer.slice(signed.url), "ret_method": answer.slice(signed.method),
            "ret_headers": answer.array(b.Header, "struct cc_header", list(signed.headers)),
            "ret_header_count": len(signed.headers)}


_id = value("id", uuid.UUID)

MEDIA = {
    "upload": Slot("upload", (_id, value("info", b.MediaInfo),
                              given("has_sha256", lambda op: bytes(ffi.buffer(op.sha256))),
                              value("expires")), _upload),
    "download": Slot("download", (_id, value("expires")), gives("ret_url", str)),
    "head": Slot("head", (_id,), gives("ret_info", b.MediaInfo)),
    "remove": Slot("remove", (_id,), nothing),
    "list": Slot("list", (lambda op: identifier(op.after), value("limit")),
                 gives_page("ret_ids", uuid.UUID, "struct cc_id")),
}

# --- notifier, search, auth, filter -----------------------------------------------------------------

_notification = reader(b.Notification)


def _push(answer: Answer, result: "b.Push | b.Later") -> "dict[str, Any]":
    if isinstance(result, b.Later):
        return {"ret_result": int(b.Push.LATER), "ret_retry_after_ms": int(result.seconds * 1000)}
    return {"ret_result": int(b.Push(result))}


NOTIFIER = {
    "push": Slot("push", (value("notification", b.Notification),
                          lambda op: [_notification(op.others[at][0])
                                      for at in range(op.other_count)]), _push),
}

SEARCH = {
    "index": Slot("index", (value("partition"), value("position"), many("entries", b.SearchEntry),
                            value("begins_anew")), nothing),
    "position": Slot("position", (value("partition"),), gives("ret_position")),
    "query": Slot("query", (value("text", str), many("scopes", b.Scope, "scope_count"),
                            value("limit"), value("before")),
                  gives_page("ret_hits", b.Hit, "struct cc_search_hit", "ret_is_cut")),
    "forget": Slot("forget", (value("conversation", str), value("from", str),
                              value("before_seq"), value("is_thorough")), nothing),
}


def _identity(answer: Answer, found: Optional[b.Identity]) -> "dict[str, Any]":
    if found is None:
        raise ChatError(Code.EUNAUTHORIZED)
    if found.expires <= time.time() * 1000:
        raise ChatError(Code.EEXPIRED)
    return {"ret_user": answer.slice(found.user), "ret_expires": found.expires,
            "ret_admin": found.admin, "ret_token_id": answer.slice(found.token_id),
            "ret_issued": found.issued}


_VERDICTS = {"pass": lib.CC_FILTER_PASS, "change": lib.CC_FILTER_CHANGE,
             "flag": lib.CC_FILTER_FLAG, "reject": lib.CC_FILTER_REJECT}


def _verdict(answer: Answer, found: Optional[b.Verdict]) -> "dict[str, Any]":
    verdict, said = found or ("pass", "")
    member = "ret_text" if verdict == "change" else "ret_reason"
    return {"ret_verdict": _VERDICTS[verdict], member: answer.slice(said)}


AUTH = {"verify": Slot("verify", (value("token", str),), _identity)}
FILTER = {
    "check": Slot("check", (lambda op: b.Check(text(op.user), text(op.conversation),
                                               text(op.text), op.first_contact),), _verdict),
}

PORTS = {"log": LOG, "store": STORE, "directory": DIRECTORY, "cluster": CLUSTER, "media": MEDIA,
         "notifier": NOTIFIER, "search": SEARCH, "auth": AUTH, "filter": FILTER}

__all__ = ["PORTS", "Slot", "raw"]
