"""Source orders: "read it now" and "pause it", asked of any process and carried out by the one that reads sources."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeVar

import msgspec

from shoal.engine.collector import Collector
from shoal.errors import StoreError
from shoal.ports import Clock, Store

_PAUSED: Final = "sources-paused"
_RUNS: Final = "sources-run"
_TRIES: Final = 100
_KEPT: Final = 600.0
"""Seconds for which an order to read stands: longer than any change of leaders, so that the next one finds it."""
_SKEW: Final = 30.0
"""Seconds by which clocks of two machines may differ before a run counts as later than the order."""

T = TypeVar("T")


class SourceOrders:
    """Both kinds of order are values of the store, looked at by ``follow``. A process that reads sources itself carries
    its own out at once."""

    def __init__(self, store: Store, collector: Collector | None, clock: Clock) -> None:
        self._store = store
        self._collector = collector
        self._clock = clock
        self._done: dict[str, float] = {}
        self._read: bytes | None = None

    async def run(self, names: Collection[str]) -> None:
        """Read these now. Raises ``StoreError`` where another process must be told and cannot be."""
        collector = self._collector
        if collector is not None and collector.is_running:
            for name in names:
                collector.refresh(name)
            return
        now = self._clock.now()

        def asked(orders: dict[str, float]) -> dict[str, float]:
            return {name: at for name, at in orders.items() if now - at < _KEPT} | dict.fromkeys(names, now)

        await self._change(_RUNS, dict[str, float], dict, asked)

    async def pause(self, name: str, paused: bool) -> None:
        """Read it no more, or again; kept over restarts. Raises ``StoreError``."""

        def switched(names: list[str]) -> list[str]:
            return sorted({*names, name} if paused else {*names} - {name})

        names = await self._change(_PAUSED, list[str], list, switched)
        if self._collector is not None:
            self._collector.pause(names)

    async def follow(self) -> None:
        """Take up what other processes asked for. Raises ``StoreError``."""
        collector = self._collector
        if collector is None:
            return
        stored = await self._store.get_meta(_PAUSED)
        if stored != self._read:
            self._read = stored
            collector.pause(_decoded(stored, list[str], list))
        if not collector.is_running:
            return
        for name, at in _decoded(await self._store.get_meta(_RUNS), dict[str, float], dict).items():
            if at <= self._done.get(name, 0.0) or self._clock.now() - at >= _KEPT:
                continue
            self._done[name] = at
            state = collector.states.get(name)
            # What a leader before us has carried out need not be done again.
            if state is None or state.last_run < at + _SKEW:
                collector.refresh(name)

    async def _change(self, meta: str, kind: type[T], empty: Callable[[], T], act: Callable[[T], T]) -> T:
        for _ in range(_TRIES):
            before = await self._store.get_meta(meta)
            value = act(_decoded(before, kind, empty))
            if await self._store.swap_meta(meta, before, msgspec.json.encode(value)):
                return value
        raise StoreError("others change the sources all the time; try again")


def _decoded(stored: bytes | None, kind: type[T], empty: Callable[[], T]) -> T:
    if stored is None:
        return empty()
    try:
        return msgspec.json.decode(stored, type=kind)
    except (msgspec.MsgspecError, UnicodeError):
        # A newer release wrote it in another form: its own processes carry it out.
        return empty()
