"""Forecast: from a path's compact memory to the probability that it works if used now."""

from __future__ import annotations

from math import exp

from shoal.domain.health import TIME_SCALES, Forecast, Health

PRIOR = 0.05
"""Success rate believed of a path that was never tried: raw lists work at 1 to 5 % (list histories, 2017 to 2026)."""

_SHRINK = (2.0, 2.0, 1.0)
"""Pseudo-observations with which each time scale leans on the next longer one, and the longest on the prior."""

_NOTHING = (0.0, 0.0, 0.0)

MEMORY = 1_200.0
"""Seconds over which the last result fades into the long-run rate: 20 minutes, the measured memory of flappers."""

_NEWBORN = (PRIOR, 0.35, 0.45, 0.56)
"""P(next check works) after 0, 1, 2, 3 successes in all: the streak table of three independent vantage points. One
success means little, whatever the arithmetic of few observations says."""


def fold(health: Health, ok: bool, at: float, weight: float = 1.0) -> Health:
    """One more result, ``weight`` of a full observation, at epoch second ``at``.

    Masses are additive with exponential decay, so results may arrive in any order and be folded by any worker. The
    streak alone is a matter of order: a result older than the last one leaves it as it is.
    """
    newest = at if at > health.at else health.at
    good = _decayed(health.ok, newest - health.at) if health.at else _NOTHING
    bad = _decayed(health.bad, newest - health.at) if health.at else _NOTHING
    gain = (weight, weight, weight) if newest == at else _decayed((weight, weight, weight), newest - at)
    late = at < health.last_ok or at < health.last_bad
    if ok:
        return Health(
            at=newest,
            ok=(good[0] + gain[0], good[1] + gain[1], good[2] + gain[2]),
            bad=bad,
            last_ok=max(health.last_ok, at),
            last_bad=health.last_bad,
            oks=health.oks + 1,
            bads=health.bads,
            streak=health.streak if late else max(health.streak, 0) + 1,
        )
    return Health(
        at=newest,
        ok=good,
        bad=(bad[0] + gain[0], bad[1] + gain[1], bad[2] + gain[2]),
        last_ok=health.last_ok,
        last_bad=max(health.last_bad, at),
        oks=health.oks,
        bads=health.bads + 1,
        streak=health.streak if late else min(health.streak, 0) - 1,
    )


def _decayed(masses: tuple[float, ...], seconds: float) -> tuple[float, float, float]:
    # Written out: this runs for every observation, and loops over three cost twice as much.
    return (
        masses[0] * exp(-seconds / TIME_SCALES[0]),
        masses[1] * exp(-seconds / TIME_SCALES[1]),
        masses[2] * exp(-seconds / TIME_SCALES[2]),
    )


def long_run_rate(health: Health, now: float, prior: float = PRIOR) -> float:
    """The rate at which the path works, recent results counting most: each time scale shrinks towards the longer."""
    age = max(0.0, now - health.at)
    good = _decayed(health.ok, age)
    bad = _decayed(health.bad, age)
    rate = (good[2] + _SHRINK[2] * prior) / (good[2] + bad[2] + _SHRINK[2])
    rate = (good[1] + _SHRINK[1] * rate) / (good[1] + bad[1] + _SHRINK[1])
    return (good[0] + _SHRINK[0] * rate) / (good[0] + bad[0] + _SHRINK[0])


def forecast(health: Health, now: float, prior: float = PRIOR) -> Forecast:
    """The probability that the path works if used at ``now`` (epoch seconds), and how sure we are.

    ``p = rate + (last - rate) * exp(-age / MEMORY)``: right after a result the last one decides, later the long-run
    rate does; a failure thus works as a circuit breaker that re-opens by itself. Few successes are capped by the
    streak table.
    """
    if not health.oks and not health.bads:
        return Forecast(prior, 0.0)
    rate = long_run_rate(health, now, prior)
    last_is_ok = health.last_ok >= health.last_bad
    age = max(0.0, now - max(health.last_ok, health.last_bad))
    probability = rate + ((1.0 if last_is_ok else 0.0) - rate) * exp(-age / MEMORY)
    if health.oks < len(_NEWBORN):
        probability = min(probability, _NEWBORN[health.oks])
    mass = (health.ok[1] + health.bad[1]) * exp(-max(0.0, now - health.at) / TIME_SCALES[1])
    return Forecast(probability, mass / (mass + 2.0))
