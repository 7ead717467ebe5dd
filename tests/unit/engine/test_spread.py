"""Simulations of small pools: every strategy, and what happens when one more proxy comes."""

from collections import Counter
from random import Random

import pytest
from tests.unit.engine.test_pool import NOW, proven

from shoal.domain import Query, Strategy
from shoal.engine.pool import Pool
from shoal.options import PoolOptions
from shoal.testing.builders import make_record

SPREADING = [strategy for strategy in Strategy if strategy is not Strategy.STICKY]
BEFORE = 1000
AFTER = 120


def picked(pool: Pool, query: Query, start: int, count: int) -> list[str]:
    found = []
    for number in range(start, start + count):
        pick = pool.pick(query, NOW + 0.1 * number)
        assert pick is not None
        found.append(pick.record.id)
    return found


def longest_row(names: list[str], name: str) -> int:
    return max(map(len, "".join("x" if one == name else " " for one in names).split()), default=0)


@pytest.mark.parametrize("strategy", SPREADING)
@pytest.mark.parametrize("size", [2, 3, 5, 9, 10, 11, 20, 40])
def test_a_newcomer_is_used_at_once_and_gets_no_row_of_picks(strategy: Strategy, size: int) -> None:
    # Better and faster than all others: whatever keeps it from every pick is the spread.
    pool, query = Pool(PoolOptions(), Random(7)), Query(strategy=strategy)
    for number in range(1, size + 1):
        pool.apply(proven(number, oks=20, latency=0.3 + 0.01 * number), NOW)
    picked(pool, query, 0, BEFORE)
    pool.apply(proven(size + 1, oks=30, latency=0.1), NOW)
    after = picked(pool, query, BEFORE, AFTER)
    newcomer = proven(size + 1).id
    # Chance may draw one of three proxies four times in a row.
    assert longest_row(after, newcomer) <= (8 if strategy is Strategy.RANDOM else 2)
    fair = AFTER / (size + 1)
    assert 1 <= after.count(newcomer) <= max(2.0 * fair + 3, 0.3 * AFTER)


@pytest.mark.parametrize("strategy", SPREADING)
@pytest.mark.parametrize("size", [2, 4, 9])
def test_where_the_share_cannot_be_kept_all_get_the_same(strategy: Strategy, size: int) -> None:
    pool, query = Pool(PoolOptions(), Random(3)), Query(strategy=strategy)
    for number in range(1, size + 1):
        pool.apply(proven(number, oks=10 + number, latency=0.1 * number), NOW)
    picked(pool, query, 0, BEFORE)
    counts = Counter(picked(pool, query, BEFORE, 90 * size))
    assert len(counts) == size
    assert max(counts.values()) - min(counts.values()) <= (70 if strategy is Strategy.RANDOM else 3)


@pytest.mark.parametrize("size", [1, 5, 40])
def test_a_session_keeps_its_proxy_whatever_its_share_and_newcomers(size: int) -> None:
    pool, query = Pool(PoolOptions(), Random(3)), Query(strategy=Strategy.STICKY, session="me")
    for number in range(1, size + 1):
        pool.apply(proven(number), NOW)
    (kept,) = set(picked(pool, query, 0, 500))
    pool.apply(proven(size + 1), NOW)
    assert len({kept, *picked(pool, query, 500, 200)}) <= 2
    sessions = [Query(strategy=Strategy.STICKY, session=str(number)) for number in range(20 * size)]
    assert len({picked(pool, one, 900, 1)[0] for one in sessions}) >= min(size, 25)


def test_a_newcomer_starts_at_the_level_of_the_least_used() -> None:
    pool, query = Pool(PoolOptions(), Random(3)), Query(strategy=Strategy.LEAST_USED)
    for number in range(1, 4):
        pool.apply(proven(number), NOW)
    picked(pool, query, 0, 3_000)
    pool.apply(make_record(9, paths=proven(9).paths), NOW)
    assert picked(pool, query, 3_000, 40).count(make_record(9).id) <= 12
