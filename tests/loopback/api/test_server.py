from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import requests

from shoal.api import ApiHandle, build_app, serve_api
from shoal.errors import ShoalError
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService, typical_records

TOKEN = "a-token-for-tests"


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    handles: list[ApiHandle] = []

    async def start(**options: Any) -> ApiHandle:
        app = build_app(FakeService(*typical_records()), ApiOptions(**options), version="1")
        handles.append(await serve_api(app, "127.0.0.1", 0))
        return handles[-1]

    yield start
    for handle in handles:
        await handle.close()


async def get(url: str, **more: Any) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    try:
        return await asyncio.to_thread(session.get, url, timeout=10, **more)
    finally:
        session.close()


async def test_an_old_script_works_unchanged(serve: Callable[..., Any]) -> None:
    handle = await serve()
    response = await get(f"http://127.0.0.1:{handle.port}/get/")
    assert response.json()["proxy"] in ("127.0.0.1:8080", "127.0.0.2:8080")
    assert (await get(f"http://localhost:{handle.port}/get?type=https")).json()["https"] is True


async def test_every_form_of_the_token_is_taken(serve: Callable[..., Any]) -> None:
    handle = await serve(token=TOKEN)
    plain = f"http://127.0.0.1:{handle.port}/get/"
    assert (await get(plain)).status_code == 401
    assert (await get(plain + f"?token={TOKEN}")).status_code == 401
    assert (await get(plain, auth=("any", "wrong"))).status_code == 401
    assert "proxy" in (await get(f"http://:{TOKEN}@127.0.0.1:{handle.port}/get/")).json()
    assert "proxy" in (await get(plain, auth=("any", TOKEN))).json()
    assert "proxy" in (await get(plain, headers={"Authorization": f"Bearer {TOKEN}"})).json()


async def test_an_allowed_network_needs_no_token_and_forwarded_for_is_not_believed(serve: Callable[..., Any]) -> None:
    handle = await serve(token=TOKEN, allow_from=("127.0.0.0/8",))
    assert (await get(f"http://127.0.0.1:{handle.port}/get/")).status_code == 200
    other = await serve(token=TOKEN, allow_from=("203.0.113.0/24",))
    headers = {"X-Forwarded-For": "203.0.113.5"}
    assert (await get(f"http://127.0.0.1:{other.port}/get/", headers=headers)).status_code == 401
    assert (await get(f"http://127.0.0.1:{other.port}/check/", headers=headers)).text == "127.0.0.1\n"


async def test_rebound_names_and_other_sites_are_refused(serve: Callable[..., Any]) -> None:
    handle = await serve()
    url = f"http://127.0.0.1:{handle.port}/pop/"
    assert (await get(url, headers={"Host": "evil.example"})).status_code == 421
    assert (await get(url, headers={"Origin": "https://evil.example"})).status_code == 403
    assert (await get(url, headers={"Origin": f"http://127.0.0.1:{handle.port}"})).status_code == 200


async def test_pop_never_gives_one_proxy_twice(serve: Callable[..., Any]) -> None:
    handle = await serve()
    answers = await asyncio.gather(*(get(f"http://127.0.0.1:{handle.port}/pop/") for _ in range(6)))
    proxies = [answer.json()["proxy"] for answer in answers if "proxy" in answer.json()]
    assert sorted(proxies) == ["127.0.0.1:8080", "127.0.0.2:8080"]


async def test_a_taken_port_is_a_sentence(serve: Callable[..., Any]) -> None:
    handle = await serve()
    with pytest.raises(ShoalError) as caught:
        await serve_api(build_app(FakeService(), ApiOptions(), version="1"), "127.0.0.1", handle.port)
    assert str(caught.value) == (
        f"port {handle.port} on 127.0.0.1 is taken by another program; choose another with --api HOST:PORT"
    )


async def test_a_foreign_address_is_a_sentence() -> None:
    with pytest.raises(ShoalError, match="no address of this machine"):
        await serve_api(build_app(FakeService(), ApiOptions(), version="1"), "192.0.2.1", 0)


async def test_signals_stay_the_programs(serve: Callable[..., Any]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    await serve()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_close_is_quick_with_idle_and_half_open_clients() -> None:
    handle = await serve_api(build_app(FakeService(*typical_records()), ApiOptions(), version="1"), "127.0.0.1", 0)
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", handle.port)
    idle_writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await asyncio.wait_for(idle_reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 200")
    _, half_writer = await asyncio.open_connection("127.0.0.1", handle.port)
    half_writer.write(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
    await half_writer.drain()
    started = asyncio.get_running_loop().time()
    await handle.close()
    assert asyncio.get_running_loop().time() - started < 1.0
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", handle.port), timeout=5)
    for writer in (idle_writer, half_writer):
        writer.close()


async def test_close_ends_a_request_that_hangs() -> None:
    entered = asyncio.Event()

    async def hang(scope: Any, receive: Any, send: Any) -> None:
        entered.set()
        await asyncio.Event().wait()

    handle = await serve_api(hang, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await asyncio.wait_for(entered.wait(), 5)
    started = asyncio.get_running_loop().time()
    await handle.close()
    assert asyncio.get_running_loop().time() - started < 1.5
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()


async def test_the_judge_answers_beside_the_api(serve: Callable[..., Any]) -> None:
    handle = await serve(judge_key="k")
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    writer.write(
        b"GET http://judge.example/check/?format=json&nonce=n HTTP/1.1\r\nHost: judge.example\r\nVia: 1.1 x\r\n"
        b"Connection: close\r\n\r\n"
    )
    raw = await asyncio.wait_for(reader.read(), 5)
    told = json.loads(raw.partition(b"\r\n\r\n")[2])
    assert (told["address"], told["nonce"], len(told["mac"])) == ("127.0.0.1", "n", 64)
    assert ["via", "1.1 x"] in told["headers"]
    writer.close()


async def test_a_head_without_end_is_dropped(serve: Callable[..., Any]) -> None:
    handle = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(100):
            writer.write(b"x" * 4096)
            await writer.drain()
            await asyncio.sleep(0.001)
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\nHo",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_who_says_nothing_more_is_dropped(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr("shoal.api.protocol.HEAD_TIMEOUT", 0.05)
    handle = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    writer.write(said)
    if said.endswith(b"\r\n\r\n"):  # then it has not begun a request and may rest, until it does
        await asyncio.wait_for(reader.readuntil(b"}"), 5)
        writer.write(b"\r\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(10_000), 5)
    writer.close()


async def test_a_kept_connection_outlives_the_head_timeout(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.api.protocol.HEAD_TIMEOUT", 0.05)
    handle = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    for _ in range(3):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"}"), 5)).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.1)
    writer.close()


async def test_close_ends_a_stream_of_events_without_a_word_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    handle = await serve_api(build_app(FakeService(*typical_records()), ApiOptions(), version="1"), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 200")
    await handle.close()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    writer.close()
