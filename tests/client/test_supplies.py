"""Through the real gateway, and through a plain list."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

import shoal_client
from shoal.domain import Credentials, Scheme, Trust
from shoal.lab import FailureKind
from shoal_client import Session
from shoal_client.playwright import proxy_settings, settings_of

Make = Callable[..., Any]


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_the_gateway_gives_each_request_a_proxy_of_its_own(make_place: Make, scheme: str) -> None:
    place = make_place(*[None] * 8)
    with Session(gateway=place.gateway.replace("http", scheme)) as session:
        for url in (place.http, place.https):
            place.site.seen.clear()
            for _ in range(8):
                assert session.get(url + "/echo", verify=place.ca).ok
            assert len({seen["peer"] for seen in place.site.seen}) > 1
            assert len(session.get_adapter("http://").proxy_manager) == 0  # type: ignore[attr-defined]
    assert all("proxy-authorization" not in seen["headers"] for seen in place.site.seen)
    assert place.pool_calls == []


def test_a_sticky_session_of_the_gateway_keeps_its_proxy(make_place: Make) -> None:
    place = make_place(*[None] * 8)
    with Session(gateway=place.gateway, sticky="my basket") as session:
        for url in (place.http, place.https, place.http):
            assert session.get(url + "/echo", verify=place.ca).ok
    assert len({seen["peer"] for seen in place.site.seen}) == 1


def test_filters_are_parameters_of_the_gateway(make_place: Make) -> None:
    place = make_place(None)
    with Session(gateway=place.gateway, filters={"country": "DE"}) as session:
        with pytest.raises(requests.exceptions.ProxyError) as caught:
            session.get(place.https + "/echo", verify=place.ca)
        assert "503" in str(caught.value)
        with pytest.raises(requests.exceptions.ProxyError) as caught:
            session.get(place.http + "/echo")
        assert caught.value.response.headers["X-Shoal-Error"] == "no_proxy"
        assert "p@ss" not in str(caught.value)
    with (
        Session(gateway=place.gateway, filters={"contry": "DE"}) as session,
        pytest.raises(requests.exceptions.ProxyError, match="country"),
    ):
        session.get(place.https + "/echo", verify=place.ca)


def test_a_wrong_password_of_the_gateway_is_told(make_place: Make) -> None:
    place = make_place(None)
    wrong = place.gateway.replace("p%40ss", "other")
    for url in (place.http, place.https):
        with Session(gateway=wrong) as session, pytest.raises(requests.exceptions.ProxyError) as caught:
            session.get(url + "/echo", verify=place.ca)
        assert caught.value.reason == "handshake.auth"


def test_a_sites_502_through_the_gateway_is_the_sites(make_place: Make) -> None:
    place = make_place(None)
    with Session(gateway=place.gateway) as session:
        answer = session.get(place.http + "/status/502")
    assert (answer.text, answer.tries) == ("said by the site", ())


def test_credentials_in_the_clear_pass_the_gateway_to_the_users_own_proxies_only(make_place: Make) -> None:
    place = make_place(None)
    with (
        Session(gateway=place.gateway) as session,
        pytest.raises(requests.exceptions.RequestException),
    ):
        session.get(place.http + "/echo", auth=("a", "b"))
    assert place.site.seen == []
    own = make_place(None, trust=Trust.OWN)
    with Session(gateway=own.gateway) as session:
        assert session.get(own.http + "/echo", auth=("a", "b")).ok


def test_a_list_goes_past_what_fails_and_remembers_it(make_place: Make) -> None:
    place = make_place(FailureKind.RESET, FailureKind.ACCEPT_CLOSE, None)
    urls = [proxy.url() for proxy in place.proxies]
    with Session(proxy_list=urls) as session:
        answers = [session.post(place.https + "/echo", data=b"x", verify=place.ca) for _ in range(10)]
    assert all(answer.ok for answer in answers)
    assert sum(len(answer.tries) for answer in answers) <= 2
    assert place.pool_calls == []


def test_a_list_takes_every_scheme_and_says_when_it_is_exhausted(make_place: Make) -> None:
    place = make_place(None, schemes=(Scheme.SOCKS5,), credentials=Credentials("user", "p@:/ss"))
    with Session(proxy_list=[place.proxies[0].url()]) as session:
        answer = session.get(place.https + "/echo", verify=place.ca)
        assert answer.proxy == f"socks5h://user:***@{place.proxies[0].endpoint}"
        with pytest.raises(requests.exceptions.ConnectionError) as caught:
            session.get(place.https + "/reset", verify=place.ca)
    assert len(caught.value.tries) == 1


@pytest.mark.parametrize("text", ["ftp://h:1", "http://", "http://u:secret@h:99999", "h:1/path", "a b:1"])
def test_what_is_no_proxy_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ValueError, match="is no proxy") as caught:
        Session(proxy_list=[text])
    assert "secret" not in str(caught.value)


def test_contradictions_are_refused() -> None:
    for more in (
        {"gateway": "http://h:1", "proxy_list": ["h:1"]},
        {"proxy_list": []},
        {"proxy_list": ["h:1"], "filters": {"country": "DE"}},
        {"gateway": "http://h:1", "exclusive": True},
        {"pool": "ftp://h"},
    ):
        with pytest.raises(ValueError):
            Session(**more)  # type: ignore[arg-type]


def through(settings: Any, host: str, port: int) -> bytes:
    """The answer to CONNECT as a browser sends it."""
    import base64

    where = urlsplit(settings["server"])
    login = base64.b64encode(f"{settings['username']}:{settings['password']}".encode()).decode()
    with socket.create_connection((where.hostname, where.port), timeout=5) as sock:
        sock.sendall(
            f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic {login}\r\n\r\n".encode()
        )
        return sock.recv(12)


def test_playwright_gets_settings_that_work(make_place: Make) -> None:
    place = make_place(None, credentials=Credentials("user", "hunter2"))
    port = urlsplit(place.https).port
    picked = proxy_settings(place.api, bypass="*.local")
    assert picked == {
        "server": f"http://{place.proxies[0].endpoint}",
        "username": "user",
        "password": "hunter2",
        "bypass": "*.local",
    }
    assert through(picked, "localhost", port) == b"HTTP/1.1 200"
    gateway = proxy_settings(gateway=place.gateway, session="page 1")
    assert gateway["username"].startswith("me-session-")
    assert through(gateway, "127.0.0.1", port) == b"HTTP/1.1 200"
    assert settings_of("socks5://127.0.0.1:1080") == {"server": "socks5://127.0.0.1:1080"}
    with pytest.raises(ValueError, match="SOCKS"):
        settings_of("socks5://u:p@127.0.0.1:1080")
    place.service.records = []
    with pytest.raises(shoal_client.NoProxyError):
        proxy_settings(place.api)


def test_the_public_names_are_these() -> None:
    assert sorted(shoal_client.__all__) == sorted(
        [
            *("Session", "request", "get", "options", "head", "post", "put", "patch", "delete", "ProxiedResponse"),
            *("ShoalError", "ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError"),
            *("ChunkedEncodingError", "ContentDecodingError", "NoProxyError", "PoolError", "InsecureAuthError"),
            *("Failure", "Try"),
        ]
    )
