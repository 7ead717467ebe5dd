"""Outcomes by target."""

from __future__ import annotations

from itertools import count

from shoal.gateway.targets import Targets


def test_the_most_asked_come_first() -> None:
    targets = Targets(lambda: 5.0)
    for target in ("a:1", "b:1", "b:1"):
        targets.answered(target)
    targets.failed("a:1")
    targets.failed("a:1")
    targets.attempt_failed("c:1")
    assert [(use.target, use.ok, use.failed, use.attempts_failed) for use in targets.top(5)] == [
        ("a:1", 1, 2, 0), ("b:1", 2, 0, 0), ("c:1", 0, 0, 1),
    ]  # fmt: skip
    assert targets.top(1)[0].last_used == 5.0


def test_the_table_is_bounded_and_forgets_the_oldest() -> None:
    clock = count()
    targets = Targets(lambda: float(next(clock)), limit=20)
    for number in range(100):
        targets.answered(f"{number}:1")
        targets.answered("kept:1")
    found = targets.top(1000)
    assert len(found) <= 20
    assert found[0].target == "kept:1"
    assert found[0].ok == 100
