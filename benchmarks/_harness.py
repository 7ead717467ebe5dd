"""What the benchmarks share: a lab and a pool as processes of their own, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHOAL = (sys.executable, "-m", "shoal")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(words: Sequence[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A child that is ended with the block; its standard error goes to ``log``."""
    with log.open("w") as errors:
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True, **options)
        try:
            yield child
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


@contextmanager
def lab(folder: Path, *flags: str) -> Iterator[dict[str, Any]]:
    """A running lab's index."""
    words = (*SHOAL, "lab", "--dir", str(folder / "lab"), *flags)
    with process(words, folder / "lab.log") as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            raise SystemExit(f"the lab did not start: {(folder / 'lab.log').read_text()[-500:]}")
        yield json.loads(line)


def up_words(index: dict[str, Any], port: int, folder: Path, *flags: str) -> list[str]:
    """``shoal up`` against a lab whose lists count as the user's own."""
    words = shlex.split(index["up"])[1:]
    kept = words[: words.index("--store")]
    return [*SHOAL, *kept, "--api", f"127.0.0.1:{port}", "--data", str(folder / "data"), *flags]


class Client:
    """A keep-alive HTTP client for one server on loopback. Answers are ``(status, decoded JSON or None)``."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> tuple[int, Any]:
        for last in (False, True):
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
                self._connection.request("GET", path)
                answer = self._connection.getresponse()
                body = answer.read()
                return answer.status, decoded(body, answer.headers.get_content_type())
            except (OSError, http.client.HTTPException):
                self._connection = None
                if last:
                    return 0, None
        return 0, None


def decoded(body: bytes, content_type: str) -> Any:
    if content_type == "application/x-ndjson":
        return [json.loads(line) for line in body.splitlines()]
    return json.loads(body) if body[:1] in (b"{", b"[") else None


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/")[0])


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        yield Path(folder)


def report(name: str, figures: dict[str, Any], lines: Sequence[tuple[str, str]]) -> None:
    """Print a table for people and one line of JSON for programs."""
    width = max(len(left) for left, _ in lines)
    print(f"\n{name}")
    for left, right in lines:
        print(f"  {left.ljust(width)}  {right}")
    print(json.dumps({"benchmark": name, "cpus": os.cpu_count(), **figures}))


def wait_until(deadline: float, step: float) -> None:
    time.sleep(max(0.0, min(step, deadline - time.monotonic())))
