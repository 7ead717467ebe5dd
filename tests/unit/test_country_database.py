"""The country database of the container image is one that readers of the format agree with."""

from __future__ import annotations

import importlib.util
import ipaddress
from pathlib import Path
from types import ModuleType

import maxminddb
import pytest
from hypothesis import given
from hypothesis import strategies as st

GEOIP = """# This file has been converted
16777216,16777471,AU
16777472,16778239,CN
16778240,16778240,??
3221225985,3221226238,DE
3405803776,3405804031,A1
4294967040,4294967295,ZZ
"""
GEOIP6 = "# likewise\n2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,FR\n2600::1,2600::6,US\n"


def tool() -> ModuleType:
    path = Path(__file__).parents[2] / "tools/country_database.py"
    spec = importlib.util.spec_from_file_location("country_database", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = tool()


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "geoip").write_text(GEOIP)
    (tmp_path / "geoip6").write_text(GEOIP6)
    return tmp_path


@pytest.fixture
def reader(tables: Path) -> maxminddb.Reader:
    (tables / "country.mmdb").write_bytes(TOOL.make(tables, 1_790_000_000))
    return maxminddb.open_database(tables / "country.mmdb", maxminddb.MODE_MEMORY)


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("1.0.0.0", "AU"),
        ("1.0.0.255", "AU"),
        # A range that is no network of its own: three of them cover it.
        ("1.0.1.0", "CN"),
        ("1.0.3.255", "CN"),
        # No country is no answer.
        ("1.0.4.0", None),
        ("203.0.113.7", None),
        ("0.255.255.255", None),
        # Neither end of a range lies on a border of networks.
        ("192.0.2.0", None),
        ("192.0.2.1", "DE"),
        ("192.0.2.254", "DE"),
        ("192.0.2.255", None),
        ("255.255.255.255", "ZZ"),
        ("2001:db8::", "FR"),
        ("2001:db8:0:ffff:ffff:ffff:ffff:ffff", "FR"),
        ("2001:db8:1::", None),
        ("2600::", None),
        ("2600::1", "US"),
        ("2600::6", "US"),
        ("2600::7", None),
    ],
)
def test_an_address_has_the_country_of_its_range(reader: maxminddb.Reader, address: str, country: str | None) -> None:
    found = reader.get(address)
    assert found == (None if country is None else {"country": {"iso_code": country}})


def test_it_says_what_it_is_and_how_old(reader: maxminddb.Reader) -> None:
    about = reader.metadata()
    assert (about.ip_version, about.record_size, about.build_epoch) == (6, 32, 1_790_000_000)
    assert about.database_type == "Shoal-Country" and "CC BY-SA" in about.description["en"]


def test_shoal_itself_reads_it(
    tables: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shoal.geo import GeoDatabases

    out = tables / "out.mmdb"
    monkeypatch.setattr("sys.argv", ["country_database.py", str(tables), str(out)])
    TOOL.main()
    assert "out.mmdb" in capsys.readouterr().out
    geo = GeoDatabases(out, None)
    place = geo.locate("1.0.0.1")
    assert place is not None and place.country == "AU"
    # Its own word for "no country".
    assert geo.locate("203.0.113.7") is None


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**40))
def test_blocks_cover_a_range_exactly_and_each_is_a_network(first: int, more: int) -> None:
    last = min(first + more, 2**128 - 1)
    at = first
    for address, length in TOOL.blocks(first, last):
        # Raises for one whose host bits are not zero.
        network = ipaddress.IPv6Network((address, length))
        assert int(network.network_address) == at
        at = int(network.broadcast_address) + 1
    assert at == last + 1
