"""Leases: a pick that somebody holds until reporting back or until time runs out."""

from __future__ import annotations

from msgspec import Struct

from shoal.domain.candidate import Trust
from shoal.domain.capability import Capability
from shoal.domain.failure import Failure
from shoal.domain.proxy import Proxy


class Lease(Struct, frozen=True):
    """``proxy`` is held until ``expires_at`` (epoch seconds); ``exclusive`` shares it with nobody."""

    id: str
    record_id: str
    key: str
    proxy: Proxy
    forecast: float
    granted_at: float
    expires_at: float
    exclusive: bool = False
    trust: Trust = Trust.PUBLIC
    capabilities: frozenset[Capability] = frozenset()


class Feedback(Struct, frozen=True):
    """What a user of a proxy saw."""

    ok: bool
    latency: float | None = None
    failure: Failure | None = None
    target: str | None = None
    bytes_used: int = 0
    """Bytes that went through it both ways, for the byte budget of its source; 0 where they are not known."""
    status: int | None = None
    """Status of the target's answer, where it was seen."""
    banned: bool = False
    """True when the user takes what came for a ban (a captcha, say)."""
