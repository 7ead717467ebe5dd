"""Several processes of one gateway as if they were one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from shoal.app.gateway_link import Elsewhere, TallyView
from shoal.domain.gateway import GatewayStats, GatewayStatus, SessionInfo, TargetUse, UserUse
from shoal.domain.tally import CHECK_BOUNDS, GatewayTally

EMPTY_STATUS: Final = GatewayStatus(GatewayStats(), processes=0)
EMPTY_TALLY: Final = TallyView({}, {}, [0] * (len(CHECK_BOUNDS) + 1), 0.0)
_TARGETS: Final = 200
_S = TypeVar("_S", GatewayStats, UserUse)


def sum_of_status(parts: Iterable[GatewayStatus]) -> GatewayStatus:
    """Counts added up, by user and by target too; ``processes`` as they say."""
    stats, users, targets, processes = GatewayStats(), dict[str, UserUse](), dict[str, TargetUse](), 0
    for part in parts:
        stats = _added(stats, part.stats)
        processes += part.processes
        for user in part.users:
            users[user.name] = _added(users[user.name], user) if user.name in users else user
        for target in part.targets:
            old = targets.get(target.target)
            targets[target.target] = target if old is None else _both(old, target)
    by_use = sorted(users.values(), key=lambda use: (-use.requests, use.name))
    most = sorted(targets.values(), key=lambda use: (-use.ok - use.failed, use.target))[:_TARGETS]
    return GatewayStatus(stats, tuple(by_use), tuple(most), processes)


def left_over(status: GatewayStatus) -> GatewayStatus:
    """What stays of a process that has ended: its counts, not what was open."""
    return GatewayStatus(
        msgspec.structs.replace(status.stats, connections=0, sessions=0),
        tuple(msgspec.structs.replace(user, connections=0) for user in status.users),
        status.targets,
        0,
    )


def sum_of_tallies(parts: Iterable[TallyView]) -> TallyView:
    refusals, failures = Counter[str](), Counter[str]()
    counts, total = list(EMPTY_TALLY.first_byte), 0.0
    for part in parts:
        refusals.update(part.refusals)
        failures.update(part.attempt_failures)
        counts = [one + other for one, other in zip(counts, part.first_byte, strict=True)]
        total += part.first_byte_total
    return TallyView(dict(refusals), dict(failures), counts, total)


def fill(tally: GatewayTally, view: TallyView) -> None:
    """Let ``tally`` say what ``view`` does."""
    tally.refusals = Counter(view.refusals)
    tally.attempt_failures = Counter(view.attempt_failures)
    tally.first_byte.counts = list(view.first_byte)
    tally.first_byte.total = view.first_byte_total


def elsewhere(all_users: Iterable[UserUse], own: Iterable[UserUse]) -> dict[str, Elsewhere]:
    """By user, what the others have of which ``own`` is one's part."""
    mine = {use.name: use for use in own}
    told = {}
    for use in all_users:
        part = mine.get(use.name, UserUse(use.name))
        moved = use.bytes_up + use.bytes_down - part.bytes_up - part.bytes_down
        told[use.name] = Elsewhere(use.connections - part.connections, use.requests - part.requests, moved)
    return told


def sessions_of(parts: Iterable[Iterable[SessionInfo]]) -> list[SessionInfo]:
    """Each session once, as it was used last, least recently used first."""
    found: dict[tuple[str, str], SessionInfo] = {}
    for part in parts:
        for info in part:
            old = found.get((info.user, info.session))
            if old is None or old.last_used < info.last_used:
                found[info.user, info.session] = info
    return sorted(found.values(), key=lambda info: info.last_used)


def _added(one: _S, other: _S) -> _S:
    """All numbers added up; words stay."""
    fields = {
        name: getattr(one, name) + getattr(other, name)
        for name in one.__struct_fields__
        if isinstance(getattr(one, name), int)
    }
    return msgspec.structs.replace(one, **fields)


def _both(one: TargetUse, other: TargetUse) -> TargetUse:
    return TargetUse(
        one.target,
        one.ok + other.ok,
        one.failed + other.failed,
        one.attempts_failed + other.attempts_failed,
        max(one.last_used, other.last_used),
    )
