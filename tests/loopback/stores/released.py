"""What a release keeps in the shared store and sends over the wire, for ``test_releases``.

    python tests/loopback/stores/released.py > tests/loopback/stores/released_0_1_0.json

writes it anew: once for each release, from that release's own code, never to make a test pass."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from redis.asyncio import Redis

from shoal.cluster.batch import Batch, to_message
from shoal.cluster.roll import Word, encode_word
from shoal.domain import Capability, Credentials, Failure, Health, Path, Reason, Scheme, Stage, Timing, Trust
from shoal.domain.health import View
from shoal.domain.link import Link
from shoal.policy.learning import encode_model, untrained
from shoal.ports.store import SourceState
from shoal.stores.redis import RedisStore
from shoal.testing.builders import make_admitted, make_record
from shoal.testing.redis_server import redis_server

NOW = 1_790_000_000.25
OWN = Credentials("user", "p@ss")

Dump = dict[str, Any]
"""Keys of the server without their prefix. Bytes stand as hexadecimal digits."""


def path() -> Path:
    health = Health.of(
        ok=(1.0, 2.0, 3.0, 4.0, 5.0),
        bad=(0.5,) * 5,
        last_ok=NOW - 5.0,
        last_bad=NOW - 900.0,
        oks=7,
        bads=1,
        streak=3,
        stayed=60.0,
        after_ok=4.0,
    )
    return Path(
        Scheme.SOCKS5,
        health,
        frozenset({Capability.TUNNEL, Capability.FORWARD}),
        exit="127.9.9.9",
        country="DE",
        asn=64_500,
        timing=Timing(0.05, 0.1, 0.2, 0.25),
        failure=Failure(Stage.CONNECT, Reason.TIMEOUT),
        views=(View("eu", health),),
    )


RECORDS = {
    "verified": make_record(1, paths=(path(),), checks=9, next_check=NOW + 60.0, first_seen=NOW - 1e6, last_seen=NOW),
    "own": make_record(2, credentials=OWN, trust=Trust.OWN, tags=("paid", "fast"), sources=("mine",)),
    "new": make_record(3),
}
SOURCE = SourceState(
    "list",
    '"tag"',
    "Mon, 21 Sep 2026 00:00:00 GMT",
    NOW,
    NOW,
    NOW,
    NOW + 600.0,
    1,
    2,
    "late",
    50,
    5,
    {"private": 3},
    7,
    8,
)
LINK = Link("abc", "https://a.example/", created_at=NOW, expires_at=NOW + 1e9, click_limit=9)
MODEL = untrained((0.5, -1.0), (0.1, 0.0))
WORD = Word(7, "eu", 1000, 12, True)
BATCH = Batch(("0123456789abcdef", "fedcba9876543210"), NOW + 30.0, live=400)


async def write(store: RedisStore) -> None:
    """Something of each kind that a pool keeps."""
    verified = RECORDS["verified"]
    await store.add([make_admitted(1, scheme=Scheme.SOCKS5), make_admitted(3)], NOW)
    await store.add(
        [make_admitted(2, credentials=OWN, source="mine", trust=Trust.OWN, tags=("paid", "fast"))], NOW, imported=True
    )
    await store.add([make_admitted(4), make_admitted(5)], NOW)
    await store.save([verified])
    await store.delete([make_admitted(4).key], NOW, 1e9)
    await store.claim_ids(NOW + 10.0, 1, 30.0)
    assert await store.take_lease("lease", verified.key, NOW, NOW + 1e9, capacity=2, exclusive=True)
    await store.put_link(LINK)
    await store.save_source_state(SOURCE)
    await store.set_meta("forecast-model", encode_model(MODEL))
    assert await store.hold("schedule", "host-1-aa", 1e6)
    await store.report("host-2-bb", encode_word(WORD), {"checked": 5, "f:connect/timeout": 2})


async def dump(client: Redis, prefix: str = "{shoal}:") -> Dump:
    found: Dump = {}
    for key in sorted(await client.keys(f"{prefix}*")):
        kind = (await client.type(key)).decode()
        value: Any
        if kind == "hash":
            value = {name.hex(): each.hex() for name, each in sorted((await client.hgetall(key)).items())}
        elif kind == "zset":
            value = {name.hex(): score for name, score in sorted(await client.zrange(key, 0, -1, withscores=True))}
        elif kind == "set":
            value = sorted(name.hex() for name in await client.smembers(key))
        elif kind == "stream":
            value = [
                [id.decode(), {n.hex(): v.hex() for n, v in fields.items()}] for id, fields in await client.xrange(key)
            ]
        else:
            value = (await client.get(key)).hex()
        found[key.decode("latin-1").removeprefix(prefix)] = [kind, value]
    return found


async def load(client: Redis, dump: Dump, prefix: str = "{shoal}:") -> None:
    """The server as ``dump`` found it."""
    for name, (kind, value) in dump.items():
        key = (prefix + name).encode("latin-1")
        if kind == "hash":
            await client.hset(key, mapping={bytes.fromhex(field): bytes.fromhex(each) for field, each in value.items()})
        elif kind == "zset":
            await client.zadd(key, {bytes.fromhex(member): score for member, score in value.items()})
        elif kind == "set":
            await client.sadd(key, *map(bytes.fromhex, value))
        elif kind == "stream":
            for id, fields in value:
                await client.xadd(key, {bytes.fromhex(n): bytes.fromhex(v) for n, v in fields.items()}, id=id)
        else:
            await client.set(key, bytes.fromhex(value))


async def written() -> Dump:
    with redis_server() as server:
        store = RedisStore(server.url)
        await store.open()
        await write(store)
        async with Redis.from_url(server.url) as client:
            found = await dump(client)
        await store.close()
    return found


if __name__ == "__main__":
    kept = {"store": asyncio.run(written()), "message": to_message(BATCH)}
    sys.stdout.write(json.dumps(kept, indent=1) + "\n")
