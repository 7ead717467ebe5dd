"""Recorder: the one writer of health. Folds observations, plans the next check, saves in batches."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Protocol

from msgspec.structs import replace

from shoal.domain import CheckResult, Observation, Record
from shoal.domain.sharing import share_seconds
from shoal.domain.tally import Tallies
from shoal.engine.pending import Pending, Step
from shoal.errors import StoreError
from shoal.log import Log
from shoal.options import CheckOptions, StoreOptions
from shoal.policy.fold import fold_check, fold_use
from shoal.policy.learning import Model, decode_model, encode_model
from shoal.policy.lessons import lessons
from shoal.policy.schedule import NO_PRESSURE, after_use, next_check
from shoal.policy.source_budget import next_day
from shoal.policy.source_limits import recheck
from shoal.policy.source_use import SourceUse
from shoal.policy.target_table import TargetTable
from shoal.ports import Clock, Store

_MODEL = "forecast-model"
"""Name under which the store keeps what was learned."""
_MODEL_INTERVAL = 60.0
"""Seconds between two saves of it at least: a minute's lessons are soon learned again."""
_STORE_RETRY = 1.0
"""Seconds between attempts to reach a store that fails."""
_LAST = 0.6
"""Seconds that the last batch may take: all of stopping must end within two."""
_GRACE = 60.0
"""Seconds, beside two time-outs of a check, for which a deletion is remembered: longer than any check under way."""

_MIDNIGHT_SPREAD = 600.0
"""Seconds after midnight over which checks begin anew of sources whose budget was used up."""

log = Log("shoal.recorder")


class Index(Protocol):
    """What the recorder needs of the index in memory; a worker of a cluster keeps none."""

    model: Model
    working: int
    uses: SourceUse

    def record(self, key: str) -> Record | None: ...

    def apply(self, record: Record, now: float) -> None: ...

    def remove(self, key: str) -> bool: ...


class Recorder:
    """Takes results at once, writes them at most ``batch_interval`` later, ``batch`` at a time.

    ``checked``, ``failures`` and ``failures_by_source`` count what went through since the start.
    """

    def __init__(
        self,
        store: Store,
        pool: Index,
        clock: Clock,
        rng: Random,
        check: CheckOptions,
        options: StoreOptions,
        tallies: Tallies | None = None,
    ) -> None:
        self._store = store
        self._pool = pool
        self._clock = clock
        self._rng = rng
        self._check = check
        self._options = options
        self.tallies = tallies or Tallies()
        self._pending = Pending()
        self._wake = asyncio.Event()
        self.trouble: str | None = None
        """Why the last results could not be written; None once they were."""
        self._gone: dict[str, float] = {}
        """Keys deleted lately and when, oldest first."""
        self.pressure = NO_PRESSURE
        """How far the schedule stretches the waits of what would not be handed out; the scheduler sets it."""
        self.targets = TargetTable()
        """What names of targets mean; whoever owns the targets replaces it."""
        self.learns = True
        """Whether observations teach the model, and it is saved. In a cluster one process does this for all."""
        self._saved = (0, 0.0)
        """Lessons in the model that was saved last, and when."""
        self.checked = 0
        self.working = 0
        self.failures: Counter[str] = Counter()
        self.failures_by_source: dict[str, Counter[str]] = {}

    def result(self, record: Record, result: CheckResult) -> None:
        """The outcome of one check of a claimed record."""
        now = self._clock.now()
        self.checked += 1
        if result.works:
            self.working += 1
        elif result.failure is not None:
            self.failures[result.failure.kind] += 1
            for source in record.sources:
                self.failures_by_source.setdefault(source, Counter())[result.failure.kind] += 1
        for observation in result.observations:
            self.tallies.checks.note(observation)
        if self.is_gone(record):
            return
        # Listed or imported anew since it was deleted.
        self._gone.pop(record.key, None)
        newest = self._newest(record)
        pool = self._pool
        if self.learns:
            pool.model = lessons(pool.model, newest, result.observations)
        limited = not pool.uses.limits.is_plain
        if limited:
            pool.uses.spend(record.sources, now, result.bytes_used)

        def checked(before: Record) -> Record:
            folded = fold_check(before, result, now)
            due = next_check(
                folded, now, self._check, self._rng, live=pool.working, pressure=self.pressure, model=pool.model
            )
            if limited:
                due = recheck(due, now, pool.uses.limits.of(record.sources))
                if pool.uses.is_spent(record.sources, now):
                    due = max(due, next_day(now) + _MIDNIGHT_SPREAD * self._rng.random())
            # A tenth later at most: so many paths share the number, and one of its own takes 24 bytes.
            return replace(folded, next_check=share_seconds(round(due + 0.05, 1)))

        self._keep(newest, checked, now)

    def used(self, key: str, observation: Observation) -> None:
        """What a client saw, or a visit to a target showed; unknown records are ignored."""
        record = self._pending.record(key) or self._pool.record(key)
        if record is None:
            return
        now = self._clock.now()
        if self.learns:
            self._pool.model = lessons(self._pool.model, record, (observation,))

        def used(before: Record) -> Record:
            folded = fold_use(before, observation, self.targets)
            return replace(folded, next_check=after_use(folded, now, observation.works, self._check))

        self._keep(record, used, now)

    def hasten(self, record: Record) -> None:
        """Let whoever checks do so as soon as it looks."""
        now = self._clock.now()
        self._keep(record, lambda before: replace(before, next_check=now), now)

    def newest(self, record: Record) -> Record:
        """The state that is not written yet, or in the index, or else ``record`` itself."""
        return self._pending.record(record.key) or self._pool.record(record.key) or record

    def forget(self, key: str) -> None:
        """The record was deleted or popped: nothing that is still under way may bring it back."""
        self._pending.drop(key)
        self._pool.remove(key)
        now = self._clock.now()
        self._gone.pop(key, None)
        self._gone[key] = now
        kept = 2.0 * self._check.timeout + _GRACE
        while self._gone[oldest := next(iter(self._gone))] < now - kept:
            del self._gone[oldest]

    def is_gone(self, record: Record) -> bool:
        """True when this very record was deleted lately; one that was added again since is another life of its key."""
        return record.first_seen < self._gone.get(record.key, 0.0)

    @property
    def unsaved(self) -> tuple[str, ...]:
        """Keys of records of which something is known that is not written yet."""
        return self._pending.keys()

    async def run(self) -> None:
        """Write batches until cancelled; then write what is left."""
        try:
            while True:
                await self._wake.wait()
                if len(self._pending) < self._options.batch:
                    await asyncio.sleep(self._options.batch_interval)
                try:
                    await self.flush()
                    self.trouble = None
                except StoreError as error:
                    self.trouble = str(error)
                    # A lost store is waited for; the pool goes on from memory meanwhile.
                    log.warning("results cannot be saved, trying again", error=str(error))
                    self._wake.set()
                    await asyncio.sleep(_STORE_RETRY)
        finally:
            why = await asyncio.shield(self._last_flush())
            if why is not None:
                log.error("the last results are lost: they cannot be saved", error=why, lost=len(self._pending))

    async def _last_flush(self) -> str | None:
        """Why the last results could not be written, None when they were."""
        flushing = asyncio.get_running_loop().create_task(self.flush(), name="last results")
        await asyncio.wait((flushing,), timeout=_LAST)
        if not flushing.done():
            # Given up, not cut off: what a store of this machine has begun it may end.
            flushing.add_done_callback(_heard)
            return "the store does not answer"
        error = flushing.exception()
        if error is not None and not isinstance(error, StoreError):
            raise error
        return None if error is None else str(error)

    async def recall(self) -> None:
        """Go on with the model that was saved; the built-in one stays where none was, or one of another version."""
        data = await self._store.get_meta(_MODEL)
        model = None if data is None else decode_model(data)
        if model is not None and len(model.weights) == len(self._pool.model.weights):
            self._pool.model = model
            self._saved = (model.seen, self._clock.now())

    async def flush(self) -> None:
        """Write everything that is pending now."""
        self._wake.clear()
        await self._save_model()
        while self._pending:
            batch = self._pending.take(self._options.batch)
            try:
                done = await self._store.swap([(unsaved.base, unsaved.record) for unsaved in batch.values()])
            except BaseException:
                # Nothing that was not written is forgotten; what is newer by now stays.
                self._pending.put_back(batch)
                raise
            for key in done.gone:
                self._pending.drop(key)
                self._pool.remove(key)
            for key, stored in done.standing.items():
                if not batch[key].is_standing(stored):
                    self._pool.apply(self._pending.lead_anew(batch[key], stored), self._clock.now())

    async def _save_model(self) -> None:
        model, now = self._pool.model, self._clock.now()
        seen, at = self._saved
        if not self.learns:
            return
        if model.seen != seen and now - at >= _MODEL_INTERVAL:
            await self._store.set_meta(_MODEL, encode_model(model))
            self._saved = (model.seen, now)

    def _newest(self, claimed: Record) -> Record:
        """The claimed state, or a newer one made meanwhile by a client's feedback."""
        newest = self._pending.record(claimed.key) or self._pool.record(claimed.key)
        return newest if newest is not None and newest.version > claimed.version else claimed

    def _keep(self, before: Record, step: Step, now: float) -> None:
        self._pool.apply(self._pending.add(before, step), now)
        self._wake.set()


def _heard(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
