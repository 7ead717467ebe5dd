"""``shoal link`` against an API that runs."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.api import build_app, serve_api
from shoal.cli.main import run
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService, typical_records

LONG = "www.example.com/p/233.html"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def listen() -> Iterator[str]:
    loop, ready, address = asyncio.new_event_loop(), threading.Event(), []

    async def main() -> None:
        app = build_app(FakeService(*typical_records()), ApiOptions(limit=3), version="1")
        handle = await serve_api(app, "127.0.0.1", 0)
        address.append(f"{handle.host}:{handle.port}")
        ready.set()
        await stop.wait()
        await handle.close()

    async def make_event() -> asyncio.Event:
        return asyncio.Event()

    stop = loop.run_until_complete(make_event())
    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()


def followed(short: str) -> tuple[int, str | None]:
    host, _, path = short.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", f"/{path}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers.get("Location")


def test_links_are_made_listed_followed_and_deleted(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    def link(*words: str) -> tuple[int, str, str]:
        code = run(["link", *words, "--api", listen])
        told = capsys.readouterr()
        return code, told.out.strip(), told.err.strip()

    code, short, _ = link(LONG)
    assert code == 0 and short.startswith(f"http://{listen}/s/") and len(short.rpartition("/")[2]) == 7
    assert followed(short) == (302, f"https://{LONG}")
    assert link(f"https://{LONG}")[1] == short
    assert link(LONG, "--new")[1] != short
    _, mine, _ = link("https://example.com/x", "--alias", "mine", "--permanent", "--clicks", "2", "--expires", "2h")
    assert mine == f"http://{listen}/s/mine"
    assert [followed(mine)[0] for _ in range(3)] == [301, 301, 410]
    _, preview, _ = link("https://example.com/y", "--preview")
    assert followed(preview) == (200, None)
    _, saved, _ = link("--query", "scheme=socks5&format=txt")
    assert followed(saved) == (200, None)
    rows = [json.loads(line) for line in link("--list", "--json")[1].splitlines()]
    assert {row["short_url"] for row in rows} >= {short, mine, preview, saved} and len(rows) == 5
    assert next(row for row in rows if row["code"] == "mine")["clicks"] == 2
    assert f"{mine} 2 https://example.com/x" in link("--list")[1].splitlines()
    assert link("--delete", "mine", "--delete", short)[0] == 0
    assert followed(mine)[0] == followed(short)[0] == 404
    assert link("--delete", "mine") == (1, "", "shoal: there is no link mine")


def test_what_cannot_be_is_told_in_one_line(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["javascript:alert(1)"], "only http and https"),
        ([f"http://{listen}/s/x"], "back to this service"),
        (["https://example.com/", "--alias", "-x"], "alias"),
        ([], "give a URL"),
        (["https://example.com/", "--list"], "give a URL"),
        (["https://example.com/", "--expires", "soon"], "no span of time"),
        (["--query", "nonsense=1"], "no filter"),
    ):
        assert run(["link", *words, "--api", listen]) == 2
        told = capsys.readouterr()
        assert said in told.err and told.err.count("\n") == 1 and not told.out


def test_without_a_pool_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert run(["link", LONG, "--api", f"127.0.0.1:{port}"]) == 4
    told = capsys.readouterr().err
    assert told == f"shoal: no pool runs at 127.0.0.1:{port}, and links are kept by one; start it with `shoal up`\n"
