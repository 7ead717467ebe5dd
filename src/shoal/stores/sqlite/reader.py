"""The one thread that reads what is committed, beside the writer and never waiting for it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from shoal.domain import Record
from shoal.errors import StoreError
from shoal.ports.store import Counts, SourceState
from shoal.stores.codec import decode_source_state
from shoal.stores.sqlite.database import explain
from shoal.stores.sqlite.records import SELECT, record_of
from shoal.stores.sqlite.transaction import SOURCE

T = TypeVar("T")


class Reader:
    """Owns the reading connection."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shoal-store-reader")

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._connection)
        except sqlite3.Error as error:
            raise explain(self._path, error) from error
        except RuntimeError as error:
            raise StoreError("the store is closed; open it before use") from error

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)


def by_id(connection: sqlite3.Connection, id: str) -> Record | None:
    row = connection.execute(SELECT + " WHERE id = ?", (id,)).fetchone()
    return None if row is None else record_of(row)


def by_key(connection: sqlite3.Connection, key: str) -> Record | None:
    row = connection.execute(SELECT + " WHERE key = ?", (key,)).fetchone()
    return None if row is None else record_of(row)


def page(connection: sqlite3.Connection, after: str, limit: int, verified: bool) -> list[Record]:
    """The next records in the order of ids. Page by page, so that no reader holds up a checkpoint."""
    which = " WHERE verified = 1 AND id > ?" if verified else " WHERE id > ?"
    rows = connection.execute(SELECT + which + " ORDER BY id LIMIT ?", (after, limit))
    return [record_of(row) for row in rows]


def counts(connection: sqlite3.Connection, now: float) -> Counts:
    (unclaimed,) = connection.execute(
        "SELECT count(*) FROM records WHERE claimed_until IS NULL AND next_check <= ?", (now,)
    ).fetchone()
    (run_out,) = connection.execute(
        "SELECT count(*) FROM records WHERE claimed_until <= ? AND next_check <= ?", (now, now)
    ).fetchone()
    counters: dict[str, int] = dict(connection.execute("SELECT name, value FROM counters").fetchall())
    return Counts(
        known=counters.get("known", 0),
        verified=counters.get("verified", 0),
        due=unclaimed + run_out,
        unchecked=counters.get("unchecked", 0),
        by_source={name[len(SOURCE) :]: value for name, value in counters.items() if name.startswith(SOURCE)},
    )


def source_states(connection: sqlite3.Connection) -> dict[str, SourceState]:
    rows = connection.execute("SELECT name, state FROM sources").fetchall()
    return {name: decode_source_state(state) for name, state in rows}


def meta(connection: sqlite3.Connection, name: str) -> bytes | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    value: bytes = row[0]
    return value
