"""Judges as statistics show them."""

from __future__ import annotations

from shoal.domain.stats import JudgeStats
from shoal.ports import Vantage


def judge_stats(vantage: Vantage | None) -> tuple[JudgeStats, ...]:
    """How each judge answers; none where nothing is checked."""
    if vantage is None:
        return ()
    return tuple(
        JudgeStats(
            judge.url, judge.kind, judge.own, judge.ok, judge.error, round(judge.latency * 1000.0, 1), judge.health
        )
        for judge in vantage.judges
    )
