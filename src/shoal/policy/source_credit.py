"""Credit: what each source is worth, from what became of the records that it lists."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from statistics import median

from shoal.domain import Record
from shoal.domain.source import SourceCredit

_LAGS_KEPT = 512
"""Newest discoveries per source over which the median lag is taken."""


class CreditTally:
    """One pass over the records that ever worked: ``add`` each, then ask for ``credits``."""

    def __init__(self) -> None:
        self._worked: Counter[str] = Counter()
        self._working: Counter[str] = Counter()
        self._only: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        sources = record.sources
        self._worked.update(sources)
        if works_now(record):
            self._working.update(sources)
            if len(sources) == 1:
                self._only[sources[0]] += 1

    def credits(self, listed: Mapping[str, int], lags: Lags) -> dict[str, SourceCredit]:
        """Of every source in ``listed`` (name to entries of its last good run), the best first."""
        credits = [
            SourceCredit(
                name,
                listed=count,
                worked=self._worked[name],
                working=self._working[name],
                only=self._only[name],
                lag=lags.median(name),
            )
            for name, count in listed.items()
        ]
        return {
            credit.name: credit for credit in sorted(credits, key=lambda one: (-one.working, -one.worked, one.name))
        }


class Lags:
    """How long after a source first listed a proxy it was found working; the newest of each source are kept."""

    def __init__(self) -> None:
        self._lags: dict[str, deque[float]] = {}

    def note(self, records: Iterable[Record]) -> None:
        """Records that were found working for the first time just now."""
        for record in records:
            lag = lag_of(record)
            for source in record.sources:
                self._lags.setdefault(source, deque(maxlen=_LAGS_KEPT)).append(lag)

    def median(self, source: str) -> float | None:
        lags = self._lags.get(source)
        return median(lags) if lags else None


def lag_of(record: Record) -> float:
    """Seconds from first listed to found working. True of records that have only just worked for the first time: later
    ``last_ok`` moves on."""
    return max(0.0, min(path.health.last_ok for path in record.paths if path.is_verified) - record.first_seen)


def works_now(record: Record) -> bool:
    """True when a path of it worked when it was last asked."""
    return any(path.is_verified and path.health.last_ok >= path.health.last_bad for path in record.paths)


def worked_once(record: Record) -> bool:
    """True when it worked exactly once so far, so that ``lag_of`` is exact."""
    return sum(path.health.oks for path in record.paths) == 1
