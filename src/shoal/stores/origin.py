"""What sources own of a record, and how a further listing changes it. Every adapter uses these rules."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shoal.domain import Record, Scheme, Trust
from shoal.ports.store import Admitted

NEVER_SCHEDULED = 0.0
"""``next_check`` of the user's own new records: earlier than any time at which a public one falls due."""

_VERIFIED_SHARE = 0.7
"""Share of a claim that goes first to records that ever worked: a flood of new candidates, which all fall due at once,
must not keep what is handed out from being checked; the rest keeps new ones coming in whatever the pool's size."""


def verified_share(limit: int) -> int:
    """How many of ``limit`` claimed records may be verified ones that jump the queue: at least one."""
    return max(1, int(limit * _VERIFIED_SHARE))


class Origin(Struct, frozen=True, array_like=True):
    """Claims, sources and tags: set by listings, kept when a check is saved."""

    claims: tuple[Scheme, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def first_origin(admitted: Admitted) -> Origin:
    scheme = admitted.candidate.scheme
    return Origin(() if scheme is None else (scheme,), (admitted.source,), _union((), admitted.tags))


def merge_origin(origin: Origin, admitted: Admitted) -> Origin:
    """The origin after one more listing; the same object when nothing is new."""
    scheme = admitted.candidate.scheme
    claims = origin.claims
    if scheme is not None and (not claims or claims[0] is not scheme):
        claims = (scheme, *(claim for claim in claims if claim is not scheme))
    sources = _union(origin.sources, (admitted.source,))
    tags = _union(origin.tags, admitted.tags)
    if claims is origin.claims and sources is origin.sources and tags is origin.tags:
        return origin
    return Origin(claims, sources, tags)


def new_record(admitted: Admitted, now: float) -> Record:
    """The record of a candidate that was not known: due at once, the user's own before all others."""
    origin = first_origin(admitted)
    candidate = admitted.candidate
    return Record(
        key=admitted.key,
        endpoint=candidate.endpoint,
        credentials=candidate.credentials,
        claims=origin.claims,
        sources=origin.sources,
        trust=admitted.trust,
        tags=origin.tags,
        country=candidate.country,
        first_seen=now,
        last_seen=now,
        next_check=NEVER_SCHEDULED if admitted.trust is Trust.OWN else now,
    )


def retagged(tags: tuple[str, ...], add: Sequence[str], remove: Sequence[str]) -> tuple[str, ...]:
    """Tags after a user gave some and took others; what is in both is taken."""
    return tuple(tag for tag in _union(tags, tuple(add)) if tag not in remove)


def last_ok(record: Record) -> float:
    """When any path worked last (epoch seconds), 0 for never."""
    return max((path.health.last_ok for path in record.paths), default=0.0)


def _union(old: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    fresh = tuple(name for name in dict.fromkeys(more) if name not in old)
    return (*old, *fresh) if fresh else old
