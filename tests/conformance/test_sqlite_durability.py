"""What only a file can promise: acknowledged work survives ``kill -9``, and a bad file is refused in plain words."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from shoal.errors import StoreError
from shoal.ports.store import Added, ChangeKind
from shoal.stores.sqlite import SqliteStore
from shoal.stores.sqlite.writer import Kind
from shoal.testing.builders import make_admitted, make_path, make_record

NOW = 1_000_000.0

WRITER = """
import asyncio, sys
from shoal.stores.sqlite import SqliteStore
from shoal.stores.sqlite.writer import Kind
from shoal.testing.builders import make_admitted

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    for number in range(100_000):
        batch = [make_admitted(number * 10 + i) for i in range(10)]
        await store.add(batch, 1e6, imported=True)
        print("added", number, flush=True)
        if number % 3 == 0:
            await store.delete([batch[0].key], 1e6, 86400.0)
            print("deleted", number, flush=True)
        await store.set_meta("number", str(number).encode())
        print("meta", number, flush=True)

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    acknowledged: list[str] = []
    async with asyncio.timeout(60):
        while len(acknowledged) < 200:
            line = await process.stdout.readline()
            assert line, "the writer ended by itself"
            acknowledged.append(line.decode())
        process.send_signal(signal.SIGKILL)
        acknowledged += (await process.stdout.read()).decode().splitlines()
        assert await process.wait() == -signal.SIGKILL

    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    store = SqliteStore(path)
    await store.open()
    try:
        done = [(word, int(number)) for word, number in (line.split() for line in acknowledged)]
        deleted = {number for word, number in done if word == "deleted"}
        last_meta = max(number for word, number in done if word == "meta")
        for word, number in done:
            if word == "added":
                for i in range(1, 10):
                    assert await store.get_by_key(make_admitted(number * 10 + i).key) is not None
        for number in deleted:
            assert await store.get_by_key(make_admitted(number * 10).key) is None
        back = await store.add([make_admitted(number * 10) for number in deleted], NOW)
        assert back.counts == Added(tombstoned=len(deleted)).counts
        value = await store.get_meta("number")
        assert value is not None
        assert int(value) >= last_meta
        total = sum([len(batch) async for batch in store.scan()])
        assert (await store.counts(NOW)).known == total
    finally:
        await store.close()


async def test_batched_work_is_committed_without_further_calls(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shoal.db", batch_interval=0.01)
    await store.open()
    since = await store.seq()
    await store.add([make_admitted(1)], NOW)
    await store.save([make_record(1, paths=(make_path(),))])
    async with asyncio.timeout(5):
        assert (await anext(aiter(store.changes(since)))).kind is ChangeKind.SAVED
    await store.close()


async def test_a_full_batch_does_not_wait_for_the_interval(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shoal.db", batch=2, batch_interval=60.0)
    await store.open()
    since = await store.seq()
    await store.add([make_admitted(1), make_admitted(2)], NOW)
    await store.save([make_record(1, paths=(make_path(),)), make_record(2)])
    async with asyncio.timeout(5):
        assert (await anext(aiter(store.changes(since)))).key == make_admitted(1).key
    await store.close()


async def test_durable_work_is_synced_and_batched_work_is_not(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shoal.db")
    await store.open()
    writer = store._writer
    assert writer is not None
    statements: list[str] = []
    writer._connection.set_trace_callback(statements.append)
    await store.save([make_record(1)])
    await store.add([make_admitted(1)], NOW, imported=True)
    await store.save([make_record(1)])
    await store.close()
    steps = [text for text in statements if text.startswith(("PRAGMA", "BEGIN", "COMMIT"))]
    assert steps == [
        "BEGIN IMMEDIATE",
        "COMMIT",
        "PRAGMA synchronous = FULL",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "PRAGMA synchronous = NORMAL",
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]


async def test_numbers_of_an_earlier_run_are_recognised(tmp_path: Path) -> None:
    seqs: list[int] = []
    for _ in range(2):
        store = SqliteStore(tmp_path / "shoal.db")
        await store.open()
        await store.add([make_admitted(1)], NOW)
        await store.save([make_record(1, paths=(make_path(),))])
        if seqs:
            assert (await anext(aiter(store.changes(seqs[0])))).kind is ChangeKind.RESET
        seqs.append(await store.seq())
        await store.close()
    assert seqs[1] > seqs[0]


async def test_the_file_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "shoal.db"
    store = SqliteStore(path)
    await store.open()
    await store.set_meta("a", b"b")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await store.close()
    assert modes == {"shoal.db": 0o600, "shoal.db-wal": 0o600, "shoal.db-shm": 0o600}


async def refused(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        await SqliteStore(path).open()
    return str(caught.value)


async def test_rubbish_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    path.write_bytes(b"no database at all" * 100)
    message = await refused(path)
    assert str(path) in message
    assert "put a backup in its place" in message
    assert path.read_bytes().startswith(b"no database")


async def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert "choose another place" in await refused(tmp_path)


async def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "choose another place" in await refused(tmp_path / "file" / "shoal.db")


async def test_a_folder_that_cannot_be_written_is_refused() -> None:
    # The process file system refuses new files even to root, who may write to any read-only folder.
    assert "choose another place" in await refused(Path("/proc/self/shoal.db"))


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    assert "belongs to another program" in await refused(path)


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    store = SqliteStore(path)
    await store.open()
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    assert "newer Shoal (schema 9999" in await refused(path)


async def test_a_file_damaged_inside_raises_store_errors_only(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    store = SqliteStore(path)
    await store.open()
    await store.add([make_admitted(number) for number in range(2_000)], NOW, imported=True)
    await store.close()
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="damaged"):
        await store.open()
        await store.get_by_key(make_admitted(5).key)
    await store.close()


async def test_a_full_disk_fails_the_caller_and_the_store_recovers(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shoal.db")
    await store.open()
    await store.add([make_admitted(0)], NOW, imported=True)
    writer = store._writer
    assert writer is not None
    writer._connection.execute("PRAGMA max_page_count = 1")  # raised by SQLite to the present size: no page more fits
    answers = await asyncio.gather(
        *(store.add([make_admitted(n) for n in range(k, k + 1_000)], NOW, imported=True) for k in (1, 2_000)),
        return_exceptions=True,
    )
    assert all(isinstance(answer, StoreError) and "disk is full" in str(answer) for answer in answers), answers
    assert (await store.counts(NOW)).known == 1
    writer._connection.execute("PRAGMA max_page_count = 1000000")
    assert (await store.add([make_admitted(n) for n in range(1, 1_000)], NOW, imported=True)).counts == Added(
        new=999
    ).counts
    assert (await store.counts(NOW)).known == 1_000
    await store.close()


async def test_batched_work_that_was_lost_is_told_to_the_next_caller(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shoal.db", batch_interval=60.0)
    await store.open()
    await store.add([make_admitted(1)], NOW)
    writer = store._writer
    assert writer is not None
    # What a full disk does: SQLite takes the whole transaction back by itself.
    await writer.do(Kind.READ, lambda work: work.execute("ROLLBACK"))
    with pytest.raises(StoreError):
        await store.add([make_admitted(2)], NOW)
        await store.add([make_admitted(3)], NOW)
        await store.seq()
    assert (await store.add([make_admitted(4)], NOW)).counts == Added(new=1).counts
    await store.close()
