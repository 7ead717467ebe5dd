"""One-shot checking: a stream of entries in, a stream of results out, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct

from shoal.domain import (
    Blame,
    Candidate,
    CheckResult,
    Failure,
    Proxy,
    Reason,
    Record,
    Refused,
    Scheme,
    Stage,
    Trust,
)
from shoal.engine.mishaps import Mishaps
from shoal.policy.admission import Admission
from shoal.policy.marks import Marks
from shoal.ports import Clock, Prober, Vantage


class CheckedEntry(Struct, frozen=True):
    """One entry of a list: refused before it was dialled, or checked. ``input`` is the entry as read."""

    input: str
    proxy: Proxy | None = None
    refused: Refused | None = None
    result: CheckResult | None = None


_Done: TypeAlias = "asyncio.Queue[CheckedEntry | None]"


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
        self.mishaps = Mishaps()
        self.refused: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.schemes: Counter[str] = Counter()

    @property
    def vantage(self) -> Vantage:
        return self._vantage

    async def run(self, entries: Iterable[Candidate | tuple[Refused, str]]) -> AsyncIterator[CheckedEntry]:
        """Every entry once, in the order in which results come; entries are read only as fast as they are checked.

        Raises what reading ``entries`` raises, after the results of all that was read before."""
        done: _Done = asyncio.Queue()
        slots = asyncio.Semaphore(self._concurrency)
        # This generator is the owner: a TaskGroup around a yield would break when its consumer stops early.
        feeder = asyncio.get_running_loop().create_task(self._feed(iter(entries), slots, done), name="one-shot feeder")
        try:
            while (entry := await done.get()) is not None:
                slots.release()
                yield entry
            await feeder
        finally:
            feeder.cancel()
            await asyncio.wait((feeder,))

    async def _feed(
        self, entries: Iterator[Candidate | tuple[Refused, str]], slots: asyncio.Semaphore, done: _Done
    ) -> None:
        """One slot per entry, from its reading until its result is taken: that bounds memory."""
        seen = Marks()
        unreadable: Exception | None = None
        try:
            async with asyncio.TaskGroup() as checks:
                while True:
                    await slots.acquire()
                    try:
                        entry = next(entries, None)
                    except Exception as error:  # noqa: BLE001 - raised below, once what was read before is checked
                        entry, unreadable = None, error
                    if entry is None:
                        break
                    self.read += 1
                    if isinstance(entry, tuple):
                        self._refuse(entry[0], entry[1], done)
                        continue
                    record, why = self._admit(entry, seen)
                    if record is None:
                        self._refuse(why, entry.text or str(entry.endpoint), done)
                        continue
                    await self._vantage.wait_healthy()
                    checks.create_task(self._check(record, entry, done), name=f"check {record.id}")
            if unreadable is not None:
                raise unreadable
        finally:
            done.put_nowait(None)

    def _admit(self, entry: Candidate, seen: Marks) -> tuple[Record | None, Refused]:
        fit, why = self._admission.admit((entry,), source="check", trust=Trust.OWN, seen=seen)
        if not fit:
            return None, Refused(next(iter(why)))
        admitted = fit[0]
        claims = () if entry.scheme is None else (entry.scheme,)
        record = Record(admitted.key, entry.endpoint, entry.credentials, claims=claims, trust=Trust.OWN)
        return record, Refused.MALFORMED

    def _refuse(self, why: Refused, text: str, done: _Done) -> None:
        self.refused[why.value] += 1
        done.put_nowait(CheckedEntry(text, refused=why))

    async def _check(self, record: Record, entry: Candidate, done: _Done) -> None:
        try:
            result = await self._prober.check(record, full=True)
        except Exception as error:  # noqa: BLE001 - one entry that trips a fault of ours must not end the whole list
            self.mishaps.note("a check was not finished", error, record=record.id)
            failure = Failure(Stage.CONNECT, Reason.LOCAL_LIMIT, "a fault in Shoal ended this check")
            result = CheckResult(record.key, (), False, failure=failure, blame=Blame.LOCAL)
        self.checked += 1
        if result.works:
            self.working += 1
            self.schemes.update(scheme.value for scheme in result.schemes)
        elif result.failure is not None:
            self.failures[result.failure.kind] += 1
        scheme = result.schemes[0] if result.schemes else entry.scheme or Scheme.HTTP
        done.put_nowait(CheckedEntry(entry.text or str(entry.endpoint), record.proxy(scheme), result=result))
