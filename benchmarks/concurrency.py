"""Loop, threads, processes, coroutines, processes x coroutines: the pool's own two jobs by each of them.

    python benchmarks/concurrency.py [--levels 10 100 1000 10000] [--seconds 3] [--rounds 2] [--json FILE] [--svg FILE]

`check` asks a proxy of a lab on loopback for a signed nonce and verifies it (waiting: 0.35 s a check, work: well under
a millisecond); `parse` reads the proxies out of a list page of ten rows (no waiting). Each cell of the table is a
process of its own that keeps so many jobs in flight for so many seconds, and a second more for each 2,000 of them,
since starting workers takes time. Throughput is jobs finished by seconds passed, starting and ending the workers
included; CPU is that of the cell and its children; memory the peak of their PSS, so what processes share counts once;
threads the most that were seen at one moment. The best of the rounds stands for throughput, the least for CPU and
memory: other work on the machine can only make them worse. The lab itself runs on the same cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from _concurrency_jobs import JOBS, pages
from _concurrency_models import MODELS
from _concurrency_world import world
from _plot import Panel, Series, draw

PROCESS_LIMIT = 100
"""Processes at most: a thousand interpreters need gigabytes."""


def cell(request: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own."""
    work: list[Any] = [tuple(place) for place in request["places"]] if request["job"] == "check" else pages()
    begun, used = time.monotonic(), cpu_seconds()
    try:
        deadline = begun + request["seconds"] + request["at_once"] / 2000
        done, good = MODELS[request["model"]](request["job"], work, request["at_once"], deadline)
    except (RuntimeError, OSError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    elapsed, cpu = time.monotonic() - begun, cpu_seconds() - used
    return {
        "done": done,
        "good": good,
        "per_second": done / elapsed,
        "cpu_ms": cpu / done * 1000,
        "cores": cpu / elapsed,
    }


def cpu_seconds() -> float:
    """Of this process and its ended children."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


class Watch:
    """Samples the PSS and the threads of a process and its children until the block ends."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.memory = self.threads = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        wait = 0.1
        while not self._over.wait(wait):
            begun = time.monotonic()
            family = (self._pid, *children(self._pid))
            self.memory = max(self.memory, sum(map(pss, family)))
            self.threads = max(self.threads, sum(map(thread_count, family)))
            # Looking takes time too, which must not be what is measured.
            wait = max(0.2, 10 * (time.monotonic() - begun))


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def pss(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0]) * 1024
    return 0


def thread_count(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/status").read_text().partition("\nThreads:")[2].split()[0])
    return 0


def measure(request: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--cell", json.dumps(request)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child, Watch(child.pid) as seen:
        assert child.stdout is not None
        line = child.stdout.readline()
        child.wait()
    if not line:
        return {"error": f"ended with status {child.returncode}"}
    return {**json.loads(line), "memory_mib": seen.memory / 2**20, "threads": seen.threads}


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    well = [one for one in rounds if "error" not in one]
    if not well:
        return rounds[0]
    return {
        **max(well, key=lambda one: one["per_second"]),
        "cpu_ms": min(one["cpu_ms"] for one in well),
        "memory_mib": min(one["memory_mib"] for one in well),
        "threads": max(one["threads"] for one in well),
    }


def levels_of(model: str, levels: list[int]) -> list[int]:
    if model == "loop":
        return levels[:1]
    return [level for level in levels if level <= PROCESS_LIMIT] if model == "processes" else levels


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with world() as places:
        for job in options.jobs:
            for model in MODELS:
                for level in levels_of(model, options.levels):
                    at_once = 1 if model == "loop" else level
                    request = {"job": job, "model": model, "at_once": at_once, "seconds": options.seconds}
                    tried = [measure({**request, "places": places}) for _ in range(options.rounds)]
                    rows.append({"job": job, "model": model, "at_once": at_once, **best(tried)})
                    print(line(rows[-1]), flush=True)
    return rows


def line(row: dict[str, Any]) -> str:
    head = f"  {row['job']:<6} {row['model']:<23} {row['at_once']:>6,}"
    if "error" in row:
        return f"{head}  {row['error']}"
    return (
        f"{head}  {row['per_second']:>9,.1f}/s  {row['cpu_ms']:>8.3f} ms CPU each  {row['cores']:>5.2f} cores"
        f"  {row['memory_mib']:>8.1f} MiB  {row['threads']:>6,} threads"
    )


def plot(rows: list[dict[str, Any]]) -> str:
    """Two columns of three panels: throughput, CPU and memory of each job."""
    panels = []
    for field, title in (("per_second", "{} a second"), ("cpu_ms", "CPU, ms a {}"), ("memory_mib", "memory, MiB")):
        for job, many, one in (("check", "checks", "check"), ("parse", "pages", "page")):
            of = [row for row in rows if row["job"] == job and "error" not in row]
            series = [
                Series(model, [(row["at_once"], row[field]) for row in of if row["model"] == model])
                for model in MODELS
                if model != "loop"
            ]
            base = next((row[field] for row in of if row["model"] == "loop"), None)
            words = title.format(many if field == "per_second" else one)
            panels.append(Panel(words[:1].upper() + words[1:], series, "plain loop", base))
    return draw(
        "The pool's two jobs, by how many are under way",
        ("Checking proxies (waiting)", "Parsing list pages (computing)"),
        panels,
        "jobs at a time",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each cell takes new jobs")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--svg", type=Path, help="draw the plot here")
    parser.add_argument("--plot-only", type=Path, metavar="JSON", help="draw --svg from figures that --json wrote")
    parser.add_argument("--cell", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.cell is not None:
        print(json.dumps(cell(options.cell)), flush=True)
        return 0
    if options.plot_only is not None:
        rows = json.loads(options.plot_only.read_text())["rows"]
    else:
        print(f"best of {options.rounds} rounds of {options.seconds:g} s, {os.cpu_count()} cores")
        rows = run(options)
    text = json.dumps(
        {"benchmark": "concurrency", "cpus": os.cpu_count(), "python": sys.version.split()[0], "rows": rows}
    )
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")
    if options.svg is not None:
        options.svg.write_text(plot(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
