"""Janitor: forgets what nobody lists and nothing uses. The only one that deletes on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from shoal.domain import Record
from shoal.errors import StoreError
from shoal.log import Log
from shoal.options import PoolOptions
from shoal.ports import Clock, Store

_ROUND = 600.0
"""Seconds between rounds."""
_AHEAD = 60.0
"""Seconds by which clocks of machines that share a store may differ without anything being wrong."""

log = Log("shoal.janitor")


class Janitor:
    """Runs until cancelled."""

    def __init__(self, store: Store, clock: Clock, options: PoolOptions) -> None:
        self._store = store
        self._clock = clock
        self._options = options

    async def mend(self, records: Iterable[Record]) -> int:
        """Let what was checked in the future fall due now; how many records that were.

        A clock that ran ahead in an earlier run left such times: without this nothing would be checked until they
        have passed. Called once, before anything is checked. Raises ``StoreError``.
        """
        now = self._clock.now()
        ahead = [record for record in records if record.last_check > now + _AHEAD]
        if ahead:
            await self._store.save(
                [replace(record, last_check=now, next_check=now, version=record.version + 1) for record in ahead]
            )
            log.warning("records were checked at a time that is yet to come; they are due at once", count=len(ahead))
        return len(ahead)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_ROUND)
            try:
                gone = await self._store.expire(
                    self._clock.now(), unseen=self._options.unseen, not_worked=self._options.unseen
                )
            except StoreError as error:
                log.warning("nothing can be forgotten, trying again next round", error=str(error))
                continue
            if gone:
                log.info("records forgotten", count=gone)
