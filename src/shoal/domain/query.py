"""Query: the one filter and order for API, command line and leases."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from shoal.domain.candidate import Trust
from shoal.domain.capability import Anonymity, Capability, Honesty
from shoal.domain.scheme import Scheme

DANGEROUS: frozenset[Honesty] = frozenset({Honesty.TAMPERS, Honesty.INTERCEPTS, Honesty.FAKES})
"""What every default query leaves out."""


class Order(StrEnum):
    FORECAST = "forecast"
    LATENCY = "latency"
    LAST_CHECK = "last_check"
    FIRST_SEEN = "first_seen"


class Strategy(StrEnum):
    """How one of those that fit is chosen."""

    BEST = "best"
    """The highest forecast, latency deciding between equals."""
    RANDOM = "random"
    ROUND_ROBIN = "round_robin"
    LEAST_USED = "least_used"
    FASTEST = "fastest"
    """The lowest latency among the best."""
    STICKY = "sticky"
    """The same one for the same ``session`` as long as it fits."""


class Query(Struct, frozen=True):
    """Which paths are wanted. Empty sets mean 'any'; ``not_…`` sets are what ``!`` marks in text form.

    ``capabilities`` must all be present; the other sets name alternatives.
    """

    schemes: frozenset[Scheme] = frozenset()
    not_schemes: frozenset[Scheme] = frozenset()
    capabilities: frozenset[Capability] = frozenset()
    not_capabilities: frozenset[Capability] = frozenset()
    countries: frozenset[str] = frozenset()
    not_countries: frozenset[str] = frozenset()
    asns: frozenset[int] = frozenset()
    not_asns: frozenset[int] = frozenset()
    anonymities: frozenset[Anonymity] = frozenset()
    not_anonymities: frozenset[Anonymity] = frozenset()
    honesties: frozenset[Honesty] = frozenset()
    not_honesties: frozenset[Honesty] = DANGEROUS
    sources: frozenset[str] = frozenset()
    not_sources: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    not_tags: frozenset[str] = frozenset()
    trusts: frozenset[Trust] = frozenset()
    target: str | None = None
    vantage: str | None = None
    """Only paths seen from this vantage point of a cluster, with the forecast as seen from there."""
    max_latency_ms: float | None = None
    min_forecast: float | None = None
    """None: the pool's own floor."""
    max_age: float | None = None
    """Seconds since it last worked."""
    exclude: frozenset[str] = frozenset()
    """Ids, ``host:port`` or hosts not wanted."""
    limit: int | None = None
    order: Order = Order.FORECAST
    strategy: Strategy = Strategy.BEST
    session: str = ""
    """What ``Strategy.STICKY`` holds on to."""
