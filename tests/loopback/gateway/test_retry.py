"""Until the target's first byte another upstream takes over; nothing is done twice, and nothing goes direct."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from shoal.domain import Capability, Reason, Stage

HELLO = b"\x16\x03\x01\x00\x05hello"


async def silent(reader, writer, number):
    await reader.read()


async def close_at_once(reader, writer, number):
    return


def refuse(status):
    async def script(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return script


def tunnel_that(kit, *, answers, first=None):
    """Opens tunnels, reads the first flight, then answers or closes."""

    async def script(reader, writer, number):
        await kit.accept_tunnel(reader, writer)
        if first is not None:
            writer.write(first)
        data = await reader.read(65_536)
        if answers:
            writer.write(b"got " + data)
            await reader.read()

    return script


async def connect(port, target="example.com:443"):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    return reader, writer, head


async def test_a_refused_connect_goes_to_the_next_upstream(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", refuse(503)) as bad,
        kit.Upstream("127.2.2.2", tunnel_that(kit, answers=True)) as good,
        bare.gateway([bad.record(), good.record()], ordered=True) as gateway,
    ):
        reader, writer, head = await connect(gateway.port)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert f"X-Shoal-Proxy: http://127.2.2.2:{good.port}".encode() in head
        writer.write(HELLO)
        assert await reader.read(100) == b"got " + HELLO
        writer.transport.abort()
    (_, failed), (_, worked) = bare.service.given
    assert failed.failure.kind == "tunnel.unreachable"
    assert worked.ok and worked.target == "example.com:443"


async def test_a_client_hello_is_replayed_when_the_tunnel_dies_before_the_first_byte(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", tunnel_that(kit, answers=False)) as bad,
        kit.Upstream("127.2.2.2", tunnel_that(kit, answers=True)) as good,
        bare.gateway([bad.record(), good.record()], ordered=True) as gateway,
    ):
        reader, writer, _ = await connect(gateway.port)
        writer.write(HELLO)
        assert await asyncio.wait_for(reader.read(100), 10) == b"got " + HELLO
        assert gateway.stats().replays == 1
        writer.transport.abort()
    assert bare.service.given[0][1].failure.kind == "receive.eof"


async def test_a_silent_tunnel_is_given_up_for_another(bare, kit):
    async def swallow(reader, writer, number):
        await kit.accept_tunnel(reader, writer)
        await reader.read()

    async with (
        kit.Upstream("127.1.1.1", swallow) as bad,
        kit.Upstream("127.2.2.2", tunnel_that(kit, answers=True)) as good,
        bare.gateway([bad.record(), good.record()], ordered=True, first_byte=0.2) as gateway,
    ):
        reader, writer, _ = await connect(gateway.port)
        writer.write(HELLO)
        assert await asyncio.wait_for(reader.read(100), 10) == b"got " + HELLO
        writer.transport.abort()


async def test_a_flight_that_may_act_is_never_replayed(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", tunnel_that(kit, answers=False)) as bad,
        kit.Upstream("127.2.2.2", tunnel_that(kit, answers=True)) as good,
        bare.gateway([bad.record(), good.record()], ordered=True) as gateway,
    ):
        reader, writer, _ = await connect(gateway.port, "example.com:80")
        writer.write(b"POST /pay HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\n\r\n1")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(100), 10) == b""
        assert good.connections == 0


async def test_a_tunnel_is_not_switched_after_the_first_byte(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", tunnel_that(kit, answers=False, first=b"banner")) as bad,
        kit.Upstream("127.2.2.2", tunnel_that(kit, answers=True)) as good,
        bare.gateway([bad.record(), good.record()], ordered=True) as gateway,
    ):
        reader, writer, _ = await connect(gateway.port)
        assert await asyncio.wait_for(reader.readexactly(6), 10) == b"banner"
        writer.write(HELLO)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        assert good.connections == 0


async def test_socks_success_is_sent_only_when_the_tunnel_stands(bare, kit):
    gate = asyncio.Event()

    async def late(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        await gate.wait()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read()

    async with kit.Upstream("127.1.1.1", late) as slow, bare.gateway([slow.record()], hedge=False) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com\x01\xbb")
        assert await asyncio.wait_for(reader.readexactly(2), 10) == b"\x05\x00"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        gate.set()
        assert (await asyncio.wait_for(reader.readexactly(10), 10))[:2] == b"\x05\x00"
        writer.transport.abort()


@pytest.mark.parametrize(
    ("hello", "answer"),
    [
        (b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com\x01\xbb", b"\x05\x00\x05\x01"),
        (b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00example.com\x00", b"\x00\x5b"),
    ],
)
async def test_socks_clients_are_told_of_failure(bare, hello, answer):
    async with bare.gateway([]) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(hello)
        got = await asyncio.wait_for(reader.read(), 10)
        assert got.startswith(answer)
        writer.close()


async def test_a_slow_upstream_is_raced_and_the_first_to_finish_wins(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", silent) as slow,
        kit.Upstream("127.2.2.2", tunnel_that(kit, answers=True)) as quick,
        bare.gateway([slow.record(), quick.record()], ordered=True) as gateway,
    ):
        _reader, writer, head = await asyncio.wait_for(connect(gateway.port), 3)
        assert str(quick.port).encode() in head
        assert gateway.stats().hedges == 1
        writer.transport.abort()
    assert not [feedback for _, feedback in bare.service.given if feedback.failure]


async def test_without_hedging_nobody_is_raced(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", silent) as slow,
        kit.Upstream("127.2.2.2", silent) as other,
        bare.gateway([slow.record(), other.record()], ordered=True, hedge=False, deadline=0.6) as gateway,
    ):
        _, writer, head = await connect(gateway.port)
        assert head.startswith(b"HTTP/1.1 504 1 upstream tried")
        assert other.connections == 0
        writer.close()


async def test_the_deadline_holds_over_all_attempts(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", silent) as one,
        kit.Upstream("127.2.2.2", silent) as two,
        bare.gateway([one.record(), two.record()], deadline=0.7, attempt_timeout=0.3) as gateway,
    ):
        started = asyncio.get_running_loop().time()
        _, writer, head = await connect(gateway.port)
        assert head.startswith(b"HTTP/1.1 504 ")
        assert 0.5 < asyncio.get_running_loop().time() - started < 1.5
        writer.close()


async def test_an_empty_pool_is_503_with_the_reason_and_never_direct(bare):
    async with bare.gateway([]) as gateway:
        _, writer, head = await connect(gateway.port, f"127.0.0.1:{bare.origin}")
        assert head.startswith(b"HTTP/1.1 503 no proxy fits this request: no proxy has passed a check yet")
        writer.close()
    async with bare.gateway([]) as gateway:
        request = f"GET {bare.target()} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "no_proxy"
        writer.close()
    assert not bare.seen


async def test_only_verified_capabilities_serve_a_request(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", silent) as only,
        bare.gateway([only.record(Capability.FORWARD)], deadline=1) as gateway,
    ):
        _, writer, head = await connect(gateway.port)
        assert head.startswith(b"HTTP/1.1 503 ")
        assert only.connections == 0
        writer.close()


async def test_a_get_is_repeated_and_a_post_that_was_sent_is_not(bare, kit):
    async def swallow(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")

    forward = Capability.FORWARD
    for method, expected, reached in ((b"GET", b"200", 1), (b"POST", b"502", 0)):

        async def answer(reader, writer, number):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

        async with (
            kit.Upstream("127.1.1.1", swallow) as bad,
            kit.Upstream("127.2.2.2", answer) as good,
            bare.gateway([bad.record(forward), good.record(forward)], ordered=True) as gateway,
        ):
            body = b"\r\nContent-Length: 1\r\n\r\nx" if method == b"POST" else b"\r\n\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(method + b" http://example.com/ HTTP/1.1\r\nHost: example.com\r\nConnection: close" + body)
            got = await asyncio.wait_for(reader.read(), 10)
            assert got.split()[1] == expected
            assert good.connections == reached
            writer.close()


async def test_a_post_is_repeated_while_nothing_of_it_was_sent(bare, kit):
    async def answer(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async with kit.Upstream("127.1.1.1", answer) as gone, kit.Upstream("127.2.2.2", answer) as good:
        record = gone.record(Capability.FORWARD)
        gone._server.close()
        await gone._server.wait_closed()
        async with bare.gateway([record, good.record(Capability.FORWARD)], ordered=True) as gateway:
            got = await kit.talk(
                gateway.port,
                b"POST http://example.com/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
            )
            assert got.startswith(b"HTTP/1.1 200 ")
    failure = bare.service.given[0][1].failure
    assert (failure.stage, failure.reason) == (Stage.CONNECT, Reason.REFUSED)


async def test_a_403_is_asked_of_one_more_upstream_and_then_believed(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", refuse(403)) as one,
        kit.Upstream("127.2.2.2", refuse(403)) as two,
        kit.Upstream("127.3.3.3", refuse(403)) as three,
        bare.gateway([one.record(), two.record(), three.record()], ordered=True) as gateway,
    ):
        got = await kit.talk(gateway.port, b"GET http://example.com/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 403 No")
        assert (one.connections, two.connections, three.connections) == (1, 1, 0)


async def test_a_target_that_refuses_is_believed_after_two(bare, kit):
    async def socks_refused(reader, writer, number):
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        await reader.read(100)
        writer.write(b"\x05\x05\x00\x01\0\0\0\0\0\0")
        await writer.drain()

    from shoal.domain import Scheme

    async with (
        kit.Upstream("127.1.1.1", socks_refused) as one,
        kit.Upstream("127.2.2.2", socks_refused) as two,
        kit.Upstream("127.3.3.3", socks_refused) as three,
        bare.gateway([each.record(scheme=Scheme.SOCKS5) for each in (one, two, three)], ordered=True) as gateway,
    ):
        _, writer, head = await connect(gateway.port)
        assert head.startswith(b"HTTP/1.1 502 2 upstreams tried")
        assert three.connections == 0
        writer.close()


async def test_the_next_upstream_is_in_another_network(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", close_at_once) as one,
        kit.Upstream("127.1.1.2", tunnel_that(kit, answers=True)) as near,
        kit.Upstream("127.9.1.1", tunnel_that(kit, answers=True)) as far,
        bare.gateway([one.record(), near.record(), far.record()], ordered=True) as gateway,
    ):
        _, writer, head = await connect(gateway.port)
        assert str(far.port).encode() in head
        assert near.connections == 0
        writer.transport.abort()


async def test_a_lone_upstream_is_tried_again(bare, kit):
    async def second_time(reader, writer, number):
        if number > 1:
            await kit.accept_tunnel(reader, writer)
            await reader.read()

    async with kit.Upstream("127.1.1.1", second_time) as only, bare.gateway([only.record()]) as gateway:
        _, writer, head = await connect(gateway.port)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert only.connections == 2
        writer.transport.abort()


async def test_half_an_answer_is_a_reset_and_not_an_end(bare, kit):
    async def half(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()

    async with kit.Upstream("127.1.1.1", half) as only, bare.gateway([only.record()]) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET http://example.com/ HTTP/1.1\r\nHost: a\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.readexactly(1000), 10)
        writer.close()


async def test_a_client_that_leaves_ends_its_dials(bare, kit):
    ended = asyncio.Event()

    async def watch(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        ended.set()

    async with kit.Upstream("127.1.1.1", watch) as only, bare.gateway([only.record()], hedge=False) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(10):
            while only.connections == 0:
                await asyncio.sleep(0.01)
            writer.transport.abort()
            await ended.wait()
    assert not bare.service.given


async def test_what_can_be_sent_only_once_goes_through_a_tunnel_that_stands(bare, kit):
    async def close_after_the_request(reader, writer, number):
        await reader.read(65_536)

    async def tunnel_then_answer(reader, writer, number):
        await kit.accept_tunnel(reader, writer)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    any_port = (Capability.FORWARD, Capability.TUNNEL, Capability.TUNNEL_ANY_PORT)
    async with (
        kit.Upstream("127.1.1.1", close_after_the_request) as dead,
        kit.Upstream("127.2.2.2", close_after_the_request) as also_dead,
        kit.Upstream("127.3.3.3", tunnel_then_answer) as alive,
        bare.gateway(
            [dead.record(Capability.FORWARD), also_dead.record(*any_port), alive.record(*any_port)], ordered=True
        ) as gateway,
    ):
        got = await kit.talk(
            gateway.port,
            b"POST http://example.com/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        )
        assert got.startswith(b"HTTP/1.1 200 ")
        assert (dead.connections, also_dead.connections, alive.connections) == (0, 1, 1)
