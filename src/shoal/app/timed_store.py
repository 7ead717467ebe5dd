"""A store with a stop-watch: how long each call took, for the metrics."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Callable
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
        if not name.startswith("_") and inspect.iscoroutinefunction(found):
            found = _timed(found, name, self._tally)
        # Looked up once: the next call finds it on the instance.
        if callable(found):
            self.__dict__[name] = found
        return found


def _timed(call: Callable[..., Any], name: str, tally: StoreTally) -> Callable[..., Any]:
    @functools.wraps(call)
    async def timed(*given: Any, **more: Any) -> Any:
        # Not the loop's clock: that of uvloop stands still between two turns.
        begun = time.perf_counter()
        failed = True
        try:
            answer = await call(*given, **more)
            failed = False
            return answer
        except asyncio.CancelledError:
            failed = False
            raise
        finally:
            tally.note(name, time.perf_counter() - begun, failed=failed)

    return timed


def timed_store(store: Store, tally: StoreTally) -> Store:
    """The same store, whose calls ``tally`` takes down."""
    return cast(Store, _Timed(store, tally))
