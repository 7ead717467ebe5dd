"""An event loop whose clock jumps: hours of timers run in seconds, always in the same order."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from shoal.testing.network import MemoryNetwork

T = TypeVar("T")

EPOCH = 1_790_000_000.0
"""Where virtual wall time starts (September 2026)."""


class StuckError(RuntimeError):
    """Nothing is scheduled and nothing can happen any more: real time would wait for ever."""


class _JumpingSelector(selectors.BaseSelector):
    """Never waits: an idle moment moves the clock to the next timer."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise StuckError("every task waits for something that nobody will do")
        self.now += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Any:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual and ``create_connection`` goes to ``network``. Threads do not belong here."""

    def __init__(self) -> None:
        self._jumper = _JumpingSelector()
        self.network = MemoryNetwork()
        super().__init__(self._jumper)
        # The stock loop rounds timers by its clock's resolution; exact steps keep runs identical.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumper.now

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **kwargs: Any) -> Any:
        """Into the network in memory; ``local_addr`` is honoured, everything else means nothing here."""
        local = kwargs.get("local_addr") or ("127.0.0.1", 0)
        return await self.network.connect(protocol_factory, host, port, local[0])


class VirtualClock:
    """Wall time that follows a virtual loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch: float = EPOCH) -> None:
        self._loop = loop
        self._epoch = epoch

    def now(self) -> float:
        return self._epoch + self._loop.time()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time. Raises ``StuckError`` when nothing can happen any more."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
