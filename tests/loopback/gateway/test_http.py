"""Plain HTTP through the gateway: framing, hop-by-hop fields, pipelining, and what smugglers try."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from shoal.domain import Scheme


def ask(world, path="/", *lines, method="GET", body=b"", version="1.1", close=True):
    head = [f"{method} {world.target(path)} HTTP/{version}", "Host: wrong.example", *lines]
    if close:
        head.append("Connection: close")
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def split(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def unchunk(body):
    out = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        count = int(size, 16)
        if not count:
            assert body == b"\r\n"
            return out
        out += body[:count]
        assert body[count : count + 2] == b"\r\n"
        body = body[count + 2 :]


SCHEMES = [Scheme.HTTP, Scheme.SOCKS5]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_what_is_only_for_us_stays_here_and_nothing_is_added(world, kit, scheme):
    async with world(scheme) as w, w.gateway() as gateway:
        secret = "Proxy-Authorization: Basic bmFtZTpwdw=="
        answer = await kit.talk(
            gateway.port,
            ask(
                w, "/x?y=1", secret, "Proxy-Connection: keep-alive", "X-Forwarded-For: 10.1.2.3", "Via: 1.1 me",
                "Connection: X-Mine", "X-Mine: 1", "X-Shoal-Country: !XX", "Accept: a/b", "TE: gzip", "Cookie: a=b",
            ),
        )  # fmt: skip
        head, body = split(answer)
        told = json.loads(body)
        names = {name.lower(): value for name, value in told["headers"]}
        assert told["target"] == "/x?y=1"
        assert names["host"] == f"127.0.0.1:{w.origin}"
        assert names["accept"] == "a/b" and names["cookie"] == "a=b"
        for name in ("proxy-authorization", "proxy-connection", "x-forwarded-for", "via", "x-mine", "te"):
            assert name not in names
        assert not [name for name in names if name.startswith("x-shoal")]
        assert "X-Shoal-Proxy: " in head


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", ["bytes", "chunked", "close"])
async def test_bodies_come_back_whole_in_every_framing(world, kit, scheme, kind):
    async with world(scheme) as w, w.gateway() as gateway:
        for size in (0, 1, 70_000, 700_000):
            head, body = split(await kit.talk(gateway.port, ask(w, f"/{kind}/{size}")))
            assert head.startswith("HTTP/1.1 200")
            if "transfer-encoding: chunked" in head.lower():
                body = unchunk(body)
            assert hashlib.sha256(body).digest() == hashlib.sha256(kit.pattern(size)).digest()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_bodies_arrive_whole_in_every_framing(world, kit, scheme):
    async with world(scheme) as w, w.gateway() as gateway:
        whole = kit.pattern(600_000)
        digest = hashlib.sha256(whole).hexdigest()
        chunks = b"".join(
            b"%x;ext=1\r\n%b\r\n" % (len(part), part)
            for part in (whole[start : start + 9999] for start in range(0, len(whole), 9999))
        )
        for line, body in (
            (f"Content-Length: {len(whole)}", whole),
            ("Transfer-Encoding: chunked", chunks + b"0\r\nTrailer: x\r\n\r\n"),
        ):
            _, answer = split(await kit.talk(gateway.port, ask(w, "/up", line, method="POST", body=body)))
            told = json.loads(answer)
            assert (told["sha256"], told["length"]) == (digest, len(whole))


async def test_http_1_0_clients_get_an_answer_that_ends_with_the_connection(world, kit):
    async with world(Scheme.HTTP) as w, w.gateway() as gateway:
        head, body = split(await kit.talk(gateway.port, ask(w, "/chunked/5000", version="1.0")))
        assert "chunked" not in head.lower()
        assert body == kit.pattern(5000)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_requests_sent_ahead_are_answered_in_order_on_one_connection(world, kit, scheme):
    async with world(scheme) as w, w.gateway() as gateway:
        sent = b"".join(
            ask(w, f"/n/{n}", f"Content-Length: {n}", method="POST", body=b"x" * n, close=False) for n in range(20)
        )
        answer = await kit.talk(gateway.port, sent + ask(w, "/last"))
        assert answer.count(b"HTTP/1.1 200") == 21
        assert [told["target"] for told in w.seen] == [*(f"/n/{n}" for n in range(20)), "/last"]
        assert [told["length"] for told in w.seen] == [*range(20), 0]


async def test_connections_to_upstreams_are_used_again_by_the_same_user(world, kit):
    async with world(Scheme.SOCKS5, size=1) as w, w.gateway() as gateway:
        for n in range(5):
            await kit.talk(gateway.port, ask(w, f"/{n}"))
        assert gateway.stats().dials == 1
        assert gateway.stats().requests == 5


async def test_head_has_no_body_and_keeps_its_length(world, kit):
    async with world(Scheme.HTTP) as w, w.gateway() as gateway:
        head, body = split(await kit.talk(gateway.port, ask(w, "/", method="HEAD")))
        assert "Content-Length: " in head
        assert body == b""


async def test_continue_is_passed_on_and_the_body_follows(world):
    async with world(Scheme.HTTP) as w, w.gateway() as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(ask(w, "/up", "Expect: 100-continue", "Content-Length: 5", method="POST"))
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 100")
        writer.write(b"12345")
        _head, body = split(await asyncio.wait_for(reader.read(), 10))
        assert json.loads(body)["length"] == 5
        writer.close()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_an_upgrade_becomes_a_tunnel(world, scheme):
    async with world(scheme) as w, w.gateway() as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        request = f"GET {w.target('/upgrade')} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
        writer.write(request.encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 101") and b"Upgrade: echo" in head
        writer.write(b"ping")
        assert await asyncio.wait_for(reader.readexactly(4), 10) == b"ping"
        writer.transport.abort()


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("POST {t} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST {t} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("POST {t} HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
        ("POST {t} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity2\r\n\r\n", 400),
        ("POST {t} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400),
        ("POST {t} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
        ("POST {t} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400),
        ("GET {t} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET {t} HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400),
        ("GET {t} HTTP/1.1\nHost: a\n\n", 400),
        ("GET {t} HTTP/1.1\r\n\r\n", 400),
        ("GET {t} HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n", 400),
        ("GET {t} HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET https://127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://user:pw@127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT 127.0.0.1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 400),
        ("GET {t} HTTP/1.1\r\nHost: a\r\nX: " + "y" * 40_000 + "\r\n\r\n", 431),
        ("GET {t} HTTP/1.1\r\nHost: a\r\n" + "A: b\r\n" * 300 + "\r\n", 431),
    ],
)
async def test_what_two_readers_could_take_differently_is_refused(bare, kit, request_text, status):
    async def never(reader, writer, number):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with kit.Upstream("127.1.1.1", never) as upstream, bare.gateway([upstream.record()]) as gateway:
        answer = await kit.talk(gateway.port, request_text.replace("{t}", bare.target()).encode("latin-1"))
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert answer.count(b"HTTP/1.1") == 1


async def test_answers_after_the_answer_are_not_given_to_the_next_request(bare, kit):
    async def liar(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        writer.write(ok + b"%02d" % number + ok + b"no")
        await reader.read()

    async with kit.Upstream("127.1.1.1", liar) as upstream, bare.gateway([upstream.record()]) as gateway:
        for number in (1, 2):
            answer = await kit.talk(gateway.port, ask(bare))
            assert answer.endswith(b"%02d" % number)


async def test_a_connection_login_is_never_shared(bare, kit):
    async def count(reader, writer, number):
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%02d" % number)

    async with kit.Upstream("127.1.1.1", count) as upstream, bare.gateway([upstream.record()]) as gateway:
        first = await kit.talk(gateway.port, ask(bare, "/", "Authorization: NTLM abc"))
        assert first.endswith(b"01")
        assert (await kit.talk(gateway.port, ask(bare))).endswith(b"02")
