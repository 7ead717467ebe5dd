"""A copy of a pool that is being written, and the way back."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from shoal.cli.main import run
from shoal.errors import StoreError
from shoal.stores.sqlite import SqliteStore
from shoal.stores.sqlite.backup import back_up, restore
from shoal.testing.builders import make_admitted

NOW = 1_000_000.0


async def filled(path: Path, numbers: range) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.add([make_admitted(number) for number in numbers], NOW, imported=True)
    await store.close()


async def keys(path: Path) -> set[str]:
    store = SqliteStore(path)
    await store.open()
    try:
        return {record.key async for batch in store.scan() for record in batch}
    finally:
        await store.close()


def expected(numbers: range) -> set[str]:
    return {make_admitted(number).key for number in numbers}


async def test_a_copy_made_while_the_pool_writes_is_sound_and_holds_what_was_acknowledged(tmp_path: Path) -> None:
    path, copy = tmp_path / "shoal.db", tmp_path / "copy"
    store = SqliteStore(path)
    await store.open()
    await store.add([make_admitted(number) for number in range(3_000)], NOW, imported=True)
    backing = asyncio.get_running_loop().run_in_executor(None, back_up, path, copy)
    for number in range(3_000, 3_050):
        await store.add([make_admitted(number)], NOW, imported=True)
    assert await backing == copy.stat().st_size
    await store.close()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert await keys(copy) >= expected(range(3_000))
    assert {entry.name for entry in tmp_path.iterdir()} <= {"shoal.db", "copy", "shoal.db-wal", "shoal.db-shm"}


async def test_restoring_brings_back_what_was_and_keeps_what_stood_there(tmp_path: Path) -> None:
    path, copy = tmp_path / "pool" / "shoal.db", tmp_path / "copy"
    await filled(path, range(10))
    back_up(path, copy)
    await filled(path, range(10, 30))
    moved = restore(copy, path)
    assert moved is not None
    assert await keys(path) == expected(range(10))
    assert await keys(moved) == expected(range(30))
    assert restore(copy, path) != moved


async def test_a_log_that_belongs_to_the_old_file_is_not_played_into_the_restored_one(tmp_path: Path) -> None:
    path, copy = tmp_path / "shoal.db", tmp_path / "copy"
    await filled(path, range(5))
    back_up(path, copy)
    # A pool that was killed leaves its log behind.
    store = SqliteStore(path)
    await store.open()
    await store.add([make_admitted(7)], NOW, imported=True)
    left = {ending: path.with_name(path.name + ending).read_bytes() for ending in ("-wal", "")}
    await store.close()
    for ending, data in left.items():
        path.with_name(path.name + ending).write_bytes(data)
    moved = restore(copy, path)
    assert moved is not None
    assert await keys(path) == expected(range(5))
    assert make_admitted(7).key in await keys(moved)


async def test_what_is_no_sound_copy_changes_nothing(tmp_path: Path) -> None:
    path, copy = tmp_path / "shoal.db", tmp_path / "copy"
    await filled(path, range(500))
    back_up(path, copy)
    whole = copy.read_bytes()
    other = tmp_path / "other"
    sqlite3.connect(other).execute("CREATE TABLE a (b)").connection.close()
    newer = tmp_path / "newer"
    newer.write_bytes(whole)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    for name, content in (("text", b"hello" * 2000), ("cut", whole[: len(whole) // 2]), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
    for name in ("other", "newer", "text", "cut", "empty", "missing"):
        with pytest.raises(StoreError, match=r"no copy of a pool|damaged|newer Shoal|is not there"):
            restore(tmp_path / name, path)
    assert await keys(path) == expected(range(500))
    assert not list(tmp_path.glob(".*.part*"))


async def test_an_existing_file_is_not_overwritten_and_a_missing_pool_is_said(tmp_path: Path) -> None:
    path, copy = tmp_path / "shoal.db", tmp_path / "copy"
    with pytest.raises(StoreError, match="no pool was kept"):
        back_up(path, copy)
    await filled(path, range(3))
    copy.write_text("mine")
    with pytest.raises(StoreError, match="not overwritten"):
        back_up(path, copy)
    assert copy.read_text() == "mine"


def test_the_commands_say_what_they_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shoal.db"
    asyncio.run(filled(path, range(3)))
    assert run(["backup", str(tmp_path / "copy"), "--data", str(tmp_path)]) == 0
    assert run(["restore", str(tmp_path / "copy"), "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().err
    assert "copied" in said and "what was there is kept as shoal.db.before-restore-1" in said
    assert run(["restore", str(tmp_path / "nothing"), "--data", str(tmp_path)]) == 2
    assert run(["backup", str(tmp_path / "more"), "--store", "memory:"]) == 2
    assert "memory is no file" in capsys.readouterr().err
