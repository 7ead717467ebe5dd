"""Records: all that is known of one way in."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from shoal.domain.candidate import Trust
from shoal.domain.capability import Anonymity, Capability, Honesty
from shoal.domain.failure import Blame, Failure
from shoal.domain.health import Health, View
from shoal.domain.proxy import Credentials, Endpoint, Proxy, record_id
from shoal.domain.reach import Reach
from shoal.domain.scheme import Scheme

# gc=False throughout: values that never change make no cycles, and the collector's walks over a pool of records cost
# more than all the rest of a check.


class Timing(Struct, frozen=True, gc=False):
    """Seconds from the start of an attempt to each milestone; 0 where it was not reached."""

    connect: float = 0.0
    handshake: float = 0.0
    """Until the proxy is ready to carry (SOCKS, CONNECT, TLS to the proxy)."""
    first_byte: float = 0.0
    total: float = 0.0


MOST_COMPARED: Final = 255
"""More than this many comparisons tell nothing more."""


class Path(Struct, frozen=True, gc=False):
    """One verified scheme of a record with a memory of its own."""

    scheme: Scheme
    health: Health = Health()
    capabilities: frozenset[Capability] = frozenset()
    anonymity: Anonymity = Anonymity.UNKNOWN
    honesty: Honesty = Honesty.UNKNOWN
    exit: str | None = None
    """Address that a judge saw last."""
    country: str | None = None
    """ISO 3166-1 alpha-2 of the exit."""
    asn: int | None = None
    timing: Timing = Timing()
    """Moving average over successful attempts."""
    failure: Failure | None = None
    """The last failure by its own fault."""
    profiled_at: float = 0.0
    """When the full profile was last taken (epoch seconds)."""
    located_by: str | None = None
    """Which data told ``country`` and ``asn``, with its month."""
    reaches: tuple[Reach, ...] = ()
    """What it showed at targets that matter; a few at most (``policy.targets``)."""

    views: tuple[View, ...] = ()
    """The same memory for each vantage point that names itself, the one seen from last first."""
    compared: int = 0
    """Fixed documents that came back through it byte for byte, counted up to ``MOST_COMPARED``. A client's use compares
    nothing, so successes do not tell it."""

    def health_from(self, vantage: str | None) -> Health:
        """Its memory as seen from a vantage point; the common one where that has not seen it."""
        if vantage is not None:
            for view in self.views:
                if view.vantage == vantage:
                    return view.health
        return self.health

    @property
    def is_verified(self) -> bool:
        """True once a judge's nonce came back through it."""
        return self.health.last_ok > 0.0


class Record(Struct, frozen=True, gc=False):
    """All that is known of one ``host:port`` and credentials; ``key`` is unique."""

    key: str
    endpoint: Endpoint
    credentials: Credentials | None = None
    claims: tuple[Scheme, ...] = ()
    """Schemes that sources claim, most recent first."""
    sources: tuple[str, ...] = ()
    trust: Trust = Trust.PUBLIC
    tags: tuple[str, ...] = ()
    country: str | None = None
    """Country that a source claims; what a judge measured stands in the path."""
    first_seen: float = 0.0
    last_seen: float = 0.0
    """When a source last listed it."""
    checks: int = 0
    misses: int = 0
    """Checks in a row that found no working path."""
    last_check: float = 0.0
    next_check: float = 0.0
    failure: Failure | None = None
    """Why the last check as a whole failed; None when it worked."""
    paths: tuple[Path, ...] = ()
    version: int = 0
    """Counts saves; stores that many machines share compare it."""
    blame: Blame | None = None
    """Whose fault ``failure`` was."""

    @property
    def id(self) -> str:
        """Stands for the key in URLs. Made anew each time, about a microsecond: kept, it would be a twelfth of a pool's
        memory."""
        return record_id(self.key)

    def path(self, scheme: Scheme) -> Path | None:
        for path in self.paths:
            if path.scheme is scheme:
                return path
        return None

    @property
    def is_verified(self) -> bool:
        """True when any path was ever verified: such records stay in the index in memory."""
        for path in self.paths:  # noqa: SIM110 - asked several times a check: a generator costs four times as much
            if path.health.last_ok > 0.0:
                return True
        return False

    def proxy(self, scheme: Scheme) -> Proxy:
        """The proxy that stands for one path of this record."""
        return Proxy(scheme, self.endpoint, self.credentials)
