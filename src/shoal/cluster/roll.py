"""The roll of workers: who is alive, where, and how much it takes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from shoal.errors import StoreError
from shoal.policy.vantage import VANTAGES
from shoal.ports import Clock
from shoal.ports.cluster import SharedStore

REPORT_INTERVAL: Final = 1.0
"""Seconds between two words of a worker."""
SILENT: Final = 6.0
"""Seconds without a new word after which a worker counts as gone. Measured on our clock: theirs may differ."""
_FORGOTTEN: Final = 60.0


class Word(Struct, frozen=True, array_like=True):
    """What a worker says of itself. Fields are added at the end."""

    number: int
    """Rises with every word."""
    vantage: str
    concurrency: int
    in_flight: int
    healthy: bool = True


class Tally(Protocol):
    checked: int
    working: int
    failures: Counter[str]


class News:
    """What a process that checks did since it last told."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._told: Counter[str] = Counter()

    def take(self) -> Counter[str]:
        tally = self._tally
        now = Counter({f"f:{kind}": count for kind, count in tally.failures.items()})
        now.update(checked=tally.checked, working=tally.working)
        news = now - self._told
        self._told = now
        return news

    def put_back(self, news: Counter[str]) -> None:
        """It could not be told: it comes again with the next."""
        self._told -= news


_decode: Final = msgspec.msgpack.Decoder(Word).decode
encode_word: Final = msgspec.msgpack.Encoder().encode


class Roll:
    """Read from the store once a second. ``totals`` counts what all workers did: ``checked``, ``working`` and failures
    by kind."""

    def __init__(self, store: SharedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._heard: dict[str, tuple[Word, float]] = {}
        self.checked = 0
        self.working = 0
        self.failures: Counter[str] = Counter()
        self.here: Callable[[], int] = lambda: 0
        """Checks in flight in this process itself."""

    @property
    def in_flight(self) -> int:
        """Checks in flight on all machines, as far as is known here."""
        return self.here() + sum(word.in_flight for word in self.alive())

    def alive(self) -> list[Word]:
        now = self._clock.now()
        return [word for word, at in self._heard.values() if now - at < SILENT]

    def capacity(self) -> dict[str, int]:
        """Checks that the workers of each vantage point take on at once; only those whose judges answer."""
        found: Counter[str] = Counter()
        for word in self.alive():
            if word.healthy and (word.vantage in found or len(found) < VANTAGES):
                found[word.vantage] += word.concurrency
        return dict(found)

    async def read(self) -> None:
        """Raises ``StoreError``."""
        said, totals = await self._store.reports()
        now = self._clock.now()
        for name, info in said.items():
            try:
                word = _decode(info)
            except (msgspec.MsgspecError, UnicodeError):
                continue
            known = self._heard.get(name)
            if known is None or known[0].number != word.number:
                self._heard[name] = (word, now)
            elif now - known[1] > _FORGOTTEN:
                await self._store.report(name, b"", {})
        for name in self._heard.keys() - said.keys():
            del self._heard[name]
        self._count(totals)

    def _count(self, totals: Mapping[str, int]) -> None:
        self.checked = totals.get("checked", 0)
        self.working = totals.get("working", 0)
        self.failures = Counter({name[2:]: count for name, count in totals.items() if name.startswith("f:")})

    async def follow(self, interval: float = REPORT_INTERVAL) -> None:
        """Until cancelled. While the store is away the last ones stand, and then count as gone."""
        while True:
            with contextlib.suppress(StoreError):
                await self.read()
            await asyncio.sleep(interval)
