from collections import Counter
from random import Random

import pytest
from msgspec.structs import replace

from shoal.domain import Anonymity, Health, Order, Path, Query, Record, Scheme, Timing, Trust
from shoal.engine.census import Census
from shoal.engine.pool import Pool
from shoal.options import PoolOptions
from shoal.testing.builders import change_health, make_record

NOW = 1_000_000.0
ALL = Query(min_forecast=0.0, max_age=1e9)
COUNTRIES = ("DE", "US", "US", "US", None)


def some_record(number: int, rng: Random, **fields: object) -> Record:
    oks = rng.randrange(1, 30)
    health = Health.of((oks,) * 5, (rng.random() * 9,) * 5, NOW - rng.random() * 900, 0.0, oks, 0, oks)
    path = Path(
        rng.choice((Scheme.HTTP, Scheme.SOCKS5)),
        health,
        anonymity=rng.choice(list(Anonymity)),
        country="IS" if number % 97 == 0 else rng.choice(COUNTRIES),
        asn=rng.randrange(64_500, 64_510),
        timing=Timing(total=rng.choice((0.0, rng.random()))),
    )
    record = make_record(number, paths=(path,), sources=(rng.choice("abc"), "z"), first_seen=NOW - rng.random() * 9e4)
    return replace(record, last_check=NOW - rng.random() * 600, tags=("rare",) if number % 131 == 0 else (), **fields)


def make_pool(size: int, seed: int = 1) -> Pool:
    pool, rng = Pool(PoolOptions(), Random(seed)), Random(seed)
    for number in range(1, size + 1):
        pool.apply(some_record(number, rng), NOW)
    return pool


def pages_of(pool: Pool, query: Query, now: float = NOW, between: object = None) -> list[list[tuple[str, Scheme]]]:
    pages, after = [], None
    for _ in range(10_000):
        page = pool.page(query, now, after)
        pages.append([(pick.record.id, pick.path.scheme) for pick in page.picks])
        after = page.next
        if after is None:
            return pages
        if callable(between):
            between()
    raise AssertionError("pages without end")


@pytest.mark.parametrize("size", [0, 30, 1_500])
@pytest.mark.parametrize("order", list(Order))
def test_pages_hold_every_row_once_and_no_empty_one_ends_them(size: int, order: Order) -> None:
    pool = make_pool(size)
    pages = pages_of(pool, replace(ALL, order=order, limit=50))
    rows = [row for page in pages for row in page]
    assert len(rows) == len(set(rows)) == size
    assert all(len(page) == 50 for page in pages[:-1])
    assert size == 0 or pages[-1]


@pytest.mark.parametrize("order", list(Order))
def test_what_did_not_change_is_seen_once_whatever_changes_meanwhile(order: Order) -> None:
    pool, rng = make_pool(1_500), Random(7)
    changed: set[str] = set()

    def change() -> None:
        for number in rng.sample(range(1, 1_501), 40):
            record = some_record(number, rng)
            changed.add(record.id)
            if rng.random() < 0.3:
                pool.remove(record.key)
            else:
                pool.apply(record, NOW + rng.random() * 60)
        for number in range(2_000, 2_003):
            pool.apply(some_record(number, rng), NOW)
            pool.pick(ALL, NOW + 60)

    before = {record.id for record in pool.records()}
    rows = Counter(
        row[0] for page in pages_of(pool, replace(ALL, order=order, limit=60), between=change) for row in page
    )
    assert {id: rows[id] for id in before - changed} == dict.fromkeys(before - changed, 1)


@pytest.mark.parametrize(
    ("order", "key"),
    [
        (Order.FORECAST, lambda pick: -pick.forecast.probability),
        (Order.LATENCY, lambda pick: pick.path.timing.total or 1e9),
        (Order.LAST_CHECK, lambda pick: -pick.record.last_check),
        (Order.FIRST_SEEN, lambda pick: -pick.record.first_seen),
    ],
)
def test_pages_are_in_the_order_asked_for(order: Order, key: object) -> None:
    assert callable(key)
    pool = make_pool(1_000)
    after, last = None, float("-inf")
    for _ in range(4):
        page = pool.page(replace(ALL, order=order, limit=100), NOW, after)
        keys = [key(pick) for pick in page.picks]
        assert keys == sorted(keys)
        # A place is as exact as a millionth.
        assert keys[0] >= last - 1e-6
        last, after = keys[-1], page.next


@pytest.mark.parametrize(
    "query",
    [
        replace(ALL, countries=frozenset({"IS"})),
        replace(ALL, countries=frozenset({"IS", "DE"}), schemes=frozenset({Scheme.SOCKS5})),
        replace(ALL, not_countries=frozenset({"US"})),
        replace(ALL, tags=frozenset({"rare"})),
        replace(ALL, tags=frozenset({"nobody"})),
        replace(ALL, asns=frozenset({64_501}), sources=frozenset({"a", "c"})),
        replace(ALL, trusts=frozenset({Trust.OWN})),
        replace(ALL, anonymities=frozenset({Anonymity.ELITE}), max_latency_ms=300.0),
        replace(ALL, max_age=300.0),
        replace(ALL, min_forecast=0.7),
        Query(),
    ],
)
def test_filters_find_what_a_look_at_each_one_finds(query: Query) -> None:
    from shoal.policy.selection import fits, timely

    pool, rng = make_pool(1_200), Random(5)
    for _ in range(2):
        expected = {
            record.id
            for record in pool.records()
            for path in record.paths
            if fits(query, record, path)
            and timely(query, path, pool.forecast(path, NOW).probability, NOW, PoolOptions())
        }
        rows = [row[0] for page in pages_of(pool, replace(query, limit=40)) for row in page]
        assert (len(rows), set(rows)) == (len(expected), expected)
        assert pool.count(replace(query, limit=3), NOW + 1.0) == pytest.approx(len(expected), abs=2)
        # Indexes by value are there by now and have to follow.
        for number in range(1, 1_300, 7):
            trust = Trust.OWN if number % 2 else Trust.PUBLIC
            pool.apply(some_record(number, rng, trust=trust), NOW)
        pool.remove(some_record(15, rng).key)
        pool._listing._counts.clear()


def test_a_count_of_many_is_used_again_for_a_moment() -> None:
    pool = make_pool(1_000)
    assert pool.count(ALL, NOW) == 1_000
    for number in range(1, 101):
        pool.remove(make_record(number).key)
    assert pool.count(ALL, NOW + 0.01) == 1_000
    assert pool.count(ALL, NOW + 0.2) == 900


def test_orders_that_nobody_asks_for_are_forgotten() -> None:
    pool = make_pool(30)
    for order in Order:
        pool.page(replace(ALL, order=order), NOW)
    pool._listing._orders.pop(Order.LATENCY)
    pool.page(replace(ALL, order=Order.LATENCY), NOW + 3_600)
    assert list(pool._listing._orders) == [Order.LATENCY]


def test_the_census_is_what_a_count_of_all_records_gives() -> None:
    pool, rng = make_pool(0), Random(3)
    for _ in range(600):
        record = some_record(rng.randrange(1, 60), rng)
        if rng.random() < 0.2:
            pool.remove(record.key)
            continue
        if rng.random() < 0.3:
            health = change_health(record.paths[0].health, last_bad=NOW)
            record = replace(record, paths=(replace(record.paths[0], health=health),))
        pool.apply(record if rng.random() < 0.9 else replace(record, tags=("banned",)), NOW)
    fresh = Census()
    for record in pool.records():
        fresh.change(None, record)
    assert pool.summary() == fresh.summary()
    assert set(pool.summary()["country"]) <= {"DE", "US", "IS"}
    assert 0.0 < pool.expected(NOW) < len(pool)
