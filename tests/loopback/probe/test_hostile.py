"""What a proxy may do to whoever checks it: bounded, a Failure, and nobody else is slowed."""

from __future__ import annotations

import asyncio
import gzip
import resource

import pytest

from shoal.domain import Blame, Scheme

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def says(*parts, pause=0.0, forever=b""):
    """A proxy that reads a little, then says this."""

    async def handler(reader, writer):
        await reader.read(4096)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(0)

    return handler


WEB = {
    "headers without end": says(HEAD, forever=b"X-More: yes\r\n" * 100),
    "one endless header": says(HEAD + b"X-More: ", forever=b"x" * 4096),
    "interim answers without end": says(forever=b"HTTP/1.1 103 Early\r\n\r\n" * 50),
    "a body without end": says(HEAD + b"\r\n", forever=b"x" * 65536),
    "chunks without end": says(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", forever=b"400\r\n" + b"x" * 1024 + b"\r\n"
    ),
    "a chunk's extension without end": says(HEAD + CHUNKED + b"1;", forever=b"extension" * 1000),
    "one byte a second": says(*[bytes([byte]) for byte in HEAD * 9], pause=0.05),
    "a gzip bomb": says(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(bytes(10**7), mtime=0)),
        gzip.compress(bytes(10**7), mtime=0),
    ),
    "a length too large": says(HEAD + b"Content-Length: 5000\r\n\r\nshort"),
    "two lengths": says(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    "a negative length": says(HEAD + b"Content-Length: -1\r\n\r\nabc"),
    "a length of many digits": says(HEAD + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\nabc"),
    "a redirect to us": says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:22/\r\nContent-Length: 0\r\n\r\n"),
    "an upgrade": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", forever=b"\0" * 4096),
    "a TLS alert": says(b"\x15\x03\x03\x00\x02\x02\x28"),
    "zeros": says(forever=bytes(65536)),
    "control characters": says(b"HTTP/1.1 200 \x1b[2J\x07\r\n\x00bad: \x1b]0;title\x07\r\n\r\n"),
}


def descriptors():
    import os

    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("name", WEB)
async def test_a_hostile_http_proxy_is_a_bounded_failure(world, name):
    await world.begin(timeout=1.0)
    port = await world.serve(WEB[name])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loop = asyncio.get_running_loop()
    started = loop.time()
    result = await world.prober.check(world.record(port, Scheme.HTTP))
    assert loop.time() - started < 2.5
    assert not result.works
    assert result.failure is not None
    assert result.failure.detail.isprintable() and len(result.failure.detail) < 300
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 * 1024


SOCKS = {
    "an unknown address type": [b"\x05\x00", b"\x05\x00\x00\x09" + bytes(300)],
    "a domain of 255 bytes, cut": [b"\x05\x00", b"\x05\x00\x00\x03\xff" + b"x" * 100],
    "a reply of another version": [b"\x05\x00", b"\x04\x00\x00\x01" + bytes(6)],
    "a reserved reply": [b"\x05\x00", b"\x05\xfe\x00\x01" + bytes(6)],
    "a method nobody offered": [b"\x05\x80"],
    "no method": [b"\x05\xff"],
    "both at once and rubbish": [b"\x05\x00\x05\x00\x00\x01" + bytes(6) + bytes(9999)],
    "text": [b"Please log in: "],
    "nothing of sense": [bytes(range(256)) * 20],
}


@pytest.mark.parametrize("name", SOCKS)
@pytest.mark.parametrize("scheme", [Scheme.SOCKS5, Scheme.SOCKS4])
async def test_socks_replies_of_odd_shapes_are_failures(world, name, scheme):
    await world.begin(timeout=1.0)
    port = await world.serve(says(*SOCKS[name], pause=0.05))
    result = await world.prober.check(world.record(port, scheme))
    assert not result.works
    assert (result.blame, result.failure.detail.isprintable()) == (Blame.PROXY, True)


async def test_hostile_proxies_do_not_slow_the_others_down(world):
    await world.begin(timeout=2.0, tls=False)
    hostile = [world.record(await world.serve(handler), Scheme.HTTP) for handler in WEB.values()]
    good = world.record(await world.serve(world.http_proxy()), Scheme.HTTP)
    before = descriptors()
    attacks = [asyncio.ensure_future(world.prober.check(record)) for record in hostile * 3]
    await asyncio.sleep(0.1)
    results = [await world.prober.check(good) for _ in range(5)]
    assert all(result.works for result in results)
    assert max(result.latency for result in results) < 1.5
    assert not any(result.works for result in await asyncio.gather(*attacks))
    assert descriptors() <= before + 200
