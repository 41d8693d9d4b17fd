"""What is kept of a client: its outbox and how far it has come, in one SQLite file. Each change is
synced before its call returns. SQLite blocks, so all of it is done on one thread of its own, in the
order in which it was asked for."""
from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional, TypeVar

T = TypeVar("T")

SCHEMA = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS outbox (client_id TEXT PRIMARY KEY, place INTEGER, entry TEXT);
    CREATE TABLE IF NOT EXISTS files (client_id TEXT, number INTEGER, name TEXT, type TEXT,
        bytes BLOB, PRIMARY KEY (client_id, number)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS position (conversation TEXT PRIMARY KEY, seq INTEGER);
    CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT);
"""


class Storage:
    """`path` None: in memory, gone with the client."""

    def __init__(self, path: Optional[str]) -> None:
        self._path = path or ":memory:"
        self._thread = ThreadPoolExecutor(1, "chatcore-storage")
        self._database: Any = None

    async def open(self) -> None:
        await self._do(self._open)

    async def close(self) -> None:
        await self._do(lambda: self._database.close())
        self._thread.shutdown()

    async def load(self) -> tuple[list[dict[str, Any]], dict[str, int], Optional[str]]:
        """The outbox in its order, the positions, the cursor."""
        return await self._do(self._load)

    async def put_entry(self, entry: dict[str, Any], place: int,
                        files: Optional[list[tuple[str, str, bytes]]] = None) -> None:
        """`files` only when they are new."""
        await self._do(lambda: self._put_entry(entry, place, files or []))

    async def files(self, client_id: str) -> list[tuple[int, str, str, bytes]]:
        """Not uploaded yet: number, name, type, bytes."""
        return await self._do(lambda: self._database.execute(
            "SELECT number, name, type, bytes FROM files WHERE client_id = ? ORDER BY number",
            (client_id,)).fetchall())

    async def uploaded(self, entry: dict[str, Any], place: int, number: int) -> None:
        """The entry has a file's id now, and the file goes."""
        await self._do(lambda: self._uploaded(entry, place, number))

    async def delete_entry(self, client_id: str) -> None:
        await self._do(lambda: self._delete_entry(client_id))

    async def put_position(self, positions: dict[str, int], cursor: Optional[str]) -> None:
        await self._do(lambda: self._put_position(positions, cursor))

    async def _do(self, work: Callable[[], T]) -> T:
        """Not given up when the caller is cancelled: what was begun is done."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, work))

    def _open(self) -> None:
        if self._path != ":memory:":
            # Before SQLite makes it: what stands in it is private.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._database = sqlite3.connect(self._path, check_same_thread=False)
        self._database.executescript(SCHEMA)

    def _load(self) -> tuple[list[dict[str, Any]], dict[str, int], Optional[str]]:
        entries = [dict(json.loads(entry), place=place) for entry, place in self._database.execute(
            "SELECT entry, place FROM outbox ORDER BY place")]
        positions = dict(self._database.execute("SELECT conversation, seq FROM position"))
        cursor = self._database.execute("SELECT cursor FROM cursor").fetchone()
        return entries, positions, cursor[0] if cursor else None

    def _put_entry(self, entry: dict[str, Any], place: int,
                   files: list[tuple[str, str, bytes]]) -> None:
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)",
                                   (entry["client_id"], place, json.dumps(entry)))
            self._database.executemany(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
                [(entry["client_id"], number, *file) for number, file in enumerate(files)])

    def _uploaded(self, entry: dict[str, Any], place: int, number: int) -> None:
        with self._database:
            self._database.execute("DELETE FROM files WHERE client_id = ? AND number = ?",
                                   (entry["client_id"], number))
            self._database.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)",
                                   (entry["client_id"], place, json.dumps(entry)))

    def _delete_entry(self, client_id: str) -> None:
        with self._database:
            self._database.execute("DELETE FROM outbox WHERE client_id = ?", (client_id,))
            self._database.execute("DELETE FROM files WHERE client_id = ?", (client_id,))

    def _put_position(self, positions: dict[str, int], cursor: Optional[str]) -> None:
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)",
                                       positions.items())
            self._database.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (cursor,))
