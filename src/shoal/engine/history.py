"""History: how the pool was, minute by minute, for charts."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec
from msgspec import Struct

from shoal.domain.stats import Stats

STEP: Final = 60.0
"""Seconds between samples."""
_KEPT: Final = 2_880
"""Samples: two days."""
_VERSION: Final = b"\x01"


class Sample(Struct, frozen=True, array_like=True, gc=False):
    """The pool at a full minute. Totals count since the process started, so they fall at a restart."""

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


_decoder: Final = msgspec.msgpack.Decoder(list[Sample])


class History:
    """A bounded ring of samples, oldest first."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=_KEPT)

    def is_due(self, now: float) -> bool:
        return not self._samples or now // STEP > self._samples[-1].at // STEP

    def note(self, stats: Stats, now: float) -> None:
        """Take a sample."""
        self._samples.append(
            Sample(
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
            )
        )

    def since(self, at: float) -> list[Sample]:
        """Samples taken at ``at`` or later."""
        return [sample for sample in self._samples if sample.at >= at]

    def encode(self) -> bytes:
        return _VERSION + msgspec.msgpack.encode(list(self._samples))

    def recall(self, data: bytes | None) -> None:
        """Begin with what was encoded; bytes of another version or damaged ones are left aside."""
        if data is None or data[:1] != _VERSION:
            return
        try:
            self._samples.extendleft(reversed(_decoder.decode(data[1:])))
        except msgspec.MsgspecError:
            return
