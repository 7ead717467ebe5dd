"""A cluster of processes on this machine: a real server, schedulers, replicas, workers, and the lab to check."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from shoal.testing.redis_server import RedisServer, redis_server

SHOAL = (sys.executable, "-m", "shoal")
PATIENCE = 150.0
QUICK = {
    # Leases so short that their end can be waited for.
    "SHOAL_CLUSTER_LEASE": "3",
    "SHOAL_CLUSTER_LEADER_LEASE": "2",
    "SHOAL_CLUSTER_CHECK_HERE": "false",
    "SHOAL_CLUSTER_BATCH": "10",
    "SHOAL_CHECK_TIMEOUT": "4",
    # Late timers of a busy machine must not look like proxies that do not answer.
    "SHOAL_CHECK_CONNECT_TIMEOUT": "4",
    "SHOAL_CHECK_MIN_INTERVAL": "1",
    "SHOAL_CHECK_CONCURRENCY": "100",
    "SHOAL_LOG": "warning",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """The first true answer; what fails meanwhile because something is not there yet is asked again."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"it did not come to pass: {what}")


class Cluster:
    """``valkey`` may be frozen and killed, and so may every process of ``processes`` (by name)."""

    def __init__(self, valkey: RedisServer, lab: dict[str, Any], folder: Path, stack: ExitStack) -> None:
        self.valkey = valkey
        self.lab = lab
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.apis: dict[str, int] = {}
        self.gateways: dict[str, int] = {}
        self._folder = folder
        self._stack = stack

    def start(self, name: str, *words: str) -> subprocess.Popen[str]:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        judges = [word for url in self.lab["judges"] for word in ("--judge", url)]
        against = [*judges, "--judge-ca", self.lab["ca"], "--allow", "127.0.0.0/8", "--allow-target", "127.0.0.0/8"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **QUICK}
        process = self._stack.enter_context(
            subprocess.Popen(
                [*SHOAL, *words, "--store", self.valkey.url, *against],
                stdout=subprocess.DEVNULL,
                stderr=self._stack.enter_context((folder / "errors").open("w")),
                text=True,
                env=environment,
            )
        )
        self._stack.callback(process.kill)
        self.processes[name] = process
        return process

    def scheduler(self, name: str) -> None:
        sources = [word for url in self.lab["lists"] for word in ("--source", url)]
        self.start(name, "schedule", *sources)

    def server(self, name: str) -> None:
        self.apis[name], self.gateways[name] = free_port(), free_port()
        api, gateway = (f"127.0.0.1:{ports[name]}" for ports in (self.apis, self.gateways))
        self.start(name, "server", "--api", api, "--gateway", gateway)

    def worker(self, name: str, vantage: str) -> None:
        self.start(name, "worker", "--processes", "1", "--vantage", vantage)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)

    def ask(self, server: str, path: str, body: Any = None, method: str | None = None, timeout: float = 10.0) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.apis[server]}{path}",
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            found = answer.read()
            return json.loads(found) if found else answer.status

    def stat(self, name: str, server: str = "one") -> Any:
        return self.ask(server, "/v1/stats")[name]


def started_lab(folder: Path, stack: ExitStack, size: int) -> dict[str, Any]:
    """The index of a lab of so many proxies that always work; it ends with ``stack``."""
    lab = stack.enter_context(
        subprocess.Popen(
            [*SHOAL, "lab", "--size", str(size), "--preset", "alive", "--dir", str(folder / "lab"), "--until-eof"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    stack.callback(lab.kill)
    assert lab.stdout is not None
    index: dict[str, Any] = json.loads(lab.stdout.readline())
    return index


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        valkey = stack.enter_context(redis_server(None, "--appendonly", "yes", "--appendfsync", "always"))
        cluster = Cluster(valkey, started_lab(folder, stack, 60), folder, stack)
        for name in ("first", "second"):
            cluster.scheduler(name)
        for name in ("one", "other"):
            cluster.server(name)
        for name, vantage in (("eu", "eu"), ("us", "us")):
            cluster.worker(name, vantage)
        until(lambda: cluster.stat("working") > 8, "proxies that work")
        until(lambda: cluster.stat("working", "other") > 8, "proxies that work, at the other replica")
        yield cluster
