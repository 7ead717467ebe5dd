"""A store with a stop-watch: how long each call took, for the metrics."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable
from typing import Any, cast

from shoal.domain.tally import StoreTally
from shoal.ports import Store


class _Timed:
    """Everything of the store beneath; calls that are waited for are timed."""

    def __init__(self, store: Store, tally: StoreTally) -> None:
        self._store = store
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name.startswith("_") or not callable(found):
            return found

        def call(*given: Any, **more: Any) -> Any:
            answer = found(*given, **more)
            # Streams are followed for as long as somebody likes: their time says nothing.
            return _timed(answer, name, self._tally) if inspect.isawaitable(answer) else answer

        # Found without __getattr__ from now on.
        self.__dict__[name] = call
        return call


async def _timed(answer: Awaitable[Any], name: str, tally: StoreTally) -> Any:
    # Not the loop's clock: that of uvloop stands still between two turns.
    begun = time.perf_counter()
    failed = True
    try:
        found = await answer
        failed = False
        return found
    except asyncio.CancelledError:
        failed = False
        raise
    finally:
        tally.note(name, time.perf_counter() - begun, failed=failed)


def timed_store(store: Store, tally: StoreTally) -> Store:
    """The same store, whose calls ``tally`` takes down."""
    return cast(Store, _Timed(store, tally))
