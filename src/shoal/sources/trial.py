"""One run of a source for a user who wants to see what it yields; nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from shoal.domain import Candidate, proxy_url
from shoal.ports import Source, SourceError
from shoal.ports.store import SourceState

_FIRST = 10


class Trial(Struct, frozen=True):
    """What came of it. ``error`` is a sentence when it could not be read; the rest is empty then."""

    name: str
    contacts: str
    fetched_bytes: int = 0
    form: str = ""
    """What the document turned out to be: text, json, html, …"""
    found: int = 0
    """Distinct entries that name a proxy; which of them may be dialled is decided when they are admitted."""
    refused: Mapping[str, int] = {}
    first: tuple[str, ...] = ()
    """The first entries as read, without passwords."""
    seconds: float = 0.0
    error: str | None = None


async def try_source(source: Source, *, first: int = _FIRST, timeout: float = 300.0) -> Trial:
    """Read it once, unconditionally, within ``timeout`` seconds. Never raises for what the source does."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(timeout):
            harvest = await source.fetch(SourceState(source.name))
    except SourceError as error:
        return Trial(
            source.name,
            source.contacts,
            fetched_bytes=error.wire_bytes,
            seconds=loop.time() - began,
            error=str(error),
        )
    except TimeoutError:
        return Trial(
            source.name, source.contacts, seconds=loop.time() - began, error=f"It was not read within {timeout:g} s."
        )
    return Trial(
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
