"""Choosing: the next upstream for a demand, unlike those that have failed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec.structs import replace

from shoal.domain import Capability, Pick, Query, Scheme
from shoal.domain.address import network_of
from shoal.gateway.demand import Demand, Kind, needs, query_for
from shoal.gateway.hands import Hands
from shoal.gateway.service import GatewayService
from shoal.gateway.sessions import Sessions
from shoal.policy.gateway_params import Strategy
from shoal.upstream import Mode

_DRAWS = 6
"""Picks tried before a condition is dropped: nearly every pick meets all of them."""
_MINDED = 1024
_MINDED_LIFE = 0.1
"""Seconds for which it is remembered whether the pool knows anything of a target."""
_SAMPLE = 4
"""Draws among which the strategies 'latency' and 'least' choose: two do most of it (the power of two choices)."""

_NOTHING: Final[frozenset[str]] = frozenset()
_CERTAIN_TUNNELS: Final = (
    (frozenset[Capability](), frozenset({Scheme.HTTP, Scheme.HTTPS})),
    (frozenset({Capability.TUNNEL_ANY_PORT}), frozenset[Scheme]()),
)
"""SOCKS knows no difference between ports; of HTTP proxies those that have shown it. As capabilities to ask for, and
schemes to leave out."""

Choice = tuple[Pick, Mode]


class Tried:
    """What has failed one demand, by everything that fails together."""

    __slots__ = ("exits", "hosts", "ids", "networks")

    def __init__(self) -> None:
        self.ids: frozenset[str] = frozenset()
        self.hosts: frozenset[str] = frozenset()
        self.exits: frozenset[str] = frozenset()
        self.networks: frozenset[str] = frozenset()

    def add(self, pick: Pick) -> None:
        host = pick.record.endpoint.host
        self.ids |= {pick.record.id}
        self.hosts |= {host}
        self.networks |= {network_of(host)}
        if pick.path.exit is not None:
            self.exits |= {pick.path.exit}

    def with_(self, *picks: Pick) -> Tried:
        """These as well, in a copy."""
        more = Tried()
        more.ids, more.hosts, more.exits, more.networks = self.ids, self.hosts, self.exits, self.networks
        for pick in picks:
            more.add(pick)
        return more


NONE_TRIED: Final = Tried()
"""Of a demand that nothing has failed; never added to."""


class Chooser:
    """Draws from the pool; sessions go by ``Sessions``."""

    def __init__(
        self, service: GatewayService, sessions: Sessions, rng: Random, clock: Callable[[], float] | None = None
    ) -> None:
        """``clock`` tells seconds for the age of draws that serve more than once; without one each serves once."""
        self._hands = None if clock is None else Hands(clock)
        self._clock = clock
        self._minded: dict[str, tuple[float, bool]] = {}
        self._service = service
        self._uses = service.uses
        self._sessions = sessions
        self._rng = rng
        self.in_use: Counter[str] = Counter()
        """Connections by record id."""

    def enter(self, pick: Pick, target: str) -> None:
        """A connection through this record begins."""
        record = pick.record
        self.in_use[record.id] += 1
        if not self._uses.limits.is_plain:
            self._uses.begin(record.key, record.sources, self._service.now(), target)

    def leave(self, pick: Pick) -> None:
        """A connection through this record has ended."""
        record = pick.record
        if not self._uses.limits.is_plain:
            self._uses.end(record.sources, self._service.now())
        self.in_use[record.id] -= 1
        if self.in_use[record.id] <= 0:
            del self.in_use[record.id]

    def moved(self, pick: Pick, bytes_used: int) -> None:
        """So many bytes more went through this record."""
        if not self._uses.limits.is_plain:
            self._uses.spend(pick.record.sources, self._service.now(), bytes_used)

    def _may(self, demand: Demand, pick: Pick) -> bool:
        record = pick.record
        return self._uses.may(record.key, record.sources, self._service.now(), demand.target)

    def choose_tunnel(self, demand: Demand, tried: Tried) -> Choice | None:
        """One that certainly tunnels a plain request to its port: what comes back is then the target's own word."""
        inside = Demand(Kind.TUNNEL, demand.host, demand.port, demand.user, demand.params)
        inside.dial_host = demand.dial_host
        must, cannot = needs(inside)
        for exclude, networks in ((tried.ids | tried.hosts | tried.exits, tried.networks), (tried.ids, _NOTHING)):
            for can, other in _CERTAIN_TUNNELS:
                query = query_for(demand.params.query, must | can, cannot | other, exclude)
                choice = self._draw(inside, query, networks)
                if choice is not None:
                    return choice
        return None

    def choose(self, demand: Demand, tried: Tried, *, again: bool = True) -> Choice | None:
        """The next upstream; None when nothing fits. ``again`` allows one that failed, when there is no other."""
        params = demand.params
        if params.query.target is None and params.session is None and self._minds(demand.target):
            # What is known to reach the target, or at least not banned there, comes first; others are better than none.
            choice = self._choose(demand, tried, replace(params.query, target=demand.target), again=False)
            if choice is not None:
                return choice
        return self._choose(demand, tried, params.query, again=again)

    def _minds(self, target: str) -> bool:
        """As the pool says, or said a moment ago."""
        if self._clock is None:
            return self._service.minds(target)
        now, known = self._clock(), self._minded.get(target)
        if known is None or now >= known[0]:
            if len(self._minded) >= _MINDED:
                self._minded.clear()
            known = self._minded[target] = (now + _MINDED_LIFE, self._service.minds(target))
        return known[1]

    def _choose(self, demand: Demand, tried: Tried, base: Query, *, again: bool) -> Choice | None:
        must, cannot = needs(demand)
        if demand.params.session is not None:
            choice = self._sessions.choose(demand, query_for(base, must, cannot, frozenset()))
            # At its source's limit the session waits for its proxy rather than lose it.
            return choice if choice is None or self._may(demand, choice[0]) else None
        if not tried.ids:
            hands = self._hands
            if hands is not None and demand.params.strategy is Strategy.FORECAST and self._uses.limits.is_plain:
                query = query_for(base, must, cannot, _NOTHING) if must or cannot else base
                return hands.next(demand, base.target, lambda: self._one(demand, query, _NOTHING))
            if must or cannot:
                base = query_for(base, must, cannot, frozenset())
            return self._draw(demand, base, frozenset())
        # Proxies on one host, in one /24 or behind one exit fail together; but one of them is better than none.
        steps = [tried.ids | tried.hosts | tried.exits, tried.ids]
        if again:
            # The only upstream may be a vendor's door with another exit behind it at every connection.
            steps.append(frozenset())
        for number, exclude in enumerate(steps):
            networks = tried.networks if number == 0 else frozenset()
            choice = self._draw(demand, query_for(base, must, cannot, exclude), networks)
            if choice is not None:
                return choice
        return None

    def _draw(self, demand: Demand, query: Query, networks: frozenset[str]) -> Choice | None:
        strategy = demand.params.strategy
        if strategy is Strategy.FORECAST:
            return self._one(demand, query, networks)
        if strategy is Strategy.RANDOM:
            found = [
                pick
                for pick in self._service.list(query)
                if demand.mode_for(pick.path) is not None and self._may(demand, pick)
            ]
            found = [pick for pick in found if network_of(pick.record.endpoint.host) not in networks] or found
            return self._with_mode(demand, self._rng.choice(found)) if found else None
        sample = [self._one(demand, query, networks) for _ in range(_SAMPLE)]
        choices = [choice for choice in sample if choice is not None]
        if strategy is Strategy.LATENCY:
            return min(choices, key=lambda choice: choice[0].path.timing.total or 60.0, default=None)
        return min(choices, key=lambda choice: self.in_use[choice[0].record.id], default=None)

    def _one(self, demand: Demand, query: Query, networks: frozenset[str]) -> Choice | None:
        if not self._uses.limits.is_plain:
            query = replace(query, target=demand.target)
        spare: Choice | None = None
        for _ in range(_DRAWS):
            pick = self._service.pick(query)
            if pick is None:
                break
            mode = demand.mode_for(pick.path)
            if mode is not None and not (networks and network_of(pick.record.endpoint.host) in networks):
                if mode == "forward" or demand.is_proven(pick.path):
                    return pick, mode
                spare = spare or (pick, mode)
            query = query_for(query, frozenset(), frozenset(), frozenset({pick.record.id}))
        return spare

    @staticmethod
    def _with_mode(demand: Demand, pick: Pick) -> Choice | None:
        mode = demand.mode_for(pick.path)
        return None if mode is None else (pick, mode)

    def failed(self) -> None:
        """Some proxy has failed: what was drawn before is not used again."""
        if self._hands is not None:
            self._hands.clear()
            self._minded.clear()

    def why_none(self) -> str:
        """For a refusal: what a user should know."""
        ready, why = self._service.ready()
        why = "none of the working ones has what is asked for" if ready else why
        return why if self._uses.limits.is_plain else f"{why}, or it is at the limits that are set for its source"
