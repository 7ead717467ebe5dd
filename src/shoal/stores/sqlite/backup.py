"""A copy of the file that a running pool goes on writing, and the way back."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shoal.errors import StoreError
from shoal.stores.sqlite.database import explain
from shoal.stores.sqlite.migrate import APPLICATION_ID, migrations

_PAGES = 2_000
"""Pages copied at once (8 MB): between two steps a pool that runs may write."""
_SIDE_FILES = ("-wal", "-shm")


def back_up(path: Path, copy: Path) -> int:
    """Write all that is committed in ``path`` to the new file ``copy``, sound and on disk; its size in bytes.

    A pool may run meanwhile. The copy is readable by this user alone: it holds passwords of proxies. Raises
    ``StoreError`` when there is no pool, ``copy`` exists or the disk fails; nothing half-written stays behind.
    """
    if not path.is_file():
        raise StoreError(f"{path} is not there: no pool was kept in this place; name it with --data or --store")
    if copy.exists():
        raise StoreError(f"{copy} exists and is not overwritten; choose another name")
    with _beside(copy) as draft:
        try:
            with (
                closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(draft)) as target,
            ):
                source.backup(target, pages=_PAGES)
                # One file without a log beside it: what is copied to another disk is all there is.
                target.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise explain(path, error) from error
        _check(draft, "the copy")
        return _settle(draft, copy)


def restore(copy: Path, path: Path) -> Path | None:
    """Put ``copy`` in the place of ``path``; where the file that stood there went, None when there was none.

    The caller holds the folder's lock. Raises ``StoreError`` when ``copy`` is damaged, of a newer Shoal or no pool's;
    then nothing has changed.
    """
    if not copy.is_file():
        raise StoreError(f"{copy} is not there; name a file that `shoal backup` wrote")
    _check(copy, str(copy))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise explain(path, error) from error
    with _beside(path) as draft:
        try:
            draft.write_bytes(copy.read_bytes())
        except OSError as error:
            raise explain(draft, error) from error
        moved = _move_away(path)
        _settle(draft, path)
        return moved


def _check(path: Path, what: str) -> None:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            sound = application == APPLICATION_ID and connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"{what} is damaged or no copy of a pool; nothing was changed") from error
    if application != APPLICATION_ID:
        raise StoreError(f"{what} is no copy of a pool; nothing was changed")
    if version > len(migrations()):
        raise StoreError(f"{what} was written by a newer Shoal; upgrade Shoal; nothing was changed")
    if sound != "ok":
        raise StoreError(f"{what} is damaged ({sound}); nothing was changed")


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty file in the same folder, for this user alone, that is gone afterwards unless it was moved."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise explain(path, error) from error
    try:
        yield draft
    finally:
        for name in (draft, *(draft.with_name(draft.name + ending) for ending in ("-journal", *_SIDE_FILES))):
            with contextlib.suppress(OSError):
                name.unlink()


def _settle(draft: Path, path: Path) -> int:
    """Sync the finished file, give it its name and sync that too."""
    try:
        size = draft.stat().st_size
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise explain(path, error) from error
    return size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_away(path: Path) -> Path | None:
    if not path.exists():
        return None
    number = 1
    while (old := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    try:
        # The log belongs to the file: left here it would be played into the other one.
        for ending in ("", *_SIDE_FILES):
            part = path.with_name(path.name + ending)
            if part.exists():
                part.replace(old.with_name(old.name + ending))
    except OSError as error:
        raise explain(path, error) from error
    return old
