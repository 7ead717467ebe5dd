"""Connections to the file, and SQLite's errors in words that say what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from shoal.errors import StoreError

_BUSY_TIMEOUT = 5.0
"""Seconds that a statement waits for another program (a backup, the sqlite3 shell) that holds the file."""

_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "the file cannot be written; let this user write to it and to its folder",
    sqlite3.SQLITE_PERM: "the file cannot be written; let this user write to it and to its folder",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; let this user read and write it and its folder",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; move it away or put a backup in its place",
    sqlite3.SQLITE_NOTADB: "the file is damaged or no SQLite database; move it away or put a backup in its place",
    sqlite3.SQLITE_BUSY: "another program holds the file; close it and try again",
    sqlite3.SQLITE_LOCKED: "another program holds the file; close it and try again",
    sqlite3.SQLITE_IOERR: "the disk could not be read or written; check the disk and the file system",
}

_PRAGMAS = """
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -32768;
    PRAGMA wal_autocheckpoint = 8000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA fullfsync = ON;
"""
# cache_size: 32 MB a connection. wal_autocheckpoint: 32 MB, as a batch of 500 records in a file of a million touches
# some 2,000 pages and a checkpoint after each would copy them all. fullfsync: on macOS fsync alone leaves data in the
# drive's cache; elsewhere it does nothing.


def explain(path: Path, error: sqlite3.Error | OSError) -> StoreError:
    """The error for users: which file, what is wrong, what to do."""
    if isinstance(error, OSError):
        return StoreError(f"{path}: {error.strerror or error}; choose another place with --store or --data")
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF == sqlite3.SQLITE_CANTOPEN and _lacks_descriptors(path):
        return StoreError(f"{path}: no file can be opened any more; raise the limit on open files (`ulimit -n 4096`)")
    advice = _ADVICE.get(code & 0xFF) if isinstance(code, int) else None
    return StoreError(f"{path}: {advice or f'SQLite reports: {error}'}")


def _lacks_descriptors(path: Path) -> bool:
    """SQLite says of an exhausted process what it says of a file that is not this user's."""
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


def create_file(path: Path) -> None:
    """Make the file and its folder where they are missing, readable by this user alone: it will hold passwords."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise explain(path, error) from error


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in WAL mode that begins and ends transactions only when told. Raises ``sqlite3.Error``."""
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(_PRAGMAS)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreError("this file system cannot hold a write-ahead log; put the store on a local disk")
        connection.execute("PRAGMA synchronous = NORMAL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection
