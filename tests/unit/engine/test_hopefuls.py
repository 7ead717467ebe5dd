"""Hopefuls: who never worked is checked in the order of what is expected of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.engine.hopefuls import Hopefuls

NOW = 1_800_000_000.0


def order(hopefuls: Hopefuls) -> list[str]:
    return [key for _, key in hopefuls.best_first(NOW, 60.0)]


def test_fewer_failures_come_first_and_a_longer_wait_makes_up_for_one() -> None:
    hopefuls = Hopefuls()
    for key, misses, waited in (("patient", 2, 600.0), ("twice", 2, 60.0), ("once", 1, 60.0), ("new", 0, 0.0)):
        hopefuls.put(key, misses, NOW - waited)
    assert order(hopefuls) == ["new", "patient", "once", "twice"]


def test_what_is_put_again_stands_where_it_belongs_now() -> None:
    hopefuls = Hopefuls()
    hopefuls.put("a", 0, NOW - 60.0)
    hopefuls.put("b", 0, NOW - 30.0)
    hopefuls.put("a", 1, NOW)
    assert order(hopefuls) == ["b", "a"] and len(hopefuls) == 2
    hopefuls.forget("b")
    hopefuls.forget("b")
    assert order(hopefuls) == ["a"] and "b" not in hopefuls


def test_where_there_is_no_room_who_has_the_least_hope_goes() -> None:
    hopefuls = Hopefuls(most=2)
    for number, misses in enumerate((30, 0, 1)):
        hopefuls.put(str(number), misses, NOW)
    assert order(hopefuls) == ["1", "2"]
    hopefuls.put("3", 40, NOW)
    assert order(hopefuls) == ["1", "2"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20)), max_size=60))
def test_all_are_named_once_by_falling_worth(puts: list[tuple[int, int]]) -> None:
    hopefuls = Hopefuls()
    for number, (key, misses) in enumerate(puts):
        hopefuls.put(str(key), misses, NOW - 1_000.0 + number)
    found = list(hopefuls.best_first(NOW, 60.0))
    assert sorted(key for _, key in found) == sorted({str(key) for key, _ in puts})
    assert [worth for worth, _ in found] == sorted((worth for worth, _ in found), reverse=True)
