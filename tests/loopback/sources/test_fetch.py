from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import time
import zlib
from typing import Any

import pytest
import trustme

from shoal import __version__
from shoal.domain import Trust
from shoal.net.resolver import SystemResolver
from shoal.options import AdmissionOptions, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.ports import SourceError
from shoal.sources.fetch import Fetcher

OWN, PUBLIC = Trust.OWN, Trust.PUBLIC
LOOPBACK = ("127.0.0.0/8",)


def make(*, allow: tuple[str, ...] = LOOPBACK, context: ssl.SSLContext | None = None, **options: Any) -> Fetcher:
    rules = AddressRules.from_options(AdmissionOptions(allow=allow))
    settings = {"timeout": 5.0, **options}
    return Fetcher(SourceOptions(**settings), SystemResolver(rules, timeout=2.0), ssl_context=context)


class Names:
    """A resolver that sends every name to loopback and counts how often it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        self.asked.append(host)
        return self.addresses


async def fails(fetcher: Fetcher, url: str, trust: Trust = OWN, **validators: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await fetcher.get(url, trust, **validators)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    return caught.value


async def test_a_document_comes_with_its_validators(site: Any) -> None:
    site.answer(
        "/list", b"1.2.3.4:80\n", ETag='"a"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT", Content_Type="text/x"
    )
    got = await make().get(site.url("/list"), OWN)
    assert (got.body, got.content_type, got.etag, got.unchanged) == (b"1.2.3.4:80\n", "text/x", '"a"', False)
    assert got.last_modified == "Mon, 01 Jan 2024 00:00:00 GMT" and got.bytes_read == 11
    headers = site.requests[0].headers
    assert headers["user-agent"] == f"shoal/{__version__} (+proxy list reader)"
    assert headers["host"] == f"127.0.0.1:{site.port}"
    assert "if-none-match" not in headers and "cookie" not in headers and "authorization" not in headers


async def test_validators_are_sent_and_304_is_unchanged(site: Any) -> None:
    site.answer("/list", status="304 Not Modified")
    got = await make().get(site.url("/list"), OWN, etag='W/"a"', last_modified="yesterday")
    assert got.unchanged and got.body == b""
    assert site.requests[0].headers["if-none-match"] == 'W/"a"'
    assert site.requests[0].headers["if-modified-since"] == "yesterday"


async def test_304_that_nobody_asked_for_is_an_error(site: Any) -> None:
    site.answer("/list", status="304 Not Modified")
    assert "304" in str(await fails(make(), site.url("/list")))


async def test_an_overlong_validator_is_not_kept(site: Any) -> None:
    site.answer("/list", b"x", ETag='"' + "a" * 600 + '"')
    assert (await make().get(site.url("/list"), OWN)).etag is None


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "429 Too Many Requests", "302 Found"])
async def test_other_answers_are_told_with_their_status(site: Any, status: str) -> None:
    site.answer("/list", b"no", status=status)
    error = await fails(make(), site.url("/list"))
    assert str(error) == f"127.0.0.1 answered {status}." and not error.network


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("identity", bytes),
    ],
)
async def test_compressed_bodies_are_read(site: Any, coding: str, pack: Any) -> None:
    plain = b"".join(b"1.2.3.%d:80\n" % (n % 256) for n in range(50_000))
    site.answer("/list", pack(plain), Content_Encoding=coding)
    assert (await make().get(site.url("/list"), OWN)).body == plain


async def test_a_gzip_bomb_stops_at_the_limit(site: Any) -> None:
    site.answer("/bomb", gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")
    error = await fails(make(size_limit_bytes=10_000), site.url("/bomb"))
    assert str(error) == "127.0.0.1 sent more than 10000 bytes."


async def test_a_body_of_exactly_the_limit_passes(site: Any) -> None:
    site.answer("/a", bytes(2048))
    site.answer("/b", gzip.compress(bytes(2048)), Content_Encoding="gzip")
    fetcher = make(size_limit_bytes=2048)
    assert len((await fetcher.get(site.url("/a"), OWN)).body) == 2048
    assert len((await fetcher.get(site.url("/b"), OWN)).body) == 2048


@pytest.mark.parametrize(
    ("coding", "body", "says"),
    [
        ("gzip", b"not gzip at all", "broken compressed data"),
        ("gzip", gzip.compress(b"1.2.3.4:80" * 99, mtime=0)[:-12], "breaks off"),
        ("br", b"x", "'br'"),
        ("gzip, gzip", b"x", "not asked for"),
    ],
)
async def test_bodies_that_cannot_be_unpacked_are_told(site: Any, coding: str, body: bytes, says: str) -> None:
    site.answer("/list", body, Content_Encoding=coding)
    error = await fails(make(), site.url("/list"))
    assert says in str(error) and not error.network


async def test_an_endless_body_stops_at_the_limit(site: Any) -> None:
    async def pour(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"1.2.3.4:80\n" * 1000)
            await writer.drain()

    site.answers["/endless"] = pour
    assert "more than 1000000 bytes" in str(await fails(make(size_limit_bytes=1_000_000), site.url("/endless")))


async def test_a_slow_body_stops_at_the_time_out(site: Any) -> None:
    async def drip(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1")
            await writer.drain()
            await asyncio.sleep(0.05)

    site.answers["/slow"] = drip
    start = time.monotonic()
    error = await fails(make(timeout=0.5), site.url("/slow"))
    assert str(error) == "127.0.0.1 did not finish within 0.5 s." and not error.network
    assert time.monotonic() - start < 3


async def test_a_silent_server_is_a_network_error(site: Any) -> None:
    async def wait(_: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)

    site.answers["/silent"] = wait
    error = await fails(make(timeout=0.2), site.url("/silent"))
    assert str(error) == "127.0.0.1 did not answer within 0.2 s." and error.network


async def test_a_server_that_speaks_no_http_is_told(site: Any) -> None:
    async def babble(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    site.answers["/ssh"] = babble
    assert "proper HTTP" in str(await fails(make(), site.url("/ssh")))


async def test_a_body_shorter_than_announced_is_an_error(site: Any) -> None:
    site.answer("/short", b"1.2.3.4:80", Content_Length="500")
    assert "127.0.0.1" in str(await fails(make(), site.url("/short")))


async def test_a_refused_connection_is_a_network_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await fails(make(), f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert error.network and "127.0.0.1 cannot be reached" in str(error)


async def test_a_name_without_address_is_a_network_error() -> None:
    error = await fails(make(), "http://no-such-list.invalid/list.txt")
    assert error.network and "no-such-list.invalid" in str(error)


async def test_redirects_are_followed(site: Any) -> None:
    site.answer("/a", status="302 Found", Location="/b?x=1")
    site.answer("/b?x=1", status="308 Permanent Redirect", Location=site.url("/c"))
    site.answer("/c", b"done")
    assert (await make().get(site.url("/a"), OWN)).body == b"done"


async def test_a_redirect_loop_ends(site: Any) -> None:
    site.answer("/a", status="302 Found", Location="/a")
    assert "redirects more than 3 times" in str(await fails(make(redirects=3), site.url("/a")))
    assert len(site.requests) == 4


@pytest.mark.parametrize(
    "target",
    ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/", "http://127.1.1.1/"],
)
async def test_a_redirect_to_a_private_address_is_refused(site: Any, target: str) -> None:
    site.answer("/a", status="302 Found", Location=target)
    error = await fails(make(allow=("127.0.0.1/32",)), site.url("/a"))
    assert "may not be dialled" in str(error) and not error.network


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://999.1.1.1/", "http://[zz]/", "gopher:x"]
)
async def test_a_redirect_to_anything_but_http_is_refused(site: Any, target: str) -> None:
    site.answer("/a", status="302 Found", Location=target)
    await fails(make(), site.url("/a"))
    assert len(site.requests) == 1


async def test_a_public_list_never_reads_from_inside(site: Any) -> None:
    error = await fails(make(), site.url("/a"), PUBLIC)
    assert "may not be dialled (loopback)" in str(error) and not error.network
    assert site.requests == []


async def test_the_checked_address_is_dialled_and_the_name_is_kept(site: Any) -> None:
    names = Names("127.0.0.1")
    site.answer("/a", b"named")
    fetcher = Fetcher(SourceOptions(timeout=5.0), names)
    assert (await fetcher.get(site.url("/a", host="lists.example"), OWN)).body == b"named"
    assert names.asked == ["lists.example"]
    assert site.requests[0].headers["host"] == f"lists.example:{site.port}"


async def test_the_next_address_is_tried_when_one_refuses(site: Any) -> None:
    site.answer("/a", b"second")
    fetcher = Fetcher(SourceOptions(timeout=5.0), Names("127.0.0.77", "127.0.0.1"))
    assert (await fetcher.get(site.url("/a", host="lists.example"), OWN)).body == b"second"


async def test_credentials_stay_with_their_host(site: Any, other_site: Any) -> None:
    site.answer("/a", status="302 Found", Location="/b")
    site.answer("/b", status="302 Found", Location=other_site.url("/c"))
    other_site.answer("/c", b"done")
    assert (await make().get(site.url("/a", userinfo="me:p%40ss@"), OWN)).body == b"done"
    sent = [request.headers.get("authorization") for request in (*site.requests, *other_site.requests)]
    assert sent == ["Basic bWU6cEBzcw==", "Basic bWU6cEBzcw==", None]


async def test_no_error_shows_a_password_or_a_token(site: Any) -> None:
    site.answer("/a?token=geheim", status="403 Forbidden")
    assert "geheim" not in str(await fails(make(), site.url("/a?token=geheim", userinfo="me:geheim@")))


async def test_cookies_are_not_kept(site: Any) -> None:
    site.answer("/a", status="302 Found", Location="/b", Set_Cookie="a=b")
    site.answer("/b", b"x", Set_Cookie="c=d")
    fetcher = make()
    for _ in range(2):
        await fetcher.get(site.url("/a"), OWN)
    assert all("cookie" not in request.headers for request in site.requests)


async def test_environment_proxies_are_not_used(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    site.answer("/a", b"direct")
    assert (await make().get(site.url("/a"), OWN)).body == b"direct"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


async def test_tls_verifies_the_name_although_an_address_is_dialled(
    make_https_site: Any, authority: trustme.CA
) -> None:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("lists.example").configure_cert(server)
    authority.configure_trust(client)
    async with contextlib.aclosing(make_https_site(server)) as sites:
        site = await anext(sites)
        site.answer("/a", b"secure")
        site.answer("/down", status="302 Found", Location="http://lists.example/")
        fetcher = Fetcher(SourceOptions(timeout=5.0), Names("127.0.0.1"), ssl_context=client)
        assert (await fetcher.get(site.url("/a", host="lists.example"), OWN)).body == b"secure"
        error = await fails(fetcher, site.url("/a", host="wrong.example"))
        assert "wrong.example does not prove its identity" in str(error) and not error.network
        assert "from https to http" in str(await fails(fetcher, site.url("/down", host="lists.example")))


async def test_tls_refuses_an_unknown_authority_and_plain_answers(
    make_https_site: Any, site: Any, authority: trustme.CA
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    async with contextlib.aclosing(make_https_site(server)) as sites:
        secure = await anext(sites)
        assert "does not prove its identity" in str(await fails(make(), secure.url("/a")))
    assert "TLS" in str(await fails(make(), site.url("/a").replace("http:", "https:")))
