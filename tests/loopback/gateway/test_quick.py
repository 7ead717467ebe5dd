"""Requests that take the short way: the same as all others to whoever looks, whatever the upstream does."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct

import pytest
from msgspec.structs import replace

from shoal.domain import Capability, Credentials
from shoal.gateway.quick import QuickExchange

FORWARD = (Capability.FORWARD,)


class Talk:
    """One client connection that is kept."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def get(self, target, *fields):
        lines = [f"GET {target} HTTP/1.1", "Host: a", *fields, "", ""]
        self.writer.write("\r\n".join(lines).encode())
        return await self.answer()

    async def answer(self):
        async with asyncio.timeout(10):
            while (head := await self.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 1"):
                pass
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if lengths:
                return head, await self.reader.readexactly(int(lengths[0].split(b":")[1]))
            body = b""
            while (size := int((await self.reader.readline()).strip(), 16)) or not body:
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
            return head, body


@pytest.fixture
def quick(monkeypatch):
    """How many requests took the short way, and how many of them went over to the long one."""
    counts = {"begun": 0, "handed": 0}
    start, hand = QuickExchange.start, QuickExchange._hand_over

    def counted_start(self, request):
        counts["begun"] += 1
        start(self, request)

    def counted_hand(self):
        counts["handed"] += 1
        return hand(self)

    monkeypatch.setattr(QuickExchange, "start", counted_start)
    monkeypatch.setattr(QuickExchange, "_hand_over", counted_hand)
    return counts


def answering(*answers):
    """An upstream whose connections all take their answers from one list; None closes instead."""
    left = list(answers)
    seen = []

    async def script(reader, writer, number):
        while True:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            answer = left.pop(0) if left else OK
            if answer is None:
                return
            writer.write(answer)
            await writer.drain()

    script.seen = seen
    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_the_target_and_the_client_see_no_difference(world, kit, quick):
    from shoal.domain import Scheme

    async with world(Scheme.SOCKS5, size=1) as w, w.gateway() as gateway:
        talk = await Talk.to(gateway.port)
        fields = (
            "Accept: */*",
            "X-Forwarded-For: 1.2.3.4",
            "Proxy-Connection: keep-alive",
            "TE: trailers",
            "Cookie: a=b",
        )
        heads, bodies = zip(*[await talk.get(w.target("/same"), *fields) for _ in range(4)], strict=True)
        assert quick == {"begun": 3, "handed": 0}
        assert len({tuple(sorted(head.lower().split(b"\r\n"))) for head in heads}) == 1
        assert len(set(bodies)) == 1
        headers = dict(json.loads(bodies[0])["headers"])
        assert headers == {"Host": f"127.0.0.1:{w.origin}", "Accept": "*/*", "Cookie": "a=b"}
        for size in (0, 1, 70_000, 3_000_000):
            assert (await talk.get(w.target(f"/bytes/{size}"), *fields))[1] == kit.pattern(size)
        assert quick["begun"] == 7
        stats = gateway.stats()
        assert (stats.requests, stats.ok, stats.dials) == (8, 8, 1)
        assert stats.bytes_down > 3_070_001
        talk.writer.transport.abort()
    assert len([feedback for _, feedback in w.service.given if feedback.ok]) == 8


async def test_a_proxy_gets_absolute_form_and_its_own_password(bare, kit, quick):
    script = answering()
    async with kit.Upstream("127.1.1.1", script) as one:
        record = replace(one.record(*FORWARD), credentials=Credentials("me", "pw"))
        async with bare.gateway([record]) as gateway:
            talk = await Talk.to(gateway.port)
            for path in ("/a", "/b?c=d"):
                assert (await talk.get(f"http://example.com:81{path}", "X: y"))[1] == b"ok"
            talk.writer.transport.abort()
    first, second = script.seen
    assert quick["begun"] == 1
    assert second.startswith(b"GET http://example.com:81/b?c=d HTTP/1.1\r\nHost: example.com:81\r\n")
    login = base64.b64encode(b"me:pw")
    assert b"Proxy-Authorization: Basic " + login in first
    assert sorted(first.split(b"\r\n")[1:]) == sorted(second.split(b"\r\n")[1:])


@pytest.mark.parametrize(
    ("odd", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 200 OK\r\nConnection: X-Private\r\nX-Private: 1\r\nContent-Length: 1\r\n\r\ny", b"y"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nz", b"z"),
    ],
)
async def test_an_unusual_answer_goes_the_long_way(bare, kit, quick, odd, body):
    async with (
        kit.Upstream("127.1.1.1", answering(OK, odd, OK)) as one,
        bare.gateway([one.record(*FORWARD)]) as gateway,
    ):
        talk = await Talk.to(gateway.port)
        for expected in (b"ok", body, b"ok"):
            head, got = await talk.get("http://example.com/")
            assert got == expected
            assert b"X-Private" not in head
        assert quick["handed"] == 1
        talk.writer.transport.abort()


async def test_an_answer_in_pieces_is_put_together(bare, kit, quick):
    async def script(reader, writer, number):
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            for byte in OK:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)

    async with kit.Upstream("127.1.1.1", script) as one, bare.gateway([one.record(*FORWARD)]) as gateway:
        talk = await Talk.to(gateway.port)
        for _ in range(2):
            assert (await talk.get("http://example.com/"))[1] == b"ok"
        assert quick == {"begun": 1, "handed": 0}
        talk.writer.transport.abort()


async def test_a_kept_connection_that_closes_instead_of_answering_is_replaced(bare, kit, quick):
    async with (
        kit.Upstream("127.1.1.1", answering(OK, None, OK)) as one,
        bare.gateway([one.record(*FORWARD)]) as gateway,
    ):
        talk = await Talk.to(gateway.port)
        for _ in range(3):
            assert (await talk.get("http://example.com/"))[1] == b"ok"
        assert (quick["handed"], one.connections) == (1, 2)
        talk.writer.transport.abort()
    # It says nothing of the proxy: any server may close what is idle.
    assert all(feedback.ok for _, feedback in bare.service.given)


async def test_a_proxys_own_page_is_found_out_on_the_short_way_too(bare, kit, quick):
    own = b"HTTP/1.1 403 No\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 1\r\n\r\nx"
    async with (
        kit.Upstream("127.1.1.1", answering(OK, own)) as one,
        kit.Upstream("127.2.2.2", answering()) as two,
        bare.gateway([one.record(*FORWARD), two.record(*FORWARD)], ordered=True) as gateway,
    ):
        talk = await Talk.to(gateway.port)
        # They take turns: the first one's second is its own page, whoever began.
        for _ in range(5):
            head, body = await talk.get("http://example.com/")
            assert body == b"ok"
            if quick["handed"]:
                break
        assert f"127.2.2.2:{two.port}".encode() in head
        assert quick["handed"] == 1
        talk.writer.transport.abort()


async def test_half_an_answer_is_a_reset(bare, kit, quick):
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"

    async def script(reader, writer, number):
        for answer in (OK, half):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    async with kit.Upstream("127.1.1.1", script) as one, bare.gateway([one.record(*FORWARD)]) as gateway:
        talk = await Talk.to(gateway.port)
        assert (await talk.get("http://example.com/"))[1] == b"ok"
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)) as error:
            await talk.get("http://example.com/")
        assert error.type is ConnectionResetError
        assert quick == {"begun": 1, "handed": 0}


async def test_more_than_was_announced_never_reaches_the_next_client(bare, kit, quick):
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    async with (
        kit.Upstream("127.1.1.1", answering(OK, long, OK)) as one,
        bare.gateway([one.record(*FORWARD)]) as gateway,
    ):
        talk = await Talk.to(gateway.port)
        for _ in range(3):
            assert (await talk.get("http://example.com/"))[1] == b"ok"
        assert one.connections == 2
        talk.writer.transport.abort()


async def test_a_silent_upstream_is_given_up_for_another(bare, kit, quick):
    async def once(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()
        await reader.read()

    async with (
        kit.Upstream("127.1.1.1", once) as one,
        kit.Upstream("127.2.2.2", answering()) as two,
        bare.gateway([one.record(*FORWARD), two.record(*FORWARD)], ordered=True, first_byte=0.2) as gateway,
    ):
        talk = await Talk.to(gateway.port)
        # They take turns: it is the first one's again at the third.
        for _ in range(3):
            assert (await talk.get("http://example.com/"))[1] == b"ok"
        assert quick["handed"] == 1
        talk.writer.transport.abort()


async def test_requests_sent_ahead_are_answered_in_their_order(bare, kit, quick):
    script = answering(*(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number for number in range(6)))
    async with kit.Upstream("127.1.1.1", script) as one, bare.gateway([one.record(*FORWARD)]) as gateway:
        talk = await Talk.to(gateway.port)
        assert (await talk.get("http://example.com/0"))[1] == b"0"
        for number in range(1, 6):
            talk.writer.write(b"GET http://example.com/%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
            await asyncio.sleep(0)
        for number in range(1, 6):
            assert (await talk.answer())[1] == b"%d" % number
        talk.writer.transport.abort()
    assert [head.split()[1][-1:] for head in script.seen] == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_users_are_told_apart_and_their_limits_hold(bare, kit, quick):
    async with (
        kit.Upstream("127.1.1.1", answering()) as one,
        bare.gateway([one.record(*FORWARD)], users=("me:x", "you:y"), user_rate=0.001) as gateway,
    ):
        me, you, wrong = (
            f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}" for pair in (b"me:x", b"you:y", b"me:y")
        )
        talk = await Talk.to(gateway.port)
        assert b" 200 " in (await talk.get("http://example.com/", me))[0]
        # The one request that its rate allows is used up, also for what takes the short way.
        assert b" 429 " in (await talk.get("http://example.com/", me))[0]
        talk = await Talk.to(gateway.port)
        assert b" 200 " in (await talk.get("http://example.com/", you))[0]
        talk = await Talk.to(gateway.port)
        assert b" 407 " in (await talk.get("http://example.com/", wrong))[0]
        # A connection of one user is never used for another.
        assert one.connections == 2


async def test_a_target_is_judged_for_each_host(bare, kit, quick):
    async with (
        kit.Upstream("127.1.1.1", answering()) as one,
        bare.gateway([one.record(*FORWARD)], allow_target=()) as gateway,
    ):
        talk = await Talk.to(gateway.port)
        for _ in range(2):
            assert (await talk.get("http://example.com/"))[1] == b"ok"
        assert b" 403 " in (await talk.get("http://10.0.0.1/"))[0]
        assert quick["begun"] == 1


async def test_a_client_that_leaves_takes_its_upstream_connection_along(bare, kit, quick):
    gone = asyncio.Event()

    async def script(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nh")
        try:
            await reader.read()
        finally:
            gone.set()

    async with kit.Upstream("127.1.1.1", script) as one, bare.gateway([one.record(*FORWARD)]) as gateway:
        talk = await Talk.to(gateway.port)
        assert (await talk.get("http://example.com/"))[1] == b"ok"
        talk.writer.write(b"GET http://example.com/ HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.wait_for(talk.reader.readuntil(b"\r\n\r\nh"), 10)
        # A mere end could still wait for its answer; a reset does not.
        linger = struct.pack("ii", 1, 0)
        talk.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        talk.writer.transport.abort()
        await asyncio.wait_for(gone.wait(), 10)
        assert quick["begun"] == 1
