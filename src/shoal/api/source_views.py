"""How sources look in JSON."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from shoal.api.views import Time, rfc3339
from shoal.domain import Scheme
from shoal.domain import Trust as TrustWord
from shoal.domain.source import SourceTrial
from shoal.engine.source_report import SourceReport
from shoal.sources.told import told


class SourceView(Struct, frozen=True):
    """One source: how its last run went, and what it is worth. ``lag_seconds`` is the median from listed to working."""

    name: str
    trust: TrustWord
    contacts: str
    interval: float
    scheme: Scheme | None
    paused: bool
    reachable: bool | None
    last_run: Time | None
    last_success: Time | None
    next_run: Time | None
    failures: int
    error: str | None
    found: int
    new: int
    refused: dict[str, int]
    worked: int
    working: int
    only: int
    lag_seconds: float | None
    enabled: bool
    kind: str
    origin: Literal["settings", "catalogue", "api"]
    editable: bool
    tier: int
    note: str
    failed_checks: dict[str, int]
    """Failed checks of its proxies by ``stage.reason``, since the start."""


def source_view(report: SourceReport) -> SourceView:
    return SourceView(
        report.name,
        report.trust,
        report.contacts,
        report.interval,
        report.scheme,
        report.paused,
        report.reachable,
        rfc3339(report.last_run),
        rfc3339(report.last_success),
        rfc3339(report.next_run),
        report.failures,
        report.error,
        report.found,
        report.new,
        dict(report.refused),
        report.worked,
        report.working,
        report.only,
        report.lag,
        report.enabled,
        report.kind,
        report.origin,  # type: ignore[arg-type]
        report.editable,
        report.tier,
        report.note,
        dict(report.failed_checks),
    )


class TrialView(Struct, frozen=True):
    """One run of a source of which nothing was kept; ``told`` says it in the sentences of ``shoal sources test``."""

    name: str
    contacts: str
    fetched_bytes: int
    form: str
    found: int
    refused: dict[str, int]
    first: list[str]
    seconds: float
    error: str | None
    told: list[str]


def trial_view(trial: SourceTrial) -> TrialView:
    return TrialView(
        trial.name,
        trial.contacts,
        trial.fetched_bytes,
        trial.form,
        trial.found,
        dict(trial.refused),
        list(trial.first),
        round(trial.seconds, 3),
        trial.error,
        told(trial),
    )
