"""Log, store and directory on SQLite, in Python: a whole engine on backends of one's own.

    from sqlite_backends import SqliteDirectory, SqliteLog, SqliteStore

    chatcore.Engine(None, log=SqliteLog("chat"), store=SqliteStore("chat"),
                    directory=SqliteDirectory("chat"))

Each has a file and a thread of its own. All three pass the conformance suites of their ports:
tests/test_backends.py.
"""
from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Any, Iterator, Optional, Sequence, Tuple

from chatcore import ChatError, Code
from chatcore import backends as b

LARGEST = 2 ** 63 - 1  # SQLite's


def bounded(number: int) -> int:
    return min(number, LARGEST)


class Sqlite:
    """A database in a folder, opened and used on the backend's thread."""
    FILE = ""
    SCHEMA = ""

    def __init__(self, folder: "str | os.PathLike[str]"):
        self._folder = folder

    def open(self) -> None:
        os.makedirs(self._folder, exist_ok=True)
        self.db = sqlite3.connect(os.path.join(self._folder, self.FILE), isolation_level=None)
        self.db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + self.SCHEMA)

    def close(self) -> None:
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def one(self, query: str, *values: Any) -> Any:
        return self.db.execute(query, values).fetchone()

    def page(self, query: str, limit: int, *values: Any) -> "Tuple[list[Any], bool]":
        """Up to `limit` rows of a query without one, and whether there are more."""
        rows = self.db.execute(query + " LIMIT ?", (*values, bounded(limit + 1))).fetchall()
        return rows[:limit], len(rows) > limit


class SqliteLog(Sqlite, b.Log):
    FILE = "log.db"
    SCHEMA = """
        CREATE TABLE IF NOT EXISTS record (partition, offset, data BLOB,
                                           PRIMARY KEY (partition, offset));
        CREATE TABLE IF NOT EXISTS edge (partition PRIMARY KEY, first, next);
        CREATE TABLE IF NOT EXISTS position (consumer, partition, offset,
                                             PRIMARY KEY (consumer, partition));
    """

    def __init__(self, folder: "str | os.PathLike[str]", partitions: int = 1):
        super().__init__(folder)
        self.partitions = partitions

    def bounds(self, partition: int) -> Tuple[int, int]:
        return self.one("SELECT first, next FROM edge WHERE partition = ?", partition) or (0, 0)

    def append(self, partition: int, records: Sequence[bytes]) -> int:
        with self.transaction():
            first, begin = self.bounds(partition)
            self.db.executemany("INSERT INTO record VALUES (?, ?, ?)", (
                (partition, begin + at, data) for at, data in enumerate(records)))
            self.db.execute("REPLACE INTO edge VALUES (?, ?, ?)",
                            (partition, first, begin + len(records)))
        return begin

    def read(self, partition: int, offset: int, max_records: int,
             max_bytes: int) -> "list[b.LogRecord]":
        if offset < self.bounds(partition)[0]:
            raise ChatError(Code.ETRIMMED)
        found: "list[b.LogRecord]" = []
        size = 0
        for at, data in self.db.execute(
                "SELECT offset, data FROM record WHERE partition = ? AND offset >= ? "
                "ORDER BY offset LIMIT ?", (partition, bounded(offset),
                                            bounded(max(1, max_records)))):
            size += len(data)
            if found and size > max_bytes:
                break
            found.append(b.LogRecord(at, data))
        return found

    def commit(self, consumer: str, partition: int, offset: int) -> None:
        self.db.execute("REPLACE INTO position VALUES (?, ?, ?)",
                        (consumer, partition, bounded(offset)))

    def committed(self, consumer: str, partition: int) -> Optional[int]:
        found = self.one("SELECT offset FROM position WHERE consumer = ? AND partition = ?",
                         consumer, partition)
        return found[0] if found else None

    def forget(self, consumer: str, partition: int) -> None:
        self.db.execute("DELETE FROM position WHERE consumer = ? AND partition = ?",
                        (consumer, partition))

    def trim(self, partition: int, before: int) -> None:
        with self.transaction():
            first, end = self.bounds(partition)
            wanted = self.one("SELECT min(offset) FROM position WHERE partition = ?", partition)[0]
            first = max(first, min(before, end, end if wanted is None else wanted))
            self.db.execute("DELETE FROM record WHERE partition = ? AND offset < ?",
                            (partition, first))
            self.db.execute("REPLACE INTO edge VALUES (?, ?, ?)", (partition, first, end))


class SqliteStore(Sqlite, b.Store):
    FILE = "store.db"
    SCHEMA = """
        CREATE TABLE IF NOT EXISTS row (conversation, seq, offset, body BLOB,
                                        PRIMARY KEY (conversation, seq));
        CREATE TABLE IF NOT EXISTS head (conversation PRIMARY KEY, seq, offset, member_version, ts,
                                         said);
        CREATE TABLE IF NOT EXISTS inbox (user, partition, offset, conversation, seq,
                                          PRIMARY KEY (user, partition, offset, conversation));
        CREATE TABLE IF NOT EXISTS dedup (partition, sender, offset, ts, entries BLOB,
                                          PRIMARY KEY (partition, sender, offset));
        CREATE INDEX IF NOT EXISTS dedup_age ON dedup (partition, ts);
        CREATE TABLE IF NOT EXISTS cursor (user, device, conversation, delivered, read,
                                           PRIMARY KEY (user, device, conversation));
        CREATE TABLE IF NOT EXISTS reached (partition PRIMARY KEY, offset);
    """

    def write(self, partition: int, offset: int, dedup_before: int, rows: Sequence[b.Row],
              heads: Sequence[b.Head], inbox: Sequence[b.InboxEntry],
              dedup: Sequence[b.DedupRun]) -> None:
        put = self.db.executemany
        with self.transaction():
            put("INSERT OR IGNORE INTO row VALUES (?, ?, ?, ?)",
                ((r.conversation, r.seq, r.offset, r.body) for r in rows))
            put("INSERT INTO head VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "(seq, offset, member_version, ts, said) = (excluded.seq, excluded.offset, "
                "excluded.member_version, excluded.ts, excluded.said) WHERE excluded.seq > seq",
                ((h.conversation, h.seq, h.offset, h.member_version, h.ts, h.said) for h in heads))
            put("INSERT OR IGNORE INTO inbox VALUES (?, ?, ?, ?, ?)",
                ((e.user, partition, e.offset, e.conversation, e.seq) for e in inbox))
            self.db.execute("DELETE FROM dedup WHERE partition = ? AND ts < ?",
                            (partition, dedup_before))
            put("INSERT OR IGNORE INTO dedup VALUES (?, ?, ?, ?, ?)",
                ((partition, d.sender, d.offset, d.ts, d.entries) for d in dedup))
            self.db.execute("INSERT INTO reached VALUES (?, ?) ON CONFLICT DO UPDATE SET "
                            "offset = max(offset, excluded.offset)", (partition, offset))

    def write_cursors(self, cursors: Sequence[b.Cursor]) -> None:
        with self.transaction():
            self.db.executemany(
                "INSERT INTO cursor VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "delivered = max(delivered, excluded.delivered), read = max(read, excluded.read)",
                ((c.user, c.device, c.conversation, c.delivered, c.read) for c in cursors))

    def read_offset(self, partition: int) -> int:
        found = self.one("SELECT offset FROM reached WHERE partition = ?", partition)
        return found[0] if found else 0

    def read_rows(self, conversation: str, first: int, last: int, limit: int,
                  descending: bool) -> "list[b.Row]":
        rows = [b.Row(*row) for row in self.db.execute(
            "SELECT * FROM row WHERE conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq "
            + ("DESC" if descending else "ASC") + " LIMIT ?",
            (conversation, bounded(first), bounded(last), bounded(limit)))]
        return rows[::-1] if descending else rows

    def read_heads(self, conversations: Sequence[str]) -> "list[Optional[b.Head]]":
        found = [self.one("SELECT * FROM head WHERE conversation = ?", name)
                 for name in conversations]
        return [b.Head(*row) if row else None for row in found]

    def read_inbox(self, user: str, partition: int, first: int, before: int,
                   limit: int) -> "Tuple[list[b.InboxEntry], bool]":
        rows, more = self.page(
            "SELECT user, offset, conversation, seq FROM inbox WHERE user = ? AND partition = ? "
            "AND offset >= ? AND offset < ? ORDER BY offset", limit, user, partition,
            bounded(first), bounded(before))
        return [b.InboxEntry(*row) for row in rows], more

    def read_dedup(self, partition: int, sender: str) -> "list[b.DedupRun]":
        return [b.DedupRun(*row) for row in self.db.execute(
            "SELECT sender, offset, ts, entries FROM dedup WHERE partition = ? AND sender = ? "
            "ORDER BY offset", (partition, sender))]

    def read_cursors(self, user: str, device: str, conversations: Optional[Sequence[str]],
                     limit: int) -> "list[b.Cursor]":
        query = "SELECT * FROM cursor WHERE user = ? AND device = ?"
        if conversations is None:
            return [b.Cursor(*row) for row in self.page(query, limit, user, device)[0]]
        found = [self.one(query + " AND conversation = ?", user, device, name)
                 for name in conversations]
        return [b.Cursor(*row) for row in found if row]

    def list_heads(self, after: str, limit: int) -> "Tuple[list[b.Head], bool]":
        rows, more = self.page("SELECT * FROM head WHERE conversation > ? ORDER BY conversation",
                               limit, after)
        return [b.Head(*row) for row in rows], more

    def amend(self, conversation: str, before: int, rows: Sequence[b.Row]) -> None:
        with self.transaction():
            self.db.execute("DELETE FROM row WHERE conversation = ? AND seq < ?",
                            (conversation, bounded(before)))
            self.db.executemany("UPDATE row SET body = ? WHERE conversation = ? AND seq = ?",
                                ((r.body, conversation, r.seq) for r in rows))

    def forget_cursors(self, user: str) -> None:
        self.db.execute("DELETE FROM cursor WHERE user = ?", (user,))


class SqliteDirectory(Sqlite, b.Directory):
    """A tenure is the time between two versions in which a user is a member with one role."""
    FILE = "directory.db"
    SCHEMA = """
        CREATE TABLE IF NOT EXISTS profile (user PRIMARY KEY, name DEFAULT '', avatar DEFAULT '',
            meta BLOB DEFAULT x'', presence DEFAULT 0, read_marks DEFAULT 0);
        CREATE TABLE IF NOT EXISTS relation (user, other, kind, PRIMARY KEY (user, other, kind));
        CREATE INDEX IF NOT EXISTS relation_reverse ON relation (other, kind);
        CREATE TABLE IF NOT EXISTS device (user, device, provider, token,
                                           PRIMARY KEY (user, device));
        CREATE TABLE IF NOT EXISTS revocation (kind, name, before, number UNIQUE,
                                               PRIMARY KEY (kind, name));
        CREATE TABLE IF NOT EXISTS conversation (id PRIMARY KEY, kind, name, version, member_count,
                                                 created, was_large, retention_s);
        CREATE TABLE IF NOT EXISTS tenure (conversation, user, role, since, start, finish,
            muted_until DEFAULT 0, PRIMARY KEY (conversation, user, start));
        CREATE INDEX IF NOT EXISTS tenure_user ON tenure (user, conversation)
            WHERE finish IS NULL;
        CREATE TABLE IF NOT EXISTS invitation (token PRIMARY KEY, conversation, creator, created,
                                               expires, max_uses, uses);
        CREATE INDEX IF NOT EXISTS invitation_of ON invitation (conversation, token);
        CREATE INDEX IF NOT EXISTS invitation_by ON invitation (creator, token);
        CREATE TABLE IF NOT EXISTS barred (conversation, user, PRIMARY KEY (conversation, user));
        CREATE TABLE IF NOT EXISTS outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, partition,
                                           conversation, version, payload BLOB);
    """

    # --- users

    def profile_get(self, user: str) -> b.Profile:
        row = self.one("SELECT name, avatar, meta, presence, read_marks FROM profile "
                       "WHERE user = ?", user)
        if not row:
            raise ChatError(Code.ENOTFOUND)
        return b.Profile(*row[:3], b.Privacy(b.Audience(row[3]), b.ReadMarks(row[4])))

    def profile_put(self, user: str, name: Optional[str], avatar: Optional[str],
                    meta: Optional[bytes], presence: Optional[b.Audience],
                    read_marks: Optional[b.ReadMarks]) -> None:
        given = {"name": name, "avatar": avatar, "meta": meta, "presence": presence,
                 "read_marks": read_marks}
        with self.transaction():
            self.db.execute("INSERT OR IGNORE INTO profile (user) VALUES (?)", (user,))
            for column, value in given.items():
                if value is not None:
                    self.db.execute(f"UPDATE profile SET {column} = ? WHERE user = ?",
                                    (value, user))

    def privacy(self, users: Sequence[str]) -> "list[b.Privacy]":
        rows = [self.one("SELECT presence, read_marks FROM profile WHERE user = ?", user)
                for user in users]
        return [b.Privacy(*row) if row else b.Privacy() for row in rows]

    def relate(self, user: str, other: str, relation: b.Relation, on: bool) -> None:
        self.db.execute("INSERT OR IGNORE INTO relation VALUES (?, ?, ?)" if on else
                        "DELETE FROM relation WHERE user = ? AND other = ? AND kind = ?",
                        (user, other, int(relation)))

    def relation(self, user: str, other: str) -> Tuple[b.Relation, b.Relation]:
        bits = [self.one("SELECT ifnull(sum(kind), 0) FROM relation WHERE user = ? AND other = ?",
                         *pair)[0] for pair in ((user, other), (other, user))]
        return b.Relation(bits[0]), b.Relation(bits[1])

    def related(self, user: str, relation: b.Relation, reverse: bool, after: str,
                limit: int) -> "Tuple[list[str], bool]":
        own, wanted = ("other", "user") if reverse else ("user", "other")
        rows, more = self.page(f"SELECT {wanted} FROM relation WHERE {own} = ? AND kind = ? "
                               f"AND {wanted} > ? ORDER BY {wanted}", limit, user, int(relation),
                               after)
        return [row[0] for row in rows], more

    def device_put(self, user: str, device: b.Device) -> None:
        if device.token:
            self.db.execute("REPLACE INTO device VALUES (?, ?, ?, ?)",
                            (user, device.device, device.provider, device.token))
        else:
            self.db.execute("DELETE FROM device WHERE user = ? AND device = ?",
                            (user, device.device))

    def devices(self, user: str) -> "list[b.Device]":
        return [b.Device(*row) for row in self.db.execute(
            "SELECT device, provider, token FROM device WHERE user = ?", (user,))]

    # --- revocations

    def revoke(self, revocation: b.Revocation) -> None:
        self.db.execute(
            "INSERT INTO revocation VALUES (?, ?, ?, (SELECT ifnull(max(number), 0) + 1 "
            "FROM revocation)) ON CONFLICT (kind, name) DO UPDATE SET before = max(before, "
            "excluded.before), number = excluded.number",
            (int(revocation.kind), revocation.name, revocation.before))

    def revoked(self, user: str, token_id: str, issued: int) -> bool:
        return self.one("SELECT 1 FROM revocation WHERE kind = 1 AND name = ? AND before > ? OR "
                        "kind = 2 AND name = ?", user, issued, token_id) is not None

    def revocations(self, after: int, limit: int) -> "Tuple[list[b.Revocation], bool, int]":
        rows, more = self.page("SELECT * FROM revocation WHERE number > ? ORDER BY number", limit,
                               bounded(after))
        newest = self.one("SELECT ifnull(max(number), 0) FROM revocation")[0]
        return [b.Revocation(b.Revoked(row[0]), *row[1:]) for row in rows], more, newest

    # --- conversations

    @staticmethod
    def _made(row: Sequence[Any]) -> b.Conversation:
        return b.Conversation(row[0], b.Kind(row[1]), *row[2:6], bool(row[6]), row[7])

    def conversation(self, conversation: str) -> b.Conversation:
        row = self.one("SELECT * FROM conversation WHERE id = ?", conversation)
        if not row:
            raise ChatError(Code.ENOTFOUND)
        return self._made(row)

    def member(self, conversation: str, user: str) -> b.Membership:
        found = self.conversation(conversation)
        row = self.one("SELECT role, since, muted_until FROM tenure WHERE conversation = ? AND "
                       "user = ? AND finish IS NULL", conversation, user)
        if not row:
            return b.Membership(found)
        return b.Membership(found, b.Member(user, b.Role(row[0]), row[1]), row[2])

    def members(self, conversation: str, at_version: int, after: str,
                limit: int) -> "Tuple[list[b.Member], bool]":
        self.conversation(conversation)
        at = bounded(at_version or LARGEST)
        rows, more = self.page(
            "SELECT user, role, since FROM tenure WHERE conversation = ? AND user > ? AND "
            "start <= ? AND ifnull(finish > ?, 1) ORDER BY user", limit, conversation, after, at, at)
        return [b.Member(row[0], b.Role(row[1]), row[2]) for row in rows], more

    def memberships(self, user: str, after: str,
                    limit: int) -> "Tuple[list[b.Membership], bool]":
        rows, more = self.page(
            "SELECT role, since, muted_until, c.* FROM tenure JOIN conversation c ON c.id = "
            "conversation WHERE user = ? AND finish IS NULL AND conversation > ? "
            "ORDER BY conversation", limit, user, after)
        return [b.Membership(self._made(row[3:]), b.Member(user, b.Role(row[0]), row[1]), row[2])
                for row in rows], more

    def retained(self, after: str, limit: int) -> "Tuple[list[b.Conversation], bool]":
        rows, more = self.page("SELECT * FROM conversation WHERE retention_s > 0 AND id > ? "
                               "ORDER BY id", limit, after)
        return [self._made(row) for row in rows], more

    def mute(self, user: str, conversation: str, until: int) -> None:
        if not self.db.execute("UPDATE tenure SET muted_until = ? WHERE conversation = ? AND "
                               "user = ? AND finish IS NULL", (until, conversation, user)).rowcount:
            raise ChatError(Code.ENOTFOUND)

    def create(self, conversation: str, kind: b.Kind, name: str, created: int, partition: int,
               members: Sequence[b.Member], payload: bytes) -> None:
        with self.transaction():
            if self.one("SELECT 1 FROM conversation WHERE id = ?", conversation):
                raise ChatError(Code.EEXISTS)
            self.db.execute("INSERT INTO conversation VALUES (?, ?, ?, 1, 0, ?, 0, 0)",
                            (conversation, int(kind), name, created))
            for member in members:
                self._begin(conversation, member.user, member.role, 1, 1)
            self._count(conversation, len(members))
            self._tell(partition, conversation, 1, payload)

    def change(self, conversation: str, expected_version: int, kind: b.Change,
               name: Optional[str], members: Sequence[b.Member], retention_s: Optional[int],
               partition: int, payload: bytes, invitation: Optional[str],
               bars: bool) -> Tuple[int, int]:
        with self.transaction():
            found = self.conversation(conversation)
            version = found.version + 1
            if found.version != expected_version:
                raise ChatError(Code.ECONFLICT)
            if kind == b.Change.UPDATE:
                self._update(conversation, name, retention_s)
            elif not members:
                raise ChatError(Code.EINVAL)
            for member in members if kind != b.Change.UPDATE else ():
                self._change_member(conversation, kind, member, version)
                self._bar(conversation, kind, member, invitation, bars)
            if kind == b.Change.ADD and invitation:
                self._use(conversation, invitation)
            step = {b.Change.ADD: 1, b.Change.REMOVE: -1}.get(kind, 0) * len(members)
            self.db.execute("UPDATE conversation SET version = ? WHERE id = ?",
                            (version, conversation))
            self._count(conversation, found.member_count + step)
            self._tell(partition, conversation, version, payload)
        return version, found.member_count + step

    def _update(self, conversation: str, name: Optional[str], retention_s: Optional[int]) -> None:
        for column, value in (("name", name), ("retention_s", retention_s)):
            if value is not None:
                self.db.execute(f"UPDATE conversation SET {column} = ? WHERE id = ?",
                                (value, conversation))

    def _change_member(self, conversation: str, kind: b.Change, member: b.Member,
                       version: int) -> None:
        now = self.one("SELECT since, muted_until FROM tenure WHERE conversation = ? AND user = ? "
                       "AND finish IS NULL", conversation, member.user)
        if (now is None) != (kind == b.Change.ADD):
            raise ChatError(Code.EINVAL)
        if now:
            self.db.execute("UPDATE tenure SET finish = ? WHERE conversation = ? AND user = ? AND "
                            "finish IS NULL", (version, conversation, member.user))
        if kind != b.Change.REMOVE:
            since, muted = now or (version, 0)
            self._begin(conversation, member.user, member.role, since, version, muted)

    def _begin(self, conversation: str, user: str, role: b.Role, since: int, start: int,
               muted_until: int = 0) -> None:
        self.db.execute("INSERT INTO tenure VALUES (?, ?, ?, ?, ?, NULL, ?)",
                        (conversation, user, int(role), since, start, muted_until))

    def _count(self, conversation: str, count: int) -> None:
        self.db.execute("UPDATE conversation SET member_count = ?, was_large = was_large OR ? "
                        "WHERE id = ?", (count, count > b.FANOUT_WRITE_MAX, conversation))

    # --- invitations

    USED_UP = "max_uses > 0 AND uses >= max_uses"
    ENDED = f"({USED_UP} OR expires > 0 AND expires <= ?)"

    def _bar(self, conversation: str, kind: b.Change, member: b.Member, invitation: Optional[str],
             bars: bool) -> None:
        if kind == b.Change.REMOVE and bars:
            self.db.execute("INSERT OR IGNORE INTO barred VALUES (?, ?)",
                            (conversation, member.user))
        if kind == b.Change.ADD and not invitation:
            self.db.execute("DELETE FROM barred WHERE conversation = ? AND user = ?",
                            (conversation, member.user))

    def _use(self, conversation: str, token: str) -> None:
        if not self.db.execute(f"UPDATE invitation SET uses = uses + 1 WHERE token = ? AND "
                               f"conversation = ? AND NOT ({self.USED_UP})",
                               (token, conversation)).rowcount:
            raise ChatError(Code.ENOTFOUND)

    def invite(self, invitation: b.Invitation, now: int) -> None:
        i = invitation
        with self.transaction():
            self.conversation(i.conversation)
            if self.one("SELECT 1 FROM invitation WHERE token = ?", i.token):
                raise ChatError(Code.EEXISTS)
            self.db.execute(f"DELETE FROM invitation WHERE conversation = ? AND {self.ENDED}",
                            (i.conversation, now))
            if self.one("SELECT count(*) FROM invitation WHERE conversation = ?",
                        i.conversation)[0] >= b.INVITATIONS_MAX:
                raise ChatError(Code.ETOOLARGE)
            self.db.execute("INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?, 0)",
                            (i.token, i.conversation, i.creator, i.created, i.expires, i.max_uses))

    def uninvite(self, conversation: str, token: str) -> None:
        self.db.execute("DELETE FROM invitation WHERE conversation = ? AND token = ?",
                        (conversation, token))

    def invitation(self, token: str, user: str) -> b.Invited:
        row = self.one("SELECT * FROM invitation WHERE token = ?", token)
        if not row:
            raise ChatError(Code.ENOTFOUND)
        found = self.member(row[1], user)
        barred = self.one("SELECT 1 FROM barred WHERE conversation = ? AND user = ?", row[1], user)
        return b.Invited(b.Invitation(*row), found.conversation, found.member is not None,
                         barred is not None)

    def invitations(self, conversation: Optional[str], creator: Optional[str], after: str,
                    limit: int) -> "Tuple[list[b.Invitation], bool]":
        column = "conversation" if conversation else "creator"
        rows, more = self.page(f"SELECT * FROM invitation WHERE {column} = ? AND token > ? "
                               "ORDER BY token", limit, conversation or creator, after)
        return [b.Invitation(*row) for row in rows], more

    # --- outbox

    def _tell(self, partition: int, conversation: str, version: int, payload: bytes) -> None:
        self.db.execute("INSERT INTO outbox (partition, conversation, version, payload) "
                        "VALUES (?, ?, ?, ?)", (partition, conversation, version, payload))

    def outbox(self, partition: int, limit: int) -> "Tuple[list[b.OutboxEntry], bool]":
        rows, more = self.page("SELECT conversation, version, payload FROM outbox "
                               "WHERE partition = ? ORDER BY number", limit, partition)
        return [b.OutboxEntry(*row) for row in rows], more

    def outbox_done(self, partition: int, conversation: str, version: int) -> None:
        with self.transaction():
            self.db.execute("DELETE FROM outbox WHERE conversation = ? AND version <= ?",
                            (conversation, version))
            self.db.execute("DELETE FROM tenure WHERE conversation = ? AND finish <= ?",
                            (conversation, version))
