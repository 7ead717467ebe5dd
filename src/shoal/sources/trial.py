"""One run of a source for a user who wants to see what it yields; nothing is kept."""

from __future__ import annotations

import asyncio

from shoal.domain import Candidate, proxy_url
from shoal.domain.source import SourceTrial
from shoal.ports import Source, SourceError
from shoal.ports.store import SourceState

_FIRST = 10


async def try_source(source: Source, *, first: int = _FIRST, timeout: float = 300.0) -> SourceTrial:
    """Read it once, unconditionally, within ``timeout`` seconds. Never raises for what the source does."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(timeout):
            harvest = await source.fetch(SourceState(source.name))
    except SourceError as error:
        return SourceTrial(
            source.name,
            source.contacts,
            fetched_bytes=error.wire_bytes,
            seconds=loop.time() - began,
            error=str(error),
        )
    except TimeoutError:
        return SourceTrial(
            source.name, source.contacts, seconds=loop.time() - began, error=f"It was not read within {timeout:g} s."
        )
    return SourceTrial(
        source.name,
        source.contacts,
        fetched_bytes=harvest.bytes_read,
        form=harvest.form,
        found=len(harvest.candidates),
        refused=dict(harvest.refused),
        first=tuple(_shown(candidate) for candidate in harvest.candidates[:first]),
        seconds=loop.time() - began,
    )


def _shown(candidate: Candidate) -> str:
    if candidate.scheme is not None:
        return proxy_url(candidate.scheme, candidate.endpoint, candidate.credentials)
    if candidate.credentials is not None:
        return f"{candidate.credentials.username}:***@{candidate.endpoint}"
    return str(candidate.endpoint)
