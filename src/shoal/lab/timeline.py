"""When which proxy works, as a pure function of seed and lab time: the order of questions does not matter."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from hashlib import blake2b
from math import inf
from random import Random
from typing import Final, TypeVar

from shoal.lab.population import LabProxy
from shoal.lab.presets import FAILING, HOUR, FailureKind, Life, Preset

T = TypeVar("T")

COIN_SLOT: Final = 300.0
"""Seconds of lab time for which a flapper's coin lies as it fell. Half of the excess correlation of real ones is gone
after 30 minutes; a slot is what a check and the use that follows share."""
BURST_SLOTS: Final = 6
BURST: Final = 2.5
"""After a success the chance is 2.5-fold for half an hour."""
NOISE_SLOT: Final = 10.0
"""Seconds for which an attempt through a proxy in an up run fails or succeeds alike."""
KIND_SLOT: Final = 1800.0
"""Seconds for which a failing proxy keeps the way in which it fails."""

_NET_UP: Final = 300 * HOUR
_NET_DOWN: Final = 0.5 * HOUR


class Runs:
    """Alternating exponential up and down runs from a seed of their own, made as far as somebody has asked."""

    __slots__ = ("_ends", "_first_up", "_mean_down", "_mean_up", "_once", "_rng")

    def __init__(self, seed: str, mean_up: float, mean_down: float, *, once: bool = False) -> None:
        self._rng = Random(seed)
        self._mean_up, self._mean_down, self._once = mean_up, mean_down, once
        self._first_up = self._rng.random() < mean_up / (mean_up + mean_down)
        self._ends: list[float] = []

    def is_up(self, age: float) -> bool:
        """Up ``age`` seconds after the beginning?"""
        ends = self._ends
        while not ends or ends[-1] <= age:
            up = self._first_up == (len(ends) % 2 == 0)
            last = ends[-1] if ends else 0.0
            over = self._once and not up and len(ends) >= 1
            ends.append(inf if over else last + self._rng.expovariate(1.0) * (self._mean_up if up else self._mean_down))
        return self._first_up == (bisect_right(ends, age) % 2 == 0)


class Timeline:
    """The answers. Times are seconds of lab time since the lab's start."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._runs: dict[int, Runs] = {}
        self._nets: dict[str, Runs] = {}

    def is_up(self, proxy: LabProxy, t: float) -> bool:
        """In an up run (or its coin lies well), whatever a single attempt may meet."""
        if proxy.life is Life.DEAD or not proxy.born <= t < proxy.dies:
            return False
        if proxy.phases is None:
            return self._coin(proxy, int(t // COIN_SLOT))
        if proxy.phases.mean_up == inf:
            return True
        if self._net_is_down(proxy, t):
            return False
        runs = self._runs.get(proxy.index)
        if runs is None:
            seed = f"runs {self._seed} {proxy.index}"
            runs = Runs(seed, proxy.phases.mean_up, proxy.phases.mean_down, once=proxy.once)
            self._runs[proxy.index] = runs
        return runs.is_up(t - proxy.born)

    def fate(self, proxy: LabProxy, t: float) -> FailureKind | None:
        """What an attempt at ``t`` meets: None if it is served."""
        if proxy.dead_kind is not None:
            return proxy.dead_kind
        if self.is_up(proxy, t):
            phases = proxy.phases
            if phases is None or phases.success >= 1.0:
                return None
            if self._uniform(b"noise", proxy.index, int(t // NOISE_SLOT)) < phases.success:
                return None
        return choose(FAILING, self._uniform(b"kind", proxy.index, int(t // KIND_SLOT)))

    def uniform(self, proxy: LabProxy, number: int) -> float:
        """A draw from [0, 1) that belongs to the ``number``-th of something about ``proxy``."""
        return self._uniform(b"other", proxy.index, number)

    def _coin(self, proxy: LabProxy, slot: int) -> bool:
        fell = self._uniform(b"coin", proxy.index, slot)
        if fell < proxy.coin:
            return True
        if fell >= proxy.coin * BURST or proxy.preset is Preset.FLOOD:
            return False
        return any(self._uniform(b"coin", proxy.index, slot - back) < proxy.coin for back in range(1, BURST_SLOTS + 1))

    def _net_is_down(self, proxy: LabProxy, t: float) -> bool:
        """Neighbours share their line: a /24 has outages of its own."""
        net = proxy.address.rpartition(".")[0]
        runs = self._nets.get(net)
        if runs is None:
            runs = self._nets[net] = Runs(f"net {self._seed} {net}", _NET_UP, _NET_DOWN)
        return not runs.is_up(t)

    def _uniform(self, what: bytes, index: int, slot: int) -> float:
        return uniform(self._seed, what, index, slot)


def uniform(seed: int, what: bytes, index: int, slot: int) -> float:
    """A number in [0, 1) that depends on nothing but the arguments."""
    digest = blake2b(b"%d %s %d %d" % (seed, what, index, slot), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def choose(shares: Mapping[T, float], draw: float) -> T:
    """The key in whose share of the whole ``draw`` (0..1) falls."""
    left = draw * sum(shares.values())
    for key, share in shares.items():
        left -= share
        if left < 0:
            return key
    return key
