"""A list behind one URL, or behind several pages of one site."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlsplit

from shoal.domain import Candidate, Proxy, Trust
from shoal.ports import Harvest, SourceError, WayOut
from shoal.ports.store import SourceState
from shoal.sources.document import DocumentSource, SourceTerms
from shoal.sources.extract import Extraction
from shoal.sources.fetch import Fetched, Fetcher


class WebSource(DocumentSource):
    """Reads its pages in order, ``pause`` seconds apart out of courtesy, until one brings nothing new.

    One page is asked for conditionally. Of several, the first must be readable; when a later one fails, what was found
    before it stands. The same URL several times reads an interface that gives a few proxies a call.

    ``trust`` is that of the candidates, ``site_trust`` that of the site: the user's own where it was named by hand.
    """

    def __init__(
        self,
        name: str,
        urls: tuple[str, ...],
        fetcher: Fetcher,
        terms: SourceTerms,
        *,
        contacts: str,
        pause: float = 1.0,
        site_trust: Trust | None = None,
        headers: Mapping[str, str] | None = None,
        through: Proxy | WayOut | None = None,
    ) -> None:
        super().__init__(name, terms)
        self.contacts = contacts
        self.urls = urls
        self._fetcher = fetcher
        self._pause = pause
        self._site_trust = terms.trust if site_trust is None else site_trust
        self._headers = headers
        self._through = through

    async def fetch(self, state: SourceState) -> Harvest:
        """Read it once. Raises ``SourceError``."""
        if len(self.urls) == 1:
            return await self._fetch_one(state)
        candidates: dict[Candidate, None] = {}
        refused: Counter[str] = Counter()
        wire_bytes = 0
        form = ""
        for number, url in enumerate(self.urls):
            try:
                if number:
                    await asyncio.sleep(self._pause)
                got = await self._get(url)
            except SourceError as error:
                if number == 0:
                    raise
                wire_bytes += error.wire_bytes
                break
            known = len(candidates)
            extraction = await self._read(url, got)
            candidates.update(dict.fromkeys(extraction.candidates))
            refused.update(extraction.refused)
            wire_bytes += got.bytes_read
            form = form or extraction.form
            if len(candidates) == known:
                break
        return Harvest(
            candidates=tuple(candidates),
            refused=dict(refused),
            bytes_read=wire_bytes,
            wire_bytes=wire_bytes,
            form=form,
        )

    async def _fetch_one(self, state: SourceState) -> Harvest:
        got = await self._get(self.urls[0], etag=state.etag, last_modified=state.last_modified)
        if got.unchanged:
            return Harvest(unchanged=True, etag=state.etag, last_modified=state.last_modified)
        extraction = await self._read(self.urls[0], got)
        return Harvest(
            candidates=tuple(extraction.candidates),
            refused=extraction.refused,
            etag=got.etag,
            last_modified=got.last_modified,
            bytes_read=got.bytes_read,
            wire_bytes=got.bytes_read,
            form=extraction.form,
        )

    async def _get(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        return await self._fetcher.get(
            url,
            self._site_trust,
            etag=etag,
            last_modified=last_modified,
            headers=self._headers,
            through=self._through,
        )

    async def _read(self, url: str, got: Fetched) -> Extraction:
        return await self._extract(got.body, content_type=got.content_type, name=urlsplit(url).path)
