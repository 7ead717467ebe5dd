"""A forwarding proxy may speak for itself: what it says is checked before a client is told."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from shoal.domain import Capability, Scheme
from shoal.errors import ConfigError
from shoal.lab import FailureKind, Life

GET = b"GET http://example.com/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
POST = b"POST http://example.com/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
FORWARD, BOTH = (Capability.FORWARD,), (Capability.FORWARD, Capability.TUNNEL, Capability.TUNNEL_ANY_PORT)


def says(status, fields=b"", body=b"no"):
    """Answers any request so; tunnels, and answers so inside."""

    async def script(reader, writer, number):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ntunnel")
        else:
            answer = b"HTTP/1.1 %d Word\r\n%bContent-Length: %d\r\n\r\n%b" % (status, fields, len(body), body)
            writer.write(answer)
        await writer.drain()

    return script


def told(world):
    return [(feedback.ok, feedback.failure.kind if feedback.failure else "") for _, feedback in world.service.given]


@pytest.mark.parametrize("status", [400, 403, 404, 502, 503, 511])
async def test_a_tunnel_decides_between_proxy_and_target(bare, kit, status):
    async with (
        kit.Upstream("127.1.1.1", says(status)) as one,
        kit.Upstream("127.2.2.2", says(status)) as two,
        kit.Upstream("127.3.3.3", says(status)) as three,
        bare.gateway(
            [one.record(*FORWARD), two.record(*FORWARD), three.record(*BOTH)], ordered=True, hedge=False
        ) as gateway,
    ):
        got = await kit.talk(gateway.port, GET)
        assert got.startswith(b"HTTP/1.1 200 ")
        assert got.endswith(b"tunnel")
        assert (one.connections, two.connections, three.connections) == (1, 0, 1)
    assert [ok for ok, _ in told(bare)] == [True, False]


async def test_who_said_the_same_told_the_truth(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", says(404)) as one,
        kit.Upstream("127.2.2.2", says(404)) as two,
        bare.gateway([one.record(*FORWARD), two.record(*FORWARD)], ordered=True, hedge=False) as gateway,
    ):
        assert (await kit.talk(gateway.port, GET)).startswith(b"HTTP/1.1 404 Word")
    assert told(bare) == [(True, ""), (True, "")]


async def test_two_of_one_network_are_one_opinion(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", says(403)) as one,
        kit.Upstream("127.1.1.2", says(403)) as near,
        kit.Upstream("127.3.3.3", says(200)) as far,
        bare.gateway([each.record(*FORWARD) for each in (one, near, far)], ordered=True, hedge=False) as gateway,
    ):
        assert (await kit.talk(gateway.port, GET)).startswith(b"HTTP/1.1 200 ")
        assert near.connections == 0


@pytest.mark.parametrize(("opinions", "asked"), [(1, 1), (2, 2), (3, 3)])
async def test_how_many_must_agree_is_a_setting(bare, kit, opinions, asked):
    places = [kit.Upstream(f"127.{n}.{n}.{n}", says(503)) for n in (1, 2, 3, 4)]
    async with places[0], places[1], places[2], places[3]:
        records = [place.record(*FORWARD) for place in places]
        async with bare.gateway(records, ordered=True, opinions=opinions) as gateway:
            assert (await kit.talk(gateway.port, GET)).startswith(b"HTTP/1.1 503 Word")
    assert sum(place.connections for place in places) == asked


async def test_which_answers_are_doubted_is_a_setting(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", says(404)) as one,
        kit.Upstream("127.2.2.2", says(200)) as two,
        bare.gateway([one.record(*FORWARD), two.record(*FORWARD)], ordered=True, doubtful_statuses=()) as gateway,
    ):
        assert (await kit.talk(gateway.port, GET)).startswith(b"HTTP/1.1 404 ")
        assert two.connections == 0


@pytest.mark.parametrize("statuses", [("abc",), ("200",), ("4 03",)])
async def test_a_setting_that_is_no_error_status_is_refused_at_the_start(bare, statuses):
    with pytest.raises(ConfigError, match="doubtful_statuses"):
        async with bare.gateway([], doubtful_statuses=statuses):
            pass


async def test_the_only_proxys_word_has_to_do(bare, kit):
    async with kit.Upstream("127.1.1.1", says(403)) as only, bare.gateway([only.record(*FORWARD)]) as gateway:
        assert (await kit.talk(gateway.port, GET)).startswith(b"HTTP/1.1 403 Word")
        assert only.connections == 1
    assert told(bare) == [(True, "")]


async def test_within_a_session_no_other_exit_is_asked(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", says(403)) as one,
        kit.Upstream("127.2.2.2", says(403)) as two,
        bare.gateway([one.record(*FORWARD), two.record(*FORWARD)]) as gateway,
    ):
        asked = GET.replace(b"Host: a", b"Host: a\r\nX-Shoal-Session: s1")
        assert (await kit.talk(gateway.port, asked)).startswith(b"HTTP/1.1 403 Word")
        assert one.connections + two.connections == 1


@pytest.mark.parametrize("request_bytes", [GET, POST])
@pytest.mark.parametrize(
    "own",
    [
        says(407),
        says(403, b"X-Squid-Error: ERR_ACCESS_DENIED 0\r\n"),
        says(403, body=b"<h3>Access control list denies you to access this resource</h3>"),
    ],
)
async def test_a_proxys_own_refusal_never_reaches_the_client_and_counts_against_it(bare, kit, own, request_bytes):
    async with (
        kit.Upstream("127.1.1.1", own) as one,
        kit.Upstream("127.2.2.2", own) as two,
        kit.Upstream("127.3.3.3", says(200)) as three,
        bare.gateway([each.record(*FORWARD) for each in (one, two, three)], ordered=True, hedge=False) as gateway,
    ):
        assert (await kit.talk(gateway.port, request_bytes)).startswith(b"HTTP/1.1 200 ")
    assert [kind.partition(".")[0] for _, kind in told(bare)] == ["handshake", "handshake", ""]


async def test_a_post_that_the_proxy_may_have_passed_on_is_not_sent_again(bare, kit):
    async with (
        kit.Upstream("127.1.1.1", says(503, b"X-Squid-Error: ERR_READ_TIMEOUT 0\r\n")) as one,
        kit.Upstream("127.2.2.2", says(200)) as two,
        bare.gateway([one.record(*FORWARD), two.record(*FORWARD)], ordered=True, hedge=False) as gateway,
    ):
        got = await kit.talk(gateway.port, POST)
        assert got.startswith(b"HTTP/1.1 502 ")
        assert b"the proxy's own page: 503" in got
        assert two.connections == 0
    assert told(bare) == [(False, "tunnel.unreachable")]


def liar(kit, kind, proxy):
    """Every HTTP proxy fails with one kind of page; the others are whole."""
    if proxy.schemes[0] is not Scheme.HTTP:
        return proxy
    return kit.changed(proxy, life=Life.DEAD, phases=None, dead_kind=kind)


@pytest.mark.parametrize("kind", [FailureKind.STATUS_403, FailureKind.STATUS_502, FailureKind.WEB])
async def test_no_page_of_the_labs_broken_proxies_reaches_a_client(world, kit, kind):
    async with world(size=24, edit=partial(liar, kit, kind)) as w, w.gateway(attempts=24) as gateway:
        broken = [proxy for proxy in w.lab.population if proxy.schemes[0] is Scheme.HTTP]
        assert 0 < len(broken) < 24
        ask = f"GET {w.target('/bytes/5000')} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        answers = await asyncio.gather(*(kit.talk(gateway.port, ask) for _ in range(60)))
        assert {answer.partition(b"\r\n\r\n")[2] for answer in answers} == {kit.pattern(5000)}
        assert gateway.stats().failures > 0
