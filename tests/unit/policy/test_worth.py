"""Worth of a check: most where it may change what is handed out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Health
from shoal.policy.forecast import BUILT_IN, fold, forecast
from shoal.policy.worth import worth

NOW = 1_800_000_000.0


def past(results: str, *, step: float = 900.0, until: float = NOW) -> Health:
    """Results (+ and -) a step apart, the last one at ``until``."""
    health = Health()
    for number, result in enumerate(results):
        health = fold(health, result == "+", until - step * (len(results) - 1 - number))
    return health


def worth_of(health: Health, marginal: float, horizon: float = 900.0) -> float:
    use = NOW + horizon
    return worth(health, NOW, use, forecast(health, use).probability, marginal, BUILT_IN)


def test_a_coin_near_the_margin_is_worth_more_than_what_is_long_dead() -> None:
    coin = past("+-++-+-+", until=NOW - 3_600)
    assert worth_of(coin, 0.6) > 3 * worth_of(past("+" + 20 * "-", until=NOW - 3_600), 0.6)


def test_the_longer_ago_it_was_seen_the_more_a_good_one_is_worth() -> None:
    values = [worth_of(past(30 * "+", until=NOW - age), 0.8) for age in (1, 1_800, 7_200)]
    assert values == sorted(values) and values[0] < values[-1]


@given(st.text("+-", min_size=1, max_size=40), st.floats(0.0, 1.0), st.floats(1.0, 1e5))
def test_a_check_never_harms(results: str, marginal: float, age: float) -> None:
    health = past(results, until=NOW - age)
    assert 0.0 <= worth_of(health, marginal) <= 1.05
