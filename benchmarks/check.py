"""CPU and memory of checks, beside bare clients that do the same exchange with no logic, in one run.

    python benchmarks/check.py [--checks N] [--rounds N] [--concurrency 100 1000 10000] [--only NAME ...] [--json FILE]

Parts: `echo` and `signed` (quick re-checks of living http proxies by the echo, and by signed documents in turn), `tls`
(re-check through a tunnel with verified TLS), `memory` (of one such check that waits for its answer), `holes` (10,000
black holes in flight), `mixed` (90 % dead, a third of them black holes: wall time beside its bound), `profile` (the
full profile of an http proxy with TLS, beside the same exchanges and handshakes done bare), `processes` (what `shoal
check` spends in one process, and in the parent and each of two), `proxybroker2` (in a temporary virtual environment, or
with --peer FOLDER one made by `python -m venv FOLDER && FOLDER/bin/pip install proxybroker2`).

A child process (on a core of its own where there are two) answers like an http proxy with a keyed judge behind it.
Rounds alternate, so that a change of the machine's mood meets both; the median counts. Both clients make a new
connection for each exchange and bound their concurrency with the same number of workers.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path as FilePath
from typing import Any

import uvloop
from msgspec.structs import replace

from _check_world import KEY, World, bare_exchange, bare_request, bare_tls, world
from shoal.domain import Capability, Credentials, Endpoint, Path, Record, Scheme, Trust, record_id
from shoal.domain.health import Health
from shoal.net.nonces import Nonces
from shoal.options import AdmissionOptions, CheckOptions, JudgeOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.discovery import ROTATION
from shoal.probe import JudgePanel, NetProber, parse_judge
from shoal.probe.connection import Exchange
from shoal.upstream import make_contexts

AIM = 1.5
PATIENT = {"timeout": 120.0, "connect_timeout": 120.0, "handshake_timeout": 120.0}
"""Processor time is measured: a machine that is busy with something else must not make checks fail."""
PARTS = ("echo", "signed", "tls", "profile", "memory", "holes", "mixed", "processes", "proxybroker2")


class WallClock:
    def now(self) -> float:
        return time.time()


class NoResolver:
    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        return (host,)


nonce = Nonces()


async def prober_for(where: World, *, tls: bool = False, **options: float) -> NetProber:
    contexts = make_contexts(where.ca)
    port = where.judge_tls if tls else where.plain
    judge = parse_judge(f"http{'s' * tls}://127.0.0.1:{port}/check/#key={KEY.decode()}")
    panel = JudgePanel([judge], JudgeOptions(), NoResolver(), WallClock(), nonce, contexts)
    await panel.round()
    assert panel.healthy, panel.judges
    assert tls or panel.at_hand.signs
    rules = AddressRules.from_options(AdmissionOptions(allow=("127.0.0.0/8",)))
    return NetProber(CheckOptions(**options), panel, NoResolver(), rules.refusal, WallClock(), nonce, contexts)


def record_at(port: int, *can: Capability, scheme: Scheme = Scheme.HTTP) -> Record:
    endpoint = Endpoint("127.0.0.1", port)
    paths = (Path(scheme, Health.of(last_ok=1.0), frozenset(can)),) if can else ()
    return Record(record_id(str(endpoint)), str(endpoint), endpoint, claims=(scheme,), trust=Trust.OWN, paths=paths)


async def in_parallel(total: int, concurrency: int, once: Callable[[int], Awaitable[None]]) -> float:
    """CPU seconds of this process for ``total`` calls."""
    numbers = count()

    async def worker() -> None:
        while (number := next(numbers)) < total:
            await once(number)

    gc.collect()
    begun = time.process_time()
    async with asyncio.TaskGroup() as group:
        for number in range(min(concurrency, total)):
            group.create_task(worker(), name=f"worker {number}")
    return time.process_time() - begun


async def compare(
    name: str,
    options: argparse.Namespace,
    bare: Callable[[int], Awaitable[None]],
    ours: Callable[[int], Awaitable[None]],
    levels: list[int],
    checks: int,
) -> list[dict[str, Any]]:
    rows = []
    for level in levels:
        total = max(checks, level)
        await in_parallel(total // 4, level, bare)
        await in_parallel(total // 4, level, ours)
        bares: list[float] = []
        mine: list[float] = []
        for _ in range(options.rounds):
            bares.append(await in_parallel(total, level, bare) / total * 1000)
            mine.append(await in_parallel(total, level, ours) / total * 1000)
        ratio = statistics.median(own / least for own, least in zip(mine, bares, strict=True))
        rows.append(
            {
                "part": name,
                "concurrency": level,
                "bare_cpu_s_per_1000": statistics.median(bares),
                "shoal_cpu_s_per_1000": statistics.median(mine),
                "ratio": ratio,
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    return rows


async def plain(where: World, options: argparse.Namespace, name: str) -> list[dict[str, Any]]:
    prober = await prober_for(where, **PATIENT)
    known = record_at(where.plain, Capability.FORWARD)
    turns = [replace(known, checks=number) for number in range(len(ROTATION))]
    asked = [prober_page(turn) for turn in turns]
    if name == "echo":
        turns = [turn for turn, page in zip(turns, asked, strict=True) if not page]
        asked = [""]
    requests = [bare_request(where.plain, page or "/check/?format=json") for page in asked]

    async def bare(number: int) -> None:
        await bare_exchange(where.plain, requests[number % len(requests)])

    async def ours(number: int) -> None:
        result = await prober.check(turns[number % len(turns)])
        assert result.works and result.failure is None, result

    return await compare(name, options, bare, ours, options.concurrency, options.checks)


def prober_page(record: Record) -> str:
    from shoal.policy.discovery import Judges, situation_of

    return situation_of(record, False, Judges(True, signs=True)).page


async def tls(where: World, options: argparse.Namespace) -> list[dict[str, Any]]:
    prober = await prober_for(where, tls=True, **PATIENT)
    known = record_at(where.plain, Capability.TUNNEL)
    context = ssl.create_default_context(cafile=where.ca)
    request = bare_request(where.plain, "/check/?format=json").replace(b"http://127.0.0.1:%d" % where.plain, b"")

    async def bare(number: int) -> None:
        await bare_tls(where.plain, request, context)

    async def ours(number: int) -> None:
        result = await prober.check(known)
        assert result.works, result

    levels = [level for level in options.concurrency if level <= 1000]
    return await compare("tls", options, bare, ours, levels, options.checks // 5)


async def profile(where: World, options: argparse.Namespace) -> list[dict[str, Any]]:
    """All that a first success costs: echo, documents, tunnel with TLS, documents through it, a strange name.

    The exchanges of one check are written down and then done bare: as many, with the same requests and handshakes."""
    contexts = make_contexts(where.ca)
    judges = [
        parse_judge(f"{kind}://127.0.0.1:{port}/check/#key={KEY.decode()}")
        for kind, port in (("http", where.plain), ("https", where.judge_tls))
    ]
    panel = JudgePanel(judges, JudgeOptions(), NoResolver(), WallClock(), nonce, contexts)
    await panel.round()
    rules = AddressRules.from_options(AdmissionOptions(allow=("127.0.0.0/8",)))
    prober = NetProber(CheckOptions(), panel, NoResolver(), rules.refusal, WallClock(), nonce, contexts)
    unknown = record_at(where.plain)
    done: list[tuple[bytes, bool]] = []
    run = Exchange.run

    async def noted(exchange: Exchange, *where: Any, **bounds: Any) -> None:
        plan = exchange._plan
        done.append((exchange._request, plan is not None and plan._target.tls is not None))
        await run(exchange, *where, **bounds)

    Exchange.run = noted  # type: ignore[method-assign]
    try:
        result = await prober.check(unknown, full=True)
    finally:
        Exchange.run = run  # type: ignore[method-assign]
    assert result.works and result.honesty == "clean" and "tunnel" in result.capabilities, result
    context = ssl.create_default_context(cafile=where.ca)

    async def bare(number: int) -> None:
        for request, secure in done:
            if secure:
                await bare_tls(where.plain, request, context)
            else:
                await bare_exchange(where.plain, request)

    async def ours(number: int) -> None:
        assert (await prober.check(unknown, full=True)).works

    levels = [level for level in options.concurrency if level <= 1000]
    rows = await compare("profile", options, bare, ours, levels, max(100, options.checks // 20))
    for row in rows:
        row |= {"exchanges": len(done), "handshakes": sum(secure for _, secure in done)}
    return rows


async def processes(where: World, number: int) -> list[dict[str, Any]]:
    """The same list by one process and by two: CPU seconds of the parent and of each worker.

    Two free cores are rarely to be had where a benchmark runs, so what is told is how much faster two would be by what
    each process spends: the whole of one, over the larger of parent and worker."""
    from shoal.app import open_checker
    from shoal.domain import Candidate
    from shoal.options import Options

    options = Options(
        check=CheckOptions(concurrency=200),
        judge=JudgeOptions(urls=(f"http://127.0.0.1:{where.plain}/check/#key={KEY.decode()}",), ca_file=where.ca),
        admission=AdmissionOptions(allow=("127.0.0.0/8",)),
    )
    logins = [Credentials(f"u{n}", "p") for n in range(number)]
    entries = [Candidate(Endpoint("127.0.0.1", where.plain), Scheme.HTTP, login) for login in logins]
    spent: dict[int, tuple[float, float]] = {}
    for count_ in (1, 2):
        gc.collect()
        async with open_checker(options, count_) as checker:
            await asyncio.wait_for(checker.vantage.wait_healthy(), 60)
            begun, started = time.process_time(), cpu_of_children()
            working = 0
            async for entry in checker.run(entries):
                working += entry.result is not None and entry.result.works
            mine, theirs = time.process_time() - begun, cpu_of_children() - started
        assert working == number, working
        spent[count_] = (mine, theirs)
    alone = spent[1][0]
    parent, workers = spent[2]
    return [
        {
            "part": "processes",
            "checks": number,
            "one_cpu_s_per_1000": alone / number * 1000,
            "two_parent_cpu_s_per_1000": parent / number * 1000,
            "two_worker_cpu_s_per_1000": workers / 2 / number * 1000,
            # The parent shares the cores with its workers.
            "speed_up_on_two_free_cores": alone / ((parent + workers) / 2),
        }
    ]


def cpu_of_children() -> float:
    """Processor seconds of the workers that this process has started and that still run."""
    children = FilePath(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    total = 0.0
    for child in children:
        if b"shoal.cli.worker" not in FilePath(f"/proc/{child}/cmdline").read_bytes():
            continue
        fields = FilePath(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def resident() -> int:
    return int(FilePath("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def in_flight(where: World, kind: str, number: int, pipe: Any) -> None:
    """In a process of its own: bytes of one exchange that waits for its answer, TLS handshake done."""

    async def main() -> int:
        if kind == "bare":
            context = ssl.create_default_context(cafile=where.ca)
            request = bare_request(where.plain, "/").replace(b"http://127.0.0.1:%d" % where.plain, b"")

            async def once() -> object:
                return await bare_tls(where.stalled, request, context)
        else:
            prober = await prober_for(where, tls=True, timeout=120.0)
            known = record_at(where.stalled, Capability.TUNNEL)

            async def once() -> object:
                return await prober.check(known)

        loop = asyncio.get_running_loop()
        warm = [loop.create_task(once()) for _ in range(20)]
        await asyncio.sleep(1.0)
        gc.collect()
        before = resident()
        tasks = [loop.create_task(once()) for _ in range(number)]
        await asyncio.sleep(1.0 + number / 200)
        assert not any(task.done() for task in tasks)
        used = resident() - before
        for task in (*warm, *tasks):
            task.cancel()
        await asyncio.gather(*warm, *tasks, return_exceptions=True)
        return used // number

    pipe.send(uvloop.run(main()))


def memory(where: World, number: int = 1000) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    sizes = {}
    for kind in ("bare", "shoal"):
        ours, theirs = context.Pipe()
        child = context.Process(target=in_flight, args=(where, kind, number, theirs))
        child.start()
        sizes[kind] = ours.recv()
        child.join()
    ratio = sizes["shoal"] / sizes["bare"]
    return {"part": "memory", "bare_bytes": sizes["bare"], "shoal_bytes": sizes["shoal"], "ratio": ratio}


async def holes(where: World, number: int = 10_000, seconds: float = 5.0) -> dict[str, Any]:
    """CPU while so many connects hang, after they were all begun."""
    prober = await prober_for(where, timeout=60.0, connect_timeout=60.0)
    record = record_at(where.black_hole)
    loop = asyncio.get_running_loop()
    before = resident()
    tasks = [loop.create_task(prober.check(record)) for _ in range(number)]
    await asyncio.sleep(3.0)
    in_the_air = sum(not task.done() for task in tasks)
    used = resident() - before
    begun, at = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    share = (time.process_time() - begun) / (time.monotonic() - at)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"part": "holes", "in_flight": in_the_air, "core_share": share, "bytes_each": used // number}


async def mixed(where: World, number: int = 6000, concurrency: int = 1000, timeout: float = 2.0) -> dict[str, Any]:
    """10 % alive, 60 % refuse, 30 % never answer."""
    prober = await prober_for(where, timeout=timeout, connect_timeout=timeout)
    kinds = [where.plain] + [where.dead] * 6 + [where.black_hole] * 3
    records = [record_at(port) for port in kinds]
    working = 0

    async def ours(at: int) -> None:
        nonlocal working
        result = await prober.check(records[at % 10])
        working += result.works

    begun = time.monotonic()
    cpu = await in_parallel(number, concurrency, ours)
    wall = time.monotonic() - begun
    bound = timeout * number / concurrency * 1.1
    assert working == number // 10, working
    return {
        "part": "mixed",
        "checks": number,
        "cpu_s_per_1000": cpu / number * 1000,
        "wall_s": wall,
        "bound_s": bound,
        "holes_alone_s": timeout * number * 0.3 / concurrency,
    }


@contextmanager
def peer(folder: FilePath | None) -> Iterator[FilePath]:
    """A virtual environment with proxybroker2: the given one, or a temporary one from the package registry."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="shoal-peer-") as made:
        venv.create(made, with_pip=True)
        words = [f"{made}/bin/pip", "install", "--quiet", "--disable-pip-version-check", "proxybroker2"]
        subprocess.run(words, check=False, timeout=600)
        yield FilePath(made)


def proxybroker2(python: FilePath, number: int) -> dict[str, Any]:
    """The peer's own checker over as many living proxies; it has no TLS verification and no nonce in our sense."""
    script = FilePath(__file__).with_name("_proxybroker2.py")
    words = [str(python / "bin" / "python"), str(script), str(number)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        return {"part": "proxybroker2", "error": done.stderr.strip().splitlines()[-1:]}
    return {"part": "proxybroker2", **json.loads(done.stdout.splitlines()[-1])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=5000, help="checks in one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peer", type=FilePath, help="virtual environment that holds proxybroker2")
    parser.add_argument("--json", type=FilePath, help="write the figures here as well")
    parser.add_argument("--profile", action="store_true", help="print where our own time goes instead")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.set_threshold(50_000, 20, 50)  # as shoal.app does
    rows: list[dict[str, Any]] = []
    with world() as where:
        if options.profile:
            return _profile(where, options)
        for part in options.only:
            if part in ("echo", "signed"):
                rows += uvloop.run(plain(where, options, part))
            elif part == "tls":
                rows += uvloop.run(tls(where, options))
            elif part == "memory":
                rows.append(memory(where))
            elif part == "holes":
                rows.append(uvloop.run(holes(where)))
            elif part == "mixed":
                rows.append(uvloop.run(mixed(where)))
            elif part == "profile":
                rows += uvloop.run(profile(where, options))
            elif part == "processes":
                rows += uvloop.run(processes(where, options.checks // 5))
            else:
                with peer(options.peer) as folder:
                    rows.append(proxybroker2(folder, 2000))
    print(f"{options.rounds} rounds of {options.checks}, medians (aims: CPU ratio {AIM}, memory ratio 1.3)")
    for row in rows:
        print(
            "  ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()
            )
        )
    text = json.dumps({"benchmark": "check", "rows": rows})
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")
    return 0


def _profile(where: World, options: argparse.Namespace) -> int:
    import cProfile
    import pstats

    options.rounds, options.concurrency = 1, [100]
    profile = cProfile.Profile()
    profile.runcall(uvloop.run, plain(where, options, options.only[0]))
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
