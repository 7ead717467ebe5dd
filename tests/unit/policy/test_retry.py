"""Which failure is worth another upstream, and when a second is started beside the first."""

from __future__ import annotations

from shoal.domain import Failure, Path, Reason, Scheme, Stage, Timing
from shoal.policy.retry import HedgeBudget, goes_on, hedge_delay, may_repeat

REFUSED = Failure(Stage.CONNECT, Reason.REFUSED)
TARGET = Failure(Stage.TUNNEL, Reason.REFUSED)


def path(**times: float) -> Path:
    return Path(Scheme.HTTP, timing=Timing(**times))


def test_attempts_are_bounded() -> None:
    assert goes_on([REFUSED] * 7, 8)
    assert not goes_on([REFUSED] * 8, 8)


def test_two_that_tell_the_same_of_a_target_are_believed() -> None:
    assert goes_on([TARGET], 8)
    assert goes_on([TARGET, REFUSED], 8)
    assert not goes_on([TARGET, REFUSED, TARGET], 8)


def test_a_machine_without_descriptors_does_not_dial_on() -> None:
    assert not goes_on([Failure(Stage.CONNECT, Reason.LOCAL_LIMIT)], 8)


def test_the_second_starts_after_the_usual_time_and_half_as_much_again() -> None:
    assert hedge_delay(path(connect=0.2, handshake=0.6), tunnel=True) == 0.6 * 1.5
    assert abs(hedge_delay(path(connect=0.2, handshake=0.6), tunnel=False) - 0.3) < 1e-9
    assert hedge_delay(path(connect=0.2), tunnel=True) == 0.2 * 2 * 1.5


def test_the_wait_is_bounded_both_ways_and_has_a_default() -> None:
    assert hedge_delay(path(connect=0.001, handshake=0.001), tunnel=True) == 0.1
    assert hedge_delay(path(handshake=60.0), tunnel=True) == 3.0
    assert hedge_delay(path(), tunnel=True) == 1.0
    assert hedge_delay(path(total=0.8), tunnel=True) == 0.8 / 2 * 1.5


def test_what_was_sent_is_repeated_only_when_safe_and_at_hand() -> None:
    assert may_repeat("POST", sent=False, whole=True)
    assert not may_repeat("POST", sent=True, whole=True)
    assert may_repeat("PUT", sent=True, whole=True)
    assert not may_repeat("PUT", sent=True, whole=False)
    assert not may_repeat("get", sent=True, whole=True)


def test_extra_dials_are_a_share_of_requests() -> None:
    budget = HedgeBudget(0.2, burst=2.0)
    spent = sum(budget.spend() for _ in range(10))
    assert spent == 2
    for _ in range(100):
        budget.earn()
        spent += budget.spend()
    assert 20 <= spent <= 22


def test_no_share_means_no_extra_dials() -> None:
    budget = HedgeBudget(0.0)
    budget.earn()
    assert not budget.spend()
