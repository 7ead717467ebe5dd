import random

from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.source_schedule import IDLE_FACTOR, JITTER, LONGEST, next_run, wait


def test_a_healthy_source_keeps_its_interval() -> None:
    assert wait(300, failures=0, idle=0) == 300


def test_each_failure_in_a_row_doubles_the_wait_up_to_a_day() -> None:
    assert [wait(300, failures=n, idle=0) for n in (1, 2, 3, 20)] == [600, 1200, 2400, LONGEST]


def test_nothing_new_slows_a_source_down_but_never_more_than_eightfold() -> None:
    assert [wait(300, failures=0, idle=n) for n in (1, 2, 3, 4, 1000)] == [600, 1200, 2400, 2400, 2400]
    assert wait(300, failures=0, idle=1000) == 300 * IDLE_FACTOR


def test_an_interval_above_a_day_is_kept() -> None:
    assert wait(200_000, failures=9, idle=9) == 200_000


@given(
    now=st.floats(0, 1e10),
    interval=st.floats(1, 1e6),
    failures=st.integers(0, 10**6),
    idle=st.integers(0, 10**6),
    seed=st.integers(0, 2**32),
)
def test_the_next_run_lies_ahead_and_within_its_bound(
    now: float, interval: float, failures: int, idle: int, seed: int
) -> None:
    at = next_run(now, interval, random.Random(seed), failures=failures, idle=idle)
    assert now + interval - 1 <= at <= now + max(interval, LONGEST) * (1 + JITTER) + 1


def test_jitter_spreads_equal_sources() -> None:
    rng = random.Random(1)
    times = {next_run(0, 300, rng) for _ in range(50)}
    assert len(times) == 50 and max(times) <= 330
