"""Schedule: when a record is checked again."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final, NamedTuple

from shoal.domain.record import Record
from shoal.options import CheckOptions
from shoal.policy.forecast import BUILT_IN, forecast, long_run_rate
from shoal.policy.learning import Model

_FIRST_RETRY = 240.0
"""Seconds after which a candidate that never worked is tried a second time."""
_BACKOFF = 1.9
_COMEBACK = 1.6
"""Factors by which waits grow with each failure: of those that never worked, and of those that usually do. The chance
that a failing proxy is back falls like 1/sqrt(k), then 1/k (come-back table), so geometric waits are right."""
_GROWTH_LIMIT = 40
"""Steps after which a wait grows no more: 1.9 ** 40 seconds are ages, and a power of thousands overflows."""
_HOT = 0.3
"""Forecast from which a proxy is one that would be handed out, now or after one more success: all of these are kept
fresh alike."""
_RARER = 1.5
"""Below, a check is worth the less the less likely it changes what is handed out, so waits grow with this power of
1 / forecast: at 0.05 they are fifteen times those of a proxy that would be handed out, at 0.003 a thousand times."""
_AHEAD = 900.0
"""Seconds ahead for which the forecast is asked: right after a result it says little of how things go on."""
_PROBATION = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Multiples of the shortest interval after the first successes in a row: one success means little."""
_JITTER = 0.2

_RISE, _FALL, _MOST = 1.05, 1.02, 4_096.0
_STRETCH = 4.0
"""Pressure from which even ``max_interval`` cannot be kept: it then holds only as far as checks suffice."""


class Pressure(NamedTuple):
    """How far waits are stretched because checks come late: of records that ever worked, and of those that never did.

    Apart, so that a flood of dead candidates, which is late for days, does not keep what flaps from being checked."""

    proven: float = 1.0
    unproven: float = 1.0

    def of(self, record: Record) -> float:
        return self.proven if record.is_verified else self.unproven


NO_PRESSURE: Final = Pressure()


def next_check(
    record: Record,
    now: float,
    options: CheckOptions,
    rng: Random,
    *,
    live: int = 0,
    pressure: Pressure = NO_PRESSURE,
    model: Model = BUILT_IN,
) -> float:
    """Epoch second of the next check of a record that was just checked; ``live`` is how many proxies work now.

    Proxies that would be handed out are kept fresh, the more often the fewer there are; the less likely one works, the
    more rarely it is tried, but never less often than every ``max_interval``, which wins over ``min_interval``.
    ``pressure`` (see ``pressed``) stretches the waits of those that would not be handed out.
    """
    # The bounds that users set hold after chance has had its say.
    shortest = 0.0 if record.misses or not record.is_verified else options.min_interval / (1.0 - _JITTER)
    stretched = pressure.of(record)
    longest = options.max_interval * max(1.0, stretched / _STRETCH) / (1.0 + _JITTER)
    wait = min(max(shortest, _wait(record, now, options, live, stretched, model)), longest)
    return now + wait * (1.0 + _JITTER * (2.0 * rng.random() - 1.0))


def freshness(options: CheckOptions, live: int) -> float:
    """Seconds between two checks of a proxy that would be handed out, where checks suffice: a tenth of the ``live``
    ones a second at most, never rarer than every ten minutes."""
    return min(600.0, max(options.min_interval / (1.0 - _JITTER), live / 10.0))


def _wait(record: Record, now: float, options: CheckOptions, live: int, pressure: float, model: Model) -> float:
    if not record.is_verified:
        growth: float = _BACKOFF ** min(_GROWTH_LIMIT, max(0, record.misses - 1))
        return pressure * _FIRST_RETRY * growth
    hot = freshness(options, live)
    best = max([forecast(path.health, now + _AHEAD, model=model).probability for path in record.paths])
    if record.misses:
        wait = options.min_interval if best >= _HOT else pressure * hot * (_HOT / max(best, 1e-6)) ** _RARER
        # What usually works is asked again at once whether that was all, and a little later each time.
        usual = max([long_run_rate(path.health, now) for path in record.paths])
        again: float = options.min_interval * _COMEBACK ** min(_GROWTH_LIMIT, record.misses - 1)
        return min(wait, again) if usual > 0.5 else wait
    if best < _HOT:
        rarer: float = (_HOT / max(best, 1e-6)) ** _RARER
        return pressure * hot * rarer
    streak = max([path.health.streak for path in record.paths])
    if streak <= len(_PROBATION):
        return min(hot, options.min_interval * _PROBATION[max(0, streak - 1)])
    return hot


def pressed(pressure: Pressure, claimed: Iterable[Record], now: float, bearable: float) -> Pressure:
    """The next pressure after these records were claimed at ``now``. Candidates that were never tried do not count:
    they wait in line, and their lateness says how fast lists grow."""
    late = [0.0, 0.0]
    for record in claimed:
        if record.checks:
            kind = 0 if record.is_verified else 1
            late[kind] = max(late[kind], now - record.next_check)
    return Pressure(stretched(pressure.proven, late[0], bearable), stretched(pressure.unproven, late[1], bearable))


def stretched(pressure: float, lateness: float, bearable: float) -> float:
    """The next pressure (1: none), after checks were claimed of which the earliest was due ``lateness`` seconds ago.

    It rises while checks come later than ``bearable`` seconds and falls, more slowly, while they come in time: so the
    checks that there are go to where they change what is handed out, whatever the rate allows.
    """
    if lateness > bearable:
        return min(_MOST, pressure * _RISE)
    return max(1.0, pressure / _FALL)


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
