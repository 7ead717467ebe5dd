import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.pacing import TokenBucket


def test_saved_tokens_go_at_once_and_the_rest_at_the_rate() -> None:
    bucket = TokenBucket(10.0, 3.0)
    assert [bucket.take(0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take(0.0) == pytest.approx(0.1)
    assert bucket.take(0.05) == pytest.approx(0.05)
    assert bucket.take(0.1) == 0.0


def test_no_more_than_the_burst_is_saved() -> None:
    bucket = TokenBucket(10.0, 3.0)
    bucket.take(0.0)
    assert [bucket.take(1_000.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take(1_000.0) > 0.0


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    bucket = TokenBucket(1.0, 1.0)
    assert bucket.take(100.0) == 0.0
    assert bucket.take(50.0) > 0.0
    assert bucket.take(100.5) == pytest.approx(0.5)


@given(st.floats(0.01, 10_000.0), st.floats(0.0, 100.0), st.floats(0.0, 1e9))
def test_whoever_waits_as_told_gets_on_and_the_rate_holds(rate: float, burst: float, start: float) -> None:
    bucket = TokenBucket(rate, burst)
    now, taken = start, 0
    for _ in range(300):
        wait = bucket.take(now)
        if wait == 0.0:
            taken += 1
        else:
            # What a real sleep can still tell apart from no time at all.
            now += max(wait, 1e-6)
    assert taken >= 100
    assert taken <= max(1.0, burst) + rate * (now - start) + 1e-3


@pytest.mark.parametrize(
    ("rate", "now"), [(0.1, 0.1), (0.3, 100_000.3), (0.7, 1_000.1), (3.0, 1e6), (10.0, 12.3), (130.0, 0.1)]
)
def test_no_rounding_error_makes_a_waiter_spin(rate: float, now: float) -> None:
    bucket = TokenBucket(rate, 1.0)
    for _ in range(100):
        while (wait := bucket.take(now)) > 0.0:
            assert now + wait > now
            now += wait
