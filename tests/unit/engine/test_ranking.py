from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Query
from shoal.engine.ranking import STEPS, Entry, Ranking, step_of
from shoal.testing.builders import make_path, make_record

MOVES = st.lists(
    st.tuples(st.integers(0, 8), st.one_of(st.none(), st.tuples(st.floats(0.0, 1.0), st.integers(0, 3)))),
    max_size=40,
)


def entry_of(number: int) -> Entry:
    record = make_record(number, paths=(make_path(),))
    return Entry(record, record.paths[0])


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_steps_follow_the_forecast_and_higher_bands_stand_above(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= step_of(low, 0) <= step_of(high, 0) < STEPS
    assert step_of(high, 0) < step_of(low, 1) < 2 * STEPS <= step_of(low, 2)


@given(st.floats(0.0, 1.0), st.sampled_from((0.76, 0.8, 0.95, 0.985, 1.0)))
def test_a_doubt_moves_back_and_leaves_the_steps_as_fine(chance: float, sure: float) -> None:
    assert step_of(chance, 1, 0.76) <= step_of(chance, 1, sure) <= step_of(chance, 1)
    assert step_of(chance, 1, sure) >= STEPS
    assert step_of(0.97, 0, sure) < step_of(0.98, 0, sure) < step_of(0.99, 0, sure)
    assert abs(step_of(0.98, 0, sure) - step_of(0.98 * sure, 0)) <= 1


@given(MOVES, st.integers(0, 50))
def test_any_course_of_moves_leaves_every_entry_once_and_best_first(
    moves: list[tuple[int, tuple[float, int] | None]], turn: int
) -> None:
    entries = [entry_of(number) for number in range(1, 10)]
    ranking, held = Ranking(Query()), set()
    for number, target in moves:
        entry = entries[number]
        if target is None:
            ranking.drop(entry)
            held.discard(entry)
        else:
            step = step_of(*target)
            ranking.put(entry, step)
            entry.step = step
            held.add(entry)
        steps = [found.step for found in ranking.best_first(turn)]
        assert steps == sorted(steps, reverse=True)
        assert set(ranking.best_first(turn)) == held
        assert len(steps) == len(ranking) == len(held)
        assert ranking.top_band == max((one.step // STEPS for one in held), default=0)
        bands = [list(ranking.best_first(turn, band=band)) for band in range(ranking.top_band + 1)]
        assert all(found.step // STEPS == band for band, all_found in enumerate(bands) for found in all_found)
        assert sum(map(len, bands)) == len(held)
        if held:
            onwards = list(ranking.onwards(turn % len(held)))
            assert len(onwards) == len(held) and set(onwards) == held


@pytest.mark.parametrize("position", range(12))
def test_onwards_from_any_position_every_entry_comes_once(position: int) -> None:
    ranking, rng = Ranking(Query()), Random(3)
    for number in range(1, 13):
        entry = entry_of(number)
        entry.step = step_of(rng.choice((0.1, 0.5, 0.9)), 0)
        ranking.put(entry, entry.step)
    found = list(ranking.onwards(position))
    assert len(found) == len(set(found)) == 12
    assert found[1:] + found[:1] == list(ranking.onwards((position + 1) % 12))


@pytest.mark.parametrize("of_all", [True, False])
def test_a_step_of_thousands_keeps_every_place(of_all: bool) -> None:
    ranking, rng = Ranking(Query(), of_all=of_all), Random(1)
    record = make_record(1, paths=(make_path(),))
    entries = [Entry(record, record.paths[0]) for _ in range(5_000)]
    for entry in entries:
        ranking.put(entry, entry.step)
    rng.shuffle(entries)
    gone, kept = set(entries[:2_500]), set(entries[2_500:])
    for entry in gone:
        ranking.drop(entry)
    assert set(ranking.best_first()) == kept
    assert all((entry in ranking) is (entry in kept) for entry in entries)


def test_equals_take_turns() -> None:
    ranking = Ranking(Query())
    for number in range(1, 6):
        entry = entry_of(number)
        entry.step = 7
        ranking.put(entry, entry.step)
    assert len({next(ranking.best_first(turn)) for turn in range(5)}) == 5
