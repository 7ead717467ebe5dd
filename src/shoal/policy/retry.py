"""Retry: after which failure another upstream is tried, when a second one is started beside a slow one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shoal.domain import Blame, Failure, Path, Reason, Stage
from shoal.policy.attribution import blame

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110 section 9.2.2: sending it twice is the same as sending it once."""

_TARGET_SAYS_NO: Final = 2
"""Two upstreams that tell the same of a target are believed."""

_HEDGE_FACTOR: Final = 1.5
_HEDGE_UNKNOWN: Final = 1.0
"""Seconds, for an upstream whose usual time nobody has measured: half of the live public proxies need less."""
_HEDGE_FLOOR: Final = 0.1
"""Seconds: below this a second dial costs more than it saves."""
_HEDGE_CEILING: Final = 3.0


def goes_on(failures: Sequence[Failure], attempts: int) -> bool:
    """Whether another upstream may help after these failures, of which at most ``attempts`` are allowed."""
    if len(failures) >= attempts:
        return False
    last = failures[-1]
    if last.reason is Reason.LOCAL_LIMIT:
        # Another dial would only take one more descriptor of those that have run out.
        return False
    # What answers with a page is counted by whoever compares the pages.
    told = sum(failure.stage is not Stage.RECEIVE and is_targets(failure) for failure in failures)
    return told < _TARGET_SAYS_NO


def hedge_delay(path: Path, *, tunnel: bool) -> float:
    """Seconds after which a second upstream is started: the usual time of this one and half as much again."""
    usual = (path.timing.handshake or path.timing.connect * 2.0) if tunnel else path.timing.connect
    if usual <= 0.0:
        usual = path.timing.total / 2.0 if path.timing.total > 0.0 else _HEDGE_UNKNOWN / _HEDGE_FACTOR
    return min(max(usual * _HEDGE_FACTOR, _HEDGE_FLOOR), _HEDGE_CEILING)


def may_repeat(method: str, *, sent: bool, whole: bool) -> bool:
    """Whether a request may go to another upstream: nothing of it was sent, or it is safe and ``whole`` at hand."""
    return whole and (not sent or method in IDEMPOTENT)


class HedgeBudget:
    """Allows ``share`` extra dials a request, at most ``burst`` saved up."""

    __slots__ = ("_burst", "_share", "_tokens")

    def __init__(self, share: float, burst: float = 10.0) -> None:
        self._share = share
        self._burst = burst
        self._tokens = burst if share > 0.0 else 0.0

    def earn(self) -> None:
        """One request has come."""
        self._tokens = min(self._burst, self._tokens + self._share)

    def spend(self) -> bool:
        """True when an extra dial is within the budget, which it then takes."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def is_targets(failure: Failure) -> bool:
    """Whether only the target's end can have caused it: nothing against the proxy, nor against a session's."""
    return blame(failure, vantage_healthy=True, target_vouched=False) is Blame.TARGET
