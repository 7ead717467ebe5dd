"""The API under load by wrk: CPU a request beside an empty route in the same process, by size of the pool.

    python benchmarks/api.py [--sizes 100 10000 100000] [--seconds 4] [--links 100000]

The process that serves holds a pool of so many live proxies in memory and so many links in a SQLite file, and checks
nothing. The empty route is a Starlette one that answers `{}`, behind the same guard. wrk (Debian package of that name)
asks over 32 connections, over 2 for lists. CPU is the server's user and system time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import uvloop
from msgspec.structs import replace
from starlette.responses import Response
from starlette.routing import Route

from _harness import Client, free_port, process, report, scratch
from shoal.api import build_app, serve_api
from shoal.domain import Capability, CheckResult, Record, Scheme
from shoal.domain.link import Link
from shoal.net.clock import SystemClock
from shoal.options import ApiOptions
from shoal.stores.sqlite import SqliteStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.fakes import FakeProber, FakeVantage
from shoal.testing.simulation import Engine

LINK = "benchmark"
BATCH = 2_000
FEEDBACK = """
wrk.method = "POST"
wrk.body = '{"proxy": "127.0.0.1:8080", "ok": true, "latency_ms": 120}'
wrk.headers["Content-Type"] = "application/json"
"""


async def no_check(record: Record) -> CheckResult:
    raise AssertionError("nothing is checked here")


async def serve(size: int, links: int, port: int, folder: Path) -> None:
    clock = SystemClock()
    store = SqliteStore(folder / "links.db")
    await store.open()
    engine = Engine(store=store, prober=FakeProber(no_check), vantage=FakeVantage(), clock=clock, rng=Random(1))
    both = frozenset({Capability.FORWARD, Capability.TUNNEL})
    for number in range(1, size + 1):
        path = make_path(Scheme.HTTP, last_ok=clock.now(), capabilities=both, latency=0.1 + number % 50 / 50)
        record = make_record(number, paths=(path,), checks=1, first_seen=clock.now(), last_seen=clock.now())
        engine.pool.apply(replace(record, next_check=clock.now() + 1e6), clock.now())
    await store.add([make_admitted(1)], clock.now())
    await store.put_link(Link(LINK, "https://example.com/", created_at=clock.now()))
    for start in range(0, links, BATCH):
        made = (
            Link(secrets.token_hex(6), f"https://example.com/{start + n}") for n in range(min(BATCH, links - start))
        )
        await asyncio.gather(*(store.put_link(link) for link in made))
    app = build_app(engine.service, ApiOptions(), version="benchmark")

    async def empty(request: Any) -> Response:
        return Response(b"{}", media_type="application/json")

    app.router.routes.insert(0, Route("/healthz/empty", empty))
    handle = await serve_api(app, "127.0.0.1", port, listener=_listener(port))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.recorder.run(), name="recorder")
        tasks.create_task(handle.wait(), name="api")


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    listener.setblocking(False)
    return listener


def cpu_of(pid: int) -> float:
    """Seconds of user and system time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, path: str, pid: int, seconds: float, script: Path | None) -> dict[str, float]:
    connections = 2 if "limit=" in path else 32
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout", "30s"]
    if script is not None:
        words += ["-s", str(script)]
    before = cpu_of(pid)
    done = subprocess.run([*words, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    spent = cpu_of(pid) - before
    requests = max(1, int(re.findall(r"(\d+) requests in", done.stdout)[0]))
    wrong = re.findall(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    p99 = re.findall(r"99%\s+([0-9.]+)(us|ms|s)", done.stdout)[0]
    return {
        "rps": requests / seconds,
        "cpu_us": 1e6 * spent / requests,
        "p99_ms": float(p99[0]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[p99[1]],
        "wrong": float(wrong[0]) if wrong else 0.0,
    }


def one_size(size: int, links: int, seconds: float, folder: Path) -> dict[str, dict[str, float]]:
    port = free_port()
    script = folder / "feedback.lua"
    script.write_text(FEEDBACK)
    words = (sys.executable, __file__, "--serve", str(size), str(links), str(port), str(folder))
    with process(words, folder / "server.log") as child:
        client = Client(port)
        begin = time.monotonic()
        while client.get("/healthz")[0] != 200:
            if child.poll() is not None or time.monotonic() - begin > 300:
                raise SystemExit(f"the server did not start: {(folder / 'server.log').read_text()[-800:]}")
            time.sleep(0.1)
        return {
            name: load(port, path, child.pid, seconds, script if name == "feedback" else None)
            for name, path in (
                ("empty", "/healthz/empty"),
                ("get", "/get/"),
                ("pick", "/v1/proxies/pick"),
                ("list", "/v1/proxies?limit=100"),
                ("feedback", "/v1/feedback"),
                ("redirect", f"/s/{LINK}"),
            )
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        size, links, port, folder = arguments.serve
        uvloop.run(serve(int(size), int(links), int(port), Path(folder)))
        return
    if shutil.which("wrk") is None:
        raise SystemExit("this needs wrk: apt-get install wrk")
    lines, figures = [], {}
    for size in arguments.sizes:
        with scratch() as folder:
            found = one_size(size, arguments.links, arguments.seconds, folder)
        figures[str(size)] = found
        for name, row in found.items():
            ratio = row["cpu_us"] / found["empty"]["cpu_us"]
            text = f"{row['cpu_us']:8.0f} us CPU  {ratio:6.2f} x empty  {row['rps']:8.0f}/s  p99 {row['p99_ms']:.1f} ms"
            lines.append((f"{size:>7} {name}", text + (f"  {row['wrong']:.0f} refused" if row["wrong"] else "")))
    report("api", {"links": arguments.links, "sizes": figures}, lines)


if __name__ == "__main__":
    main()
