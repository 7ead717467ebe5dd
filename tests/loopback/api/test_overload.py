"""More requests than can be answered: some are refused at once, all get an answer, and it is over when they stop."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from shoal.api import server as server_module
from shoal.api.server import serve_api


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """An answer that takes 20 ms of this process's time."""
    if scope["path"] == "/slow":
        time.sleep(0.02)
    await PlainTextResponse("done")(scope, receive, send)


async def ask(port: int, path: str = "/slow") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        return int(answer.split()[1]), answer
    finally:
        writer.close()


async def flood(port: int, paths: list[str]) -> list[tuple[int, bytes]]:
    """All at once, from a loop of their own: clients are not slowed by how busy the server is."""

    async def all_at_once() -> list[tuple[int, bytes]]:
        return await asyncio.gather(*(ask(port, path) for path in paths))

    return await asyncio.to_thread(asyncio.run, all_at_once())


async def test_what_cannot_be_answered_in_time_is_refused_with_when_to_come_back() -> None:
    handle = await serve_api(slow, "127.0.0.1", 0, max_lag=0.3)
    try:
        answers = await flood(handle.port, ["/slow"] * 150)
        refused = [answer for status, answer in answers if status == 503]
        assert {status for status, _ in answers} == {200, 503}
        assert all(b"retry-after: 1" in answer and b'"overloaded"' in answer for answer in refused)
        assert (await ask(handle.port))[0] == 200
    finally:
        await handle.close()


async def test_health_is_told_however_late() -> None:
    handle = await serve_api(slow, "127.0.0.1", 0, max_lag=0.1)
    try:
        answers = await flood(handle.port, ["/healthz", "/slow", "/slow"] * 40)
        assert {status for status, _ in answers[::3]} == {200}
        assert 503 in {status for status, _ in answers}
    finally:
        await handle.close()


async def test_more_clients_than_are_served_get_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_MAX_CONNECTIONS", 5)
    handle = await serve_api(slow, "127.0.0.1", 0)
    idle = [await asyncio.open_connection("127.0.0.1", handle.port) for _ in range(5)]
    try:
        status, answer = await ask(handle.port)
        assert status == 503
        assert b'"too_many_connections"' in answer and b"retry-after: 1" in answer and b"connection: close" in answer
        for _, writer in idle:
            writer.close()
        async with asyncio.timeout(10):
            while (await ask(handle.port))[0] != 200:
                await asyncio.sleep(0.01)
    finally:
        await handle.close()
