"""How long a pick takes at 100,000 live proxies, for a named set of filters, rare and empty ones included.

States go on changing meanwhile, one for every pick. Memory is that of records and index per live proxy.

    python benchmarks/pick.py [--live 100000] [--picks 2000]
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc
from random import Random
from statistics import median
from typing import Any

from msgspec.structs import replace

from _harness import report
from shoal.domain import (
    Anonymity,
    Capability,
    Endpoint,
    Failure,
    Health,
    Honesty,
    Path,
    Query,
    Reason,
    Record,
    Scheme,
    Stage,
    Strategy,
    Timing,
)
from shoal.engine.pool import Pool
from shoal.options import PoolOptions
from shoal.policy.forecast import fold
from shoal.stores.codec import decode_record, encode_body, encode_origin
from shoal.stores.origin import Origin

NOW = 1_800_000_000.0
COUNTRIES = ("ID", "US", "RU", "DE", "SG", "BR", "IN", "PH", "VN", "NL", "CO", "BD")
CAPABILITIES = (frozenset({Capability.FORWARD}), frozenset({Capability.FORWARD, Capability.TUNNEL}))
FILTERS: dict[str, Query] = {
    "any": Query(),
    "http": Query(schemes=frozenset({Scheme.HTTP})),
    "https sites": Query(capabilities=frozenset({Capability.TUNNEL})),
    "elite": Query(anonymities=frozenset({Anonymity.ELITE})),
    "elite in DE, 1 s": Query(
        anonymities=frozenset({Anonymity.ELITE}), countries=frozenset({"DE"}), max_latency_ms=1000.0
    ),
    "socks5 not ID": Query(schemes=frozenset({Scheme.SOCKS5}), not_countries=frozenset({"ID"})),
    "one in 10,000": Query(tags=frozenset({"rare"})),
    "nothing fits": Query(countries=frozenset({"AQ"})),
    "50 excluded": Query(exclude=frozenset(f"103.0.0.{number}" for number in range(50))),
    "worked in the last minute": Query(max_age=60.0),
    **{strategy.value: Query(strategy=strategy, session="s") for strategy in Strategy if strategy is not Strategy.BEST},
}


def make(number: int, rng: Random, *, now: float = NOW, net: int = 103, port: int | None = None) -> Record:
    """A live proxy with a history of its own up to ``now``, with everything in it that a check leaves, as a store gives
    it back. Its address is in ``net``/8."""
    quality = rng.betavariate(0.6, 0.8)
    health = Health()
    for age in sorted((rng.expovariate(1 / 20_000.0) for _ in range(12)), reverse=True):
        health = fold(health, rng.random() < quality, now - age)
    health = fold(health, True, now - rng.random() * 600.0)
    host = f"{net}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    path = Path(
        rng.choice((Scheme.HTTP, Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS5)),
        health,
        rng.choice(CAPABILITIES),
        rng.choice((Anonymity.TRANSPARENT, Anonymity.ELITE, Anonymity.ANONYMOUS)),
        rng.choice((Honesty.CLEAN, Honesty.UNKNOWN)),
        # 29 % leave by another address than the one dialled.
        exit=host if rng.random() < 0.71 else f"203.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}",
        country=rng.choice(COUNTRIES),
        asn=rng.randrange(1_000, 5_000),
        timing=measured(rng.lognormvariate(1.0, 0.8)),
        failure=Failure(Stage.CONNECT, Reason.TIMEOUT) if health.bads else None,
        profiled_at=now - 10.0 * rng.randrange(2_160),
        located_by="DB-IP 2026-11",
        compared=rng.randrange(256),
    )
    endpoint = Endpoint(host, port or rng.choice((80, 1080, 3128, 8080, rng.randrange(1024, 65_536))))
    key = str(endpoint)
    # One round of a source brings hundreds at one moment.
    listed = now - 60.0 * rng.randrange(1_000)
    record = Record(
        key,
        endpoint,
        claims=(path.scheme,),
        sources=("list",),
        tags=("rare",) if number % 10_000 == 7 else (),
        first_seen=listed - 86_400.0,
        last_seen=listed,
        checks=rng.randrange(3_000),
        last_check=now - rng.randrange(6_000) / 10.0,
        next_check=now + rng.randrange(6_000) / 10.0,
        paths=(path,),
        version=rng.randrange(3_000),
    )
    origin = encode_origin(Origin(record.claims, record.sources, record.tags))
    return decode_record(key, record.trust, record.next_check, listed, origin, encode_body(record))


def measured(total: float) -> Timing:
    """As the fold keeps it, to a millisecond."""
    return Timing(round(total / 4, 3), round(total / 2, 3), round(total * 0.9, 3), round(total, 3))


def measure(pool: Pool, records: list[Record], query: Query, picks: int, rng: Random) -> tuple[dict[str, Any], float]:
    times, now = [], NOW
    # The ranking is made once, in parts; what is measured is the picks after that.
    while not pool.advance(query):
        pass
    pool.pick(query, now)
    for _ in range(picks):
        now += 0.01
        place = rng.randrange(len(records))
        record = records[place]
        path = record.paths[0]
        health = fold(path.health, rng.random() < 0.7, now)
        records[place] = replace(record, paths=(replace(path, health=health),))
        pool.apply(records[place], now)
        # Time of this thread: what other processes take away from it is not the pick's.
        begin = time.thread_time_ns()
        pool.pick(query, now)
        times.append((time.thread_time_ns() - begin) / 1e9)
    times.sort()
    row = {"median_us": median(times) * 1e6, "p99_us": times[int(len(times) * 0.99)] * 1e6, "max_us": times[-1] * 1e6}
    return row, now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", type=int, default=100_000)
    parser.add_argument("--picks", type=int, default=2_000)
    arguments = parser.parse_args()
    rng = Random(1)
    tracemalloc.start()
    records = [make(number, rng) for number in range(arguments.live)]
    record_bytes = tracemalloc.get_traced_memory()[0] / arguments.live
    pool = Pool(PoolOptions(), rng)
    for record in records:
        pool.apply(record, NOW)
    bytes_each = tracemalloc.get_traced_memory()[0] / arguments.live
    tracemalloc.stop()
    gc.collect()
    gc.freeze()
    rows = {name: measure(pool, records, query, arguments.picks, rng)[0] for name, query in FILTERS.items()}
    begin = time.perf_counter()
    for record in records[:5_000]:
        pool.apply(record, NOW + 60.0)
    apply_us = (time.perf_counter() - begin) / 5_000 * 1e6
    lines = [
        (name, f"median {row['median_us']:6.1f} us   p99 {row['p99_us']:6.1f} us   worst {row['max_us']:8.1f} us")
        for name, row in rows.items()
    ]
    lines += [
        ("taking in one change", f"{apply_us:.1f} us"),
        (
            "memory per live proxy",
            f"{bytes_each:.0f} bytes: record {record_bytes:.0f}, index {bytes_each - record_bytes:.0f}",
        ),
    ]
    report("pick", {"live": arguments.live, "rows": rows, "apply_us": apply_us, "bytes_each": bytes_each}, lines)


if __name__ == "__main__":
    main()
