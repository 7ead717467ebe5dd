from collections import Counter
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from shoal.domain import Capability, Health, Honesty, Path, Query, Record, Scheme, Strategy, Timing, Trust
from shoal.engine.pool import Pool
from shoal.options import PoolOptions
from shoal.testing.builders import change_health, make_path, make_record

NOW = 1_000_000.0
ANY = Query(min_forecast=0.0, max_age=1e9)


def make_pool(**options: float) -> Pool:
    return Pool(PoolOptions(**options), Random(1))  # type: ignore[arg-type]


def proven(
    number: int, *, oks: int = 20, bads: int = 0, ago: float = 5.0, latency: float = 0.2, **rest: object
) -> Record:
    """A record whose http path worked ``oks`` times and failed ``bads`` times lately."""
    health = Health.of((oks,) * 5, (bads,) * 5, NOW - ago, 0.0, oks, bads, oks)
    path = Path(Scheme.HTTP, health, frozenset({Capability.FORWARD}), timing=Timing(total=latency))
    return make_record(number, paths=(path,), **rest)  # type: ignore[arg-type]


def test_only_what_ever_worked_is_in_the_index() -> None:
    pool = make_pool()
    pool.apply(make_record(1), NOW)
    assert len(pool) == 0
    assert pool.pick(ANY, NOW) is None
    record = proven(1)
    pool.apply(record, NOW)
    pick = pool.pick(Query(), NOW)
    assert pick is not None
    assert pick.record is record
    assert pick.proxy == record.proxy(Scheme.HTTP)


def test_a_new_state_takes_the_place_of_the_old() -> None:
    pool = make_pool()
    pool.apply(proven(1), NOW)
    newer = replace(proven(1, oks=1, bads=9), paths=(*proven(1).paths, make_path(Scheme.SOCKS5, last_ok=NOW)))
    pool.apply(newer, NOW)
    assert len(pool) == 1
    assert {pick.path.scheme for pick in pool.list(ANY, NOW)} == {Scheme.HTTP, Scheme.SOCKS5}
    pool.apply(replace(newer, paths=newer.paths[1:]), NOW)
    assert [pick.path.scheme for pick in pool.list(ANY, NOW)] == [Scheme.SOCKS5]
    pool.apply(replace(newer, paths=()), NOW)
    assert len(pool) == 0


def test_removed_is_removed() -> None:
    pool = make_pool()
    record = proven(1)
    pool.apply(record, NOW)
    assert pool.remove(record.key)
    assert not pool.remove(record.key)
    assert pool.pick(ANY, NOW) is None
    assert pool.record(record.key) is None


def test_own_proxies_come_first_and_public_ones_are_the_fall_back() -> None:
    pool = make_pool()
    own = proven(1, oks=2, bads=3, trust=Trust.OWN)
    for record in (own, *(proven(number) for number in range(2, 30))):
        pool.apply(record, NOW)
    query = Query(min_forecast=0.01)
    assert {pool.pick(query, NOW).record.id for _ in range(50)} == {own.id}  # type: ignore[union-attr]
    assert pool.pick(replace(query, exclude=frozenset({own.id})), NOW).record.trust is Trust.PUBLIC  # type: ignore[union-attr]


def test_a_raised_trust_moves_the_record_up() -> None:
    pool = make_pool()
    for number in range(1, 30):
        pool.apply(proven(number), NOW)
    pool.apply(proven(7, trust=Trust.OWN), NOW)
    assert pool.pick(Query(), NOW).record.id == proven(7).id  # type: ignore[union-attr]


def test_no_proxy_gets_much_more_than_its_share_while_others_fit() -> None:
    pool = make_pool(max_share=0.1)
    for number in range(1, 25):
        pool.apply(proven(number, latency=0.1 if number == 1 else 10.0), NOW)
    counts = Counter(pool.pick(ANY, NOW + step * 0.1).record.id for step in range(1000))  # type: ignore[union-attr]
    best = counts[proven(1).id]
    assert best == max(counts.values())
    assert 60 <= best <= 115


def test_without_a_share_the_best_one_would_get_far_more() -> None:
    pool = make_pool(max_share=1.0)
    for number in range(1, 25):
        pool.apply(proven(number, latency=0.1 if number == 1 else 10.0), NOW)
    counts = Counter(pool.pick(ANY, NOW + step * 0.1).record.id for step in range(1000))  # type: ignore[union-attr]
    assert counts[proven(1).id] > 100


def test_a_pool_of_one_gives_that_one_again_and_again() -> None:
    pool = make_pool(max_share=0.1)
    pool.apply(proven(1), NOW)
    assert all(pool.pick(Query(), NOW + step) is not None for step in range(100))


def test_stale_and_unlikely_proxies_are_not_handed_out() -> None:
    pool = make_pool()
    pool.apply(proven(1, ago=PoolOptions().max_age + 1.0), NOW)
    unlikely = proven(2, oks=1, bads=40)
    health = change_health(unlikely.paths[0].health, last_bad=NOW)
    pool.apply(replace(unlikely, paths=(replace(unlikely.paths[0], health=health),)), NOW)
    assert pool.pick(Query(), NOW) is None
    assert pool.list(Query(), NOW) == []
    assert pool.pick(ANY, NOW) is not None


def test_a_rare_proxy_is_found_among_thousands_that_do_not_fit() -> None:
    pool = make_pool()
    for number in range(1, 6_000):
        pool.apply(proven(number), NOW)
    rare = proven(7_000, oks=5, bads=5, tags=("rare",))
    pool.apply(rare, NOW)
    query = Query(tags=frozenset({"rare"}), min_forecast=0.0)
    assert pool.pick(query, NOW).record.id == rare.id  # type: ignore[union-attr]
    assert pool.peek(query, NOW)
    assert not pool.peek(Query(tags=frozenset({"none"})), NOW)


def test_peeking_counts_as_no_pick() -> None:
    one, other = make_pool(), make_pool()
    for pool in (one, other):
        for number in range(1, 30):
            pool.apply(proven(number), NOW)
    for _ in range(5):
        assert one.peek(Query(), NOW)
    for step in range(20):
        assert one.pick(Query(), NOW + step).record.id == other.pick(Query(), NOW + step).record.id  # type: ignore[union-attr]


def test_lists_are_ordered_and_limited() -> None:
    pool = make_pool()
    for number, (oks, bads) in enumerate(((5, 5), (20, 0), (8, 2)), start=1):
        pool.apply(proven(number, oks=oks, bads=bads), NOW)
    listed = pool.list(Query(), NOW)
    assert [pick.record.key for pick in listed] == [proven(number).key for number in (2, 3, 1)]
    assert pool.list(Query(limit=2), NOW) == listed[:2]


def test_the_summary_counts_what_works_now() -> None:
    pool = make_pool()
    pool.apply(proven(1, sources=("a", "b")), NOW)
    dead = proven(2, sources=("b",))
    health = change_health(dead.paths[0].health, last_bad=NOW)
    pool.apply(replace(dead, paths=(replace(dead.paths[0], health=health),)), NOW)
    summary = pool.summary()
    assert summary["working"] == {"records": 1}
    assert summary["source"] == {"a": 1, "b": 1}
    assert summary["scheme"] == {"http": 1}


class IndexMachine(RuleBasedStateMachine):
    """Any course of states and removals, against a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = make_pool()
        self.model: dict[str, Record] = {}

    @rule(
        number=st.integers(1, 6),
        schemes=st.sets(st.sampled_from(Scheme), max_size=3),
        oks=st.integers(1, 30),
        bads=st.integers(0, 30),
        failing=st.booleans(),
        own=st.booleans(),
    )
    def apply(self, number: int, schemes: set[Scheme], oks: int, bads: int, failing: bool, own: bool) -> None:
        health = Health.of((oks,) * 5, (bads,) * 5, NOW - 5.0, NOW if failing else 0.0, oks, bads, 1)
        paths = tuple(Path(scheme, health) for scheme in sorted(schemes))
        record = make_record(number, paths=paths, trust=Trust.OWN if own else Trust.PUBLIC)
        self.pool.apply(record, NOW)
        self.model.pop(record.key, None)
        if paths:
            self.model[record.key] = record

    @rule(number=st.integers(1, 6))
    def remove(self, number: int) -> None:
        key = make_record(number).key
        assert self.pool.remove(key) is (self.model.pop(key, None) is not None)

    @invariant()
    def holds_exactly_the_newest_states(self) -> None:
        assert {record.key: record for record in self.pool.records()} == self.model
        listed = {(pick.record.key, pick.path.scheme): pick.path for pick in self.pool.list(ANY, NOW)}
        paths = {(record.key, path.scheme): path for record in self.model.values() for path in record.paths}
        assert listed == paths
        works = [path.health.last_ok >= path.health.last_bad for path in paths.values()]
        assert self.pool.working == sum(works)
        assert (self.pool.pick(ANY, NOW) is None) is (not paths)


IndexMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestIndex = IndexMachine.TestCase


@pytest.mark.parametrize("count", [1, 2, 24, 25, 100])
def test_every_proxy_of_a_bucket_gets_its_turn(count: int) -> None:
    pool = make_pool()
    for number in range(1, count + 1):
        pool.apply(proven(number), NOW)
    picked = {pool.pick(Query(), NOW + step).record.id for step in range(count * 30)}  # type: ignore[union-attr]
    assert len(picked) == count


def test_no_window_of_picks_gives_one_proxy_more_than_its_share() -> None:
    pool = Pool(PoolOptions(max_share=0.1), Random(1), window=40)
    for number in range(1, 15):
        pool.apply(proven(number, oks=30 - number), NOW)
    picked = [pool.pick(ANY, NOW).record.id for _ in range(400)]  # type: ignore[union-attr]
    assert all(max(Counter(picked[at : at + 40]).values()) <= 4 for at in range(len(picked) - 40))


def test_rankings_of_filters_follow_every_change() -> None:
    pool = make_pool()
    tagged = Query(tags=frozenset({"a"}), min_forecast=0.0, max_age=1e9)
    assert pool.pick(tagged, NOW) is None
    pool.apply(proven(1, tags=("a",)), NOW)
    pool.apply(proven(2), NOW)
    assert {pool.pick(tagged, NOW).record.key for _ in range(5)} == {proven(1).key}  # type: ignore[union-attr]
    pool.apply(proven(1), NOW)
    pool.apply(proven(2, tags=("a", "b")), NOW)
    assert {pool.pick(tagged, NOW).record.key for _ in range(5)} == {proven(2).key}  # type: ignore[union-attr]
    pool.remove(proven(2).key)
    assert pool.pick(tagged, NOW) is None


def test_however_many_filters_are_asked_for_the_memory_for_them_is_bounded() -> None:
    pool = make_pool()
    for number in range(1, 40):
        pool.apply(proven(number), NOW)
    for number in range(200):
        assert pool.peek(Query(not_countries=frozenset({f"{number:03}"})), NOW)
    assert sum(map(len, pool._rankings._kept.values())) <= 4 * 39


@pytest.mark.parametrize("strategy", Strategy)
def test_every_strategy_finds_what_fits_and_nothing_else(strategy: Strategy) -> None:
    pool = make_pool()
    for number in range(1, 200):
        pool.apply(proven(number, tags=("a",) if number == 77 else (), oks=number % 9 + 1, bads=number % 5), NOW)
    rare = Query(tags=frozenset({"a"}), strategy=strategy, session="s", min_forecast=0.0)
    assert pool.pick(rare, NOW).record.key == proven(77).key  # type: ignore[union-attr]
    assert pool.pick(replace(rare, exclude=frozenset({proven(77).id})), NOW) is None
    assert pool.pick(Query(strategy=strategy, min_forecast=0.999999), NOW) is None


def test_in_turn_and_least_used_reach_everybody_and_a_session_keeps_its_own() -> None:
    pool = make_pool(max_share=1.0)
    for number in range(1, 31):
        pool.apply(proven(number), NOW)
    for strategy, least in ((Strategy.ROUND_ROBIN, 30), (Strategy.LEAST_USED, 25), (Strategy.STICKY, 1)):
        query = Query(strategy=strategy, session="s")
        picked = [pool.pick(query, NOW).record.id for _ in range(60)]  # type: ignore[union-attr]
        assert len(set(picked)) >= least
        if strategy is Strategy.STICKY:
            assert len(set(picked)) == 1


def test_an_unproven_one_takes_no_turns_with_a_clean_one() -> None:
    pool = make_pool(max_share=0.5)
    for number, honesty in ((1, Honesty.CLEAN), (2, Honesty.UNKNOWN)):
        record = proven(number)
        paths = tuple(replace(path, honesty=honesty) for path in record.paths)
        pool.apply(replace(record, paths=paths), NOW)
    picks = [pool.pick(ANY, NOW) for _ in range(10)]
    assert {pick.record.id for pick in picks if pick is not None} == {proven(1).id}


def test_what_was_compared_often_stands_before_what_was_compared_once_however_many_those_are() -> None:
    pool = make_pool(max_share=1.0)
    for number in range(1, 101):
        record = proven(number)
        path = replace(record.paths[0], honesty=Honesty.CLEAN, compared=90 if number == 50 else 4)
        pool.apply(replace(record, paths=(path,)), NOW)
    assert {pool.pick(ANY, NOW).record.id for _ in range(10)} == {proven(50).id}  # type: ignore[union-attr]
