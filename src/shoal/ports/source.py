"""Source: where candidates come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from shoal.domain import Candidate, Scheme, Trust
from shoal.ports.store import SourceState


class Harvest(Struct, frozen=True):
    """What one run of a source brought.

    ``refused`` counts what was read but is no proxy, by ``Refused`` reason; ``unchanged`` is a 304.
    """

    candidates: tuple[Candidate, ...] = ()
    refused: Mapping[str, int] = {}
    unchanged: bool = False
    etag: str | None = None
    last_modified: str | None = None
    bytes_read: int = 0


class SourceError(Exception):
    """A source could not be read. The text is one sentence for people; ``network`` is True when nothing answered."""

    def __init__(self, message: str, *, network: bool = False) -> None:
        self.network = network
        super().__init__(message)


class Source(Protocol):
    """One list, page, file or service."""

    @property
    def name(self) -> str: ...

    @property
    def trust(self) -> Trust: ...

    @property
    def interval(self) -> float:
        """Seconds between runs."""
        ...

    @property
    def scheme(self) -> Scheme | None:
        """What the source claims for entries that do not say."""
        ...

    @property
    def contacts(self) -> str:
        """Whom a run talks to, for people: a host name or a file."""
        ...

    async def fetch(self, state: SourceState) -> Harvest:
        """Read it once, conditionally where ``state`` holds validators. Raises ``SourceError``."""
        ...
