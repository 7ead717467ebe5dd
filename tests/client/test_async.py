"""httpx, httpx2 and aiohttp through the pool, over real sockets."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest

import shoal_client.aiohttp
import shoal_client.httpx
import shoal_client.httpx2
from shoal.domain import Credentials, Trust
from shoal.lab import FailureKind

Make = Callable[..., Any]
LOGIN = Credentials("user", "hunter2")
LIBRARIES = [(httpx, shoal_client.httpx.AsyncTransport), (httpx2, shoal_client.httpx2.AsyncTransport)]


@pytest.mark.parametrize(("lib", "transport"), LIBRARIES)
async def test_httpx_goes_on_past_dead_proxies_and_tells_the_pool(make_place: Make, lib: Any, transport: Any) -> None:
    place = make_place(FailureKind.STATUS_403, FailureKind.RESET, None, credentials=LOGIN)
    verify = ssl.create_default_context(cafile=place.ca)
    async with lib.AsyncClient(transport=transport(place.api, verify=verify), timeout=5) as client:
        answer = await client.post(
            place.https + "/echo", content=b"payload", headers={"Proxy-Authorization": "Basic x"}
        )
        assert answer.json()["body"] == "payload"
        assert answer.extensions["shoal_proxy"] == f"http://user:***@{place.proxies[2].endpoint}"
        reasons = [str(tried.failure) for tried in answer.extensions["shoal_tries"]]
        assert (await client.get(place.http + "/echo")).status_code == 403  # in the clear: the user's to judge
    assert reasons[0] == "tunnel.denied"
    assert len(reasons) == 2
    assert "proxy-authorization" not in place.site.seen[0]["headers"]
    assert [ok for _, ok, _ in place.told()] == [False, False, True, True]


@pytest.mark.parametrize(("lib", "transport"), LIBRARIES)
async def test_httpx_errors_are_the_librarys_own_with_proxy_and_reason(
    make_place: Make, lib: Any, transport: Any
) -> None:
    place = make_place(FailureKind.STATUS_407, credentials=LOGIN)
    async with lib.AsyncClient(transport=transport(place.api, verify=place.ca)) as client:
        for url in (place.https, place.http):
            with pytest.raises(lib.ProxyError) as caught:
                await client.get(url + "/echo")
            assert caught.value.reason == "handshake.auth"
            assert caught.value.proxy == f"http://user:***@{place.proxies[0].endpoint}"
        place.service.records = []
        with pytest.raises(lib.ProxyError) as caught:
            await client.get(place.http + "/echo")
        assert caught.value.reason == "no_proxy"
    assert place.site.seen == []


@pytest.mark.parametrize(("lib", "transport"), LIBRARIES)
async def test_httpx_repeats_only_what_is_safe(make_place: Make, lib: Any, transport: Any) -> None:
    place = make_place(None, None, None)
    async with lib.AsyncClient(transport=transport(place.api, verify=place.ca)) as client:
        with pytest.raises(lib.TransportError):
            await client.post(place.https + "/reset", content=b"once")
        assert len(place.site.seen) == 1
        with pytest.raises(lib.TransportError):
            await client.get(place.https + "/reset")
        assert len(place.site.seen) == 1 + 3


@pytest.mark.parametrize(("lib", "transport"), LIBRARIES)
async def test_httpx_uploads_a_stream_while_it_is_untouched(make_place: Make, lib: Any, transport: Any) -> None:
    place = make_place(FailureKind.STATUS_502, None)

    async def parts() -> Any:
        for _ in range(100):
            yield b"z" * 1000

    async with lib.AsyncClient(transport=transport(place.api, verify=place.ca)) as client:
        assert (await client.post(place.https + "/echo", content=parts())).status_code == 200
    assert place.site.seen[0]["body"] == b"z" * 100_000


@pytest.mark.parametrize(("lib", "transport"), LIBRARIES)
async def test_httpx_refuses_credentials_in_the_clear(make_place: Make, lib: Any, transport: Any) -> None:
    place = make_place(None)
    async with lib.AsyncClient(transport=transport(place.api)) as client:
        with pytest.raises(lib.TransportError) as caught:
            await client.get(place.http + "/echo", auth=("me", "pw"))
        assert caught.value.reason == "insecure_auth"
    assert place.site.seen == []
    own = make_place(None, trust=Trust.OWN)
    async with lib.AsyncClient(transport=transport(own.api)) as client:
        assert (await client.get(own.http + "/echo", auth=("me", "pw"))).status_code == 200


@pytest.mark.parametrize(("lib", "transport"), LIBRARIES)
async def test_httpx_streams_and_keeps_sessions_and_few_transports(make_place: Make, lib: Any, transport: Any) -> None:
    place = make_place(None, None, None)
    through = transport(place.api, transports=1)
    async with lib.AsyncClient(transport=through) as client:
        async with client.stream("GET", place.http + "/big") as answer:
            assert sum([len(part) async for part in answer.aiter_bytes()]) == 16 * 65_536
        for key in ("a", "b", "a"):
            answer = await client.get(place.http + "/echo", extensions={"shoal_session": key})
            assert answer.status_code == 200
            assert len(through._transports) <= 1
    assert place.pool_calls.count(("POST", "/v1/leases")) == 2


async def test_aiohttp_goes_on_past_dead_proxies_and_tells_the_pool(make_place: Make) -> None:
    place = make_place(FailureKind.STATUS_403, FailureKind.STATUS_502, None, credentials=LOGIN)
    context = ssl.create_default_context(cafile=place.ca)
    async with shoal_client.aiohttp.client_session(place.api) as session:
        headers = {"Proxy-Authorization": "Basic x"}
        async with session.post(place.https + "/echo", data=b"payload", ssl=context, headers=headers) as answer:
            assert (await answer.json())["body"] == "payload"
    assert "proxy-authorization" not in place.site.seen[0]["headers"]
    assert place.told() == [("0", False, "tunnel.denied"), ("1", False, "tunnel.bad_status"), ("2", True, "")]


async def test_aiohttp_passwords_open_proxies_in_the_clear_as_well(make_place: Make) -> None:
    place = make_place(None, credentials=LOGIN)
    async with shoal_client.aiohttp.client_session(place.api) as session:
        for _ in range(2):
            async with session.get(place.http + "/echo") as answer:
                assert "proxy-authorization" not in (await answer.json())["headers"]


async def test_aiohttp_errors_are_its_own_with_proxy_and_reason(make_place: Make) -> None:
    place = make_place(FailureKind.STATUS_407, FailureKind.STALL, credentials=LOGIN)
    context = ssl.create_default_context(cafile=place.ca)
    async with shoal_client.aiohttp.client_session(place.api, connect_timeout=0.5, retries=1) as session:
        with pytest.raises(TimeoutError) as caught:
            await session.get(place.https + "/echo", ssl=context)
        assert (caught.value.reason, caught.value.proxy) == (
            "tunnel.timeout",
            f"http://user:***@{place.proxies[1].endpoint}",
        )
        place.service.records = place.service.records[:1]
        with pytest.raises(aiohttp.ClientHttpProxyError) as refused:
            async with shoal_client.aiohttp.client_session(place.api, retries=0) as other:
                await other.get(place.https + "/echo", ssl=context)
        assert refused.value.reason == "handshake.auth"
        place.service.records = []
        with pytest.raises(aiohttp.ClientConnectionError) as none:
            await session.get(place.http + "/echo")
        assert none.value.reason == "no_proxy"


async def test_aiohttp_repeats_only_what_is_safe_and_refuses_bare_credentials(make_place: Make) -> None:
    place = make_place(None, None, None)
    async with shoal_client.aiohttp.client_session(place.api) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(place.http + "/reset", data=b"once")
        assert len(place.site.seen) == 1
        with pytest.raises(aiohttp.ClientConnectionError) as caught:
            await session.get(place.http + "/echo", headers={"Authorization": "Basic bWU6cHc="})
        assert caught.value.reason == "insecure_auth"
        place.site.seen.clear()
        with pytest.raises(aiohttp.ClientError):
            await session.get(place.http + "/reset")
        assert len({seen["peer"] for seen in place.site.seen}) == 3


async def test_aiohttp_gets_past_a_proxys_own_407(make_place: Make) -> None:
    place = make_place(FailureKind.STATUS_407, None)
    async with (
        shoal_client.aiohttp.client_session(place.api) as session,
        session.get(place.http + "/echo") as answer,
    ):
        assert answer.status == 200
    assert [ok for _, ok, _ in place.told()] == [False, True]


@pytest.mark.parametrize("name", ["httpx", "httpx2", "aiohttp", "scrapy"])
def test_a_missing_library_is_told_in_a_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    for module in [*sys.modules]:
        if module == name or module.startswith(name + "."):
            monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"shoal_client.{name}", raising=False)
    with pytest.raises(ImportError, match=f"shoal_client.{name} needs"):
        importlib.import_module(f"shoal_client.{name}")
