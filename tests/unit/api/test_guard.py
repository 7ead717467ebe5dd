from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from shoal.api.guard import access_of, decide
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService

TOKEN = "a-token-for-tests"
BEARER = f"Bearer {TOKEN}"
BASIC = "Basic " + b64encode(f":{TOKEN}".encode()).decode()
LOOPBACK = ApiOptions()
PUBLIC = ApiOptions(listen="0.0.0.0:5010", token=TOKEN)
LAN = ApiOptions(listen="0.0.0.0:5010", allow_from=("192.168.1.0/24",))


def status(options: ApiOptions, *headers: tuple[str, str], path: str = "/get/", client: str | None = None) -> int:
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    refused = decide(access_of(options), "GET", path, fields, client)
    return 200 if refused is None else refused.status


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5010", "localhost", "LOCALHOST:5010", "[::1]:5010", "127.4.5.6", "a.localhost:1", "localhost."]
)
def test_loopback_answers_to_its_own_names(host: str) -> None:
    assert status(LOOPBACK, ("Host", host)) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5010",
        "10.0.0.1",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[zz:1]",
        "printer",
    ],
)
def test_loopback_refuses_names_that_a_stranger_can_point_at_it(host: str) -> None:
    assert status(LOOPBACK, ("Host", host)) == 421


def test_a_request_without_host_is_no_browsers() -> None:
    assert status(LOOPBACK) == 200


def test_a_repeated_host_or_authorization_is_refused() -> None:
    assert status(LOOPBACK, ("Host", "localhost"), ("Host", "evil.example")) == 400
    assert status(PUBLIC, ("Authorization", BEARER), ("Authorization", "Bearer x")) == 400


@pytest.mark.parametrize("field", [BEARER, BASIC])
@pytest.mark.parametrize("options", [PUBLIC, ApiOptions(token=TOKEN)])
def test_a_token_opens_under_any_name(options: ApiOptions, field: str) -> None:
    assert status(options, ("Host", "pool.example"), ("Authorization", field)) == 200
    assert status(options, ("Host", "127.0.0.1")) == 401
    assert status(options, ("Host", "127.0.0.1"), ("Authorization", "Bearer wrong")) == 401


@pytest.mark.parametrize(
    ("client", "expected"),
    [("192.168.1.77", 200), ("::ffff:192.168.1.77", 200), ("192.168.2.1", 401), ("testclient", 401), (None, 401)],
)
def test_allowed_networks_need_no_token(client: str | None, expected: int) -> None:
    assert status(LAN, ("Host", "192.168.1.2:5010"), client=client) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("shoal:5010", 200), ("pool.lan", 200), ("192.168.1.2", 200), ("[2001:db8::1]:1", 200), ("evil.example", 421)],
)
def test_allowed_networks_do_not_open_to_rebound_names(host: str, expected: int) -> None:
    assert status(LAN, ("Host", host), client="192.168.1.77") == expected


@pytest.mark.parametrize("path", ["/pop", "/pop/", "/delete/", "/refresh"])
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-site", 403),
        ("Sec-Fetch-Site", "same-origin", 200),
        ("Sec-Fetch-Site", "none", 200),
        ("Origin", "https://evil.example", 403),
        ("Origin", "null", 403),
        ("Origin", "http://127.0.0.1:5010", 200),
        ("Origin", "http://127.0.0.1:8080", 403),
        ("Referer", "https://evil.example/page", 403),
        ("Referer", "http://[broken", 403),
        ("Referer", "http://127.0.0.1:5010/", 200),
        ("X-Nothing", "x", 200),
    ],
)
def test_what_changes_state_refuses_other_sites(path: str, name: str, value: str, expected: int) -> None:
    assert status(LOOPBACK, ("Host", "127.0.0.1:5010"), (name, value), path=path) == expected


def test_a_browsers_stored_password_does_not_help_another_site() -> None:
    fields = (("Host", "pool.example"), ("Authorization", BASIC), ("Sec-Fetch-Site", "cross-site"))
    assert status(PUBLIC, *fields, path="/pop/") == 403
    assert status(PUBLIC, *fields, path="/get/") == 200


@pytest.mark.parametrize("path", ["/healthz", "/check/", "/check", "/headers", "/nonce/x", "/doc/page.html", "/echo"])
def test_health_and_judge_are_open_to_all(path: str) -> None:
    assert status(PUBLIC, ("Host", "judge.example"), path=path, client="198.51.100.1") == 200


@pytest.mark.parametrize("path", ["/readyz", "/openapi.json", "/v1/stats", "/", "/check/x", "/healthz/", "/nowhere"])
def test_all_else_is_closed(path: str) -> None:
    assert status(PUBLIC, path=path) == 401


def test_the_middleware_challenges_and_changes_nothing(
    make_client: Callable[..., TestClient], service: FakeService
) -> None:
    client = make_client(listen="0.0.0.0:5010", token=TOKEN)
    response = client.get("/pop/")
    assert response.status_code == 401
    assert "Basic" in response.headers["www-authenticate"]
    assert response.headers["content-type"] == "application/problem+json"
    assert len(service.records) == 4
    assert client.get("/pop/", auth=("", TOKEN)).status_code == 200
    assert len(service.records) == 3


fields = st.lists(
    st.tuples(
        st.sampled_from([b"host", b"authorization", b"origin", b"referer", b"sec-fetch-site"]),
        st.one_of(st.binary(max_size=20), st.sampled_from([b"[::1", b"http://[", b"Basic Og==", b"a:b:c", b"]"])),
    ),
    max_size=4,
)


@given(fields, st.sampled_from([LOOPBACK, PUBLIC, LAN]), st.sampled_from(["/get/", "/pop/", "/healthz"]))
def test_no_header_raises(headers: list[tuple[bytes, bytes]], options: ApiOptions, path: str) -> None:
    refused = decide(access_of(options), "GET", path, headers, "192.168.1.1")
    assert refused is None or refused.status in (400, 401, 403, 421)
