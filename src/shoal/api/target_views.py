"""How targets, and what paths showed at them, look in JSON."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shoal.api.times import Time, rfc3339
from shoal.domain import Path
from shoal.engine.target_trial import TargetTry
from shoal.engine.targets import TargetReport


class ReachView(Struct, frozen=True, gc=False):
    """What one path showed at one target. ``why`` says what was wrong last."""

    target: str
    reaches: bool
    last_ok: Time | None
    last_bad: Time | None
    banned_until: Time | None
    why: str | None


def reach_views(path: Path) -> list[ReachView]:
    return [
        ReachView(
            reach.target,
            reach.ok_at > 0.0 and reach.ok_at >= reach.bad_at,
            rfc3339(reach.ok_at),
            rfc3339(reach.bad_at),
            rfc3339(reach.banned_until),
            reach.why if reach.bad_at > reach.ok_at and reach.why else None,
        )
        for reach in path.reaches
    ]


class TargetTryView(Struct, frozen=True, gc=False):
    """One proxy that was asked. ``why`` says what was wrong."""

    id: str
    proxy: str
    ok: bool
    banned: bool
    latency_ms: float | None
    why: str | None


class TargetTrialView(Struct, frozen=True):
    """What a site answered through a few proxies. Nothing of it was kept."""

    reached: int
    tried: int
    results: list[TargetTryView]


def trial_view(tries: Sequence[TargetTry]) -> TargetTrialView:
    results = [
        TargetTryView(
            one.pick.record.id,
            one.pick.proxy.url(),
            one.seen.works,
            one.seen.ban is not None,
            round(one.seen.timing.total * 1000.0, 1) or None,
            one.seen.ban or (None if one.seen.failure is None else one.seen.failure.detail or one.seen.failure.kind),
        )
        for one in tries
    ]
    return TargetTrialView(sum(one.ok for one in results), len(results), results)


class TargetView(Struct, frozen=True):
    """One target and how many working paths reach it. ``success`` is the share of those that were asked."""

    name: str
    url: str
    expect: dict[str, int | str | list[int]]
    interval: float
    cool_down: float
    rate: float
    origin: str
    """``file``: defined by the settings file, read-only here; ``api``."""
    reached: int
    failed: int
    banned: int
    unknown: int
    """Not asked yet."""
    success: float | None
    last_visit: Time | None
    problem: str | None


def target_view(report: TargetReport) -> TargetView:
    target = report.target
    expect: dict[str, int | str | list[int]] = {}
    if target.statuses:
        expect["status"] = list(target.statuses)
    if target.regex is not None:
        expect["regex"] = target.regex
    if target.not_regex is not None:
        expect["not_regex"] = target.not_regex
    problem = "it answers nobody at present, so no proxy is blamed for it" if report.is_down else None
    return TargetView(
        target.name,
        target.url,
        expect,
        target.interval,
        target.cool_down,
        target.rate,
        "file" if target.from_file else "api",
        report.reached,
        report.failed,
        report.banned,
        report.unknown,
        None if report.success is None else round(report.success, 4),
        rfc3339(report.last_visit),
        problem,
    )
