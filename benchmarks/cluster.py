"""A cluster on this machine: CPU per check through the whole path against one process, and what records take in Redis.

Whole path: scheduler, broker, worker, store, a replica's index; Valkey's own CPU counts. Candidates of the lab are
imported by the API, and every one is checked once, so that all runs have the same good and dead ones to check.
Processes have been up for a while before: starting them is not in the figures. Before the import a window is taken in
which nothing is to be done: what processes cost by being there. It is told apart, and taken off for what each check
adds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
from redis.asyncio import Redis

from shoal.stores.redis import RedisStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.redis_server import RedisServer, redis_server

SHOAL = (sys.executable, "-m", "shoal")
_SETTLE = 6.0
"""Seconds until judges were asked and workers have reported."""
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Seconds of a process and those of its children that live."""
    total = 0.0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.parent.name) == pid or int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Run:
    """Processes of one pool, ended at the end of the block."""

    def __init__(self, stack: ExitStack, lab: dict[str, Any], concurrency: int) -> None:
        self.pids: dict[str, int] = {}
        self.port = free_port()
        self.ready: Callable[[], bool] = lambda: True
        self.moved: Callable[[], dict[str, float]] = dict
        """What the server did since its start: commands (those inside of scripts, too) and bytes."""
        self._stack = stack
        judges = [word for url in lab["judges"] for word in ("--judge", url)]
        self._words = [*judges, "--judge-ca", lab["ca"], "--allow", "127.0.0.0/8", "--timeout", "20"]
        self._words += ["--concurrency", str(concurrency)]
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-bench-")))
        empty = self._folder / "none.txt"
        empty.touch()
        self.sources = ["--source", str(empty)]

    def start(self, name: str, *words: str) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "SHOAL_CLUSTER_CHECK_HERE": "false"}
        env |= {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "SHOAL_CHECK_MIN_INTERVAL": "600"}
        # Late timers of a busy machine must not turn good proxies into failures, which cost other work.
        env |= {"SHOAL_CHECK_CONNECT_TIMEOUT": "3"}
        log = self._stack.enter_context((self._folder / f"{name}.log").open("w"))
        process = self._stack.enter_context(
            subprocess.Popen([*SHOAL, *words, *self._words], stdout=log, stderr=log, env=env)
        )
        self._stack.callback(process.kill)
        self.pids[name] = process.pid

    def ask(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "text/plain"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def until(self, condition: Any, patience: float) -> None:
        ends = time.monotonic() + patience
        while True:
            try:
                if condition():
                    return
            except (OSError, urllib.error.URLError):
                pass
            if time.monotonic() > ends:
                raise SystemExit(f"it took more than {patience:g} s; see the logs in {self._folder}")
            time.sleep(1.0)

    def measure(self, entries: bytes, idle_window: float, patience: float) -> dict[str, Any]:
        """A window without work, then the time from the import until each was checked."""
        self.until(lambda: self.ask("/v1/stats")["known"] == 0 and self.ready(), patience)
        time.sleep(_SETTLE)
        before, began = self._spent(), time.monotonic()
        time.sleep(idle_window)
        idle, seconds = self._since(before), time.monotonic() - began
        fixed = {name: spent / seconds for name, spent in idle.items()}
        first = self.ask("/v1/stats")
        moved = self.moved()
        before, began = self._spent(), time.monotonic()
        self.ask("/v1/proxies", entries)
        self.until(lambda: (stats := self.ask("/v1/stats"))["known"] > 0 and stats["unchecked"] == 0, patience)
        busy, seconds = self._since(before), time.monotonic() - began
        moved = {name: count - moved[name] for name, count in self.moved().items()}
        # Totals of a cluster are told once a second.
        time.sleep(2.5)
        last = self.ask("/v1/stats")
        checks = last["checked_total"] - first["checked_total"]
        return {
            "checks": checks,
            "worked": (last["worked_total"] - first["worked_total"]) / checks,
            "seconds": seconds,
            "cpu": sum(busy.values()) / checks,
            "added": sum(busy[name] - fixed[name] * seconds for name in busy) / checks,
            "fixed": fixed,
            "moved": {name: count / checks for name, count in moved.items()},
            "parts": {name: spent / checks for name, spent in busy.items()},
        }

    def _spent(self) -> dict[str, float]:
        return {name: cpu(pid) for name, pid in self.pids.items()}

    def _since(self, before: dict[str, float]) -> dict[str, float]:
        return {name: spent - before[name] for name, spent in self._spent().items()}


def single(stack: ExitStack, lab: dict[str, Any], concurrency: int) -> Run:
    run = Run(stack, lab, concurrency)
    api = ("--api", f"127.0.0.1:{run.port}", "--gateway", "127.0.0.1:0")
    run.start("up", "up", *run.sources, "--data", str(run._folder / "data"), *api)
    return run


def clustered(stack: ExitStack, lab: dict[str, Any], concurrency: int, workers: int, server: RedisServer) -> Run:
    run = Run(stack, lab, concurrency // workers)
    run.pids["valkey"] = server.pid
    store = ("--store", server.url)
    run.start("schedule", "schedule", *run.sources, *store)
    run.start("server", "server", *store, "--api", f"127.0.0.1:{run.port}", "--gateway", "127.0.0.1:0")
    run.start("worker", "worker", *store, "--processes", str(workers))
    client = redis.Redis.from_url(server.url)
    run.ready = lambda: client.hlen("{shoal}:workers") == workers
    names = {"total_commands_processed": "commands", "total_net_input_bytes": "in", "total_net_output_bytes": "out"}

    def moved() -> dict[str, float]:
        told = client.info("stats")
        return {name: float(told[key]) for key, name in names.items()}

    run.moved = moved
    return run


async def memory(server: RedisServer, known: int, live: int) -> dict[str, float]:
    store = RedisStore(server.url)
    await store.open()
    async with Redis.from_url(server.url) as client:
        before = (await client.info("memory"))["used_memory"]
        began, start = cpu(server.pid), time.process_time()
        for first in range(0, known, 5_000):
            batch = [make_admitted(number) for number in range(first, min(first + 5_000, known))]
            await store.add(batch, 1_700_000_000.0)
        added = ((cpu(server.pid) - began) / known, (time.process_time() - start) / known)
        dead = (await client.info("memory"))["used_memory"]
        began, start = cpu(server.pid), time.process_time()
        for first in range(0, live, 1_000):
            paths = (make_path(last_ok=1_700_000_100.0),)
            states = range(first, min(first + 1_000, live))
            await store.save([make_record(n, paths=paths, checks=9, next_check=1_700_000_500.0) for n in states])
        saved = ((cpu(server.pid) - began) / live, (time.process_time() - start) / live)
        after = (await client.info("memory"))["used_memory"]
        began, start = cpu(server.pid), time.process_time()
        ids: list[str] = []
        for turn in range(40):
            ids += await store.claim_ids(1_800_000_000.0 + turn, 500, 30.0)
        claimed = ((cpu(server.pid) - began) / len(ids), (time.process_time() - start) / len(ids))
    await store.close()
    return {
        "known": known,
        "live": live,
        "bytes_per_dead": (dead - before) / known,
        "bytes_more_per_live": (after - dead) / live,
        "total_mb": (after - before) / 1e6,
        "add_us_server": added[0] * 1e6,
        "add_us_client": added[1] * 1e6,
        "save_us_server": saved[0] * 1e6,
        "save_us_client": saved[1] * 1e6,
        "claim_us_server": claimed[0] * 1e6,
        "claim_us_client": claimed[1] * 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20_000, help="proxies of the lab")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds of the window without work")
    parser.add_argument("--rounds", type=int, default=2, help="repetitions; the least CPU counts")
    parser.add_argument("--workers", default="1,2,4", help="numbers of worker processes")
    parser.add_argument("--concurrency", type=int, default=4000, help="checks in flight, all processes together")
    parser.add_argument("--known", type=int, default=1_000_000, help="records for the memory figure, 0 leaves it out")
    parser.add_argument("--live", type=int, default=100_000)
    options = parser.parse_args()
    numbers = [int(text) for text in options.workers.split(",") if text]
    found: dict[str, Any] = {}
    if options.known:
        with redis_server() as server:
            found["memory"] = asyncio.run(memory(server, options.known, options.live))
        for name, value in found["memory"].items():
            print(f"{name:>22} {value:14.1f}")
    if not options.rounds:
        print(json.dumps(found))
        return
    words = ("lab", "--size", str(options.size), "--preset", "mixed", "--until-eof")
    with subprocess.Popen([*SHOAL, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lab:
        try:
            assert lab.stdout is not None
            index = json.loads(lab.stdout.readline())
            entries = urllib.request.urlopen(index["lists"][0], timeout=30).read()
            kinds: list[tuple[str, int]] = [("one process", 0), *((f"{n} worker{'s' * (n > 1)}", n) for n in numbers)]
            for _ in range(options.rounds):
                for kind, workers in kinds:
                    with ExitStack() as stack:
                        if workers:
                            server = stack.enter_context(redis_server())
                            run = clustered(stack, index, options.concurrency, workers, server)
                        else:
                            run = single(stack, index, options.concurrency)
                        figures = run.measure(entries, options.idle, 300.0)
                        if kind not in found or figures["cpu"] < found[kind]["cpu"]:
                            found[kind] = figures
        finally:
            lab.kill()
    base = found["one process"]
    titles = ("checks", "worked", "checks/s", "ms/check", "ratio", "added", "ratio", "idle ms/s")
    heads = " ".join(f"{title:>9}" for title in titles)
    print(f"\n{'':>12} {heads}  of which (idle ms/s); commands of the server and bytes to and from it per check")
    for kind, _ in kinds:
        one = found[kind]
        rows = (
            *(
                one["checks"],
                one["worked"],
                one["checks"] / one["seconds"],
                one["cpu"] * 1000,
                one["cpu"] / base["cpu"],
            ),
            *(one["added"] * 1000, one["added"] / base["added"], sum(one["fixed"].values()) * 1000),
        )
        parts = [f"{name} {each * 1000:.2f} ({one['fixed'][name] * 1000:.0f})" for name, each in one["parts"].items()]
        parts += [f"{name} {count:.0f}" for name, count in one["moved"].items()]
        print(f"{kind:>12} {' '.join(f'{value:9.2f}' for value in rows)}  {', '.join(parts)}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
