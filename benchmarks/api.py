"""The API under load by wrk: CPU a request beside an empty Starlette route and beside proxy_pool's approach.

    python benchmarks/api.py [--sizes 100 10000 100000] [--seconds 3] [--repeats 2] [--links 1000000] [--no-peer]

The process that serves holds a pool of so many live proxies in memory, and in a SQLite file so many short links, of
which any is followed; it checks nothing. The empty route answers `{}` from Starlette under uvicorn, in a process of its
own.
The peer is jhao104/proxy_pool's way (Flask under gunicorn, `HVALS` of one Redis hash) in a dozen lines, with its
workers' and Redis's CPU counted together. wrk (Debian package of that name) asks over 32 connections, over 2 for lists.
CPU is user and system time; of the repeats the cheapest counts, since other programs only ever make it dearer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import uvloop
from msgspec.structs import replace

from _api_peers import empty_starlette, peer_environment, proxy_pool
from _gateway_peers import Gateway
from _harness import Client, free_port, process, report, scratch
from shoal.api import build_app, serve_api
from shoal.domain import Capability, CheckResult, Record, Scheme
from shoal.domain.link import Link
from shoal.links.codes import new_code
from shoal.net.clock import SystemClock
from shoal.options import ApiOptions
from shoal.stores.sqlite import SqliteStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.fakes import FakeProber, FakeVantage
from shoal.testing.simulation import Engine

FOLLOWED = 10_000
FEEDBACK = """
wrk.method = "POST"
wrk.body = '{"proxy": "127.0.0.1:8080", "ok": true, "latency_ms": 120}'
wrk.headers["Content-Type"] = "application/json"
"""
REDIRECT = """
local codes = {}
for line in io.lines("%s") do codes[#codes + 1] = line end
request = function() return wrk.format("GET", "/s/" .. codes[math.random(#codes)]) end
"""


async def no_check(record: Record) -> CheckResult:
    raise AssertionError("nothing is checked here")


async def fill_links(file: Path, count: int, codes: Path) -> None:
    """A store with so many links; a sample of their codes, from all over, goes into ``codes``."""
    store = SqliteStore(file)
    await store.open()
    await store.put_link(Link("first", "https://example.com/", created_at=1.0))
    await store.close()
    made = [new_code(secrets.randbelow) for _ in range(count)]
    rows = ((code, f"https://example.com/{number}") for number, code in enumerate(made))
    with sqlite3.connect(file) as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO links (code, target, kind, permanent, preview, created_at, expires_at, click_limit)"
            " VALUES (?, ?, 'url', 0, 0, 1, 0, 0)",
            rows,
        )
    codes.write_text("\n".join(Random(1).sample(made, min(FOLLOWED, count))))


async def serve(size: int, port: int, file: Path) -> None:
    gc.set_threshold(50_000, 20, 50)  # as shoal.app does
    clock = SystemClock()
    store = SqliteStore(file)
    await store.open()
    engine = Engine(store=store, prober=FakeProber(no_check), vantage=FakeVantage(), clock=clock, rng=Random(1))
    both = frozenset({Capability.FORWARD, Capability.TUNNEL})
    for number in range(1, size + 1):
        path = make_path(Scheme.HTTP, last_ok=clock.now(), capabilities=both, latency=0.1 + number % 50 / 50)
        record = make_record(number, paths=(path,), checks=1, first_seen=clock.now(), last_seen=clock.now())
        engine.pool.apply(replace(record, next_check=clock.now() + 1e6), clock.now())
    await store.add([make_admitted(1)], clock.now())
    app = build_app(engine.service, ApiOptions(), version="benchmark")
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    listener.setblocking(False)
    handle = await serve_api(app, "127.0.0.1", port, listener=listener)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.recorder.run(), name="recorder")
        tasks.create_task(handle.wait(), name="api")


def cpu_of(pids: Sequence[int]) -> float:
    """Seconds of user and system time of processes and their children."""
    return sum(Gateway("", 0, pid, True).cpu() for pid in pids)


class Load:
    """wrk against one server."""

    def __init__(self, seconds: float, repeats: int) -> None:
        self._seconds = seconds
        self._repeats = repeats

    def measure(self, port: int, path: str, pids: Sequence[int], script: Path | None = None) -> dict[str, float]:
        return min((self._once(port, path, pids, script) for _ in range(self._repeats)), key=lambda row: row["cpu_us"])

    def _once(self, port: int, path: str, pids: Sequence[int], script: Path | None) -> dict[str, float]:
        connections = 2 if "limit=" in path else 32
        words = ["wrk", "-t1", f"-c{connections}", f"-d{self._seconds:g}s", "--latency", "--timeout", "30s"]
        if script is not None:
            words += ["-s", str(script)]
        before, begin = cpu_of(pids), time.monotonic()
        done = subprocess.run([*words, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
        spent, passed = cpu_of(pids) - before, time.monotonic() - begin
        requests = max(1, int(re.findall(r"(\d+) requests in", done.stdout)[0]))
        wrong = re.findall(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
        p99 = re.findall(r"99%\s+([0-9.]+)(us|ms|s|m)", done.stdout)[0]
        return {
            "rps": requests / passed,
            "cpu_us": 1e6 * spent / requests,
            "p99_ms": float(p99[0]) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[p99[1]],
            "wrong": float(wrong[0]) if wrong else 0.0,
        }


def one_size(size: int, links: Path, load: Load, folder: Path) -> dict[str, dict[str, float]]:
    port = free_port()
    feedback, redirect = folder / "feedback.lua", folder / "redirect.lua"
    feedback.write_text(FEEDBACK)
    redirect.write_text(REDIRECT % links.with_suffix(".txt"))
    words = (sys.executable, __file__, "--serve", str(size), str(port), str(links))
    with process(words, folder / "server.log") as child:
        client = Client(port)
        begin = time.monotonic()
        while client.get("/healthz")[0] != 200:
            if child.poll() is not None or time.monotonic() - begin > 300:
                raise SystemExit(f"the server did not start: {(folder / 'server.log').read_text()[-800:]}")
            time.sleep(0.1)
        client.get("/v1/proxies?limit=100")  # the order is made when it is first asked for
        return {
            name: load.measure(port, path, [child.pid], script)
            for name, path, script in (
                ("get", "/get/", None),
                ("pick", "/v1/proxies/pick", None),
                ("list", "/v1/proxies?limit=100", None),
                ("feedback", "/v1/feedback", feedback),
                ("redirect", "/", redirect),
            )
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--no-peer", action="store_true", help="leave proxy_pool's approach out")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        size, port, file = arguments.serve
        uvloop.run(serve(int(size), int(port), Path(file)))
        return
    if shutil.which("wrk") is None:
        raise SystemExit("this needs wrk: apt-get install wrk")
    load = Load(arguments.seconds, arguments.repeats)
    lines: list[tuple[str, str]] = []
    figures: dict[str, dict[str, dict[str, float]]] = {}

    def show(label: str, row: dict[str, float], bare: float) -> None:
        spent = f"{row['cpu_us']:8.0f} us CPU {row['cpu_us'] / bare:7.2f} x empty"
        text = f"{spent} {row['rps']:8.0f}/s  p99 {row['p99_ms']:.1f} ms"
        lines.append((label, text + (f"  {row['wrong']:.0f} refused" if row["wrong"] else "")))

    with scratch() as folder:
        links = folder / "links.db"
        asyncio.run(fill_links(links, arguments.links, links.with_suffix(".txt")))
        environment = None if arguments.no_peer else peer_environment(folder)
        for size in arguments.sizes:
            # Beside each size anew, since what else runs on the machine changes.
            with empty_starlette(folder) as (port, pid):
                empty = load.measure(port, "/empty", [pid])
            found = {"empty": empty, **one_size(size, links, load, folder)}
            if environment is not None:
                with proxy_pool(folder, size, environment) as (port, pids):
                    found["proxy_pool's way"] = load.measure(port, "/get/", pids)
            figures[str(size)] = found
            for name, row in found.items():
                show(f"{size:>7} {name}", row, empty["cpu_us"])
    report("api", {"links": arguments.links, "sizes": figures}, lines)


if __name__ == "__main__":
    main()
