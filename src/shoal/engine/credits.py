"""Credits: works out once a minute what each source is worth, from the index in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from shoal.domain import Record
from shoal.domain.source import SourceCredit
from shoal.engine.pool import Pool
from shoal.policy.source_credit import CreditTally, Lags, worked_once

_ROUND = 60.0
"""Seconds between rounds: credit moves with checks, and those take minutes."""
_SLICE = 1000
"""Records looked at before others get their turn: about a millisecond."""


class Credits:
    """Runs until cancelled. A record that is new in the index counts as found working in this round."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._tally = CreditTally()
        self._lags = Lags()
        self._known: set[str] | None = None

    def of(self, listed: Mapping[str, int]) -> dict[str, SourceCredit]:
        """By source, as of the last round; ``listed`` names the sources and how much they listed last."""
        return self._tally.credits(listed, self._lags)

    async def run(self) -> None:
        while True:
            await self.round()
            await asyncio.sleep(_ROUND)

    async def round(self) -> None:
        """Look at every record once."""
        tally, known = CreditTally(), self._known
        keys: set[str] = set()
        # A copy of the references: the index changes while others have their turn.
        records = list(self._pool.records())
        for start in range(0, len(records), _SLICE):
            piece = records[start : start + _SLICE]
            for record in piece:
                tally.add(record)
                keys.add(record.key)
            self._lags.note([record for record in piece if _is_discovery(record, known)])
            await asyncio.sleep(0)
        self._tally, self._known = tally, keys


def _is_discovery(record: Record, known: set[str] | None) -> bool:
    # What a restart finds in the store worked first at a time that nobody remembers, unless it worked only once.
    return worked_once(record) if known is None else record.key not in known
