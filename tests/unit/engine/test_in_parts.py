"""What is made of all paths is made in parts, so that nobody waits for the whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from shoal.domain import Order, Query, Record, Scheme
from shoal.domain.health import Health
from shoal.engine import listing, postings
from shoal.engine.pool import Pool
from shoal.engine.ranking import SLICE
from shoal.engine.reaching import Reaching
from shoal.engine.turns import in_parts
from shoal.options import PoolOptions
from shoal.testing.builders import make_path, make_record

NOW = 10_000.0
SIZE = 3_500
"""More than three slices."""
SOCKS = Query(schemes=frozenset({Scheme.SOCKS5}))
BY_LATENCY = Query(schemes=frozenset({Scheme.SOCKS5}), order=Order.LATENCY, limit=10)


def working(number: int) -> Record:
    path = make_path(Scheme.SOCKS5 if number % 4 == 0 else Scheme.HTTP, latency=0.1 + number % 97 / 10)
    health = Health.of((9.0,) * 5, last_ok=NOW - number % 300, oks=9, streak=9)
    return make_record(number, paths=(replace(path, health=health),))


@pytest.fixture
def pool() -> Pool:
    pool = Pool(PoolOptions(), Random(1))
    for number in range(1, SIZE + 1):
        pool.apply(working(number), NOW)
    return pool


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often a path was looked at since the number was set to 0."""
    count = [0]

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any) -> Any:
            count[0] += 1
            return function(*arguments)

        return wrapper

    monkeypatch.setattr(Reaching, "passes", counted(Reaching.passes))
    monkeypatch.setattr(listing, "_place", counted(listing._place))
    monkeypatch.setattr(listing, "timely", counted(listing.timely))
    monkeypatch.setattr(postings._Field, "put", counted(postings._Field.put))
    yield count


def largest_part(advance: Callable[[], bool], looked: list[int]) -> tuple[int, int]:
    """Paths looked at in the largest part, and the number of parts."""
    largest = parts = 0
    done = False
    while not done:
        looked[0] = 0
        done = advance()
        largest, parts = max(largest, looked[0]), parts + 1
        assert parts < 1_000
    return largest, parts


def test_the_first_pick_of_a_filter_looks_at_a_slice_at_a_time(pool: Pool, looked: list[int]) -> None:
    largest, parts = largest_part(lambda: pool.advance(SOCKS), looked)
    assert 0 < largest <= SLICE and parts == 4
    looked[0] = 0
    assert pool.advance(SOCKS) and pool.pick(SOCKS, NOW) is not None
    assert looked[0] == 0


@pytest.mark.parametrize("query", [BY_LATENCY, Query(limit=10), Query(limit=10, max_latency_ms=900.0)])
def test_the_first_page_of_an_order_and_its_count_too(pool: Pool, looked: list[int], query: Query) -> None:
    largest, parts = largest_part(lambda: pool.advance_listing(query, NOW), looked)
    # The last of one thing and the first of the next may fall into one part.
    assert 0 < largest <= 2 * SLICE and parts >= 4
    fresh = Pool(PoolOptions(), Random(1))
    for record in pool.records():
        fresh.apply(record, NOW)
    assert pool.page(query, NOW) == fresh.page(query, NOW)
    assert pool.count(query, NOW) == fresh.count(query, NOW)


def test_what_comes_and_goes_between_two_parts_is_met(pool: Pool) -> None:
    gone = list(range(4, SIZE, 400))
    for advance in (lambda: pool.advance(SOCKS), lambda: pool.advance_listing(BY_LATENCY, NOW)):
        assert not advance()
    for number in gone:
        assert pool.remove(working(number).key)
    came = working(4 * SIZE)
    pool.apply(came, NOW)
    changed = working(8)
    pool.apply(replace(changed, paths=(replace(changed.paths[0], scheme=Scheme.HTTP),)), NOW)
    while not pool.advance(SOCKS):
        pass
    while not pool.advance_listing(BY_LATENCY, NOW):
        pass
    wanted = {record.key for record in pool.records() if record.paths[0].scheme is Scheme.SOCKS5}
    assert came.key in wanted and changed.key not in wanted and len(wanted) == SIZE // 4 - len(gone)
    ranking = pool._rankings.of(SOCKS, 1)
    assert {entry.record.key for entry in ranking.best_first()} == wanted
    everything = replace(BY_LATENCY, limit=None)
    assert {pick.record.key for pick in pool.list(everything, NOW)} == wanted
    assert pool.count(everything, NOW) == len(wanted)


def test_more_filters_at_once_than_are_kept_all_come_to_an_end(pool: Pool) -> None:
    left = [Query(not_countries=frozenset({f"{number:02}"})) for number in range(20)]
    for _ in range(50):
        left = [query for query in left if not pool.advance(query)]
        if not left:
            break
    assert not left and len(pool._rankings._kept) <= 17


async def test_others_get_their_turn_between_parts(pool: Pool) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.get_running_loop().create_task(other(), name="other")
    await in_parts(lambda: pool.advance(SOCKS))
    task.cancel()
    assert turns >= 3


def test_a_pick_that_cannot_wait_takes_one_of_the_best_and_makes_a_part_of_the_ranking(
    pool: Pool, looked: list[int]
) -> None:
    picks = []
    while not pool.advance(SOCKS):
        looked[0] = 0
        picks.append(pool.pick(SOCKS, NOW))
        assert looked[0] < 2 * SLICE
    assert picks
    assert all(pick is not None and pick.path.scheme is Scheme.SOCKS5 for pick in picks)
    best = max(pool.list(replace(SOCKS, limit=1), NOW), key=lambda pick: pick.forecast.probability)
    assert all(pick.forecast.probability > best.forecast.probability - 0.02 for pick in picks if pick is not None)


def test_a_rare_one_is_found_though_its_ranking_is_not_made(pool: Pool) -> None:
    record = replace(working(SIZE), tags=("rare",))
    path = record.paths[0]
    # The last of all by forecast.
    pool.apply(replace(record, paths=(replace(path, health=Health.of(last_ok=NOW - 600.0, oks=1, streak=1)),)), NOW)
    picked = pool.pick(Query(tags=frozenset({"rare"}), min_forecast=0.0), NOW)
    assert picked is not None and picked.record.tags == ("rare",)
    assert pool.pick(Query(tags=frozenset({"none"})), NOW) is None
