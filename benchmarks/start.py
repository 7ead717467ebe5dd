"""How long a pool takes to start with 1,000,000 proxies known, 100,000 of them live, and what memory it then takes.

The SQLite store is filled first; then a process of its own opens it and loads the index as `shoal up` does. Time is
from its first line to the first pick, interpreter and imports included; it checks nothing.

With ``--up`` it is a real `shoal up` with API, gateway and collector, beside a lab of ten proxies for lists and judges.
Time is until ``/get/`` gives a proxy, memory what is its own (USS, smaps_rollup) then and every minute while it checks;
all addresses are in 127/8, where nothing listens on the port, so that every check ends at once and most proxies are
down at the end.

    python benchmarks/start.py [--known 1000000] [--live 100000] [--up] [--minutes 4] [--rate 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from _harness import Client, free_port, lab, process, report, scratch, up_words, wait_until
from pick import NOW, make
from shoal.domain import Endpoint, Query, Record
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.options import CheckOptions, PoolOptions, StoreOptions
from shoal.stores.codec import encode_body, encode_origin
from shoal.stores.origin import Origin
from shoal.stores.sqlite import SqliteStore
from shoal.testing.builders import make_record

INSERT = (
    "INSERT INTO records (id, key, own, verified, checked, last_ok, next_check, last_seen, origin, body)"
    " VALUES (?, ?, 0, ?, 1, ?, ?, ?, ?, ?)"
)


class Still:
    """Time stands at the moment for which the records were made."""

    def now(self) -> float:
        return NOW


async def fill(file: Path, known: int, live: int, now: float, **where: int) -> None:
    store = SqliteStore(file)
    await store.open()
    await store.close()
    rng = Random(1)

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(known):
            if number < live:
                record = make(number, rng, now=now, **where)
            elif where:
                record = dead(number, now, **where)
            else:
                record = make_record(number, checks=9, last_seen=now)
            origin = encode_origin(Origin(record.claims, record.sources, record.tags))
            last_ok = max((path.health.last_ok for path in record.paths), default=0.0)
            yield (
                record.id,
                record.key,
                int(number < live),
                last_ok,
                now + (600.0 if number < live else 86_400.0) * rng.random(),
                record.last_seen,
                origin,
                encode_body(record),
            )

    with sqlite3.connect(file) as connection:
        connection.executemany(INSERT, rows())


def dead(number: int, now: float, net: int, port: int) -> Record:
    """A candidate that was tried nine times and never worked, in an address space of its own."""
    endpoint = Endpoint(f"{net}.{128 | number >> 16 & 127}.{number >> 8 & 255}.{number & 255}", port)
    record = replace(make_record(number, checks=9, last_seen=now), key=str(endpoint), endpoint=endpoint, misses=9)
    return replace(record, last_check=now - 3_600.0, first_seen=now - 86_400.0)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def load(file: Path) -> dict[str, float]:
    bare = resident_mb()
    store = SqliteStore(file)
    await store.open()
    pool, clock = Pool(PoolOptions(), Random(1)), Still()
    recorder = Recorder(store, pool, clock, Random(1), CheckOptions(), StoreOptions())
    await Replica(store, pool, recorder, clock).load()
    pick = pool.pick(Query(), NOW)
    assert pick is not None
    ready, cpu = time.time(), time.process_time()
    counts = await store.counts(NOW)
    await asyncio.sleep(2.0)
    await store.close()
    return {"ready_at": ready, "cpu_s": cpu, "bare_mb": bare, "mb": resident_mb(), "live": len(pool), "due": counts.due}


def own_mb(pid: int) -> dict[str, float]:
    """Memory of a process that is its own, and its proportional share of what others use as well."""
    fields: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split()[:2]
        fields[name.rstrip(":")] = int(value) * 1024 / 1e6
    return {"uss": fields["Private_Clean"] + fields["Private_Dirty"], "pss": fields["Pss"], "rss": fields["Rss"]}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def real(folder: Path, known: int, live: int, minutes: float, rate: float) -> None:
    """The whole program."""
    (folder / "data").mkdir()
    asyncio.run(fill(folder / "data" / "shoal.db", known, live, time.time(), net=127, port=9))
    environment = os.environ | {"SHOAL_CHECK_RATE": str(rate), "SHOAL_ADMISSION_ALLOW_PUBLIC": "127.0.0.0/8"}
    with lab(folder, "--size", "10") as index:
        port = free_port()
        begin = time.monotonic()
        with process(up_words(index, port, folder), folder / "up.log", env=environment) as child:
            api = Client(port)
            while "proxy" not in (api.get("/get/")[1] or {}):
                if child.poll() is not None or time.monotonic() - begin > 300.0:
                    raise SystemExit(f"it did not start: {(folder / 'up.log').read_text()[-800:]}")
                time.sleep(0.05)
            seconds = time.monotonic() - begin
            cpu = cpu_seconds(child.pid)
            rows = [{"minute": 0.0, **own_mb(child.pid)}]
            for minute in range(1, int(minutes) + 1):
                wait_until(begin + seconds + 60.0 * minute, 60.0)
                rows.append({"minute": float(minute), **own_mb(child.pid)})
                print(rows[-1], flush=True)
            stats = api.get("/v1/stats")[1]
    size = sum(file.stat().st_size for file in (folder / "data").glob("shoal.db*")) / 1e6
    lines = [("from the start to the first proxy", f"{seconds:.1f} s (aim: under 20), {cpu:.1f} s of CPU")]
    lines += [(f"own memory after {row['minute']:.0f} min", f"{row['uss']:.0f} MB (aim: under 600)") for row in rows]
    lines += [("checked", f"{stats['checked_total']:,} of {known:,}"), ("files", f"{size:.0f} MB")]
    figures = {"seconds": seconds, "cpu_s": cpu, "memory_mb": rows, "checked": stats["checked_total"], "files_mb": size}
    report("start --up", {"known": known, "live": live, **figures}, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--live", type=int, default=100_000)
    parser.add_argument("--up", action="store_true", help="the whole program")
    parser.add_argument("--minutes", type=float, default=4.0, help="of checks, with --up")
    parser.add_argument("--rate", type=float, default=200.0, help="checks per second, with --up")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(asyncio.run(load(arguments.load))))
        return
    with scratch() as folder:
        if arguments.up:
            real(folder, arguments.known, arguments.live, arguments.minutes, arguments.rate)
            return
        file = folder / "shoal.db"
        asyncio.run(fill(file, arguments.known, arguments.live, NOW))
        begin = time.time()
        words = (sys.executable, __file__, "--load", str(file))
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        size = file.stat().st_size / 1e6
    seconds = found["ready_at"] - begin
    lines = [
        ("from the start to the first pick", f"{seconds:.1f} s (aim: under 20), {found['cpu_s']:.1f} s of CPU"),
        ("memory then", f"{found['mb']:.0f} MB, {found['bare_mb']:.0f} before anything was read (aim: under 600)"),
        ("live", f"{found['live']:,.0f} of {arguments.known:,}"),
        ("file", f"{size:.0f} MB"),
    ]
    report("start", {"known": arguments.known, "seconds": seconds, "file_mb": size, **found}, lines)


if __name__ == "__main__":
    main()
