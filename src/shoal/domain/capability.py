"""What checks learn about a proxy: capabilities, anonymity, honesty."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """Measured, never assumed from a list's claim."""

    FORWARD = "forward"
    """Plain HTTP requests in absolute form (RFC 9112 section 3.2.2)."""
    TUNNEL = "tunnel"
    """A byte tunnel in which a verified TLS handshake with a judge succeeded."""
    TUNNEL_ANY_PORT = "tunnel_any_port"
    """The tunnel led to a port other than 443, to which many HTTP proxies restrict CONNECT."""
    KEEP_ALIVE = "keep_alive"
    """A second forwarded request on the same connection was answered."""
    REMOTE_DNS = "remote_dns"
    """The proxy resolved a host name for us."""
    IPV6_EXIT = "ipv6_exit"
    """A judge saw an IPv6 address."""


class Anonymity(StrEnum):
    """What a target can tell, judged on plain HTTP."""

    UNKNOWN = "unknown"
    TRANSPARENT = "transparent"
    """Our own address reached the judge."""
    ANONYMOUS = "anonymous"
    """Headers admit a proxy, our address stayed hidden."""
    ELITE = "elite"
    """The judge saw what we sent and nothing more."""


class Honesty(StrEnum):
    """Whether it carries what it is given."""

    UNKNOWN = "unknown"
    CLEAN = "clean"
    """A fixed document came back byte for byte."""
    TAMPERS = "tampers"
    """It changed content."""
    INTERCEPTS = "intercepts"
    """A TLS handshake through it did not show the judge's certificate."""
    FAKES = "fakes"
    """It answered without asking the judge."""

    @property
    def is_dangerous(self) -> bool:
        """True for the three that every default query leaves out."""
        return self in (Honesty.TAMPERS, Honesty.INTERCEPTS, Honesty.FAKES)


_SHARED: dict[frozenset[Capability], frozenset[Capability]] = {}


def shared(capabilities: frozenset[Capability]) -> frozenset[Capability]:
    """The one set that stands for all equal ones: a set takes 216 bytes, and there are 64 of them."""
    return _SHARED.setdefault(capabilities, capabilities)
