"""Forecast: from a path's compact memory to the probability that it works if used at a time."""

from __future__ import annotations

from math import exp, log
from typing import Final

from shoal.domain.health import NOTHING, TIME_SCALES, Forecast, Health, Masses, masses, pack
from shoal.policy.learning import Model, probability, untrained

PRIOR: Final = 0.05
"""Success rate believed of a path that was never tried: raw lists work at 1 to 5 % (list histories, 2017 to 2026)."""
_SHRINK: Final = 1.0
"""Pseudo-observations with which each time scale leans on the next longer one, and the longest on the prior."""
_FAITH: Final = 2.0
"""Pseudo-observations with which what follows a success (a failure) leans on the long-run rate."""
_SURE: Final = 1e-4
"""Rates are held this far away from 0 and 1 before their logit is taken."""

_S0, _S1, _S2, _S3, _S4 = TIME_SCALES

FEATURES: Final = (
    "base",
    "known",
    "rate_week",
    "rate_day",
    "rate_4h",
    "rate_1h",
    "rate_15m",
    "ok_2m",
    "bad_2m",
    "ok_20m",
    "bad_20m",
    "ok_2h",
    "bad_2h",
    "ok_12h",
    "bad_12h",
    "up_streak",
    "down_streak",
    "successes",
    "faithful",
    "returning",
)
"""What each feature tells: the prior's logit; that there were results; how far the success rate lies from the
prior on each time scale, as logits; the last result and how it fades; streaks; successes in all; whether what follows a
success or a failure differs from the usual rate. All but the first fade to 0: what was not tried for long is unknown
again."""

_BELIEFS: Final = (
    (1.0, 0.0),
    (0.7, 0.25),
    (0.3, 0.25),
    (0.2, 0.25),
    (0.15, 0.25),
    (0.55, 0.25),
    (-0.7, 0.25),
    (0.0, 1.0),
    (-6.0, 4.0),
    (0.2, 0.25),
    (-0.5, 0.25),
    (1.4, 0.25),
    (-0.6, 0.25),
    (-1.7, 0.25),
    (0.0, 0.25),
    (0.5, 0.25),
    (-1.0, 0.25),
    (0.4, 0.25),
    (0.3, 0.25),
    (0.3, 0.25),
)
"""Weight believed of each feature before anything was learned, and its variance. See docs/forecast.md."""

BUILT_IN: Final = untrained(*zip(*_BELIEFS, strict=True))


def fold(health: Health, ok: bool, at: float, weight: float = 1.0) -> Health:
    """One more result, ``weight`` of a full observation, at epoch second ``at``.

    Masses are additive with exponential decay, so results may arrive in any order and be folded by any worker. The
    streak and what follows a success are a matter of order: a result older than the last one leaves them as they are.
    """
    newest = at if at > health.at else health.at
    gain = (weight,) * 5 if newest == at else _decayed((weight,) * 5, newest - at)
    if health.at:
        passed = newest - health.at
        good, bad = _decayed(masses(health.ok), passed), _decayed(masses(health.bad), passed)
        fade = exp(-passed / _S4)
        stayed, after_ok = health.stayed * fade, health.after_ok * fade
    else:
        good, bad, stayed, after_ok = NOTHING, NOTHING, 0.0, 0.0
    late = at < health.last_ok or at < health.last_bad
    if not late and health.last_ok > health.last_bad:
        after_ok += weight
        if ok:
            stayed += weight
    streak = health.streak
    if ok:
        good = (good[0] + gain[0], good[1] + gain[1], good[2] + gain[2], good[3] + gain[3], good[4] + gain[4])
        if not late:
            streak = streak + 1 if streak > 0 else 1
    else:
        bad = (bad[0] + gain[0], bad[1] + gain[1], bad[2] + gain[2], bad[3] + gain[3], bad[4] + gain[4])
        if not late:
            streak = streak - 1 if streak < 0 else -1
    return Health(
        newest,
        pack(*good),
        pack(*bad),
        max(health.last_ok, at) if ok else health.last_ok,
        health.last_bad if ok else max(health.last_bad, at),
        health.oks + ok,
        health.bads + (not ok),
        streak,
        stayed,
        after_ok,
    )


def _decayed(known: tuple[float, ...], seconds: float) -> Masses:
    # Written out: this runs for every observation, and a loop costs twice as much.
    return (
        known[0] * exp(-seconds / _S0),
        known[1] * exp(-seconds / _S1),
        known[2] * exp(-seconds / _S2),
        known[3] * exp(-seconds / _S3),
        known[4] * exp(-seconds / _S4),
    )


def long_run_rate(health: Health, now: float, prior: float = PRIOR) -> float:
    """The rate at which the path works, recent results counting most: each time scale shrinks towards the longer."""
    age = max(0.0, now - health.at)
    rate = prior
    oks, bads = masses(health.ok), masses(health.bad)
    for index in (4, 3, 2, 1):
        keep = exp(-age / TIME_SCALES[index])
        good = oks[index] * keep
        rate = (good + _SHRINK * rate) / (good + bads[index] * keep + _SHRINK)
    return rate


def _logit(rate: float) -> float:
    if rate < _SURE:
        rate = _SURE
    elif rate > 1.0 - _SURE:
        rate = 1.0 - _SURE
    return log(rate / (1.0 - rate))


def features(health: Health, now: float, prior: float = PRIOR) -> tuple[float, ...]:
    """What the model is told of a path for a use at ``now`` (epoch seconds), in the order of ``FEATURES``."""
    age = now - health.at
    if age < 0.0:
        age = 0.0
    o0, o1, o2, o3, o4 = masses(health.ok)
    b0, b1, b2, b3, b4 = masses(health.bad)
    keep = exp(-age / _S4)
    week = (o4 * keep + _SHRINK * prior) / ((o4 + b4) * keep + _SHRINK)
    fade = exp(-age / _S3)
    day = (o3 * fade + _SHRINK * week) / ((o3 + b3) * fade + _SHRINK)
    fade = exp(-age / _S2)
    hours = (o2 * fade + _SHRINK * day) / ((o2 + b2) * fade + _SHRINK)
    fade = exp(-age / _S1)
    hour = (o1 * fade + _SHRINK * hours) / ((o1 + b1) * fade + _SHRINK)
    fade = exp(-age / _S0)
    quarter = (o0 * fade + _SHRINK * hour) / ((o0 + b0) * fade + _SHRINK)
    base = _logit(prior)
    high = _logit(week)
    rates = (high - base, _logit(day) - base, _logit(hours) - base, _logit(hour) - base, _logit(quarter) - base)
    if not health.oks and not health.bads:
        return (base, 0.0, *rates, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    up = health.last_ok > health.last_bad
    since = now - (health.last_ok if up else health.last_bad)
    if since < 0.0:
        since = 0.0
    known = exp(-since / _S4)
    successes = known * log(1.0 + health.oks) / 2.0
    e0, e1, e2, e3 = exp(-since / 120.0), exp(-since / 1_200.0), exp(-since / 7_200.0), exp(-since / 43_200.0)
    near = exp(-since / 3_600.0)
    if up:
        stays = (health.stayed * keep + _FAITH * week) / (health.after_ok * keep + _FAITH)
        faithful = near * (_logit(stays) - high)
        run = known * log(1.0 + (health.streak if health.streak > 0 else 0))
        return (base, known, *rates, e0, 0.0, e1, 0.0, e2, 0.0, e3, 0.0, run, 0.0, successes, faithful, 0.0)
    # A mass may be a hair below its part after rounding.
    back = max(0.0, o4 - health.stayed) * keep
    after_bad = max(back, (o4 + b4 - health.after_ok) * keep)
    returning = near * (_logit((back + _FAITH * week) / (after_bad + _FAITH)) - high)
    run = known * log(1.0 + (-health.streak if health.streak < 0 else 0))
    return (base, known, *rates, 0.0, e0, 0.0, e1, 0.0, e2, 0.0, e3, 0.0, run, successes, 0.0, returning)


def forecast(health: Health, now: float, prior: float = PRIOR, model: Model = BUILT_IN) -> Forecast:
    """The probability that the path works if used at ``now`` (epoch seconds), and how sure we are.

    ``now`` may lie ahead of all knowledge: what is known fades.
    """
    if not health.oks and not health.bads:
        return Forecast(prior, 0.0)
    return Forecast(probability(model, features(health, now, prior)), confidence(health, now))


def confidence(health: Health, now: float) -> float:
    """How sure a forecast for ``now`` is: 0 knows nothing, 1 certain. For who already has the probability: it takes a
    fifth of the time of both."""
    mass = (masses(health.ok)[2] + masses(health.bad)[2]) * exp(-max(0.0, now - health.at) / _S2)
    return mass / (mass + 2.0)
