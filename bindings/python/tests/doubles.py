"""Backends for the tests: a search index that reads everything, notifiers of a provider in memory."""
import asyncio
import collections
import threading
import unicodedata
import uuid

from chatcore import backends as b
from sqlite_backends import Sqlite, bounded


def is_unspaced(letter):
    """Of a script that puts no spaces between words."""
    return ord(letter) >= 0x0e00 and any(
        unicodedata.name(letter, "").startswith(script)
        for script in ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR"))


def words(text):
    """Runs of letters, without case and accents; of unspaced scripts apart from others."""
    found, last = [], None
    for letter in unicodedata.normalize("NFKD", text).casefold():
        if unicodedata.combining(letter) and not is_unspaced(letter):
            continue
        kind = "unspaced" if is_unspaced(letter) else letter.isalnum() and "spaced"
        if kind and kind == last:
            found[-1] += letter
        elif kind:
            found.append(letter)
        last = kind
    return found


def has(text, wanted, is_last):
    if is_unspaced(wanted[0]):
        return any(wanted in word for word in words(text))
    return any(word.startswith(wanted) if is_last else word == wanted for word in words(text))


class SqliteSearch(Sqlite, b.Search):
    FILE = "search.db"
    SCHEMA = """
        CREATE TABLE IF NOT EXISTS entry (conversation, message BLOB, seq, ts, sender, text,
                                          PRIMARY KEY (conversation, message));
        CREATE TABLE IF NOT EXISTS reached (partition PRIMARY KEY, position);
    """

    def position(self, partition):
        found = self.one("SELECT position FROM reached WHERE partition = ?", partition)
        return found[0] if found else 0

    def index(self, partition, position, entries, begins_anew):
        with self.transaction():
            stands = self.position(partition)
            takes_all = begins_anew or not position
            for entry in entries:
                if takes_all or entry.offset >= stands:
                    self.take(entry)
            if begins_anew or position > stands:
                self.db.execute("REPLACE INTO reached VALUES (?, ?)", (partition, position))

    def take(self, entry):
        key = (entry.conversation, entry.message.bytes)
        if entry.action == b.SearchAction.PUT:
            self.db.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                            "text = excluded.text",  # and keeps its place
                            (*key, entry.seq, entry.ts, entry.sender, entry.text))
        elif entry.action == b.SearchAction.EDIT:
            self.db.execute("UPDATE entry SET text = ? WHERE conversation = ? AND message = ?",
                            (entry.text, *key))
        else:
            self.db.execute("DELETE FROM entry WHERE conversation = ? AND message = ?", key)

    def query(self, text, scopes, limit, before):
        wanted = words(text)
        goes_on = text[-1:].isalnum()  # the last word may be the beginning of one
        found = []
        for scope in scopes if wanted else ():
            found += [row for row in self.db.execute(
                "SELECT (ts << 22) + rowid, conversation, seq, message, text FROM entry "
                "WHERE conversation = ? "
                "AND seq >= ?", (scope.conversation, bounded(scope.from_seq)))
                if all(has(row[4], word, goes_on and at == len(wanted) - 1)
                       for at, word in enumerate(wanted))]
        found = sorted((row for row in found if not before or row[0] < before), reverse=True)
        return [b.Hit(row[1], row[2], uuid.UUID(bytes=row[3]), row[4], row[0])
                for row in found[:limit]], False

    def forget(self, conversation, sender, before_seq, is_thorough):
        self.db.execute("DELETE FROM entry WHERE (? = '' OR conversation = ?) AND "
                        "(? = '' OR sender = ?) AND (? = 0 OR seq < ?)",
                        (conversation, conversation, sender, sender, before_seq,
                         bounded(before_seq)))


class Provider:
    """Takes what comes for tokens as their names say."""

    def __init__(self):
        self.came = collections.defaultdict(list)
        self.hangs = threading.Event()

    def fresh(self, notifier):
        def make():
            self.came.clear()
            return lambda: notifier(self)
        return make

    def token(self, kind, number):
        return f"{kind}-{number}"

    def received(self, token, text):
        return sum(text in body for body in self.came[token])

    def take(self, notification, others):
        kind = notification.token.split("-")[0]
        if kind == "good":
            self.came[notification.token].append("\n".join(
                f"{n.title}\n{n.body}" for n in (notification, *others)))
            return b.Push.SENT
        if kind == "later":
            raise b.Later(2.5)
        return b.Push.GONE if kind == "gone" else b.Push.REFUSED


class AsyncNotifier(b.Notifier):
    provider = "async"
    cancels = True
    gather_ms = 1000

    def __init__(self, to):
        self.to = to

    async def push(self, notification, others):
        await asyncio.sleep(0)
        if notification.token.startswith("hangs"):
            await asyncio.Event().wait()
        return self.to.take(notification, others)


class PlainNotifier(b.Notifier):
    provider = "plain"
    threads = 4

    def __init__(self, to):
        self.to = to

    def push(self, notification, others):
        if notification.token.startswith("hangs"):
            self.to.hangs.wait()
        return self.to.take(notification, others)
