from __future__ import annotations

from typing import Any

import pytest

from shoal.domain import Scheme
from shoal.net.resolver import SystemResolver
from shoal.options import AdmissionOptions, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.ports import Source, SourceError
from shoal.ports.store import SourceState
from shoal.sources.document import SourceTerms
from shoal.sources.fetch import Fetcher
from shoal.sources.registry import open_sources
from shoal.sources.web import WebSource

FRESH = SourceState("list")


def fetcher() -> Fetcher:
    rules = AddressRules.from_options(AdmissionOptions(allow=("127.0.0.0/8",)))
    return Fetcher(SourceOptions(timeout=5.0), SystemResolver(rules))


def paged(site: Any, pages: int) -> Source:
    urls = tuple(site.url(f"/{page}") for page in range(1, pages + 1))
    return WebSource("list", urls, fetcher(), SourceTerms(60), contacts="127.0.0.1", pause=0)


def found(candidates: Any) -> list[str]:
    return [str(candidate.endpoint) for candidate in candidates]


async def test_a_list_named_by_the_user_is_read_from_end_to_end(site: Any) -> None:
    site.answer("/a.txt", b"8.8.8.8:80\n8.8.4.4:1080\n8.8.8.8:70000\n", ETag='"1"', Content_Type="text/plain")
    admission = AdmissionOptions(allow=("127.0.0.0/8",))
    resolver = SystemResolver(AddressRules.from_options(admission))
    (source,) = open_sources(SourceOptions(urls=("socks5=" + site.url("/a.txt"),)), admission, resolver)
    harvest = await source.fetch(SourceState(source.name))
    assert found(harvest.candidates) == ["8.8.8.8:80", "8.8.4.4:1080"]
    assert {candidate.scheme for candidate in harvest.candidates} == {Scheme.SOCKS5}
    assert harvest.refused == {"bad_port": 1}
    assert (harvest.etag, harvest.unchanged, harvest.bytes_read) == ('"1"', False, 38)


async def test_the_next_run_asks_whether_anything_changed(site: Any) -> None:
    site.answer("/1", status="304 Not Modified")
    harvest = await paged(site, 1).fetch(SourceState("list", etag='"1"', last_modified="then"))
    assert harvest.unchanged and harvest.candidates == ()
    assert (harvest.etag, harvest.last_modified) == ('"1"', "then")
    assert site.requests[0].headers["if-none-match"] == '"1"'


async def test_a_page_in_another_charset_is_read(site: Any) -> None:
    page = "<table><tr><th>代理地址</th><th>端口</th></tr><tr><td>8.8.8.8</td><td>8080</td></tr></table>"
    site.answer("/1", page.encode("gb18030"), Content_Type="text/html; charset=gbk")
    harvest = await paged(site, 1).fetch(FRESH)
    assert found(harvest.candidates) == ["8.8.8.8:8080"]


async def test_a_big_list_is_read_whole(site: Any) -> None:
    lines = [f"8.{n >> 16}.{n >> 8 & 255}.{n & 255}:80" for n in range(30_000)]
    site.answer("/1", "\n".join(lines).encode())
    harvest = await paged(site, 1).fetch(FRESH)
    assert found(harvest.candidates) == lines


async def test_pages_are_joined_until_one_brings_nothing_new(site: Any) -> None:
    site.answer("/1", b"8.8.8.1:80\n8.8.8.2:80")
    site.answer("/2", b"8.8.8.2:80\n8.8.8.3:80")
    site.answer("/3", b"8.8.8.2:80\n8.8.8.3:80")
    site.answer("/4", b"8.8.8.4:80")
    harvest = await paged(site, 4).fetch(SourceState("list", etag='"1"'))
    assert found(harvest.candidates) == ["8.8.8.1:80", "8.8.8.2:80", "8.8.8.3:80"]
    assert [request.path for request in site.requests] == ["/1", "/2", "/3"]
    assert "if-none-match" not in site.requests[0].headers


async def test_a_later_page_that_fails_does_not_lose_what_was_found(site: Any) -> None:
    site.answer("/1", b"8.8.8.1:80")
    site.answer("/2", status="500 Oops")
    assert found((await paged(site, 3).fetch(FRESH)).candidates) == ["8.8.8.1:80"]


async def test_a_first_page_that_fails_is_an_error(site: Any) -> None:
    site.answer("/1", status="404 Not Found")
    with pytest.raises(SourceError, match="404"):
        await paged(site, 3).fetch(FRESH)
