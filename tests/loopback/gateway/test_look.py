"""What a gateway tells of itself, and sessions that are given another proxy."""

from __future__ import annotations

import asyncio
import base64

import pytest

from shoal.domain import Scheme


def get(target, session=None, *more):
    name = "me" if session is None else f"me-session-{session}{''.join(more)}"
    login = base64.b64encode(f"{name}:x".encode()).decode()
    return (
        f"GET {target} HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic {login}\r\nConnection: close\r\n\r\n"
    ).encode()


def upstream_of(answer):
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:300]
    return answer.partition(b"X-Shoal-Proxy: ")[2].partition(b"\r\n")[0].decode()


@pytest.mark.parametrize("strict", ["", "-strict"])
async def test_a_rotated_session_gets_another_proxy_and_keeps_that(world, kit, strict):
    async with world(Scheme.HTTP, size=4) as w, w.gateway(users=("me:x",)) as gateway:
        seen = []
        for _ in range(4):
            first = upstream_of(await kit.talk(gateway.port, get(w.target(), "s", strict)))
            assert upstream_of(await kit.talk(gateway.port, get(w.target(), "s", strict))) == first
            seen.append(first)
            (info,) = await gateway.sessions()
            assert (info.user, info.session, info.proxy) == ("me", "s", first)
            assert info.expires_at == info.last_used + 600.0
            assert await gateway.rotate("me", "s")
            assert await gateway.sessions() == []
        assert len(set(seen)) == 4
        # All have been left: it begins anew rather than end.
        assert upstream_of(await kit.talk(gateway.port, get(w.target(), "s", strict))) in seen
        assert not await gateway.rotate("me", "other")
        assert not await gateway.rotate("", "s")


async def test_replicas_that_are_told_rotate_alike(world, kit):
    async with world(Scheme.HTTP, size=6) as w, w.gateway(users=("me:x",)) as one, w.gateway(users=("me:x",)) as two:
        before = upstream_of(await kit.talk(one.port, get(w.target(), "s")))
        left = one.core.sessions.rotate("me", "s")
        assert len(left) == 1
        assert two.core.sessions.rotate("me", "s", left) == left
        after = {upstream_of(await kit.talk(each.port, get(w.target(), "s"))) for each in (one, two)}
        assert len(after) == 1
        assert before not in after


async def test_a_session_ends_with_its_lifetime(world, kit):
    async with world(Scheme.HTTP) as w, w.gateway(users=("me:x",)) as gateway:
        await kit.talk(gateway.port, get(w.target(), "s", "-lifetime-1"))
        (info,) = await gateway.sessions()
        assert kit.NOW < info.expires_at <= kit.NOW + 60.0


async def test_users_targets_and_bytes_are_counted(bare, kit):
    async def answer(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()

    async def close(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")

    async with (
        kit.Upstream("127.1.1.1", close) as bad,
        kit.Upstream("127.2.2.2", answer) as good,
        bare.gateway([bad.record(), good.record()], ordered=True, users=("me:x", "you:y")) as gateway,
    ):
        for _ in range(2):
            assert (await kit.talk(gateway.port, get("http://example.com/"))).endswith(b"hello")
        status = gateway.status()
        (target,) = status.targets
        assert (target.target, target.ok, target.failed) == ("example.com:80", 2, 0)
        assert target.attempts_failed >= 1
        me, you = status.users
        assert (me.name, me.requests, me.ok, me.failed, me.connections, you.requests) == ("me", 2, 2, 0, 0, 0)
        assert (status.stats.ok, status.stats.failed) == (2, 0)
        assert status.stats.retries >= 1
        assert me.bytes_down >= 2 * len(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        assert status.stats.bytes_down == me.bytes_down


async def test_a_failed_request_counts_against_its_target(bare, kit):
    async with bare.gateway([]) as gateway:
        await kit.talk(gateway.port, b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        await kit.talk(gateway.port, b"GET http://example.com/ HTTP/1.1\r\nHost: a\r\n\r\n")
        told = {target.target: target.failed for target in gateway.status().targets}
        assert told == {"example.com:443": 1, "example.com:80": 1}


async def test_what_is_under_way_can_be_seen(bare, kit):
    async def tunnel(reader, writer, number):
        await kit.accept_tunnel(reader, writer)
        writer.write(b"banner")
        await reader.read()

    async def dial(reader, writer, number):
        await reader.read()

    async with (
        kit.Upstream("127.1.1.1", tunnel) as one,
        bare.gateway([one.record()]) as gateway,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"banner"), 10)).startswith(b"HTTP/1.1 200 ")
        (row,) = await gateway.connections(10)
        assert (row.kind, row.target, row.user, row.bytes_up) == ("tunnel", "example.com:443", "", 0)
        assert row.proxy == f"http://127.1.1.1:{one.port}"
        assert abs(row.since - kit.NOW) < 60.0
        assert await gateway.connections(0) == []
        writer.transport.abort()

    async with kit.Upstream("127.1.1.1", dial) as slow, bare.gateway([slow.record()], hedge=False) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(10):
            while not slow.connections:
                await asyncio.sleep(0.01)
        (row,) = await gateway.connections(10)
        assert (row.kind, row.proxy) == ("dial", None)
        writer.transport.abort()
