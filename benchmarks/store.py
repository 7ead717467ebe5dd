"""What the SQLite store costs: batched saves beside a bare ``executemany``, claims, look-ups and counts.

    python benchmarks/store.py [--records N] [--json FILE]

Prints a table and, as its last line, JSON. CPU is that of the whole process, threads included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from shoal.domain import Record, Trust
from shoal.stores.codec import encode_body
from shoal.stores.sqlite import SqliteStore
from shoal.testing.builders import make_admitted, make_path, make_record

NOW = 1_000_000.0
BATCH = 500
ROUNDS = 20
UPSERT = (
    "INSERT INTO bare VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET next_check = excluded.next_check,"
    " body = excluded.body"
)


def states(start: int, total: int) -> list[Record]:
    """One in twenty works, as in a pool that has settled."""
    spread = [(start * BATCH + i) * 7_919 % total for i in range(BATCH)]
    return [
        make_record(n, paths=(make_path(),) if n % 20 == 0 else (), checks=2, next_check=NOW + 60 + n % 1_000)
        for n in spread
    ]


async def measure(rounds: int, call: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
    """Milliseconds of CPU and of waiting for one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(rounds):
        await call(number)
    return (time.process_time() - cpu) / rounds * 1e3, (time.perf_counter() - wall) / rounds * 1e3


class Results(dict[str, tuple[float, float]]):
    """Each is printed as soon as it is there: with a million records the whole takes minutes, most of it to fill the
    store."""

    def __setitem__(self, name: str, result: tuple[float, float]) -> None:
        super().__setitem__(name, result)
        print(f"{name:26}{result[0]:9.2f}{result[1]:9.2f}", flush=True)


async def run(folder: Path, total: int) -> dict[str, tuple[float, float]]:
    results = Results()
    store = SqliteStore(folder / "shoal.db")
    await store.open()

    async def fill(number: int) -> None:
        first = number * BATCH
        await store.add([make_admitted(n) for n in range(first, min(first + BATCH, total))], NOW)

    results["add 500 new"] = await measure(-(-total // BATCH), fill)
    batches = [states(number, total) for number in range(ROUNDS)]
    results["save 500"] = await measure(ROUNDS, lambda number: store.save(batches[number]))
    results["claim 500"] = await measure(ROUNDS, lambda _: store.claim_due(NOW, BATCH, 600.0))
    results["refresh 500 known"] = await measure(
        ROUNDS,
        lambda number: store.add([make_admitted(n) for n in range(number * BATCH, (number + 1) * BATCH)], NOW + 9),
    )
    results["import 1 (on disk)"] = await measure(
        ROUNDS, lambda n: store.add([make_admitted(total + n, trust=Trust.OWN)], NOW, imported=True)
    )
    results["counts"] = await measure(ROUNDS, lambda _: store.counts(NOW))
    results["get"] = await measure(500, lambda number: store.get_by_key(make_admitted(number).key))

    async def verified(number: int) -> None:
        async for _ in store.verified():
            pass

    results["verified, all"] = await measure(3, verified)
    await store.close()
    return results


async def run_bare(folder: Path, total: int) -> tuple[float, float]:
    """The floor: the same bodies in a table of one index, one executemany a transaction, nothing looked up or kept."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768;")
    connection.execute("CREATE TABLE bare (key TEXT PRIMARY KEY, next_check REAL, body BLOB) STRICT")
    connection.execute("BEGIN")
    rows = ((record.key, NOW, encode_body(record)) for record in map(make_record, range(total)))
    connection.executemany(UPSERT, rows)
    connection.execute("COMMIT")
    batches = [
        [(record.key, record.next_check, encode_body(record)) for record in states(number, total)]
        for number in range(ROUNDS)
    ]

    async def save(number: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(UPSERT, batches[number])
        connection.execute("COMMIT")

    result = await measure(ROUNDS, save)
    connection.close()
    return result


async def main(total: int, json_path: Path | None) -> None:
    print(f"{total:,} records\n{'':26}{'CPU ms':>9}{'wall ms':>9}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        results = await run(Path(folder), total)
        results["bare executemany of 500"] = await run_bare(Path(folder), total)
    ratio = results["save 500"][0] / results["bare executemany of 500"][0]
    print(f"save costs {ratio:.1f} times a bare executemany (CPU)")
    text = json.dumps(
        {"records": total, "save_to_bare_cpu": ratio, "ms": {k: {"cpu": c, "wall": w} for k, (c, w) in results.items()}}
    )
    print(text)
    if json_path is not None:
        json_path.write_text(text + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    asyncio.run(main(options.records, options.json))
