"""Source reports: all that is known of one source, in one value."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from shoal.domain import Scheme, Trust
from shoal.domain.source import SourceCredit
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


def report_of(
    source: Source, state: SourceState | None, credit: SourceCredit | None, *, paused: bool, reachable: bool | None
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
    )
