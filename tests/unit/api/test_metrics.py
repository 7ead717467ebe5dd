"""What /metrics shows: every family of the table, by the conventions of Prometheus, with figures that add up."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import pytest
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from shoal.api.metric_table import FAMILIES
from shoal.domain import Kind, Observation, Scheme, Timing, Trust
from shoal.domain.gateway import GatewayStats
from shoal.domain.stats import JudgeStats, Stats
from shoal.domain.tally import CheckTally, GatewayBooks, GatewayTally, Histogram
from shoal.engine.source_report import SourceReport
from shoal.testing.fake_service import NOW, FakeService

STATS = Stats(
    known=9, verified=5, working=4, due=3, unchecked=2, in_check=1, checked_total=30, worked_total=12,
    checks_per_second=1.5, picks_total=7, picks_failed=2, by_scheme={"http": 3, "socks5": 1}, by_anonymity={"elite": 4},
    by_honesty={"clean": 4}, by_source={'a"b\\c\n': 4}, failures={"connect.timeout": 11, "receive.eof": 7},
    judges=(
        JudgeStats("http://judge/", "shoal", True, True, None, 12.5), JudgeStats("http://dead/", "shoal", True, False),
    ),
    sources_ok=1, sources_total=2, started_at=NOW - 60, problems=("no judge answers",),
)  # fmt: skip


def seen(works: bool, **timing: float) -> Observation:
    return Observation("key", Kind.PROBE, NOW, works, Scheme.HTTP, timing=Timing(**timing))


def report(name: str, **changes: object) -> SourceReport:
    plain = SourceReport(
        name, Trust.PUBLIC, "list.example", 600.0, None, False, True, NOW, NOW - 30, NOW + 600, 0, None, 55, 5, {},
        9, 4, 1, None,
    )  # fmt: skip
    return replace(plain, **changes)


@pytest.fixture
def families(client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Metric]:
    monkeypatch.setattr(service, "stats", lambda: STATS)
    service.reports = [report("good"), report("paused", paused=True, reachable=None, last_success=0.0)]
    tallies = service.tallies
    tallies.checks.note(seen(True, connect=0.02, handshake=0.02, first_byte=0.3, total=0.31))
    tallies.checks.note(seen(False, connect=0.04, total=30.0))
    tallies.store.note("save", 0.002, failed=False)
    tallies.store.note("save", 9.0, failed=True)
    tally = GatewayTally()
    tally.first_byte.observe(0.2)
    tally.refusals.update({"no_proxy": 5, "auth": 1})
    tally.attempt_failures.update({"connect.refused": 9})
    stats = GatewayStats(
        connections=2, sessions=1, clients=20, requests=40, ok=33, failed=5, dials=50, failures=9, bytes_down=9000
    )
    tallies.gateway = GatewayBooks(lambda: stats, tally)
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(response.text)}


def value(families: Mapping[str, Metric], name: str, **labels: str) -> float:
    (found,) = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return found


def test_every_family_of_the_table_is_there_with_its_kind_labels_and_help(families: Mapping[str, Metric]) -> None:
    shown = {name: family for name, family in families.items() if name.startswith("shoal")}
    assert set(shown) == {name.removesuffix("_total") for name in FAMILIES} - {"shoal_info"} | {"shoal_info"}
    for name, family in FAMILIES.items():
        found = shown[name.removesuffix("_total")]
        assert found.documentation == family.help.replace("\\", "\\\\")
        assert found.type == ("gauge" if family.kind == "info" else family.kind)
        for sample in found.samples:
            assert set(sample.labels) - {"le", "version"} == set(family.labels)


def test_names_follow_the_conventions() -> None:
    for name, family in FAMILIES.items():
        assert re.fullmatch(r"shoal(_[a-z]+)+", name)
        assert name.endswith("_total") == (family.kind == "counter"), "counters, and they alone, end in _total"
        assert not re.search(r"_(ms|milliseconds|kb|kib|minutes|percent)(_|$)", name), "base units only"
        if family.kind == "histogram":
            assert name.endswith("_seconds")
        assert family.help[-1] == "." and len(family.help) < 250


def test_gauges_and_counters_tell_what_the_books_say(families: Mapping[str, Metric]) -> None:
    assert value(families, "shoal_proxies_working") == 4
    assert value(families, "shoal_checks_total", result="works") == 12
    assert value(families, "shoal_checks_total", result="fails") == 18
    assert value(families, "shoal_check_failures_total", stage="connect", reason="timeout") == 11
    assert (value(families, "shoal_picks_total"), value(families, "shoal_picks_failed_total")) == (7, 2)
    assert value(families, "shoal_gateway_attempts_total", result="succeeded") == 33
    assert value(families, "shoal_gateway_requests_total", result="answered") == 33
    assert value(families, "shoal_gateway_refusals_total", code="no_proxy") == 5
    assert value(families, "shoal_gateway_bytes_total", direction="down") == 9000
    assert value(families, "shoal_judge_up", judge="http://dead/") == 0
    assert value(families, "shoal_judge_latency_seconds", judge="http://judge/") == 0.0125
    assert value(families, "shoal_source_up", source="good") == 1
    assert value(families, "shoal_source_paused", source="paused") == 1
    assert value(families, "shoal_source_last_success_timestamp_seconds", source="good") == NOW - 30
    assert value(families, "shoal_store_errors_total", operation="save") == 1
    assert value(families, "shoal_store_up") == 1 and value(families, "shoal_problems") == 1
    assert value(families, "process_resident_memory_bytes") > 1e6


def test_histograms_count_upwards_and_end_in_infinity(families: Mapping[str, Metric]) -> None:
    for name in (family.name for family in FAMILIES.values() if family.kind == "histogram"):
        by_labels: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for sample in families[name].samples:
            labels = tuple(sorted((key, text) for key, text in sample.labels.items() if key != "le"))
            if sample.name.endswith("_bucket"):
                by_labels.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
            elif sample.name.endswith("_count"):
                assert sample.value == by_labels[labels][-1][1]
        for buckets in by_labels.values():
            assert buckets == sorted(buckets) and buckets[-1][0] == math.inf
    stage = {"stage": "total", "result": "fails"}
    assert value(families, "shoal_check_duration_seconds_count", **stage) == 1
    assert value(families, "shoal_check_duration_seconds_bucket", le="20.0", **stage) == 0, "30 s lie above all bounds"
    assert value(families, "shoal_check_duration_seconds_sum", **stage) == 30
    worked = {"stage": "connect", "result": "works"}
    assert value(families, "shoal_check_duration_seconds_bucket", le="0.025", **worked) == 1
    assert value(families, "shoal_check_duration_seconds_count", stage="first_byte", result="fails") == 0


def test_labels_that_strangers_chose_are_escaped(families: Mapping[str, Metric]) -> None:
    assert value(families, "shoal_proxies_working_by_source", source='a"b\\c\n') == 4


def test_without_a_gateway_there_are_no_figures_of_one(client: TestClient) -> None:
    assert "shoal_gateway" not in client.get("/metrics").text


def test_a_check_that_reached_nothing_counts_in_its_total_alone() -> None:
    tally = CheckTally()
    tally.note(seen(False, total=0.5))
    assert {stage: [one.count for one in pair] for stage, pair in tally.stages.items()} == {
        "connect": [0, 0], "handshake": [0, 0], "first_byte": [0, 0], "total": [1, 0],
    }  # fmt: skip


def test_a_value_on_a_bound_belongs_under_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (1.0, 1.5, 2.0, 9.0):
        histogram.observe(seconds)
    assert histogram.counts == [1, 2, 1] and histogram.count == 4 and histogram.total == 13.5
