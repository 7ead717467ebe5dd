from __future__ import annotations

import pytest

from shoal.app.timed_store import timed_store
from shoal.domain.tally import StoreTally
from shoal.errors import StoreError
from shoal.stores.memory import MemoryStore
from shoal.stores.seal import Sealer
from shoal.stores.sealed import sealed_store


async def test_calls_are_timed_and_answer_as_the_store_does() -> None:
    tally = StoreTally()
    store = timed_store(MemoryStore(), tally)
    await store.open()
    await store.set_meta("name", b"value")
    assert await store.get_meta("name") == b"value"
    assert [batch async for batch in store.verified()] == []
    assert {name: times.count for name, times in tally.times.items()} == {"open": 1, "set_meta": 1, "get_meta": 1}
    assert not tally.errors


async def test_a_store_in_a_wrapper_is_timed_as_well() -> None:
    tally = StoreTally()
    store = timed_store(sealed_store(MemoryStore(), lambda: Sealer(bytes(32))), tally)
    await store.open()
    assert await store.add((), 0.0) is not None and [batch async for batch in store.scan()] == []
    assert {"open", "add"} <= set(tally.times) and "scan" not in tally.times


async def test_a_call_that_fails_counts_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: MemoryStore, name: str) -> bytes:
        raise StoreError("the disk is full")

    monkeypatch.setattr(MemoryStore, "get_meta", broken)
    tally = StoreTally()
    store = timed_store(MemoryStore(), tally)
    for _ in range(2):
        with pytest.raises(StoreError, match="disk is full"):
            await store.get_meta("name")
    assert tally.errors == {"get_meta": 2} and tally.times["get_meta"].count == 2
