"""Around: a vantage over another one, with a say of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod

from shoal.ports import JudgeStatus, Vantage


class Around(ABC):
    """Implements ``ports.Vantage``: healthy while the other one is and nothing stands against it here."""

    def __init__(self, vantage: Vantage) -> None:
        self._vantage = vantage

    @abstractmethod
    def _may(self) -> bool:
        """Whether nothing stands against it here."""

    @abstractmethod
    async def _until_it_may(self) -> None:
        """Return when nothing stands against it here, or perhaps sooner."""

    @property
    def healthy(self) -> bool:
        return self._may() and self._vantage.healthy

    @property
    def addresses(self) -> frozenset[str]:
        return self._vantage.addresses

    @property
    def judges(self) -> tuple[JudgeStatus, ...]:
        return self._vantage.judges

    async def wait_healthy(self) -> None:
        while not self.healthy:
            await self._until_it_may()
            await self._vantage.wait_healthy()
