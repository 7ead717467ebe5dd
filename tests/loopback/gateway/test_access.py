"""Who may use the gateway, for which targets, with which parameters; sessions; TLS; a first hop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import ssl

import pytest
import trustme

from shoal.domain import Capability, Scheme
from shoal.errors import ConfigError, ShoalError
from shoal.gateway import check_bind, hash_password
from shoal.options import GatewayOptions


def basic(text):
    return "Proxy-Authorization: Basic " + base64.b64encode(text.encode()).decode()


def get(world, *lines, target=None):
    head = [f"GET {target or world.target()} HTTP/1.1", "Host: a", "Connection: close", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def status(answer):
    return int(answer.split()[1])


def detail(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]


def upstream_of(answer):
    return answer.partition(b"X-Shoal-Proxy: ")[2].partition(b"\r\n")[0].decode()


@pytest.mark.parametrize("secret", ["pw", hash_password("pw")], ids=["clear", "hashed"])
async def test_credentials_are_asked_for_and_checked(world, kit, secret):
    async with world(Scheme.SOCKS5) as w, w.gateway(users=(f"a-name:{secret}",)) as gateway:
        for line, expected in (
            ("X: y", 407),
            (basic("a-name:wrong"), 407),
            (basic("other:pw"), 407),
            ("Proxy-Authorization: Basic !!!", 407),
            ("Proxy-Authorization: Bearer pw", 407),
            (basic("a-name:pw"), 200),
            (basic("a-name-session-x:pw"), 200),
            (basic("a-name:pw_session-x"), 200),
            (basic("a-name-nonsense-x:pw"), 400),
        ):
            answer = await kit.talk(gateway.port, get(w, line))
            assert status(answer) == expected, line
        assert b"Proxy-Authenticate: Basic" in await kit.talk(gateway.port, get(w))


@pytest.mark.parametrize("secret", ["pw", hash_password("pw")], ids=["clear", "hashed"])
async def test_socks_clients_log_in(world, secret):
    async with world(Scheme.SOCKS5) as w, w.gateway(users=(f"me:{secret}",)) as gateway:
        for password, expected in ((b"no", b"\x01\x01"), (b"pw", b"\x01\x00")):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(b"\x05\x01\x02\x01\x02me" + bytes([len(password)]) + password)
            assert await asyncio.wait_for(reader.readexactly(4), 10) == b"\x05\x02" + expected
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"\x05\x01\x00")
        assert await asyncio.wait_for(reader.read(), 10) == b"\x05\xff"
        writer.close()
        for user, expected in ((b"me", 0x5B), (b"me:pw", 0x5A)):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(b"\x04\x01" + w.origin.to_bytes(2, "big") + b"\x7f\0\0\x01" + user + b"\0")
            assert (await asyncio.wait_for(reader.readexactly(8), 10))[1] == expected
            writer.transport.abort()


def test_a_public_port_needs_credentials():
    with pytest.raises(ConfigError, match="open proxy"):
        check_bind(GatewayOptions(listen="0.0.0.0:5011"))
    with pytest.raises(ConfigError, match="open proxy"):
        check_bind(GatewayOptions(listen="[::]:5011"))
    check_bind(GatewayOptions(listen="0.0.0.0:5011", users=("a:b",)))
    check_bind(GatewayOptions(listen="[::1]:5011"))


async def test_a_taken_port_is_one_sentence(bare):
    async with bare.gateway([]) as gateway:
        with pytest.raises(ShoalError, match="is taken by another program"):
            async with bare.gateway([], listen=f"127.0.0.1:{gateway.port}"):
                pass


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://10.0.0.1/", "http://169.254.169.254/latest",
        "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://0x7f.1/", "http://2130706433/",
        "http://0177.0.0.1/", "http://metadata.google.internal/", "http://printer.local/", "http://nas/",
        "http://100.100.100.200/", "http://LOCALHOST./", "http://[fd00:ec2::254]/", "http://[::]/",
        "http://example.com:25/", "http://example.com:587/", "http://example.com:0/", "http://example.com:70000/",
    ],
)  # fmt: skip
async def test_private_and_mail_targets_are_refused_in_every_spelling(bare, kit, target):
    async def never(reader, writer, number):
        raise AssertionError

    async with (
        kit.Upstream("127.1.1.1", never) as upstream,
        bare.gateway([upstream.record()], allow_target=()) as gateway,
    ):
        url = target.replace("{port}", str(bare.origin))
        answer = await kit.talk(gateway.port, get(bare, target=url))
        assert status(answer) == 403
        authority = url.removeprefix("http://").partition("/")[0]
        if ":" not in authority.rpartition("]")[2]:
            authority += ":80"
        answer = await kit.talk(gateway.port, f"CONNECT {authority} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert status(answer) == 403
        assert upstream.connections == 0


async def test_parameters_choose_and_unknown_ones_are_refused(world, kit):
    async with world(Scheme.SOCKS5) as w:
        records = [
            kit.record_of(proxy, country=country)
            for proxy, country in zip(w.lab.population, ("US", "DE", "US", "FR"), strict=True)
        ]
        async with w.gateway(records) as gateway:
            german = f"socks5://{records[1].endpoint}"
            for lines in (
                [basic("x-country-de:y")],
                [basic("x-cc-DE:y")],
                [basic("x:y_country-de")],
                ["X-Shoal-Country: de"],
            ):
                answer = await kit.talk(gateway.port, get(w, *lines))
                assert upstream_of(answer) == german
            answer = await kit.talk(gateway.port, get(w, basic("x-coutry-de:y")))
            assert status(answer) == 400
            assert "did you mean 'country'" in detail(answer)
            answer = await kit.talk(gateway.port, get(w, "X-Shoal-Nonsense: 1"))
            assert status(answer) == 400
            answer = await kit.talk(gateway.port, get(w, basic("x-country-it:y")))
            assert status(answer) == 503
            connect = f"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n{basic('x-city-rome:y')}\r\n\r\n".encode()
            assert (await kit.talk(gateway.port, connect)).startswith(b"HTTP/1.1 400 'city' is not known of proxies")


async def test_a_session_keeps_its_proxy_and_replicas_agree(world, kit):
    async with world(Scheme.SOCKS5, size=12) as w, w.gateway() as one, w.gateway() as two:
        chosen = set()
        for session in ("a", "b", "c", "d", "e", "f"):
            answers = {
                upstream_of(await kit.talk(port, get(w, basic(f"me-session-{session}:x"))))
                for port in (one.port, two.port, one.port, two.port)
            }
            assert len(answers) == 1
            chosen |= answers
        assert len(chosen) > 1
        told = {info.session: info.proxy for info in await one.sessions()}
        assert set(told) == {"a", "b", "c", "d", "e", "f"}
        assert set(told.values()) == chosen


async def test_a_session_moves_when_its_proxy_dies_and_strict_forbids_it(bare, kit):
    async def answer(reader, writer, number):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with kit.Upstream("127.1.1.1", answer) as one, kit.Upstream("127.2.2.2", answer) as two:
        ups = {one.address: one, two.address: two}
        records = [up.record(Capability.FORWARD) for up in ups.values()]
        async with bare.gateway(records) as gateway:
            first = upstream_of(await kit.talk(gateway.port, get(bare, basic("me-session-s:x"))))
            again = upstream_of(await kit.talk(gateway.port, get(bare, basic("me-session-s-strict:x"))))
            assert again == first
            dying = ups[first.removeprefix("http://").partition(":")[0]]
            dying._server.close()
            await dying._server.wait_closed()
            refused = await kit.talk(gateway.port, get(bare, basic("me-session-s-strict:x")))
            assert status(refused) == 502
            assert "strict forbids another" in detail(refused)
            moved = upstream_of(await kit.talk(gateway.port, get(bare, basic("me-session-s:x"))))
            assert moved and moved != first
            stays = upstream_of(await kit.talk(gateway.port, get(bare, basic("me-session-s:x"))))
            assert stays == moved


async def test_limits_of_a_user_hold(bare, kit):
    async def hold(reader, writer, number):
        await kit.accept_tunnel(reader, writer)
        await reader.read()

    async with kit.Upstream("127.1.1.1", hold) as upstream:
        record = upstream.record()
        ask = b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n"
        async with bare.gateway([record], user_connections=1) as gateway:
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(ask)
            async with asyncio.timeout(10):
                while gateway.stats().connections == 0:
                    await asyncio.sleep(0.01)
            assert status(await kit.talk(gateway.port, ask, until=b"\r\n\r\n")) == 429
            writer.transport.abort()
        async with bare.gateway([record], user_rate=1.0) as gateway:
            answers = [await kit.talk(gateway.port, ask, until=b"\r\n\r\n") for _ in range(4)]
            assert [status(answer) for answer in answers] == [200, 200, 429, 429]


async def test_bytes_of_a_day_are_counted(world, kit):
    async with world(Scheme.SOCKS5) as w, w.gateway(users=("me:pw",), user_bytes=5000) as gateway:
        ask = get(w, basic("me:pw"), target=w.target("/bytes/6000"))
        assert status(await kit.talk(gateway.port, ask)) == 200
        assert status(await kit.talk(gateway.port, ask)) == 429


async def test_slow_heads_and_idle_tunnels_are_dropped(bare, kit):
    async def hold(reader, writer, number):
        await kit.accept_tunnel(reader, writer)
        writer.write(b"hello")
        await reader.read()

    async with (
        kit.Upstream("127.1.1.1", hold) as upstream,
        bare.gateway([upstream.record()], head_timeout=0.3, idle=0.3) as gateway,
    ):
        for begin in (b"", b"GE", b"GET http://a/ HTTP/1.1\r\nHo", b"\x05", b"\x05\x01\x00"):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(begin)
            with_answer = await asyncio.wait_for(reader.read(), 5)
            assert with_answer in (b"", b"\x05\x00")
            writer.close()
        answer = await kit.talk(gateway.port, b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.endswith(b"hello")


async def test_what_speaks_nothing_known_is_closed(bare):
    async with bare.gateway([]) as gateway:
        for begin in (b"\x16\x03\x01\x02\x00", b"\x00\x01\x02", b"SSH-2.0-OpenSSH\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(begin)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()


def talk_tls(port, context, *parts):
    """A blocking client: uvloop's own TLS streams lose what comes with the end."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    with context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain as connection:
        answer = b""
        for part in parts:
            connection.sendall(part)
            answer = connection.recv(65_536)
        while data := connection.recv(65_536):
            answer += data
        return answer


async def test_clients_may_speak_tls_to_the_port_and_plain_ones_still_can(world, kit, tmp_path):
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with world(Scheme.SOCKS5) as w, w.gateway(tls_cert=str(tmp_path / "cert.pem")) as gateway:
        connect = f"CONNECT 127.0.0.1:{w.origin} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        inside = b"GET /close/300000 HTTP/1.1\r\nHost: a\r\n\r\n"
        for tls in (context, None):
            plain = get(w, target=w.target("/bytes/500000"))
            answer = await asyncio.to_thread(talk_tls, gateway.port, tls, plain)
            assert answer.partition(b"\r\n\r\n")[2] == kit.pattern(500_000)
            answer = await asyncio.to_thread(talk_tls, gateway.port, tls, connect, inside)
            assert answer.partition(b"\r\n\r\n")[2] == kit.pattern(300_000)


@pytest.mark.parametrize("hop", list(Scheme))
@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.HTTPS, Scheme.SOCKS5])
async def test_a_first_hop_carries_everything(world, kit, hop, scheme):
    async with world(hop, size=1) as first, world(scheme) as w:
        url = first.lab.population[0].url(hop)
        async with w.gateway(first_hop=url) as gateway:
            answer = await kit.talk(gateway.port, get(w))
            assert status(answer) == 200
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(f"CONNECT 127.0.0.1:{w.origin} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            writer.write(b"GET /close/300000 HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 10)
            assert answer.partition(b"\r\n\r\n")[2] == kit.pattern(300_000)
            writer.close()


async def test_stopping_lets_what_is_under_way_end(world, kit):
    async with world(Scheme.SOCKS5) as w, w.gateway() as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"CONNECT 127.0.0.1:{w.origin} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        closing = asyncio.get_running_loop().create_task(gateway.close(grace=5))
        await asyncio.sleep(0)
        writer.write(b"GET /close/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.endswith(kit.pattern(1000))
        writer.close()
        await asyncio.wait_for(closing, 3)


async def test_a_refusal_reaches_a_client_that_is_still_sending(bare, kit):
    async with bare.gateway([], users=("me:pw",)) as gateway:
        head = f"POST {bare.target()} HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(head)
        for _ in range(50):
            writer.write(bytes(100_000))
        answer = await asyncio.wait_for(reader.read(), 10)
        assert status(answer) == 407
        writer.transport.abort()


async def test_a_target_that_refuses_does_not_move_a_session(bare, kit):
    async def refused(reader, writer, number):
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        request = await reader.read(100)
        if b"bad.example" in request:
            writer.write(b"\x05\x05\x00\x01\0\0\0\0\0\0")
        else:
            writer.write(b"\x05\x00\x00\x01\0\0\0\0\0\0")
            await reader.read(100)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with kit.Upstream("127.1.1.1", refused) as one, kit.Upstream("127.2.2.2", refused) as two:
        records = [up.record(Capability.TUNNEL, scheme=Scheme.SOCKS5) for up in (one, two)]
        async with bare.gateway(records) as gateway:
            login = basic("me-session-s:x")
            first = upstream_of(await kit.talk(gateway.port, get(bare, login, target="http://good.example/")))
            for _ in range(3):
                answer = await kit.talk(gateway.port, get(bare, login, target="http://bad.example/"))
                assert status(answer) == 502
            again = upstream_of(await kit.talk(gateway.port, get(bare, login, target="http://good.example/")))
            assert first == again != ""
