from msgspec.structs import replace

from shoal.domain.stats import JudgeStats, Stats
from shoal.policy.health_report import problems

WELL = Stats(known=10, verified=5, working=3, checked_total=500, sources_ok=2, sources_total=3)


def test_a_pool_that_is_well_has_no_problems() -> None:
    assert problems(WELL, sources_asked=True, judges_asked=True) == ()


def test_no_source_reachable_names_the_demo() -> None:
    (found,) = problems(replace(WELL, sources_ok=0), sources_asked=True, judges_asked=True)
    assert "0 of 3 sources" in found
    assert "shoal demo" in found


def test_before_every_source_was_asked_nothing_is_said_about_them() -> None:
    assert (
        problems(
            replace(WELL, sources_ok=0, known=0, verified=0, checked_total=0), sources_asked=False, judges_asked=False
        )
        == ()
    )


def test_no_judge_names_each_judge_s_error_and_the_option() -> None:
    judge = JudgeStats("http://j.example/check/", "shoal", True, False, "connection refused")
    (found,) = problems(replace(WELL, vantage_healthy=False, judges=(judge,)), sources_asked=True, judges_asked=True)
    assert "http://j.example/check/: connection refused" in found
    assert "--judge" in found


def test_nothing_let_in_points_at_the_refused_counts() -> None:
    (found,) = problems(replace(WELL, known=0, verified=0, checked_total=0), sources_asked=True, judges_asked=True)
    assert "refused" in found


def test_everything_checked_and_nothing_works_names_the_commonest_failures() -> None:
    failures = {"connect.timeout": 50, "connect.refused": 70, "content.mismatch": 1, "send.eof": 2}
    (found,) = problems(replace(WELL, verified=0, working=0, failures=failures), sources_asked=True, judges_asked=True)
    assert "connect.refused 70, connect.timeout 50, send.eof 2" in found


def test_too_few_checks_are_no_reason_to_give_up() -> None:
    assert problems(replace(WELL, verified=0, checked_total=99), sources_asked=True, judges_asked=True) == ()


def test_a_failing_store_is_told() -> None:
    (found,) = problems(replace(WELL, store_error="disk full"), sources_asked=True, judges_asked=True)
    assert "disk full" in found


def test_a_broker_that_takes_nothing_is_told() -> None:
    (found,) = problems(WELL, sources_asked=True, judges_asked=True, unsent="the broker takes no batches")
    assert "sent to the workers (the broker takes no batches)" in found


def test_the_most_basic_problem_comes_first() -> None:
    found = problems(replace(WELL, sources_ok=0, vantage_healthy=False), sources_asked=True, judges_asked=True)
    assert len(found) == 2
    assert "sources" in found[0]


def test_all_good_proxies_failing_at_once_is_told_apart_from_silent_judges() -> None:
    judges = (JudgeStats("http://judge.example/check/", "shoal", True, True),)
    (found,) = problems(replace(WELL, vantage_healthy=False, judges=judges), sources_asked=True, judges_asked=True)
    assert "fail at once" in found


def test_a_pool_whose_first_proxies_are_not_counted_yet_is_not_empty() -> None:
    for known in ({"verified": 1}, {"verified": 0, "in_check": 5}):
        stats = replace(WELL, known=0, checked_total=0, **known)
        assert problems(stats, sources_asked=True, judges_asked=True) == ()
