"""Janitor: forgets what nobody lists and nothing uses. The only one that deletes on its own."""

from __future__ import annotations

import asyncio

import structlog

from shoal.errors import StoreError
from shoal.options import PoolOptions
from shoal.ports import Clock, Store

_ROUND = 600.0
"""Seconds between rounds."""

log = structlog.get_logger("shoal.janitor")


class Janitor:
    """Runs until cancelled."""

    def __init__(self, store: Store, clock: Clock, options: PoolOptions) -> None:
        self._store = store
        self._clock = clock
        self._options = options

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
