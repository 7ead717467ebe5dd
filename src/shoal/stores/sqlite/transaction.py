"""What a piece of work sees of the database: the connection, the changes to tell, the counters to move."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from shoal.domain import Record

SOURCE = "source:"
"""Prefix of the counters that hold records per source."""


class Work:
    """One job inside a transaction. ``changes`` are published after the commit, in order."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.changes: list[tuple[str, Record | None]] = []
        self._moved: Counter[str] = Counter()

    def move(self, name: str, by: int) -> None:
        self._moved[name] += by

    def move_sources(self, sources: Sequence[str], by: int) -> None:
        for source in sources:
            self._moved[SOURCE + source] += by

    def counter(self, name: str) -> int:
        row = self.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return (row[0] if row else 0) + self._moved[name]

    def finish(self) -> None:
        """Write the counters. A source without records leaves none behind."""
        moved = [(name, by) for name, by in self._moved.items() if by]
        self.connection.executemany(
            "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value", moved
        )
        if any(by < 0 for _, by in moved):
            self.execute("DELETE FROM counters WHERE value = 0")
