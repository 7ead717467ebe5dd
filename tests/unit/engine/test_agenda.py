"""Agenda: which checks come first where there are too few."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from shoal.domain import Health, Record
from shoal.engine.agenda import HORIZON, Agenda
from shoal.engine.pool import Pool
from shoal.options import CheckOptions, PoolOptions
from shoal.policy.forecast import fold
from shoal.policy.schedule import NO_PRESSURE, Pressure
from shoal.testing.builders import make_path, make_record

NOW = 1_800_000_000.0
LATE = Pressure(2.0)


def seen(number: int, results: str, age: float) -> Record:
    """A record whose results lie a quarter of an hour apart, the last one ``age`` seconds ago."""
    health = Health()
    for place, result in enumerate(results):
        health = fold(health, result == "+", NOW - age - 900.0 * (len(results) - 1 - place))
    path = replace(make_path(last_ok=NOW), health=health)
    return replace(make_record(number, paths=(path,), checks=len(results)), last_check=NOW - age)


def agenda_of(*records: Record, max_share: float = 0.5) -> tuple[Agenda, Pool]:
    pool = Pool(PoolOptions(), Random(1))
    for record in records:
        pool.apply(record, NOW)
    return Agenda(pool, CheckOptions(), max_share), pool


def test_while_checks_come_in_time_the_order_of_time_is_kept() -> None:
    agenda, _ = agenda_of(seen(1, "+++", 3_600))
    assert agenda.take(NO_PRESSURE, NOW, 10) == []


def test_most_of_the_checks_go_to_what_is_worth_most_and_each_once_a_round() -> None:
    coins = [seen(number, "+-++-+", 3_600 + number) for number in range(1, 7)]
    dead = [seen(number, "+" + 20 * "-", 3_600) for number in range(7, 13)]
    agenda, _ = agenda_of(*dead, *coins)
    first = agenda.take(LATE, NOW, 4)
    second = agenda.take(LATE, NOW + 1, 4)
    assert len(first) == 3 and set(first + second) == {record.key for record in coins}


def test_what_was_checked_a_moment_ago_or_since_the_round_began_is_left_out() -> None:
    fresh, old, other = seen(1, "+++", 5), seen(2, "+++", 3_600), seen(3, "+++", 3_000)
    agenda, pool = agenda_of(fresh, old, other)
    (first,) = agenda.take(LATE, NOW, 2)
    (left,) = {old.key, other.key} - {first}
    record = pool.record(left)
    assert record is not None
    pool.apply(replace(record, last_check=NOW + 1), NOW + 1)
    assert agenda.take(LATE, NOW + 2, 2) == []


def test_what_was_deleted_is_not_named() -> None:
    agenda, pool = agenda_of(seen(1, "+++", 3_600), seen(2, "+++", 3_600))
    (first,) = agenda.take(LATE, NOW, 2)
    for number in (1, 2):
        pool.remove(make_record(number).key)
    assert agenda.take(LATE, NOW + 1, 2) == []
    assert agenda.take(LATE, NOW + HORIZON, 2) == []
    assert first


def test_a_round_outdates() -> None:
    agenda, _ = agenda_of(seen(1, "+-+", 3_600))
    assert len(agenda.take(LATE, NOW, 2)) == 1
    assert agenda.take(LATE, NOW + HORIZON / 2 - 1, 1) == []
    assert len(agenda.take(LATE, NOW + HORIZON, 2)) == 1


def test_candidates_that_never_worked_stand_in_one_order_with_what_did() -> None:
    agenda, pool = agenda_of(seen(1, "+-++-+", 3_600), seen(2, "+" + 20 * "-", 3_600))
    pool.hopefuls.listed(["new"], NOW)
    pool.apply(replace(make_record(3, paths=(), checks=9), misses=9, first_seen=NOW, last_check=NOW - 60), NOW)
    order = agenda.take(LATE, NOW, 100)
    assert order[0] == make_record(1).key and sorted(order) == sorted([*(make_record(n).key for n in (1, 2, 3)), "new"])
    assert order.index("new") < order.index(make_record(3).key)
    assert "new" not in pool.hopefuls, "it comes back with its result"
