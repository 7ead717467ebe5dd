"""Spread: no proxy gets more than its share of the picks, and none a row of them while another will do."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil
from typing import Final

from shoal.domain import Query, Strategy
from shoal.engine.ranking import Entry
from shoal.policy.selection import worths

_COMPARABLE: Final = 0.95
"""Share of the best forecast from which on proxies take turns with the best."""
_TURNS_LIMIT: Final = 32
"""Proxies among which the best strategy goes round, at most: as many as share all picks at ``max_share`` each."""

_SESSIONS: Final = 10_000
"""Sessions of which is remembered what they had; others find the same by their name, while the best stay the best."""


class Spread:
    """Counts picks over a window: the last ``window`` ones, more where ``max_share`` is less than one of them.

    ``most`` is how many of them one proxy may have, ``round`` among how many the best strategy goes round, ``picks``
    the number of picks so far. ``level`` is how often the least used proxy was used when the strategy of that name
    chose last: where newcomers begin, so that they need not catch up with what went before them.
    """

    __slots__ = ("_sessions", "_turns", "level", "most", "picks", "round", "window")

    def __init__(self, max_share: float, window: int) -> None:
        self.window = max(window, ceil(1.0 / max_share))
        self.most = max(1, int(max_share * self.window + 1e-9))
        self.round = min(_TURNS_LIMIT, ceil(1.0 / max_share))
        self.picks = 0
        self.level = 0
        self._turns: deque[Entry] = deque()
        self._sessions: dict[str, Entry] = {}

    def among_few(self, found: list[Entry], spent: list[Entry], strategy: Strategy) -> list[Entry]:
        """Who may be next where these are all that fit: ``found`` below its share, ``spent`` not.

        So few may be too few to keep the share: then all get the same, whose latest pick lies furthest back first.
        Otherwise a newcomer, who alone may be below its share, does not get every pick until it has caught up.
        """
        if not spent:
            return found
        everybody = found + spent
        if len(everybody) * self.most < self.window:
            if strategy in (Strategy.RANDOM, Strategy.LEAST_USED):
                return everybody
            latest = min([entry.latest for entry in everybody])
            return [entry for entry in everybody if entry.latest == latest]
        rested = self._resting(found, len(everybody) // 2)
        if not rested and max([entry.turns for entry in spent]) > self.most:
            # So few had to do without it until this one came.
            rested = self._resting(everybody, len(everybody) // 2)
        return rested or found

    def rested(self, found: list[Entry], strategy: Strategy) -> list[Entry]:
        """Those of the candidates whose turn it may be; for other strategies than ``fastest`` all."""
        if strategy is Strategy.FASTEST:
            return self._resting(found, min(self.round, len(found)) // 2) or found
        return found

    def rested_best(self, found: list[Entry]) -> tuple[list[Entry], list[float]]:
        """Those of the best candidates whose turn it may be, and what they are worth.

        Over a window of picks the share makes all good ones take turns anyway; in turn, no two picks in a row are one
        proxy while another is nearly as good.
        """
        values = worths(found)
        floor = max(values) * _COMPARABLE
        good = [pair for pair in zip(found, values, strict=True) if pair[1] >= floor]
        # Half of them rest, so that latency still decides among the others.
        newest = self.picks - min(self.round, len(good)) // 2
        rested = [pair for pair in good if pair[0].latest <= newest]
        return [entry for entry, _ in rested], [value for _, value in rested]

    def _resting(self, entries: list[Entry], gap: int) -> list[Entry]:
        """Those that were not among the last ``gap`` picks."""
        newest = self.picks - gap
        return [entry for entry in entries if entry.latest <= newest]

    def kept(self, query: Query) -> Entry | None:
        """What a session had last, None for a new one and for other strategies than ``sticky``."""
        return self._sessions.get(query.session) if query.strategy is Strategy.STICKY else None

    def note(self, entry: Entry, query: Query) -> None:
        """It was picked."""
        if query.strategy is Strategy.LEAST_USED:
            self.level = entry.uses
        elif query.strategy is Strategy.STICKY:
            self._sessions.pop(query.session, None)
            self._sessions[query.session] = entry
            if len(self._sessions) > _SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        self.picks += 1
        self._turns.append(entry)
        entry.turns += 1
        entry.uses += 1
        entry.latest = self.picks
        if len(self._turns) >= self.window:
            self._turns.popleft().turns -= 1


def comparable(found: Sequence[Entry], chances: Sequence[float]) -> list[Entry]:
    """Those whose chance is nearly the best one."""
    floor = max(chances) * _COMPARABLE
    return [entry for entry, chance in zip(found, chances, strict=True) if chance >= floor]
