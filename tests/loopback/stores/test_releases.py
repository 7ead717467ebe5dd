"""Releases that are one apart share a store and a broker: bytes of the last one are read, and it reads ours.

What 0.1.0 keeps and sends stands in ``released_0_1_0.json``. A value that only gained something (a key of a map, an
item at the end of an array, a key of the server) is read by what knows less of it; anything else is a break: then write
the new form one release after it can be read, or raise ``store.format``, ``Batch.needs`` or the value's own version."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from shoal.cluster.batch import VERSION, from_message, to_message
from shoal.cluster.roll import Roll
from shoal.domain import Record
from shoal.errors import StoreError
from shoal.policy.learning import decode_model, encode_model
from shoal.ports.store import ChangeKind, Counts
from shoal.stores.redis import RedisStore
from shoal.stores.redis.blob import HEAD
from shoal.testing.builders import make_admitted
from shoal.testing.redis_server import redis_server
from shoal.testing.virtual_time import VirtualClock

from .released import BATCH, LINK, MODEL, NOW, RECORDS, SOURCE, WORD, dump, load, written

RELEASED = json.loads(Path(__file__).with_name("released_0_1_0.json").read_text())


def unpacked(name: str, value: str) -> Any:
    """Bytes of the server as what they hold."""
    data = bytes.fromhex(value)
    if name.startswith("r:"):
        return blob(data)
    if name == "feed":
        return [data[:8].hex(), *blob(data[8:])]
    if name == "sources":
        return [data[0], msgspec.msgpack.decode(data[1:])]
    if name in ("workers", "meta"):
        return msgspec.msgpack.decode(data)
    return value


def blob(data: bytes) -> list[Any]:
    head = HEAD.unpack_from(data)
    origin = HEAD.size + head[-2]
    body = origin + head[-1]
    # What follows a version byte, and the head with the sizes of key and origin left out.
    return [
        *(list(head[:-2]), data[HEAD.size : origin].decode()),
        *(data[origin], msgspec.msgpack.decode(data[origin + 1 : body])),
        *(data[body], msgspec.msgpack.decode(data[body + 1 :])),
    ]


def reads(old: Any, new: Any) -> bool:
    """Whether what knows the shape of ``old`` finds the same in ``new``: what was added it ignores."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and reads(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        if all(isinstance(item, str) for item in old):
            # Sets have no order.
            return isinstance(new, list) and sorted(old) == sorted(new)
        return isinstance(new, list) and len(new) >= len(old) and all(map(reads, old, new))
    return bool(old == new)


def as_read(kept: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, (kind, value) in kept.items():
        if kind == "hash":
            found[name] = {field: unpacked(name, each) for field, each in value.items()}
        elif kind == "stream":
            found[name] = {id: {kind: unpacked(name, each) for kind, each in entry.items()} for id, entry in value}
        else:
            found[name] = value
    return found


async def test_what_we_keep_is_what_the_last_release_reads() -> None:
    before, now = as_read(RELEASED["store"]), as_read(await written())
    differing = [name for name, value in before.items() if not reads(value, now.get(name))]
    assert not differing, differing


def test_the_comparison_tells_what_a_reader_ignores_from_what_it_trips_over() -> None:
    assert reads([1, {"a": 2}], [1, {"a": 2, "b": 3}, "more"])
    assert not reads([1, 2], [1]) and not reads({"a": 1}, {"b": 1}) and not reads([1], [2]) and not reads("1", 1)


async def test_what_the_last_release_kept_is_read() -> None:
    with redis_server() as server:
        store = RedisStore(server.url)
        async with Redis.from_url(server.url) as client:
            await load(client, RELEASED["store"])
            await store.open()
            found = {record.key: record async for page in store.scan() for record in page}
            for name, expected in RECORDS.items():
                assert same(found[expected.key], expected), name
            assert [page[0].key async for page in store.verified()] == [RECORDS["verified"].key]
            assert await store.counts(NOW) == Counts(4, 1, 2, 3, {"list": 3, "mine": 1})
            change = await anext(store.changes(0))
            assert change.kind is ChangeKind.SAVED and change.record is not None
            assert same(change.record, RECORDS["verified"])
            assert await store.source_states() == {"list": SOURCE}
            assert await store.get_link("abc") == LINK
            model = await store.get_meta("forecast-model")
            assert model is not None and decode_model(model) == MODEL
            assert not await store.hold("schedule", "another", 1.0)
            roll = Roll(store, VirtualClock(asyncio.get_running_loop()))
            await roll.read()
            assert roll.alive() == [WORD] and (roll.checked, roll.failures["connect/timeout"]) == (5, 2)
            await goes_on(store)
            # Nothing but what was changed has another form now.
            assert set(RELEASED["store"]) - {"claims", "leases", "lease-ends"} <= set(await dump(client)) | {
                name for name in RELEASED["store"] if name.startswith("holders:")
            }
        await store.close()


async def goes_on(store: RedisStore) -> None:
    """Claims, leases, tombstones and states of the last release hold for this one."""
    own, verified = RECORDS["own"], RECORDS["verified"]
    until = NOW + 10.0 + 30.0
    confirmed = await store.confirm([own.id], until, NOW + 11.0, 30.0)
    assert [record.key for record in confirmed] == [own.key]
    assert not await store.take_lease("other", verified.key, NOW, NOW + 9.0, capacity=5, exclusive=False)
    assert await store.release_lease("lease", NOW) == verified.key
    assert (await store.add([make_admitted(4)], NOW)).tombstoned == 1
    done = await store.swap([(0, replace(own, checks=1, version=1, next_check=NOW + 99.0))])
    assert not done.gone and not done.standing
    saved = await store.get_by_key(own.key)
    assert (
        saved is not None
        and saved.checks == 1
        and saved.credentials == own.credentials
        and saved.tags == ("paid", "fast")
    )


def same(found: Record, expected: Record) -> bool:
    # When it was seen first is its admission's, and the schedule moves on.
    moved = {name: getattr(found, name) for name in ("first_seen", "last_seen", "next_check", "claims")}
    return found == replace(expected, **moved) and found.paths == expected.paths


def test_a_message_of_the_last_release_is_read_and_ours_by_it() -> None:
    assert from_message(RELEASED["message"]) == BATCH
    assert reads(RELEASED["message"], json.loads(json.dumps(to_message(BATCH))))


def test_a_message_that_only_newer_workers_understand_says_so() -> None:
    newer = RELEASED["message"] | {"version": VERSION + 1, "needs": VERSION + 1, "ids": ["0" * 16]}
    assert not from_message(newer).is_readable
    assert from_message(RELEASED["message"]).is_readable


async def test_a_record_of_a_form_to_come_is_an_error_that_says_what_to_do() -> None:
    with redis_server() as server:
        store = RedisStore(server.url)
        await store.open()
        await store.add([make_admitted(1)], NOW)
        async with Redis.from_url(server.url) as client:
            kept = (await dump(client))["r:" + make_admitted(1).id[:3]][1][make_admitted(1).id]
            data = bytearray.fromhex(kept)
            head = HEAD.unpack_from(data)
            data[HEAD.size + head[-2] + head[-1]] = 99
            await client.hset(f"{{shoal}}:r:{make_admitted(1).id[:3]}", bytes.fromhex(make_admitted(1).id), bytes(data))
        with pytest.raises(StoreError, match="upgrade Shoal"):
            await store.get_by_key(make_admitted(1).key)
        await store.close()


def test_a_model_of_the_last_release_is_read_and_ours_by_it() -> None:
    kept = as_read(RELEASED["store"])["meta"][b"forecast-model".hex()]
    assert reads(kept, msgspec.msgpack.decode(encode_model(MODEL)))
