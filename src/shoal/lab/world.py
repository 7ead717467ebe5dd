"""What every part of a running lab shares: who lives there, what time it is, what is switched off."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from shoal.domain import Endpoint
from shoal.lab.population import LabProxy
from shoal.lab.presets import FailureKind
from shoal.lab.timeline import Timeline


class LabClock:
    """Lab time: seconds since the start, ``speed`` times as fast as ``clock``. A new speed keeps the time reached."""

    def __init__(self, clock: Callable[[], float], speed: float = 1.0) -> None:
        self._clock = clock
        self._anchor = clock()
        self._reached = 0.0
        self._speed = speed

    @property
    def speed(self) -> float:
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Raises ValueError unless 0 <= speed <= 1,000,000."""
        if not 0 <= speed <= 1_000_000:
            raise ValueError(f"the lab's speed is between 0 and 1000000, not {speed}")
        self._reached, self._anchor = self.now(), self._clock()
        self._speed = speed

    def now(self) -> float:
        return self._reached + (self._clock() - self._anchor) * self._speed


class World:
    """Population, timeline, clock and faults. ``latency_scale`` 1 is the measured internet, 0 answers at once."""

    def __init__(
        self, population: tuple[LabProxy, ...], seed: int, clock: LabClock, latency_scale: float = 0.0
    ) -> None:
        self.population = population
        self.seed = seed
        self.clock = clock
        self.timeline = Timeline(seed)
        self.latency_scale = latency_scale
        self.network_on = True
        self.judges_on = True
        self.by_endpoint = {proxy.endpoint: proxy for proxy in population}
        self._by_spot = {(proxy.address, proxy.port): proxy for proxy in population}
        self._rng = Random(f"latency {seed}")
        self._used: dict[int, int] = {}

    def find(self, host: str, port: int) -> LabProxy | None:
        return self._by_spot.get((host, port))

    def spots(self) -> tuple[tuple[str, int], ...]:
        """Every address and port that somebody may dial."""
        return tuple(self._by_spot)

    def truth_of(self, endpoint: Endpoint) -> LabProxy | None:
        return self.by_endpoint.get(endpoint)

    def fate(self, proxy: LabProxy) -> FailureKind | None:
        """What an attempt meets now."""
        return self.timeline.fate(proxy, self.clock.now())

    def use(self, proxy: LabProxy) -> int:
        """Counts the uses of ``proxy``; the number of this one."""
        number = self._used[proxy.index] = self._used.get(proxy.index, -1) + 1
        return number

    def exit_of(self, proxy: LabProxy, number: int) -> str:
        """The address by which use ``number`` leaves."""
        exits = proxy.behaviour.exits
        return exits[0] if len(exits) == 1 else exits[number % len(exits)]

    def tampers(self, proxy: LabProxy, number: int) -> bool:
        """Does it touch the answer to use ``number``? One that does it now and then touches one in ten."""
        behaviour = proxy.behaviour
        if behaviour.tampering is None:
            return False
        return not behaviour.sometimes or self.timeline.uniform(proxy, number) < 0.1

    def delays(self, proxy: LabProxy) -> tuple[float, float]:
        """Seconds before the handshake's answer, and before the first byte from the target."""
        scale = self.latency_scale
        if scale <= 0:
            return 0.0, 0.0
        latency = proxy.latency
        # 12 times the median is beyond the 99th percentile that was measured.
        factor = scale * min(12.0, self._rng.lognormvariate(0.0, latency.sigma))
        return latency.handshake * factor, latency.first_byte * factor
