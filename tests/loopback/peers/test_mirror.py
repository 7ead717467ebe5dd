"""The mirror against real servers: incremental, and back after they were away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import redis
from msgspec.structs import replace

from shoal.domain import Capability, Forecast, Pick, Scheme
from shoal.engine.listing import Page
from shoal.engine.mirror import Mirror
from shoal.export.proxy_pool import proxy_pool_entry
from shoal.stores.peer_hash import PeerHash
from shoal.testing.builders import make_record
from shoal.testing.fake_service import working_path
from shoal.testing.redis_server import RedisServer

BOUND = 30.0


def picks(*numbers: int) -> list[Pick]:
    made = []
    for number in numbers:
        record = make_record(number, paths=(working_path(Scheme.HTTP, Capability.FORWARD, country="DE"),))
        made.append(Pick(record, record.paths[0], record.proxy(Scheme.HTTP), Forecast(0.9, 0.9)))
    return made


class Bench:
    def __init__(self, server: RedisServer, *numbers: int) -> None:
        self.listed = picks(*numbers)
        self.told: list[str] = []
        self.hash = PeerHash(server.url, "use_proxy", setting="mirror.url")
        self.mirror = Mirror(self.hash, lambda: True, self._page, proxy_pool_entry, 0.05, self.told.append)

    def _page(self, after: int | None) -> Page:
        """Two at a time."""
        start = after or 0
        end = start + 2
        return Page(self.listed[start:end], len(self.listed), end if end < len(self.listed) else None)

    @asynccontextmanager
    async def running(self) -> Any:
        task = asyncio.get_running_loop().create_task(self.mirror.run(), name="mirror")
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND):
        while True:
            try:
                if await asyncio.to_thread(what):
                    return
            except redis.RedisError:
                pass
            await asyncio.sleep(0.05)


def names(client: redis.Redis) -> list[str]:
    return sorted(field.decode() for field in client.hkeys("use_proxy"))


def endpoints(*numbers: int) -> list[str]:
    return sorted(str(make_record(number).endpoint) for number in numbers)


async def test_values_are_those_of_proxy_pool(server: RedisServer, client: redis.Redis) -> None:
    async with Bench(server, 1, 2).running():
        await until(lambda: names(client) == endpoints(1, 2))
    field = endpoints(1)[0]
    told = json.loads(client.hget("use_proxy", field) or b"")
    assert list(told) == [
        "proxy", "https", "fail_count", "region", "anonymous", "source", "check_count", "last_status", "last_time",
    ]  # fmt: skip
    assert (told["proxy"], told["https"], told["region"], told["last_status"]) == (field, False, "DE", True)


async def test_only_changes_are_written_and_what_is_gone_is_removed(server: RedisServer, client: redis.Redis) -> None:
    async with Bench(server, *range(1, 41)).running() as bench:
        await until(lambda: client.hlen("use_proxy") == 40)

        def written(word: str) -> int:
            return int(client.info("commandstats").get(f"cmdstat_{word}", {}).get("calls", 0))

        before, rounds = written("hset"), written("hlen")
        await until(lambda: written("hlen") > rounds + 3)
        assert written("hset") == before
        bench.listed = picks(*range(3, 43))
        await until(lambda: names(client) == endpoints(*range(3, 43)))
        changed = picks(3)[0]
        changed = replace(changed, record=replace(changed.record, checks=99))
        bench.listed = [changed, *bench.listed[1:]]
        await until(lambda: json.loads(client.hget("use_proxy", endpoints(3)[0]) or b"{}").get("check_count") == 99)
        bench.listed = []
        await until(lambda: client.hlen("use_proxy") == 0)


async def test_a_hash_that_others_wrote_to_is_put_right(server: RedisServer, client: redis.Redis) -> None:
    client.hset("use_proxy", mapping={"45.9.9.9:80": "stale", "x" * 5_000: "far too long"})
    async with Bench(server, 1, 2).running():
        await until(lambda: names(client) == endpoints(1, 2))
        client.hset("use_proxy", "45.9.9.9:80", "again")
        await until(lambda: names(client) == endpoints(1, 2))
        client.flushall()
        await until(lambda: names(client) == endpoints(1, 2))


async def test_it_waits_for_a_server_that_is_away(server: RedisServer, client: redis.Redis) -> None:
    async with Bench(server, 1, 2).running() as bench:
        await until(lambda: names(client) == endpoints(1, 2))
        server.kill()
        await until(lambda: len(bench.told) == 1)
        bench.listed = picks(2, 3)
        server.start()
        await until(lambda: names(client) == endpoints(2, 3))
        assert len(bench.told) == 2 and "again" in bench.told[1]
