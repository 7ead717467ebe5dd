"""Candidates: what a source claims, before anything is believed."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from shoal.domain.proxy import Credentials, Endpoint
from shoal.domain.scheme import Scheme

BANNED = "banned"
"""The tag of records that are kept out of the pool for as long as they have it."""


class Trust(StrEnum):
    """Where a candidate came from. The user's own come first and never expire; public ones are the fall-back."""

    OWN = "own"
    PUBLIC = "public"


class Candidate(Struct, frozen=True, gc=False):
    """A source's unverified claim. ``scheme`` is None where the source does not say."""

    endpoint: Endpoint
    scheme: Scheme | None = None
    credentials: Credentials | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2 upper-case code that the source claims."""
    text: str = ""
    """The entry as read (bounded), so that results can be joined with the user's own list."""


class Admitted(Struct, frozen=True, gc=False):
    """A candidate that admission let in, with the key it is kept under."""

    id: str
    key: str
    candidate: Candidate
    source: str
    trust: Trust
    tags: tuple[str, ...] = ()
