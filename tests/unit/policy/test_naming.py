import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Credentials, Endpoint, Proxy, Scheme
from shoal.errors import InvalidProxyError
from shoal.policy.naming import parse_name

HERE = Endpoint("198.51.100.7", 8080)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0123456789abcdef", "0123456789abcdef"),
        (" 198.51.100.7:8080 ", (HERE, None)),
        ("http://198.51.100.7:8080", (HERE, None)),
        ("HTTP://198.51.100.7:8080/", (HERE, None)),
        ("socks5://a:b@198.51.100.7:8080", (HERE, Credentials("a", "b"))),
        ("a%40x:b%3Ac@198.51.100.7:8080", (HERE, Credentials("a@x", "b:c"))),
        ("user@198.51.100.7:8080", (HERE, Credentials("user", ""))),
        ("[2600::1]:1080", (Endpoint("2600::1", 1080), None)),
        ("Proxy.Example:3128", (Endpoint("proxy.example", 3128), None)),
    ],
)
def test_names(text: str, meant: object) -> None:
    assert parse_name(text) == meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed"),
        ("198.51.100.7", "malformed"),
        ("198.51.100.7:", "malformed"),
        ("198.51.100.7:8O80", "malformed"),
        ("2600::1:1080", "malformed"),
        ("999.1.1.1:80", "bad_address"),
        ("198.51.100.7:0", "bad_port"),
        ("198.51.100.7:65536", "bad_port"),
        ("0123456789ABCDEF", "malformed"),
    ],
)
def test_what_names_nothing_says_why(text: str, reason: str) -> None:
    with pytest.raises(InvalidProxyError) as caught:
        parse_name(text)
    assert caught.value.reason == reason


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_an_error_for_users(text: str) -> None:
    try:
        parse_name(text)
    except InvalidProxyError as error:
        assert str(error)


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(TEXT, TEXT, st.integers(1, 65535))
def test_our_own_urls_are_understood(user: str, password: str, port: int) -> None:
    proxy = Proxy(Scheme.HTTP, Endpoint("198.51.100.7", port), Credentials(user, password))
    assert parse_name(proxy.url(secrets=True)) == (proxy.endpoint, proxy.credentials)
