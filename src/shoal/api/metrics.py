"""Metrics in the words of Prometheus, read off the pool's books at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from prometheus_client import ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from shoal.api.metric_table import FAMILIES
from shoal.api.service import PoolService
from shoal.domain.stats import Stats
from shoal.domain.tally import GatewayBooks, Histogram, Tallies
from shoal.engine.source_report import SourceReport

Values: TypeAlias = "Iterable[tuple[tuple[str, ...], float]]"


def registry_of(service: PoolService, version: str) -> CollectorRegistry:
    """Everything that /metrics shows: the pool's books, and CPU, memory and descriptors of the process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PoolCollector(service, version))
    ProcessCollector(registry=registry)
    return registry


class PoolCollector(Collector):
    """Asks the service when it is asked."""

    def __init__(self, service: PoolService, version: str) -> None:
        self._service = service
        self._version = version

    def collect(self) -> Iterator[Metric]:
        service = self._service
        yield InfoMetricFamily("shoal", FAMILIES["shoal_info"].help, {"version": self._version})
        yield from _of_stats(service.stats())
        yield from _of_tallies(service.tallies)
        gateway = service.tallies.gateway
        if gateway is not None:
            yield from _of_gateway(gateway)
        yield from _of_sources(service.sources())


def _of_stats(stats: Stats) -> Iterator[Metric]:
    for name, value in (
        ("shoal_start_time_seconds", stats.started_at),
        ("shoal_proxies_known", stats.known),
        ("shoal_proxies_verified", stats.verified),
        ("shoal_proxies_working", stats.working),
        ("shoal_proxies_expected", stats.expected),
        ("shoal_proxies_unchecked", stats.unchecked),
        ("shoal_checks_due", stats.due),
        ("shoal_checks_in_flight", stats.in_check),
        ("shoal_picks_total", stats.picks_total),
        ("shoal_picks_failed_total", stats.picks_failed),
        ("shoal_uses_total", stats.uses_total),
        ("shoal_uses_failed_total", stats.uses_failed),
        ("shoal_store_up", stats.store_error is None),
        ("shoal_vantage_healthy", stats.vantage_healthy),
        ("shoal_sources", stats.sources_total),
        ("shoal_sources_ok", stats.sources_ok),
        ("shoal_problems", len(stats.problems)),
    ):
        yield _plain(name, [((), float(value))])
    for name, counts in (
        ("shoal_paths_working", stats.by_scheme),
        ("shoal_paths_working_by_anonymity", stats.by_anonymity),
        ("shoal_paths_working_by_honesty", stats.by_honesty),
        ("shoal_paths_working_by_country", stats.by_country),
        ("shoal_proxies_working_by_source", stats.by_source),
    ):
        yield _plain(name, _by_one(counts))
    checked = {"works": stats.worked_total, "fails": stats.checked_total - stats.worked_total}
    yield _plain("shoal_checks_total", _by_one(checked))
    yield _plain("shoal_check_failures_total", _by_kind(stats.failures))
    yield _plain("shoal_judge_up", [((judge.url,), float(judge.ok)) for judge in stats.judges])
    answered = [judge for judge in stats.judges if judge.latency_ms > 0.0]
    yield _plain("shoal_judge_latency_seconds", [((judge.url,), judge.latency_ms / 1000.0) for judge in answered])


def _of_tallies(tallies: Tallies) -> Iterator[Metric]:
    checks = [
        ((stage, result), histogram)
        for stage, pair in tallies.checks.stages.items()
        for result, histogram in zip(("fails", "works"), pair, strict=True)
    ]
    yield _histogram("shoal_check_duration_seconds", checks)
    calls = sorted(tallies.store.times.items())
    yield _histogram("shoal_store_operation_duration_seconds", [((name,), times) for name, times in calls])
    yield _plain("shoal_store_errors_total", _by_one({name: tallies.store.errors[name] for name, _ in calls}))


def _of_gateway(books: GatewayBooks) -> Iterator[Metric]:
    stats, tally = books.stats(), books.tally
    for name, value in (
        ("shoal_gateway_connections_open", stats.connections),
        ("shoal_gateway_sessions", stats.sessions),
        ("shoal_gateway_connections_total", stats.clients),
        ("shoal_gateway_hedges_total", stats.hedges),
        ("shoal_gateway_replays_total", stats.replays),
    ):
        yield _plain(name, [((), float(value))])
    yield _plain("shoal_gateway_refusals_total", _by_one(tally.refusals))
    yield _plain("shoal_gateway_requests_total", _by_one({"answered": stats.ok, "failed": stats.failed}))
    # Each answer is one attempt that succeeded, whether it dialled or took up a connection that stood.
    yield _plain("shoal_gateway_attempts_total", _by_one({"succeeded": stats.ok, "failed": stats.failures}))
    yield _plain("shoal_gateway_attempt_failures_total", _by_kind(tally.attempt_failures))
    yield _plain("shoal_gateway_bytes_total", _by_one({"up": stats.bytes_up, "down": stats.bytes_down}))
    yield _histogram("shoal_gateway_first_byte_seconds", [((), tally.first_byte)])


def _of_sources(reports: Iterable[SourceReport]) -> Iterator[Metric]:
    every = list(reports)
    asked = [report for report in every if report.reachable is not None]
    read = [report for report in every if report.last_success > 0.0]
    yield _plain("shoal_source_up", [((report.name,), float(bool(report.reachable))) for report in asked])
    yield _plain("shoal_source_paused", [((report.name,), float(report.paused)) for report in every])
    yield _plain("shoal_source_listed", [((report.name,), float(report.found)) for report in every])
    name = "shoal_source_last_success_timestamp_seconds"
    yield _plain(name, [((report.name,), report.last_success) for report in read])


def _plain(name: str, values: Values) -> Metric:
    family = FAMILIES[name]
    metric: GaugeMetricFamily | CounterMetricFamily
    if family.kind == "counter":
        metric = CounterMetricFamily(name, family.help, labels=family.labels)
    else:
        metric = GaugeMetricFamily(name, family.help, labels=family.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def _histogram(name: str, values: Iterable[tuple[tuple[str, ...], Histogram]]) -> Metric:
    family = FAMILIES[name]
    metric = HistogramMetricFamily(name, family.help, labels=family.labels)
    for labels, histogram in values:
        buckets, below = [], 0
        for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
            below += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(below)))
        metric.add_metric(labels, buckets, histogram.total)
    return metric


def _by_one(counts: Mapping[str, float]) -> Values:
    return [((label,), float(count)) for label, count in counts.items()]


def _by_kind(counts: Mapping[str, int]) -> Values:
    """By stage and reason, of ``stage.reason``."""
    return [
        ((stage, reason), float(count)) for kind, count in counts.items() for stage, _, reason in [kind.partition(".")]
    ]
