"""Every script in examples/ runs against the lab and says what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shoal.lab import FailureKind

FOLDER = Path(__file__).resolve().parents[2] / "examples"
Make = Callable[..., Any]
# Which page each asks for, and what must be among its words.
SCRIPTS: dict[str, tuple[str, list[str]]] = {
    "one_call.py": ("http /big", ["200 1048576 bytes through http://127."]),
    "old_script.py": ("http /echo", ["200 through 127."]),
    "timeout.py": (
        "http /echo",
        ["200 with the session's", "200 with a time-out of", "too slow after", "receive.timeout"],
    ),
    "authentication.py": ("https /echo", ["200 logged in over TLS", "refused: GET http://localhost", "plain http://"]),
    "exception_handling.py": ("http /echo", ["200 through http://127.", "no proxy to try", "connect.refused"]),
    "file_upload.py": ("http /echo", ["form: 200", "stream: 200"]),
    "download.py": ("http /big", ["1048576 bytes through"]),
    "sticky_session.py": ("http /echo", ["proxies used: 1 http://127.", "another session: http://127."]),
    "threads.py": ("http /echo", ["answers: {200: 24}"]),
    "gateway.py": ("http /echo", ["200 http://127."]),
    "async_httpx.py": ("http /echo", ["200 through http://127."]),
    "async_aiohttp.py": ("http /big", ["200 1048576 bytes"]),
    "scrapy_spider.py": ("http /big", ["200 1048576 bytes through http://127."]),
    "playwright_browser.py": ("http /echo", ["through http://127."]),
}


def run(name: str, place: Any, tmp_path: Path) -> str:
    scheme, _, path = SCRIPTS[name][0].partition(" ")
    arguments = [getattr(place, scheme) + path]
    if name == "authentication.py":
        arguments.append(place.ca)
    if name == "timeout.py":
        arguments.append(place.http + "/hang")
    environment = {**os.environ, "SHOAL_URL": place.api, "SHOAL_GATEWAY": place.gateway, "NO_PROXY": ""}
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *arguments],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_example_runs_and_says_what_it_should(make_place: Make, tmp_path: Path, name: str) -> None:
    place = make_place(None, None, None)
    out = run(name, place, tmp_path)
    assert all(words in out for words in SCRIPTS[name][1]), out


def test_the_errors_example_tells_what_it_went_past(make_place: Make, tmp_path: Path) -> None:
    place = make_place(FailureKind.RESET, None)
    out = run("exception_handling.py", place, tmp_path)
    assert "went on after http://127." in out


def test_every_example_is_listed_and_run() -> None:
    scripts = {path.name for path in FOLDER.glob("*.py")}
    assert scripts == set(SCRIPTS)
    page = (FOLDER / "README.md").read_text()
    assert all(f"`{name}`" in page for name in scripts)
