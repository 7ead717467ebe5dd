"""Source: where candidates come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from shoal.domain import Candidate, Pick, Scheme, Trust
from shoal.ports.store import SourceState


class Harvest(Struct, frozen=True):
    """What one run of a source brought.

    ``refused`` counts what was read but is no proxy, by ``Refused`` reason; ``unchanged`` is a 304. ``bytes_read`` is
    the size of what was read, ``wire_bytes`` what of it the network carried: that counts towards the day's budget.
    """

    candidates: tuple[Candidate, ...] = ()
    refused: Mapping[str, int] = {}
    unchanged: bool = False
    etag: str | None = None
    last_modified: str | None = None
    bytes_read: int = 0
    wire_bytes: int = 0
    form: str = ""
    """What the (first) document turned out to be: text, json, html, …"""
    tags: tuple[str, ...] = ()
    """Tags for the records of all candidates."""


class SourceError(Exception):
    """A source could not be read. The text is one sentence for people; ``network`` is True when nothing answered;
    ``wire_bytes`` were carried by the network in vain."""

    def __init__(self, message: str, *, network: bool = False, wire_bytes: int = 0) -> None:
        self.network = network
        self.wire_bytes = wire_bytes
        super().__init__(message)


class WayOut(Protocol):
    """Proxies of the pool, for sources whose site is blocked from here."""

    def pick(self) -> Pick | None:
        """One that can tunnel, over http, socks4, socks4a or socks5; None when there is none."""
        ...

    def report(self, pick: Pick, ok: bool) -> None:
        """What came of it."""
        ...


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
