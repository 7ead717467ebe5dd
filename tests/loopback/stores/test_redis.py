"""The shared store against a real server that forgets scripts, dies, freezes and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from shoal.errors import StoreError
from shoal.ports.store import Added, ChangeKind
from shoal.stores.redis import RedisStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.redis_server import RedisServer, redis_server
from shoal.testing.shared_memory import SharedMemoryStore

NOW = 1_000_000.0


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server(None, "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


async def opened(server: RedisServer) -> RedisStore:
    store = RedisStore(server.url)
    await store.open()
    return store


async def test_a_server_that_forgot_the_scripts_is_told_them_again(server: RedisServer) -> None:
    store = await opened(server)
    async with Redis.from_url(server.url) as client:
        await client.script_flush()
    assert (await store.add([make_admitted(1)], NOW)).counts == Added(new=1).counts
    assert (await store.add([make_admitted(1)], NOW)).counts == Added(known=1).counts
    await store.close()


async def test_what_was_acknowledged_outlives_kill_minus_nine(server: RedisServer) -> None:
    store = await opened(server)
    assert store.advice == ()
    await store.add([make_admitted(number) for number in range(300)], NOW, imported=True)
    await store.delete([make_admitted(7).key], NOW, 60)
    server.kill()
    with pytest.raises(StoreError, match="is lost"):
        await store.get_by_key(make_admitted(1).key)
    server.start()
    assert (await store.counts(NOW)).known == 299
    assert (await store.add([make_admitted(7)], NOW)).counts == Added(tombstoned=1).counts
    await store.close()


async def test_a_server_that_is_not_there_or_wants_another_password_is_said_so(server: RedisServer) -> None:
    with pytest.raises(StoreError, match=r"cannot be reached; is it running.*\?$"):
        await RedisStore("redis://127.0.0.1:1/0").open()
    with pytest.raises(StoreError, match=r"refuses the password$"):
        await RedisStore(server.url.replace("//", "//:wrong@")).open()


async def test_a_follower_goes_on_after_its_server_was_away(server: RedisServer) -> None:
    store = await opened(server)
    await store.add([make_admitted(number) for number in (1, 2)], NOW)
    since = await store.seq()
    feed = store.changes(since)
    await store.save([make_record(1, paths=(make_path(),), checks=1)])
    first = await anext(feed)
    server.kill()
    with pytest.raises(StoreError):
        await anext(feed)
    server.start()
    await store.save([make_record(2, paths=(make_path(),), checks=1)])
    async with asyncio.timeout(20):
        async for change in store.changes(first.seq):
            assert (change.kind, change.key, change.seq) == (ChangeKind.SAVED, make_admitted(2).key, first.seq + 1)
            break
    await store.close()


async def test_a_frozen_server_is_an_error_in_seconds_and_not_for_ever(server: RedisServer) -> None:
    store = await opened(server)
    server.freeze()
    try:
        async with asyncio.timeout(60):
            with pytest.raises(StoreError, match="does not answer"):
                await store.seq()
    finally:
        server.thaw()
    assert await store.seq() == 0
    await store.close()


async def test_a_server_that_is_not_there_is_told_in_one_sentence(server: RedisServer) -> None:
    server.kill()
    with pytest.raises(StoreError, match=f"127.0.0.1:{server.port}"):
        await opened(server)


async def test_a_wrong_password_is_told_without_repeating_it(server: RedisServer) -> None:
    async with Redis.from_url(server.url) as client:
        await client.config_set("requirepass", "right")
    store = RedisStore(server.url.replace("redis://", "redis://:wrong-one@"))
    with pytest.raises(StoreError) as told:
        await store.open()
    assert "wrong-one" not in str(told.value)
    store = RedisStore(server.url, password="right")
    await store.open()
    await store.close()


async def test_pools_with_prefixes_of_their_own_share_a_server(server: RedisServer) -> None:
    one, other = RedisStore(server.url, prefix="one"), RedisStore(server.url, prefix="other")
    await one.open()
    await other.open()
    await one.add([make_admitted(1)], NOW)
    assert (await other.counts(NOW)).known == 0
    async with Redis.from_url(server.url) as client:
        assert all(key.startswith((b"{one}:", b"{other}:")) for key in await client.keys("*"))
    await one.close()
    await other.close()


async def test_a_job_has_one_holder_until_its_time_runs_out(server: RedisServer) -> None:
    store = await opened(server)
    assert await store.hold("lead", "a", 30.0)
    assert not await store.hold("lead", "b", 30.0)
    assert await store.hold("lead", "a", 0.05)
    async with asyncio.timeout(20):
        while not await store.hold("lead", "b", 30.0):
            await asyncio.sleep(0.02)
    assert not await store.hold("lead", "a", 30.0)
    assert await store.hold("lead", "b", 0.0)
    assert await store.hold("lead", "a", 30.0)
    await store.close()


async def test_a_claim_goes_on_only_while_it_is_the_same_one(server: RedisServer) -> None:
    store = await opened(server)
    await store.add([make_admitted(1), make_admitted(2)], NOW)
    ids = await store.claim_ids(NOW, 10, 30.0)
    assert sorted(ids) == sorted(make_admitted(number).id for number in (1, 2))
    assert await store.confirm(ids, NOW + 29.0, NOW, 60.0) == []
    assert {record.id for record in await store.confirm(ids, NOW + 30.0, NOW, 60.0)} == set(ids)
    # Confirmed anew: the old end no longer stands, and the records come back at the new one.
    assert await store.confirm(ids, NOW + 30.0, NOW, 60.0) == []
    assert await store.claim_ids(NOW + 59.0, 10, 30.0) == []
    assert len(await store.claim_ids(NOW + 60.0, 10, 30.0)) == 2
    await store.close()


async def test_what_ever_worked_tells_how_late_it_is_until_it_is_claimed(server: RedisServer) -> None:
    for store in (await opened(server), SharedMemoryStore(lambda: NOW)):
        await store.open()
        await store.add([make_admitted(number) for number in (1, 2, 3)], NOW - 500.0)
        assert await store.late(NOW) == 0.0
        records = await store.claim_due(NOW, 3, 1.0)
        path = make_path(last_ok=NOW)
        due = zip(records[:2], (40.0, 90.0), strict=True)
        await store.save([replace(record, paths=(path,), checks=1, next_check=NOW - late) for record, late in due])
        assert await store.late(NOW) == pytest.approx(90.0)
        # Of these two the first is taken, though what never worked has waited longer.
        assert await store.claim_ids(NOW, 1, 30.0, ahead=1) == [records[1].id]
        assert await store.late(NOW) == pytest.approx(40.0)
        assert await store.late(NOW - 100.0) == 0.0
        await store.close()
