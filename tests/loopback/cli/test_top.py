"""`shoal top` in a real terminal, against a real API."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from shoal.api import ApiHandle, build_app, serve_api
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService, typical_records

TOKEN = "a-token-for-tests"
BOUND = 60.0


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    handles: list[ApiHandle] = []

    async def start(**options: Any) -> tuple[str, FakeService]:
        service = FakeService(*typical_records())
        app = build_app(service, ApiOptions(**options), version="1.2.3")
        handles.append(await serve_api(app, "127.0.0.1", 0))
        return f"http://127.0.0.1:{handles[-1].port}", service

    yield start
    for handle in handles:
        await handle.close()


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm-256color", **more}


async def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "shoal", "top", *words], capture_output=True, text=True, timeout=BOUND,
        env=environment(**environ), stdin=subprocess.DEVNULL,
    )  # fmt: skip


class Terminal:
    """A terminal of a given size with `shoal top` in it."""

    def __init__(self, *words: str, columns: int = 80, rows: int = 24) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shoal", "top", *words],
            stdin=slave, stdout=slave, stderr=slave, env=environment(), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self.seen = ""

    def until(self, *words: str) -> str:
        deadline = time.monotonic() + BOUND
        while not all(word in self.seen for word in words):
            assert time.monotonic() < deadline, f"{words} never came: {self.seen[-2000:]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 65_536).decode("utf-8", "replace")
        return self.seen

    def press(self, key: str) -> None:
        os.write(self.master, key.encode())

    def end(self) -> int:
        deadline = time.monotonic() + BOUND
        while self.process.poll() is None and time.monotonic() < deadline:
            # What it says at the end must be taken, or it waits for us.
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65_536).decode("utf-8", "replace")
        while select.select([self.master], [], [], 0.2)[0]:
            self.seen += os.read(self.master, 65_536).decode("utf-8", "replace")
        return self.process.wait(1.0)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.mark.parametrize("way_out", ["q", "\x03"], ids=["q", "ctrl-c"])
@pytest.mark.parametrize("columns", [80, 160])
async def test_it_lives_in_the_terminal_and_leaves_it_as_it_was(
    serve: Callable[..., Any], way_out: str, columns: int
) -> None:
    url, service = await serve()
    terminal = Terminal("--api", url, "--interval", "0.2", columns=columns)
    try:
        await asyncio.to_thread(terminal.until, "\x1b[?1049h", "Shoal", "1.2.3", "stands on", "q quits")
        if columns == 80:
            # An event of the pool reaches the screen without a question.
            deadline = time.monotonic() + BOUND
            while "imported: 7 new" not in terminal.seen and time.monotonic() < deadline:
                service.events.publish("imported", {"new": 7, "known": 0, "refused": 0})
                await asyncio.sleep(0.3)
                terminal.seen += await asyncio.to_thread(_drained, terminal.master)
            assert "imported: 7 new" in terminal.seen
        terminal.press(way_out)
        assert await asyncio.to_thread(terminal.end) == 0, terminal.seen[-500:]
        assert "\x1b[?1049l" in terminal.seen and "\x1b[?25h" in terminal.seen and "Traceback" not in terminal.seen
        assert termios.tcgetattr(terminal.slave)[3] == terminal.before[3], "echo and lines are as before"
    finally:
        terminal.close()


def _drained(master: int) -> str:
    text = ""
    while select.select([master], [], [], 0.1)[0]:
        text += os.read(master, 65_536).decode("utf-8", "replace")
    return text


async def test_one_look_for_people_and_for_scripts(serve: Callable[..., Any]) -> None:
    url, _ = await serve()
    done = await run("--api", url, "--once", "--interval", "0.2", COLUMNS="100")
    assert done.returncode == 0 and "Shoal 1.2.3" in done.stdout and "\x1b" not in done.stdout
    done = await run("--api", url.removeprefix("http://"), "--once", "--json", "--interval", "0.2")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["version"] == "1.2.3" and set(told["rates"]) >= {"checks", "picks", "uses"}


async def test_the_token_is_asked_for_and_taken(serve: Callable[..., Any]) -> None:
    url, _ = await serve(token=TOKEN)
    done = await run("--api", url, "--once")
    assert done.returncode == 2 and "wants its token" in done.stderr and done.stderr.count("\n") == 1
    assert (await run("--api", url, "--once", "--json", "--token", TOKEN, "--interval", "0.2")).returncode == 0
    assert (await run("--api", url, "--once", "--json", "--interval", "0.2", SHOAL_API_TOKEN=TOKEN)).returncode == 0


async def test_no_pool_is_one_clear_sentence() -> None:
    done = await run("--api", "http://127.0.0.1:1")
    assert done.returncode == 4 and done.stdout == ""
    assert done.stderr == (
        "shoal: no pool answers at http://127.0.0.1:1; start one with `shoal up`, or name its address with --api URL\n"
    )
