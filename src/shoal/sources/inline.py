"""Entries that stand in the settings themselves."""

from __future__ import annotations

from shoal.ports import Harvest
from shoal.ports.store import SourceState
from shoal.sources.document import DocumentSource, SourceTerms


class InlineSource(DocumentSource):
    """``text`` holds the entries, one a line or in any other form that is read."""

    def __init__(self, name: str, text: str, terms: SourceTerms) -> None:
        super().__init__(name, terms)
        self._text = text

    @property
    def contacts(self) -> str:
        return "the settings file"

    async def fetch(self, state: SourceState) -> Harvest:
        """The same each time."""
        data = self._text.encode()
        extraction = await self._extract(data)
        return Harvest(
            candidates=tuple(extraction.candidates),
            refused=extraction.refused,
            bytes_read=len(data),
            form=extraction.form,
        )
