"""docs/metrics.md, the Grafana dashboard and the alert rules ask for metrics that exist, with labels that exist."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from shoal.api.metric_table import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "metrics.md").read_text()
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "shoal.json").read_text())
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
SERIES = {
    series: set(family.labels) | ({"le"} if series.endswith("_bucket") else set())
    for family in FAMILIES.values()
    for series in (
        [f"{family.name}{end}" for end in ("_bucket", "_count", "_sum")]
        if family.kind == "histogram"
        else [family.name]
    )
}
OF_OTHERS = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
GIVEN = {"instance", "job"}
"""Labels that Prometheus puts on."""
_WORDS = {
    "and", "or", "by", "sum", "rate", "count", "topk", "vector", "time", "max", "histogram_quantile", "label_values",
}  # fmt: skip


def faults(query: str) -> list[str]:
    """Names in a query that no metric or label has."""
    found = []
    bare = re.sub(r"\[[^\]]*\]", "", query)
    for name, braces in re.findall(r"\b(shoal_\w+|process_\w+|up)\b(\{[^}]*\})?", bare):
        if name not in SERIES and name not in OF_OTHERS:
            found.append(name)
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", braces))
        found += sorted(f"{name}{{{label}}}" for label in labels - SERIES.get(name, set()) - GIVEN)
    everyone = {label for labels in SERIES.values() for label in labels} | GIVEN
    for labels in re.findall(r"\bby \(([^)]*)\)", bare):
        found += [f"by {label}" for label in re.split(r",\s*", labels) if label not in everyone]
    rest = re.sub(r'\{[^}]*\}|"[^"]*"|\$\w+|\bby \([^)]*\)', "", bare)
    found += [word for word in re.findall(r"\b[a-z_]+\b", rest) if word not in {*SERIES, *OF_OTHERS, *_WORDS}]
    return found


def test_the_check_finds_what_is_wrong() -> None:
    assert faults("sum by (colour) (rate(shoal_no_such_total[5m]))") == [
        "shoal_no_such_total",
        "by colour",
        "shoal_no_such_total",
    ]
    assert faults('shoal_checks_total{outcome="works"}') == ["shoal_checks_total{outcome}"]
    assert faults("averge(shoal_checks_total)") == ["averge"]
    assert faults('sum(shoal_checks_total{result="works"}) > 1') == []


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_query_of_the_dashboard_asks_for_what_is_there(panel: dict[str, Any]) -> None:
    assert panel["targets"] and panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert faults(target["expr"]) == []
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in target["expr"] or any(label in labels for labels in SERIES.values()) or label in GIVEN


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import make_grafana; print(make_grafana.text(), end='')"],
        cwd=ROOT / "tools", capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == DASHBOARD, "run python tools/make_grafana.py"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids) > 20 and DASHBOARD["schemaVersion"] >= 30 and DASHBOARD["title"] == "Shoal"
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "instance"}
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, f"{panel['title']} lies over another panel"
        taken |= cells


def test_every_metric_of_use_is_on_the_dashboard_or_in_an_alert() -> None:
    asked = json.dumps(DASHBOARD) + json.dumps(RULES)
    left_out = {name for name in FAMILIES if name not in asked}
    assert left_out <= {
        "shoal_start_time_seconds", "shoal_gateway_connections_total", "shoal_gateway_attempt_failures_total",
        "shoal_gateway_hedges_total", "shoal_gateway_replays_total", "shoal_source_paused", "shoal_source_listed",
        "shoal_source_last_success_timestamp_seconds",
    }  # fmt: skip


def rules() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_asks_for_what_is_there_and_says_what_is_wrong(rule: dict[str, Any]) -> None:
    assert faults(rule["expr"]) == []
    assert re.fullmatch(r"\d+[mh]", rule["for"]) and rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert "$labels." in rule["annotations"]["description"]


def test_the_alerts_that_a_pool_needs_are_there() -> None:
    names = {rule["alert"] for rule in rules()}
    assert {
        "ShoalPoolTooSmall", "ShoalJudgeDown", "ShoalSuccessRateLow", "ShoalStoreFailing", "ShoalGatewayFailing",
    } <= names  # fmt: skip


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus is not installed")
def test_prometheus_itself_takes_rules_and_settings() -> None:
    for words in (("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml")):
        done = subprocess.run(
            ["promtool", *words], cwd=ROOT / "deploy" / "prometheus", capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr


def test_the_page_shows_the_shipped_settings_and_queries_that_are_right() -> None:
    shown = yaml.safe_load(PAGE.split("```yaml\n")[1].split("```")[0])
    assert shown == yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    queries = re.findall(r"^\| [A-Z][^|]*\? \| `(.*)` \|$", PAGE, re.M)
    assert len(queries) == 6
    for query in queries:
        assert faults(query) == []


def test_every_metric_and_alert_is_on_the_page() -> None:
    for name in (*FAMILIES, *(rule["alert"] for rule in rules())):
        assert f"`{name}`" in PAGE
