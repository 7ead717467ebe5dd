"""Limits of sources, held by the gateway with real connections."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from shoal.domain.source import SourceLimits
from shoal.policy.source_limits import LimitTable


def named(kit, world, source, first=0, count=None):
    proxies = world.lab.population[first:][:count]
    return [replace(kit.record_of(proxy), sources=(source,)) for proxy in proxies]


def vendor(**limits):
    return LimitTable({"vendor": SourceLimits(tier=0, **limits), "list": SourceLimits()})


async def get(kit, port, url):
    text = f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    return await kit.talk(port, text.encode())


def upstreams(service):
    return [key for key, _ in service.given]


async def test_the_lower_tier_is_used_only_when_the_upper_one_is_full(world, kit):
    async with world(kit.Scheme.SOCKS5, size=6) as place:
        first, second = named(kit, place, "vendor", 0, 2), named(kit, place, "list", 2)
        async with place.gateway([*first, *second], limits=vendor(max_in_flight=2), hedge=False) as gateway:
            # Two that stay open, then one more.
            held = [await kit.hold(gateway.port, place.origin) for _ in range(2)]
            assert place.service.uses.in_flight("vendor", place.service.now()) == 2
            assert (await get(kit, gateway.port, place.target())).startswith(b"HTTP/1.1 200")
            assert upstreams(place.service)[-1] in {record.key for record in second}
            for _, writer in held:
                writer.close()
            async with asyncio.timeout(10):
                while place.service.uses.in_flight("vendor", place.service.now()):
                    await asyncio.sleep(0.01)
            assert (await get(kit, gateway.port, place.target())).startswith(b"HTTP/1.1 200")
            assert upstreams(place.service)[-1] in {record.key for record in first}


async def test_where_all_is_at_its_limit_the_client_is_told_so(world, kit):
    async with world(kit.Scheme.HTTP, size=2) as place:
        records = named(kit, place, "vendor")
        async with place.gateway(records, limits=vendor(max_in_flight=1), hedge=False) as gateway:
            _reader, writer = await kit.hold(gateway.port, place.origin)
            answer = await get(kit, gateway.port, place.target())
            assert b" 503 " in answer.split(b"\r\n")[0] and b"limit" in answer
            writer.close()


async def test_one_proxy_carries_one_request_to_one_target_in_an_interval(world, kit):
    async with world(kit.Scheme.HTTP, size=3) as place:
        records = named(kit, place, "vendor")
        async with place.gateway(records, limits=vendor(min_interval=3600.0), hedge=False) as gateway:
            for _ in range(3):
                assert (await get(kit, gateway.port, place.target())).startswith(b"HTTP/1.1 200")
            assert len(set(upstreams(place.service))) == 3
            assert b" 503 " in (await get(kit, gateway.port, place.target())).split(b"\r\n")[0]


async def test_bytes_of_tunnels_and_requests_count_against_the_budget(world, kit):
    async with world(kit.Scheme.HTTP, size=2) as place:
        records = named(kit, place, "vendor")
        async with place.gateway(records, limits=vendor(byte_budget=150_000), hedge=False) as gateway:
            answer = await get(kit, gateway.port, place.target("/bytes/60000"))
            assert len(answer) > 60_000
            spent = place.service.uses.spent("vendor", place.service.now())
            assert 60_000 < spent < 62_000
            connect = f"CONNECT 127.0.0.1:{place.origin} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            inner = b"GET /bytes/90000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert len(await kit.talk(gateway.port, connect + inner)) > 90_000
            async with asyncio.timeout(10):
                while place.service.uses.spent("vendor", place.service.now()) < 150_000:
                    await asyncio.sleep(0.01)
            assert b" 503 " in (await get(kit, gateway.port, place.target())).split(b"\r\n")[0]


async def test_a_session_keeps_its_proxy_and_its_sources_limit(world, kit):
    async with world(kit.Scheme.HTTP, size=3) as place:
        records = named(kit, place, "vendor")
        async with place.gateway(records, limits=vendor(max_in_flight=1), hedge=False) as gateway:
            login = b"Proxy-Authorization: Basic c2Vzc2lvbi1hOg==\r\n"  # session-a:
            ask = f"GET {place.target()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode() + login + b"\r\n"
            for _ in range(3):
                assert (await kit.talk(gateway.port, ask)).startswith(b"HTTP/1.1 200")
            assert len(set(upstreams(place.service))) == 1
            _reader, writer = await kit.hold(gateway.port, place.origin)
            assert b" 503 " in (await kit.talk(gateway.port, ask)).split(b"\r\n")[0]
            writer.close()
