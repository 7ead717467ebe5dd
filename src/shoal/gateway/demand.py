"""A demand: what one client wants, as far as choosing and dialling an upstream is concerned."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shoal.domain import Capability, Path, Query, Scheme
from shoal.domain.address import is_ip
from shoal.policy.gateway_params import NO_PARAMS, GatewayParams
from shoal.upstream import Mode

if TYPE_CHECKING:
    from shoal.gateway.users import User


class Kind(StrEnum):
    TUNNEL = "tunnel"
    """CONNECT and SOCKS: anything may be inside."""
    PLAIN = "plain"
    """One plain HTTP request."""
    UPGRADE = "upgrade"
    """A plain HTTP request that asks for another protocol: only a tunnel carries what follows."""


class Demand:
    """``host`` is canonical; ``dial_host`` is what the upstream is told."""

    __slots__ = ("dial_host", "host", "kind", "needs", "params", "port", "target", "user")

    def __init__(self, kind: Kind, host: str, port: int, user: User, params: GatewayParams = NO_PARAMS) -> None:
        self.kind = kind
        self.host = self.dial_host = host
        self.port = port
        self.user = user
        self.params = params
        self.needs: tuple[str, frozenset[Capability], frozenset[Scheme]] | None = None
        """What ``needs`` found, and for which host."""
        self.target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def mode_for(self, path: Path) -> Mode | None:
        """How this path carries the demand; None when nothing shows that it can."""
        if self.kind is Kind.PLAIN and not path.scheme.is_socks and Capability.FORWARD in path.capabilities:
            return "forward"
        if Capability.TUNNEL in path.capabilities:
            return "tunnel"
        # A SOCKS proxy that passed a plain check has shown that it carries plain connections.
        return "tunnel" if self.kind is not Kind.TUNNEL and path.scheme.is_socks else None

    def is_proven(self, path: Path) -> bool:
        """Whether the path has shown that it tunnels to this port: many HTTP proxies restrict CONNECT to 443."""
        return self.port == _HTTPS or path.scheme.is_socks or Capability.TUNNEL_ANY_PORT in path.capabilities


_HTTPS = 443
_NAMELESS = frozenset({Scheme.SOCKS4})
_NO_IPV6 = frozenset({Scheme.SOCKS4, Scheme.SOCKS4A})
_TUNNEL = frozenset({Capability.TUNNEL})
_IPV6 = frozenset({Capability.IPV6_EXIT})
_TUNNEL_IPV6 = _TUNNEL | _IPV6
_ANY_CAPABILITY: frozenset[Capability] = frozenset()
_ANY_SCHEME: frozenset[Scheme] = frozenset()


def needs(demand: Demand) -> tuple[frozenset[Capability], frozenset[Scheme]]:
    """Capabilities that a path must have for the demand, and schemes that cannot carry its host."""
    known = demand.needs
    if known is None or known[0] is not demand.dial_host:
        known = demand.needs = (demand.dial_host, *_needs(demand))
    return known[1], known[2]


def _needs(demand: Demand) -> tuple[frozenset[Capability], frozenset[Scheme]]:
    tunnel = demand.kind is Kind.TUNNEL
    if ":" in demand.dial_host:
        return _TUNNEL_IPV6 if tunnel else _IPV6, _NO_IPV6
    return _TUNNEL if tunnel else _ANY_CAPABILITY, _ANY_SCHEME if is_ip(demand.dial_host) else _NAMELESS


def query_for(base: Query, must: frozenset[Capability], cannot: frozenset[Scheme], exclude: frozenset[str]) -> Query:
    """The client's query with what the demand needs."""
    if base is NO_PARAMS.query and not exclude:
        return _plain_query(must, cannot)
    return _narrowed(base, must, cannot, exclude)


@cache
def _plain_query(must: frozenset[Capability], cannot: frozenset[Scheme]) -> Query:
    return _narrowed(NO_PARAMS.query, must, cannot, frozenset())


def _narrowed(base: Query, must: frozenset[Capability], cannot: frozenset[Scheme], exclude: frozenset[str]) -> Query:
    return replace(
        base,
        capabilities=base.capabilities | must,
        not_schemes=base.not_schemes | cannot,
        exclude=base.exclude | exclude,
    )
