from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme
from starlette.applications import Starlette
from starlette.testclient import TestClient

from shoal.domain.judge import DOCUMENTS, judge_mac
from shoal.errors import ShoalError
from shoal.judge import JudgeHandle, serve_judge
from shoal.judge.asgi import judge_routes

KEY = b"k"


@pytest.fixture
async def judge() -> AsyncIterator[JudgeHandle]:
    handle = await serve_judge("127.0.0.1", 0, key=KEY, body_limit_bytes=100_000)
    yield handle
    await handle.close()


async def talk(port: int, *pieces: bytes, until_eof: bool = True) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return await asyncio.wait_for(reader.read() if until_eof else reader.read(1), 10)
    finally:
        writer.close()


async def test_answers_address_and_closes_when_asked(judge: JudgeHandle) -> None:
    raw = await talk(judge.port, b"GET /check/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nDate: " in head
    assert b"\r\nConnection: close" in head
    assert body == b"127.0.0.1\n"


async def test_echoes_fields_in_order_and_case_even_empty_ones_byte_by_byte(judge: JudgeHandle) -> None:
    request = (
        b"POST http://x/check/?format=json&nonce=n1 HTTP/1.1\r\nhOsT: a\r\nX-Empty:\r\nVia: b\r\nvia: c\r\n"
        b"Content-Length: 3\r\nConnection: close\r\n\r\nabc"
    )
    raw = await talk(judge.port, *(request[n : n + 1] for n in range(len(request))))
    told = json.loads(raw.partition(b"\r\n\r\n")[2])
    assert told["headers"][:4] == [["hOsT", "a"], ["X-Empty", ""], ["Via", "b"], ["via", "c"]]
    assert told["mac"] == judge_mac(KEY, "n1", "127.0.0.1")
    assert told["body"]["length"] == 3


async def test_pipelined_requests_are_answered_in_order_however_many(judge: JudgeHandle) -> None:
    count = 3000
    requests = b"".join(b"GET /nonce/%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(count))
    raw = await talk(judge.port, requests + b"GET /doc/image.png HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert [int(line) for line in raw.split(b"\n") if line.isdigit()] == list(range(count))
    assert raw.endswith(DOCUMENTS["/doc/image.png"].body)


async def test_a_client_that_does_not_read_cannot_pile_up_answers(judge: JudgeHandle) -> None:
    count = 4000  # 50 MB of answers for 120 kB of requests
    reader, writer = await asyncio.open_connection("127.0.0.1", judge.port)
    writer.write(b"GET /doc/image.png HTTP/1.1\r\n\r\n" * count + b"GET / HTTP/1.0\r\n\r\n")
    for _ in range(50):
        await asyncio.sleep(0.01)
    assert judge.server.requests < count / 2
    raw = await asyncio.wait_for(reader.read(), 30)
    assert raw.count(b"HTTP/1.1 200 OK") == count + 1
    writer.close()


async def test_head_has_the_length_and_no_body(judge: JudgeHandle) -> None:
    raw = await talk(judge.port, b"HEAD /check/ HTTP/1.1\r\n\r\nGET /nonce/x HTTP/1.0\r\n\r\n")
    first, second, body = raw.split(b"\r\n\r\n")
    assert b"Content-Length: 10" in first
    assert second.startswith(b"HTTP/1.1 200")
    assert body == b"x\n"


async def test_http_1_0_closes_unless_kept_alive(judge: JudgeHandle) -> None:
    kept = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    raw = await talk(judge.port, kept + b"GET / HTTP/1.0\r\n\r\n")
    assert raw.count(b"HTTP/1.1 200") == 2
    assert raw.lower().count(b"connection: keep-alive") == 1


async def test_chunked_upload_with_a_trailer_is_echoed(judge: JudgeHandle) -> None:
    raw = await talk(
        judge.port,
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n",
    )
    assert raw.endswith(b"\r\n\r\nabcde")


async def test_expect_continue_is_honoured(judge: JudgeHandle) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", judge.port)
    writer.write(b"PUT /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"hi")
    assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"\r\n\r\nhi")
    writer.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /echo HTTP/1.1\r\nContent-Length: 100001\r\n\r\n" + b"x" * 100_001, 413),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999\r\n\r\n", 413),
        (
            b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"ffff\r\n" + b"x" * 65535 + b"\r\n") * 2,
            413,
        ),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
        (b"GET /" + b"x" * 70_000, 431),
        (b"\x05\x01\x00", 400),
        (b"CONNECT a.example:443 HTTP/1.1\r\n\r\nxxxx", 404),
    ],
)
async def test_refuses_with_a_problem_and_hangs_up(judge: JudgeHandle, request_bytes: bytes, status: int) -> None:
    raw = await talk(judge.port, request_bytes)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["status"] == status


async def test_upgrade_is_ignored_but_answered(judge: JudgeHandle) -> None:
    raw = await talk(judge.port, b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 200 OK")


async def test_the_sweep_drops_idle_and_slow_clients_only(judge: JudgeHandle) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", judge.port)
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    async with asyncio.timeout(5):
        while not judge.server.connections:
            await asyncio.sleep(0)
    assert judge.server.sweep(loop.time()) == 0
    assert judge.server.sweep(loop.time() + judge.server.idle_timeout + 1) == 1
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()


async def test_forwarded_address_counts_only_when_trusted(judge: JudgeHandle) -> None:
    request = b"GET / HTTP/1.0\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n\r\n"
    assert (await talk(judge.port, request)).endswith(b"\r\n\r\n127.0.0.1\n")
    behind = await serve_judge("127.0.0.1", 0, trust_forwarded=True)
    assert (await talk(behind.port, request)).endswith(b"\r\n\r\n203.0.113.9\n")
    await behind.close()


async def test_speaks_tls() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    handle = await serve_judge("127.0.0.1", 0, ssl=context)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port, ssl=client)
    writer.write(b"GET /check/?format=json HTTP/1.1\r\nConnection: close\r\n\r\n")
    raw = await asyncio.wait_for(reader.read(), 5)
    assert json.loads(raw.partition(b"\r\n\r\n")[2])["scheme"] == "https"
    writer.close()
    await handle.close()


async def test_a_taken_port_is_a_sentence(judge: JudgeHandle) -> None:
    with pytest.raises(ShoalError, match=f"cannot listen on 127.0.0.1 port {judge.port}"):
        await serve_judge("127.0.0.1", judge.port)


async def test_close_drops_open_connections() -> None:
    handle = await serve_judge("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"\n"), 5)
    await handle.close()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(10_000), 5)
    writer.close()


def test_routes_of_an_application_give_the_same_answers() -> None:
    client = TestClient(Starlette(routes=judge_routes(KEY, lambda: 1.5)), client=("127.0.0.9", 1234))
    assert client.get("/check/").text == "127.0.0.9\n"
    told = client.post("/check/?format=json&nonce=n", content=b"abc").json()
    assert (told["mac"], told["time"], told["body"]["length"]) == (judge_mac(KEY, "n", "127.0.0.9"), 1.5, 3)
    assert client.request("DELETE", "/check").text == "127.0.0.9\n"
    assert client.get("/doc/page.html").content == DOCUMENTS["/doc/page.html"].body
    assert client.head("/doc/page.html").headers["content-length"] == str(len(DOCUMENTS["/doc/page.html"].body))
    assert client.get("/nonce/abc").text == "abc\n"
    assert client.get("/echo").status_code == 405
    assert client.post("/echo", content=b"x" * 1_048_577).status_code == 413


async def test_the_signature_of_one_document_is_not_kept_for_the_next(judge: JudgeHandle) -> None:
    for nonce in (b"first", b"second"):
        raw = await talk(judge.port, b"GET /doc/data.json?nonce=%s HTTP/1.1\r\nConnection: close\r\n\r\n" % nonce)
        assert b"\r\nX-Shoal-Nonce: %s\r\n" % nonce in raw
        assert raw.endswith(DOCUMENTS["/doc/data.json"].body)
    assert len(judge.server._heads) == 1
