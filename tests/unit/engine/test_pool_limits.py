"""Limits of sources, held at the pick."""

from random import Random

from msgspec.structs import replace

from shoal.domain import Capability, Health, Path, Query, Record, Scheme, Strategy, Timing, Trust
from shoal.domain.source import SourceLimits
from shoal.engine.pool import Pool
from shoal.options import PoolOptions
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.testing.builders import make_record

NOW = 1_000_000.0
EVERY = [Strategy.BEST, Strategy.RANDOM, Strategy.ROUND_ROBIN, Strategy.LEAST_USED, Strategy.FASTEST, Strategy.STICKY]


def proven(number: int, *, bads: int = 0, sources: tuple[str, ...], trust: Trust = Trust.PUBLIC) -> Record:
    """A record whose http path worked 20 times and failed ``bads`` times lately."""
    health = Health.of((20,) * 5, (bads,) * 5, NOW - 5.0, 0.0, 20, bads, 20)
    path = Path(Scheme.HTTP, health, frozenset({Capability.FORWARD}), timing=Timing(total=0.2))
    return make_record(number, paths=(path,), sources=sources, trust=trust)


def limited(**by_name: SourceLimits) -> Pool:
    table = LimitTable(by_name, SourceLimits())
    return Pool(PoolOptions(), Random(1), uses=SourceUse(table))


def sources_picked(pool: Pool, query: Query, times: int = 40) -> set[str]:
    picks = [pool.pick(query, NOW) for _ in range(times)]
    return {pick.record.sources[0] if pick else "none" for pick in picks}


def test_the_best_tier_is_used_up_before_the_next_one_whatever_the_trust() -> None:
    pool = limited(vendor=SourceLimits(tier=0), spare=SourceLimits(tier=60), mine=SourceLimits(tier=10))
    for number, source in enumerate(("vendor", "mine", "list", "spare")):
        for each in range(5):
            trust = Trust.PUBLIC if source in ("vendor", "list") else Trust.OWN
            # The lower the tier, the better the forecast: tiers go first.
            pool.apply(proven(10 * number + each + 1, bads=8 - 2 * number, sources=(source,), trust=trust), NOW)
    query = Query(min_forecast=0.01)
    order = []
    for _ in range(4):
        for strategy in EVERY:
            found = sources_picked(pool, replace(query, strategy=strategy, session="a"))
            assert len(found) == 1
        (source,) = found
        order.append(source)
        query = replace(query, not_sources=query.not_sources | {source})
    assert order == ["vendor", "mine", "list", "spare"]
    assert pool.pick(query, NOW) is None


def test_a_source_at_its_limit_is_passed_over_and_comes_back() -> None:
    pool = limited(vendor=SourceLimits(tier=0, max_in_flight=2))
    for number in range(1, 6):
        pool.apply(proven(number, sources=("vendor",)), NOW)
        pool.apply(proven(number + 10, sources=("list",)), NOW)
    for _ in range(2):
        pick = pool.pick(Query(), NOW)
        assert pick is not None and pick.record.sources == ("vendor",)
        pool.uses.begin(pick.record.key, pick.record.sources, NOW)
    assert sources_picked(pool, Query()) == {"list"}
    assert sources_picked(pool, Query(sources=frozenset({"vendor"}))) == {"none"}
    pool.uses.end(("vendor",), NOW)
    assert sources_picked(pool, Query()) == {"vendor"}


def test_one_proxy_is_not_picked_again_for_one_target_before_its_time() -> None:
    pool = limited(slow=SourceLimits(tier=0, min_interval=30.0))
    for number in range(1, 4):
        pool.apply(proven(number, sources=("slow",)), NOW)
    query = Query(target="shop.example:443")
    seen = []
    for second in range(3):
        pick = pool.pick(query, NOW + second)
        assert pick is not None
        pool.uses.begin(pick.record.key, pick.record.sources, NOW + second, query.target)
        seen.append(pick.record.id)
    assert len(set(seen)) == 3
    assert pool.pick(query, NOW + 3) is None
    assert pool.pick(Query(target="other.example:443"), NOW + 3) is not None
    again = pool.pick(query, NOW + 30)
    assert again is not None and again.record.id == seen[0]


def test_a_source_whose_bytes_are_used_up_rests_until_midnight() -> None:
    pool = limited(paid=SourceLimits(tier=0, byte_budget=1000))
    pool.apply(proven(1, sources=("paid",)), NOW)
    pool.uses.spend(("paid",), NOW, 1000)
    assert pool.pick(Query(), NOW) is None
    assert pool.pick(Query(max_age=1e6), (NOW // 86_400 + 1) * 86_400) is not None


def test_limits_that_come_and_go_hold_at_once() -> None:
    pool = limited()
    pool.apply(proven(1, bads=9, sources=("late",)), NOW)
    pool.apply(proven(2, sources=("list",)), NOW)
    query = Query(min_forecast=0.01)
    assert sources_picked(pool, query, 1) == {"list"}
    pool.uses.limits.put("late", SourceLimits(tier=3))
    pool.limits_changed()
    assert sources_picked(pool, query) == {"late"}
    pool.uses.limits.put("late", SourceLimits(tier=99))
    pool.limits_changed()
    assert sources_picked(pool, query) == {"list"}
    pool.uses.limits.put("late", SourceLimits(max_in_flight=1))
    pool.uses.begin("any", ("late",), NOW)
    pool.limits_changed()
    assert sources_picked(pool, query) == {"list"}
    pool.uses.limits.drop("late")
    pool.limits_changed()
    assert pool.pick(replace(query, sources=frozenset({"late"})), NOW) is not None
