"""Everything a proxy can do wrong, and what we call it."""

from __future__ import annotations

import asyncio
import os
import resource as limits
import socket
import struct
import time

import pytest

from shoal.domain import Blame, Reason, Refused, Scheme, Stage
from shoal.options import CheckOptions
from shoal.probe import NetProber

OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


async def check(world, handler, *claims, path=None, tls=None, **begin):
    if not hasattr(world, "prober"):
        await world.begin(**begin)
    port = await world.serve(handler, tls)
    return await world.prober.check(world.record(port, *claims, path=path))


def on(result, scheme):
    return next(seen for seen in result.observations if seen.scheme is scheme)


def assert_failed(result, scheme, stage, reason, blame=Blame.PROXY):
    seen = on(result, scheme)
    assert not result.works
    assert not seen.works
    assert (seen.failure.stage, seen.failure.reason, seen.blame) == (stage, reason, blame), seen


async def test_a_refused_connect_is_one_observation_for_all_paths(world):
    await world.begin()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    result = await world.prober.check(world.record(port))
    assert [seen.scheme for seen in result.observations] == [None]
    assert (result.failure.kind, result.blame) == ("connect.refused", Blame.PROXY)


async def test_a_black_hole_costs_the_connect_timeout_and_no_descriptor(world):
    await world.begin(connect_timeout=0.4)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        before = len(open_descriptors())
        started = time.perf_counter()
        results = await asyncio.gather(
            *(world.prober.check(world.record(full.getsockname()[1], Scheme.HTTP)) for _ in range(20))
        )
        took = time.perf_counter() - started
        for filler in fillers:
            filler.close()
    assert {(result.failure.kind, result.blame) for result in results} == {("connect.timeout", Blame.PROXY)}
    assert all(len(result.observations) == 1 and result.observations[0].scheme is None for result in results)
    assert 0.4 <= took < 1.5
    for _ in range(100):
        if len(open_descriptors()) <= before:
            break
        await asyncio.sleep(0.01)
    assert len(open_descriptors()) <= before


def open_descriptors():
    return os.listdir("/proc/self/fd")


async def test_cancelling_a_check_in_the_connect_is_a_cancellation(world):
    await world.begin(connect_timeout=5.0)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        task = asyncio.ensure_future(world.prober.check(world.record(full.getsockname()[1], Scheme.HTTP)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for filler in fillers:
            filler.close()


async def test_cancelling_a_check_that_waits_for_an_answer_closes_its_connection(world):
    await world.begin()
    ended = asyncio.Event()

    async def waiting(reader, writer):
        await reader.read(4096)
        task.cancel()
        assert await reader.read(4096) == b""
        ended.set()

    port = await world.serve(waiting)
    task = asyncio.ensure_future(world.prober.check(world.record(port, Scheme.HTTP)))
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 2)


async def accept_then_close(reader, writer):
    writer.close()


async def reset(reader, writer):
    await reader.read(10)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(reader, writer):
    await asyncio.sleep(30)


async def drip(reader, writer):
    await reader.read(4096)
    for byte in OK_HEAD:
        writer.write(bytes((byte,)))
        await asyncio.sleep(0.05)


def says(answer):
    async def handler(reader, writer):
        await reader.read(4096)
        writer.write(answer)
        await writer.drain()
        await reader.read(1)

    return handler


@pytest.mark.parametrize(
    ("handler", "stage", "reason"),
    [
        (reset, Stage.RECEIVE, Reason.RESET),
        (silence, Stage.RECEIVE, Reason.TIMEOUT),
        (drip, Stage.RECEIVE, Reason.TIMEOUT),
        (says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), Stage.RECEIVE, Reason.DENIED),
        (says(b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n"), Stage.HANDSHAKE, Reason.AUTH),
        (says(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), Stage.RECEIVE, Reason.BAD_STATUS),
        (
            says(b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n"),
            Stage.RECEIVE,
            Reason.BAD_STATUS,
        ),
        (says(OK_HEAD + b"Content-Length: 7\r\n\r\nWelcome"), Stage.CONTENT, Reason.MISMATCH),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), Stage.RECEIVE, Reason.MALFORMED),
        (says(b"\x05\xff"), Stage.RECEIVE, Reason.MALFORMED),
        (says(OK_HEAD + b"X: " + b"a" * 100_000), Stage.RECEIVE, Reason.MALFORMED),
        (says(OK_HEAD + b"Content-Length: 9999999999\r\n\r\n"), Stage.RECEIVE, Reason.MALFORMED),
        (says(OK_HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Stage.RECEIVE, Reason.MALFORMED),
        (says(OK_HEAD + b"\r\n" + b"a" * 400_000), Stage.RECEIVE, Reason.MALFORMED),
        (says(b"HTTP/1.1 100 Continue\r\n\r\n" * 20), Stage.RECEIVE, Reason.MALFORMED),
        (says(OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 5000), Stage.RECEIVE, Reason.MALFORMED),
    ],
)
async def test_an_http_proxy_that_goes_wrong(world, handler, stage, reason):
    result = await check(world, handler, Scheme.HTTP, timeout=0.7)
    assert_failed(result, Scheme.HTTP, stage, reason)


async def test_accept_then_close_is_an_end_or_a_reset(world):
    # Which of the two depends on whether our request met the closed socket.
    result = await check(world, accept_then_close, Scheme.HTTP)
    assert result.failure.stage is Stage.RECEIVE
    assert result.failure.reason in (Reason.EOF, Reason.RESET)
    assert result.blame is Blame.PROXY


async def test_a_short_body_is_an_end_too_early(world):
    async def short(reader, writer):
        await reader.read(4096)
        writer.write(OK_HEAD + b"Content-Length: 100\r\n\r\nhalf")

    assert_failed(await check(world, short, Scheme.HTTP), Scheme.HTTP, Stage.RECEIVE, Reason.EOF)


@pytest.mark.parametrize(
    ("reply", "stage", "reason"),
    [
        (1, Stage.TUNNEL, Reason.BAD_STATUS),
        (2, Stage.TUNNEL, Reason.DENIED),
        (3, Stage.TUNNEL, Reason.UNREACHABLE),
        (4, Stage.TUNNEL, Reason.UNREACHABLE),
        (5, Stage.TUNNEL, Reason.REFUSED),
        (99, Stage.TUNNEL, Reason.BAD_STATUS),
    ],
)
async def test_a_socks5_proxy_that_cannot_reach_our_healthy_judge_is_at_fault(world, reply, stage, reason):
    result = await check(world, world.socks5(reply=reply), Scheme.SOCKS5)
    assert_failed(result, Scheme.SOCKS5, stage, reason)


async def test_socks4_refusal_is_denied(world):
    result = await check(world, world.socks4(granted=False), Scheme.SOCKS4)
    assert_failed(result, Scheme.SOCKS4, Stage.TUNNEL, Reason.DENIED)


async def test_a_truncated_socks5_reply_is_an_end_in_the_tunnel(world):
    async def truncated(reader, writer):
        await reader.read(3)
        writer.write(b"\x05\x00")
        await reader.read(100)
        writer.write(b"\x05\x00\x00\x01")

    result = await check(world, truncated, Scheme.SOCKS5)
    assert_failed(result, Scheme.SOCKS5, Stage.TUNNEL, Reason.EOF)


async def test_a_socks5_server_that_stalls_after_the_greeting_times_out_in_the_tunnel(world):
    async def stalling(reader, writer):
        await reader.read(3)
        writer.write(b"\x05\x00")
        await asyncio.sleep(30)

    result = await check(world, stalling, Scheme.SOCKS5, handshake_timeout=0.3, timeout=0.6)
    assert_failed(result, Scheme.SOCKS5, Stage.TUNNEL, Reason.TIMEOUT)


async def test_an_answer_byte_by_byte_is_as_good_as_whole(world):
    async def slow(reader, writer):
        inner = world.socks5()

        class Drops:
            def write(self, data):
                for byte in data:
                    writer.write(bytes((byte,)))

            def __getattr__(self, name):
                return getattr(writer, name)

        await inner(reader, Drops())

    result = await check(world, slow, Scheme.SOCKS5)
    assert result.works, result
    assert "tunnel" in result.capabilities


async def test_a_tls_proxy_port_that_speaks_plain_http_is_malformed(world):
    result = await check(world, says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), Scheme.HTTPS)
    assert_failed(result, Scheme.HTTPS, Stage.PROXY_TLS, Reason.MALFORMED)


async def test_a_stall_inside_tls_to_the_proxy_is_named_so(world):
    result = await check(world, silence, Scheme.HTTPS, handshake_timeout=0.2, timeout=0.4)
    assert_failed(result, Scheme.HTTPS, Stage.PROXY_TLS, Reason.TIMEOUT)


async def test_bytes_after_the_answer_change_nothing(world):
    def rubbish(answer):
        return answer + b"HTTP/1.1 200 OK\r\n\r\nrubbish"

    result = await check(world, world.http_proxy(change=rubbish), Scheme.HTTP)
    assert result.works, result


async def test_a_name_that_does_not_resolve_is_the_entry_s_fault(world):
    await world.begin()
    result = await world.prober.check(world.record(80, Scheme.HTTP, host="gone.test"))
    assert (result.failure.kind, result.blame) == ("resolve.unreachable", Blame.PROXY)


async def test_a_forbidden_literal_is_not_dialled(world):
    await world.begin()
    dialled = []

    async def note(reader, writer):
        dialled.append(1)

    port = await world.serve(note)
    prober = NetProber(
        CheckOptions(), world.panel, world.resolver, lambda host, trust: Refused.LOOPBACK,
        world.prober._clock, world.nonce, world.contexts,
    )  # fmt: skip
    result = await prober.check(world.record(port, Scheme.HTTP))
    assert (result.failure.kind, result.blame) == ("resolve.denied", Blame.PROXY)
    assert not dialled


async def test_one_deadline_holds_for_all_guesses(world):
    await world.begin(timeout=1.0, handshake_timeout=0.5, connect_timeout=0.3)
    port = await world.serve(silence)
    started = time.perf_counter()
    result = await world.prober.check(world.record(port))
    assert time.perf_counter() - started < 1.6
    assert not result.works
    assert len(result.observations) >= 2


async def test_a_judge_that_falls_silent_before_the_own_scheme_had_its_turn_is_no_proxys_fault(world, monkeypatch):
    await world.begin()

    async def hang_up(reader, writer):
        await reader.read(100)
        writer.close()

    port = await world.serve(hang_up)
    result = await world.prober.check(world.record(port))
    assert (result.failure.reason, result.blame) == (Reason.EOF, Blame.PROXY)
    seats = [world.panel.pick(tls=False)]
    monkeypatch.setattr(type(world.panel), "pick", lambda *_, **__: seats.pop() if seats else None)
    result = await world.prober.check(world.record(port))
    assert not seats
    assert (result.failure.reason, result.blame) == (Reason.LOCAL_LIMIT, Blame.LOCAL)
    (seen,) = result.observations
    assert seen.scheme is None


async def test_our_own_shortage_of_descriptors_is_no_proxys_fault(world):
    await world.begin()
    port = await world.serve(silence)
    soft, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    held = []
    try:
        limits.setrlimit(limits.RLIMIT_NOFILE, (len(open_descriptors()) + 8, hard))
        while True:
            try:
                held.append(socket.socket())
            except OSError:
                break
        result = await world.prober.check(world.record(port, Scheme.HTTP))
    finally:
        for one in held:
            one.close()
        limits.setrlimit(limits.RLIMIT_NOFILE, (soft, hard))
    assert (result.failure.reason, result.blame) == (Reason.LOCAL_LIMIT, Blame.LOCAL)
