"""Failures that may be our own network's count only between uses that went well."""

from __future__ import annotations

import pytest

from shoal.domain import Blame, Failure, Kind, Observation, Reason, Scheme, Stage
from shoal.engine.unproven import MOST, PROOF, Unproven

SILENT = Failure(Stage.CONNECT, Reason.TIMEOUT)


def use(key: str, at: float, *, ok: bool = False, failure: Failure = SILENT, blame: Blame = Blame.PROXY) -> Observation:
    fault = {} if ok else {"failure": failure, "blame": blame}
    return Observation(key=key, kind=Kind.USE, at=at, works=ok, scheme=Scheme.HTTP, **fault)  # type: ignore[arg-type]


def blamed(told: list[Observation]) -> list[str]:
    return [seen.key for seen in told if seen.blame is Blame.PROXY]


def test_a_failure_between_two_that_worked_is_the_proxys() -> None:
    uses = Unproven()
    assert uses.note(use("a", 100.0, ok=True))
    assert uses.note(use("b", 105.0)) == []
    told = uses.note(use("c", 106.0, ok=True))
    assert [seen.key for seen in told] == ["b", "c"] and blamed(told) == ["b"]


def test_while_nothing_works_nobody_is_blamed_and_all_is_told_in_the_end() -> None:
    uses = Unproven()
    uses.note(use("a", 100.0, ok=True))
    told = [one for number in range(50) for one in uses.note(use(f"p{number}", 101.0 + number))]
    told += uses.note(use("a", 152.0, ok=True))
    assert blamed(told) == [] and [seen.key for seen in told] == [*(f"p{number}" for number in range(50)), "a"]
    # The next ones are heard again.
    uses.note(use("b", 153.0))
    assert blamed(uses.note(use("a", 154.0, ok=True))) == ["b"]


@pytest.mark.parametrize(
    ("before", "at", "after"), [(100.0 - PROOF - 1.0, 100.0, 101.0), (99.0, 100.0, 100.0 + PROOF + 1.0)]
)
def test_what_worked_long_before_or_long_after_proves_nothing(before: float, at: float, after: float) -> None:
    uses = Unproven()
    told = [
        one for seen in (use("a", before, ok=True), use("b", at), use("c", after, ok=True)) for one in uses.note(seen)
    ]
    assert blamed(told) == [] and len(told) == 3


def test_a_few_failures_in_a_row_are_believed_and_more_are_not() -> None:
    for failed, believed in ((MOST, MOST), (MOST + 1, 0)):
        uses = Unproven()
        uses.note(use("a", 100.0, ok=True))
        told = [one for number in range(failed) for one in uses.note(use(f"p{number}", 101.0))]
        assert len(blamed([*told, *uses.note(use("a", 102.0, ok=True))])) == believed


@pytest.mark.parametrize(
    "seen",
    [
        use("b", 101.0, failure=Failure(Stage.CONNECT, Reason.REFUSED)),
        use("b", 101.0, failure=Failure(Stage.TUNNEL, Reason.TIMEOUT), blame=Blame.UNKNOWN),
    ],
)
def test_what_only_the_far_end_can_have_said_is_told_at_once(seen: Observation) -> None:
    assert Unproven().note(seen) == [seen]
