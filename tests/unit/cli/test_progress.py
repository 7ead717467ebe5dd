"""What a running pool tells: lines on change and every ten seconds, rows of the panel."""

from msgspec.structs import replace

from shoal.cli.progress import LINE_INTERVAL, Changes, rows
from shoal.domain.stats import JudgeStats, Stats

UP = JudgeStats("http://a/", "shoal", True, True)
DOWN = JudgeStats("http://a/", "shoal", True, False, "refused")


def events(changes: Changes, stats: Stats, now: float) -> list[str]:
    return [event for _, event, _ in changes.lines(stats, now)]


def test_a_line_comes_every_ten_seconds_and_not_more_often() -> None:
    changes = Changes()
    found = [events(changes, Stats(), step / 2) for step in range(50)]
    assert sum(map(len, found)) == 2
    assert found[int(LINE_INTERVAL * 2)] == ["pool"]


def test_what_matters_is_told_at_once_and_once() -> None:
    changes = Changes()
    assert events(changes, Stats(working=1, judges=(UP,)), 0) == ["first working proxy"]
    assert events(changes, Stats(working=0, judges=(DOWN,)), 0.5) == ["judge does not answer"]
    assert events(changes, Stats(working=15, judges=(DOWN,)), 1) == ["10 working proxies"]
    assert events(changes, Stats(working=2, judges=(UP,)), 1.5) == ["judge answers again"]
    assert events(changes, Stats(working=15, judges=(UP,), problems=("x",)), 2) == []
    assert events(changes, Stats(working=15, judges=(UP,)), 2.5) == ["all is well again"]


def test_a_judge_that_was_not_asked_yet_is_no_news() -> None:
    changes = Changes()
    unasked = JudgeStats("http://a/", "shoal", True, False)
    assert events(changes, Stats(judges=(unasked,)), 0) == []
    assert events(changes, Stats(judges=(UP,)), 0.5) == []
    assert events(changes, Stats(judges=(DOWN,)), 1) == ["judge does not answer"]


def test_the_line_holds_the_figures() -> None:
    changes = Changes()
    changes.lines(Stats(), 0)
    stats = Stats(known=10, checked_total=7, by_scheme={"http": 2}, failures={"connect.timeout": 5})
    (_, _, figures) = changes.lines(stats, 10)[-1]
    assert figures["candidates"] == 10 and figures["http"] == 2 and figures["failed"] == {"connect.timeout": 5}


def test_the_panel_shows_candidates_rate_working_schemes_failures_judges_and_problems() -> None:
    stats = Stats(
        known=1234,
        checked_total=900,
        checks_per_second=55.5,
        working=12,
        by_scheme={"http": 10, "socks5": 2},
        failures={f"connect.{reason}": 9 - n for n, reason in enumerate(("timeout", "refused", "reset", "eof"))},
        judges=(UP,),
        problems=("0 of 3 sources reachable",),
    )
    text = "\n".join(f"{label}|{value}" for label, value in rows(stats))
    for part in (
        "1,234",
        "56/s",
        "working|12  (http 10, socks5 2)",
        "connecting: timed out 9",
        "1 of 1",
        "problem|0 of 3",
    ):
        assert part in text
    many = replace(stats, failures={f"connect.{n}": n for n in range(1, 30)})
    assert len(rows(many)) == len(rows(stats)) + 1
