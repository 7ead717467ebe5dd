"""Reading a list through a proxy: whom the proxy is asked for, what a bad one is called, and what the pool is told."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme

from shoal.domain import Credentials, Endpoint, Forecast, Path, Pick, Proxy, Scheme, Trust
from shoal.net.resolver import SystemResolver
from shoal.options import AdmissionOptions, OwnSource, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.ports import SourceError
from shoal.ports.store import SourceState
from shoal.sources.fetch import Fetcher
from shoal.sources.registry import open_sources
from shoal.testing.builders import make_record

ADMISSION = AdmissionOptions(allow=("127.0.0.0/8",))
RULES = AddressRules.from_options(ADMISSION)


@dataclass
class ProxyServer:
    """Speaks HTTP and SOCKS5 on one port and leads everything to ``port`` of 127.0.0.1."""

    leads_to: int = 0
    port: int = 0
    status: str = ""
    asked: list[str] = field(default_factory=list)
    auth: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            await (self._socks5 if first == b"\x05" else self._http)(first, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.split("\r\n")
        self.asked.append(line)
        self.auth += [value for value in lines if value.lower().startswith("proxy-authorization")]
        if self.status:
            writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())
        elif line.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await self._relay(reader, writer)
        else:
            method, url, version = line.split(" ")
            path = "/" + url.split("/", 3)[3]
            await self._relay(reader, writer, "\r\n".join([f"{method} {path} {version}", *lines]).encode())

    async def _socks5(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        if b"\x02" in methods:
            writer.write(b"\x05\x02")
            await reader.readexactly(1)
            pair = [await reader.readexactly((await reader.readexactly(1))[0]) for _ in range(2)]
            self.auth.append(b":".join(pair).decode())
            writer.write(b"\x01\x00")
        else:
            writer.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        host = await reader.readexactly((await reader.readexactly(1))[0] if kind == 3 else 4)
        port = int.from_bytes(await reader.readexactly(2))
        self.asked.append(f"{host.decode() if kind == 3 else '.'.join(map(str, host))}:{port}")
        writer.write(b"\x05" + (b"\x05" if self.status else b"\x00") + b"\x00\x01" + bytes(6))
        if not self.status:
            await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes = b"") -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.leads_to)
        back.write(start)

        async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
            sink.close()

        await asyncio.gather(pipe(reader, back), pipe(there, writer), return_exceptions=True)


@pytest.fixture
async def proxy(site: Any) -> AsyncIterator[ProxyServer]:
    one = ProxyServer(leads_to=site.port)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()


def way(proxy: ProxyServer, scheme: Scheme, credentials: Credentials | None = None) -> Proxy:
    return Proxy(scheme, Endpoint("127.0.0.1", proxy.port), credentials)


def fetcher(context: ssl.SSLContext | None = None) -> Fetcher:
    return Fetcher(SourceOptions(timeout=5.0), SystemResolver(RULES), ssl_context=context, rules=RULES)


@pytest.mark.parametrize(
    ("scheme", "asked"),
    [(Scheme.HTTP, "GET http://lists.example/a HTTP/1.1"), (Scheme.SOCKS5, "lists.example:80")],
)
async def test_a_proxy_is_asked_for_the_name_which_is_not_looked_up_here(
    site: Any, proxy: ProxyServer, scheme: Scheme, asked: str
) -> None:
    site.answer("/a", b"8.8.8.8:80\n")
    got = await fetcher().get("http://lists.example/a", Trust.OWN, through=way(proxy, scheme))
    assert got.body == b"8.8.8.8:80\n" and got.bytes_read == 11
    assert proxy.asked == [asked]
    assert site.requests[0].headers["host"] == "lists.example"


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5])
async def test_tls_to_the_site_is_verified_through_the_tunnel(
    scheme: Scheme, make_https_site: Callable[[ssl.SSLContext], AsyncIterator[Any]], proxy: ProxyServer
) -> None:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("lists.example").configure_cert(server)
    authority.configure_trust(client)
    async for site in make_https_site(server):
        proxy.leads_to = site.port
        site.answer("/a", b"8.8.8.8:80\n")
        got = await fetcher(client).get("https://lists.example/a", Trust.OWN, through=way(proxy, scheme))
        assert got.body == b"8.8.8.8:80\n" and "lists.example:443" in proxy.asked[0]
        with pytest.raises(SourceError, match="does not prove its identity"):
            await fetcher(client).get("https://other.example/a", Trust.OWN, through=way(proxy, scheme))


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5])
async def test_credentials_go_to_the_proxy_alone(site: Any, proxy: ProxyServer, scheme: Scheme) -> None:
    site.answer("/a", b"8.8.8.8:80\n")
    await fetcher().get("http://lists.example/a", Trust.OWN, through=way(proxy, scheme, Credentials("me", "geheim")))
    assert len(proxy.auth) == 1
    assert proxy.auth[0].endswith(base64.b64encode(b"me:geheim").decode() if scheme is Scheme.HTTP else "me:geheim")


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5])
async def test_a_proxy_that_says_no_is_named_as_such(proxy: ProxyServer, scheme: Scheme) -> None:
    proxy.status = "407 Proxy Authentication Required"
    with pytest.raises(SourceError, match="through the proxy") as caught:
        await fetcher().get("https://lists.example/a", Trust.OWN, through=way(proxy, scheme))
    assert caught.value.network


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5])
async def test_a_proxy_that_is_not_there_is_named_as_such(site: Any, scheme: Scheme) -> None:
    gone = Proxy(scheme, Endpoint("127.0.0.1", 1))
    with pytest.raises(SourceError, match="the proxy does not answer"):
        await fetcher().get("http://lists.example/a", Trust.OWN, through=gone)


@pytest.mark.parametrize("host", ["169.254.169.254", "localhost", "printer.local", "[::1]"])
async def test_a_proxy_does_not_open_what_may_not_be_dialled(proxy: ProxyServer, host: str) -> None:
    with pytest.raises(SourceError, match="may not be dialled"):
        rules = AddressRules.from_options(AdmissionOptions())
        # The proxy itself may be dialled, what it would be asked for may not.
        closed = Fetcher(SourceOptions(timeout=5.0), _Split(rules), rules=rules)
        await closed.get(f"http://{host}/a", Trust.OWN, through=way(proxy, Scheme.HTTP))
    assert proxy.asked == []


class _Split(SystemResolver):
    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        return (host,) if host == "127.0.0.1" else await super().resolve(host, port, trust)


class Pool:
    """Hands its proxies out in turn and remembers what it is told."""

    def __init__(self, *proxies: Proxy) -> None:
        self.left = list(proxies)
        self.told: list[bool] = []

    def pick(self) -> Pick | None:
        if not self.left:
            return None
        proxy = self.left.pop(0)
        record = make_record(trust=Trust.OWN)
        return Pick(record, Path(proxy.scheme), proxy, Forecast(0.9, 0.9))

    def report(self, pick: Pick, ok: bool) -> None:
        self.told.append(ok)


async def test_the_pool_is_not_asked_while_the_site_serves_us(site: Any, proxy: ProxyServer) -> None:
    site.answer("/a", b"8.8.8.8:80\n")
    pool = Pool(way(proxy, Scheme.HTTP))
    assert (await fetcher().get(site.url("/a"), Trust.OWN, through=pool)).body
    assert pool.told == [] and proxy.asked == []


async def test_where_the_site_refuses_us_proxies_of_the_pool_are_tried_until_one_brings_it(
    site: Any, other_site: Any, proxy: ProxyServer
) -> None:
    site.answer("/a", status="403 Forbidden")
    other_site.answer("/a", b"8.8.8.8:80\n")
    proxy.leads_to = other_site.port
    pool = Pool(Proxy(Scheme.SOCKS5, Endpoint("127.0.0.1", 1)), way(proxy, Scheme.SOCKS5))
    got = await fetcher().get(site.url("/a"), Trust.OWN, through=pool)
    assert got.body == b"8.8.8.8:80\n" and pool.told == [False, True]


async def test_at_most_three_are_tried_and_an_empty_pool_leaves_the_sites_own_answer(site: Any) -> None:
    site.answer("/a", status="403 Forbidden")
    dead = Proxy(Scheme.HTTP, Endpoint("127.0.0.1", 1))
    pool = Pool(dead, dead, dead, dead)
    with pytest.raises(SourceError, match="the proxy does not answer"):
        await fetcher().get(site.url("/a"), Trust.OWN, through=pool)
    assert pool.told == [False, False, False]
    with pytest.raises(SourceError, match="answered 403 Forbidden"):
        await fetcher().get(site.url("/a"), Trust.OWN, through=Pool())


async def test_a_table_names_its_proxy_and_its_headers(site: Any, proxy: ProxyServer) -> None:
    site.answer("/a", b"8.8.8.8:80\n")
    own = OwnSource(
        name="mine",
        url="http://lists.example/a",
        proxy=f"socks5://me:${{PW}}@127.0.0.1:{proxy.port}",
        headers={"Accept": "text/plain"},
        headers_env={"Authorization": "TOKEN"},
    )
    environ = {"PW": "geheim", "TOKEN": "Bearer abc"}
    options = SourceOptions(own=(own,))
    (source,) = open_sources(options, ADMISSION, SystemResolver(RULES), environ=environ)
    assert len((await source.fetch(SourceState("mine"))).candidates) == 1
    assert proxy.auth == ["me:geheim"]
    headers = site.requests[0].headers
    assert (headers["authorization"], headers["accept"]) == ("Bearer abc", "text/plain")


async def test_secret_headers_do_not_follow_a_redirect_to_another_site(site: Any, other_site: Any) -> None:
    site.answer("/a", status="302 Found", Location=other_site.url("/b"))
    other_site.answer("/b", b"8.8.8.8:80\n")
    await fetcher().get(site.url("/a"), Trust.OWN, headers={"X-Key": "geheim"})
    assert site.requests[0].headers["x-key"] == "geheim"
    assert "x-key" not in other_site.requests[0].headers


async def test_an_interface_is_called_until_it_repeats_itself(site: Any) -> None:
    answers = iter([b"8.8.8.1:80", b"8.8.8.2:80", b"8.8.8.2:80", b"8.8.8.3:80"])

    async def one(_: Any, writer: asyncio.StreamWriter) -> None:
        body = next(answers)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    site.answers["/get"] = one
    own = OwnSource(name="mine", api=site.url("/get"), calls=10, call_interval=0.0, trust=Trust.PUBLIC)
    (source,) = open_sources(SourceOptions(own=(own,)), ADMISSION, SystemResolver(RULES), environ={})
    harvest = await source.fetch(SourceState("mine"))
    assert [str(one.endpoint) for one in harvest.candidates] == ["8.8.8.1:80", "8.8.8.2:80"]
    assert len(site.requests) == 3 and harvest.wire_bytes == 30
    assert source.trust is Trust.PUBLIC


async def test_the_first_read_of_a_table_is_unconditional_and_later_ones_ask_for_changes(site: Any) -> None:
    site.answer("/a", b"8.8.8.8:80\n", ETag='"1"')
    own = OwnSource(name="mine", url=site.url("/a"), tags=("new",))
    (source,) = open_sources(SourceOptions(own=(own,)), ADMISSION, SystemResolver(RULES), environ={})
    state = SourceState("mine", etag='"1"')
    assert (await source.fetch(state)).tags == ("new",)
    await source.fetch(state)
    assert ["if-none-match" in request.headers for request in site.requests] == [False, True]
