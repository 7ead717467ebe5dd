"""Schedule: when a record is checked again."""

from __future__ import annotations

from random import Random

from shoal.domain.record import Record
from shoal.options import CheckOptions
from shoal.policy.forecast import long_run_rate

_FIRST_RETRY = 240.0
"""Seconds after which a candidate that never worked is tried a second time."""
_BACKOFF = 1.9
_COMEBACK = 1.6
"""Factors by which the wait grows with each failure: of those that never worked, and of those that did. The chance
that a failing proxy is back falls like 1/sqrt(k), then 1/k (come-back table), so geometric waits are right."""
_PROBATION = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Multiples of the shortest interval after the first successes in a row: one success means little."""
_JITTER = 0.2
_GROWTH_LIMIT = 40
"""Steps after which a wait grows no more: 1.6 ** 40 minimal intervals are years, and a power of thousands overflows."""


def next_check(record: Record, now: float, options: CheckOptions, rng: Random, *, live: int = 0) -> float:
    """Epoch second of the next check of a record that was just checked; ``live`` is how many proxies work now.

    Working proxies are kept fresh, the more often the fewer there are; failing ones are tried ever more rarely, but
    never less often than every ``max_interval``, which wins over ``min_interval``.
    """
    # The bounds that users set hold after chance has had its say.
    shortest = 0.0 if record.misses or not record.is_verified else options.min_interval / (1.0 - _JITTER)
    wait = min(max(shortest, _wait(record, now, options, live)), options.max_interval / (1.0 + _JITTER))
    return now + wait * (1.0 + _JITTER * (2.0 * rng.random() - 1.0))


def _wait(record: Record, now: float, options: CheckOptions, live: int) -> float:
    if not record.is_verified:
        return _FIRST_RETRY * _BACKOFF ** min(_GROWTH_LIMIT, max(0, record.misses - 1))
    if record.misses:
        best = max([long_run_rate(path.health, now) for path in record.paths])
        # What has worked often comes back soon; what worked once by luck hardly ever.
        start = options.min_interval if best > 0.5 else options.min_interval * 3
        ceiling = options.max_interval if best < 0.1 else 3_600.0
        return min(ceiling, start * _COMEBACK ** min(_GROWTH_LIMIT, record.misses - 1))
    streak = max([path.health.streak for path in record.paths])
    # A tenth of the live ones a second at most, never rarer than ten minutes.
    hot = min(600.0, max(2.0 * options.min_interval, live / 10.0))
    if streak <= len(_PROBATION):
        return min(hot, options.min_interval * _PROBATION[max(0, streak - 1)])
    return hot


def after_use(record: Record, now: float, ok: bool, options: CheckOptions) -> float:
    """Next check of a record after a client used it: a failure asks for a check soon, a success makes one needless.

    However many failures are told, ``min_interval`` lies between two checks of a record that works."""
    if ok:
        return max(record.next_check, now + options.min_interval)
    return min(record.next_check, max(now + 1.0, record.last_check + options.min_interval))


def profile_is_due(record: Record, now: float, options: CheckOptions) -> bool:
    """True when the full profile of a working path is old enough to be taken again.

    A path that fails would be asked in vain, and every other path of the record with it at each check."""
    for path in record.paths:
        health = path.health
        if 0.0 < health.last_ok >= health.last_bad and now - path.profiled_at > options.profile_interval:
            return True
    return False
