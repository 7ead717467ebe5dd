"""The metrics by name: kind, labels and meaning. What is exposed, documented and asked for by dashboards is in here."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

MetricKind = Literal["gauge", "counter", "histogram", "info"]


class Family(NamedTuple):
    """``name`` as Prometheus stores it: counters end in ``_total``, units are base units."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    help: str


_ROWS: Final = (
    ("shoal_info", "info", "", "What runs: its version."),
    ("shoal_start_time_seconds", "gauge", "", "When the pool started, in seconds since the epoch."),
    # -- the pool ------------------------------------------------------------------------------------------------
    ("shoal_proxies_known", "gauge", "", "Records in the store, dead ones included."),
    ("shoal_proxies_verified", "gauge", "", "Records that ever worked."),
    ("shoal_proxies_working", "gauge", "", "Records whose last check or use worked."),
    ("shoal_proxies_expected", "gauge", "", "Records that would work if all were used now: the sum of forecasts."),
    ("shoal_proxies_unchecked", "gauge", "", "Records that were never checked."),
    ("shoal_paths_working", "gauge", "scheme", "Working paths by scheme."),
    ("shoal_paths_working_by_anonymity", "gauge", "anonymity", "Working paths by anonymity."),
    ("shoal_paths_working_by_honesty", "gauge", "honesty", "Working paths by honesty."),
    ("shoal_paths_working_by_country", "gauge", "country", "Working paths by country of the exit."),
    ("shoal_proxies_working_by_source", "gauge", "source", "Working records by source."),
    # -- checks --------------------------------------------------------------------------------------------------
    ("shoal_checks_due", "gauge", "", "Records that wait for a check."),
    ("shoal_checks_in_flight", "gauge", "", "Checks under way."),
    ("shoal_checks_total", "counter", "result", "Checks finished, by result: `works` or `fails`."),
    ("shoal_check_failures_total", "counter", "stage reason", "Failed checks, by the stage and the reason."),
    (
        "shoal_check_duration_seconds",
        "histogram",
        "stage result",
        "Time of attempts from the start to each milestone that they reached: `connect` (TCP stands), `handshake` (the "
        "proxy is ready to carry), `first_byte` (of the answer), `total`; by the attempt's result.",
    ),
    # -- use -----------------------------------------------------------------------------------------------------
    ("shoal_picks_total", "counter", "", "Picks, those that found nothing included."),
    ("shoal_picks_failed_total", "counter", "", "Picks that found no proxy."),
    ("shoal_uses_total", "counter", "", "Uses of proxies that somebody told of, the gateway included."),
    ("shoal_uses_failed_total", "counter", "", "Of these, those that went wrong."),
    # -- gateway -------------------------------------------------------------------------------------------------
    ("shoal_gateway_connections_open", "gauge", "", "Connections of the gateway's clients that stand."),
    ("shoal_gateway_sessions", "gauge", "", "Sticky sessions that stand."),
    ("shoal_gateway_connections_total", "counter", "", "Connections of clients that were accepted."),
    (
        "shoal_gateway_requests_total",
        "counter",
        "result",
        "Requests and tunnels, `answered` by their target or `failed`.",
    ),
    (
        "shoal_gateway_refusals_total",
        "counter",
        "code",
        "Requests and clients that were turned away or got no answer, by why.",
    ),
    ("shoal_gateway_attempts_total", "counter", "result", "Attempts through a proxy: `succeeded` or `failed`."),
    (
        "shoal_gateway_attempt_failures_total",
        "counter",
        "stage reason",
        "Failed attempts of the gateway, by the stage and the reason.",
    ),
    ("shoal_gateway_hedges_total", "counter", "", "Attempts started beside a slow one."),
    ("shoal_gateway_replays_total", "counter", "", "Requests sent again through another proxy."),
    ("shoal_gateway_bytes_total", "counter", "direction", "Bytes carried: `up` from clients, `down` to them."),
    (
        "shoal_gateway_first_byte_seconds",
        "histogram",
        "",
        "Time from a request that could be sent to its target's first byte.",
    ),
    # -- what it stands on ---------------------------------------------------------------------------------------
    ("shoal_store_up", "gauge", "", "1 while the store answers."),
    ("shoal_store_operation_duration_seconds", "histogram", "operation", "Time of calls of the store."),
    ("shoal_store_errors_total", "counter", "operation", "Calls of the store that failed."),
    ("shoal_vantage_healthy", "gauge", "", "1 while our own network and judges are well: else nothing is demoted."),
    ("shoal_judge_up", "gauge", "judge", "1 for a judge that answered its last direct request."),
    ("shoal_judge_latency_seconds", "gauge", "judge", "How long that answer took."),
    ("shoal_sources", "gauge", "", "Sources."),
    ("shoal_sources_ok", "gauge", "", "Sources that answered at their last try."),
    ("shoal_source_up", "gauge", "source", "1 for a source that answered at its last try."),
    ("shoal_source_paused", "gauge", "source", "1 for a source that is not read."),
    ("shoal_source_listed", "gauge", "source", "Distinct proxies in its last good run."),
    ("shoal_source_last_success_timestamp_seconds", "gauge", "source", "When it was last read, since the epoch."),
    ("shoal_problems", "gauge", "", "Things that are wrong right now; /v1/stats says which."),
)

FAMILIES: Final = {
    name: Family(name, kind, tuple(labels.split()), help)  # type: ignore[arg-type]
    for name, kind, labels, help in _ROWS
}


def metrics_markdown() -> str:
    """The table of docs/metrics.md."""
    lines = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for family in FAMILIES.values():
        labels = ", ".join(f"`{label}`" for label in (*family.labels, *(("version",) if family.kind == "info" else ())))
        lines.append(f"| `{family.name}` | {family.kind} | {labels} | {family.help} |")
    return "\n".join(lines)
