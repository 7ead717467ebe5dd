"""Collector: reads every source in its own time and admits what it brings. The only one that admits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from shoal.domain import Admitted, Candidate, Refused, Trust
from shoal.domain.source import SourceCredit
from shoal.engine.credits import Credits
from shoal.engine.mishaps import Mishaps
from shoal.engine.pool import Pool
from shoal.errors import StoreError
from shoal.log import Log
from shoal.options import AdmissionOptions, SourceOptions
from shoal.policy.admission import Admission
from shoal.policy.source_budget import day_of, next_day, spent_today
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_schedule import next_run
from shoal.ports import Added, Clock, Harvest, Source, SourceError, SourceState, Store

_BATCH = 500
"""Candidates added in one transaction: small enough that the first checks start while the rest is being written."""

_STORE_RETRY = 1.0
"""Seconds between attempts to reach a store that fails."""
_PATIENCE = 10.0
"""Time-outs of one fetch that a whole run of a source may take: a source of many pages needs some, one that hangs must
not keep its slot for ever."""
_COUNTS_KEPT = 86_400.0
"""Seconds after which admission forgets how many entries each host and network had."""

_BUDGET_SPREAD = 600.0
"""Seconds after midnight over which sources begin anew whose budget was used up."""

T = TypeVar("T")
_REREAD = 86_400.0
"""Seconds after which a list that answers "not modified" is read whole again: what it still names is still listed."""

log = Log("shoal.collector")


class Collector:
    """Runs until cancelled. ``reachable`` tells which sources answered at their last try."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: Store,
        admission: Admission,
        clock: Clock,
        rng: Random,
        options: SourceOptions,
        limits: AdmissionOptions,
        added: Callable[[], None],
        pool: Pool | None = None,
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._tasks: asyncio.TaskGroup | None = None
        self._following: dict[str, asyncio.Task[None]] = {}
        self._store = store
        self._admission = admission
        self._clock = clock
        self._rng = rng
        self._slots = asyncio.Semaphore(options.concurrency)
        self._run_limit = _PATIENCE * options.timeout
        self._capacity = limits.capacity
        self._limits = LimitTable.from_options(options) if pool is None else pool.uses.limits
        self._pool = pool
        self._credits = None if pool is None else Credits(pool)
        self._mishaps = Mishaps()
        self._added = added
        self._states: dict[str, SourceState] = {}
        self._paused: set[str] = set()
        self._nudges = {source.name: asyncio.Event() for source in sources}
        self.reachable: dict[str, bool] = {}
        self.first_round = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether sources are read here, now."""
        return self._tasks is not None

    @property
    def states(self) -> dict[str, SourceState]:
        return self._states

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(self._sources.values())

    def add(self, source: Source, state: SourceState | None) -> None:
        """Read one more source from now on; ``state`` is what is known of its earlier runs."""
        name = source.name
        self._sources[name] = source
        self._nudges[name] = asyncio.Event()
        self._states.pop(name, None)
        if state is not None:
            self._states[name] = state
        if self._tasks is not None:
            self._begin(self._tasks, source)

    def drop(self, name: str) -> None:
        """Read it no more; a run under way ends. Nothing happens when there is none of that name."""
        self._sources.pop(name, None)
        self._nudges.pop(name, None)
        self.reachable.pop(name, None)
        self._states.pop(name, None)
        task = self._following.pop(name, None)
        if task is not None:
            task.cancel()

    def _begin(self, tasks: asyncio.TaskGroup, source: Source) -> None:
        self._following[source.name] = tasks.create_task(self._follow(source), name=f"source {source.name}")

    def credits(self) -> dict[str, SourceCredit]:
        """What each source is worth, the best first; worked out once a minute. Empty without a pool."""
        if self._credits is None:
            return {}
        listed = dict.fromkeys(self._sources, 0)
        return self._credits.of(listed | {name: state.found for name, state in self._states.items()})

    def refresh(self, name: str | None = None) -> bool:
        """Run every source now, or one; False when there is none of that name."""
        nudges = list(self._nudges.values()) if name is None else [self._nudges[name]] if name in self._nudges else []
        for nudge in nudges:
            nudge.set()
        return bool(nudges) or name is None

    @property
    def paused(self) -> frozenset[str]:
        return frozenset(self._paused)

    def pause(self, names: Iterable[str]) -> None:
        """From now on these, and only these, are not read; one that no longer is among them is read at once."""
        resumed = self._paused - set(names)
        self._paused = set(names)
        for name in resumed:
            self.refresh(name)

    def look(self, states: Mapping[str, SourceState]) -> None:
        """What another process that runs the sources wrote of them: for those that only show it."""
        self._states = {name: state for name, state in states.items() if name in self._nudges}
        self.reachable = {name: state.error is None for name, state in self._states.items() if state.last_run}
        if len(self.reachable) == len(self._nudges):
            self.first_round.set()

    async def run(self) -> None:
        known = await self._until_stored(self._store.source_states)
        self._states = {name: state for name, state in known.items() if name in self._nudges} | self._states
        if not self._sources:
            self.first_round.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for source in self._sources.values():
                    self._begin(tasks, source)
                tasks.create_task(self._forget_counts(), name="admission counts")
                if self._credits is not None:
                    tasks.create_task(self._credits.run(), name="source credits")
        finally:
            # In a cluster another process may read them from now on.
            self._tasks = None

    async def _follow(self, source: Source) -> None:
        state = self._states.get(source.name) or SourceState(source.name)
        nudge = self._nudges[source.name]
        # What a restart finds still fresh need not be read again; what was never read is read at once.
        wait = state.next_run - self._clock.now() if state.last_success and not state.failures else 0.0
        if wait > 0.0:
            self._note(source.name, True)
        while True:
            await self._rest(nudge, wait)
            nudge.clear()
            if source.name in self._paused:
                self._note(source.name, True)
                wait = inf
                continue
            async with self._slots:
                state, reachable = await self._run_safely(source, state)
            self._states[source.name] = state
            await self._until_stored(lambda kept=state: self._store.save_source_state(kept))  # type: ignore[misc]
            self._note(source.name, reachable)
            wait = state.next_run - self._clock.now()

    async def _rest(self, nudge: asyncio.Event, wait: float) -> None:
        if wait <= 0.0:
            return
        try:
            async with asyncio.timeout(None if wait == inf else wait):
                await nudge.wait()
        except TimeoutError:
            pass

    async def _run_safely(self, source: Source, state: SourceState) -> tuple[SourceState, bool]:
        now = self._clock.now()
        state = replace(state, day=day_of(now), day_bytes=spent_today(state.day, state.day_bytes, now))
        budget = self._limits.get(source.name).fetch_budget_bytes
        if budget is not None and state.day_bytes >= budget:
            return self._resting(state, now, budget), True
        try:
            return await self._run_once(source, state)
        except SourceError as error:
            log.info("source failed", source=source.name, error=str(error))
            state = replace(state, day_bytes=state.day_bytes + error.wire_bytes)
            return self._failed(state, source, now, str(error)), not error.network
        except Exception as error:  # noqa: BLE001 - one source that trips a fault of ours must not end all others
            self._mishaps.note("a source was not read", error, source=source.name)
            return self._failed(state, source, now, "it met a fault in Shoal, which the log describes"), True

    async def _run_once(self, source: Source, state: SourceState) -> tuple[SourceState, bool]:
        """One run: the source's new state, and whether anything answered. Raises ``SourceError``."""
        now = self._clock.now()
        stale = now - state.last_body > _REREAD
        harvest = await self._fetch(source, replace(state, etag=None, last_modified=None) if stale else state)
        if harvest.unchanged:
            done = replace(state, last_run=now, last_success=now, failures=0, idle=state.idle + 1, error=None, new=0)
            return self._planned(done, source, now), True
        added, refused, found = await self._until_stored(
            lambda: self.admit(
                harvest.candidates,
                source=source.name,
                trust=source.trust,
                tags=harvest.tags,
                refused=harvest.refused,
            )
        )
        log.info("source read", source=source.name, found=found, new=added.new, refused=sum(refused.values()))
        done = _after(state, harvest, now, added, refused, found)
        return self._planned(done, source, now), True

    async def _fetch(self, source: Source, state: SourceState) -> Harvest:
        try:
            async with asyncio.timeout(self._run_limit):
                return await source.fetch(state)
        except TimeoutError:
            raise SourceError(f"it was not read within {self._run_limit:g} s", network=True) from None

    async def _until_stored(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it again until the store takes it: a lost store is waited for."""
        while True:
            try:
                return await act()
            except StoreError as error:
                log.warning("what sources brought cannot be stored, trying again", error=str(error))
                await asyncio.sleep(_STORE_RETRY)

    async def _forget_counts(self) -> None:
        while True:
            await asyncio.sleep(_COUNTS_KEPT)
            self._admission.forget()

    def _resting(self, state: SourceState, now: float, budget: int) -> SourceState:
        """Not read for the rest of the day. That is no failure: tomorrow it is asked as often as ever."""
        why = f"it has used up its {budget} bytes of today"
        return replace(state, last_run=now, error=why, next_run=next_day(now) + _BUDGET_SPREAD * self._rng.random())

    def _failed(self, state: SourceState, source: Source, now: float, why: str) -> SourceState:
        return self._planned(replace(state, last_run=now, failures=state.failures + 1, error=why), source, now)

    def _planned(self, state: SourceState, source: Source, now: float) -> SourceState:
        # An edit of the user's own list is wanted soon, however long it stood unchanged.
        idle = 0 if source.trust is Trust.OWN else state.idle
        due = next_run(now, source.interval, self._rng, failures=state.failures, idle=idle)
        return replace(state, next_run=due)

    async def admit(
        self,
        candidates: Sequence[Candidate],
        *,
        source: str,
        trust: Trust,
        tags: tuple[str, ...] = (),
        refused: Mapping[str, int] | None = None,
        imported: bool = False,
    ) -> tuple[Added, Counter[str], int]:
        """Let candidates in: what was added, what was refused by reason, how many entries were fit.

        Raises ``StoreError``; to call it again then is safe."""
        reasons: Counter[str] = Counter(refused or {})
        new = known = tombstoned = full = found = 0
        seen: set[str] = set()
        for chunk in _chunks(candidates, _BATCH):
            fit, why = self._admission.admit(chunk, source=source, trust=trust, tags=tags, seen=seen)
            reasons.update(why)
            found += len(fit)
            if not fit:
                continue
            added = await self._add(fit, imported)
            new, known = new + added.new, known + added.known
            tombstoned, full = tombstoned + added.tombstoned, full + added.full
            if added.new:
                if self._pool is not None:
                    self._pool.hopefuls.listed(added.keys, self._clock.now())
                self._added()
        if tombstoned:
            reasons[Refused.TOMBSTONE.value] += tombstoned
        if full:
            reasons[Refused.FULL.value] += full
        return Added(new, known, tombstoned, full), reasons, found

    async def _add(self, fit: list[Admitted], imported: bool) -> Added:
        return await self._store.add(fit, self._clock.now(), imported=imported, capacity=self._capacity)

    def _note(self, name: str, reachable: bool) -> None:
        self.reachable[name] = reachable
        if len(self.reachable) == len(self._nudges):
            self.first_round.set()


def _after(
    state: SourceState, harvest: Harvest, now: float, added: Added, refused: Counter[str], found: int
) -> SourceState:
    return replace(
        state,
        etag=harvest.etag,
        last_modified=harvest.last_modified,
        last_body=now,
        last_run=now,
        last_success=now,
        failures=0 if found else state.failures + 1,
        idle=0 if added.new else state.idle + 1,
        error=None if found else "it was read, but no proxy was found in it",
        found=found,
        new=added.new,
        refused=dict(refused),
        day_bytes=state.day_bytes + harvest.wire_bytes,
    )


def _chunks(candidates: Sequence[Candidate], size: int) -> Iterator[Sequence[Candidate]]:
    for start in range(0, len(candidates), size):
        yield candidates[start : start + size]
