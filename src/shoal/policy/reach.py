"""Reach: what a path's memory says of a target, and how one more result changes it. Bans stay where they were made."""

from __future__ import annotations

from typing import Final, Literal

from msgspec.structs import replace

from shoal.domain import Blame, Capability, Kind, Observation, Path, Reach, Scheme, Target
from shoal.domain.address import ipv4_number
from shoal.policy.target_table import TargetTable, place_of

OTHERS_LIMIT: Final = 8
"""Bans of sites that no table names, kept for one path; the one that ends first makes room."""
_DOUBLINGS: Final = 16
"""A ban is doubled so often at most, which is far beyond every cool-down."""
_WHY_LIMIT: Final = 120


def reach_of(path: Path, name: str) -> Reach | None:
    for reach in path.reaches:
        if reach.target == name:
            return reach
    return None


def is_proven(path: Path, targets: tuple[Target, ...]) -> bool:
    """Whether the path's last results at all of these targets were right. Says nothing of the time."""
    for target in targets:
        reach = reach_of(path, target.name)
        if reach is None or not reach.ok_at or reach.bad_at > reach.ok_at:
            return False
    return True


def is_banned(path: Path, text: str, targets: tuple[Target, ...], now: float) -> bool:
    """Whether a ban of these targets, or of the site that ``text`` names where it is none of them, stands."""
    if not path.reaches:
        return False
    names = [target.name for target in targets] or [place_of(text)[0]]
    return any(reach.banned_until > now and reach.target in names for reach in path.reaches)


def carries(path: Path, target: Target) -> Literal["forward", "tunnel"] | None:
    """How a path would be taken to a target; None when nothing shows that it can, or the scheme cannot say its host."""
    if path.scheme is Scheme.SOCKS4 and ipv4_number(target.host) is None:
        return None
    if path.scheme is Scheme.SOCKS4A and ":" in target.host:
        return None
    if target.tls:
        return "tunnel" if Capability.TUNNEL in path.capabilities else None
    if path.scheme.is_socks:
        return "tunnel"
    if Capability.FORWARD in path.capabilities:
        return "forward"
    return "tunnel" if Capability.TUNNEL in path.capabilities else None


def next_visit(path: Path, target: Target) -> float:
    """When the path should be asked again (epoch seconds): 0 for one that never was. A ban is waited for."""
    reach = reach_of(path, target.name)
    if reach is None:
        return 0.0
    return max(reach.banned_until, reach.at + target.interval) if reach.banned_until else reach.at + target.interval


def fold_reach(path: Path, seen: Observation, table: TargetTable) -> Path:
    """The path after an observation that names a target.

    A use shows bans and successes; whether a target is reached otherwise only the pool's own requests tell, which know
    what to expect. A failure that is the proxy's own, or ours, says nothing of a target.
    """
    if seen.target is None or (seen.scheme is not None and seen.scheme is not path.scheme):
        return path
    targets = table.find(seen.target)
    if targets:
        for target in targets:
            old = reach_of(path, target.name) or Reach(target.name)
            new = _after(old, seen, target.cool_down, target.max_cool_down)
            if new is not old:
                path = _with(path, new)
        return path
    host = place_of(seen.target)[0]
    known = reach_of(path, host)
    if seen.ban is not None:
        return _bounded(_with(path, _banned(known or Reach(host), seen, table.cool_down, table.max_cool_down)), table)
    if known is not None and seen.works:
        return replace(path, reaches=tuple([reach for reach in path.reaches if reach.target != host]))
    return path


def _after(old: Reach, seen: Observation, cool_down: float, most: float) -> Reach:
    if seen.ban is not None:
        return _banned(old, seen, cool_down, most)
    if seen.works:
        return replace(old, ok_at=max(old.ok_at, seen.at), oks=old.oks + 1, bans=0, banned_until=0.0)
    if seen.kind is Kind.USE or seen.blame not in (Blame.TARGET, Blame.UNKNOWN):
        return old
    why = "" if seen.failure is None else seen.failure.detail or seen.failure.kind
    return replace(old, bad_at=max(old.bad_at, seen.at), bads=old.bads + 1, why=why[:_WHY_LIMIT])


def _banned(old: Reach, seen: Observation, cool_down: float, most: float) -> Reach:
    # Many requests in flight meet one ban: only those after its end make it longer.
    bans = old.bans if seen.at < old.banned_until else old.bans + 1
    lasts = min(most, cool_down * 2.0 ** min(_DOUBLINGS, bans - 1))
    asked = seen.retry_after
    if asked is not None:
        lasts = min(most, max(lasts, asked))
    return replace(
        old,
        bad_at=max(old.bad_at, seen.at),
        bads=old.bads + 1,
        bans=bans,
        banned_until=max(old.banned_until, seen.at + lasts),
        why=(seen.ban or "")[:_WHY_LIMIT],
    )


def _with(path: Path, reach: Reach) -> Path:
    others = [one for one in path.reaches if one.target != reach.target]
    return replace(path, reaches=(*others, reach))


def _bounded(path: Path, table: TargetTable) -> Path:
    others = sorted([one for one in path.reaches if one.target not in table.by_name], key=lambda one: one.banned_until)
    gone = others[: max(0, len(others) - OTHERS_LIMIT)]
    return replace(path, reaches=tuple([one for one in path.reaches if one not in gone])) if gone else path


def without_strangers(path: Path, table: TargetTable, now: float) -> Path:
    """The path without memories of targets that are no more and of bans that are long over."""
    kept = tuple(
        [one for one in path.reaches if one.target in table.by_name or one.banned_until > now - table.max_cool_down]
    )
    return path if len(kept) == len(path.reaches) else replace(path, reaches=kept)
