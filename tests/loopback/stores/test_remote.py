"""A store behind a Unix socket: what the conformance suite does not ask, such as owners that go and come back."""

import asyncio
import stat
from pathlib import Path

import pytest

from shoal.errors import StoreError
from shoal.ports.store import ChangeKind
from shoal.stores import calls
from shoal.stores.memory import MemoryStore
from shoal.stores.remote import RemoteStore, remote_store
from shoal.stores.serve import serve_store


async def opened() -> MemoryStore:
    store = MemoryStore()
    await store.open()
    return store


async def test_nobody_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="shoal schedule") as caught:
        await remote_store(tmp_path).open()
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


async def test_the_socket_is_its_owners_alone_and_goes_with_it(tmp_path: Path) -> None:
    async with serve_store(await opened(), tmp_path):
        assert stat.S_IMODE((tmp_path / calls.SOCKET_NAME).stat().st_mode) == 0o600
    assert not list(tmp_path.iterdir())


async def test_a_socket_that_a_killed_owner_left_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / calls.SOCKET_NAME).touch()
    async with serve_store(await opened(), tmp_path):
        store = remote_store(tmp_path)
        await store.open()
        assert await store.get_meta("x") is None
        await store.close()


async def test_a_folder_with_a_very_long_name_can_be_used(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    async with serve_store(await opened(), folder):
        store = remote_store(folder)
        await store.open()
        await store.set_meta("x", b"1")
        assert await store.get_meta("x") == b"1"
        await store.close()


async def test_an_owner_that_goes_ends_calls_and_iterators_and_the_next_one_is_found(tmp_path: Path) -> None:
    store = remote_store(tmp_path)
    first = await opened()
    async with serve_store(first, tmp_path):
        await store.open()
        since = await store.seq()
        following = asyncio.ensure_future(anext(store.changes(since)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
    with pytest.raises(StoreError):
        await following
    with pytest.raises(StoreError):
        await store.get_meta("x")
    async with serve_store(await opened(), tmp_path):
        assert await store.get_meta("x") is None
        # A number of another life: everything is to be read again.
        change = await asyncio.wait_for(anext(aiter(store.changes(since + 5))), 5)
        assert change.kind is ChangeKind.RESET
        await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.get_meta("x")


async def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve_store(await opened(), tmp_path):
        monkeypatch.setattr("shoal.stores.remote.HELLO", "shoal 99")
        with pytest.raises(StoreError, match="another version"):
            await remote_store(tmp_path).open()


async def test_a_fault_of_the_store_reaches_only_the_call_that_met_it(tmp_path: Path) -> None:
    class Broken(MemoryStore):
        async def get_meta(self, name: str) -> bytes | None:
            if name == "disk":
                raise StoreError("the disk is full")
            if name == "fault":
                raise ZeroDivisionError
            return b"fine"

    broken = Broken()
    await broken.open()
    async with serve_store(broken, tmp_path):
        store = remote_store(tmp_path)
        await store.open()
        names = ("disk", "x", "fault", "y")
        found = await asyncio.gather(*(store.get_meta(name) for name in names), return_exceptions=True)
        assert [str(one) if isinstance(one, StoreError) else one for one in found[:2]] == ["the disk is full", b"fine"]
        assert isinstance(found[2], StoreError) and "fault" in str(found[2]) and found[3] == b"fine"
        await store.close()


async def test_bytes_that_are_no_message_end_that_connection_alone(tmp_path: Path) -> None:
    async with serve_store(await opened(), tmp_path):
        store = remote_store(tmp_path)
        await store.open()
        for junk in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x03abc", b"\x00"):
            with calls.SocketPath(tmp_path) as name:
                reader, writer = await asyncio.open_unix_connection(name)
            assert await calls.read_frame(reader) is not None
            writer.write(junk)
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        assert await store.get_meta("x") is None
        await store.close()


def test_every_method_of_the_port_is_there() -> None:
    assert {name for name in calls.CALLS if not hasattr(RemoteStore, name)} == set()
    assert {"add", "pop", "changes", "verified", "take_lease"} <= set(calls.CALLS)
