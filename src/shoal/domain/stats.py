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


class Stats(Struct, frozen=True):
    """A snapshot. Totals count since the process started."""

    known: int = 0
    """Records in the store, dead ones included."""
    verified: int = 0
    """Records that ever worked."""
    working: int = 0
    """Records whose last check or use worked."""
    due: int = 0
    unchecked: int = 0
    in_check: int = 0
    checked_total: int = 0
    checks_per_second: float = 0.0
    """Over the last ten seconds."""
    picks_total: int = 0
    picks_failed: int = 0
    """Picks that found no proxy: they count as failures of the pool."""
    by_scheme: dict[str, int] = {}
    by_anonymity: dict[str, int] = {}
    by_honesty: dict[str, int] = {}
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
    started_at: float = 0.0
    store_error: str | None = None
    """Why the store fails right now; None while it answers."""
    problems: tuple[str, ...] = ()
    """What is wrong right now, in sentences."""
