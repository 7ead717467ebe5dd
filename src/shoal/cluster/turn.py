"""Turn: whether the scheduler's own process checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from shoal.ports import JudgeStatus, Vantage

_LOOK: Final = 0.5


class Turn:
    """A vantage that is healthy only while it is this process's turn: a scheduler over it rests otherwise."""

    def __init__(self, vantage: Vantage, is_ours: Callable[[], bool | None]) -> None:
        self._vantage = vantage
        self._is_ours = is_ours

    @property
    def healthy(self) -> bool:
        return bool(self._is_ours()) and self._vantage.healthy

    @property
    def addresses(self) -> frozenset[str]:
        return self._vantage.addresses

    @property
    def judges(self) -> tuple[JudgeStatus, ...]:
        return self._vantage.judges

    async def wait_healthy(self) -> None:
        while not self.healthy:
            await self._vantage.wait_healthy()
            if not self._is_ours():
                await asyncio.sleep(_LOOK)
