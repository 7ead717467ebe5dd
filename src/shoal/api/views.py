"""How values look in JSON: times as RFC 3339 in UTC, latencies in milliseconds, passwords hidden unless asked for."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from shoal.api.failure_views import FailureView, TimingView, failure_view, milliseconds, timing_view
from shoal.api.service import PoolService
from shoal.api.target_views import ReachView, reach_views
from shoal.api.times import Time as Time
from shoal.api.times import rfc3339 as rfc3339
from shoal.api.tokens import Token
from shoal.domain import (
    Anonymity,
    Blame,
    Capability,
    Forecast,
    Honesty,
    Kind,
    Lease,
    Path,
    Pick,
    Record,
    Scheme,
)
from shoal.domain import Trust as TrustWord
from shoal.domain.link import Link, LinkKind
from shoal.domain.stats import Stats
from shoal.engine.past import PastResult


class ForecastView(Struct, frozen=True, gc=False):
    """The probability that it works if used now, and how sure we are."""

    probability: float
    confidence: float


class PathView(Struct, frozen=True, gc=False):
    """One scheme of a record. ``proxy`` is its URL, with ``***`` for the password unless credentials=1."""

    proxy: str
    scheme: Scheme
    capabilities: list[Capability]
    anonymity: Anonymity
    honesty: Honesty
    exit: str | None
    country: str | None
    asn: int | None
    located_by: str | None
    """Which data told country and network, with its month."""
    latency_ms: float | None
    timing_ms: TimingView
    forecast: ForecastView
    last_ok: Time | None
    profiled_at: Time | None
    """When the full profile was last taken."""
    failure: FailureView | None
    """The last failure by its own fault, or what it changed."""
    targets: list[ReachView]
    """What it showed at targets that matter, and who has banned it."""


class RecordView(Struct, frozen=True, gc=False):
    """All that is known of one way in, dead ones included."""

    id: str
    host: str
    port: int
    username: str | None
    claims: list[Scheme]
    country: str | None
    sources: list[str]
    trust: TrustWord
    tags: list[str]
    first_seen: Time | None
    last_seen: Time | None
    last_check: Time | None
    next_check: Time | None
    checks: int
    failure: FailureView | None
    """Why the last check failed; null when it worked."""
    paths: list[PathView]


class ProxyView(Struct, frozen=True, gc=False):
    """One way to use one proxy now. ``proxy`` is its URL, with ``***`` for the password unless credentials=1."""

    id: str
    proxy: str
    scheme: Scheme
    host: str
    port: int
    username: str | None
    capabilities: list[Capability]
    anonymity: Anonymity
    honesty: Honesty
    exit: str | None
    country: str | None
    asn: int | None
    latency_ms: float | None
    forecast: ForecastView
    sources: list[str]
    trust: TrustWord
    tags: list[str]
    first_seen: Time | None
    last_seen: Time | None
    last_check: Time | None
    last_ok: Time | None
    checks: int
    failure: FailureView | None
    """Why the last check failed; null when it worked."""
    targets: list[ReachView]
    """What it showed at targets that matter, and who has banned it."""


def proxy_view(pick: Pick, *, credentials: bool = False) -> ProxyView:
    record, path = pick.record, pick.path
    return ProxyView(
        record.id,
        pick.proxy.url(secrets=credentials),
        path.scheme,
        record.endpoint.host,
        record.endpoint.port,
        record.credentials.username if record.credentials else None,
        sorted(path.capabilities),
        path.anonymity,
        path.honesty,
        path.exit,
        path.country or record.country,
        path.asn,
        _latency_ms(path),
        forecast_view(pick.forecast),
        list(record.sources),
        record.trust,
        list(record.tags),
        rfc3339(record.first_seen),
        rfc3339(record.last_seen),
        rfc3339(record.last_check),
        rfc3339(path.health.last_ok),
        record.checks,
        failure_view(record.failure, record.blame),
        reach_views(path),
    )


class LeaseView(Struct, frozen=True, gc=False):
    """A proxy that is held until ``expires_at``. ``proxy`` is its URL, with ``***`` for the password unless
    ``credentials`` was asked for."""

    id: str
    proxy: str
    proxy_id: str
    scheme: Scheme
    capabilities: list[Capability]
    trust: TrustWord
    forecast: float
    granted_at: Time | None
    expires_at: Time | None
    exclusive: bool


def lease_view(lease: Lease, *, credentials: bool = False) -> LeaseView:
    return LeaseView(
        lease.id,
        lease.proxy.url(secrets=credentials),
        lease.record_id,
        lease.proxy.scheme,
        sorted(lease.capabilities),
        lease.trust,
        round(lease.forecast, 4),
        rfc3339(lease.granted_at),
        rfc3339(lease.expires_at),
        lease.exclusive,
    )


def record_view(record: Record, service: PoolService, *, credentials: bool = False) -> RecordView:
    return RecordView(
        record.id,
        record.endpoint.host,
        record.endpoint.port,
        record.credentials.username if record.credentials else None,
        list(record.claims),
        record.country,
        list(record.sources),
        record.trust,
        list(record.tags),
        rfc3339(record.first_seen),
        rfc3339(record.last_seen),
        rfc3339(record.last_check),
        rfc3339(record.next_check),
        record.checks,
        failure_view(record.failure, record.blame),
        [
            PathView(
                record.proxy(path.scheme).url(secrets=credentials),
                path.scheme,
                sorted(path.capabilities),
                path.anonymity,
                path.honesty,
                path.exit,
                path.country,
                path.asn,
                path.located_by,
                _latency_ms(path),
                timing_view(path.timing),
                forecast_view(service.forecast(path)),
                rfc3339(path.health.last_ok),
                rfc3339(path.profiled_at),
                failure_view(path.failure, Blame.PROXY),
                reach_views(path),
            )
            for path in record.paths
        ],
    )


class PastView(Struct, frozen=True, gc=False):
    """One result of a proxy: of a check (``probe``) or a use. ``latency_ms`` is the moving average after a success."""

    at: Time | None
    scheme: Scheme
    kind: Kind
    ok: bool
    latency_ms: float | None
    failure: FailureView | None


def past_view(result: PastResult) -> PastView:
    return PastView(
        rfc3339(result.at),
        result.scheme,
        result.kind,
        result.failure is None,
        round(result.latency * 1000.0, 1) or None,
        failure_view(result.failure, None),
    )


class RenewalView(Struct, frozen=True, gc=False):
    """When a lease ends now."""

    id: str
    expires_at: Time | None


class LinkView(Struct, frozen=True):
    """A short link. ``target`` is a URL, or the query that it answers."""

    code: str
    short_url: str
    target: str
    kind: LinkKind
    permanent: bool
    preview: bool
    created_at: Time | None
    expires_at: Time | None
    click_limit: int | None
    clicks: int
    last_click: Time | None


def link_view(link: Link, base: str) -> LinkView:
    """``base`` is the address under which this API is reached."""
    return LinkView(
        link.code,
        f"{base}/s/{link.code}",
        link.target,
        link.kind,
        link.permanent,
        link.preview,
        rfc3339(link.created_at),
        rfc3339(link.expires_at),
        link.click_limit or None,
        link.clicks,
        rfc3339(link.last_click),
    )


class TokenView(Struct, frozen=True, omit_defaults=True):
    """A token without its text, which only the answer that made it shows."""

    id: str
    name: str
    scope: str
    created_at: Time | None
    expires_at: Time | None
    rate: float | None
    token: str | None = None


def token_view(token: Token, text: str | None = None) -> TokenView:
    return TokenView(
        token.id,
        token.name,
        token.scope.word,
        rfc3339(token.created_at),
        rfc3339(token.expires_at),
        token.rate,
        text,
    )


def stats_view(stats: Stats, now: float, version: str) -> dict[str, Any]:
    """``Stats`` with the version in front, ``started_at`` as RFC 3339 and the seconds since."""
    view: dict[str, Any] = {"version": version, **msgspec.to_builtins(stats)}
    view["started_at"] = rfc3339(stats.started_at)
    view["uptime"] = round(max(0.0, now - stats.started_at), 1)
    view["checks_per_second"] = round(stats.checks_per_second, 1)
    return view


def _latency_ms(path: Path) -> float | None:
    return milliseconds(path.timing.total)


def forecast_view(forecast: Forecast) -> ForecastView:
    """To four places: it is not surer than that."""
    return ForecastView(round(forecast.probability, 4), round(forecast.confidence, 4))
