"""Source shop: what opens sources while the pool runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shoal.domain.source import ListedSource, SourceTrial
from shoal.options import OwnSource
from shoal.ports.source import Source


class SourceShop(Protocol):
    def open(self, own: OwnSource) -> Source:
        """The source of one table. Raises ``ConfigError`` with every problem, in sentences."""
        ...

    def open_row(self, name: str) -> Source:
        """A row of the catalogue, switched on or not. Raises ``ConfigError``."""
        ...

    def is_row(self, name: str) -> bool:
        """Whether the catalogue has a row of this name."""
        ...

    def is_fixed(self, name: str) -> bool:
        """Whether the settings define this source, or say whether it is read."""
        ...

    def listed(self) -> Sequence[ListedSource]:
        """Every source that settings and catalogue know, read or not."""
        ...

    def entry(self, own: OwnSource) -> ListedSource:
        """The same of one table."""
        ...

    async def preview(self, source: Source, first: int, timeout: float) -> SourceTrial:
        """One run of which nothing is kept. Never raises for what the source does."""
        ...
