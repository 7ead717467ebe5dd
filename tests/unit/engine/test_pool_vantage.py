"""What is asked of a vantage point is answered by what was seen from there."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from shoal.domain import Blame, Kind, Observation, Query, Record, Scheme, View
from shoal.engine.pool import Pool
from shoal.options import PoolOptions
from shoal.policy.fold import fold_use
from shoal.policy.vantage import VANTAGES
from shoal.testing.builders import make_path, make_record

NOW = 1_000_000.0


def seen(record: Record, vantage: str, works: bool, times: int = 8) -> Record:
    """The record after so many looks from there, the last one just now."""
    for number in range(times):
        blame = None if works else Blame.PROXY
        at = NOW - 10.0 * (times - number)
        look = Observation(record.key, Kind.USE, at, works, Scheme.HTTP, blame=blame, vantage=vantage)
        record = fold_use(record, look)
    return record


def pool_of(*records: Record) -> Pool:
    pool = Pool(PoolOptions(), Random(1))
    for record in records:
        pool.apply(record, NOW)
    return pool


def known(number: int) -> Record:
    return make_record(number, paths=(make_path(last_ok=NOW - 100.0),), checks=1)


def test_a_path_has_a_memory_for_each_vantage_point_and_a_common_one() -> None:
    (path,) = seen(seen(known(1), "eu", True), "us", False).paths
    assert [view.vantage for view in path.views] == ["us", "eu"]
    assert (path.health_from("eu").oks, path.health_from("eu").bads) == (8, 0)
    assert (path.health_from("us").oks, path.health_from("us").bads) == (0, 8)
    assert (path.health.oks, path.health.bads) == (9, 8)
    assert path.health_from("mars") is path.health_from(None) is path.health


def test_vantage_points_kept_for_a_path_are_bounded() -> None:
    record = known(1)
    for number in range(VANTAGES + 4):
        record = seen(record, f"v{number}", True, 1)
    assert [view.vantage for view in record.paths[0].views] == [f"v{n}" for n in reversed(range(4, VANTAGES + 4))]


def test_a_pick_for_a_vantage_point_takes_what_works_from_there() -> None:
    here = seen(seen(known(1), "eu", True), "us", False)
    there = seen(seen(known(2), "us", True), "eu", False)
    pool = pool_of(here, there, known(3))
    for vantage, wanted in (("eu", here), ("us", there)):
        query = Query(vantage=vantage)
        for _ in range(10):
            pick = pool.pick(query, NOW)
            assert pick is not None and pick.record.key == wanted.key and pick.forecast.probability > 0.5
        assert [found.record.key for found in pool.list(replace(query, min_forecast=0.5), NOW)] == [wanted.key]
        assert {found.record.key for found in pool.list(replace(query, min_forecast=0.0), NOW)} <= {here.key, there.key}


def test_from_where_nobody_looked_nothing_is_told() -> None:
    pool = pool_of(seen(known(1), "eu", True))
    assert pool.pick(Query(vantage="mars"), NOW) is None and pool.list(Query(vantage="mars"), NOW) == []
    assert pool.pick(Query(), NOW) is not None


def test_views_are_compared_as_values() -> None:
    path = make_path()
    assert replace(path, views=(View("eu", path.health),)) == replace(path, views=(View("eu", path.health),))
