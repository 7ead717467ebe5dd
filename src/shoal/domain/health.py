"""The compact memory of how one path behaved: decayed masses and time-stamped last results."""

from __future__ import annotations

from msgspec import Struct

TIME_SCALES: tuple[float, ...] = (1_800.0, 21_600.0, 604_800.0)
"""Seconds over which a result loses all but 1/e of its weight: half an hour, six hours, a week.

A flapper's memory is 15 to 30 minutes, sessions last hours and the stable core days (research on list histories)."""


class Health(Struct, frozen=True, gc=False):
    """All that the forecast knows of one path. Folding is additive, so any worker may fold in any order.

    ``ok`` and ``bad`` hold, per time scale, the success and failure mass *as of* ``at`` (epoch seconds).
    """

    at: float = 0.0
    ok: tuple[float, ...] = (0.0, 0.0, 0.0)
    bad: tuple[float, ...] = (0.0, 0.0, 0.0)
    last_ok: float = 0.0
    """When it last worked (epoch seconds), 0 for never."""
    last_bad: float = 0.0
    """When it last failed by its own fault, 0 for never."""
    oks: int = 0
    bads: int = 0
    streak: int = 0
    """Successes in a row (positive) or failures in a row (negative)."""


class Forecast(Struct, frozen=True, gc=False):
    """The probability that a path works if used now, and how sure we are (0 knows nothing, 1 certain)."""

    probability: float
    confidence: float
