"""CPU seconds per 1,000 checks, beside a bare uvloop client that does the same exchange with no logic.

    python benchmarks/check.py [--checks N] [--rounds N] [--concurrency 100 1000] [--json FILE]

A child process (on a core of its own where there are two) answers like an http proxy with a keyed judge behind it: the
nonce comes back, signed. Rounds alternate, so that a change of the machine's mood meets both; the median counts. Both
clients make a new connection for each exchange and bound their concurrency with the same number of workers.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import re
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path as FilePath

import uvloop

from shoal.domain import Capability, Endpoint, Path, Record, Scheme, Trust, record_id
from shoal.domain.health import Health
from shoal.domain.judge import judge_mac
from shoal.options import AdmissionOptions, CheckOptions, JudgeOptions
from shoal.policy.address_rules import AddressRules
from shoal.probe import JudgePanel, NetProber, parse_judge
from shoal.upstream import make_contexts

KEY = b"benchmark"
EXIT = "203.0.113.9"
AIM = 1.5


class Upstream(asyncio.Protocol):
    """Answers any request that carries a nonce as our judge would, without a proxy in between."""

    _nonce = re.compile(rb"nonce=([0-9a-f]{32})")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        found = self._nonce.search(data)
        if found is None:
            self.transport.abort()
            return
        nonce = found[1].decode()
        headers = [line.decode().split(": ", 1) for line in data.split(b"\r\n")[1:-2]]
        body = json.dumps(
            {
                "address": EXIT,
                "port": 40000,
                "nonce": nonce,
                "mac": judge_mac(KEY, nonce, EXIT),
                "method": "GET",
                "target": f"/check/?format=json&nonce={nonce}",
                "version": "1.1",
                "headers": headers,
                "scheme": "http",
                "time": 0.0,
            }
        ).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nServer: judge\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
            b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )


def serve(pipe: Connection, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    uvloop.run(main())


class BareClient(asyncio.Protocol):
    """The least that can be done: connect, write, read up to Content-Length, close."""

    __slots__ = ("buffer", "done", "request", "transport", "wanted")

    def __init__(self, request: bytes, done: asyncio.Future[None]) -> None:
        self.request = request
        self.done = done
        self.buffer = b""
        self.wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.wanted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            at = self.buffer.find(b"Content-Length: ") + 16
            self.wanted = end + 4 + int(self.buffer[at : self.buffer.find(b"\r", at)])
        if len(self.buffer) >= self.wanted and not self.done.done():
            self.transport.abort()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or EOFError())


async def bare_exchange(port: int, request: bytes) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    await loop.create_connection(lambda: BareClient(request, done), "127.0.0.1", port)
    await done


async def in_parallel(total: int, concurrency: int, once: Callable[[], Awaitable[None]]) -> float:
    """CPU seconds of this process for ``total`` calls."""
    numbers = count()

    async def worker() -> None:
        while next(numbers) < total:
            await once()

    gc.collect()
    begun = time.process_time()
    async with asyncio.TaskGroup() as group:
        for number in range(concurrency):
            group.create_task(worker(), name=f"worker {number}")
    return time.process_time() - begun


class WallClock:
    def now(self) -> float:
        return time.time()


class NoResolver:
    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        return (host,)


async def measure(port: int, checks: int, rounds: int, levels: list[int]) -> list[dict[str, float]]:
    def nonce() -> str:
        return os.urandom(16).hex()

    contexts = make_contexts()
    resolver = NoResolver()
    judge = parse_judge(f"http://127.0.0.1:{port}/check/#key={KEY.decode()}")
    panel = JudgePanel([judge], JudgeOptions(), resolver, WallClock(), nonce, contexts)
    await panel.round()
    assert panel.healthy, panel.judges
    rules = AddressRules.from_options(AdmissionOptions(allow=("127.0.0.0/8",)))
    prober = NetProber(CheckOptions(), panel, resolver, rules.refusal, WallClock(), nonce, contexts)
    known = Path(Scheme.HTTP, Health(last_ok=1.0), frozenset({Capability.FORWARD}))
    endpoint = Endpoint("127.0.0.1", port)
    record = Record(record_id(str(endpoint)), str(endpoint), endpoint, trust=Trust.OWN, paths=(known,))

    async def ours() -> None:
        result = await prober.check(record)
        assert result.works, result

    agent = "Mozilla/5.0 (compatible; Shoal)"
    request = (
        f"GET http://127.0.0.1:{port}/check/?format=json&nonce={nonce()} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"User-Agent: {agent}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode()

    async def bare() -> None:
        await bare_exchange(port, request)

    rows: list[dict[str, float]] = []
    for level in levels:
        await in_parallel(checks // 4, level, bare)
        await in_parallel(checks // 4, level, ours)
        bares: list[float] = []
        checked: list[float] = []
        for _ in range(rounds):
            bares.append(await in_parallel(checks, level, bare) / checks * 1000)
            checked.append(await in_parallel(checks, level, ours) / checks * 1000)
        ratios = [ours_ / bare_ for ours_, bare_ in zip(checked, bares, strict=True)]
        rows.append(
            {
                "concurrency": level,
                "bare_cpu_s_per_1000": statistics.median(bares),
                "shoal_cpu_s_per_1000": statistics.median(checked),
                "ratio": statistics.median(ratios),
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=5000, help="checks in one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--json", type=FilePath, help="write the figures here as well")
    parser.add_argument("--profile", action="store_true", help="print where our own time goes instead")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192 and (hard == resource.RLIM_INFINITY or hard >= 8192):
        resource.setrlimit(resource.RLIMIT_NOFILE, (8192, hard))
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=serve, args=(theirs, cores[1] if len(cores) > 1 else None), daemon=True)
    child.start()
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[0]})
    try:
        port = ours.recv()
        if options.profile:
            return _profile(port, options.checks)
        rows = uvloop.run(measure(port, options.checks, options.rounds, options.concurrency))
    finally:
        child.terminate()
        child.join()
    print(f"plain http re-check, {options.rounds} rounds of {options.checks}, medians (aim: ratio at most {AIM})")
    print(f"{'concurrency':>12} {'bare s/1000':>12} {'shoal s/1000':>13} {'ratio':>7} {'peak MiB':>9}")
    for row in rows:
        print(
            f"{row['concurrency']:>12.0f} {row['bare_cpu_s_per_1000']:>12.4f} {row['shoal_cpu_s_per_1000']:>13.4f} "
            f"{row['ratio']:>7.2f} {row['peak_memory_mib']:>9.0f}"
        )
    text = json.dumps({"benchmark": "check", "rows": rows})
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")
    return 0


def _profile(port: int, checks: int) -> int:
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(uvloop.run, measure(port, checks, 1, [100]))
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
