"""Worth: what one check of a proxy is expected to change in what is handed out."""

from __future__ import annotations

from typing import Final

from shoal.domain import Health
from shoal.policy.forecast import features, fold
from shoal.policy.learning import Model, probability

_CURIOSITY: Final = 0.05
"""Worth of a check beside what it gains at once, for each unit of forecast: what is found out lasts longer than one
round. See docs/forecast.md."""
_PATIENCE: Final = 0.1
_RARER: Final = 1.5
"""What a check gains in worth by waiting: so much for each round of picks that was waited, times this power of the
chance that it works, the power by which the schedule stretches its waits."""
_NEWCOMER: Final = 0.1
_TRIED: Final = 0.02
_LOST: Final = 1.9
"""Chance that a candidate works which was never tried, and which failed; each failure divides it. They tell the order
of candidates beside what ever worked. See docs/forecast.md."""
_GROWTH_LIMIT: Final = 40


def worth(health: Health, now: float, use: float, unchecked: float, marginal: float, model: Model) -> float:
    """How much a check at ``now`` is expected to raise what is handed out at ``use`` (both epoch seconds), 0 to 1.

    That is the knowledge gradient (Frazier, Powell and Dayanik 2008): the expected forecast after the check, as far as
    it lies above ``marginal``, less the forecast for ``use`` without it, ``unchecked``. ``marginal`` is the forecast of
    the last one that is handed out: what stays below it gives its place to another, so a check that cannot lift or sink
    a proxy across it is worth nothing.
    """
    now_works = probability(model, features(health, now))
    after_ok = probability(model, features(fold(health, True, now), use))
    gain = now_works * max(0.0, after_ok - marginal) - max(0.0, unchecked - marginal)
    if unchecked > marginal:
        after_bad = probability(model, features(fold(health, False, now), use))
        gain += (1.0 - now_works) * max(0.0, after_bad - marginal)
    return max(0.0, gain) + _CURIOSITY * unchecked


def standing(chance: float, waited: float, horizon: float) -> float:
    """Worth of a check beside what it gains at once, for a path that works with this chance and was seen ``waited``
    seconds ago, where picks are made every ``horizon`` seconds: it grows until the check is made, so nobody is
    forgotten, and the good are looked at more often."""
    return _PATIENCE * max(0.0, waited) / horizon * float(chance**_RARER)


def hope(misses: int) -> float:
    """Chance that counts for a candidate that never worked in so many tries."""
    return _TRIED / float(_LOST ** min(_GROWTH_LIMIT, misses)) if misses else _NEWCOMER
