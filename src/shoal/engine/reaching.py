"""Reaching: what the index in memory knows of targets and bans, asked at every pick that names one."""

from __future__ import annotations

from shoal.domain import Path, Query, Record
from shoal.policy.reach import is_banned, is_proven
from shoal.policy.selection import fits
from shoal.policy.target_table import TargetTable, place_of

_BANS_KEPT = 10_000
"""Hosts with bans; those that are over are forgotten beyond that."""


class Reaching:
    """``table`` is what names of targets mean. Times are epoch seconds."""

    __slots__ = ("_bans", "table")

    def __init__(self) -> None:
        self.table = TargetTable()
        self._bans: dict[str, float] = {}
        """Hosts at which some path is banned, and until when the last of them is."""

    def note(self, path: Path, now: float) -> None:
        """Take in the bans of a path's new state."""
        for reach in path.reaches:
            if reach.banned_until > now:
                self._bans[reach.target] = max(reach.banned_until, self._bans.get(reach.target, 0.0))
        if len(self._bans) > _BANS_KEPT:
            self._bans = {host: until for host, until in self._bans.items() if until > now}

    def minds(self, target: str, now: float) -> bool:
        """Whether anything is known of this target by which paths differ."""
        return bool(self.table.find(target)) or self._bans.get(place_of(target)[0], 0.0) > now

    def named(self, target: str | None) -> str | None:
        """The target if it is one of ours: of others only bans are known, which end by themselves."""
        return target if target is not None and self.table.find(target) else None

    def is_kept_from(self, target: str, path: Path, now: float) -> bool:
        """Whether a ban stands at the target."""
        return is_banned(path, target, self.table.find(target), now)

    def reaches(self, target: str, path: Path, now: float) -> bool:
        """Whether a path may be handed out for a target: proven where it is one of ours, and not banned."""
        targets = self.table.find(target)
        return is_proven(path, targets) and not is_banned(path, target, targets, now)

    def passes(self, filters: Query, record: Record, path: Path) -> bool:
        """Whether a path belongs into a ranking: it fits, and reaches the target where one of ours is asked for."""
        if not fits(filters, record, path):
            return False
        return filters.target is None or is_proven(path, self.table.find(filters.target))
