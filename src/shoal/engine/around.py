"""Around: a vantage over another one, with a say of its own."""

from __future__ import annotations

from shoal.ports import JudgeStatus, Vantage


class Around:
    """Implements ``ports.Vantage``: healthy while the other one is and nothing stands against it here."""

    def __init__(self, vantage: Vantage) -> None:
        self._vantage = vantage

    def _may(self) -> bool:
        """Whether nothing stands against it here."""
        raise NotImplementedError

    async def _until_it_may(self) -> None:
        raise NotImplementedError

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
