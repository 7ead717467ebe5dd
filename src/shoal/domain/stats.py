"""Stats: how the pool is, in numbers and words."""

from __future__ import annotations

from msgspec import Struct


class JudgeStats(Struct, frozen=True):
    """One judge as the last direct control request found it. ``url`` never shows a key."""

    url: str
    kind: str
    own: bool
    ok: bool
    error: str | None = None
    latency_ms: float = 0.0
    health: float = 1.0
    """Share of right answers lately (0 to 1), by which judges share the checks."""


class GatewayFigures(Struct, frozen=True):
    """What went through the gateway of this process since it started."""

    connections: int = 0
    """Clients connected now."""
    requests: int = 0
    failures: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class Stats(Struct, frozen=True):
    """A snapshot. Totals count since the process started."""

    known: int = 0
    """Records in the store, dead ones included."""
    verified: int = 0
    """Records that ever worked."""
    working: int = 0
    """Records whose last check or use worked."""
    expected: float = 0.0
    """How many would work if all were used now: the sum of the forecasts."""
    due: int = 0
    unchecked: int = 0
    in_check: int = 0
    checked_total: int = 0
    worked_total: int = 0
    """Of these, how many found a working proxy."""
    checks_per_second: float = 0.0
    """Over the last ten seconds."""
    picks_total: int = 0
    picks_failed: int = 0
    """Picks that found no proxy: they count as failures of the pool."""
    pick_success: float | None = None
    """Share of the picks of the last ten minutes that found a proxy; None without any."""
    uses_total: int = 0
    """Uses that somebody told of: the gateway and whoever gives feedback."""
    uses_failed: int = 0
    use_success: float | None = None
    """Share of the uses of the last ten minutes that went well; None without any."""
    by_scheme: dict[str, int] = {}
    by_anonymity: dict[str, int] = {}
    by_honesty: dict[str, int] = {}
    by_country: dict[str, int] = {}
    """Working paths by country of the exit."""
    by_source: dict[str, int] = {}
    """Working records by source."""
    failures: dict[str, int] = {}
    """Failed checks by ``stage.reason`` since the start."""
    refused: dict[str, int] = {}
    """Entries of the last runs of all sources that were not let in, by reason."""
    judges: tuple[JudgeStats, ...] = ()
    sources_ok: int = 0
    sources_total: int = 0
    vantage_healthy: bool = True
    gateway: GatewayFigures | None = None
    """None where none listens."""
    started_at: float = 0.0
    store_error: str | None = None
    """Why the store fails right now; None while it answers."""
    problems: tuple[str, ...] = ()
    """What is wrong right now, in sentences."""
