"""Capabilities beyond the schemes: kept connections, other ports, IPv6, names."""

from __future__ import annotations

import asyncio

import pytest

from shoal.domain import Blame, Path, Scheme
from shoal.domain.health import Health
from shoal.wire import RequestHeadReader


def keeping(world, times=9, slow=False):
    """An http proxy that answers so many requests on one connection."""

    async def handler(reader, writer):
        for number in range(times):
            data = await reader.read(65536)
            if not data:
                return
            if slow and number:
                await reader.read(65536)
                return
            head = RequestHeadReader().receive_data(data)
            authority, _, path = head.target.partition("://")[2].partition("/")
            host, _, port = authority.partition(":")
            up_reader, up_writer = await world.dial(host, int(port))
            up_writer.write(f"GET /{path} HTTP/1.1\r\n".encode() + data.partition(b"\r\n")[2])
            answer = await up_reader.read(-1)
            up_writer.close()
            writer.write(answer.replace(b"Connection: close\r\n", b"Connection: keep-alive\r\n"))
            await writer.drain()

    return handler


@pytest.mark.parametrize(("times", "slow", "kept"), [(9, False, True), (1, False, False), (9, True, False)])
async def test_a_connection_that_stays_open_is_noticed(world, times, slow, kept):
    await world.begin(tls=False)
    port = await world.serve(keeping(world, times, slow))
    result = await world.prober.check(world.record(port, Scheme.HTTP))
    assert result.works
    assert ("keep_alive" in result.capabilities) is kept
    assert result.honesty.value == "clean"


async def test_an_answer_that_closes_is_no_kept_connection(world):
    await world.begin(tls=False)
    port = await world.serve(world.http_proxy())
    result = await world.prober.check(world.record(port, Scheme.HTTP))
    assert result.works and "keep_alive" not in result.capabilities


async def test_a_judge_that_only_ipv6_reaches_is_no_fault_of_a_socks4_proxy(world):
    world.resolver.names["judge.test"] = ("::1",)
    port = await world.serve(world.judge)
    world.ports["six"] = await serve_on_ipv6(world)
    await world.begin(plain=False, tls=False, more=(f"http://judge.test:{world.ports['six']}/check/#key=test-key",))
    assert not world.panel.at_hand.ipv4
    result = await world.prober.check(world.record(port, Scheme.SOCKS4))
    socks4 = [seen for seen in result.observations if seen.scheme is Scheme.SOCKS4]
    assert socks4 == []
    known = Path(Scheme.SOCKS4, Health.of(last_ok=1.0))
    again = await world.prober.check(world.record(port, path=known))
    assert (again.works, again.blame) == (False, Blame.LOCAL)


async def serve_on_ipv6(world):
    server = await asyncio.start_server(world.judge, "::1", 0)
    world.stack.push_async_callback(world._stop, server)
    return server.sockets[0].getsockname()[1]
