"""What a table of the settings adds to any source: credentials and tags."""

from __future__ import annotations

from msgspec.structs import replace

from shoal.domain import Credentials, Scheme, Trust
from shoal.ports import Harvest, Source
from shoal.ports.store import SourceState


class Configured:
    """Gives ``credentials`` to entries that carry none, and ``tags`` to all.

    The first run of a process reads without validators: the table may have changed while the list has not.
    """

    def __init__(self, source: Source, *, credentials: Credentials | None = None, tags: tuple[str, ...] = ()) -> None:
        self._source = source
        self._credentials = credentials
        self._tags = tags
        self._is_first = True

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def trust(self) -> Trust:
        return self._source.trust

    @property
    def interval(self) -> float:
        return self._source.interval

    @property
    def scheme(self) -> Scheme | None:
        return self._source.scheme

    @property
    def contacts(self) -> str:
        return self._source.contacts

    async def fetch(self, state: SourceState) -> Harvest:
        """Read it once. Raises ``SourceError``."""
        if self._is_first:
            state = replace(state, etag=None, last_modified=None)
        harvest = await self._source.fetch(state)
        self._is_first = False
        candidates = harvest.candidates
        if self._credentials is not None:
            candidates = tuple(
                replace(one, credentials=self._credentials) if one.credentials is None else one for one in candidates
            )
        return replace(harvest, candidates=candidates, tags=self._tags)
