"""Source book: the sources that users add, switch and remove while the pool runs. Kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from shoal.domain.source import PUBLIC_TIER, ListedSource, SourceTrial
from shoal.engine.collector import Collector
from shoal.engine.events import Events
from shoal.engine.kept_sources import KEPT, Kept, decoded
from shoal.engine.pool import Pool
from shoal.engine.source_orders import SourceOrders
from shoal.engine.source_report import SourceReport, off_report
from shoal.errors import ConfigError, SourceChangeError, StoreError
from shoal.log import Log
from shoal.options import OwnSource, SourceOptions
from shoal.policy.source_limits import limits_of
from shoal.ports import Clock, Source, SourceShop, SourceState, Store

_LIMIT = 1_000
"""Sources that users may add: each is a task, and all of them are one value of the store."""
_TRIES = 100
_FOLLOW = 5.0
"""Seconds between looks at what other processes changed."""

log = Log("shoal.sources")


class SourceBook:
    """Changes are on disk before they are acknowledged, and hold at once where sources are read (``collector``); a
    process without one leaves that to the process that has it, which looks every few seconds."""

    def __init__(
        self,
        store: Store,
        shop: SourceShop,
        collector: Collector | None,
        pool: Pool,
        clock: Clock,
        options: SourceOptions,
    ) -> None:
        self._store = store
        self._shop = shop
        self._collector = collector
        self._pool = pool
        self._clock = clock
        self._options = options
        self._kept = Kept()
        self._read: bytes | None = None
        self._looked_at = float("-inf")
        self._open: dict[str, OwnSource] = {}
        self.events: Events | None = None
        """Where changes are told; whoever holds the book sets it."""
        self.orders: SourceOrders | None = None
        """Where pauses are kept; whoever holds the book sets it."""
        self.problems: dict[str, str] = {}
        """Added sources that cannot be opened (any more), and why."""

    @property
    def tables(self) -> tuple[OwnSource, ...]:
        """What users added, read or not."""
        return self._kept.tables

    def origin(self, name: str) -> str:
        """``api`` for what users added while the pool ran, ``catalogue``, or ``settings``."""
        if self._kept.table(name) is not None:
            return "api"
        return "catalogue" if self._shop.is_row(name) else "settings"

    def is_editable(self, name: str) -> bool:
        """Whether it may be switched here: what the settings say about may not."""
        return self._kept.table(name) is not None or (self._shop.is_row(name) and not self._shop.is_fixed(name))

    def listed(self) -> tuple[ListedSource, ...]:
        """Every source of settings and catalogue, with what is switched here."""
        return self._kept.shown(self._shop.listed())

    def filled_in(self, reports: Sequence[SourceReport], *, every: bool) -> list[SourceReport]:
        """Reports with what only the book knows, and those on sources that are off (rows of the catalogue: if ``every``
        one is wanted)."""
        added = {own.name: self._shop.entry(own) for own in self._kept.tables}
        entries = {one.name: one for one in self.listed()} | added
        shown = {report.name for report in reports}
        off = [
            off_report(one, self.problems.get(one.name))
            for one in entries.values()
            if one.name not in shown and (every or one.enabled or one.name in added)
        ]
        return [self._filled(report, entries.get(report.name)) for report in (*reports, *off)]

    def _filled(self, report: SourceReport, entry: ListedSource | None) -> SourceReport:
        name = report.name
        return replace(
            report,
            kind="" if entry is None else entry.kind,
            note="" if entry is None else entry.note,
            origin=self.origin(name),
            editable=self.is_editable(name),
            tier=self._pool.uses.limits.get(name).tier if entry is None or entry.kind != "catalog" else PUBLIC_TIER,
        )

    async def preview(self, wanted: OwnSource | str, first: int, timeout: float) -> SourceTrial:
        """One run of a source that is there, or that might be added. Raises ``ConfigError``, ``SourceChangeError``."""
        source = self._open_one(wanted) if isinstance(wanted, str) else self._shop.open(wanted)
        return await self._shop.preview(source, first, timeout)

    def _open_one(self, name: str) -> Source:
        own = self._kept.table(name) or next((one for one in self._options.own if one.name == name), None)
        if own is not None:
            return self._shop.open(own)
        if not self._shop.is_row(name):
            raise SourceChangeError("unknown", f"There is no source named {name}; /v1/sources?all=1 lists them.")
        return self._shop.open_row(name)

    async def add(self, own: OwnSource) -> None:
        """Read one more list. Raises ``ConfigError`` for what no source can be, ``SourceChangeError`` and
        ``StoreError``."""
        self._shop.open(own)

        def added(kept: Kept) -> Kept:
            if kept.table(own.name) is not None or any(own.name == one.name for one in self._shop.listed()):
                raise SourceChangeError("taken", f"There is a source named {own.name} already; choose another name.")
            if len(kept.tables) >= _LIMIT:
                raise SourceChangeError("taken", f"There are {_LIMIT} added sources already; remove one.")
            return replace(kept, tables=(*kept.tables, own))

        # What an earlier source of this name was answered says nothing of this one.
        await self._store.save_source_state(SourceState(own.name))
        await self._change(added)
        self._told("source_added", own.name)

    async def remove(self, name: str) -> None:
        """Forget an added source; its proxies stay. Raises ``SourceChangeError`` and ``StoreError``."""

        def removed(kept: Kept) -> Kept:
            if kept.table(name) is None:
                raise self._refusal(name, "remove")
            return replace(kept, tables=tuple(own for own in kept.tables if own.name != name))

        await self._change(removed)
        if self.orders is not None:
            # A source that gets this name later was paused by nobody.
            await self.orders.pause(name, False)
        self._told("source_removed", name)

    async def switch(self, name: str, enabled: bool) -> None:
        """Read it, or no more. Raises ``SourceChangeError``, ``ConfigError`` and ``StoreError``."""

        def switched(kept: Kept) -> Kept:
            own = kept.table(name)
            if own is not None:
                if enabled:
                    self._shop.open(replace(own, enabled=True))
                changed = replace(own, enabled=enabled)
                return replace(kept, tables=tuple(changed if one is own else one for one in kept.tables))
            if not self._shop.is_row(name) or self._shop.is_fixed(name):
                raise self._refusal(name, "switch")
            default = next(one.enabled for one in self._shop.listed() if one.name == name)
            rest = {row: on for row, on in kept.switched.items() if row != name}
            return replace(kept, switched=rest if enabled is default else rest | {name: enabled})

        await self._change(switched)
        self._told("source_enabled" if enabled else "source_disabled", name)

    def _told(self, what: str, name: str) -> None:
        if self.events is not None:
            self.events.publish(what, {"name": name})

    async def follow(self) -> None:
        """Take up what other processes changed; called often, looks every few seconds. Raises ``StoreError``."""
        now = self._clock.now()
        if 0.0 <= now - self._looked_at < _FOLLOW:
            return
        stored = await self._store.get_meta(KEPT)
        self._looked_at = now
        if stored != self._read:
            await self._take_up(stored)

    async def _change(self, act: Changing) -> None:
        for _ in range(_TRIES):
            before = await self._store.get_meta(KEPT)
            value = msgspec.json.encode(act(decoded(before)))
            if await self._store.swap_meta(KEPT, before, value):
                await self._take_up(value)
                return
        raise StoreError("others change the sources all the time; try again")

    async def _take_up(self, stored: bytes | None) -> None:
        before, kept = self._kept, decoded(stored)
        self._kept, self._read = kept, stored
        wanted = {own.name: own for own in kept.tables if own.enabled}
        for name, own in list(self._open.items()):
            if wanted.get(name) != own:
                del self._open[name]
                if self._collector is not None:
                    self._collector.drop(name)
        gone = {own.name for own in before.tables} - {own.name for own in kept.tables}
        for name in gone:
            self._pool.uses.limits.drop(name)
        self.problems = {name: why for name, why in self.problems.items() if name in wanted}
        for own in kept.tables:
            self._pool.uses.limits.put(own.name, limits_of(own, self._options))
        if kept.tables or gone:
            self._pool.limits_changed()
        if self._collector is not None:
            await self._read_them(self._collector, wanted)

    async def _read_them(self, collector: Collector, wanted: dict[str, OwnSource]) -> None:
        reading = {source.name for source in collector.sources}
        states = await self._store.source_states()
        for name, own in wanted.items():
            if name in self._open or name in reading:
                continue
            try:
                source = self._shop.open(own)
            except ConfigError as error:
                self.problems[name] = str(error)
                log.warning("an added source cannot be read", source=name, error=str(error))
                continue
            self.problems.pop(name, None)
            self._open[name] = own
            collector.add(source, states.get(name))
        for one in self.listed():
            if one.kind != "catalog" or one.name in wanted:
                continue
            if one.enabled and one.name not in reading:
                collector.add(self._shop.open_row(one.name), states.get(one.name))
            elif not one.enabled and one.name in reading:
                collector.drop(one.name)

    def _refusal(self, name: str, what: str) -> SourceChangeError:
        if any(one.name == name for one in self._shop.listed()):
            if self._shop.is_row(name) and not self._shop.is_fixed(name):
                return SourceChangeError(
                    "read_only", f"{name} belongs to the built-in catalogue: it can be switched off, not removed."
                )
            verb = "removed" if what == "remove" else "switched"
            return SourceChangeError(
                "read_only",
                f"The settings say what becomes of {name}, so it cannot be {verb} here: change the settings "
                "(`shoal sources disable`), or pause it.",
            )
        return SourceChangeError("unknown", f"There is no source named {name}; /v1/sources?all=1 lists them.")


Changing = Callable[[Kept], Kept]
