"""Hopefuls: candidates that never worked, in the order in which checks of them are worth making."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Final

from shoal.policy.worth import hope, standing

_MOST: Final = 50_000
"""Candidates kept, some 200 bytes each; the others wait for their turn in the store."""
_LANES: Final = 13
"""Failures that are told apart; those with more have next to no hope and stand together."""


class Hopefuls:
    """Those with as many failures stand in one lane, who waits longest first: so only the heads of a dozen lanes are
    compared, however many wait."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lanes: list[OrderedDict[str, float]] = [OrderedDict() for _ in range(_LANES)]
        self._lane_of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._lane_of)

    def __contains__(self, key: str) -> bool:
        return key in self._lane_of

    def put(self, key: str, misses: int, since: float) -> None:
        """A candidate failed ``misses`` times, the last time at epoch second ``since``; or was listed then."""
        self.forget(key)
        number = min(misses, _LANES - 1)
        self._lanes[number][key] = since
        self._lane_of[key] = number
        if len(self._lane_of) > self._most:
            # Who has the least hope and has waited for the shortest.
            least = next(lane for lane in reversed(self._lanes) if lane)
            dropped, _ = least.popitem()
            del self._lane_of[dropped]

    def listed(self, keys: Iterable[str], now: float) -> None:
        """New candidates were admitted."""
        for key in keys:
            self.put(key, 0, now)

    def forget(self, key: str) -> None:
        """It worked, is gone, or is about to be checked."""
        number = self._lane_of.pop(key, None)
        if number is not None:
            del self._lanes[number][key]

    def best_first(self, now: float, horizon: float) -> Iterator[tuple[float, str]]:
        """What a check of each is worth at ``now``, and its key. Nothing may be put or forgotten meanwhile."""
        return merge(*(self._worth(number, now, horizon) for number in range(_LANES)), reverse=True)

    def _worth(self, number: int, now: float, horizon: float) -> Iterator[tuple[float, str]]:
        chance = hope(number)
        # A newcomer has waited for a round already: what was listed a moment ago is likelier to work than ever after.
        extra = 0.0 if number else horizon
        for key, since in self._lanes[number].items():
            yield standing(chance, now - since + extra, horizon), key
