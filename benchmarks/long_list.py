"""Memory and CPU of ``shoal check`` by the length of the list, and what a kill in the middle costs.

    python benchmarks/long_list.py [--lines 10000 100000]        (1000000 takes about ten minutes)

Every entry is an address on loopback where nobody listens, so that reading, remembering and writing weigh most. One
process checks. The longest list is killed (``kill -9``) at about a tenth and gone on with (``--resume``): each entry
must stand in the results once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from _harness import SHOAL, free_port, process, report, scratch

PORTS = (7, 9, 11, 13, 15, 17)
"""Of services that nobody runs any more: other trials on this machine listen elsewhere."""


def write_list(path: Path, lines: int) -> None:
    rng = random.Random(lines)
    entries: set[str] = set()
    while len(entries) < lines:
        entries.add(f"127.{rng.randrange(1, 250)}.{rng.randrange(256)}.{rng.randrange(1, 255)}:{rng.choice(PORTS)}")
    path.write_text("".join(f"{entry}\n" for entry in entries))


def entries_in(results: Path) -> Counter[str]:
    """How often each entry stands in the results; a line that a kill has cut is none."""
    found: Counter[str] = Counter()
    with results.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                found[json.loads(line)["input"]] += 1
    return found


def peak_bytes(pid: int) -> int:
    """The most memory that a process has held so far; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def check(words: list[str], log: Path, results: Path, kill_at: int | None = None) -> tuple[int, float]:
    """Bytes held at most, and CPU seconds, of one run; killed when the results are ``kill_at`` bytes long."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = 0
    with log.open("a") as errors, subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors) as child:
        while child.poll() is None:
            peak = max(peak, peak_bytes(child.pid))
            if kill_at is not None and results.exists() and results.stat().st_size >= kill_at:
                child.send_signal(signal.SIGKILL)
            time.sleep(0.2)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return peak, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 100_000])
    sizes = sorted(parser.parse_args().lines)
    rows, lines = [], []
    port = free_port()
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with scratch() as folder:
        judge = (*SHOAL, "judge", "--listen", f"127.0.0.1:{port}", "--key", "bench")
        with process(judge, folder / "judge.log", env=environment):
            for size in sizes:
                listed, results = folder / f"{size}.txt", folder / f"{size}.jsonl"
                write_list(listed, size)
                words = [*SHOAL, "check", str(listed), "--judge", f"http://127.0.0.1:{port}/#key=bench"]
                words += ["--allow", "127.0.0.0/8", "--processes", "1", "--output", str(results)]
                log = folder / f"{size}.log"
                killed = 0
                if size == sizes[-1]:
                    check(words, log, results, kill_at=size * 25)
                    killed = len(entries_in(results))
                    words.append("--resume")
                peak, cpu = check(words, log, results)
                found = entries_in(results)
                twice = sum(count > 1 for count in found.values())
                row = {"lines": size, "peak_bytes": peak, "cpu_s": cpu, "killed_after": killed,
                       "found": len(found), "twice": twice}  # fmt: skip
                rows.append(row)
                per = cpu / max(1, size - killed) * 1e3
                text = f"{peak / 1e6:.0f} MB at most, {per:.2f} s of CPU a thousand, {len(found):,} in the results"
                if killed:
                    text += f"; killed after {killed:,}, {twice} checked twice"
                lines.append((f"{size:,} entries", text))
    report("long list", {"rows": rows}, lines)
    return 0 if all(row["found"] == row["lines"] and not row["twice"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
