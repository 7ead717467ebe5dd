from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.source_budget import DAY, day_of, next_day, spent_today


def test_yesterdays_bytes_do_not_count() -> None:
    assert spent_today(3, 500, 3 * DAY) == 500
    assert spent_today(3, 500, 4 * DAY - 0.001) == 500
    assert spent_today(3, 500, 4 * DAY) == 0


@given(st.floats(0, 1e11))
def test_the_next_day_is_the_first_moment_of_another_day(now: float) -> None:
    assert now < next_day(now) <= now + DAY
    assert day_of(next_day(now)) == day_of(now) + 1
