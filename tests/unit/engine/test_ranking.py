from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Query, Trust
from shoal.engine.ranking import STEPS, Entry, Ranking, step_of
from shoal.testing.builders import make_path, make_record

MOVES = st.lists(
    st.tuples(st.integers(0, 8), st.one_of(st.none(), st.tuples(st.floats(0.0, 1.0), st.sampled_from(Trust)))),
    max_size=40,
)


def entry_of(number: int) -> Entry:
    record = make_record(number, paths=(make_path(),))
    return Entry(record, record.paths[0])


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_steps_follow_the_forecast_and_own_proxies_stand_above(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= step_of(low, Trust.PUBLIC) <= step_of(high, Trust.PUBLIC) < STEPS
    assert step_of(high, Trust.PUBLIC) < step_of(low, Trust.OWN) < 2 * STEPS


@given(MOVES, st.integers(0, 50))
def test_any_course_of_moves_leaves_every_entry_once_and_best_first(
    moves: list[tuple[int, tuple[float, Trust] | None]], turn: int
) -> None:
    entries = [entry_of(number) for number in range(1, 10)]
    ranking, held = Ranking(Query()), set()
    for number, target in moves:
        entry = entries[number]
        if target is None:
            ranking.drop(entry)
            held.discard(entry)
        else:
            entry.step = step_of(*target)
            ranking.put(entry)
            held.add(entry)
        steps = [found.step for found in ranking.best_first(turn)]
        assert steps == sorted(steps, reverse=True)
        assert set(ranking.best_first(turn)) == held
        assert len(steps) == len(ranking) == len(held)
        assert ranking.has_own is any(one.step >= STEPS for one in held)
        own, public = (list(ranking.best_first(turn, own=which, public=not which)) for which in (True, False))
        assert all(found.step >= STEPS for found in own)
        assert len(own) + len(public) == len(held)


@pytest.mark.parametrize("position", range(12))
def test_onwards_from_any_position_every_entry_comes_once(position: int) -> None:
    ranking, rng = Ranking(Query()), Random(3)
    for number in range(1, 13):
        entry = entry_of(number)
        entry.step = step_of(rng.choice((0.1, 0.5, 0.9)), Trust.PUBLIC)
        ranking.put(entry)
    found = list(ranking.onwards(position))
    assert len(found) == len(set(found)) == 12
    assert found[1:] + found[:1] == list(ranking.onwards((position + 1) % 12))


def test_equals_take_turns() -> None:
    ranking = Ranking(Query())
    for number in range(1, 6):
        entry = entry_of(number)
        entry.step = 7
        ranking.put(entry)
    assert len({next(ranking.best_first(turn)) for turn in range(5)}) == 5
