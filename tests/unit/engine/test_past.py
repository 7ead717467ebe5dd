"""The last results of a proxy are read off the states of its record."""

from __future__ import annotations

from msgspec.structs import replace

from shoal.domain import Blame, CheckResult, Failure, Kind, Observation, Reason, Record, Scheme, Stage, Timing
from shoal.engine.past import KEPT, Past
from shoal.policy.fold import fold_check, fold_use
from shoal.testing.builders import make_record

TIMED_OUT = Failure(Stage.CONNECT, Reason.TIMEOUT, "5 s")


def seen(record: Record, at: float, failure: Failure | None = None, kind: Kind = Kind.PROBE) -> Observation:
    return Observation(
        record.key, kind, at, failure is None, Scheme.HTTP, failure, Blame.PROXY if failure else None,
        Timing(0.1, 0.2, 0.3, 0.4),
    )  # fmt: skip


def checked(record: Record, at: float, failure: Failure | None = None) -> Record:
    result = CheckResult(failure is None, (seen(record, at, failure),), failure)
    return fold_check(record, result, at)


def walk(past: Past, *states: Record) -> None:
    old = None
    for state in states:
        past.change(old, state)
        old = state


def test_each_result_stands_in_the_order_of_time_with_its_reason() -> None:
    first = checked(make_record(1), 1000.0)
    second = checked(first, 1060.0, TIMED_OUT)
    third = fold_use(second, seen(second, 1100.0, kind=Kind.USE))
    past = Past()
    walk(past, first, second, third)
    results = past.of(first.key)
    assert [(one.at, one.kind) for one in results] == [(1000, Kind.PROBE), (1060, Kind.PROBE), (1100, Kind.USE)]
    assert [one.failure for one in results] == [None, Failure(Stage.CONNECT, Reason.TIMEOUT), None]
    assert results[0].latency == 0.4 and results[1].latency == 0.0
    assert {one.scheme for one in results} == {Scheme.HTTP}


def test_a_state_that_brings_no_result_adds_none() -> None:
    first = checked(make_record(1), 1000.0)
    past = Past()
    walk(past, first, replace(first, tags=("fast",)), replace(first, last_seen=2000.0))
    assert len(past.of(first.key)) == 1
    assert past.of("somebody else") == []


def test_the_oldest_results_and_the_quietest_proxies_make_room() -> None:
    past = Past(memory=KEPT * 9 + 2 * 96 + 20)
    state = checked(make_record(1), 1000.0)
    past.change(None, state)
    for number in range(KEPT + 5):
        newer = checked(state, 1010.0 + number)
        past.change(state, newer)
        state = newer
    results = past.of(state.key)
    assert len(results) == KEPT and results[-1].at == 1010.0 + KEPT + 4
    for number in (2, 3):
        past.change(None, checked(make_record(number), 2000.0))
    assert past.of(state.key) == []
    assert len(past.of(make_record(3).key)) == 1


def test_every_reason_comes_back_as_it_was() -> None:
    for stage in Stage:
        for reason in Reason:
            before = checked(make_record(1), 1000.0)
            past = Past()
            walk(past, before, checked(before, 1001.0, Failure(stage, reason)))
            assert past.of(before.key)[-1].failure == Failure(stage, reason)


def test_what_was_taken_out_is_forgotten() -> None:
    past = Past()
    state = checked(make_record(1), 1000.0)
    past.change(None, state)
    past.forget(state.key)
    assert past.of(state.key) == []
