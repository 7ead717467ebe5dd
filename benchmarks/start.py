"""How long a pool takes to start with 1,000,000 proxies known, 100,000 of them live, and what memory it then takes.

The SQLite store is filled first; then a process of its own opens it and loads the index as `shoal up` does. Time is
from its first line to the first pick, interpreter and imports included; it checks nothing.

    python benchmarks/start.py [--known 1000000] [--live 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from _harness import report, scratch
from pick import NOW, make
from shoal.domain import Query
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


async def fill(file: Path, known: int, live: int) -> None:
    store = SqliteStore(file)
    await store.open()
    await store.close()
    rng = Random(1)

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(known):
            record = make(number, rng) if number < live else make_record(number, checks=9, last_seen=NOW)
            origin = encode_origin(Origin(record.claims, record.sources, record.tags))
            last_ok = max((path.health.last_ok for path in record.paths), default=0.0)
            yield (
                record.id,
                record.key,
                int(number < live),
                last_ok,
                NOW + 600.0 * rng.random(),
                record.last_seen,
                origin,
                encode_body(record),
            )

    with sqlite3.connect(file) as connection:
        connection.executemany(INSERT, rows())


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--live", type=int, default=100_000)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(asyncio.run(load(arguments.load))))
        return
    with scratch() as folder:
        file = folder / "shoal.db"
        asyncio.run(fill(file, arguments.known, arguments.live))
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
