"""Budgets in bytes a day."""

from __future__ import annotations

DAY = 86_400.0


def day_of(now: float) -> int:
    """Number of the UTC day."""
    return int(now // DAY)


def spent_today(day: int, spent: int, now: float) -> int:
    """What of ``spent``, counted on ``day``, counts today."""
    return spent if day == day_of(now) else 0


def next_day(now: float) -> float:
    """Epoch second at which all budgets are full again."""
    return (day_of(now) + 1) * DAY
