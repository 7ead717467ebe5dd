"""Worth: what one check of a proxy is expected to change in what is handed out."""

from __future__ import annotations

from typing import Final

from shoal.domain import Health
from shoal.policy.forecast import features, fold
from shoal.policy.learning import Model, probability

_CURIOSITY: Final = 0.05
"""Worth of a check beside what it gains at once, for each unit of forecast: what is found out lasts longer than one
round. See docs/forecast.md."""


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
