"""What a user is told about one checked proxy."""

from __future__ import annotations

from msgspec import Struct

from shoal.domain.capability import Anonymity, Honesty
from shoal.domain.failure import Blame, Failure
from shoal.domain.observation import Observation
from shoal.domain.scheme import Scheme


class CheckResult(Struct, frozen=True, gc=False):
    """All attempts of one check. ``observations`` go to the recorder in this order."""

    key: str
    observations: tuple[Observation, ...]
    works: bool
    schemes: tuple[Scheme, ...] = ()
    capabilities: tuple[str, ...] = ()
    anonymity: Anonymity = Anonymity.UNKNOWN
    honesty: Honesty = Honesty.UNKNOWN
    exit: str | None = None
    country: str | None = None
    latency: float | None = None
    failure: Failure | None = None
    blame: Blame | None = None
    bytes_used: int = 0
    """Bytes that went through the proxy both ways."""
