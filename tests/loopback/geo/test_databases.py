"""Country and network out of files as their publishers write them."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import sys

import pytest

from shoal.domain import CheckResult, Facts, Kind, Observation, Scheme
from shoal.engine.locator import Locator
from shoal.errors import ConfigError, ShoalError
from shoal.geo import ATTRIBUTION, GeoDatabases, open_geo, update
from shoal.policy.fold import fold_check
from shoal.testing.builders import make_record
from shoal.testing.mmdb import make_mmdb

COUNTRIES = make_mmdb(
    {
        "203.0.113.0/24": {"country": {"iso_code": "DE"}},
        "198.51.100.0/25": {"country_code": "fr"},
        "192.0.2.0/24": {"country": "NL"},
        "10.0.0.0/8": {"country": {"iso_code": "nonsense"}},
    },
    "DBIP-Country-Lite",
)
NETWORKS = make_mmdb(
    {"203.0.113.0/24": {"autonomous_system_number": 64500}, "192.0.2.0/24": {"asn": "AS64501"}}, "DBIP-ASN-Lite"
)
TODAY = datetime.date(2026, 11, 3)


@pytest.fixture
def geo(tmp_path):
    (tmp_path / "c.mmdb").write_bytes(COUNTRIES)
    (tmp_path / "n.mmdb").write_bytes(NETWORKS)
    geo = GeoDatabases(tmp_path / "c.mmdb", tmp_path / "n.mmdb")
    yield geo
    geo.close()


@pytest.mark.parametrize(
    ("address", "country", "asn"),
    [("203.0.113.9", "DE", 64500), ("198.51.100.1", "FR", None), ("192.0.2.1", "NL", 64501)],
)
def test_every_common_form_is_read(geo, address, country, asn):
    place = geo.locate(address)
    assert (place.country, place.asn) == (country, asn)
    assert place.origin == "DBIP-Country-Lite 2026-09 + DBIP-ASN-Lite 2026-09"


@pytest.mark.parametrize("address", ["10.0.0.1", "8.8.8.8", "2001:db8::1", "no address", ""])
def test_what_is_not_known_is_nothing(geo, address):
    assert geo.locate(address) is None


def test_a_file_that_is_missing_or_something_else_is_told_in_one_sentence(tmp_path):
    (tmp_path / "text").write_text("no database")
    for name in ("text", "missing"):
        with pytest.raises(ConfigError, match=r"geo\.country: .* cannot be read"):
            open_geo(str(tmp_path / name), None, tmp_path)
    assert open_geo(None, None, tmp_path) is None


async def test_the_exits_place_and_its_origin_are_kept(geo):
    record = make_record(1)

    class Prober:
        async def check(self, record, *, full=False):
            seen = Observation(record.key, Kind.PROBE, 1.0, True, Scheme.HTTP, facts=Facts(exit="203.0.113.9"))
            return CheckResult(record.key, (seen,), True, (Scheme.HTTP,), exit="203.0.113.9")

    result = await Locator(Prober(), geo).check(record)
    assert result.country == "DE"
    path = fold_check(record, result, 2.0).path(Scheme.HTTP)
    assert (path.country, path.asn) == ("DE", 64500)
    assert path.located_by.startswith("DBIP-Country-Lite 2026-09")


class Site:
    """Answers a few paths; everything else is 404."""

    def __init__(self, pages):
        self.pages = pages
        self.asked = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc):
        self.server.close()

    async def answer(self, reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        self.asked.append(path)
        body = self.pages.get(path)
        status = b"404 No" if body is None else b"200 OK"
        body = body or b""
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()


async def test_an_update_takes_this_months_file_or_the_last_ones(tmp_path):
    pages = {"/c-2026-11.gz": gzip.compress(COUNTRIES), "/n-2026-10.gz": gzip.compress(NETWORKS)}
    async with Site(pages) as site:
        urls = (("country.mmdb", site.url + "/c-{month}.gz"), ("asn.mmdb", site.url + "/n-{month}.gz"))
        paths = await update(tmp_path / "geo", TODAY, urls)
    assert site.asked == ["/c-2026-11.gz", "/n-2026-11.gz", "/n-2026-10.gz"]
    assert [path.name for path in paths] == ["country.mmdb", "asn.mmdb"]
    assert open_geo(None, None, tmp_path / "geo").locate("203.0.113.1").asn == 64500
    assert "DB-IP" in ATTRIBUTION


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, "is not there"),
        (b"no gzip", "not gzip data"),
        (gzip.compress(COUNTRIES, mtime=0)[:-20], "broke off"),
        (gzip.compress(b"a text", mtime=0), "no MMDB file; the old one stays"),
    ],
)
async def test_what_cannot_be_used_leaves_the_old_file(tmp_path, body, why):
    (tmp_path / "country.mmdb").write_bytes(COUNTRIES)
    async with Site({"/c": body}) as site:
        with pytest.raises(ShoalError, match=why):
            await update(tmp_path, TODAY, (("country.mmdb", site.url + "/c"),))
    assert (tmp_path / "country.mmdb").read_bytes() == COUNTRIES
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_bomb_is_cut_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["shoal.geo.update"], "SIZE_LIMIT_BYTES", 10_000)
    async with Site({"/c": gzip.compress(bytes(5_000_000))}) as site:
        with pytest.raises(ShoalError, match="larger than"):
            await update(tmp_path, TODAY, (("country.mmdb", site.url + "/c"),))
