"""Targets: which there are, from the settings and from the API, and how the pool reaches each."""

from __future__ import annotations

import asyncio
import builtins
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from shoal.domain import Blame, Observation, Target
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.errors import RefusedTargetError, StoreError
from shoal.log import Log
from shoal.options import OwnTarget, TargetOptions
from shoal.policy.reach import carries, reach_of
from shoal.policy.target_table import Judge, TargetTable, read_target
from shoal.policy.vantage import net_of
from shoal.ports import Clock, Store

_STORED: Final = "targets"
"""Name under which the store keeps those that were added by the API."""
ADDED_LIMIT: Final = 100
FOLLOW_INTERVAL: Final = 2.0
"""Seconds between two looks at what other processes have added."""
_SEEN: Final = 30
"""Visits to one target that are remembered, to tell a target that is down from proxies that do not reach it."""
_DOWN: Final = 8
"""Visits in a row, on as many networks, of which none brought any answer."""


log = Log("shoal.targets")


class TargetReport(Struct, frozen=True):
    """One target and how many paths reach it now. ``success`` is the share of those asked; None: none was."""

    target: Target
    reached: int
    failed: int
    banned: int
    unknown: int
    """Working paths that could be taken there and were not asked yet."""
    success: float | None
    last_visit: float
    is_down: bool


class Targets:
    """The one writer of the table of targets. ``table`` is what pool and recorder look things up in."""

    def __init__(
        self,
        store: Store,
        pool: Pool,
        recorder: Recorder,
        clock: Clock,
        options: TargetOptions,
        judge: Judge,
        configured: Sequence[Target],
    ) -> None:
        self._store = store
        self._pool = pool
        self._recorder = recorder
        self._clock = clock
        self._options = options
        self._judge = judge
        self._configured = tuple(configured)
        self._added: tuple[OwnTarget, ...] = ()
        self._stored: bytes | None = None
        self._seen: dict[str, deque[tuple[str, bool]]] = {}
        self.table = TargetTable()
        self._use()

    async def load(self) -> None:
        """Take over what was added by the API, here or in another process. Raises ``StoreError``."""
        stored = await self._store.get_meta(_STORED)
        if stored == self._stored:
            return
        self._stored = stored
        try:
            self._added = () if stored is None else msgspec.json.decode(stored, type=tuple[OwnTarget, ...])
        except (msgspec.MsgspecError, UnicodeError):
            self._added = ()
        self._use()

    async def follow(self) -> None:
        """Take over what other processes add and delete, until cancelled."""
        while True:
            try:
                await self.load()
            except StoreError as error:
                log.warning("targets cannot be read, trying again", error=str(error))
            await asyncio.sleep(FOLLOW_INTERVAL)

    def read(self, own: OwnTarget) -> Target:
        """What would be kept. Raises RefusedTargetError."""
        target, wrong = read_target(own, self._options, self._judge)
        if target is None:
            raise RefusedTargetError(f"the target {'; '.join(wrong)}")
        return target

    async def add(self, own: OwnTarget) -> Target | None:
        """Keep one more, on disk when this returns; None when the name is taken. Raises RefusedTargetError."""
        target = self.read(own)
        own = msgspec.structs.replace(own, name=target.name)
        while True:
            await self.load()
            if target.name in self.table.by_name:
                return None
            if len(self._added) >= ADDED_LIMIT:
                raise RefusedTargetError(f"{ADDED_LIMIT} targets were added, which is the most; delete one")
            if await self._swap((*self._added, own)):
                return self.table.by_name[target.name]

    async def delete(self, name: str) -> bool:
        """Forget one that was added; False when there is none of that name."""
        while True:
            await self.load()
            kept = tuple(own for own in self._added if own.name != name)
            if len(kept) == len(self._added):
                return False
            if await self._swap(kept):
                return True

    async def _swap(self, added: tuple[OwnTarget, ...]) -> bool:
        """False when another process was faster: look again."""
        stored = msgspec.json.encode(added)
        if not await self._store.swap_meta(_STORED, self._stored, stored):
            return False
        self._added, self._stored = added, stored
        self._use()
        return True

    def _use(self) -> None:
        targets = {target.name: target for target in self._configured}
        for own in self._added:
            # The address rules may have changed since; what the settings file names comes first.
            target, _ = read_target(own, self._options, self._judge)
            if target is not None:
                targets.setdefault(target.name, target)
        options = self._options
        self.table = TargetTable(targets.values(), cool_down=options.cool_down, max_cool_down=options.max_cool_down)
        self._pool.use_targets(self.table)
        self._recorder.targets = self.table
        self._seen = {name: seen for name, seen in self._seen.items() if name in targets}

    # -- whether it is the target ------------------------------------------------------------------------------

    def note(self, target: Target, host: str, seen: Observation) -> bool:
        """Take in a visit; True when it may be held against the path: not while the target answers nobody."""
        row = self._seen.setdefault(target.name, deque(maxlen=_SEEN))
        if seen.works or seen.ban is not None:
            row.append((net_of(host), True))
        elif seen.blame in (Blame.TARGET, Blame.UNKNOWN):
            row.append((net_of(host), False))
        return seen.works or seen.ban is not None or not self.is_down(target.name)

    def is_down(self, name: str) -> bool:
        """Whether the last visits, on many networks, brought no answer at all: then it is the target, not them."""
        last = list(self._seen.get(name, ()))[-_DOWN:]
        return len(last) == _DOWN and not any(ok for _, ok in last) and len({net for net, _ in last}) > _DOWN // 2

    # -- reports -----------------------------------------------------------------------------------------------

    def reports(self) -> builtins.list[TargetReport]:
        now = self._clock.now()
        return [self._report(target, now) for target in self.table.by_name.values()]

    def report(self, name: str) -> TargetReport | None:
        target = self.table.by_name.get(name)
        return None if target is None else self._report(target, self._clock.now())

    def _report(self, target: Target, now: float) -> TargetReport:
        reached = failed = banned = unknown = 0
        last = 0.0
        for record in self._pool.records():
            for path in record.paths:
                if not path.health.is_up or not carries(path, target):
                    continue
                reach = reach_of(path, target.name)
                if reach is None or not reach.at:
                    unknown += 1
                    continue
                last = max(last, reach.at)
                if reach.banned_until > now:
                    banned += 1
                elif reach.ok_at and reach.ok_at >= reach.bad_at:
                    reached += 1
                else:
                    failed += 1
        asked = reached + failed + banned
        share = reached / asked if asked else None
        return TargetReport(target, reached, failed, banned, unknown, share, last, self.is_down(target.name))
