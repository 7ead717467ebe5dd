"""More clients or requests than the gateway can take: each is told so in its own protocol, and it is over at once."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re

import pytest

from shoal.domain import Scheme
from shoal.gateway import sending_away


class Late:
    """A loop that is as far behind as a test says."""

    def __init__(self, seconds):
        self.late = seconds

    def seconds(self):
        return self.late

    def stop(self):
        pass


def get(world, *lines):
    return "\r\n".join([f"GET {world.target()} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


def basic(text):
    return "Proxy-Authorization: Basic " + base64.b64encode(text.encode()).decode()


def connect(world):
    return f"CONNECT 127.0.0.1:{world.origin} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def refused(answer):
    """Status, code and seconds to wait of a refusal that is whole and well-formed."""
    head, _, body = answer.partition(b"\r\n\r\n")
    wait = re.search(rb"\r\nRetry-After: ([0-9]+)(?:\r\n|$)", head)
    assert wait is not None, head
    told = json.loads(body)
    assert int(head.split()[1]) == told["status"]
    return told["status"], told["code"], int(wait[1])


def socks5(world, *, login=b""):
    method = b"\x02" if login else b"\x00"
    request = b"\x05\x01\x00\x01\x7f\0\0\x01" + world.origin.to_bytes(2, "big")
    return b"\x05\x01" + method, login, request


def socks4(world):
    return b"\x04\x01" + world.origin.to_bytes(2, "big") + b"\x7f\0\0\x01me\0"


async def full(kit, gateway, count):
    """``count`` clients that are connected and say nothing."""
    held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(count)]
    async with asyncio.timeout(kit.BOUND):
        while len(gateway.core.live) < count:
            await asyncio.sleep(0.01)
    return [writer for _, writer in held]


async def until_served(world, kit, gateway):
    async with asyncio.timeout(kit.BOUND):
        while True:
            answer = await kit.talk(gateway.port, get(world, "Connection: close"))
            if answer.startswith(b"HTTP/1.1 200"):
                return
            await asyncio.sleep(0.01)


async def test_one_client_too_many_is_told_in_its_own_protocol(world, kit):
    async with world(Scheme.SOCKS5) as w, w.gateway(max_connections=3) as gateway:
        held = await full(kit, gateway, 3)
        answer = await kit.talk(gateway.port, get(w))
        assert refused(answer) == (503, "crowded", 1) and b"\r\nConnection: close\r\n" in answer
        assert refused(await kit.talk(gateway.port, connect(w)))[:2] == (503, "crowded")
        # A head that comes in pieces, and one longer than what is read of such a client in one go.
        assert refused(await kit.talk(gateway.port, b"GE", b"T http://a/ HTTP/1.1\r\n"))[1] == "crowded"
        assert refused(await kit.talk(gateway.port, get(w, "X: " + "y" * 3000)))[1] == "crowded"
        assert (await kit.talk(gateway.port, *socks5(w)))[:4] == b"\x05\x00\x05\x01"
        login = b"\x01\x02me\x02pw"
        assert (await kit.talk(gateway.port, *socks5(w, login=login)))[:6] == b"\x05\x02\x01\x00\x05\x01"
        assert (await kit.talk(gateway.port, socks4(w)))[:2] == b"\x00\x5b"
        with contextlib.suppress(ConnectionError):
            assert await kit.talk(gateway.port, b"\x16\x03\x01\x00\x05hello") == b""
        assert gateway.tally.refusals["crowded"] == 8
        assert not w.seen
        for writer in held:
            writer.close()
        await until_served(w, kit, gateway)


async def test_of_a_great_crowd_only_so_many_are_told_at_once(world, kit, monkeypatch):
    monkeypatch.setattr(sending_away, "_AT_ONCE", 2)
    async with world(Scheme.SOCKS5) as w, w.gateway(max_connections=1) as gateway:
        (held,) = await full(kit, gateway, 1)
        silent = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(2)]
        async with asyncio.timeout(kit.BOUND):
            while gateway.core.sent_away < 2:
                await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionError):
            assert await kit.talk(gateway.port, get(w)) == b""
        assert gateway.core.sent_away == 2
        # Who says nothing is not waited for.
        for reader, _ in silent:
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), kit.BOUND) == b""
        async with asyncio.timeout(kit.BOUND):
            while gateway.core.sent_away:
                await asyncio.sleep(0.01)
        held.close()
        await until_served(w, kit, gateway)


async def test_a_gateway_that_is_behind_refuses_at_once_and_serves_again_at_once(world, kit):
    async with world(Scheme.SOCKS5) as w, w.gateway() as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        tunnel, inside = await kit.hold(gateway.port, w.origin)
        before, real = len(w.seen), gateway.core.lag
        gateway.core.lag = Late(1.5)

        async def once(request):
            writer.write(request)
            async with asyncio.timeout(kit.BOUND):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"Content-Length: ([0-9]+)", head)[1])
                return head + await reader.readexactly(length)

        # The connection stays: to come again on a new one would cost more than the answer.
        assert refused(await once(get(w))) == (503, "overloaded", 1)
        assert refused(await once(get(w))) == (503, "overloaded", 1)
        assert refused(await kit.talk(gateway.port, connect(w))) == (503, "overloaded", 1)
        body = get(w, "Content-Length: 5") + b"hello"
        assert refused(await kit.talk(gateway.port, body)) == (503, "overloaded", 1)
        assert (await kit.talk(gateway.port, *socks5(w)))[:4] == b"\x05\x00\x05\x01"
        assert (await kit.talk(gateway.port, socks4(w)))[:2] == b"\x00\x5b"
        assert gateway.tally.refusals["overloaded"] == 6
        assert len(w.seen) == before
        # What stands already is not touched.
        inside.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 200" in await asyncio.wait_for(tunnel.readuntil(b"\r\n\r\n"), kit.BOUND)
        gateway.core.lag = real
        assert (await once(get(w))).startswith(b"HTTP/1.1 200")
        inside.close()
        writer.close()


@pytest.mark.parametrize(
    ("settings", "code", "longest"),
    [
        ({"user_rate": 0.1}, "limit", 10),
        ({"user_bytes": 1}, "limit", 86_400),
    ],
)
async def test_a_users_limit_says_when_to_come_back(world, kit, settings, code, longest):
    async with world(Scheme.SOCKS5) as w, w.gateway(users=("me:pw",), **settings) as gateway:
        ask = get(w, "Connection: close", basic("me:pw"))
        assert (await kit.talk(gateway.port, ask)).startswith(b"HTTP/1.1 200")
        status, said, wait = refused(await kit.talk(gateway.port, ask))
        assert (status, said) == (429, code)
        assert longest / 2 < wait <= longest


async def test_too_many_connections_of_a_user_and_an_empty_pool_say_when_to_come_back(world, kit):
    async with world(Scheme.SOCKS5) as w:
        async with w.gateway(users=("me:pw",), user_connections=1) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(connect(w)[:-2] + basic("me:pw").encode() + b"\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), kit.BOUND)).startswith(b"HTTP/1.1 200")
            assert refused(await kit.talk(gateway.port, get(w, basic("me:pw")))) == (429, "limit", 1)
            writer.close()
        async with w.gateway([]) as gateway:
            status, code, wait = refused(await kit.talk(gateway.port, get(w)))
            assert (status, code) == (503, "no_proxy") and wait > 0
