from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shoal.domain import Health, Path, Record, Scheme
from shoal.options import CheckOptions
from shoal.policy.schedule import NO_PRESSURE, Pressure, after_use, next_check, pressed, profile_is_due
from shoal.testing.builders import change_health, make_path, make_record

NOW = 1_790_000_000.0
OPTIONS = CheckOptions()


def worked(streak: int, rate: float = 1.0) -> Record:
    """A record that works now for the ``streak``-th time in a row."""
    mass = 5.0
    health = Health.of((mass * rate,) * 5, (mass * (1 - rate),) * 5, NOW, NOW - 1e4, streak, 5, streak)
    return make_record(paths=(Path(Scheme.HTTP, health),))


def failed(misses: int, rate: float) -> Record:
    record = worked(1, rate)
    health = change_health(record.paths[0].health, last_ok=NOW - 100.0, last_bad=NOW, streak=-misses)
    return replace(record, misses=misses, paths=(replace(record.paths[0], health=health),))


class Middle(Random):
    """Chance that always says one half: no jitter."""

    def random(self) -> float:
        return 0.5


def wait(record: Record, options: CheckOptions = OPTIONS, live: int = 0) -> float:
    return next_check(record, NOW, options, Middle(), live=live) - NOW


RECORDS = st.one_of(
    st.integers(0, 10**7).map(lambda misses: make_record(checks=misses)).map(lambda r: replace(r, misses=r.checks)),
    st.builds(failed, st.integers(1, 10**7), st.floats(0.0, 1.0)),
    st.builds(worked, st.integers(1, 10**6), st.floats(0.0, 1.0)),
)


@given(RECORDS, st.integers(0, 10**7), st.floats(0.1, 3_000.0), st.floats(60.0, 200_000.0), st.integers(0, 2**32))
def test_no_wait_is_longer_than_max_interval_or_of_a_working_proxy_shorter_than_min_interval(
    record: Record, live: int, shortest: float, longest: float, seed: int
) -> None:
    options = CheckOptions(min_interval=shortest, max_interval=longest)
    due = next_check(record, NOW, options, Random(seed), live=live) - NOW
    assert 0.0 < due <= longest + 1e-6
    if record.is_verified and not record.misses and shortest * 1.5 < longest:
        assert due >= shortest - 1e-6


@given(st.integers(0, 2**32))
def test_chance_spreads_waits_by_a_fifth_at_most(seed: int) -> None:
    record = failed(3, 0.3)
    due = next_check(record, NOW, OPTIONS, Random(seed)) - NOW
    assert 0.8 * wait(record) <= due <= 1.2 * wait(record)


def test_waits_do_spread() -> None:
    assert len({next_check(worked(9), NOW, OPTIONS, Random(seed)) for seed in range(50)}) == 50


def test_a_candidate_that_never_worked_is_tried_ever_more_rarely() -> None:
    waits = [wait(replace(make_record(), misses=misses)) for misses in range(1, 30)]
    assert waits == sorted(waits)
    assert waits[0] == 240.0
    assert waits[-1] == pytest.approx(OPTIONS.max_interval / 1.2)


def test_a_failing_proxy_backs_off_geometrically_and_a_good_one_less() -> None:
    good, bad = ([wait(failed(misses, rate)) for misses in range(1, 20)] for rate in (0.9, 0.05))
    assert good == sorted(good)
    assert bad == sorted(bad)
    assert good[0] == OPTIONS.min_interval
    assert all(one <= other for one, other in zip(good, bad, strict=True))


def test_a_failure_gets_a_check_sooner_than_a_success_does() -> None:
    assert wait(failed(1, 0.9)) < wait(worked(10))


def test_new_proxies_are_checked_more_often_than_proven_ones() -> None:
    waits = [wait(worked(streak), live=10_000) for streak in (1, 2, 3, 4, 5, 6)]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


def test_the_more_live_proxies_there_are_the_rarer_each_is_checked_up_to_ten_minutes() -> None:
    assert wait(worked(9), live=0) == OPTIONS.min_interval / 0.8
    assert wait(worked(9), live=3_000) == 300.0
    assert wait(worked(9), live=10**6) == 600.0


def test_a_check_in_which_only_we_failed_is_repeated_soon() -> None:
    assert wait(make_record()) == 240.0


def test_use_with_success_puts_the_next_check_off() -> None:
    record = replace(worked(9), next_check=NOW + 5.0, last_check=NOW - 60.0)
    assert after_use(record, NOW, True, OPTIONS) == NOW + OPTIONS.min_interval
    late = replace(record, next_check=NOW + 500.0)
    assert after_use(late, NOW, True, OPTIONS) == NOW + 500.0


def test_use_with_failure_asks_for_a_check_at_once_but_not_again_and_again() -> None:
    record = replace(worked(9), next_check=NOW + 500.0, last_check=NOW - 60.0)
    assert after_use(record, NOW, False, OPTIONS) == NOW + 1.0
    just_checked = replace(record, last_check=NOW - 2.0)
    assert after_use(just_checked, NOW, False, OPTIONS) == NOW - 2.0 + OPTIONS.min_interval
    due = replace(record, next_check=NOW - 3.0)
    assert after_use(due, NOW, False, OPTIONS) == NOW - 3.0


def test_a_full_profile_falls_due_by_its_age() -> None:
    fresh = replace(make_path(last_ok=NOW), profiled_at=NOW - OPTIONS.profile_interval + 1.0)
    old = replace(make_path(Scheme.SOCKS5, last_ok=NOW), profiled_at=NOW - OPTIONS.profile_interval - 1.0)
    assert not profile_is_due(make_record(paths=(fresh,)), NOW, OPTIONS)
    assert profile_is_due(make_record(paths=(fresh, old)), NOW, OPTIONS)


def test_a_path_that_fails_asks_for_no_profile() -> None:
    dead = make_path(last_ok=NOW - 100.0)
    dead = replace(dead, health=change_health(dead.health, last_bad=NOW))
    assert not profile_is_due(make_record(paths=(dead,)), NOW, OPTIONS)
    assert not profile_is_due(make_record(), NOW, OPTIONS)


def test_what_would_not_be_handed_out_gives_way_under_pressure_and_what_would_does_not() -> None:
    unlikely, hopeless = failed(8, 0.05), replace(make_record(), misses=4)
    for record in (unlikely, hopeless):
        calm, pressing = (next_check(record, NOW, OPTIONS, Middle(), pressure=Pressure(p, p)) - NOW for p in (1.0, 4.0))
        assert pressing == pytest.approx(min(4.0 * calm, OPTIONS.max_interval / 1.2))
    assert next_check(worked(30), NOW, OPTIONS, Middle(), pressure=Pressure(100.0, 100.0)) - NOW == wait(worked(30))


def test_not_even_the_greatest_pressure_makes_a_wait_endless() -> None:
    pressure = NO_PRESSURE
    dead = replace(make_record(), misses=50, checks=50, next_check=0.0)
    for _ in range(5_000):
        pressure = pressed(pressure, [dead], 1e9, 10.0)
    assert next_check(dead, NOW, OPTIONS, Middle(), pressure=pressure) - NOW < 1_100 * OPTIONS.max_interval


def test_pressure_rises_while_checks_are_late_and_goes_when_they_are_not() -> None:
    pressure = NO_PRESSURE
    late = replace(worked(3), checks=3, next_check=NOW)
    for _ in range(100):
        pressure = pressed(pressure, [late], NOW + 11.0, 10.0)
    assert pressure.proven > 50.0
    for _ in range(400):
        pressure = pressed(pressure, [late], NOW + 9.0, 10.0)
    assert pressure == NO_PRESSURE


def test_a_flood_of_dead_candidates_puts_off_no_check_of_what_ever_worked() -> None:
    dead, new = replace(make_record(), misses=3, checks=3, next_check=NOW), replace(make_record(), next_check=NOW)
    pressure = NO_PRESSURE
    for _ in range(100):
        pressure = pressed(pressure, [dead, new], NOW + 1e5, 10.0)
    assert pressure.unproven > 50.0
    assert next_check(failed(8, 0.05), NOW, OPTIONS, Middle(), pressure=pressure) - NOW == wait(failed(8, 0.05))
    assert pressed(NO_PRESSURE, [new], NOW + 1e5, 10.0) == NO_PRESSURE
