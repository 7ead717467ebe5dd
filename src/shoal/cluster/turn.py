"""Turn: whether the scheduler's own process checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from shoal.engine.around import Around
from shoal.ports import Vantage

_LOOK: Final = 0.5


class Turn(Around):
    """A vantage that is healthy only while it is this process's turn: a scheduler over it rests otherwise."""

    def __init__(self, vantage: Vantage, is_ours: Callable[[], bool]) -> None:
        super().__init__(vantage)
        self._is_ours = is_ours

    def _may(self) -> bool:
        return self._is_ours()

    async def _until_it_may(self) -> None:
        # Workers come and go in the store: nobody here could set an event.
        while not self._may():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)
