"""A look at a gateway: what it did, for whom, and what is under way."""

from __future__ import annotations

from heapq import nsmallest
from typing import Final

from shoal.domain.gateway import GatewayStats, GatewayStatus, LiveConnection
from shoal.gateway.core import Core
from shoal.gateway.http_answer import named

USERS: Final = 1000
TARGETS: Final = 200
"""Rows of a status: more than anybody looks at."""


def stats_of(core: Core) -> GatewayStats:
    counters = core.counters
    return GatewayStats(
        connections=len(core.live),
        sessions=len(core.sessions),
        **{name: getattr(counters, name) for name in counters.__slots__},
    )


def status_of(core: Core) -> GatewayStatus:
    """Everything but single sessions and connections."""
    users = sorted((user.use() for user in core.users.all()), key=lambda use: (-use.requests, use.name))
    return GatewayStatus(stats_of(core), tuple(users[:USERS]), tuple(core.targets.top(TARGETS)))


def connections_of(core: Core, limit: int) -> list[LiveConnection]:
    """What is under way, what moved most first."""
    epoch = core.service.now() - core.loop.time()
    rows = []
    for swept in core.live:
        if (seen := swept.describe()) is not None:
            user, target, pick, begun, up, down = seen
            proxy = None if pick is None else named(pick)
            rows.append(LiveConnection(user, target, swept.kind, proxy, epoch + begun, up, down))
    return nsmallest(limit, rows, key=lambda row: (-row.bytes_up - row.bytes_down, row.since))
