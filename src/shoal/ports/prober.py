"""Prober: finds out what a record can do, over the network."""

from __future__ import annotations

from typing import Protocol

from shoal.domain import CheckResult, Record


class Prober(Protocol):
    """Checks one record within a bounded time; never raises for anything a proxy does."""

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        """One check: discovery where no path is verified, else one small exchange on each verified path.

        ``full`` (or a first success) takes the whole profile. Raises only ``CancelledError``."""
        ...
