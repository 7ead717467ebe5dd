"""The plain spellings of one entry."""

from __future__ import annotations

import ipaddress
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Candidate, Credentials, Endpoint, Refused, Scheme, proxy_url
from shoal.errors import InvalidProxyError
from shoal.sources.extract import extract, extract_stream, parse_entry

SECRET = Credentials("user", "pass")


@pytest.mark.parametrize(
    ("text", "host", "port", "scheme", "credentials"),
    [
        ("192.0.2.1:80", "192.0.2.1", 80, None, None),
        ("  192.0.2.1:80  ", "192.0.2.1", 80, None, None),
        ("http://192.0.2.1:80", "192.0.2.1", 80, Scheme.HTTP, None),
        ("HTTP://192.0.2.1:80/", "192.0.2.1", 80, Scheme.HTTP, None),
        ("https://192.0.2.1:443", "192.0.2.1", 443, Scheme.HTTPS, None),
        ("socks4://192.0.2.1:1080", "192.0.2.1", 1080, Scheme.SOCKS4, None),
        ("socks4a://192.0.2.1:1080", "192.0.2.1", 1080, Scheme.SOCKS4A, None),
        ("socks5://192.0.2.1:1080", "192.0.2.1", 1080, Scheme.SOCKS5, None),
        ("socks5h://192.0.2.1:1080", "192.0.2.1", 1080, Scheme.SOCKS5, None),
        ("socks://192.0.2.1:1080", "192.0.2.1", 1080, None, None),
        ("proxy.example.com:3128", "proxy.example.com", 3128, None, None),
        ("http://Proxy.Example.COM:3128", "proxy.example.com", 3128, Scheme.HTTP, None),
        ("http://squid:3128", "squid", 3128, Scheme.HTTP, None),
        ("squid:3128", "squid", 3128, None, None),
        ("[2001:db8::1]:8080", "2001:db8::1", 8080, None, None),
        ("socks5://[2001:DB8:0::1]:1080", "2001:db8::1", 1080, Scheme.SOCKS5, None),
        ("192.0.2.1:80:user:pass", "192.0.2.1", 80, None, SECRET),
        ("http://192.0.2.1:80:user:pass", "192.0.2.1", 80, Scheme.HTTP, SECRET),
        ("user:pass:192.0.2.1:80", "192.0.2.1", 80, None, SECRET),
        ("user:pass@192.0.2.1:80", "192.0.2.1", 80, None, SECRET),
        ("192.0.2.1:80@user:pass", "192.0.2.1", 80, None, SECRET),
        ("socks5://user:pass@192.0.2.1:80", "192.0.2.1", 80, Scheme.SOCKS5, SECRET),
        ("http://us%40er:p%3Ass@192.0.2.1:80", "192.0.2.1", 80, Scheme.HTTP, Credentials("us@er", "p:ss")),
        ("http://user@192.0.2.1:80", "192.0.2.1", 80, Scheme.HTTP, Credentials("user", "")),
        ("user:pass@[2001:db8::1]:80", "2001:db8::1", 80, None, SECRET),
        ("[2001:db8::1]:80:user:pass", "2001:db8::1", 80, None, SECRET),
        (
            "gate.example.com:7000:user-session-1:pa:ss",
            "gate.example.com",
            7000,
            None,
            Credentials("user-session-1", "pa:ss"),
        ),
        ("192.0.2.1 80", "192.0.2.1", 80, None, None),
        ("192.0.2.1\t80", "192.0.2.1", 80, None, None),
        ("192.0.2.1：80", "192.0.2.1", 80, None, None),
        ("192.0.2.1:00080", "192.0.2.1", 80, None, None),
    ],
)
def test_reads_every_plain_spelling(
    text: str, host: str, port: int, scheme: Scheme | None, credentials: Credentials | None
) -> None:
    read = parse_entry(text)
    assert (read.endpoint, read.scheme, read.credentials) == (Endpoint(host, port), scheme, credentials)


def test_the_source_claim_fills_in_only_what_the_entry_leaves_open() -> None:
    assert parse_entry("192.0.2.1:80", Scheme.SOCKS4).scheme is Scheme.SOCKS4
    assert parse_entry("http://192.0.2.1:80", Scheme.SOCKS4).scheme is Scheme.HTTP
    assert parse_entry("socks://192.0.2.1:80", Scheme.SOCKS4).scheme is Scheme.SOCKS4
    assert parse_entry("socks://192.0.2.1:80", Scheme.HTTP).scheme is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed"),
        ("hello world again", "malformed"),
        ("192.0.2.1:80\x00", "malformed"),
        ("192.0.2.1:\x0180", "malformed"),
        ("vmess://192.0.2.1:80", "malformed"),
        ("ss://YWVzOnB3@192.0.2.1:8388#x", "malformed"),
        ("2001:db8::1:8080", "malformed"),
        ("999.1.1.1:80", "bad_address"),
        ("0177.0.0.1:80", "bad_address"),
        ("0x7f.0.0.1:80", "bad_address"),
        ("0x7f000001:80", "bad_address"),
        ("1.2.3.4.5:80", "bad_address"),
        ("1.2.3:80", "bad_address"),
        ("http://2130706433:80", "bad_address"),
        ("[2001:db8::zz]:80", "bad_address"),
        ("192.0.2.1:0", "bad_port"),
        ("192.0.2.1:70000", "bad_port"),
        ("192.0.2.1:8O80", "bad_port"),
        ("192.0.2.1:-1", "bad_port"),
        ("192.0.2.1:", "bad_port"),
        ("192.0.2.1:٨٠", "bad_port"),
        ("http://192.0.2.1", "bad_port"),
        ("192.0.2.1", "bad_port"),
        ("proxy.example.com", "bad_port"),
        ("[2001:db8::1]", "bad_port"),
        ("1" * 5000 + ":80", "too_long"),
    ],
)
def test_says_why_an_entry_is_none(text: str, reason: str) -> None:
    with pytest.raises(InvalidProxyError) as caught:
        parse_entry(text)
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 400


def test_a_refusal_never_shows_a_password() -> None:
    with pytest.raises(InvalidProxyError) as caught:
        parse_entry("http://user:hunter2@192.0.2.1:70000")
    assert "hunter2" not in str(caught.value)


def test_the_text_is_bounded_and_free_of_control_characters() -> None:
    read = parse_entry("http://user:" + "x" * 240 + "@192.0.2.1:80")
    assert len(read.text) == 200
    line = extract(b"192.0.2.1:80\t\x0bUS").candidates
    assert all(character >= " " for candidate in line for character in candidate.text)


hosts = st.one_of(
    st.integers(0, 2**32 - 1).map(lambda number: str(ipaddress.IPv4Address(number))),
    st.integers(0, 2**128 - 1).map(lambda number: ipaddress.IPv6Address(number).compressed),
    st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True), min_size=1, max_size=3).map(
        lambda labels: ".".join([*labels, "example"])
    ),
)
words = st.text(string.ascii_letters + string.digits + "-_.~!$+=", min_size=1, max_size=24)
any_secret = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=24)


@given(
    hosts,
    st.integers(1, 65535),
    st.sampled_from(list(Scheme)),
    st.none() | st.builds(Credentials, any_secret, any_secret),
)
def test_every_proxy_written_as_a_url_is_read_back(
    host: str, port: int, scheme: Scheme, credentials: Credentials | None
) -> None:
    url = proxy_url(scheme, Endpoint(host, port), credentials, secrets=True)
    read = parse_entry(url)
    assert (read.endpoint, read.scheme, read.credentials) == (Endpoint(host, port), scheme, credentials)
    assert _line(url) == [(Endpoint(host, port), scheme, credentials)]


@given(
    hosts,
    st.integers(1, 65535),
    st.builds(Credentials, words.filter(lambda word: "." not in word), words.filter(lambda word: "." not in word)),
    st.sampled_from(
        ["{e}:{u}:{p}", "{u}:{p}@{e}", "http://{u}:{p}@{e}", "socks5://{e}:{u}:{p}", "{u}:{p}:{e}", "{e}@{u}:{p}"]
    ),
)
def test_every_proxy_with_credentials_is_read_back_from_each_plain_spelling(
    host: str, port: int, credentials: Credentials, spelling: str
) -> None:
    if ":" in host and spelling == "{u}:{p}:{e}":
        spelling = "{u}:{p}@{e}"
    text = spelling.format(e=Endpoint(host, port), u=credentials.username, p=credentials.password)
    read = parse_entry(text)
    assert (read.endpoint, read.credentials) == (Endpoint(host, port), credentials)
    assert [(endpoint, secret) for endpoint, _, secret in _line(text)] == [(Endpoint(host, port), credentials)]


def _line(text: str) -> list[tuple[Endpoint, Scheme | None, Credentials | None]]:
    data = f"{text}\n".encode()
    whole = extract(data).candidates
    streamed = [item for item in extract_stream([data]) if isinstance(item, Candidate)]
    assert whole == streamed
    return [(read.endpoint, read.scheme, read.credentials) for read in whole]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_with_a_known_reason(text: str) -> None:
    try:
        read = parse_entry(text)
    except InvalidProxyError as error:
        assert Refused(error.reason)
    else:
        assert 0 < read.endpoint.port < 65536
