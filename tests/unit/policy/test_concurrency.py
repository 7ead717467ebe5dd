"""How many checks at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.concurrency import FLOOR, LAG, REST, Concurrency


def test_a_shortage_halves_what_was_in_flight_and_a_minute_without_one_brings_it_back():
    limit = Concurrency(1000)
    limit.short(100.0, 800)
    assert limit.allowed == 400
    for second in range(1, 61):
        limit.good(100.0 + second)
    assert limit.allowed == 1000 and not limit.is_reduced


def test_many_signs_of_one_shortage_are_one_cut():
    limit = Concurrency(1000)
    for number in range(500):
        limit.short(5.0 + number / 1000, 1000)
    assert limit.allowed == 500
    limit.short(5.0 + REST, 500)
    assert limit.allowed == 250


def test_a_loop_that_lags_is_relieved_and_a_usual_delay_is_not():
    limit = Concurrency(1000)
    limit.lagged(1.0, 1000, LAG)
    assert limit.allowed == 1000
    limit.lagged(1.0, 1000, LAG + 0.1)
    assert limit.allowed == 800


@given(
    st.integers(1, 5000),
    st.lists(st.tuples(st.sampled_from("gsl"), st.floats(0, 10), st.integers(0, 6000)), max_size=50),
)
def test_it_stays_between_floor_and_ceiling(ceiling, events):
    limit, now = Concurrency(ceiling), 0.0
    for kind, wait, busy in events:
        now += wait
        if kind == "g":
            limit.good(now)
        elif kind == "s":
            limit.short(now, busy)
        else:
            limit.lagged(now, busy, wait)
        assert min(FLOOR, ceiling) <= limit.allowed <= ceiling
