"""History: how the pool was, for charts: minute by minute for a day, every ten minutes for a fortnight."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shoal.domain.stats import Stats

STEP: Final = 60.0
"""Seconds between samples."""
LONG_STEP: Final = 600.0
"""Seconds between those that are kept for longer."""
_KEPT: Final = 1_500
"""Samples a minute apart: a day and an hour."""
_KEPT_LONG: Final = 2_016
"""Samples ten minutes apart: a fortnight."""
_VERSION: Final = b"\x02"
_VERSION_OF_MINUTES: Final = b"\x01"
"""Of the form that kept minutes alone."""


class Sample(Struct, frozen=True, array_like=True, gc=False):
    """The pool at a full minute. Totals count since the process started, so they fall at a restart.

    ``failures`` are the failed checks since the sample before, by ``stage.reason``; ``by_country`` stands in those at
    full ten minutes only.
    """

    at: float
    known: int
    verified: int
    working: int
    due: int
    checked_total: int
    checks_per_second: float
    picks_total: int
    picks_failed: int
    sources_ok: int
    vantage_healthy: bool
    expected: float = 0.0
    uses_total: int = 0
    uses_failed: int = 0
    gateway_requests: int = 0
    gateway_bytes: int = 0
    failures: dict[str, int] = {}
    by_country: dict[str, int] = {}


_minutes_decoder: Final = msgspec.msgpack.Decoder(list[Sample])
_decoder: Final = msgspec.msgpack.Decoder(tuple[list[Sample], list[Sample]])


class History:
    """Two bounded rings of samples, oldest first."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self._long: deque[Sample] = deque(maxlen=_KEPT_LONG)
        self._failures: Mapping[str, int] = {}
        self._failures_long: Counter[str] = Counter()

    def is_due(self, now: float) -> bool:
        return not self._samples or now // STEP > self._samples[-1].at // STEP

    def note(self, stats: Stats, now: float) -> None:
        """Take a sample."""
        gateway = stats.gateway
        failed = Counter(stats.failures)
        failed.subtract(self._failures)
        sample = Sample(
            now // STEP * STEP,
            stats.known,
            stats.verified,
            stats.working,
            stats.due,
            stats.checked_total,
            round(stats.checks_per_second, 1),
            stats.picks_total,
            stats.picks_failed,
            stats.sources_ok,
            stats.vantage_healthy,
            round(stats.expected, 1),
            stats.uses_total,
            stats.uses_failed,
            0 if gateway is None else gateway.requests,
            0 if gateway is None else gateway.bytes_up + gateway.bytes_down,
            dict(+failed),
        )
        self._failures = stats.failures
        self._failures_long.update(sample.failures)
        if not self._long or sample.at // LONG_STEP > self._long[-1].at // LONG_STEP:
            sample = replace(sample, by_country=stats.by_country)
            self._long.append(replace(sample, failures=dict(self._failures_long)))
            self._failures_long.clear()
        self._samples.append(sample)

    def since(self, at: float) -> list[Sample]:
        """Samples taken at ``at`` or later: a minute apart where all of them are, else ten minutes."""
        oldest = self._samples[0].at if self._samples else 0.0
        ring = self._long if at < oldest and self._long and self._long[0].at < oldest else self._samples
        return [sample for sample in ring if sample.at >= at]

    def encode(self) -> bytes:
        return _VERSION + msgspec.msgpack.encode((list(self._samples), list(self._long)))

    def recall(self, data: bytes | None) -> None:
        """Begin with what was encoded; bytes of another version or damaged ones are left aside."""
        if data is None:
            return
        try:
            if data[:1] == _VERSION_OF_MINUTES:
                minutes = _minutes_decoder.decode(data[1:])
                long = [sample for sample in minutes if sample.at % LONG_STEP == 0.0]
            elif data[:1] == _VERSION:
                minutes, long = _decoder.decode(data[1:])
            else:
                return
        except (msgspec.MsgspecError, UnicodeError):
            return
        for ring, older in ((self._samples, minutes), (self._long, long)):
            newest = list(ring)
            ring.clear()
            ring.extend(older)
            ring.extend(newest)
