"""The mirror in a proxy_pool's Redis, where one is asked for."""

from __future__ import annotations

from collections.abc import Callable

from shoal.domain import Capability, Order, Query, Scheme
from shoal.engine.mirror import Mirror
from shoal.engine.service import PoolService
from shoal.errors import ConfigError
from shoal.export.proxy_pool import proxy_pool_entry
from shoal.options import MirrorOptions

_QUERY = Query(
    schemes=frozenset({Scheme.HTTP}), capabilities=frozenset({Capability.FORWARD}), order=Order.FIRST_SEEN, limit=500
)
"""What ``/all/`` gives: scripts put ``http://`` before it. In an order in which nothing moves between pages;
a page of 500 takes some ten milliseconds."""


def open_mirror(options: MirrorOptions, service: PoolService, announce: Callable[[str], None]) -> Mirror | None:
    """Raises ``ConfigError``."""
    if options.url is None:
        return None
    try:
        from shoal.stores.peer_hash import PeerHash
    except ImportError as error:
        raise ConfigError("mirror.url: Redis and Valkey need more packages; install shoal[cluster]") from error
    hash = PeerHash(options.url, options.table, options.password, setting="mirror.url")
    return Mirror(
        hash,
        lambda: service.advance_listing(_QUERY),
        lambda after: service.page(_QUERY, after),
        proxy_pool_entry,
        options.interval,
        announce,
    )
