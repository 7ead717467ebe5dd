from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.engine.sorted_places import SortedPlaces


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans())), st.integers(-1, 60))
def test_it_is_a_sorted_dictionary(steps: list[tuple[int, bool]], start: int) -> None:
    places: SortedPlaces[str] = SortedPlaces([(7, "seven"), (3, "three")])
    model = {7: "seven", 3: "three"}
    for number, put in steps:
        if put:
            places.put(number, str(number))
            model[number] = str(number)
        else:
            places.drop(number)
            model.pop(number, None)
    assert list(places.after(start)) == sorted(item for item in model.items() if item[0] > start)
    assert len(places) == len(model)


@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_blocks_come_and_go(seed: int) -> None:
    rng = Random(seed)
    model = {rng.randrange(10**6): n for n in range(3_000)}
    places = SortedPlaces(model.items())
    for _ in range(6_000):
        number = rng.randrange(10**6)
        if rng.random() < 0.6:
            places.put(number, 0)
            model[number] = 0
        else:
            number = rng.choice(list(model)) if rng.random() < 0.02 else number
            places.drop(number)
            model.pop(number, None)
    assert list(places.after(-1)) == sorted(model.items())
    middle = 500_000
    assert next(places.after(middle))[0] == min(number for number in model if number > middle)
    for number in list(model):
        places.drop(number)
    assert list(places.after(-1)) == []
    places.put(5, 5)
    assert list(places.after(4)) == [(5, 5)]
