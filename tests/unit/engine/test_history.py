import itertools
from collections import Counter

from msgspec import msgpack

from shoal.domain.stats import GatewayFigures, Stats
from shoal.engine.history import LONG_STEP, STEP, History, Sample
from shoal.engine.rates import Growth, success

DAY = 86_400.0
START = 20_000 * DAY


def run(history: History, start: float, seconds: float) -> Stats:
    """A sample a minute; every minute one check more fails."""
    stats = Stats()
    now = start
    while now < start + seconds:
        number = int((now - start) // STEP)
        stats = Stats(
            working=number,
            expected=number * 0.5,
            failures={"connect.timeout": number, "content.mismatch": number // 2},
            by_country={"DE": number},
            gateway=GatewayFigures(requests=number, bytes_up=1, bytes_down=2),
            uses_total=number,
        )
        if history.is_due(now):
            history.note(stats, now)
        now += 30.0
    return stats


def test_an_hour_and_a_day_are_minute_by_minute_and_a_week_ten_minutes() -> None:
    history = History()
    run(history, START, 9 * DAY)
    end = START + 9 * DAY
    hour = history.since(end - 3_600)
    assert [b.at - a.at for a, b in itertools.pairwise(hour)] == [STEP] * 59
    assert len(history.since(end - DAY)) == 1_440
    week = history.since(end - 7 * DAY)
    assert len(week) == 7 * 144
    assert {b.at - a.at for a, b in itertools.pairwise(week)} == {LONG_STEP}
    assert all(sample.by_country for sample in week)
    assert (hour[-1].gateway_requests, hour[-1].gateway_bytes, hour[-1].expected) == (12_959, 3, 6479.5)


def test_failures_are_those_of_each_step() -> None:
    history = History()
    run(history, START, 2 * DAY)
    hour = history.since(START + 2 * DAY - 3_600)
    assert sum((Counter(sample.failures) for sample in hour), Counter()) == {
        "connect.timeout": 60,
        "content.mismatch": 30,
    }
    two_days = history.since(START)
    assert [sample.failures["connect.timeout"] for sample in two_days[1:]] == [10] * (len(two_days) - 1)


def test_a_young_pool_shows_its_minutes_whatever_span_is_asked_for() -> None:
    history = History()
    run(history, START, 3_600)
    assert len(history.since(START - 7 * DAY)) == 60


def test_it_goes_on_after_a_restart_and_what_failed_before_is_not_told_again() -> None:
    history = History()
    run(history, START, 2 * DAY)
    again = History()
    again.note(Stats(failures={"connect.refused": 5}), START + 2 * DAY)
    again.recall(history.encode())
    rows = again.since(START + 2 * DAY - 120)
    assert [row.failures for row in rows][-1] == {"connect.refused": 5}
    assert len(rows) == 3
    assert len(again.since(START)) == 289
    assert len(history.encode()) < 2_000_000


def test_what_an_older_version_kept_is_read() -> None:
    rows = [[START + 60.0 * n, 9, 8, 7, 0, 1, 2.5, 3, 0, 1, True] for n in range(30)]
    history = History()
    history.recall(b"\x01" + msgpack.encode(rows))
    assert [sample.known for sample in history.since(0)] == [9] * 30
    assert history.since(0)[0] == Sample(START, 9, 8, 7, 0, 1, 2.5, 3, 0, 1, True)


def test_growth_is_that_of_the_last_window() -> None:
    growth = Growth(600.0)
    assert growth.grown() == () and success(growth.grown()) is None
    for second in range(5_000):
        growth.note(float(second), second * 10, second if second < 4_000 else 4_000)
    picked, failed = growth.grown()
    assert 5_900 <= picked <= 6_300 and failed == 0
    assert success(growth.grown()) == 1.0
    assert success((200, 50)) == 0.75
    assert success((0, 0)) is None
    assert len(growth._seen) < 80
