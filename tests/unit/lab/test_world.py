from __future__ import annotations

import pytest

from shoal.lab.population import build
from shoal.lab.ports import PortPlan, plan_ports
from shoal.lab.presets import Preset
from shoal.lab.world import LabClock, World


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_lab_time_runs_at_the_set_speed_and_keeps_what_it_reached() -> None:
    hand = Hand()
    clock = LabClock(hand, speed=10.0)
    hand.time += 5
    assert clock.now() == 50
    clock.set_speed(0)
    hand.time += 100
    assert clock.now() == 50
    clock.set_speed(1)
    hand.time += 3
    assert clock.now() == 53


@pytest.mark.parametrize("speed", [-1.0, 1e7, float("nan")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        LabClock(Hand()).set_speed(speed)


def test_latency_scale_zero_means_no_delay_and_others_scale() -> None:
    population = build(Preset.RAW, 200, 1)
    clock = LabClock(Hand())
    still, slow = World(population, 1, clock, 0.0), World(population, 1, clock, 0.1)
    assert {still.delays(proxy) for proxy in population} == {(0.0, 0.0)}
    totals = sorted(sum(slow.delays(proxy)) for proxy in population)
    assert 0.1 < totals[100] < 0.8


def test_a_rotating_proxy_leaves_by_one_address_after_the_other() -> None:
    population = build(Preset.RAW, 2000, 1)
    world = World(population, 1, LabClock(Hand()))
    proxy = next(proxy for proxy in population if len(proxy.behaviour.exits) > 1)
    used = [world.exit_of(proxy, world.use(proxy)) for _ in range(4)]
    assert set(used) == set(proxy.behaviour.exits)


def test_who_tampers_now_and_then_does_it_to_about_one_in_ten() -> None:
    population = build(Preset.RAW, 3000, 1)
    world = World(population, 1, LabClock(Hand()))
    proxy = next(proxy for proxy in population if proxy.behaviour.sometimes)
    assert 60 < sum(world.tampers(proxy, number) for number in range(1000)) < 140


def test_taken_ports_are_replaced_by_others_below_the_ephemeral_range() -> None:
    usual = PortPlan(flood=tuple(range(8444, 8452)))
    taken = {8080, 1080, *usual.holes}
    given: set[int] = set()

    def take(port: int) -> bool:
        if port in taken or port in given:
            return False
        given.add(port)
        return True

    plan = plan_ports(take, flood=True)
    every = [*plan.live, *plan.holes, *plan.refused]
    assert len(set(every)) == len(every)
    assert not taken & set(every)
    assert all(1024 <= port < 32768 for port in every)


def test_no_port_at_all_is_an_error() -> None:
    with pytest.raises(OSError, match="no free port"):
        plan_ports(lambda port: False)
