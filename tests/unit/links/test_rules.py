from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import InvalidQueryError
from shoal.links.rules import URL_LIMIT, check_url


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("www.example.com/p/233.html", "https://www.example.com/p/233.html"),
        ("example.com:8443/x", "https://example.com:8443/x"),
        ("//example.com/x", "https://example.com/x"),
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("https://example.com.:443/a?b=c#d", "https://example.com/a?b=c#d"),
        ("https://bücher.example/ü?q=ö", "https://xn--bcher-kva.example/%C3%BC?q=%C3%B6"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
        (" https://example.com/%41%2f ", "https://example.com/%41%2f"),
        ("https://fonts.example/css?family=A|B&c={d}^`", "https://fonts.example/css?family=A%7CB&c=%7Bd%7D%5E%60"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
        ("https://1.example/", "https://1.example/"),
    ],
)
def test_an_address_has_one_spelling(text: str, spelled: str) -> None:
    assert check_url(text) == spelled
    assert check_url(spelled) == spelled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "mailto:a@example.com",
        "https://user:pw@example.com/",
        "https://example.com@evil.example/",
        "https:///x",
        "https://",
        "https:example.com",
        "https://example.com\\@evil.example/",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com/\x00",
        "https://example.com/a b",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://-.example/",
        "https://[::1/",
        "https://e\u2028.example/",
        "x" * (URL_LIMIT + 1),
        "https://..",
        'https://example.com/"onload=',
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://1.2.3.4.5/",
        "http://example.0x1/",
        "https://example.com/<script>",
    ],
)
def test_what_is_no_safe_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        check_url(text)
    assert caught.value.field == "url"


def test_no_link_leads_back_here_and_hosts_may_be_bounded() -> None:
    with pytest.raises(InvalidQueryError, match="back to this service"):
        check_url("http://Pool.example:5010/s/abc", own=("pool.example",))
    for host in (
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.9.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ):
        with pytest.raises(InvalidQueryError, match="back to this service"):
            check_url(f"http://{host}:5010/s/abc", own_ports={5010})
        assert check_url(f"http://{host}:5011/s/abc", own_ports={5010})
    with pytest.raises(InvalidQueryError, match="back to this service"):
        check_url("localhost/s/abc", own_ports={443})
    assert check_url("https://a.example.com/", allowed=("example.com",))
    for text in ("https://notexample.com/", "https://example.com.evil.example/"):
        with pytest.raises(InvalidQueryError, match="not allowed"):
            check_url(text, allowed=("example.com",))


@given(st.text(max_size=60) | st.builds("https://example.com/{}".format, st.text(max_size=30)))
def test_what_comes_out_can_stand_in_a_header(text: str) -> None:
    try:
        spelled = check_url(text)
    except InvalidQueryError:
        return
    assert spelled.isascii() and spelled.isprintable() and not set(spelled) & set(' "<>\\')
    assert urlsplit(spelled).scheme in ("http", "https") and urlsplit(spelled).hostname
    assert check_url(spelled) == spelled
