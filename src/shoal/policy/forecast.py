"""Forecast: from a path's compact memory to the probability that it works if used at a time."""

from __future__ import annotations

from math import exp, log
from typing import Final

from shoal.domain.health import MOST, TIME_SCALES, Forecast, Health, Masses, pack, unpack
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
    last_ok, last_bad, o0, o1, o2, o3, o4, b0, b1, b2, b3, b4, stayed, after_ok, oks, bads, streak = unpack(
        health.block
    )
    last = last_ok if last_ok > last_bad else last_bad
    late = at < last
    if last and at > last:
        k0, k1, k2, k3, k4 = _kept(at - last)
        o0, o1, o2, o3, o4 = o0 * k0, o1 * k1, o2 * k2, o3 * k3, o4 * k4
        b0, b1, b2, b3, b4 = b0 * k0, b1 * k1, b2 * k2, b3 * k3, b4 * k4
        stayed, after_ok = stayed * k4, after_ok * k4
    g0 = g1 = g2 = g3 = g4 = weight
    if late:
        g0, g1, g2, g3, g4 = [weight * kept for kept in _kept(last - at)]
    elif last_ok > last_bad:
        after_ok += weight
        if ok:
            stayed += weight
    if ok:
        o0, o1, o2, o3, o4 = o0 + g0, o1 + g1, o2 + g2, o3 + g3, o4 + g4
        oks += oks < MOST
        last_ok = at if at > last_ok else last_ok
        if not late:
            streak = min(streak + 1, MOST) if streak > 0 else 1
    else:
        b0, b1, b2, b3, b4 = b0 + g0, b1 + g1, b2 + g2, b3 + g3, b4 + g4
        bads += bads < MOST
        last_bad = at if at > last_bad else last_bad
        if not late:
            streak = max(streak - 1, -MOST) if streak < 0 else -1
    return Health(pack(last_ok, last_bad, o0, o1, o2, o3, o4, b0, b1, b2, b3, b4, stayed, after_ok, oks, bads, streak))


def _kept(seconds: float) -> Masses:
    """What is left of a mass after so long, on each time scale."""
    # Written out: this runs for every observation, and a loop costs twice as much.
    return exp(-seconds / _S0), exp(-seconds / _S1), exp(-seconds / _S2), exp(-seconds / _S3), exp(-seconds / _S4)


def long_run_rate(health: Health, now: float, prior: float = PRIOR) -> float:
    """The rate at which the path works, recent results counting most: each time scale shrinks towards the longer."""
    age = max(0.0, now - health.at)
    rate = prior
    oks, bads = health.ok, health.bad
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
    last_ok, last_bad, o0, o1, o2, o3, o4, b0, b1, b2, b3, b4, stayed, after_ok, oks, bads, streak = unpack(
        health.block
    )
    up = last_ok > last_bad
    age = now - (last_ok if up else last_bad)
    if age < 0.0:
        age = 0.0
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
    if not oks and not bads:
        return (base, 0.0, *rates, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    # The age of the masses is that of the last result.
    successes = keep * log(1.0 + oks) / 2.0
    e0, e1, e2, e3 = exp(-age / 120.0), exp(-age / 1_200.0), exp(-age / 7_200.0), exp(-age / 43_200.0)
    near = exp(-age / 3_600.0)
    if up:
        stays = (stayed * keep + _FAITH * week) / (after_ok * keep + _FAITH)
        faithful = near * (_logit(stays) - high)
        run = keep * log(1.0 + (streak if streak > 0 else 0))
        return (base, keep, *rates, e0, 0.0, e1, 0.0, e2, 0.0, e3, 0.0, run, 0.0, successes, faithful, 0.0)
    # A mass may be a hair below its part after rounding.
    back = max(0.0, o4 - stayed) * keep
    after_bad = max(back, (o4 + b4 - after_ok) * keep)
    returning = near * (_logit((back + _FAITH * week) / (after_bad + _FAITH)) - high)
    run = keep * log(1.0 + (-streak if streak < 0 else 0))
    return (base, keep, *rates, 0.0, e0, 0.0, e1, 0.0, e2, 0.0, e3, 0.0, run, successes, 0.0, returning)


def forecast(health: Health, now: float, prior: float = PRIOR, model: Model = BUILT_IN) -> Forecast:
    """The probability that the path works if used at ``now`` (epoch seconds), and how sure we are.

    ``now`` may lie ahead of all knowledge: what is known fades.
    """
    if not health.at:
        return Forecast(prior, 0.0)
    return Forecast(probability(model, features(health, now, prior)), confidence(health, now))


def confidence(health: Health, now: float) -> float:
    """How sure a forecast for ``now`` is: 0 knows nothing, 1 certain. For who already has the probability: it takes a
    fifth of the time of both."""
    last_ok, last_bad, _, _, good, _, _, _, _, bad, *_ = unpack(health.block)
    mass: float = (good + bad) * exp(-max(0.0, now - max(last_ok, last_bad)) / _S2)
    return mass / (mass + 2.0)
