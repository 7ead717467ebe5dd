"""Brings a file to the schema of this program: the files in ``migrations``, in order, each in one transaction."""

from __future__ import annotations

import sqlite3
from importlib import resources

from shoal.errors import StoreError

APPLICATION_ID = int.from_bytes(b"Shol", "big")


def migrations() -> list[str]:
    """The scripts in order. Number n (from 1) leads from ``user_version`` n - 1 to n; published ones never change."""
    folder = resources.files("shoal.stores.sqlite") / "migrations"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [file.read_text("utf-8") for file in files]


def migrate(connection: sqlite3.Connection) -> int:
    """Apply what is missing and return the version. Raises ``StoreError`` for a file that is not ours or newer."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    scripts = migrations()
    if application != APPLICATION_ID and (tables or version):
        raise StoreError("this SQLite file belongs to another program; name another file with --store")
    if version > len(scripts):
        raise StoreError(
            f"the store was written by a newer Shoal (schema {version}, this one knows {len(scripts)}); upgrade Shoal "
            "or name another file with --store"
        )
    for number, script in enumerate(scripts[version:], version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return len(scripts)
