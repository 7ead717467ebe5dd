"""Lists of plain lines."""

from __future__ import annotations

import pytest

from shoal.domain import Scheme
from shoal.sources.extract import extract


def found(text: str, scheme: Scheme | None = None) -> list[str]:
    return [str(candidate.endpoint) for candidate in extract(text.encode(), scheme=scheme).candidates]


def refused(text: str) -> dict[str, int]:
    return extract(text.encode()).refused


@pytest.mark.parametrize(
    "line",
    [
        "192.0.2.1:80",
        "192.0.2.1 80",
        "192.0.2.1\t80\tUS\telite",
        "192.0.2.1,80,US,Chicago",
        "192.0.2.1;80;US",
        "192.0.2.1 | 80 | US",
        "192.0.2.1, 80",
        '"192.0.2.1","80","US"',
        '"192.0.2.1:80"',
        "'192.0.2.1:80',",
        "- 192.0.2.1:80",
        "* 192.0.2.1:80",
        "• 192.0.2.1:80",
        "1. 192.0.2.1:80",
        "12) 192.0.2.1:80",
        "#3. 192.0.2.1:80",
        "17 192.0.2.1:80",
        "> 192.0.2.1:80",
        "192.0.2.1:80#comment with words",
        "192.0.2.1:80 # comment",
        "192.0.2.1:80|US|elite",
        "192.0.2.1:80@HTTP#[place]",
        "192.0.2.1:80;",
        "192.0.2.1：80",
        "１９２.0.2.1:80",
        "\ufeff192.0.2.1:80",
        "192.0.2.1:80\u200b",
        "`192.0.2.1:80`",
        "[192.0.2.1:80]",
        "(192.0.2.1:80)",
        "<192.0.2.1:80>",
        "proxy=192.0.2.1:80",
        "IP:192.0.2.1:80",
        "IP: 192.0.2.1 Port: 80",
        "192.0.2.1 (port 80)",
        "| 192.0.2.1 | 80 | US |",
        "| US | 192.0.2.1 | 80 |",
        "| `192.0.2.1:80` | US |",
        "try 192.0.2.1:80, it is fast.",
        "Works: 192.0.2.1:80.",
        "192.0.2.1:80 US-H-S! +",
        "192.0.2.1:80 0.35s 2024-01-02 10:20:30",
        "192.0.2.1:80:US",
    ],
)
def test_one_entry_in_every_kind_of_line(line: str) -> None:
    assert found(line) == ["192.0.2.1:80"]
    assert refused(line) == {}


@pytest.mark.parametrize(
    "line",
    [
        "192.0.2.1:80 192.0.2.2:81",
        "192.0.2.1:80,192.0.2.2:81",
        "192.0.2.1:80;192.0.2.2:81;",
        "192.0.2.1:80|192.0.2.2:81",
        "http://192.0.2.1:80, http://192.0.2.2:81",
        "192.0.2.1:80\r192.0.2.2:81",
        "192.0.2.1:80\r\n192.0.2.2:81\r\n",
    ],
)
def test_several_entries_a_line(line: str) -> None:
    assert found(line) == ["192.0.2.1:80", "192.0.2.2:81"]


@pytest.mark.parametrize(
    "line",
    [
        "Proxy list (#400) updated at Fri, 24 Mar 23 07:58:01 +0300",
        "Socks proxy=https://example.com/socks.txt",
        "IP address:Port CountryCode-Anonymity(Noa/Anm/Hia)-SSL_support(S)-Google_passed(+)",
        "https://example.com:443/some/page",
        "updated 2024-01-02T10:20:30Z",
        "# a comment",
        "// a comment",
        "; a comment",
        "-----",
        "Total: 400",
        "Chrome/110.0.5481.178 Safari/537.36",
        "55.7487,37.6187",
        "10:20:30",
        "",
        "   ",
    ],
)
def test_heads_and_comments_are_neither_proxies_nor_faults(line: str) -> None:
    assert found(line) == []
    assert refused(line) == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("192.0.2.1:0", "bad_port"),
        ("192.0.2.1:70000", "bad_port"),
        ("192.0.2.1:8O80", "bad_port"),
        ("http://192.0.2.1:99999", "bad_port"),
        ("999.1.1.1:80", "bad_address"),
        ("0177.0.0.1:80", "bad_address"),
        ("0x7f.0.0.1:80", "bad_address"),
        ("1.2.3.4.5:80", "bad_address"),
        ("192.0.2.1", "malformed"),
        ("\x00\x00192.0.2.1:80", "malformed"),
        ("192.0.2.1:80\x07", "malformed"),
        ("# 192.0.2.1:80", "malformed"),
        ("squid:3128", "malformed"),
        ("vless://id@192.0.2.1:443?type=tcp#name", "malformed"),
        ("x" * 5000, "too_long"),
        ("192.0.2.1:80 " * 400, "too_long"),
    ],
)
def test_faults_are_counted_by_reason(line: str, reason: str) -> None:
    assert found(line) == []
    assert refused(line) == {reason: 1}


def test_faults_do_not_hide_the_good_lines_around_them() -> None:
    text = "192.0.2.1:80\n" + "x" * 3_000_000 + "\n999.1.1.1:80\n192.0.2.1:70000\n\x00\n192.0.2.2:81"
    assert found(text) == ["192.0.2.1:80", "192.0.2.2:81"]
    assert refused(text) == {"too_long": 1, "bad_address": 1, "bad_port": 1, "malformed": 1}


def test_repeats_are_counted_once_each_and_kept_once() -> None:
    read = extract(b"192.0.2.1:80\n192.0.2.1:80\nhttp://192.0.2.1:80\nu:p@192.0.2.1:80\nu:q@192.0.2.1:80\n192.0.2.1:80")
    assert len(read.candidates) == 4
    assert read.refused == {"duplicate": 2}


def test_ranges_are_not_judged_here() -> None:
    assert found("127.0.0.1:80\n10.0.0.1:80\n169.254.169.254:80") == [
        "127.0.0.1:80",
        "10.0.0.1:80",
        "169.254.169.254:80",
    ]


@pytest.mark.parametrize(
    ("line", "country"),
    [
        ("192.0.2.1:80 CO-N-S! + ", "CO"),
        ("192.0.2.1:80 NO-H -", "NO"),
        ("192.0.2.1:80,DE,elite", "DE"),
        ("192.0.2.1:80 HTTP US", "US"),
        ("192.0.2.1:80 elite NO", None),
        ("192.0.2.1:80 XX", None),
    ],
)
def test_the_country_comes_from_the_annotation(line: str, country: str | None) -> None:
    (candidate,) = extract(line.encode()).candidates
    assert candidate.country == country
    assert candidate.text == line.strip()


@pytest.mark.parametrize(
    ("line", "schemes"),
    [
        ("192.0.2.1:80 HTTPS US", [Scheme.HTTP]),
        ("192.0.2.1:80 http,https", [Scheme.HTTP]),
        ("192.0.2.1:80 SOCKS5", [Scheme.SOCKS5]),
        ("192.0.2.1:80 socks4/socks5", [Scheme.SOCKS4, Scheme.SOCKS5]),
        ("192.0.2.1\t80\tSOCKS 4", [Scheme.SOCKS4]),
        ("192.0.2.1:80@SOCKS5#x", [Scheme.SOCKS5]),
        ("https://192.0.2.1:80", [Scheme.HTTPS]),
        ("socks5://192.0.2.1:80 https", [Scheme.SOCKS5]),
        ("192.0.2.1:80 fast", [None]),
    ],
)
def test_a_label_claims_schemes(line: str, schemes: list[Scheme | None]) -> None:
    assert [candidate.scheme for candidate in extract(line.encode()).candidates] == schemes


def test_markdown_tables_are_read_by_their_head() -> None:
    text = "| Country | IP | Type | Port |\n|---|---|---|\n| US | 192.0.2.1 | socks5 | 80 |\n"
    text += "| DE | 192.0.2.2 | http | 81 |\n"
    read = extract(text.encode())
    assert [(str(c.endpoint), c.scheme, c.country) for c in read.candidates] == [
        ("192.0.2.1:80", Scheme.SOCKS5, "US"),
        ("192.0.2.2:81", Scheme.HTTP, "DE"),
    ]


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32", "latin-1", "gbk"])
def test_charsets_never_cost_a_proxy(charset: str) -> None:
    text = "192.0.2.1:80\n192.0.2.2:81" if charset == "latin-1" else "中文\n192.0.2.1:80\n192.0.2.2:81"
    read = extract(text.encode(charset), content_type="text/plain; charset=nonsense")
    assert [str(candidate.endpoint) for candidate in read.candidates] == ["192.0.2.1:80", "192.0.2.2:81"]


def test_a_declared_charset_is_used_where_utf_8_fails() -> None:
    data = "192.0.2.1：80".encode("gb18030")
    assert extract(data, content_type="text/plain; charset=gb18030").candidates
    assert extract(data, content_type="text/plain; charset=hex").candidates == []


def test_a_dump_with_a_carriage_return_in_a_row_loses_nothing() -> None:
    """csv takes it for the end of a line, which must not end the reading of a whole list. Found by fuzzing."""
    rows = "('192.0.2.1', \r80), ('192.0.2.2'\r\n, 81), ('192.0.2.3', 82)"
    assert found(f"INSERT INTO proxies (ip, port) VALUES {rows};") == ["192.0.2.1:80", "192.0.2.2:81", "192.0.2.3:82"]
