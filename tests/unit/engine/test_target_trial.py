"""A target is tried through the best proxies, each on a host of its own, and nothing is learned of it."""

from __future__ import annotations

from random import Random

from shoal.domain import Capability, Kind, Observation, Record, Scheme, Target
from shoal.engine.pool import Pool
from shoal.engine.target_trial import TargetTrial
from shoal.options import OwnTarget, PoolOptions, TargetOptions
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import read_target
from shoal.testing.builders import make_path, make_record

NOW = 2000.0


class Visits:
    """Notes who was asked for what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Scheme, str]] = []

    async def visit(self, record: Record, scheme: Scheme, target: Target) -> Observation:
        self.asked.append((record.endpoint.host, scheme, target.name))
        return Observation(record.key, Kind.USE, NOW, record.endpoint.host != "127.0.0.2", scheme, target=target.name)


class Clock:
    def now(self) -> float:
        return NOW


def pool_of(*records: Record) -> Pool:
    pool = Pool(PoolOptions(), Random(1))
    for record in records:
        pool.apply(record, NOW)
    return pool


def target() -> Target:
    found, wrong = read_target(OwnTarget(url="https://shop.example/"), TargetOptions(), TargetRules().judge)
    assert found is not None, wrong
    return found


def live(number: int, *can: Capability) -> Record:
    return make_record(number, paths=(make_path(last_ok=NOW - 1.0, capabilities=frozenset(can)),))


async def test_a_few_that_can_carry_it_are_asked_and_nothing_is_learned() -> None:
    visits = Visits()
    records = [live(number, Capability.FORWARD, Capability.TUNNEL) for number in range(1, 9)]
    pool = pool_of(*records)
    tries = await TargetTrial(visits, pool, Clock()).run(target())
    assert len(tries) == len(visits.asked) == 5
    assert len({host for host, _, _ in visits.asked}) == 5
    assert {name for _, _, name in visits.asked} == {"shop.example"}
    assert [pool.record(record.key) for record in records] == records


async def test_what_cannot_carry_it_is_not_asked() -> None:
    visits = Visits()
    pool = pool_of(live(1, Capability.FORWARD), live(2, Capability.TUNNEL))
    tries = await TargetTrial(visits, pool, Clock()).run(target())
    assert [one.pick.record.endpoint.host for one in tries] == ["127.0.0.2"]
    assert [one.seen.works for one in tries] == [False]
    assert await TargetTrial(visits, pool_of(), Clock()).run(target()) == []
