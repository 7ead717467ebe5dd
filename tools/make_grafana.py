"""Writes deploy/grafana/shoal.json, the dashboard; edit the rows below, not the JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PLACE = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "shoal.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RATE = "$__rate_interval"
I = '{instance=~"$instance"}'  # noqa: E741 - stands in nearly every query

Query = tuple[str, str]
"""What Prometheus is asked, and what the curve is called."""


def i(more: str) -> str:
    return f'{{instance=~"$instance",{more}}}'


SUCCEEDED = i('result="succeeded"')
JOB = i('job="shoal"')


def quantile(share: float, name: str, more: str = "", by: str = "") -> str:
    where, labels = (i(more) if more else I), f"le,{by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket{where}[{RATE}])))"


ROWS: list[tuple[str, list[tuple[str, str, str, list[Query]]]]] = [
    (
        "Now",
        [
            ("stat", "Working", "short", [(f"sum(shoal_proxies_working{I})", "")]),
            ("stat", "Known", "short", [(f"sum(shoal_proxies_known{I})", "")]),
            ("stat", "Checks a second", "short", [(f"sum(rate(shoal_checks_total{I}[{RATE}]))", "")]),
            (
                "stat", "Picks that find a proxy", "percentunit",
                [(f"1 - sum(rate(shoal_picks_failed_total{I}[{RATE}])) / sum(rate(shoal_picks_total{I}[{RATE}]))", "")],
            ),
            ("stat", "Judges that answer", "short", [(f"sum(shoal_judge_up{I})", "")]),
            ("stat", "Problems", "short", [(f"sum(shoal_problems{I})", "")]),
        ],
    ),
    (
        "Pool",
        [
            ("graph", "Working, by scheme", "short", [(f"sum by (scheme) (shoal_paths_working{I})", "{{scheme}}")]),
            (
                "graph", "Working, by anonymity", "short",
                [(f"sum by (anonymity) (shoal_paths_working_by_anonymity{I})", "{{anonymity}}")],
            ),
            (
                "graph", "Known, expected, verified, never checked", "short",
                [
                    (f"sum(shoal_proxies_known{I})", "known"),
                    (f"sum(shoal_proxies_expected{I})", "expected to work"),
                    (f"sum(shoal_proxies_verified{I})", "verified"),
                    (f"sum(shoal_proxies_unchecked{I})", "never checked"),
                ],
            ),
            (
                "graph", "Honesty", "short",
                [(f"sum by (honesty) (shoal_paths_working_by_honesty{I})", "{{honesty}}")],
            ),
            (
                "graph", "Countries", "short",
                [(f"topk(10, sum by (country) (shoal_paths_working_by_country{I}))", "{{country}}")],
            ),
        ],
    ),
    (
        "Checks",
        [
            (
                "graph", "Checks a second", "short",
                [(f"sum by (result) (rate(shoal_checks_total{I}[{RATE}]))", "{{result}}")],
            ),
            (
                "graph", "Why checks fail", "short",
                [
                    (
                        f"topk(8, sum by (stage, reason) (rate(shoal_check_failures_total{I}[{RATE}])))",
                        "{{stage}} {{reason}}",
                    )
                ],
            ),
            (
                "graph", "Median time of working attempts, by stage", "s",
                [(quantile(0.5, "shoal_check_duration_seconds", 'result="works"', "stage"), "{{stage}}")],
            ),
            (
                "graph", "Due and in flight", "short",
                [(f"sum(shoal_checks_due{I})", "due"), (f"sum(shoal_checks_in_flight{I})", "in flight")],
            ),
        ],
    ),
    (
        "Use",
        [
            (
                "graph", "Picks and uses a second", "short",
                [
                    (f"sum(rate(shoal_picks_total{I}[{RATE}]))", "picks"),
                    (f"sum(rate(shoal_picks_failed_total{I}[{RATE}]))", "found none"),
                    (f"sum(rate(shoal_uses_total{I}[{RATE}]))", "uses told"),
                    (f"sum(rate(shoal_uses_failed_total{I}[{RATE}]))", "of these failed"),
                ],
            ),
            (
                "graph", "Gateway: requests and refusals a second", "short",
                [
                    (f"sum by (result) (rate(shoal_gateway_requests_total{I}[{RATE}]))", "{{result}}"),
                    (f"sum by (code) (rate(shoal_gateway_refusals_total{I}[{RATE}]))", "{{code}}"),
                ],
            ),
            (
                "graph", "Gateway: attempts that succeed", "percentunit",
                [
                    (
                        f"sum(rate(shoal_gateway_attempts_total{SUCCEEDED}[{RATE}]))"
                        f" / sum(rate(shoal_gateway_attempts_total{I}[{RATE}]))",
                        "succeeded",
                    )
                ],
            ),
            (
                "graph", "Gateway: time to the first byte", "s",
                [
                    (quantile(0.5, "shoal_gateway_first_byte_seconds"), "median"),
                    (quantile(0.95, "shoal_gateway_first_byte_seconds"), "95 %"),
                ],
            ),
            (
                "graph", "Gateway: bytes a second", "Bps",
                [(f"sum by (direction) (rate(shoal_gateway_bytes_total{I}[{RATE}]))", "{{direction}}")],
            ),
            (
                "graph", "Gateway: connections and sessions", "short",
                [
                    (f"sum(shoal_gateway_connections_open{I})", "connections"),
                    (f"sum(shoal_gateway_sessions{I})", "sessions"),
                ],
            ),
        ],
    ),
    (
        "What it stands on",
        [
            ("graph", "Judges", "short", [(f"shoal_judge_up{I}", "{{judge}}")]),
            ("graph", "Time of a judge's answer", "s", [(f"shoal_judge_latency_seconds{I}", "{{judge}}")]),
            (
                "graph", "Sources that do not answer", "short",
                [(f"count(shoal_source_up{I} == 0) or vector(0)", "sources")],
            ),
            (
                "graph", "Working proxies, by source", "short",
                [(f"topk(10, sum by (source) (shoal_proxies_working_by_source{I}))", "{{source}}")],
            ),
            (
                "graph", "Store: 99 % of calls within", "s",
                [(quantile(0.99, "shoal_store_operation_duration_seconds", by="operation"), "{{operation}}")],
            ),
            (
                "graph", "CPU and memory", "short",
                [(f"rate(process_cpu_seconds_total{JOB}[{RATE}])", "cores {{instance}}")],
            ),
        ],
    ),
]  # fmt: skip


def target(number: int, query: Query) -> dict[str, Any]:
    return {"refId": chr(65 + number), "datasource": SOURCE, "expr": query[0], "legendFormat": query[1] or "__auto"}


def panel(id: int, kind: str, title: str, unit: str, queries: list[Query], place: dict[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": id,
        "type": "stat" if kind == "stat" else "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [target(number, query) for number, query in enumerate(queries)],
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {},
    }
    if kind != "stat":
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    return made


def dashboard() -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    y = 0
    for title, cells in ROWS:
        place = {"x": 0, "y": y, "w": 24, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": place, "panels": []})
        y += 1
        across, width, height = (6, 4, 4) if cells[0][0] == "stat" else (2, 12, 8)
        for number, (kind, name, unit, queries) in enumerate(cells):
            row, column = divmod(number, across)
            place = {"x": column * width, "y": y + row * height, "w": width, "h": height}
            panels.append(panel(len(panels) + 1, kind, name, unit, queries, place))
        y += -(-len(cells) // across) * height
    return {
        "uid": "shoal",
        "title": "Shoal",
        "description": "A proxy pool: what works, how checks go, what clients get, and what it all stands on.",
        "tags": ["proxy", "shoal"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "type": "datasource",
                    "query": "prometheus",
                    "label": "Prometheus",
                    "current": {},
                },
                {
                    "name": "instance",
                    "type": "query",
                    "label": "Shoal",
                    "datasource": SOURCE,
                    "query": {"query": "label_values(shoal_info, instance)", "refId": "instances"},
                    "refresh": 2,
                    "includeAll": True,
                    "multi": True,
                    "current": {"text": "All", "value": "$__all"},
                },
            ]
        },
        "annotations": {"list": []},
        "panels": panels,
    }


def text() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    PLACE.write_text(text(), encoding="utf-8")
    print(f"wrote {PLACE.name}")
