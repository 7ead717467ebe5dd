"""Source reports: all that is known of one source, in one value."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from shoal.domain import Scheme, Trust
from shoal.domain.source import ListedSource, SourceCredit
from shoal.engine.collector import Collector
from shoal.ports import Source, SourceState


class SourceReport(Struct, frozen=True):
    """Times are epoch seconds, 0 for never. ``reachable`` is None until it was asked."""

    name: str
    trust: Trust
    contacts: str
    interval: float
    scheme: Scheme | None
    paused: bool
    reachable: bool | None
    last_run: float
    last_success: float
    next_run: float
    failures: int
    error: str | None
    found: int
    new: int
    refused: Mapping[str, int]
    worked: int
    working: int
    only: int
    lag: float | None
    enabled: bool = True
    kind: str = ""
    """``catalog``, or the kind of an own one: url, file, folder, stdin, inline, api, python."""
    origin: str = "settings"
    """``settings``, ``catalogue``, or ``api`` for what was added while the pool ran."""
    editable: bool = False
    """Whether the API may switch it (and remove it, where it came by the API)."""
    tier: int = 0
    note: str = ""
    """Why a row of the catalogue is off, else its terms."""
    failed_checks: Mapping[str, int] = {}
    """Failed checks of its proxies by ``stage.reason``, since the start."""


def off_report(listed: ListedSource, error: str | None = None) -> SourceReport:
    """The report on a source that is not read."""
    return SourceReport(
        listed.name, listed.trust, listed.place, listed.interval or 0.0, listed.scheme, False, None, 0.0, 0.0, 0.0, 0,
        error, 0, 0, {}, 0, 0, 0, None, enabled=listed.enabled, kind=listed.kind, note=listed.note,
    )  # fmt: skip


def report_of(
    source: Source,
    state: SourceState | None,
    credit: SourceCredit | None,
    *,
    paused: bool,
    reachable: bool | None,
    failed_checks: Mapping[str, int] | None = None,
) -> SourceReport:
    """The report on a source that may not have run or earned anything yet."""
    state = state or SourceState(source.name)
    credit = credit or SourceCredit(source.name)
    return SourceReport(
        source.name,
        source.trust,
        source.contacts,
        source.interval,
        source.scheme,
        paused,
        reachable,
        state.last_run,
        state.last_success,
        state.next_run,
        state.failures,
        state.error,
        state.found,
        state.new,
        state.refused,
        credit.worked,
        credit.working,
        credit.only,
        credit.lag,
        failed_checks=failed_checks or {},
    )


def reports_of(collector: Collector, failed: Mapping[str, Mapping[str, int]]) -> list[SourceReport]:
    """The report on each source that is read; ``failed`` are failed checks by source and kind."""
    credits, states = collector.credits(), collector.states
    paused, reachable = collector.paused, collector.reachable
    return [
        report_of(
            source,
            states.get(source.name),
            credits.get(source.name),
            paused=source.name in paused,
            reachable=reachable.get(source.name),
            failed_checks=failed.get(source.name),
        )
        for source in collector.sources
    ]
