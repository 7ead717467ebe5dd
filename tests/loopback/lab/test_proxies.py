"""Real sockets: every scheme relays, and every kind of failure is what its name says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from shoal.domain import Anonymity, Credentials, Scheme
from shoal.domain.judge import DOCUMENTS, judge_mac
from shoal.lab import FailureKind, Lab, LabProxy, Life, Tampering
from shoal.lab.population import Behaviour

Edit = Callable[[LabProxy], LabProxy]
BOUND = 5.0


@contextlib.asynccontextmanager
async def lab_of(
    scheme: Scheme,
    *,
    size: int = 3,
    fate: FailureKind | None = None,
    credentials: Credentials | None = None,
    **how: object,
) -> AsyncIterator[tuple[Lab, LabProxy]]:
    """A lab in which every proxy speaks ``scheme`` and is made the same way."""
    schemes = (Scheme.SOCKS4, Scheme.SOCKS4A) if scheme is Scheme.SOCKS4A else (scheme,)

    def edit(proxy: LabProxy) -> LabProxy:
        behaviour = structs.replace(proxy.behaviour, **how)
        life = Life.STABLE if fate is None else Life.DEAD
        return structs.replace(proxy, behaviour=behaviour, dead_kind=fate, life=life, credentials=credentials)

    async with Lab(seed=3, size=size, preset="alive", latency_scale=0, schemes=schemes, edit=edit) as lab:
        yield lab, lab.population[0]


def judge_of(lab: Lab, index: int = 0) -> tuple[str, int, bytes]:
    parts = urlsplit(lab.judges[index])
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port, parts.fragment.removeprefix("key=").encode()


async def dial(proxy: LabProxy, tls: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection(proxy.address, proxy.port, ssl=tls), BOUND)


async def talk(proxy: LabProxy, *pieces: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Send the pieces, each after some answer to the one before, and read to the end."""
    reader, writer = await dial(proxy, tls)
    got = b""
    for number, piece in enumerate(pieces):
        if number:
            got += await asyncio.wait_for(reader.read(65_536), BOUND)
        writer.write(piece)
    got += await asyncio.wait_for(reader.read(), BOUND)
    writer.close()
    return got


def get(host: str, port: int, path: str, *headers: str) -> bytes:
    lines = [f"GET http://{host}:{port}{path} HTTP/1.1", f"Host: {host}:{port}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def origin_get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: judge.lab\r\nConnection: close\r\n\r\n".encode()


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


CHECK = "/check/?format=json&nonce=n0nce"


def any_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def opening(scheme: Scheme, host: str, port: int, login: Credentials | None = None) -> list[bytes]:
    """What a client sends to have a tunnel to host and port, piece by piece."""
    number = port.to_bytes(2, "big")
    if scheme is Scheme.SOCKS4:
        return [b"\x04\x01" + number + bytes(map(int, host.split("."))) + b"\0"]
    if scheme is Scheme.SOCKS4A:
        return [b"\x04\x01" + number + b"\0\0\0\x01\0" + host.encode() + b"\0"]
    if scheme is Scheme.SOCKS5:
        request = b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + number
        if login is None:
            return [b"\x05\x01\x00", request]
        user, word = login.username.encode(), login.password.encode()
        return [b"\x05\x01\x02", b"\x01" + bytes([len(user)]) + user + bytes([len(word)]) + word, request]
    return [f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()]


@pytest.mark.parametrize("scheme", list(Scheme))
async def test_every_scheme_tunnels_and_the_judge_sees_the_exit(scheme: Scheme) -> None:
    async with lab_of(scheme, exits=("127.77.1.2",)) as (lab, proxy):
        host, port, key = judge_of(lab)
        name = host if scheme is Scheme.SOCKS4 else "judge.lab"
        tls = any_tls() if scheme is Scheme.HTTPS else None
        answer = await talk(proxy, *opening(scheme, name, port), origin_get(CHECK), tls=tls)
        echo = json.loads(body_of(answer[answer.index(b"HTTP/1.1 200 OK") :]))
        assert echo["address"] == "127.77.1.2"
        assert echo["mac"] == judge_mac(key, "n0nce", "127.77.1.2")


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.HTTPS])
async def test_http_proxies_forward(scheme: Scheme) -> None:
    async with lab_of(scheme, exits=("127.77.1.3",)) as (lab, proxy):
        host, port, _ = judge_of(lab)
        answer = await talk(proxy, get(host, port, CHECK), tls=any_tls() if scheme is Scheme.HTTPS else None)
        echo = json.loads(body_of(answer))
        assert echo["address"] == "127.77.1.3"
        assert echo["target"] == CHECK


async def test_verified_tls_goes_through_a_tunnel_to_the_https_judge() -> None:
    async with lab_of(Scheme.HTTP) as (lab, proxy):
        assert await _tls_through(lab, proxy, ssl.create_default_context(cafile=str(lab.ca_file))) == proxy.address


async def _tls_through(lab: Lab, proxy: LabProxy, context: ssl.SSLContext) -> str:
    _, port, _ = judge_of(lab, 1)
    reader, writer = await dial(proxy)
    writer.write(opening(Scheme.HTTP, "judge.lab", port)[0])
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), BOUND)
    try:
        await asyncio.wait_for(writer.start_tls(context, server_hostname="judge.lab"), BOUND)
        writer.write(origin_get(CHECK))
        echo = json.loads(body_of(await asyncio.wait_for(reader.read(), BOUND)))
        assert echo["scheme"] == "https"
        return str(echo["address"])
    finally:
        writer.transport.abort()


async def test_an_interceptor_shows_its_own_certificate_and_still_relays() -> None:
    async with lab_of(Scheme.HTTP, intercepts=True) as (lab, proxy):
        with pytest.raises(ssl.SSLCertVerificationError):
            await _tls_through(lab, proxy, ssl.create_default_context(cafile=str(lab.ca_file)))
        assert await _tls_through(lab, proxy, any_tls()) == proxy.address


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"anonymity": Anonymity.TRANSPARENT}, {"via", "x-forwarded-for"}),
        ({"anonymity": Anonymity.ANONYMOUS}, {"via"}),
        ({"anonymity": Anonymity.ANONYMOUS, "distorts": True}, {"via", "x-forwarded-for"}),
        ({"anonymity": Anonymity.ELITE}, set()),
    ],
)
async def test_headers_betray_what_the_anonymity_says(how: dict[str, object], expected: set[str]) -> None:
    async with lab_of(Scheme.HTTP, **how) as (lab, proxy):
        host, port, _ = judge_of(lab)
        echo = json.loads(body_of(await talk(proxy, get(host, port, CHECK, "Proxy-Connection: keep-alive"))))
        headers = {name.lower(): value for name, value in echo["headers"]}
        assert set(headers) - {"host", "connection"} == expected
        if "x-forwarded-for" in expected:
            assert (headers["x-forwarded-for"] == "127.0.0.1") == ("distorts" not in how)


@pytest.mark.parametrize("how", [Tampering.INJECT, Tampering.REWRITE, Tampering.REDIRECT, None])
async def test_tampering_shows_in_the_fixed_document(how: Tampering | None) -> None:
    async with lab_of(Scheme.HTTP, tampering=how) as (lab, proxy):
        host, port, _ = judge_of(lab)
        body = body_of(await talk(proxy, get(host, port, "/doc/page.html")))
        assert (body == DOCUMENTS["/doc/page.html"].body) == (how is None)


async def test_a_faker_answers_without_asking_the_judge() -> None:
    async with lab_of(Scheme.HTTP, fakes=True) as (lab, proxy):
        host, port, key = judge_of(lab)
        lab.set_fault("judge", False)
        echo = json.loads(body_of(await talk(proxy, get(host, port, CHECK))))
        assert echo["nonce"] == "n0nce"
        assert echo["mac"] != judge_mac(key, "n0nce", echo["address"])


async def test_a_proxy_without_connect_says_so() -> None:
    async with lab_of(Scheme.HTTP, connect=False) as (lab, proxy):
        host, port, _ = judge_of(lab)
        assert b" 405 " in await talk(proxy, *opening(Scheme.HTTP, host, port))


LOGIN = Credentials("me", "secret")


async def test_passwords_are_wanted_and_taken_over_http() -> None:
    async with lab_of(Scheme.HTTP, credentials=LOGIN) as (lab, proxy):
        host, port, _ = judge_of(lab)
        assert b" 407 " in await talk(proxy, get(host, port, CHECK))
        assert b" 407 " in await talk(proxy, get(host, port, CHECK, "Proxy-Authorization: Basic bWU6d3Jvbmc="))
        answer = await talk(proxy, get(host, port, CHECK, "Proxy-Authorization: Basic bWU6c2VjcmV0"))
        assert json.loads(body_of(answer))["address"] == proxy.address


async def test_passwords_are_wanted_and_taken_over_socks5() -> None:
    async with lab_of(Scheme.SOCKS5, credentials=LOGIN) as (lab, proxy):
        host, port, _ = judge_of(lab)
        assert await talk(proxy, b"\x05\x01\x00") == b"\x05\xff"
        wrong = opening(Scheme.SOCKS5, host, port, Credentials("me", "wrong"))
        assert await talk(proxy, *wrong[:2]) == b"\x05\x02\x01\x01"
        answer = await talk(proxy, *opening(Scheme.SOCKS5, host, port, LOGIN), origin_get(CHECK))
        assert b"200 OK" in answer


@pytest.mark.parametrize("target", ["192.0.2.1", "example.org", "127.0.0.1.example.org", "::1", "localhost.example"])
async def test_nothing_but_loopback_is_ever_dialled(target: str) -> None:
    async with lab_of(Scheme.HTTP) as (_, proxy):
        bracketed = f"[{target}]" if ":" in target else target
        assert b" 502 " in await talk(proxy, *opening(Scheme.HTTP, bracketed, 9))


async def test_a_target_that_refuses_is_reported_as_unreachable() -> None:
    async with lab_of(Scheme.SOCKS5) as (lab, proxy):
        assert (await talk(proxy, *opening(Scheme.SOCKS5, "127.0.0.1", lab.ports.refused[0])))[2:4] == b"\x05\x04"


async def test_a_scheme_that_is_not_spoken_is_not_answered() -> None:
    async with lab_of(Scheme.HTTP) as (_, proxy):
        assert b" 400 " in await talk(proxy, b"\x05\x01\x00")
        assert b" 400 " in await talk(proxy, b"\x16\x03\x01\x02\x00")
    async with lab_of(Scheme.SOCKS5) as (_, proxy):
        assert await talk(proxy, b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n") == b""
        assert await talk(proxy, b"\x04\x01\0\x50\x7f\0\0\x01\0") == b""


async def test_an_address_that_nobody_lives_at_is_hung_up_on() -> None:
    async with lab_of(Scheme.HTTP) as (_, proxy):
        reader, writer = await asyncio.open_connection("127.200.200.200", proxy.port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), BOUND) == b""
        writer.close()


# -- failures --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def mixed() -> AsyncIterator[Lab]:
    async with Lab(seed=2, size=300, preset="mixed", latency_scale=0) as lab:
        yield lab


async def test_a_black_hole_drops_the_syn(mixed: Lab) -> None:
    holes = [proxy for proxy in mixed.population if proxy.dead_kind is FailureKind.BLACKHOLE][:20]
    assert holes
    tries = [asyncio.create_task(asyncio.open_connection(proxy.address, proxy.port)) for proxy in holes]
    done, waiting = await asyncio.wait(tries, timeout=0.7)
    for task in waiting:
        task.cancel()
    await asyncio.wait(tries)
    assert not done, "neither connected nor refused"


async def test_a_refusing_proxy_refuses(mixed: Lab) -> None:
    for proxy in [proxy for proxy in mixed.population if proxy.dead_kind is FailureKind.REFUSE][:10]:
        with pytest.raises(ConnectionRefusedError):
            await dial(proxy)


async def test_live_ones_connect_at_once_beside_black_holes(mixed: Lab) -> None:
    for proxy in [proxy for proxy in mixed.population if proxy.life is Life.STABLE][:20]:
        _, writer = await asyncio.wait_for(asyncio.open_connection(proxy.address, proxy.port), 1)
        writer.close()


async def test_accept_close_ends_without_a_byte() -> None:
    async with lab_of(Scheme.HTTP, fate=FailureKind.ACCEPT_CLOSE) as (_, proxy):
        reader, writer = await dial(proxy)
        assert await asyncio.wait_for(reader.read(), BOUND) == b""
        writer.close()


async def test_reset_resets() -> None:
    async with lab_of(Scheme.HTTP, fate=FailureKind.RESET) as (_, proxy):
        with pytest.raises(ConnectionResetError):
            reader, _writer = await dial(proxy)
            await asyncio.wait_for(reader.read(), BOUND)


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5])
async def test_a_stalling_proxy_accepts_and_stays_silent(scheme: Scheme) -> None:
    async with lab_of(scheme, fate=FailureKind.STALL) as (lab, proxy):
        reader, writer = await dial(proxy)
        writer.write(opening(scheme, *judge_of(lab)[:2])[0])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.4)
        writer.close()


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS5])
async def test_a_dripping_proxy_sends_a_byte_and_lets_wait(scheme: Scheme) -> None:
    async with lab_of(scheme, fate=FailureKind.DRIP) as (lab, proxy):
        reader, writer = await dial(proxy)
        writer.write(opening(scheme, *judge_of(lab)[:2])[0])
        assert len(await asyncio.wait_for(reader.read(100), BOUND)) == 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.4)
        assert len(await asyncio.wait_for(reader.read(100), BOUND)) == 1
        writer.close()


@pytest.mark.parametrize(
    ("fate", "status"),
    [
        (FailureKind.STATUS_403, b" 403 "),
        (FailureKind.STATUS_407, b" 407 "),
        (FailureKind.STATUS_502, b" 502 "),
        (FailureKind.WEB, b" 404 "),
        (FailureKind.CAPTIVE, b" 200 "),
    ],
)
async def test_http_failures_answer_with_their_status(fate: FailureKind, status: bytes) -> None:
    async with lab_of(Scheme.HTTP, fate=fate) as (lab, proxy):
        assert status in (await talk(proxy, get(*judge_of(lab)[:2], CHECK))).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("fate", "answer"),
    [
        (FailureKind.STATUS_403, b"\x05\x00\x05\x02"),
        (FailureKind.STATUS_407, b"\x05\xff"),
        (FailureKind.STATUS_502, b"\x05\x00\x05\x04"),
        (FailureKind.WEB, b"HTTP/1.1 404"),
    ],
)
async def test_socks_failures_answer_with_their_code(fate: FailureKind, answer: bytes) -> None:
    async with lab_of(Scheme.SOCKS5, fate=fate) as (lab, proxy):
        reader, writer = await dial(proxy)
        writer.write(b"".join(opening(Scheme.SOCKS5, *judge_of(lab)[:2])))
        assert (await asyncio.wait_for(reader.read(), BOUND)).startswith(answer)
        writer.close()


async def test_the_wrong_protocol_is_some_other_services_banner() -> None:
    async with lab_of(Scheme.SOCKS5, fate=FailureKind.WRONG_PROTOCOL) as (_, proxy):
        reader, writer = await dial(proxy)
        assert (await asyncio.wait_for(reader.readline(), BOUND)).startswith(b"SSH-")
        writer.close()


def test_behaviour_can_be_edited_by_name() -> None:
    assert structs.replace(Behaviour(exits=()), fakes=True).fakes


async def test_without_a_device_to_bind_to_each_proxy_has_its_own_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.lab.listeners.can_bind_to_loopback", lambda: False)
    async with Lab(seed=2, size=60, preset="mixed", latency_scale=0) as lab:
        host, port, _ = judge_of(lab)
        live = next(p for p in lab.population if p.life is Life.STABLE and p.schemes == (Scheme.HTTP,))
        assert b"200 OK" in await talk(live, get(host, port, CHECK))
        hole = next(p for p in lab.population if p.dead_kind is FailureKind.BLACKHOLE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.open_connection(hole.address, hole.port), 0.4)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.200.200.200", live.port)
