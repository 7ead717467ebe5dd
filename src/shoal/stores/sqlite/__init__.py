"""The embedded store: one SQLite file."""

from shoal.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
