"""Mirror: the pool's proxies in the hash that scripts written for proxy_pool read straight from Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from shoal.domain import Pick, Record
from shoal.engine.listing import Page
from shoal.engine.turns import in_parts
from shoal.errors import StoreError
from shoal.log import Log

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
"""Seconds between attempts to reach a server that is away."""
_SHARE = 20.0
"""Times as long as a round took it rests at least: a large pool must not be busy with its mirror."""
_LONGEST_REST = 12.0
"""Intervals that it rests at most: on a machine that is busy with other things every round takes long."""
log = Log("shoal.mirror")

Entry = tuple[bytes, bytes]


class MirrorHash(Protocol):
    name: str

    async def size(self) -> int: ...

    async def fields(self) -> set[bytes]: ...

    async def write(self, put: Sequence[Entry], drop: Sequence[bytes]) -> None: ...

    async def close(self) -> None: ...


class Mirror:
    """Keeps a hash the same as what is handed out. The hash is its own: what is not handed out is removed, also
    what others wrote there."""

    def __init__(
        self,
        hash: MirrorHash,
        ready: Callable[[], bool],
        page: Callable[[int | None], Page],
        entry: Callable[[Pick], Entry],
        interval: float,
        announce: Callable[[str], None],
    ) -> None:
        """``page`` gives what is handed out, a page at a time, once ``ready`` (which does a part of what a page needs)
        says so. Between pages others get their turn."""
        self._hash = hash
        self._ready = ready
        self._page = page
        self._entry = entry
        self._interval = interval
        self._announce = announce
        self._made: dict[str, tuple[Record, Entry]] = {}
        """The entry of each record as it was; one that has not changed since is not made again."""
        self._there: dict[bytes, bytes] | None = None
        """What the hash holds, None when that is not known."""

    async def run(self) -> None:
        """Until cancelled. A server that is away is waited for, and told of once."""
        pause, lost = _FIRST_PAUSE, False
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                try:
                    await self.round()
                except StoreError as error:
                    self._there = None
                    if not lost:
                        self._announce(f"the mirror rests: {error}")
                    lost = True
                    await asyncio.sleep(pause)
                    pause = min(2.0 * pause, _LONGEST_PAUSE)
                    continue
                if lost:
                    self._announce(f"the mirror at {self._hash.name} is kept up again")
                pause, lost = _FIRST_PAUSE, False
                rest = min(_SHARE * (loop.time() - began), _LONGEST_REST * self._interval)
                await asyncio.sleep(max(self._interval, rest))
        finally:
            await self._hash.close()

    async def round(self) -> None:
        """Write what has changed since the last round. Raises ``StoreError``."""
        wanted = await self._wanted()
        if self._there is not None and await self._hash.size() != len(self._there):
            # Somebody else wrote, or the server lost what it had.
            self._there = None
        known = self._there
        if known is None:
            known = dict.fromkeys(await self._hash.fields(), b"")
            strange = len(known.keys() - wanted.keys())
            if strange:
                log.warning("the mirror removes what is not handed out", hash=self._hash.name, removed=strange)
        put = [(field, value) for field, value in wanted.items() if known.get(field) != value]
        drop = [field for field in known if field not in wanted]
        self._there = None
        await self._hash.write(put, drop)
        self._there = wanted

    async def _wanted(self) -> dict[bytes, bytes]:
        made: dict[str, tuple[Record, Entry]] = {}
        wanted: dict[bytes, bytes] = {}
        async for pick in self._picks():
            record = pick.record
            known = self._made.get(record.key)
            entry = known[1] if known is not None and known[0] is record else self._entry(pick)
            made[record.key] = (record, entry)
            wanted[entry[0]] = entry[1]
        self._made = made
        return wanted

    async def _picks(self) -> AsyncIterator[Pick]:
        after: int | None = None
        while True:
            await in_parts(self._ready)
            page = self._page(after)
            for pick in page.picks:
                yield pick
            if page.next is None:
                return
            after = page.next
            await asyncio.sleep(0)
