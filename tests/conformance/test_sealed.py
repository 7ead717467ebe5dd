"""Passwords of proxies at rest: none in the file, all in the answers, and no store without its key."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shoal.cli.main import run
from shoal.domain import Admitted, Candidate, Credentials, Endpoint, Record, Trust, record_id, record_key
from shoal.errors import ConfigError, StoreError
from shoal.options import StoreOptions
from shoal.ports import Store
from shoal.stores.open import open_store
from shoal.stores.seal import KEY_NAME, Sealer, make_key
from shoal.stores.sqlite import SqliteStore
from shoal.testing.builders import make_path

NOW = 1_000_000.0
PASSWORD = "correct-horse-battery"
LOGIN = Credentials("user", PASSWORD)
ENDPOINT = Endpoint("198.51.100.7", 8080)
KEY = record_key(ENDPOINT, LOGIN, b"k")


def admitted() -> Admitted:
    return Admitted(record_id(KEY), KEY, Candidate(ENDPOINT, credentials=LOGIN), "mine", Trust.OWN)


def opened(folder: Path, **more: str) -> Store:
    return open_store(StoreOptions(**more), folder / "shoal.db")


async def written(store: Store) -> Record:
    await store.open()
    await store.add([admitted()], NOW, imported=True)
    record = await store.get_by_key(KEY)
    assert record is not None
    await store.save([replace(record, paths=(make_path(),), checks=1, version=1)])
    return record


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


async def test_a_password_is_in_every_answer_and_in_no_file(tmp_path: Path) -> None:
    store = opened(tmp_path)
    record = await written(store)
    assert record.credentials == LOGIN
    since = await store.seq()
    [again] = await store.retag([KEY], add=["a"])
    assert again.credentials == LOGIN
    change = await anext(aiter(store.changes(since)))
    assert change.record is not None and change.record.credentials == LOGIN
    assert [one.credentials for batch in [b async for b in store.verified()] for one in batch] == [LOGIN]
    assert [one.credentials for one in await store.claim_due(NOW + 1e6, 5, 60.0)] == [LOGIN]
    assert PASSWORD.encode() not in bytes_of(tmp_path)
    await store.close()
    assert PASSWORD.encode() not in bytes_of(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_NAME).stat().st_mode) == 0o600


async def test_another_key_opens_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    store = opened(tmp_path)
    await written(store)
    await store.close()
    right = (tmp_path / KEY_NAME).read_bytes()
    (tmp_path / KEY_NAME).write_bytes(b"x" * 32)
    store = opened(tmp_path)
    await store.open()
    with pytest.raises(StoreError, match=r"put the secret\.key back"):
        await store.get_by_key(KEY)
    await store.close()
    (tmp_path / KEY_NAME).write_bytes(right)
    store = opened(tmp_path)
    await store.open()
    record = await store.get_by_key(KEY)
    assert record is not None and record.credentials == LOGIN
    await store.close()


async def test_what_an_older_store_holds_in_clear_is_read_and_sealed_when_it_is_saved(tmp_path: Path) -> None:
    old = SqliteStore(tmp_path / "shoal.db")
    await written(old)
    await old.close()
    assert PASSWORD.encode() in bytes_of(tmp_path)
    store = opened(tmp_path)
    await store.open()
    record = await store.get_by_key(KEY)
    assert record is not None and record.credentials == LOGIN
    await store.save([replace(record, version=2)])
    await store.close()
    old = SqliteStore(tmp_path / "shoal.db")
    await old.open()
    kept = await old.get_by_key(KEY)
    assert kept is not None and kept.credentials is not None and PASSWORD not in kept.credentials.password
    await old.close()


@pytest.mark.parametrize(("content", "says"), [(None, "cannot be read"), (b"short", "holds 5 bytes")])
async def test_a_key_file_that_is_named_must_be_right(tmp_path: Path, content: bytes | None, says: str) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    store = opened(tmp_path, key_file=str(key))
    with pytest.raises((StoreError, ConfigError), match=says):
        await store.open()


def test_two_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    keys = {make_key(tmp_path / "deep" / KEY_NAME) for _ in range(3)}
    assert len(keys) == 1
    assert [path.name for path in (tmp_path / "deep").iterdir()] == [KEY_NAME]


@given(st.text(max_size=300))
def test_what_is_sealed_opens_again_and_is_never_sealed_twice(password: str) -> None:
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal(password)
    assert sealer.open(sealed) == password or password.startswith("\x00sealed1:")
    assert sealer.seal(sealed) == sealed
    assert not password or sealed != password or password.startswith("\x00sealed1:")


def test_a_backup_brings_its_key_along(tmp_path: Path) -> None:
    async def read(folder: Path) -> Credentials | None:
        store = opened(folder)
        await store.open()
        record = await store.get_by_key(KEY)
        await store.close()
        return None if record is None else record.credentials

    async def fill(folder: Path) -> None:
        store = opened(folder)
        await written(store)
        await store.close()

    first, second, copy = tmp_path / "first", tmp_path / "second", tmp_path / "copy"
    asyncio.run(fill(first))
    assert run(["backup", str(copy), "--data", str(first)]) == 0
    assert PASSWORD.encode() not in copy.read_bytes()
    asyncio.run(fill(second))
    assert run(["restore", str(copy), "--data", str(second)]) == 0
    assert asyncio.run(read(second)) == LOGIN
    assert (second / "shoal.db.before-restore-1.key").exists()
