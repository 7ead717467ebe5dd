"""``list`` and ``get``: asking a running pool, reading a remembered one."""

import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shoal.cli.ask import table_of
from shoal.cli.filters import _LIST
from shoal.cli.main import run
from shoal.domain import Endpoint, Forecast, Health, Pick, Query, Record, Scheme
from shoal.domain import Path as ProxyPath
from shoal.policy.query_text import FIELDS

ROW: dict[str, Any] = {
    "proxy": "http://192.0.2.1:80",
    "capabilities": ["forward"],
    "anonymity": "elite",
    "honesty": "clean",
    "country": None,
    "latency_ms": 120.0,
    "forecast": {"probability": 0.912, "confidence": 0.5},
}


class Api(ThreadingHTTPServer):
    """Answers with what a test puts there, and keeps what it was asked."""

    status = 200
    body: bytes = b"[]"

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], str | None]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def listen(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append((parts.path, dict(parse_qsl(parts.query)), self.headers["Authorization"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *words: object) -> None: ...


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def nobody() -> str:
    """An address on which nothing listens any more."""
    server = Api()
    server.server_close()
    return server.listen


def test_the_filter_flags_are_the_filters_of_the_api() -> None:
    assert tuple(name for name, _, _ in _LIST) == FIELDS


def test_list_passes_the_filters_on_and_prints_urls(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.body = json.dumps([ROW, ROW]).encode()
    words = ["--scheme", "http,socks5", "--country", "!CN", "--max-latency-ms", "500", "--credentials"]
    assert run(["list", "--api", api.listen, *words]) == 0
    assert capsys.readouterr().out == "http://192.0.2.1:80\n" * 2
    ((path, query, token),) = api.asked
    assert path == "/v1/proxies" and token is None
    assert query["scheme"] == "http,socks5" and query["country"] == "!CN" and query["credentials"] == "1"
    assert query["max_latency_ms"] == "500" and int(query["limit"]) > 100


def test_get_asks_for_one_and_shows_the_token(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_API_TOKEN", "t0ken")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    api.body = json.dumps(ROW).encode()
    assert run(["get", "--json", "--api", api.listen]) == 0
    assert json.loads(capsys.readouterr().out) == ROW
    assert api.asked == [("/v1/proxies/pick", {"format": "json"}, "Bearer t0ken")]


@pytest.mark.parametrize(
    ("status", "body", "code", "told"),
    [
        (404, {"code": "no_proxy", "detail": "nothing fits"}, 1, "nothing fits"),
        (401, {"code": "no_token", "detail": "show a token"}, 2, "SHOAL_API_TOKEN"),
        (400, {"code": "bad_query", "detail": "limit must be less", "field": "limit"}, 2, "limit must be less"),
        (503, {"code": "x", "detail": "store lost"}, 2, "store lost"),
        (404, "<html>", 2, "is not Shoal"),
    ],
)
def test_refusals_are_one_line(
    api: Api, status: int, body: Any, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api.status, api.body = status, json.dumps(body).encode()
    assert run(["get", "--api", api.listen]) == code
    out, err = capsys.readouterr()
    assert out == "" and told in err and err.count("\n") == 1


def test_a_wrong_filter_is_told_without_asking(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--api", api.listen, "--scheme", "htp"]) == 2
    assert "allowed: http, https" in capsys.readouterr().err
    assert api.asked == []


def test_without_a_pool_and_without_a_memory_it_says_what_to_do(
    nobody: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["get", "--api", nobody]) == 2
    assert "start one with `shoal up`" in capsys.readouterr().err


def test_without_a_running_pool_the_remembered_one_is_read(
    nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ProxyPath(Scheme.HTTP, Health.of(last_ok=5.0))
    record = Record("192.0.2.1:80", Endpoint("192.0.2.1", 80), paths=(path,))
    picks = [Pick(record, path, record.proxy(Scheme.HTTP), Forecast(0.9, 0.5))]

    @asynccontextmanager
    async def open_reader(options: object) -> AsyncIterator[Any]:
        def listed(query: Query) -> list[Pick]:
            return [] if Scheme.SOCKS5 in query.schemes else picks

        yield SimpleNamespace(list=listed, pick=lambda query: next(iter(listed(query)), None))

    module = ModuleType("shoal.app")
    module.open_reader = open_reader  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shoal.app", module)
    (tmp_path / "shoal.db").touch()
    words = ["--api", nobody, "--data", str(tmp_path)]
    assert run(["list", *words]) == run(["get", *words]) == 0
    assert capsys.readouterr().out == "http://192.0.2.1:80\n" * 2
    assert run(["list", "--scheme", "socks5", *words]) == run(["get", "--scheme", "socks5", *words]) == 1


def test_the_table_shows_texts_of_strangers_as_they_are() -> None:
    from rich.console import Console

    console = Console(width=120)
    with console.capture() as capture:
        console.print(table_of([ROW | {"country": "[red]\x1b[2J"}]))
    text = capture.get()
    assert "120 ms" in text and "0.91" in text and "[red]?[2J" in text and "\x1b" not in text
