"""Limits of sources: what the settings say about the use of a source's proxies, looked up by name.

Limits are not copied into records: a change of settings holds at once for every record. A record that several sources
list obeys all of them, except that its tier is the best of theirs.

    table = LimitTable.from_options(options.sources)
    table.tier(record)                        at a pick: lower tiers first
    table.of(record.sources).min_interval     at a pick for a target, by whoever counts uses (``SourceUse``)
    next_check = recheck(due, now, table.of(record.sources))   after each check
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shoal.domain import Record, Trust
from shoal.domain.source import PUBLIC_TIER, SourceLimits
from shoal.options import OwnSource, SourceOptions

_NO_LIMITS = SourceLimits()
_COMBINED_KEPT = 4096
"""Combinations of sources whose limits are remembered."""


class LimitTable:
    """``SourceLimits`` by source name. ``tiers`` holds every tier that can occur, best first. Sources that come and go
    while the pool runs are ``put`` and ``drop``ped."""

    def __init__(self, by_name: Mapping[str, SourceLimits], other: SourceLimits = _NO_LIMITS) -> None:
        self._by_name = dict(by_name)
        self._other = other
        self._combined: dict[tuple[str, ...], SourceLimits] = {}
        self._look()

    def _look(self) -> None:
        self._combined.clear()
        self.tiers = tuple(sorted({limits.tier for limits in self._by_name.values()} | {0, self._other.tier}))
        self._bands = {tier: band for band, tier in enumerate(reversed(self.tiers))}
        self.is_plain = all(limits == self._other for limits in self._by_name.values())
        """True when all sources have the same limits, so that nobody need look them up."""

    def put(self, source: str, limits: SourceLimits) -> None:
        """From now on this source has these limits."""
        self._by_name[source] = limits
        self._look()

    def drop(self, source: str) -> None:
        """From now on this source has the limits that all others have."""
        if self._by_name.pop(source, None) is not None:
            self._look()

    @classmethod
    def from_options(cls, options: SourceOptions) -> LimitTable:
        """What the tables say; all other sources share the defaults."""
        other = SourceLimits(tier=PUBLIC_TIER, fetch_budget_bytes=options.fetch_budget_bytes)
        return cls({own.name: limits_of(own, options) for own in options.own}, other)

    def get(self, source: str) -> SourceLimits:
        """The limits of one source."""
        return self._by_name.get(source, self._other)

    def of(self, sources: tuple[str, ...]) -> SourceLimits:
        """The limits of a record that these sources list. Whole-source bounds (``max_in_flight`` and the budgets) are
        the narrowest; who counts against them asks ``bounded`` for the sources to count for."""
        if len(sources) == 1:
            return self.get(sources[0])
        known = self._combined.get(sources)
        if known is None:
            if len(self._combined) >= _COMBINED_KEPT:
                self._combined.clear()
            known = self._combined[sources] = _narrowest([self.get(source) for source in sources] or [self._other])
        return known

    def tier(self, record: Record) -> int:
        """The best tier of its sources. What no table names is in tier 0 when it is the user's own (a list given as a
        URL or file, an import), else in the catalogue's."""
        if not any(source in self._by_name for source in record.sources):
            return 0 if record.trust is Trust.OWN else self._other.tier
        return self.of(record.sources).tier

    def band(self, record: Record) -> int:
        """Place of its tier among all tiers, the last one being 0: a higher band comes first."""
        if not self._by_name:
            return self._bands[0] if record.trust is Trust.OWN else 0
        return self._bands[self.tier(record)]

    def bounded(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Those of the sources that bound requests in flight or bytes."""
        return tuple(
            source
            for source in sources
            if (limits := self._by_name.get(source)) is not None
            and (limits.max_in_flight is not None or limits.byte_budget is not None)
        )


def limits_of(own: OwnSource, options: SourceOptions) -> SourceLimits:
    """What the table of one source says."""
    return SourceLimits(
        tier=own.tier,
        max_in_flight=own.max_in_flight,
        min_interval=own.min_interval,
        check_interval=own.check_interval,
        byte_budget=own.byte_budget,
        fetch_budget_bytes=own.fetch_budget_bytes or options.fetch_budget_bytes,
    )


def recheck(due: float, now: float, limits: SourceLimits) -> float:
    """Epoch second of the next check, where ``due`` is what the schedule wants and a check was made at ``now``."""
    return due if limits.check_interval is None else max(due, now + limits.check_interval)


def _narrowest(all_limits: Sequence[SourceLimits]) -> SourceLimits:
    return SourceLimits(
        tier=min(limits.tier for limits in all_limits),
        max_in_flight=_least([limits.max_in_flight for limits in all_limits]),
        min_interval=max(limits.min_interval for limits in all_limits),
        check_interval=max(limits.check_interval or 0.0 for limits in all_limits) or None,
        byte_budget=_least([limits.byte_budget for limits in all_limits]),
        fetch_budget_bytes=_least([limits.fetch_budget_bytes for limits in all_limits]),
    )


def _least(bounds: Sequence[int | None]) -> int | None:
    return min((bound for bound in bounds if bound is not None), default=None)
