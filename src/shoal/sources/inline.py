"""Entries that stand in the settings themselves."""

from __future__ import annotations

from shoal.domain import Scheme, Trust
from shoal.ports import Harvest
from shoal.ports.store import SourceState
from shoal.sources.reading import read_document


class InlineSource:
    """``text`` holds the entries, one a line or in any other form that is read."""

    def __init__(
        self,
        name: str,
        text: str,
        *,
        interval: float,
        trust: Trust = Trust.OWN,
        scheme: Scheme | None = None,
        line_limit_bytes: int = 4096,
    ) -> None:
        self.name = name
        self.trust = trust
        self.interval = interval
        self.scheme = scheme
        self._text = text
        self._line_limit_bytes = line_limit_bytes

    @property
    def contacts(self) -> str:
        return "the settings file"

    async def fetch(self, state: SourceState) -> Harvest:
        """The same each time."""
        data = self._text.encode()
        extraction = await read_document(
            data, scheme=self.scheme, content_type="", name="", line_limit_bytes=self._line_limit_bytes
        )
        return Harvest(
            candidates=tuple(extraction.candidates),
            refused=extraction.refused,
            bytes_read=len(data),
            form=extraction.form,
        )
