"""Metrics in the words of Prometheus, read off the pool's stats at each scrape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from shoal.api.service import PoolService

_GAUGES = {
    "known": ("shoal_proxies_known", "Records in the store, dead ones included."),
    "verified": ("shoal_proxies_verified", "Records that ever worked."),
    "working": ("shoal_proxies_working", "Records whose last check or use worked."),
    "expected": ("shoal_proxies_expected", "Records that would work if all were used now: the sum of the forecasts."),
    "due": ("shoal_checks_due", "Records that wait for a check."),
    "unchecked": ("shoal_proxies_unchecked", "Records that were never checked."),
    "in_check": ("shoal_checks_in_flight", "Checks under way."),
    "sources_ok": ("shoal_sources_ok", "Sources that answered at their last try."),
    "sources_total": ("shoal_sources", "Sources."),
    "vantage_healthy": ("shoal_vantage_healthy", "1 while our own network and judges are well."),
    "started_at": ("shoal_start_time_seconds", "When the process started, in seconds since the epoch."),
}
_COUNTERS = {
    "checked_total": ("shoal_checks", "Checks finished since the start."),
    "picks_total": ("shoal_picks", "Picks since the start."),
    "picks_failed": ("shoal_picks_failed", "Picks that found no proxy."),
    "uses_total": ("shoal_uses", "Uses of proxies that somebody told of, the gateway included."),
    "uses_failed": ("shoal_uses_failed", "Of these, those that went wrong."),
}
_LABELLED = {
    "by_scheme": ("shoal_paths_working", "scheme", "Working paths by scheme."),
    "by_anonymity": ("shoal_paths_working_by_anonymity", "anonymity", "Working paths by anonymity."),
    "by_honesty": ("shoal_paths_working_by_honesty", "honesty", "Working paths by honesty."),
    "by_country": ("shoal_paths_working_by_country", "country", "Working paths by country of the exit."),
    "by_source": ("shoal_proxies_working_by_source", "source", "Working records by source."),
}
_LABELLED_COUNTERS = {"failures": ("shoal_check_failures", "kind", "Failed checks by stage and reason.")}


class StatsCollector(Collector):
    """Asks the service when it is asked."""

    def __init__(self, service: PoolService, version: str) -> None:
        self._service = service
        self._version = version

    def collect(self) -> Iterator[Metric]:
        stats = self._service.stats()
        yield InfoMetricFamily("shoal", "What runs.", {"version": self._version})
        for field, (name, text) in _GAUGES.items():
            yield GaugeMetricFamily(name, text, float(getattr(stats, field)))
        for field, (name, text) in _COUNTERS.items():
            yield CounterMetricFamily(name, text, float(getattr(stats, field)))
        for field, (name, label, text) in _LABELLED.items():
            yield _filled(GaugeMetricFamily(name, text, labels=[label]), getattr(stats, field))
        for field, (name, label, text) in _LABELLED_COUNTERS.items():
            yield _filled(CounterMetricFamily(name, text, labels=[label]), getattr(stats, field))
        judges = GaugeMetricFamily("shoal_judge_ok", "1 for a judge that answered.", labels=["judge"])
        yield _filled(judges, {judge.url: float(judge.ok) for judge in stats.judges})


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[str, float]) -> Metric:
    for label, value in values.items():
        family.add_metric([label], float(value))
    return family
