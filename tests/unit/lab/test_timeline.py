from __future__ import annotations

import itertools
from random import Random

import pytest

from shoal.lab.population import LabProxy, build
from shoal.lab.presets import DAY, HOUR, Life, Preset
from shoal.lab.timeline import COIN_SLOT, Runs, Timeline, choose

POPULATION = build(Preset.CURATED, 3000, 11)


def of_life(life: Life) -> list[LabProxy]:
    return [proxy for proxy in POPULATION if proxy.life is life and proxy.born == 0]


def test_the_order_of_questions_does_not_matter() -> None:
    questions = [(proxy, t) for proxy in POPULATION[::10] for t in (0.0, 40_000.0, 3_000.0, 900_000.0, 12.5)]
    asked_in_order = Timeline(1)
    answers = {(proxy.index, t): asked_in_order.fate(proxy, t) for proxy, t in questions}
    Random(5).shuffle(questions)
    asked_anyhow = Timeline(1)
    assert {(proxy.index, t): asked_anyhow.fate(proxy, t) for proxy, t in questions} == answers
    other = Timeline(2)
    assert {(proxy.index, t): other.fate(proxy, t) for proxy, t in questions} != answers


def test_the_share_that_works_at_an_instant_is_the_presets() -> None:
    def share(preset: Preset) -> float:
        population, timeline = build(preset, 6000, 9), Timeline(9)
        times = (0.0, 5 * HOUR, 30 * HOUR)
        return sum(timeline.fate(proxy, t) is None for proxy in population for t in times) / 6000 / len(times)

    assert 0.008 < share(Preset.RAW) < 0.025
    assert 0.04 < share(Preset.CURATED) < 0.09
    assert 0.80 < share(Preset.OWN) < 0.93
    assert share(Preset.MIXED) == pytest.approx(0.1, abs=0.012)
    assert share(Preset.ALIVE) == 1.0


def test_the_dead_stay_dead_and_fail_in_one_way() -> None:
    timeline = Timeline(1)
    for proxy in of_life(Life.DEAD)[:50]:
        assert {timeline.fate(proxy, t) for t in (0.0, 1e4, 1e6)} == {proxy.dead_kind}


def test_a_flapper_works_about_as_often_as_its_coin_says() -> None:
    timeline = Timeline(1)
    flappers = [proxy for proxy in of_life(Life.FLAPPER) if proxy.dies > DAY][:200]
    slots = [slot * COIN_SLOT for slot in range(int(DAY / COIN_SLOT))]
    up = sum(timeline.is_up(proxy, t) for proxy in flappers for t in slots) / len(slots)
    expected = sum(proxy.coin for proxy in flappers)
    assert expected < up < expected * 2  # bursts after a success make it a little more


def test_one_success_of_a_flapper_makes_the_next_likelier() -> None:
    timeline = Timeline(1)
    after, always = [], []
    for proxy in [proxy for proxy in of_life(Life.FLAPPER) if proxy.dies > DAY][:300]:
        states = [timeline.is_up(proxy, slot * COIN_SLOT) for slot in range(280)]
        always += states
        after += [now for before, now in itertools.pairwise(states) if before]
    assert sum(after) / len(after) > 1.5 * sum(always) / len(always)


def test_stable_ones_are_mostly_up_in_long_runs() -> None:
    timeline = Timeline(1)
    stable = [proxy for proxy in of_life(Life.STABLE) if proxy.dies > 3 * DAY]
    up = sum(timeline.is_up(proxy, t * HOUR) for proxy in stable for t in range(72)) / len(stable) / 72
    assert up > 0.9


def test_nobody_works_before_birth_or_after_death() -> None:
    timeline = Timeline(1)
    for proxy in POPULATION:
        assert not timeline.is_up(proxy, proxy.born - 1)
        if proxy.life is not Life.DEAD and proxy.dies < 1e9:
            assert not timeline.is_up(proxy, proxy.dies)
            assert timeline.fate(proxy, proxy.dies + 5) is not None


def test_neighbours_share_outages() -> None:
    timeline = Timeline(3)
    stable = [proxy for proxy in POPULATION if proxy.life is Life.STABLE]
    proxy = stable[0]
    outages = [t for t in range(0, int(400 * DAY), 900) if timeline._net_is_down(proxy, t)]
    assert outages, "a net has outages"
    assert not any(timeline.is_up(proxy, t) for t in outages)


def test_a_single_run_is_never_followed_by_another() -> None:
    for seed in range(30):
        runs = Runs(f"{seed}", 100.0, 100.0, once=True)
        states = [runs.is_up(t) for t in range(0, 20_000, 5)]
        rises = sum(now and not before for before, now in itertools.pairwise(states))
        assert rises + states[0] <= 1


def test_choosing_covers_the_whole_range() -> None:
    shares = {"a": 1.0, "b": 3.0}
    assert [choose(shares, draw) for draw in (0.0, 0.2, 0.3, 0.999999, 1.0)] == ["a", "a", "b", "b", "b"]
