"""Observations: one attempt, probe or use. The only input to health."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from shoal.domain.capability import Anonymity, Capability, Honesty
from shoal.domain.failure import Blame, Failure
from shoal.domain.record import Timing
from shoal.domain.scheme import Scheme


class Kind(StrEnum):
    PROBE = "probe"
    USE = "use"


class Facts(Struct, frozen=True, gc=False):
    """What one attempt proved. None and empty mean 'not learned', never 'no'."""

    can: frozenset[Capability] = frozenset()
    cannot: frozenset[Capability] = frozenset()
    anonymity: Anonymity | None = None
    honesty: Honesty | None = None
    exit: str | None = None
    country: str | None = None
    profiled: bool = False
    """True when this attempt closed a full profile."""
    asn: int | None = None
    located_by: str | None = None
    """Which data told country and network of the exit."""
    compared: int = 0
    """Fixed documents that came back byte for byte."""


class Observation(Struct, frozen=True, gc=False):
    """One attempt on one path.

    ``works`` is the verdict on the path; ``failure`` may stand beside a True ``works`` when a lesser capability
    failed. ``scheme`` None means that the host did not even accept a TCP connection: the
    failure counts for all of the record's paths.
    """

    key: str
    kind: Kind
    at: float
    works: bool
    scheme: Scheme | None = None
    failure: Failure | None = None
    blame: Blame | None = None
    timing: Timing = Timing()
    facts: Facts | None = None
    target: str | None = None
    judge: str | None = None
    ban: str | None = None
    """Why it shows that ``target`` has banned the path, None when it does not."""
    retry_after: float | None = None
    """Seconds for which the target asked to be left alone."""
    vantage: str = ""
    """Where a worker of a cluster saw it from; empty where there is one vantage point only."""
