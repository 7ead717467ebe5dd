"""Hands: a few draws of the last milliseconds, each used more than once while requests come faster than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from shoal.domain import Pick
from shoal.gateway.demand import Demand, Kind
from shoal.policy.gateway_params import GatewayParams
from shoal.upstream import Mode

if TYPE_CHECKING:
    Choice = tuple[Pick, Mode]

_LIFE: Final = 0.02
"""Seconds. At fifty requests a second every one is drawn by itself."""
_SIZE: Final = 8
_USES: Final = 4
"""Of each draw. All draws serve equally often, so that no proxy gets more than its share of them."""
_LIMIT: Final = 256


class _Hand:
    __slots__ = ("choices", "params", "turn", "until")

    def __init__(self, params: GatewayParams, until: float) -> None:
        self.params = params
        self.until = until
        self.choices: list[Choice] = []
        self.turn = 0


class Hands:
    """By parameters, kind of demand and port: what the pool is asked for depends on nothing else, but for whether the
    host is a name or which kind of address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._hands: dict[tuple[int, Kind, int, str | None, bool, bool], _Hand] = {}

    def next(self, demand: Demand, target: str | None, draw: Callable[[], Choice | None]) -> Choice | None:
        """A draw of now, or one of the last milliseconds again; ``target`` where the pool is asked for it."""
        host, params, now = demand.dial_host, demand.params, self._clock()
        # Digits at its end are enough to tell an address from a name: no top-level domain ends in one.
        key = (id(params), demand.kind, demand.port, target, ":" in host, host[-1:].isdigit())
        hand = self._hands.get(key)
        if hand is None or hand.params is not params or now >= hand.until:
            if len(self._hands) >= _LIMIT:
                self._hands.clear()
            hand = self._hands[key] = _Hand(params, now + _LIFE)
        choices = hand.choices
        if len(choices) < _SIZE:
            choice = draw()
            if choice is not None:
                choices.append(choice)
            return choice
        choice = choices[hand.turn % _SIZE]
        hand.turn += 1
        if hand.turn >= _SIZE * (_USES - 1):
            del self._hands[key]
        return choice

    def clear(self) -> None:
        self._hands.clear()
