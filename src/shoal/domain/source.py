"""Sources as the rest of the program sees them: what they may cost and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from shoal.domain.candidate import Trust
from shoal.domain.scheme import Scheme

PUBLIC_TIER = 50
"""Tier of catalogue rows and of whatever has no table of its own; the user's own tables have 0."""


class SourceLimits(Struct, frozen=True):
    """Bounds on the use of what a source names. None: no bound."""

    tier: int = PUBLIC_TIER
    """Picks look at lower tiers first."""
    max_in_flight: int | None = None
    """Requests in flight through all its proxies together."""
    min_interval: float = 0.0
    """Seconds between two requests through one of its proxies to one target."""
    check_interval: float | None = None
    """Its proxies are not checked more often than this (seconds)."""
    byte_budget: int | None = None
    """Bytes a UTC day through its proxies, checks and use together."""
    fetch_budget_bytes: int | None = None
    """Bytes a UTC day for reading the list itself."""


class SourceCredit(Struct, frozen=True):
    """What a source is worth: counts of records in the pool, each for every source that lists it."""

    name: str
    listed: int = 0
    """Entries of its last good run."""
    worked: int = 0
    """Its records that ever worked and are still kept."""
    working: int = 0
    """Of these, those that worked when last asked."""
    only: int = 0
    """Of the working ones, those that no other source lists."""
    lag: float | None = None
    """Median seconds between first listed and first found working, of those found lately; None: none yet. Small means
    that its entries are fresh when they come."""

    @property
    def share(self) -> float | None:
        """Working ones per entry of the last run; None when nothing was read yet."""
        return self.working / self.listed if self.listed else None


class ListedSource(Struct, frozen=True):
    """One row of ``shoal sources list``. ``interval`` None: the kind's own default."""

    name: str
    kind: str
    """``catalog``, or the kind of an own one: url, file, folder, stdin, inline, api, python."""
    place: str
    """Host, path or function; never a secret."""
    trust: Trust
    enabled: bool
    interval: float | None = None
    scheme: Scheme | None = None
    pages: int = 1
    note: str = ""
    """Why a row of the catalogue is off by default, else its terms."""


class SourceTrial(Struct, frozen=True):
    """What one run of a source yielded, of which nothing is kept. ``error`` is a sentence when it could not be read,
    and the rest is empty then."""

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
