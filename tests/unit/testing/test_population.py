from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.testing.builders import make_endpoint
from shoal.testing.population import LIVES, Population
from shoal.testing.virtual_time import EPOCH

DAY = 86_400.0


def test_shares_add_up() -> None:
    assert sum(life.share for life in LIVES) == pytest.approx(1.0)
    assert len(Population(1000, 1, EPOCH)) == 1000


@given(st.lists(st.floats(0.0, 5 * DAY), min_size=1, max_size=20), st.integers(1, 100))
@settings(deadline=None)
def test_the_truth_does_not_depend_on_when_it_was_asked(times: list[float], number: int) -> None:
    asked = Population(100, 5, EPOCH)
    fresh = Population(100, 5, EPOCH)
    endpoint = make_endpoint(number)
    answers = {at: asked.is_up(endpoint, EPOCH + at) for at in times}
    assert {at: fresh.is_up(endpoint, EPOCH + at) for at in sorted(times)} == answers


def test_seeds_make_populations() -> None:
    def truth(seed: int) -> list[bool]:
        population = Population(300, seed, EPOCH)
        return [population.is_up(make_endpoint(number), EPOCH + DAY) for number in range(1, 301)]

    assert truth(1) == truth(1) != truth(2)


def test_classes_live_as_they_should() -> None:
    population = Population(1000, 1, EPOCH)
    up: dict[str, list[float]] = {}
    for number in range(1, 1001):
        proxy = population.proxy(make_endpoint(number))
        share = sum(proxy.is_up(EPOCH + step * 600.0) for step in range(600)) / 600
        up.setdefault(proxy.life.name, []).append(share)
    for life in LIVES:
        mean = sum(up[life.name]) / len(up[life.name])
        assert mean == pytest.approx(life.up / (life.up + life.down), abs=0.06)
    assert max(up["dead"]) == 0.0


def test_flappers_flap_more_often_than_they_die() -> None:
    population = Population(1000, 1, EPOCH)
    number = next(n for n in range(1, 1001) if population.proxy(make_endpoint(n)).life.name == "flapper")
    states = [population.is_up(make_endpoint(number), EPOCH + step * 60.0) for step in range(1440)]
    assert sum(one is not other for one, other in pairwise(states)) >= 20
