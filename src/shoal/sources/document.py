"""What all kinds of sources share: name, terms, and how a document is read under them."""

from __future__ import annotations

from msgspec import Struct

from shoal.domain import Scheme, Trust
from shoal.sources.extract import Extraction
from shoal.sources.reading import read_document


class SourceTerms(Struct, frozen=True):
    """How a source is read, whatever its kind."""

    interval: float
    """Seconds between two runs."""
    trust: Trust = Trust.OWN
    scheme: Scheme | None = None
    """Claimed for entries that do not say."""
    size_limit_bytes: int = 67_108_864
    line_limit_bytes: int = 4096


class DocumentSource:
    """Base of the sources: fills the attributes that ``ports.Source`` asks for."""

    def __init__(self, name: str, terms: SourceTerms) -> None:
        self.name = name
        self.trust = terms.trust
        self.interval = terms.interval
        self.scheme = terms.scheme
        self._terms = terms

    async def _extract(self, data: bytes, *, content_type: str = "", name: str = "") -> Extraction:
        """What a document holds; ``name`` may tell its form by its ending."""
        return await read_document(
            data,
            scheme=self.scheme,
            content_type=content_type,
            name=name,
            line_limit_bytes=self._terms.line_limit_bytes,
        )
