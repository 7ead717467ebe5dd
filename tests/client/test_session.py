"""Session: through the pool's API, over real sockets, with proxies that fail in every way."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from msgspec import structs
from requests.auth import HTTPDigestAuth, HTTPProxyAuth

import shoal_client
from shoal.domain import Capability, Credentials, Scheme, Trust
from shoal.lab import FailureKind, LabProxy
from shoal_client import Session

Make = Callable[..., Any]
LOGIN = Credentials("user", "hunter2")
BEFORE_SENDING = [
    (FailureKind.ACCEPT_CLOSE, "tunnel.reset", requests.exceptions.ProxyError),
    (FailureKind.RESET, "tunnel.reset", requests.exceptions.ProxyError),
    (FailureKind.STALL, "tunnel.timeout", requests.exceptions.ConnectTimeout),
    (FailureKind.DRIP, "tunnel.timeout", requests.exceptions.ConnectTimeout),
    (FailureKind.STATUS_403, "tunnel.denied", requests.exceptions.ProxyError),
    (FailureKind.STATUS_407, "handshake.auth", requests.exceptions.ProxyError),
    (FailureKind.STATUS_502, "tunnel.bad_status", requests.exceptions.ProxyError),
    (FailureKind.WRONG_PROTOCOL, "tunnel.malformed", requests.exceptions.ProxyError),
]


def settled(reason: str) -> str:
    """A hang-up is noticed a step sooner or later, and as a reset when something was still under way."""
    return "tunnel.reset" if reason in ("connect.reset", "tunnel.eof") else reason


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5, Scheme.SOCKS4A])
def test_http_and_https_go_through_every_kind_of_proxy(make_place: Make, scheme: Scheme) -> None:
    place = make_place(None, schemes=(Scheme.SOCKS4, scheme) if scheme is Scheme.SOCKS4A else (scheme,))
    with Session(place.api) as session:
        plain = session.get(place.http + "/echo")
        tls = session.get(place.https + "/echo", verify=place.ca)
        assert session.flush()
    exits = {place.proxies[0].behaviour.exits[0]}
    assert {plain.json()["peer"], tls.json()["peer"]} == exits
    assert plain.proxy.startswith({"socks5": "socks5h"}.get(scheme.value, scheme.value) + "://127.")
    assert place.told() == [("0", True, ""), ("0", True, "")]
    latencies = [feedback.latency for _, _, feedback in place.service.told]
    assert all(latency is not None and 0 < latency < 5 for latency in latencies)


@pytest.mark.parametrize(("fate", "reason", "kind"), BEFORE_SENDING)
def test_an_upload_goes_on_through_another_proxy_when_nothing_was_sent(
    make_place: Make, fate: FailureKind, reason: str, kind: type[Exception]
) -> None:
    place = make_place(fate, None)
    with Session(place.api, timeout=(1, 5)) as session:
        answer = session.post(place.https + "/echo", data=b"payload", verify=place.ca)
        assert session.flush()
    assert (answer.json()["body"], len(place.site.seen)) == ("payload", 1)
    assert [settled(str(tried.failure)) for tried in answer.tries] == [reason]
    assert [(where, ok, settled(why)) for where, ok, why in place.told()] == [("0", False, reason), ("1", True, "")]


@pytest.mark.parametrize(("fate", "reason", "kind"), BEFORE_SENDING)
def test_errors_are_those_of_requests_with_proxy_and_reason(
    make_place: Make, fate: FailureKind, reason: str, kind: type[Exception]
) -> None:
    place = make_place(fate, credentials=LOGIN)
    with Session(place.api, timeout=(0.5, 2)) as session, pytest.raises(kind) as caught:
        session.get(place.https + "/echo", verify=place.ca)
    error = caught.value
    assert isinstance(error, requests.exceptions.ConnectionError)
    assert isinstance(error, shoal_client.ShoalError)
    assert settled(error.reason) == reason
    assert error.reason == str(error.failure)
    assert error.proxy == f"http://user:***@{place.proxies[0].endpoint}"
    assert "hunter2" not in f"{error!r} {error} {error.tries}"
    assert error.request is not None


def test_a_refused_port_is_a_proxy_error(make_place: Make) -> None:
    place = make_place(None)
    with (
        Session(proxy_list=["127.0.0.1:9"], timeout=2) as session,
        pytest.raises(requests.exceptions.ProxyError) as caught,
    ):
        session.get(place.http)
    assert (caught.value.reason, caught.value.proxy) == ("connect.refused", "http://127.0.0.1:9")


def test_plain_http_goes_on_past_proxies_that_fail(make_place: Make) -> None:
    place = make_place(FailureKind.RESET, FailureKind.STATUS_407, FailureKind.STATUS_403, None)
    with Session(place.api, retries=3) as session:
        answer = session.get(place.http + "/echo")
        assert answer.status_code == 403  # a 403 in the clear may be the site's own: it is the user's to judge
        place.service.records = [place.service.records[i] for i in (0, 1, 3)]
        assert session.get(place.http + "/echo").json()["path"] == "/echo"


def test_407_in_the_clear_is_the_proxys_and_any_method_goes_on(make_place: Make) -> None:
    place = make_place(FailureKind.STATUS_407, None)
    with Session(place.api) as session:
        assert session.post(place.http + "/echo", data={"a": "b"}).json()["body"] == "a=b"
        place.service.records = place.service.records[:1]
        with pytest.raises(requests.exceptions.ProxyError) as caught:
            session.post(place.http + "/echo", data={"a": "b"})
    assert caught.value.reason == "handshake.auth"
    assert caught.value.response.status_code == 407


def test_a_proxys_502_is_asked_again_elsewhere_and_a_sites_is_believed(make_place: Make) -> None:
    place = make_place(FailureKind.STATUS_502, None, None)
    with Session(place.api) as session:
        assert session.get(place.http + "/echo").status_code == 200
        assert session.get(place.http + "/status/502").text == "said by the site"
        assert len(place.site.seen) == 1 + 1  # the second proxy said the same
        assert session.post(place.http + "/status/502").status_code == 502
        answer = session.get(place.https + "/status/502", verify=place.ca)
        assert (answer.status_code, len(answer.tries)) == (502, 1)  # the first proxy refused the tunnel
        # The POST was answered by the first proxy itself and not repeated.
        assert len([seen for seen in place.site.seen if seen["path"] == "/status/502"]) == 2


def test_a_post_is_not_repeated_once_it_was_sent(make_place: Make) -> None:
    place = make_place(None, None)
    with Session(place.api) as session:
        for url in (place.http, place.https):
            place.site.seen.clear()
            with pytest.raises(requests.exceptions.ConnectionError) as caught:
                session.post(url + "/reset", data=b"once", verify=place.ca)
            assert caught.value.reason in ("receive.eof", "receive.reset")
            assert len(place.site.seen) == 1
            place.site.seen.clear()
            with pytest.raises(requests.exceptions.ConnectionError):
                session.get(url + "/reset", verify=place.ca)
            assert len(place.site.seen) == 2  # every proxy once


def test_a_post_takes_a_fresh_connection_and_a_get_a_kept_one(make_place: Make) -> None:
    place = make_place(None)
    with Session(place.api, sticky="s") as session:
        for method in ("GET", "GET", "POST", "POST"):
            assert session.request(method, place.https + "/echo", verify=place.ca).ok
    ports = [seen["port"] for seen in place.site.seen]
    assert ports[0] == ports[1]
    assert len(set(ports)) == 3


def test_a_timeout_is_always_set_and_an_old_scripts_timeout_holds_for_all_tries(make_place: Make) -> None:
    place = make_place(FailureKind.STALL, FailureKind.STALL, FailureKind.STALL, FailureKind.STALL)
    with Session(place.api, retries=9) as session:
        started = time.monotonic()
        with pytest.raises(requests.exceptions.Timeout) as caught:
            session.get(place.http + "/echo", timeout=0.5)
        assert 0.5 <= time.monotonic() - started < 2.0
        assert isinstance(caught.value, requests.exceptions.ReadTimeout)
        assert len(caught.value.tries) == 2
    with Session(place.api, timeout=0.3, retries=0) as session, pytest.raises(requests.exceptions.ReadTimeout):
        session.get(place.http + "/echo", timeout=None)


def test_a_slow_site_is_a_read_timeout(make_place: Make) -> None:
    place = make_place(None)
    with Session(place.api) as session, pytest.raises(requests.exceptions.ReadTimeout) as caught:
        session.get(place.https + "/hang", timeout=(2, 0.3), verify=place.ca)
    assert caught.value.reason == "receive.timeout"


def test_a_dripping_answer_ends_with_the_timeout(make_place: Make) -> None:
    place = make_place(FailureKind.DRIP)
    started = time.monotonic()
    with Session(place.api, retries=0) as session, pytest.raises(requests.exceptions.ReadTimeout):
        session.get(place.http + "/echo", timeout=(1, 1.5))
    assert time.monotonic() - started < 4


def test_an_intercepting_proxy_is_left_for_an_honest_one(make_place: Make) -> None:
    def edit(proxy: LabProxy) -> LabProxy:
        intercepts = bool(proxy.index == 0)
        return structs.replace(proxy, behaviour=structs.replace(proxy.behaviour, intercepts=intercepts))

    place = make_place(None, None, edit=edit)
    with Session(place.api) as session:
        answer = session.post(place.https + "/echo", data=b"secret", verify=place.ca)
        assert answer.json()["body"] == "secret"
        assert [str(tried.failure) for tried in answer.tries] == ["target_tls.cert"]
        place.service.records = place.service.records[:1]
        with pytest.raises(requests.exceptions.SSLError):
            session.get(place.https + "/echo", verify=place.ca)
    assert len(place.site.seen) == 1


# -- credentials ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5])
def test_proxy_credentials_open_the_proxy_and_never_reach_the_site(make_place: Make, scheme: Scheme) -> None:
    place = make_place(None, schemes=(scheme,), credentials=LOGIN)
    with Session(place.api) as session:
        for url in (place.http, place.https):
            answer = session.get(url + "/redirect", verify=place.ca, headers={"Proxy-Authorization": "Basic b3ducw=="})
            assert answer.status_code == 200
            assert answer.proxy.endswith(f"user:***@{place.proxies[0].endpoint}")
    for seen in place.site.seen:
        assert "proxy-authorization" not in seen["headers"]
        assert "hunter2" not in str(seen)


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5])
def test_a_wrong_proxy_password_is_told_as_such(make_place: Make, scheme: Scheme) -> None:
    place = make_place(None, schemes=(scheme,), credentials=LOGIN, password=False)
    with Session(place.api) as session, pytest.raises(requests.exceptions.ProxyError) as caught:
        session.get(place.https + "/echo", verify=place.ca)
    assert caught.value.reason == "handshake.auth"
    assert "wrong" not in str(caught.value).replace("wrong credentials", "")


def test_the_users_credentials_reach_the_site_and_only_there(make_place: Make) -> None:
    place = make_place(None)
    with Session(place.api) as session:
        for auth in (("me", "pw"), HTTPProxyAuth("me", "pw")):
            session.get(place.https + "/echo", auth=auth, verify=place.ca)
    basic, proxied = place.site.seen
    assert basic["headers"]["authorization"] == "Basic bWU6cHc="
    assert "proxy-authorization" not in proxied["headers"]


@pytest.mark.parametrize("how", ["auth", "url", "header"])
def test_credentials_over_plain_http_are_refused_before_anything_is_sent(make_place: Make, how: str) -> None:
    place = make_place(None)
    url, more = place.http + "/echo", {}
    if how == "auth":
        more = {"auth": ("me", "pw")}
    elif how == "url":
        url = url.replace("http://", "http://me:pw@")
    else:
        more = {"headers": {"authorization": "Bearer pw"}}
    with Session(place.api) as session, pytest.raises(shoal_client.InsecureAuthError) as caught:
        session.get(url, **more)
    assert isinstance(caught.value, requests.exceptions.RequestException)
    assert "pw" not in str(caught.value)
    assert place.site.seen == []
    with Session(place.api, allow_insecure_auth=True) as session:
        assert session.get(url, **more).json()["headers"]["authorization"]


def test_credentials_over_plain_http_may_pass_the_users_own_proxy(make_place: Make) -> None:
    place = make_place(None, trust=Trust.OWN)
    own = place.proxies[0].url()
    with Session(place.api) as session:
        assert session.get(place.http + "/echo", auth=("me", "pw")).ok
        assert session.get(place.http + "/digest", auth=HTTPDigestAuth("me", "pw")).text == "in"
    with Session(proxy_list=[own]) as session, pytest.raises(shoal_client.InsecureAuthError):
        session.get(place.http + "/echo", auth=("me", "pw"))
    with Session(proxy_list=[own], own=True) as session:
        assert session.get(place.http + "/echo", auth=("me", "pw")).ok


def test_digest_is_refused_in_the_clear_and_keeps_its_proxy_over_tls(make_place: Make) -> None:
    place = make_place(None, None)
    with Session(place.api) as session:
        assert session.get(place.https + "/digest", auth=HTTPDigestAuth("me", "pw"), verify=place.ca).text == "in"
        with pytest.raises(shoal_client.InsecureAuthError):
            session.get(place.http + "/digest", auth=HTTPDigestAuth("me", "pw"))
    assert len({seen["peer"] for seen in place.site.seen}) == 1


# -- uploads -------------------------------------------------------------------------------------------------------


def test_a_streamed_file_survives_a_change_of_proxy(make_place: Make, tmp_path: Any) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"skip" + bytes(range(256)) * 8192)
    place = make_place(FailureKind.STATUS_407, FailureKind.RESET, None)
    with Session(place.api) as session, path.open("rb") as file:
        file.seek(4)
        answer = session.put(place.http + "/echo", data=file, timeout=10)
    assert answer.status_code == 200
    assert place.site.seen[0]["body"] == path.read_bytes()[4:]


def test_a_multipart_upload_survives_a_change_of_proxy(make_place: Make) -> None:
    place = make_place(FailureKind.STATUS_403, None)
    with Session(place.api) as session:
        files = {"file": ("a.jpg", io.BytesIO(b"\xff\xd8" + b"x" * 5000))}
        answer = session.post(place.https + "/echo", files=files, data={"k": "v"}, verify=place.ca)
    assert len(answer.tries) == 1
    assert b'filename="a.jpg"' in place.site.seen[0]["body"]
    assert b"x" * 5000 in place.site.seen[0]["body"]


def chunks(count: list[int]) -> Iterator[bytes]:
    for _ in range(2000):
        count.append(1)
        yield b"y" * 1000


def test_a_generator_goes_on_while_it_is_untouched_and_fails_cleanly_after(make_place: Make) -> None:
    place = make_place(FailureKind.STATUS_502, None, None)
    taken: list[int] = []
    with Session(place.api) as session:
        answer = session.post(place.https + "/echo", data=chunks(taken), verify=place.ca)
        assert (len(answer.tries), len(taken)) == (1, 2000)
        assert place.site.seen[0]["body"] == b"y" * 2_000_000
        with pytest.raises(requests.exceptions.ConnectionError, match="cannot be rewound"):
            session.put(place.https + "/stop-upload", data=chunks([]), verify=place.ca)
    assert len(place.site.seen) == 2


# -- answers -------------------------------------------------------------------------------------------------------


def test_a_download_is_streamed_and_told_about_at_its_end(make_place: Make) -> None:
    place = make_place(None)
    with Session(place.api) as session, session.get(place.https + "/big", stream=True, verify=place.ca) as answer:
        session.flush()
        assert place.told() == []
        assert sum(map(len, answer.iter_content(10_000))) == 16 * 65_536
        assert session.flush()
    assert place.told() == [("0", True, "")]


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_breaks_off_is_an_error_with_the_proxy(make_place: Make, stream: bool) -> None:
    place = make_place(None, None)
    with Session(place.api) as session:
        with pytest.raises(requests.exceptions.ChunkedEncodingError) as caught:
            _ = session.get(place.https + "/broken", stream=stream, verify=place.ca).content
        assert session.flush()
    assert (caught.value.reason, caught.value.proxy[:11]) == ("receive.eof", "http://127.")
    tried = 1 if stream else 2  # what the user has not seen yet is asked for again
    assert [ok for _, ok, _ in place.told()] == [False] * tried
    assert len(place.site.seen) == tried


def test_retry_after_is_honoured_where_it_fits(make_place: Make) -> None:
    place = make_place(None)
    with Session(place.api) as session:
        started = time.monotonic()
        assert session.get(place.http + "/later").text == "now"
        assert time.monotonic() - started >= 1.0
        assert session.get(place.http + "/busy").status_code == 429
        place.site.retry_after_once = True
        assert session.post(place.http + "/later").status_code == 503
    with Session(place.api, max_wait=0) as session:
        place.site.retry_after_once = True
        assert session.get(place.http + "/later").status_code == 503


# -- sessions ------------------------------------------------------------------------------------------------------


def test_a_sticky_session_keeps_its_proxy_until_it_fails(make_place: Make) -> None:
    place = make_place(None, None, None)
    with Session(place.api, sticky="basket") as session:
        first = session.get(place.http + "/echo").proxy
        place.service.records.reverse()  # the pool would now hand out another one first
        assert session.get(place.https + "/echo", verify=place.ca).proxy == first
        other = session.get(place.http + "/echo", sticky="other").proxy
        assert other != first
        broken = next(proxy for proxy in place.proxies if str(proxy.endpoint) in first)
        find, place.lab.world.fate = (
            place.lab.world.fate,
            lambda proxy: FailureKind.RESET if proxy.index == broken.index else find(proxy),
        )
        again = session.get(place.http + "/echo")
        assert again.proxy not in (first,)
        assert session.get(place.http + "/echo").proxy == again.proxy
    assert place.pool_calls.count(("POST", "/v1/leases")) == 3
    assert place.service.leases == {} or session.flush()


def test_a_strict_session_fails_rather_than_change(make_place: Make) -> None:
    place = make_place(FailureKind.RESET, None)
    with Session(place.api, sticky="s", strict=True) as session:
        for _ in range(2):
            with pytest.raises(requests.exceptions.ConnectionError) as caught:
                session.get(place.http + "/echo")
            assert len(caught.value.tries) == 1


def test_an_exclusive_lease_ends_with_the_answer(make_place: Make) -> None:
    place = make_place(None)
    with Session(place.api, exclusive=True) as session:
        with session.get(place.http + "/big", stream=True) as answer:
            session.flush()
            (lease,) = place.service.leases.values()
            assert lease.exclusive
            assert answer.content
        assert session.flush()
        assert place.service.leases == {}


def test_redirects_keep_the_proxy_and_an_exclusive_one_is_taken_anew(make_place: Make) -> None:
    place = make_place(None, None)
    with Session(place.api) as session:
        assert session.get(place.http + "/redirect").ok
    assert len({seen["peer"] for seen in place.site.seen}) == 1
    assert place.pool_calls.count(("GET", "/v1/proxies/pick")) == 1
    with Session(place.api, exclusive=True) as session:
        assert session.get(place.http + "/redirect").ok
    assert place.pool_calls.count(("POST", "/v1/leases")) == 2
    assert place.service.leases == {}


def test_threads_share_a_session(make_place: Make) -> None:
    place = make_place(None, None, FailureKind.RESET, None)
    failed: list[BaseException] = []
    with Session(place.api, sticky="all") as session:

        def work(number: int) -> None:
            try:
                for round in range(5):
                    answer = session.get(f"{place.http}/echo?{number}-{round}")
                    assert answer.json()["path"] == f"/echo?{number}-{round}"
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert failed == []
    assert len({seen["peer"] for seen in place.site.seen}) == 1


# -- the pool ------------------------------------------------------------------------------------------------------


def test_no_proxy_is_an_error_and_never_a_direct_request(make_place: Make) -> None:
    place = make_place()
    with Session(place.api) as session, pytest.raises(requests.exceptions.ProxyError) as caught:
        session.get(place.http + "/echo")
    assert (caught.value.reason, caught.value.proxy) == ("no_proxy", None)
    assert place.site.seen == []


def test_a_pool_that_does_not_answer_is_told_in_a_sentence(make_place: Make) -> None:
    with Session("http://127.0.0.1:9") as session, pytest.raises(requests.exceptions.ConnectionError) as caught:
        session.get("http://127.0.0.1:1/")
    assert caught.value.reason == "pool_unreachable"
    assert "is `shoal up` running" in str(caught.value)


def test_filters_reach_the_pool_and_a_wrong_one_is_explained(make_place: Make) -> None:
    place = make_place(None)
    with Session(place.api, filters={"country": ["DE", "FR"]}) as session, pytest.raises(shoal_client.NoProxyError):
        session.get(place.http + "/echo")
    with Session(place.api, filters={"contry": "DE"}) as session, pytest.raises(shoal_client.PoolError) as caught:
        session.get(place.http + "/echo")
    assert "did you mean country" in str(caught.value)


def test_http_goes_past_proxies_that_only_tunnel(make_place: Make) -> None:
    place = make_place(None, None)
    records = place.service.records
    tunnels = structs.replace(records[0].paths[0], capabilities=frozenset({Capability.TUNNEL}))
    place.service.records = [structs.replace(records[0], paths=(tunnels,)), records[1]]
    with Session(place.api) as session:
        assert str(place.proxies[1].endpoint) in session.get(place.http + "/echo").proxy
        assert str(place.proxies[0].endpoint) in session.get(place.https + "/echo", verify=place.ca).proxy


@pytest.mark.parametrize("place_of_token", ["url", "argument", "environment"])
def test_the_pools_token_is_shown(make_place: Make, place_of_token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make_place(None, token="a-token-for-tests")
    with Session(place.api) as session, pytest.raises(shoal_client.PoolError, match="needs its token"):
        session.get(place.http + "/echo")
    url, token = place.api, None
    if place_of_token == "url":
        url = url.replace("//", "//:a-token-for-tests@")
    elif place_of_token == "argument":
        token = "a-token-for-tests"
    else:
        monkeypatch.setenv("SHOAL_TOKEN", "a-token-for-tests")
    with Session(url, token=token) as session:
        assert session.get(place.http + "/echo").ok
        assert session.flush()
    assert place.told() == [("0", True, "")]


def test_an_older_pool_serves_through_its_old_routes(make_place: Make) -> None:
    place = make_place(None, old_pool=True)
    with Session(place.api) as session:
        assert session.get(place.http + "/echo").ok
        assert session.get(place.https + "/echo", verify=place.ca).ok
    assert ("POST", "/v1/feedback") not in place.pool_calls
    assert place.pool_calls.count(("GET", "/v1/proxies/pick")) == 1
    with Session(place.api, sticky="s") as session:
        assert session.get(place.http + "/echo").ok
    with Session(place.api, exclusive=True) as session, pytest.raises(shoal_client.PoolError):
        session.get(place.http + "/echo")


def test_feedback_never_delays_a_request(make_place: Make) -> None:
    place = make_place(None)
    held = threading.Event()
    tell = place.service.feedback

    async def slow(*args: Any) -> bool:
        import asyncio

        await asyncio.to_thread(held.wait, 10)
        return await tell(*args)

    place.service.feedback = slow
    with Session(place.api) as session:
        started = time.monotonic()
        for _ in range(5):
            session.get(place.http + "/echo")
        assert time.monotonic() - started < 3
        assert not session.flush(0.05)
        held.set()
        assert session.flush(10)
    assert len(place.told()) == 5


def test_the_cache_of_proxy_managers_is_bounded(make_place: Make) -> None:
    place = make_place(None, None, None, None)
    urls = [proxy.url() for proxy in place.proxies]
    with Session(proxy_list=urls, managers=2) as session:
        for _ in range(3):
            for url in urls:
                assert session.get(place.http + "/echo", proxies={"http": url}).ok
        assert len(session.get_adapter("http://").proxy_manager) <= 2  # type: ignore[attr-defined]


def test_the_environment_is_not_read(make_place: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make_place(None)
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9" if name != "no_proxy" else "*")
    with Session(place.api) as session:
        assert session.get(place.http + "/echo").json()["peer"] == place.proxies[0].behaviour.exits[0]


def test_one_call_needs_no_session(make_place: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from shoal_client import _session, get

    place = make_place(None)
    monkeypatch.setenv("SHOAL_URL", place.api)
    monkeypatch.setattr(_session._Shared, "adapter", None)
    assert get(place.https + "/echo", verify=place.ca, timeout=5).ok
    assert shoal_client.post(place.http + "/echo", data=b"x").json()["body"] == "x"
    assert shoal_client.head(place.http + "/redirect").status_code == 302


def test_a_given_proxy_is_used_and_no_other(make_place: Make) -> None:
    place = make_place(None, FailureKind.RESET)
    with Session(place.api) as session:
        given = {"http": place.proxies[1].url(), "https": place.proxies[1].url()}
        with pytest.raises(requests.exceptions.ConnectionError) as caught:
            session.get(place.http + "/echo", proxies=given)
    assert len(caught.value.tries) == 1
    assert ("GET", "/v1/proxies/pick") not in place.pool_calls
