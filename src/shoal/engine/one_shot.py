"""One-shot checking: a stream of entries in, a stream of results out, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator

from msgspec import Struct

from shoal.domain import Candidate, CheckResult, Proxy, Record, Refused, Scheme, Trust
from shoal.policy.admission import Admission
from shoal.ports import Clock, Prober, Vantage


class CheckedEntry(Struct, frozen=True):
    """One entry of a list: refused before it was dialled, or checked. ``input`` is the entry as read."""

    input: str
    proxy: Proxy | None = None
    refused: Refused | None = None
    result: CheckResult | None = None


class OneShot:
    """Checks entries as the user's own. Counters grow while ``run`` is consumed."""

    def __init__(self, prober: Prober, admission: Admission, vantage: Vantage, clock: Clock, concurrency: int) -> None:
        self._prober = prober
        self._admission = admission
        self._vantage = vantage
        self._clock = clock
        self._concurrency = concurrency
        self.read = 0
        self.checked = 0
        self.working = 0
        self.refused: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.schemes: Counter[str] = Counter()

    @property
    def vantage(self) -> Vantage:
        return self._vantage

    async def run(self, entries: Iterable[Candidate | tuple[Refused, str]]) -> AsyncIterator[CheckedEntry]:
        """Every entry once, in the order in which results come; entries are read only as fast as they are checked."""
        done: asyncio.Queue[CheckedEntry | None] = asyncio.Queue(self._concurrency)
        async with asyncio.TaskGroup() as tasks:
            feeder = tasks.create_task(self._feed(iter(entries), done), name="one-shot feeder")
            try:
                while (entry := await done.get()) is not None:
                    yield entry
            finally:
                feeder.cancel()

    async def _feed(
        self, entries: Iterator[Candidate | tuple[Refused, str]], done: asyncio.Queue[CheckedEntry | None]
    ) -> None:
        slots = asyncio.Semaphore(self._concurrency)
        seen: set[str] = set()
        async with asyncio.TaskGroup() as checks:
            for entry in entries:
                self.read += 1
                if isinstance(entry, tuple):
                    await self._refuse(entry[0], entry[1], done)
                    continue
                record, why = self._admit(entry, seen)
                if record is None:
                    await self._refuse(why, entry.text or str(entry.endpoint), done)
                    continue
                await self._vantage.wait_healthy()
                await slots.acquire()
                checks.create_task(self._check(record, entry, slots, done), name=f"check {record.id}")
        await done.put(None)

    def _admit(self, entry: Candidate, seen: set[str]) -> tuple[Record | None, Refused]:
        fit, why = self._admission.admit((entry,), source="check", trust=Trust.OWN, seen=seen)
        if not fit:
            return None, Refused(next(iter(why)))
        admitted = fit[0]
        claims = () if entry.scheme is None else (entry.scheme,)
        record = Record(admitted.id, admitted.key, entry.endpoint, entry.credentials, claims=claims, trust=Trust.OWN)
        return record, Refused.MALFORMED

    async def _refuse(self, why: Refused, text: str, done: asyncio.Queue[CheckedEntry | None]) -> None:
        self.refused[why.value] += 1
        await done.put(CheckedEntry(text, refused=why))

    async def _check(
        self,
        record: Record,
        entry: Candidate,
        slots: asyncio.Semaphore,
        done: asyncio.Queue[CheckedEntry | None],
    ) -> None:
        try:
            result = await self._prober.check(record, full=True)
        finally:
            slots.release()
        self.checked += 1
        if result.works:
            self.working += 1
            self.schemes.update(scheme.value for scheme in result.schemes)
        elif result.failure is not None:
            self.failures[result.failure.kind] += 1
        scheme = result.schemes[0] if result.schemes else entry.scheme or Scheme.HTTP
        await done.put(CheckedEntry(entry.text or str(entry.endpoint), record.proxy(scheme), result=result))
