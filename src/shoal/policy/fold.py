"""Fold: one observation more in a record. The only place where health, capabilities and failures change."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from shoal.domain import (
    Anonymity,
    Blame,
    Capability,
    CheckResult,
    Facts,
    Health,
    Honesty,
    Kind,
    Observation,
    Path,
    Record,
    Timing,
    View,
)
from shoal.domain.capability import shared
from shoal.domain.record import MOST_COMPARED
from shoal.domain.sharing import share_failure, share_number, share_seconds, share_text
from shoal.policy.forecast import fold as fold_health
from shoal.policy.reach import fold_reach
from shoal.policy.target_table import TargetTable
from shoal.policy.vantage import VANTAGES

_ALPHA = 0.3
"""Weight of the newest timing in the moving average: the typical step between two samples is a factor 1.9."""
_FINE = 0.1
"""Seconds below which timings are kept to a tenth of a millisecond, above to a millisecond."""
_PROFILED = 10.0
"""Seconds to which the time of a profile is kept, so that paths share the number; that of a check to a tenth."""
_NO_TARGETS = TargetTable()


def fold_check(record: Record, result: CheckResult, now: float) -> Record:
    """The record after a check. A check in which nobody but us or the judge failed changes no health at all."""
    paths = _fold_all(record.paths, result.observations)
    blamed = any(seen.blame is Blame.PROXY for seen in result.observations)
    misses = 0 if result.works else record.misses + blamed
    return replace(
        record,
        paths=paths,
        checks=share_number(record.checks + 1),
        misses=misses,
        last_check=share_seconds(int(now * 10.0) / 10.0),
        failure=None if result.works else result.failure or record.failure,
        blame=None if result.works else result.blame or record.blame,
        version=share_number(record.version + 1),
    )


def fold_use(record: Record, observation: Observation, targets: TargetTable = _NO_TARGETS) -> Record:
    """The record after a client used it, or the pool asked a target through it."""
    paths = _fold_all(record.paths, (observation,))
    if observation.target is not None:
        paths = tuple([fold_reach(path, observation, targets) for path in paths])
    return replace(record, paths=paths, version=share_number(record.version + 1))


def _fold_all(paths: tuple[Path, ...], observations: Iterable[Observation]) -> tuple[Path, ...]:
    for seen in observations:
        if seen.works and seen.scheme is not None:
            paths = _with_success(paths, seen)
        elif seen.blame is Blame.PROXY:
            paths = tuple(
                _with_failure(path, seen) if seen.scheme is None or path.scheme is seen.scheme else path
                for path in paths
            )
    return paths


def _with_success(paths: tuple[Path, ...], seen: Observation) -> tuple[Path, ...]:
    assert seen.scheme is not None
    for index, path in enumerate(paths):
        if path.scheme is seen.scheme:
            return (*paths[:index], _succeeded(path, seen), *paths[index + 1 :])
    if seen.kind is Kind.USE:
        # Only a judge's answer makes a path; a client's word does not.
        return paths
    return (*paths, _succeeded(Path(seen.scheme), seen))


def _succeeded(path: Path, seen: Observation) -> Path:
    timing = _average(path.timing, seen.timing)
    health = fold_health(path.health, True, seen.at)
    path = _viewed(path, seen)
    facts = seen.facts
    if facts is None:
        return replace(path, health=health, timing=timing)
    return replace(
        path,
        health=health,
        timing=timing,
        capabilities=_learned(path.capabilities, facts),
        anonymity=path.anonymity if facts.anonymity in (None, Anonymity.UNKNOWN) else facts.anonymity,
        honesty=_honesty(path.honesty, facts.honesty),
        # The same text as before where it is the same: a new one would take its place in memory as well.
        exit=path.exit if facts.exit in (None, "", path.exit) else facts.exit,
        # What changed, though the path works, is worth keeping: the difference tells who tampers how.
        failure=seen.failure if facts.honesty is not None and facts.honesty.is_dangerous else path.failure,
        country=share_text(facts.country) if facts.country else path.country,
        asn=share_number(facts.asn) if facts.asn else path.asn,
        located_by=share_text(facts.located_by) if facts.located_by else path.located_by,
        profiled_at=share_seconds(seen.at - seen.at % _PROFILED) if facts.profiled else path.profiled_at,
        compared=min(MOST_COMPARED, path.compared + facts.compared),
    )


def _learned(known: frozenset[Capability], facts: Facts) -> frozenset[Capability]:
    if facts.can <= known and not facts.cannot & known:
        return known
    return shared((known | facts.can) - facts.cannot)


def _with_failure(path: Path, seen: Observation) -> Path:
    honesty = _honesty(path.honesty, seen.facts.honesty if seen.facts is not None else None)
    path = _viewed(path, seen)
    failure = None if seen.failure is None else share_failure(seen.failure)
    return replace(path, health=fold_health(path.health, False, seen.at), failure=failure, honesty=honesty)


def _viewed(path: Path, seen: Observation) -> Path:
    """The same in the memory of the vantage point that saw it."""
    if not seen.vantage:
        return path
    known = next((view.health for view in path.views if view.vantage == seen.vantage), Health())
    others = [view for view in path.views if view.vantage != seen.vantage]
    view = View(seen.vantage, fold_health(known, seen.works, seen.at))
    # The one not seen from for longest is forgotten.
    return replace(path, views=(view, *others[: VANTAGES - 1]))


def _honesty(known: Honesty, seen: Honesty | None) -> Honesty:
    """A third of those that tamper do it only now and then: one clean answer does not clear a known offender."""
    if seen in (None, Honesty.UNKNOWN) or (known.is_dangerous and not seen.is_dangerous):
        return known
    return seen


def _average(old: Timing, new: Timing) -> Timing:
    if not old.total or not new.total:
        return _coarse(new) if new.total else old
    return _coarse(
        Timing(
            connect=_step(old.connect, new.connect),
            handshake=_step(old.handshake, new.handshake),
            first_byte=_step(old.first_byte, new.first_byte),
            total=_step(old.total, new.total),
        )
    )


def _coarse(timing: Timing) -> Timing:
    return Timing(
        connect=_round(timing.connect),
        handshake=_round(timing.handshake),
        first_byte=_round(timing.first_byte),
        total=_round(timing.total),
    )


def _round(seconds: float) -> float:
    """To a millisecond or a tenth of one: samples differ by more, and 100,000 paths share what numbers are left."""
    if seconds <= 0.0:
        return 0.0
    steps = 1e3 if seconds >= _FINE else 1e4
    # Never 0, which says that it was not timed.
    return share_seconds(max(1.0, int(seconds * steps + 0.5)) / steps)


def _step(old: float, new: float) -> float:
    # 0 means that the milestone was not timed: a client tells the total only.
    if not old or not new:
        return new or old
    return old + _ALPHA * (new - old)
