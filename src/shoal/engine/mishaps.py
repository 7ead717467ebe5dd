"""Mishaps: errors that nobody foresaw, in one of thousands of jobs that must not stop the others."""

from __future__ import annotations

import asyncio

from shoal.log import Log

_QUIET = 10.0
"""Seconds between two tracebacks: a fault that meets every check must not fill the disk."""

log = Log("shoal.engine")


class Mishaps:
    """Counts them, and logs one with its traceback now and then."""

    def __init__(self) -> None:
        self.count = 0
        self._quiet_until = 0.0

    def note(self, what: str, error: Exception, **context: object) -> None:
        """Called where ``error`` was caught; ``what`` says in words what did not get done."""
        self.count += 1
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            log.error("a fault in Shoal, please report it", what=what, exc_info=error, so_far=self.count, **context)
