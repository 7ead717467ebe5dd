"""``shoal health``: signs of life, answers and their exit codes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from shoal.app.alive import stay_alive
from shoal.cli.main import run


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()


def test_an_api_that_answers_is_well(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert run(["health", "--api", f"127.0.0.1:{port}"]) == 0
    assert run(["health", f"http://127.0.0.1:{port}/healthz"]) == 0


def test_what_answers_something_else_or_nothing_is_not(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", f"http://127.0.0.1:{port}/other"]) == 1
    assert run(["health", "http://127.0.0.1:1/"]) == 1
    told = capsys.readouterr().err
    assert "answers 503" in told and "does not answer" in told


def test_a_fresh_sign_of_life_is_well_and_an_old_one_or_none_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alive"
    monkeypatch.setenv("SHOAL_HEALTH_FILE", str(file))
    assert run(["health"]) == 1
    file.touch()
    assert run(["health"]) == 0
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert run(["health"]) == 1


async def test_a_sign_of_life_comes_while_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "alive"
    monkeypatch.setenv("SHOAL_HEALTH_FILE", str(file))
    unwell = asyncio.create_task(stay_alive(lambda: False))
    await asyncio.sleep(0)
    unwell.cancel()
    assert not file.exists()
    well = asyncio.create_task(stay_alive())
    async with asyncio.timeout(20):
        while not file.exists():
            await asyncio.sleep(0.01)
    well.cancel()
