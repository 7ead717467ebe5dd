"""How a running pool is shown: what changed, as lines; how it stands, as figures for a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shoal.cli.words import counted, failure_words, first_few, top

if TYPE_CHECKING:
    from shoal.domain.stats import Stats

Line = tuple[str, str, dict[str, Any]]
"""Level, what happened, and its figures."""

LINE_INTERVAL: Final = 10.0
_STEPS: Final = (1, 10, 100, 1_000, 10_000, 100_000)
"""Numbers of working proxies that are worth a line of their own when they are reached for the first time."""


class Changes:
    """Turns snapshots into log lines: one every ``LINE_INTERVAL`` seconds, and one at once for what matters.

    When a problem begins, the pool itself announces it.
    """

    def __init__(self) -> None:
        self._told_at: float | None = None
        self._problems: tuple[str, ...] = ()
        self._most = 0
        self._judges_down: frozenset[str] = frozenset()

    def lines(self, stats: Stats, now: float) -> list[Line]:
        """What is worth telling now; ``now`` is any clock in seconds."""
        told = self._changed(stats)
        if self._told_at is None:
            self._told_at = now
        elif now - self._told_at >= LINE_INTERVAL:
            self._told_at = now
            told.append(("info", "pool", figures(stats)))
        return told

    def _changed(self, stats: Stats) -> list[Line]:
        told: list[Line] = []
        if self._problems and not stats.problems:
            told.append(("info", "all is well again", {"working": stats.working}))
        self._problems = stats.problems
        down = frozenset(judge.url for judge in stats.judges if not judge.ok and judge.error)
        told += [("warning", "judge does not answer", {"judge": url}) for url in sorted(down - self._judges_down)]
        told += [("info", "judge answers again", {"judge": url}) for url in sorted(self._judges_down - down)]
        self._judges_down = down
        reached = max((step for step in _STEPS if step <= stats.working), default=0)
        if reached > self._most:
            self._most = reached
            what = "first working proxy" if reached == 1 else f"{reached:,} working proxies"
            told.append(("info", what, {"checked": stats.checked_total}))
        return told


def figures(stats: Stats) -> dict[str, Any]:
    """The line of every ten seconds."""
    shown: dict[str, Any] = {
        "candidates": stats.known,
        "checked": stats.checked_total,
        "per_second": round(stats.checks_per_second, 1),
        "in_check": stats.in_check,
        "working": stats.working,
    }
    shown |= dict(top(stats.by_scheme, 5))
    if stats.failures:
        shown["failed"] = dict(top(stats.failures, 3))
    return shown


def rows(stats: Stats) -> list[tuple[str, str]]:
    """The panel's rows: label and text, always the same ones in the same order, problems last."""
    sources = f"{stats.sources_ok} of {stats.sources_total} reachable"
    judges_up = [judge.url for judge in stats.judges if judge.ok]
    judges = f"{len(judges_up)} of {len(stats.judges)} answer" + (f": {first_few(judges_up, 2)}" if judges_up else "")
    kinds = [(failure_words(kind), count) for kind, count in top(stats.failures, 5)]
    table = [
        ("candidates", f"{stats.known:,}  ({stats.unchecked:,} never checked, {stats.due:,} due)"),
        ("checked", f"{stats.checked_total:,}  ({stats.checks_per_second:,.0f}/s, {stats.in_check:,} in flight)"),
        ("working", f"{stats.working:,}  ({counted(top(stats.by_scheme, 5)) or 'none yet'})"),
        ("anonymity", counted(top(stats.by_anonymity, 4)) or "-"),
        ("handed out", f"{stats.picks_total:,}  ({stats.picks_failed:,} found none)"),
        ("sources", sources),
        ("judges", judges),
    ]
    table += [("failures" if index == 0 else "", f"{words} {count:,}") for index, (words, count) in enumerate(kinds)]
    table += [("problem", problem) for problem in stats.problems]
    return table
