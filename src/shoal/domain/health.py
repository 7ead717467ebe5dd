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
Packed: TypeAlias = bytes | Masses
"""Masses as they are kept: packed they take 73 bytes of memory in place of 200, and each path has two of them."""
NOTHING: Masses = (0.0, 0.0, 0.0, 0.0, 0.0)

_LAYOUT = Layout("<5d")
PACKED_BYTES = _LAYOUT.size
pack = _LAYOUT.pack
_unpack = _LAYOUT.unpack


def masses(packed: Packed) -> Masses:
    """Masses to count with. Raises ``struct.error`` for bytes of another length."""
    return packed if type(packed) is tuple else _unpack(packed)  # type: ignore[arg-type]


class Health(Struct, frozen=True, gc=False, array_like=True):
    """All that the forecast knows of one path. The masses add up, so any worker may fold in any order.

    ``ok`` and ``bad`` hold, per time scale, the success and failure mass *as of* ``at`` (epoch seconds); ``masses``
    reads them.
    """

    at: float = 0.0
    ok: Packed = NOTHING
    bad: Packed = NOTHING
    last_ok: float = 0.0
    """When it last worked (epoch seconds), 0 for never."""
    last_bad: float = 0.0
    """When it last failed by its own fault, 0 for never."""
    oks: int = 0
    bads: int = 0
    streak: int = 0
    """Successes in a row (positive) or failures in a row (negative)."""
    stayed: float = 0.0
    """Of the mass ``ok`` on the longest scale, that which followed a success: how faithful it is."""
    after_ok: float = 0.0
    """Mass of all results that followed a success, on the longest scale."""


class View(Struct, frozen=True, gc=False, array_like=True):
    """How one path behaved as seen from one vantage point of a cluster."""

    vantage: str
    health: Health


class Forecast(Struct, frozen=True, gc=False):
    """The probability that a path works if used now, and how sure we are (0 knows nothing, 1 certain)."""

    probability: float
    confidence: float
