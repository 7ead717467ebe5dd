"""A session whose proxy a target has banned meanwhile: another proxy there, its own everywhere else."""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from shoal.domain.reach import Reach


def get(target, *more):
    login = base64.b64encode(f"me-session-s{''.join(more)}:x".encode()).decode()
    return (
        f"GET http://{target}/ HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic {login}\r\nConnection: close\r\n\r\n"
    ).encode()


async def answer(reader, writer, number):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    await writer.drain()


async def close(reader, writer, number):
    await reader.readuntil(b"\r\n\r\n")


@pytest.fixture
async def upstreams(kit):
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(kit.Upstream(f"127.{n}.{n}.{n}", answer)) for n in range(1, 5)]


class Session:
    def __init__(self, gateway, kit, upstreams, *more):
        self._gateway, self._kit, self._more = gateway, kit, more
        self._by_address = {each.address: each for each in upstreams}

    async def at(self, target):
        """The upstream that serves the session at a target."""
        got = await self._kit.talk(self._gateway.port, get(target, *self._more))
        assert got.startswith(b"HTTP/1.1 200 "), got[:300]
        return self._by_address[got.partition(b"X-Shoal-Proxy: http://")[2].partition(b":")[0].decode()]


def ban(bare, kit, upstream, host):
    record = bare.service.pool.record(upstream.record().key)
    paths = tuple(
        replace(path, reaches=(Reach(host, bans=1, banned_until=kit.NOW + 600.0, why="status 403"),))
        for path in record.paths
    )
    bare.service.pool.apply(replace(record, paths=paths), kit.NOW)


async def test_it_moves_on_for_that_target_and_keeps_its_own_for_others(bare, kit, upstreams):
    records = [each.record() for each in upstreams]
    async with (
        bare.gateway(records, users=("me:x",)) as gateway,
        bare.gateway(records, users=("me:x",)) as replica,
    ):
        session = Session(gateway, kit, upstreams)
        own = await session.at("one.example")
        assert await session.at("two.example") is own
        service = gateway.core.service
        for each in (gateway, replica):
            bare.service = each.core.service
            ban(bare, kit, own, "one.example")
        other = await session.at("one.example")
        assert other is not own
        assert [await session.at("one.example") for _ in range(3)] == [other] * 3
        assert await session.at("two.example") is own
        # Gateways that know the same agree without a word.
        assert await Session(replica, kit, upstreams).at("two.example") is own
        assert await Session(replica, kit, upstreams).at("one.example") is other
        (info,) = await gateway.sessions()
        assert own.address in info.proxy and info.switches == 0
        # Banned as well: on to the next.
        bare.service = service
        ban(bare, kit, other, "one.example")
        assert await session.at("one.example") not in (own, other)


async def test_the_other_one_that_fails_is_left_at_once(bare, kit, upstreams):
    async with bare.gateway([each.record() for each in upstreams], users=("me:x",)) as gateway:
        session = Session(gateway, kit, upstreams)
        own = await session.at("one.example")
        ban(bare, kit, own, "one.example")
        other = await session.at("one.example")
        other._script = close
        third = await session.at("one.example")
        assert third not in (own, other)
        assert await session.at("one.example") is third
        assert await session.at("two.example") is own


async def test_strict_keeps_its_own_and_one_without_another_too(bare, kit, upstreams):
    async with bare.gateway([each.record() for each in upstreams], users=("me:x",)) as gateway:
        strict, loose = Session(gateway, kit, upstreams, "-strict"), Session(gateway, kit, upstreams)
        own = await strict.at("one.example")
        ban(bare, kit, own, "one.example")
        assert await strict.at("one.example") is own
        assert await loose.at("one.example") is not own
        for each in upstreams:
            ban(bare, kit, each, "one.example")
        assert await loose.at("one.example") is own
