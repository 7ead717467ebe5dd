"""The dashboard: what the first view weighs and how soon it stands, and what an open page costs the server.

    python benchmarks/dashboard.py [--sizes 1000 100000] [--seconds 60] [--rounds 2]

The process that serves holds a pool of so many live proxies in memory, counts them once a second as `shoal up` does,
sends its events and checks nothing. Its CPU (user and system) is read over so many seconds without a page and with one
open in Chromium on the overview, by turns; the least of each is taken. Chromium is not counted.

Aims: first view under 300 kB (whole, not packed) and under 1 s on loopback; an open page under 1 % of a core.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from pathlib import Path
from random import Random

import uvloop
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, sync_playwright

from _harness import Client, free_port, process, report, scratch
from shoal.api import build_app, serve_api
from shoal.app.engine import keep_counting
from shoal.domain import Capability, CheckResult, Record, Scheme
from shoal.net.clock import SystemClock
from shoal.options import ApiOptions
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_path, make_record
from shoal.testing.fakes import FakeProber, FakeVantage
from shoal.testing.simulation import Engine

COUNTRIES = ("US", "DE", "SG", "BR", "CN", "FR", "IN", "JP", "ZA", "GB")


async def no_check(record: Record) -> CheckResult:
    raise AssertionError("nothing is checked here")


async def serve(size: int, port: int) -> None:
    clock = SystemClock()
    store = MemoryStore()
    await store.open()
    engine = Engine(store=store, prober=FakeProber(no_check), vantage=FakeVantage(), clock=clock, rng=Random(1))
    both = frozenset({Capability.FORWARD, Capability.TUNNEL})
    for number in range(1, size + 1):
        path = make_path(Scheme.HTTP, last_ok=clock.now(), capabilities=both, latency=0.1 + number % 50 / 50)
        path = replace(path, country=COUNTRIES[number % len(COUNTRIES)])
        record = make_record(number, paths=(path,), checks=1, first_seen=clock.now(), last_seen=clock.now())
        engine.pool.apply(replace(record, next_check=clock.now() + 1e6), clock.now())
    handle = await serve_api(build_app(engine.service, ApiOptions(), version="benchmark"), "127.0.0.1", port)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_counting(engine.service, lambda text: None), name="counts")
        tasks.create_task(handle.wait(), name="api")


def cpu_of(pid: int) -> float:
    """Seconds of user and system time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(pid: int, seconds: float) -> float:
    """Share of a core that a process used in so many seconds from now."""
    before, begin = cpu_of(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_of(pid) - before) / (time.monotonic() - begin)


def opened(browser: Browser, port: int) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator(".tile.accent .figure").wait_for(timeout=60_000)
    return page


def first_view(browser: Browser, port: int) -> dict[str, float]:
    """Bytes and seconds until the figures stand, with nothing kept from before."""
    best = float("inf")
    for _ in range(5):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        begin = time.monotonic()
        page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
        page.locator(".tile.accent .figure").wait_for(timeout=60_000)
        best = min(best, time.monotonic() - begin)
        page.wait_for_timeout(500)
        sizes = "performance.getEntries().reduce((sum, one) => sum + (one.{} || 0), 0)"
        whole, sent = page.evaluate(sizes.format("decodedBodySize")), page.evaluate(sizes.format("transferSize"))
        context.close()
    return {"whole_kb": whole / 1000.0, "sent_kb": sent / 1000.0, "seconds": best}


def one_size(browser: Browser, size: int, seconds: float, rounds: int, folder: Path) -> dict[str, float]:
    port = free_port()
    words = (sys.executable, __file__, "--serve", str(size), str(port))
    with process(words, folder / "server.log") as child:
        client, begin = Client(port), time.monotonic()
        while client.get("/healthz")[0] != 200:
            if child.poll() is not None or time.monotonic() - begin > 300:
                raise SystemExit(f"the server did not start: {(folder / 'server.log').read_text()[-800:]}")
            time.sleep(0.2)
        view = first_view(browser, port)
        without, with_page, requests = [], [], []
        for _ in range(rounds):
            without.append(share(child.pid, seconds))
            page = opened(browser, port)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))  # noqa: B023 - closed in this round
            page.wait_for_timeout(3_000)
            begin = time.monotonic()
            before = cpu_of(child.pid)
            # Playwright's own wait, so that it hears what the page asks meanwhile.
            page.wait_for_timeout(1000.0 * seconds)
            with_page.append((cpu_of(child.pid) - before) / (time.monotonic() - begin))
            requests.append(len(asked))
            page.context.close()
        if not min(requests):
            raise SystemExit("the open page asked for nothing: it does not follow the pool")
        return {
            **view, "without": min(without), "with": min(with_page), "page": min(with_page) - min(without),
            "requests": min(requests),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(int(arguments.serve[0]), int(arguments.serve[1])))
        return
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    lines, figures = [], {}
    with scratch() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for size in arguments.sizes:
            found = one_size(browser, size, arguments.seconds, arguments.rounds, folder)
            figures[str(size)] = {name: round(value, 5) for name, value in found.items()}
            lines += [
                (f"{size:,} proxies: first view", f"{found['whole_kb']:.0f} kB ({found['sent_kb']:.0f} kB sent)"),
                ("  figures stand after", f"{found['seconds']:.2f} s"),
                ("  server without a page", f"{100 * found['without']:.2f} % of a core"),
                ("  server with one open", f"{100 * found['with']:.2f} % of a core"),
                (
                    "  so the page costs",
                    f"{100 * found['page']:.2f} % ({found['requests']:.0f} requests and its events)",
                ),
            ]
        browser.close()
    report("dashboard", {"sizes": figures}, lines)


if __name__ == "__main__":
    main()
