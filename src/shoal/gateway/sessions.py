"""Sessions: same session, same proxy while it lives, on every replica without a word between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from shoal.domain import Pick, Query
from shoal.domain.gateway import SessionInfo
from shoal.gateway.demand import Demand
from shoal.gateway.service import GatewayService
from shoal.policy.rendezvous import generation, session_seed, winner
from shoal.upstream import Mode

_SNAPSHOT_LIFE = 5.0
"""Seconds that a list of candidates serves: walking the whole pool at every new session would cost too much."""
_SNAPSHOTS = 16
_RECHECK = 30.0
"""Seconds after which it is looked up again whether a session's proxy is still in the pool."""
_ELSEWHERE = 16
"""Targets of one session at which another proxy than its own serves; beyond that the oldest is found again by hash."""
_NOTHING: Final[frozenset[str]] = frozenset()
_GOOD = 0.5
"""Forecast that makes a candidate for new sessions while there is any: a session should begin with one that lives."""


class _Session:
    __slots__ = (
        "elsewhere", "ends_at", "failed", "generation", "last_used", "looked_at", "pick", "since", "strikes",
        "switches",
    )  # fmt: skip

    def __init__(self, pick: Pick, generation: int, now: float, ends_at: float) -> None:
        self.pick = pick
        self.generation = generation
        self.ends_at = ends_at
        self.since = self.last_used = self.looked_at = now
        self.failed: frozenset[str] = frozenset()
        self.strikes = 0
        self.switches = 0
        self.elsewhere: dict[str, Pick] = {}
        """What the session uses for targets that have banned its proxy."""


class Sessions:
    """At most ``limit`` sessions; what is unused for ``idle`` seconds is forgotten (and found again by its hash)."""

    def __init__(self, service: GatewayService, clock: Callable[[], float], idle: float, limit: int) -> None:
        self._service = service
        self._clock = clock
        self._idle = idle
        self._limit = limit
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._left: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}
        """Records that a user rotated a session away from, and when it was used last."""
        self._snapshots: dict[Query, tuple[float, dict[str, Pick]]] = {}

    def choose(self, demand: Demand, query: Query) -> tuple[Pick, Mode] | None:
        """The session's proxy; None when nothing fits, or when it is gone and the client wants no other."""
        params = demand.params
        if params.session is None:
            return None
        now = self._clock()
        key = (demand.user.name, params.session)
        number, ends_at = 0, math.inf
        if params.lifetime is not None:
            number, ends_at = generation(session_seed(*key), now, params.lifetime)
        session = self._sessions.pop(key, None)
        if session is not None and (session.generation != number or now - session.last_used > self._idle):
            session = None
        if session is not None and not self._still_there(session, query, now):
            if params.strict:
                self._sessions[key] = session
                return None
            session.failed |= {session.pick.record.id}
            session = self._assign(key, query, number, ends_at, now, demand, session)
        if session is None:
            session = self._assign(key, query, number, ends_at, now, demand, None)
        if session is None:
            return None
        session.last_used = now
        if self._left and (left := self._avoided(key, now)):
            self._left[key] = (now, left)
        # Last in the dictionary is used last: what is dropped first is at its beginning.
        self._sessions[key] = session
        while len(self._sessions) > self._limit:
            del self._sessions[next(iter(self._sessions))]
        pick = session.pick
        if not params.strict and self._service.minds(demand.target) and self._is_banned(pick, demand.target):
            # For this target only: where it is let in, the session keeps its own.
            pick = self._elsewhere(key, session, demand, query, now) or pick
        mode = demand.mode_for(pick.path)
        return None if mode is None else (pick, mode)

    def failed(self, demand: Demand, pick: Pick) -> bool:
        """The session's proxy failed: it is tried once more before it is given up. False when strict forbids both."""
        session = self._sessions.get((demand.user.name, demand.params.session or ""))
        if session is None:
            return True
        if session.pick.record.id != pick.record.id:
            other = session.elsewhere.get(demand.target)
            if other is not None and other.record.id == pick.record.id:
                del session.elsewhere[demand.target]
                session.failed |= {pick.record.id}
            return True
        session.strikes += 1
        if session.strikes < 2:
            return True
        if demand.params.strict:
            session.strikes = 0
            return False
        session.failed |= {pick.record.id}
        return True

    def proved(self, demand: Demand) -> None:
        """The session's proxy works."""
        session = self._sessions.get((demand.user.name, demand.params.session or ""))
        if session is not None:
            session.strikes = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._sessions)

    def list(self) -> list[SessionInfo]:
        """Every session that is not forgotten, least recently used first."""
        now = self._clock()
        return [
            SessionInfo(
                user, name, s.pick.record.id, s.pick.proxy.url(), s.pick.path.exit, s.pick.path.country, s.since,
                s.last_used, min(s.last_used + self._idle, s.ends_at), s.switches,
            )
            for (user, name), s in self._sessions.items()
            if now - s.last_used <= self._idle and now < s.ends_at
        ]  # fmt: skip

    def rotate(self, user: str, session: str, avoid: frozenset[str] = _NOTHING) -> frozenset[str]:
        """End a session: its next request gets another proxy than now, and than those of these ids, also where it is
        strict. Returns the ids that it keeps away from; none when there is no such session and ``avoid`` is empty."""
        key, now = (user, session), self._clock()
        known = self._sessions.pop(key, None)
        left = avoid | self._avoided(key, now)
        if known is not None:
            left |= known.failed | {known.pick.record.id}
        if known is None and not avoid:
            return _NOTHING
        self._left.pop(key, None)
        self._left[key] = (now, left)
        while len(self._left) > self._limit:
            del self._left[next(iter(self._left))]
        return left

    def _avoided(self, key: tuple[str, str], now: float) -> frozenset[str]:
        entry = self._left.get(key)
        if entry is None:
            return _NOTHING
        if now - entry[0] > self._idle:
            del self._left[key]
            return _NOTHING
        return entry[1]

    def _is_banned(self, pick: Pick, target: str) -> bool:
        return self._service.is_kept_from(pick.record.key, pick.path.scheme, target)

    def _elsewhere(
        self, key: tuple[str, str], session: _Session, demand: Demand, query: Query, now: float
    ) -> Pick | None:
        """The proxy by which the session reaches a target that has banned its own; None when there is no other."""
        target, kept = demand.target, session.elsewhere
        known = kept.pop(target, None)
        if known is None or known.record.id in session.failed or self._is_banned(known, target):
            fitting = {
                id: pick
                for id, pick in self._candidates(replace(query, target=target), now).items()
                if id not in session.failed
                and demand.mode_for(pick.path) is not None
                and not self._is_banned(pick, target)
            }
            good = [id for id, pick in fitting.items() if pick.forecast.probability >= _GOOD]
            id = winner(session_seed(*key, session.generation), good or list(fitting))
            if id is None:
                return None
            known = fitting[id]
        kept[target] = known
        while len(kept) > _ELSEWHERE:
            del kept[next(iter(kept))]
        return known

    def _still_there(self, session: _Session, query: Query, now: float) -> bool:
        if session.pick.record.id in session.failed:
            return False
        if now - session.looked_at < _RECHECK:
            return True
        session.looked_at = now
        # It may be forecast badly by now and still be the session's; but not deleted, and not a liar.
        known = self._candidates(replace(query, min_forecast=0.0, max_age=1e12), now).get(session.pick.record.id)
        if known is not None:
            session.pick = known
        return known is not None

    def _assign(
        self,
        key: tuple[str, str],
        query: Query,
        number: int,
        ends_at: float,
        now: float,
        demand: Demand,
        old: _Session | None,
    ) -> _Session | None:
        failed = self._avoided(key, now) if self._left else _NOTHING
        if old is not None:
            failed |= old.failed
        fitting = {
            id: pick for id, pick in self._candidates(query, now).items() if demand.mode_for(pick.path) is not None
        }
        good = [id for id, pick in fitting.items() if pick.forecast.probability >= _GOOD and id not in failed]
        ids = good or [id for id in fitting if id not in failed]
        if not ids:
            # All have failed it: begin anew rather than refuse for the rest of its life.
            ids, failed = list(fitting), _NOTHING
        id = winner(session_seed(*key, number), ids)
        if id is None:
            return None
        session = _Session(fitting[id], number, now, ends_at)
        session.failed = failed
        if old is not None:
            session.since, session.switches = old.since, old.switches + 1
        return session

    def _candidates(self, query: Query, now: float) -> dict[str, Pick]:
        snapshot = self._snapshots.get(query)
        if snapshot is None or now - snapshot[0] > _SNAPSHOT_LIFE:
            picks: dict[str, Pick] = {}
            for pick in self._service.list(replace(query, limit=None)):
                # Of a record's schemes the best comes first.
                picks.setdefault(pick.record.id, pick)
            self._snapshots.pop(query, None)
            while len(self._snapshots) >= _SNAPSHOTS:
                del self._snapshots[next(iter(self._snapshots))]
            snapshot = self._snapshots[query] = (now, picks)
        return snapshot[1]
