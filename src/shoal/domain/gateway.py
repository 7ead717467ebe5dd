"""What a gateway tells of itself: sessions, users, targets, connections. Times are epoch seconds."""

from __future__ import annotations

from msgspec import Struct


class SessionInfo(Struct, frozen=True):
    """One session of one user. It is forgotten at ``expires_at`` unless it is used, and may then get another proxy."""

    user: str
    session: str
    record_id: str
    proxy: str
    exit: str | None
    country: str | None
    since: float
    last_used: float
    expires_at: float
    switches: int


class UserUse(Struct, frozen=True):
    """What one user has, and had since the start. ``name`` is empty for those who gave none."""

    name: str
    connections: int = 0
    requests: int = 0
    ok: int = 0
    failed: int = 0
    refused: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class TargetUse(Struct, frozen=True):
    """How requests to one target went since the start. ``attempts_failed`` counts proxies that were replaced, too."""

    target: str
    ok: int = 0
    failed: int = 0
    attempts_failed: int = 0
    last_used: float = 0.0


class LiveConnection(Struct, frozen=True):
    """One tunnel or request under way. ``proxy`` is None while none has been found yet."""

    user: str
    target: str
    kind: str
    """``tunnel``, ``request``, or ``dial`` for a tunnel that does not stand yet."""
    proxy: str | None
    since: float
    bytes_up: int
    bytes_down: int


class GatewayStats(Struct, frozen=True):
    """Counts since the start, except ``connections`` and ``sessions``, which are of now. ``ok`` and ``failed`` are
    requests that got an answer of their target, and that got none; ``failures`` are of single proxies."""

    connections: int = 0
    sessions: int = 0
    clients: int = 0
    requests: int = 0
    ok: int = 0
    failed: int = 0
    retries: int = 0
    dials: int = 0
    hedges: int = 0
    failures: int = 0
    replays: int = 0
    refused: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class GatewayStatus(Struct, frozen=True):
    """A gateway as a whole, all its processes together. Users and targets that used it most come first."""

    stats: GatewayStats = GatewayStats()
    users: tuple[UserUse, ...] = ()
    targets: tuple[TargetUse, ...] = ()
    processes: int = 1
