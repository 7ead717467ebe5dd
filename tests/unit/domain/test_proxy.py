from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Credentials, Endpoint, Proxy, Record, Scheme, proxy_url, record_id, record_key

SECRET = b"installation"
ENDPOINT = Endpoint("198.51.100.7", 8080)
USERS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
# Long and marked, so that finding it is no accident.
PASSWORDS = st.text(st.characters(codec="utf-8"), min_size=6, max_size=20).map(lambda text: "Pw" + text)


@given(USERS, PASSWORDS)
def test_keys_never_hold_the_password(user: str, password: str) -> None:
    key = record_key(ENDPOINT, Credentials("user", password), SECRET)
    assert password not in key
    assert record_key(ENDPOINT, Credentials(user, password), SECRET).endswith("@198.51.100.7:8080")
    assert record_id(key) not in key


@given(USERS, PASSWORDS)
def test_printing_never_shows_the_password(user: str, password: str) -> None:
    credentials = Credentials("user", password)
    proxy = Proxy(Scheme.SOCKS5, ENDPOINT, credentials)
    key = record_key(ENDPOINT, credentials, SECRET)
    record = Record(key, ENDPOINT, credentials)
    for value in (credentials, proxy, record):
        for text in (str(value), repr(value), f"{value}", f"{value!r}"):
            assert password not in text
    assert password not in proxy.url()


@given(st.tuples(USERS, PASSWORDS), st.tuples(USERS, PASSWORDS))
def test_each_pair_of_credentials_is_a_way_in_of_its_own(one: tuple[str, str], other: tuple[str, str]) -> None:
    keys = {record_key(ENDPOINT, Credentials(*pair), SECRET) for pair in (one, other)}
    assert len(keys) == len({one, other})


def test_a_key_cannot_be_made_without_the_installations_secret() -> None:
    credentials = Credentials("user", "password")
    assert record_key(ENDPOINT, credentials, b"one") != record_key(ENDPOINT, credentials, b"two")


def test_keys_and_ids_stay_as_stores_have_them() -> None:
    assert record_key(ENDPOINT, None, SECRET) == "198.51.100.7:8080"
    assert record_key(Endpoint("127.0.0.1", 80), Credentials("u", "p"), b"s") == "u:9d97373bced51883@127.0.0.1:80"
    assert record_id("127.0.0.1:80") == "483ff43aa78bed4c"


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_half_a_surrogate_pair_in_credentials_breaks_nothing(user: str, password: str) -> None:
    credentials = Credentials(user + "\ud800", password + "\udfff")
    record_id(record_key(ENDPOINT, credentials, SECRET))
    proxy_url(Scheme.HTTP, ENDPOINT, credentials, secrets=True).encode()


@given(USERS, PASSWORDS)
def test_a_url_with_secrets_can_be_read_back(user: str, password: str) -> None:
    parts = urlsplit(Proxy(Scheme.HTTP, ENDPOINT, Credentials(user, password)).url(secrets=True))
    assert (parts.hostname, parts.port) == ("198.51.100.7", 8080)
    assert unquote(parts.username or "") == user
    assert unquote(parts.password or "") == password


@pytest.mark.parametrize(
    ("proxy", "url"),
    [
        (Proxy(Scheme.HTTP, ENDPOINT), "http://198.51.100.7:8080"),
        (Proxy(Scheme.SOCKS5, Endpoint("2600::1", 1080)), "socks5://[2600::1]:1080"),
        (Proxy(Scheme.HTTPS, ENDPOINT, Credentials("a b", "s")), "https://a%20b:***@198.51.100.7:8080"),
    ],
)
def test_urls(proxy: Proxy, url: str) -> None:
    assert proxy.url() == str(proxy) == url


def test_schemes_are_socks_or_http() -> None:
    assert [scheme for scheme in Scheme if scheme.is_socks] == [Scheme.SOCKS4, Scheme.SOCKS4A, Scheme.SOCKS5]
