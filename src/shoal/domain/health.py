"""The compact memory of how one path behaved: decayed masses and time-stamped last results."""

from __future__ import annotations

from struct import Struct as Layout
from typing import TypeAlias

from msgspec import Struct

TIME_SCALES: tuple[float, ...] = (900.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0)
"""Seconds over which a result loses all but 1/e of its weight: a quarter of an hour to a week, each about four times
the one before. A flapper's memory is 15 to 30 minutes, sessions last hours and the stable core days (research on list
histories)."""

Masses: TypeAlias = tuple[float, float, float, float, float]
NOTHING: Masses = (0.0, 0.0, 0.0, 0.0, 0.0)

_LAYOUT = Layout("<2d12f2Ii")
# Masses in single precision: each fold is off by 6e-8 of a mass at most, and no forecast tells masses apart that differ
# by less than a thousandth. Times need double precision to tell milliseconds of this century.
BLOCK_BYTES = _LAYOUT.size
MOST = 2**31 - 1
"""Counts and streaks end here: a proxy used a thousand times a second would come to it in 25 days."""
pack = _LAYOUT.pack
unpack = _LAYOUT.unpack
"""All numbers of a block: last_ok, last_bad, five masses of successes, five of failures, stayed, after_ok, oks, bads,
streak."""
_times = Layout("<2d").unpack_from
_first = Layout("<d").unpack_from
_counts = Layout("<2Ii").unpack_from
_COUNTS_AT = BLOCK_BYTES - 12


def last_ok_of(block: bytes) -> float:
    """When a path with this block last worked (epoch seconds): for who looks at many paths at once."""
    return _first(block)[0]  # type: ignore[no-any-return]


class Health(Struct, frozen=True, gc=False, array_like=True):
    """All that the forecast knows of one path. The masses add up, so any worker may fold in any order.

    ``ok`` and ``bad`` hold, per time scale, the success and failure mass *as of* ``at`` (epoch seconds). A pool has one
    of these for every path that ever worked: its seventeen numbers are one block of bytes, which takes 133 bytes of
    memory where objects would take 500. ``of`` makes one from numbers; who needs many at once takes ``unpack``.
    """

    block: bytes = bytes(BLOCK_BYTES)

    @classmethod
    def of(
        cls,
        ok: Masses = NOTHING,
        bad: Masses = NOTHING,
        last_ok: float = 0.0,
        last_bad: float = 0.0,
        oks: int = 0,
        bads: int = 0,
        streak: int = 0,
        stayed: float = 0.0,
        after_ok: float = 0.0,
    ) -> Health:
        """See the properties of the same names. Raises ``struct.error`` and ``OverflowError`` for what does not fit."""
        return cls(pack(last_ok, last_bad, *ok, *bad, stayed, after_ok, oks, bads, streak))

    @property
    def last_ok(self) -> float:
        """When it last worked (epoch seconds), 0 for never."""
        return _times(self.block)[0]  # type: ignore[no-any-return]

    @property
    def last_bad(self) -> float:
        """When it last failed by its own fault, 0 for never."""
        return _times(self.block)[1]  # type: ignore[no-any-return]

    @property
    def at(self) -> float:
        """When the last result was: as of then the masses hold."""
        return max(_times(self.block))  # type: ignore[no-any-return]

    @property
    def ok(self) -> Masses:
        return unpack(self.block)[2:7]

    @property
    def bad(self) -> Masses:
        return unpack(self.block)[7:12]

    @property
    def stayed(self) -> float:
        """Of the mass ``ok`` on the longest scale, that which followed a success: how faithful it is."""
        return unpack(self.block)[12]  # type: ignore[no-any-return]

    @property
    def after_ok(self) -> float:
        """Mass of all results that followed a success, on the longest scale."""
        return unpack(self.block)[13]  # type: ignore[no-any-return]

    @property
    def oks(self) -> int:
        return _counts(self.block, _COUNTS_AT)[0]  # type: ignore[no-any-return]

    @property
    def bads(self) -> int:
        return _counts(self.block, _COUNTS_AT)[1]  # type: ignore[no-any-return]

    @property
    def streak(self) -> int:
        """Successes in a row (positive) or failures in a row (negative)."""
        return _counts(self.block, _COUNTS_AT)[2]  # type: ignore[no-any-return]

    @property
    def is_up(self) -> bool:
        """Whether it worked the last time that it was tried."""
        last_ok, last_bad = _times(self.block)
        return 0.0 < last_ok >= last_bad  # type: ignore[no-any-return]


class View(Struct, frozen=True, gc=False, array_like=True):
    """How one path behaved as seen from one vantage point of a cluster."""

    vantage: str
    health: Health


class Forecast(Struct, frozen=True, gc=False):
    """The probability that a path works if used now, and how sure we are (0 knows nothing, 1 certain)."""

    probability: float
    confidence: float
