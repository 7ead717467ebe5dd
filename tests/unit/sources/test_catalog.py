import re
from collections import Counter
from urllib.parse import urlsplit

import pytest

from shoal.domain import Refused, Scheme, Trust
from shoal.domain.address import canonical_host, is_ip
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules
from shoal.sources.catalog import CatalogRow, load_catalog

ROWS = load_catalog()
# Sites that were last known to answer on http alone. Remove a host here when it learns https.
HTTP_ONLY = {"api.66daili.com", "www.ip3366.net", "www.kxdaili.com", "www.66ip.cn", "ip.jiangxianli.com"}
KNOWN_SITES = """
    66daili.com docip.net freevpnnode.com geonode.com goodips.com ihuan.me ip3366.net 89ip.cn kuaidaili.com kxdaili.com
    proxifly roundproxies.com scdn.io zdaye.com 66ip.cn freeproxylists.net binglx.cn jiangxianli.com
""".split()  # noqa: SIM905 - reads better than eighteen quoted lines


def test_at_least_forty_lists_of_thirty_providers_are_on() -> None:
    on = [row for row in ROWS if row.enabled]
    assert len(on) >= 40
    assert len({re.split(r"[-.]", row.name)[0] for row in on}) >= 30


def test_every_common_scheme_is_covered() -> None:
    claimed = Counter(row.scheme for row in ROWS if row.enabled)
    assert all(claimed[scheme] >= 8 for scheme in (Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS5))


def test_the_sites_that_users_of_proxy_pool_know_are_there() -> None:
    urls = [row.url for row in ROWS]
    assert not [site for site in KNOWN_SITES if not any(site in url for url in urls)]


def test_names_and_urls_are_unique() -> None:
    assert not [name for name, count in Counter(row.name for row in ROWS).items() if count > 1]
    urls = [url for row in ROWS for url in row.urls]
    assert len(urls) == len(set(urls))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_complete_and_polite(row: CatalogRow) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.name)
    assert 300 <= row.interval <= 86_400
    assert row.terms and len(row.terms) <= 40
    assert row.form in {"text", "annotated text", "json", "jsonl", "csv", "html", "xml"}
    assert 1 <= row.pages <= 10 and (row.pages > 1) == ("{page}" in row.url)
    assert row.enabled or row.note, "a row that is off says why"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_leads_to_a_public_host_over_https_where_known(row: CatalogRow) -> None:
    rules = AddressRules.from_options(AdmissionOptions())
    for url in row.urls:
        parts = urlsplit(url)
        host = canonical_host(parts.hostname or "")
        assert not isinstance(host, Refused) and not is_ip(host)
        assert rules.refusal(host, Trust.PUBLIC) is None
        assert parts.scheme == ("http" if host in HTTP_ONLY else "https")
        assert parts.username is None and parts.port is None and not parts.fragment
        assert url.isascii() and not re.search(r"[\s{}]", url)
        assert not re.search(r"(?i)(api_?key|token|secret|password)=", parts.query)


def test_pages_are_counted_from_the_first() -> None:
    row = CatalogRow(
        name="a", url="https://x.example/{page}", form="html", terms="t", interval=600, pages=3, first_page=0
    )
    assert row.urls == ("https://x.example/0", "https://x.example/1", "https://x.example/2")
