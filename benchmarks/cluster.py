"""A cluster on this machine: CPU per check through the whole path against one process, and what records take in Redis.

Whole path: scheduler, broker, worker, store, a replica's index; Valkey's own CPU counts. Candidates of the lab are
imported by the API and checked again and again, every second or two. What is measured is a window of that, after all of
them were checked once: starting processes is not in it. Before the import a window is taken in which nothing is to be
done: what processes cost by being there, which is told apart and taken off for the CPU that each check adds.
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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from shoal.stores.redis import RedisStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.redis_server import RedisServer, redis_server

SHOAL = (sys.executable, "-m", "shoal")
_SETTLE = 5.0
"""Seconds from a change to a window: judges are asked, workers report, the first flood of checks is over."""
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
        self._stack = stack
        judges = [word for url in lab["judges"] for word in ("--judge", url)]
        self._words = [*judges, "--judge-ca", lab["ca"], "--allow", "127.0.0.0/8", "--timeout", "3"]
        self._words += ["--concurrency", str(concurrency)]
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-bench-")))
        empty = self._folder / "none.txt"
        empty.touch()
        self.sources = ["--source", str(empty)]

    def start(self, name: str, *words: str) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "SHOAL_CLUSTER_CHECK_HERE": "false"}
        env |= {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "SHOAL_CLUSTER_BATCH": os.environ.get("BATCH", "200")}
        env |= {"SHOAL_CHECK_MIN_INTERVAL": "1", "SHOAL_CHECK_MAX_INTERVAL": "2"}
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
            time.sleep(0.25)

    def measure(self, entries: bytes, window: float, patience: float) -> dict[str, Any]:
        """A window without work, one with."""
        self.until(lambda: self.ask("/v1/stats")["store_error"] is None, patience)
        time.sleep(_SETTLE)
        idle, seconds, _ = self._window(window / 2.0)
        fixed = {name: spent / seconds for name, spent in idle.items()}
        self.ask("/v1/proxies", entries)
        self.until(lambda: (stats := self.ask("/v1/stats"))["known"] > 0 and stats["unchecked"] == 0, patience)
        time.sleep(_SETTLE)
        busy, seconds, checks = self._window(window)
        return {
            "checks": checks,
            "seconds": seconds,
            "cpu": sum(busy.values()) / checks,
            "marginal": sum(busy[name] - fixed[name] * seconds for name in busy) / checks,
            "fixed": fixed,
            "parts": {name: spent / checks for name, spent in busy.items()},
        }

    def _window(self, length: float) -> tuple[dict[str, float], float, int]:
        """CPU by process, seconds and checks."""
        before = {name: cpu(pid) for name, pid in self.pids.items()}
        checked, began = self.ask("/v1/stats")["checked_total"], time.monotonic()
        time.sleep(length)
        checks, seconds = self.ask("/v1/stats")["checked_total"] - checked, time.monotonic() - began
        return {name: cpu(pid) - before[name] for name, pid in self.pids.items()}, seconds, checks


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
    parser.add_argument("--size", type=int, default=3000, help="proxies of the lab")
    parser.add_argument("--window", type=float, default=20.0, help="seconds of the window that is measured")
    parser.add_argument("--rounds", type=int, default=2, help="repetitions; the least CPU counts")
    parser.add_argument("--workers", default="1,2,4", help="numbers of worker processes")
    parser.add_argument("--concurrency", type=int, default=1000, help="checks in flight, all processes together")
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
                        figures = run.measure(entries, options.window, 300.0)
                        if kind not in found or figures["cpu"] < found[kind]["cpu"]:
                            found[kind] = figures
        finally:
            lab.kill()
    base = found["one process"]
    print(
        f"\n{'':>12} {'checks/s':>9} {'ms/check':>9} {'ratio':>6} {'added':>7} {'ratio':>6} {'idle ms/s':>10}  of which"
    )
    for kind, _ in kinds:
        one = found[kind]
        parts = ", ".join(f"{name} {value * 1000:.2f} ({one['fixed'][name] * 1000:.0f})" for name, value in
                          one["parts"].items())  # fmt: skip
        print(f"{kind:>12} {one['checks'] / one['seconds']:9.0f} {one['cpu'] * 1000:9.2f} "
              f"{one['cpu'] / base['cpu']:6.2f} {one['marginal'] * 1000:7.2f} {one['marginal'] / base['marginal']:6.2f} "
              f"{sum(one['fixed'].values()) * 1000:10.1f}  {parts}")  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()
