"""How failures and times look in JSON."""

from __future__ import annotations

from msgspec import Struct

from shoal.domain import Blame, Failure, Reason, Stage, Timing
from shoal.policy.failure_words import why


class FailureView(Struct, frozen=True, gc=False):
    """``blame`` says whose fault it was, ``sentence`` all of it for people."""

    stage: Stage
    reason: Reason
    detail: str
    blame: Blame | None
    sentence: str


class TimingView(Struct, frozen=True, gc=False):
    """Milliseconds from the start of an exchange to each milestone, averaged; null where it is not known."""

    connect: float | None
    handshake: float | None
    """Until the proxy was ready to carry."""
    first_byte: float | None
    total: float | None


def failure_view(failure: Failure | None, blame: Blame | None) -> FailureView | None:
    if failure is None:
        return None
    return FailureView(failure.stage, failure.reason, failure.detail, blame, why(failure, blame))


def timing_view(timing: Timing) -> TimingView:
    return TimingView(*(milliseconds(getattr(timing, name)) for name in TimingView.__struct_fields__))


def milliseconds(seconds: float) -> float | None:
    """To a tenth; None for 0, which stands for not timed."""
    return round(seconds * 1000.0, 1) or None
